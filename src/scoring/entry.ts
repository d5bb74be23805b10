/**
 * Ledger entries: what each event, and time, did to a member, kept for good. An entry holds all that a later return, a resend or a
 * question "why these points" needs, so none of them ever meets today's rules.
 */
import type { Award } from '../program/program.ts';
import type { Days } from './days.ts';
import type { Deductions, ReturnLine } from './event.ts';
import type { Threshold } from './exceptions.ts';
import type { Lots } from './lots.ts';

export type Entry =
  | Accrual
  | Reversal
  | VoidEntry
  | Settlement
  | RedemptionEntry
  | HoldEntry
  | CaptureEntry
  | ReleaseEntry
  | RedemptionReversal
  | AdjustmentEntry
  | ExceptionEntry
  | ExceptionEnd
  | EnrolmentEntry
  | Expiration;

interface EntryHead {
  /** '' for what no event but time did. */
  readonly eventId: string;
  /** As the event said; 0 when it did not. */
  readonly occurredAt: number;
  /** When it counts: `occurredAt`, or the log's time. */
  readonly at: number;
}

/** A purchase and the points it earned; what has come back since is counted on it. */
export interface Accrual extends EntryHead {
  readonly kind: 'accrual';
  readonly store: string;
  readonly terminal: string;
  readonly currency: string;
  readonly amount: number;
  readonly deductions: Deductions;
  /** What of the amount earned and qualified, minor units: all of it, or less by deductions. */
  readonly counted: number;
  readonly redemptionId: string;
  readonly programVersion: number;
  readonly lines: AccrualLine[];
  readonly awards: readonly Award[];
  /** Minor units returned so far, however they were named; at most what was paid. */
  returnedAmount: number;
  /** Its points need not wait any longer. */
  confirmed: boolean;
  /** It came later than the program accepts without a mark. */
  readonly late: boolean;
}

export interface AccrualLine {
  readonly sku: string;
  readonly category: string;
  readonly quantity: number;
  readonly amount: number;
  returnedQuantity: number;
  /** At most what was paid for the line; the sum over lines is <= the entry's `returnedAmount`. */
  returnedAmount: number;
}

/** A return and what it took back, purchase by purchase. */
export interface Reversal extends EntryHead {
  readonly kind: 'reversal';
  readonly programVersion: number;
  readonly store: string;
  readonly terminal: string;
  readonly currency: string;
  readonly originalId: string;
  /** As the event said, NOT_GIVEN included. */
  readonly amount: number;
  readonly lines: readonly ReturnLine[];
  readonly parts: readonly ReversalPart[];
}

/** A purchase taken back as a whole before it was settled. */
export interface VoidEntry extends EntryHead {
  readonly kind: 'void';
  readonly programVersion: number;
  readonly originalId: string;
  /** Of that purchase; one. */
  readonly parts: readonly ReversalPart[];
}

export interface ReversalPart {
  /** Purchase it came from; '' for goods no purchase was found for. */
  readonly originalId: string;
  readonly amount: number;
  readonly takes: readonly Take[];
  /** Points that had paid for what came back. */
  readonly restored: Restored | undefined;
}

/** What was taken back of one award. */
export interface Take {
  readonly walletId: string;
  readonly ruleId: string;
  /**
   * Points taken back: what the rule gave, and what the tier's multiplier added. Either alone can be negative, since rule and
   * multiplier are rounded as one product and a fraction may move from one to the other.
   */
  readonly base: number;
  readonly levelId: string;
  readonly bonus: number;
  /** How many of these points had expired before: they were gone already, and the member was not charged for them again. */
  readonly expired: number;
  /** How many the wallet's policy left to the member. */
  readonly forgiven: number;
}

/** Points given back into the lots they were spent from. */
export interface Restored {
  readonly walletId: string;
  readonly redemptionId: string;
  readonly points: number;
}

/** Points that waited can be spent: their day has come, or a purchase was confirmed. */
export interface Settlement extends EntryHead {
  readonly kind: 'settlement';
  readonly programVersion: number;
  /** The purchase that was confirmed; '' where time did it. */
  readonly originalId: string;
  /** By wallet. */
  readonly moved: readonly Moved[];
}

export interface Moved {
  readonly walletId: string;
  readonly points: number;
}

/** Points and money as asked for: one of the two is NOT_GIVEN. */
export interface Asked {
  readonly points: number;
  readonly amount: number;
}

/** Points that pay for something, now or when they are captured. */
export interface Payment {
  readonly programVersion: number;
  readonly walletId: string;
  readonly points: number;
  /** What they pay, minor units. */
  readonly worth: number;
  readonly store: string;
  readonly terminal: string;
  /** As the event named it. */
  readonly wallet: string;
  readonly asked: Asked;
}

/** Points spent. */
export interface RedemptionEntry extends EntryHead, Payment {
  readonly kind: 'redemption';
  /** The lots they came from. */
  readonly taken: Lots;
  /** How many have come back since. */
  reversed: number;
}

/** Points set aside. The hold itself is with the member while it lasts (holds.ts). */
export interface HoldEntry extends EntryHead, Payment {
  readonly kind: 'hold';
  /** First instant at which it is over. */
  readonly until: number;
}

/** Points of a hold spent, and the rest of it released. */
export interface CaptureEntry extends EntryHead {
  readonly kind: 'capture';
  readonly programVersion: number;
  readonly walletId: string;
  readonly originalId: string;
  /** As the event said, NOT_GIVEN included. */
  readonly asked: number;
  readonly points: number;
  readonly worth: number;
  readonly released: number;
  readonly taken: Lots;
  reversed: number;
}

/** A hold given up, or (without an event) run out. */
export interface ReleaseEntry extends EntryHead {
  readonly kind: 'release';
  readonly programVersion: number;
  readonly walletId: string;
  readonly originalId: string;
  readonly points: number;
}

/** Points that were spent have come back. */
export interface RedemptionReversal extends EntryHead {
  readonly kind: 'redemption_reversal';
  readonly programVersion: number;
  readonly originalId: string;
  /** As the event said, NOT_GIVEN included. */
  readonly asked: number;
  readonly restored: Restored;
}

export interface AdjustmentEntry extends EntryHead {
  readonly kind: 'adjustment';
  readonly programVersion: number;
  readonly walletId: string;
  /** As the event named it. */
  readonly wallet: string;
  readonly points: number;
  readonly reason: string;
  readonly agent: string;
  readonly approvedBy: string;
}

/** An exception made. It is with the member itself while it lasts (exceptions.ts). */
export interface ExceptionEntry extends EntryHead {
  readonly kind: 'exception';
  readonly programVersion: number;
  /** As the event named it. */
  readonly tier: string;
  readonly floor: string;
  readonly ceiling: string;
  readonly thresholds: readonly Threshold[];
  /** First instant at which it is over; 0: it is for good. */
  readonly until: number;
  readonly reason: string;
  readonly agent: string;
}

/** An exception lifted, or (without an event) over. */
export interface ExceptionEnd extends EntryHead {
  readonly kind: 'exception_end';
  readonly programVersion: number;
  readonly originalId: string;
  readonly reason: string;
  readonly agent: string;
}

export interface EnrolmentEntry extends EntryHead {
  readonly kind: 'enrolment';
  readonly programVersion: number;
}

/** Points whose last day has ended. `at` is the first instant after it. */
export interface Expiration extends EntryHead {
  readonly kind: 'expiration';
  /** In force when it was noticed; what was to expire when is older. */
  readonly programVersion: number;
  readonly walletId: string;
  /** Points by the day they were earned. */
  readonly earned: Days;
}
