/**
 * The facts a partition's log is made of. Instants are epoch milliseconds UTC, money is integer minor units, points are
 * integers. Text that a caller left out is '' and an instant left out is 0, so that every event of a type has one shape.
 */
import type { Threshold } from './exceptions.ts';

export type MemberEvent =
  | Purchase
  | Return
  | Void
  | Confirmation
  | Redemption
  | Authorisation
  | Capture
  | Release
  | Reversal
  | Adjustment
  | ExceptionEvent
  | ExceptionEndEvent
  | Enrolment;
/** Events of a whole partition: nobody sends them from outside. */
export type ControlEvent = Tick | ProgramChange;
export type LogEvent = MemberEvent | ControlEvent;

interface EventHead {
  /** Chosen by the sender and the same in every resend; that is what makes a resend harmless. */
  readonly id: string;
  readonly memberId: string;
  /** When it happened at the till; 0: when the log received it. */
  readonly occurredAt: number;
}

export interface Purchase extends EventHead {
  readonly type: 'purchase';
  readonly store: string;
  readonly terminal: string;
  /** '' means the program's. */
  readonly currency: string;
  /** Total, >= 0; the sum of the lines where there are lines. */
  readonly amount: number;
  readonly lines: readonly PurchaseLine[];
  /** What of the amount is no spend of the member's; NO_DEDUCTIONS for nothing. */
  readonly deductions: Deductions;
  /** The redemption that paid a part; its points come back with the goods. '' for none. */
  readonly redemptionId: string;
}

/** Parts of a purchase's amount, minor units, >= 0; together at most the amount. */
export interface Deductions {
  /** Coupons and basket discounts. */
  readonly discount: number;
  /** Paid with points. */
  readonly paidWithPoints: number;
  readonly tax: number;
  readonly tip: number;
  /** Gift cards bought: they are spent, and count, another day. */
  readonly giftCards: number;
}

export const NO_DEDUCTIONS: Deductions = { discount: 0, paidWithPoints: 0, tax: 0, tip: 0, giftCards: 0 };

export interface PurchaseLine {
  readonly sku: string;
  readonly category: string;
  /** >= 1; goods sold by weight are counted in grams or as 1. */
  readonly quantity: number;
  /** The line's total, not the price of one. */
  readonly amount: number;
}

export interface Return extends EventHead {
  readonly type: 'return';
  readonly store: string;
  readonly terminal: string;
  readonly currency: string;
  /** Id of the purchase; '' for a return that names none. */
  readonly originalId: string;
  /** Refund when no lines are given; NOT_GIVEN means the whole purchase, or what the lines say. */
  readonly amount: number;
  readonly lines: readonly ReturnLine[];
}

export interface ReturnLine {
  readonly sku: string;
  readonly quantity: number;
  /** Refund of this line; NOT_GIVEN means its share by quantity. */
  readonly amount: number;
}

/** An amount that was left out, where 0 would mean something. */
export const NOT_GIVEN = -1;

/** A purchase that never was: rung up by mistake and cancelled before it is settled. */
export interface Void extends EventHead {
  readonly type: 'void';
  readonly originalId: string;
}

/** The purchase stands, so what it earned need not wait any longer. */
export interface Confirmation extends EventHead {
  readonly type: 'confirmation';
  readonly originalId: string;
}

/** Points spent in one step. */
export interface Redemption extends EventHead {
  readonly type: 'redemption';
  readonly store: string;
  readonly terminal: string;
  /** '' means the program's first. */
  readonly wallet: string;
  /** >= 1, or NOT_GIVEN where `amount` says how much. */
  readonly points: number;
  /** Money to pay with points, minor units >= 1; NOT_GIVEN where `points` says how much. */
  readonly amount: number;
}

/** Points held for a payment that is not yet sure: a capture spends them, a release or time gives them back. */
export interface Authorisation extends EventHead {
  readonly type: 'authorisation';
  readonly store: string;
  readonly terminal: string;
  readonly wallet: string;
  readonly points: number;
  readonly amount: number;
}

/** Spends a hold, whole or in part; the rest is released. */
export interface Capture extends EventHead {
  readonly type: 'capture';
  /** Id of the authorisation. */
  readonly originalId: string;
  /** >= 1; NOT_GIVEN means all that is held. */
  readonly points: number;
}

export interface Release extends EventHead {
  readonly type: 'release';
  /** Id of the authorisation. */
  readonly originalId: string;
}

/** Gives back points that were spent, whole or in part, into the lots they came from. */
export interface Reversal extends EventHead {
  readonly type: 'reversal';
  /** Id of the redemption or the capture. */
  readonly originalId: string;
  /** >= 1; NOT_GIVEN means all that has not come back. */
  readonly points: number;
}

export interface Adjustment extends EventHead {
  readonly type: 'adjustment';
  /** '' means the program's first. */
  readonly wallet: string;
  /** Signed, not 0. */
  readonly points: number;
  readonly reason: string;
  /** Who made it; '' for a system. */
  readonly agent: string;
  /** The second agent; '' for none. */
  readonly approvedBy: string;
}

/** A floor, a ceiling or thresholds of its own for one member and one tier set (exceptions.ts); at least one of them. */
export interface ExceptionEvent extends EventHead {
  readonly type: 'exception';
  /** Id of the tier set; '' means the program's first. */
  readonly tier: string;
  /** Levels by name; '' for none. */
  readonly floor: string;
  readonly ceiling: string;
  /** Each level once, in the order of their names. */
  readonly thresholds: readonly Threshold[];
  /** First instant at which it is over; 0: it is for good. */
  readonly until: number;
  readonly reason: string;
  readonly agent: string;
}

/** Ends an exception before its time. */
export interface ExceptionEndEvent extends EventHead {
  readonly type: 'exception_end';
  /** Id of the exception. */
  readonly originalId: string;
  readonly reason: string;
  readonly agent: string;
}

export interface Enrolment extends EventHead {
  readonly type: 'enrolment';
}

/** When an event counts. `now` is the log's time. */
export function effectiveAt(event: MemberEvent, now: number): number {
  return event.occurredAt === 0 ? now : event.occurredAt;
}

/** The log's clock has moved: whatever is due in this partition by this message's time fires. */
export interface Tick {
  readonly type: 'tick';
}

/** From here on this partition is scored by another program. */
export interface ProgramChange {
  readonly type: 'program';
  /** The program document as JSON text. */
  readonly document: string;
}
