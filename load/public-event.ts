/** Events as a caller writes them in JSON. Kept apart from the engine's own types, so that the bookkeeper shares none. */

export type PublicEvent = PublicPurchase | PublicReturn | PublicAdjustment | PublicEnrolment;

interface Head {
  readonly id: string;
  readonly memberId: string;
  /** RFC 3339; absent: when the log receives it. */
  readonly occurredAt?: string;
}

interface Sale extends Head {
  readonly store?: string;
  readonly terminal?: string;
  readonly currency?: string;
}

export interface PublicPurchase extends Sale {
  readonly type: 'purchase';
  /** Minor units; may be left out where there are lines. */
  readonly amount?: number;
  readonly lines?: readonly PublicPurchaseLine[];
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

export interface PublicAdjustment extends Head {
  readonly type: 'adjustment';
  readonly points: number;
  readonly reason?: string;
  readonly agent?: string;
}

export interface PublicEnrolment extends Head {
  readonly type: 'enrolment';
}
