/**
 * Ledger entries: what each event, and time, did to a member, kept for good. An entry holds all that a later return, a resend or a
 * question "why these points" needs, so none of them ever meets today's rules.
 */
import type { AccrualTerms } from '../program/program.ts';
import type { Days } from './days.ts';
import type { ReturnLine } from './event.ts';

export type Entry = Accrual | Reversal | AdjustmentEntry | EnrolmentEntry | Expiration;

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
  readonly lines: AccrualLine[];
  readonly terms: AccrualTerms;
  /** Minor units returned so far, however they were named; <= amount. */
  returnedAmount: number;
}

export interface AccrualLine {
  readonly sku: string;
  readonly category: string;
  readonly quantity: number;
  readonly amount: number;
  returnedQuantity: number;
  /** <= amount; the sum over lines is <= the entry's `returnedAmount`. */
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

export interface ReversalPart {
  /** Purchase it came from; '' for goods no purchase was found for. */
  readonly originalId: string;
  readonly amount: number;
  readonly ruleId: string;
  /**
   * Points taken back: what the rule gave, and what the tier's multiplier added. Their sum is >= 0; `bonus` alone can be
   * negative, since rule and multiplier are rounded as one product and a fraction may move from one to the other.
   */
  readonly base: number;
  readonly levelId: string;
  readonly bonus: number;
  /** How many of these points had expired before: they were gone already, and the member was not charged for them again. */
  readonly expired: number;
}

export interface AdjustmentEntry extends EntryHead {
  readonly kind: 'adjustment';
  readonly programVersion: number;
  readonly points: number;
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
  /** Points by the day they were earned. */
  readonly earned: Days;
}
