/** Events as a caller writes them in JSON. Kept apart from the engine's own types, so that the bookkeeper shares none. */

export type PublicEvent =
  | PublicPurchase
  | PublicReturn
  | PublicOfPurchase
  | PublicSpend
  | PublicPartOfSpend
  | PublicRelease
  | PublicAdjustment
  | PublicException
  | PublicExceptionEnd
  | PublicEnrolment;

interface Head {
  readonly id: string;
  readonly memberId: string;
  /** RFC 3339; absent: when the log receives it. */
  readonly occurredAt?: string;
}

interface AtTill extends Head {
  readonly store?: string;
  readonly terminal?: string;
}

interface Sale extends AtTill {
  readonly currency?: string;
}

export interface PublicPurchase extends Sale {
  readonly type: 'purchase';
  /** Minor units; may be left out where there are lines. */
  readonly amount?: number;
  readonly lines?: readonly PublicPurchaseLine[];
  /** Minor units of the amount that are no spend; together at most the amount. */
  readonly discount?: number;
  readonly paidWithPoints?: number;
  readonly tax?: number;
  readonly tip?: number;
  readonly giftCards?: number;
  /** The redemption that paid a part. */
  readonly redemptionId?: string;
}

export interface PublicPurchaseLine {
  readonly sku: string;
  readonly category?: string;
  readonly quantity: number;
  /** Minor units of the whole line. */
  readonly amount: number;
}

/** Lines or an amount; neither, with an `originalId`, returns the whole purchase. */
export interface PublicReturn extends Sale {
  readonly type: 'return';
  readonly originalId?: string;
  readonly amount?: number;
  readonly lines?: readonly PublicReturnLine[];
}

export interface PublicReturnLine {
  readonly sku: string;
  readonly quantity: number;
  /** Minor units; absent: the line's share by quantity. */
  readonly amount?: number;
}

export interface PublicOfPurchase extends Head {
  readonly type: 'void' | 'confirmation';
  readonly originalId: string;
}

/** Either points or, in minor units, an amount. */
export interface PublicSpend extends AtTill {
  readonly type: 'redemption' | 'authorisation';
  readonly wallet?: string;
  readonly points?: number;
  readonly amount?: number;
}

/** Without points: all of it. */
export interface PublicPartOfSpend extends Head {
  readonly type: 'capture' | 'reversal';
  readonly originalId: string;
  readonly points?: number;
}

export interface PublicRelease extends Head {
  readonly type: 'release';
  readonly originalId: string;
}

export interface PublicAdjustment extends Head {
  readonly type: 'adjustment';
  readonly wallet?: string;
  readonly points: number;
  readonly reason?: string;
  readonly agent?: string;
  readonly approvedBy?: string;
}

/** A floor, a ceiling or thresholds; at least one of them. */
export interface PublicException extends Head {
  readonly type: 'exception';
  readonly tier?: string;
  readonly floor?: string;
  readonly ceiling?: string;
  /** By level; minor units of spend. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** RFC 3339; absent: for good. */
  readonly until?: string;
  readonly reason: string;
  readonly agent: string;
}

export interface PublicExceptionEnd extends Head {
  readonly type: 'exception_end';
  readonly originalId: string;
  readonly reason: string;
  readonly agent: string;
}

export interface PublicEnrolment extends Head {
  readonly type: 'enrolment';
}
