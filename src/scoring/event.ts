/**
 * The facts a partition's log is made of. Instants are epoch milliseconds UTC, money is integer minor units, points are
 * integers. Text that a caller left out is '' and an instant left out is 0, so that every event of a type has one shape.
 */

export type MemberEvent = Purchase | Return | Adjustment | Enrolment;
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
}

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

export interface Adjustment extends EventHead {
  readonly type: 'adjustment';
  /** Signed, not 0. */
  readonly points: number;
  readonly reason: string;
  /** Who made it; '' for a system. */
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
