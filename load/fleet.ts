/**
 * A fleet of tills, simulated: an endless stream of events with the instants at which they are due. Open loop: arrivals are
 * a Poisson process that does not wait for answers, so a runner that sends on time also measures the queue it causes.
 *
 * Pure: no clock, no I/O; one seed gives one stream. Shops are visited along a day's curve, members shop with the frequency
 * of their rank (Zipf) and mostly in their home store, some of what they buy comes back or is voided, some of their points
 * are spent, and now and then a till sends again what it has sent before.
 */
import type {
  PublicEvent,
  PublicOfPurchase,
  PublicPartOfSpend,
  PublicPurchase,
  PublicPurchaseLine,
  PublicRelease,
  PublicReturn,
  PublicSpend,
} from './public-event.ts';
import { Random, Zipf } from './random.ts';

export interface FleetOptions {
  /** Whole number. */
  readonly seed: number;
  /** Begins every event id. Another run against the same engine needs another. */
  readonly idPrefix: string;
  readonly currency: string;
  readonly stores: number;
  readonly tillsPerStore: number;
  /** Members but for the hot one. */
  readonly members: number;
  /** How uneven members are: rank k shops in proportion to 1 / k^exponent. 0: all alike. */
  readonly zipfExponent: number;
  /** Share of purchases made by one member, `hot`, 0..1. */
  readonly hotMemberShare: number;
  /** Share of all events that are returns, 0..1. */
  readonly returnShare: number;
  /** Share of returns that name no purchase, 0..1; the others name theirs, by line, by amount or whole. */
  readonly unnamedReturnShare: number;
  /** Share of all events that void a purchase, 0..1. */
  readonly voidShare: number;
  /** Share of all events that redeem points at once, 0..1. */
  readonly redemptionShare: number;
  /** Share of all events that hold points, or capture a part of such a hold or release it, 0..1. */
  readonly holdShare: number;
  /** Share of all events that have been sent before, 0..1. */
  readonly resendShare: number;
  /** Average over a day. */
  readonly eventsPerSecond: number;
  /** `occurredAt` of an event that is due at 0, epoch ms. */
  readonly startMs: number;
  /** Traffic by the hour, relative to each other; between the hours it changes evenly. */
  readonly dayCurve: readonly number[];
  /** How long one turn of the curve takes, ms. Shorter than a day: a run sees rush hour and night. */
  readonly dayMs: number;
  /** Hour on the curve at which the run begins, 0..24. */
  readonly startHour: number;
}

/** A coffee shop: the rush at 8, lunch, the afternoon, and nearly nobody at night. */
export const SHOP_DAY = [1, 1, 1, 1, 2, 8, 24, 52, 60, 44, 32, 30, 38, 40, 30, 26, 28, 30, 24, 16, 10, 6, 3, 1];
/** The same traffic at all times. */
export const FLAT_DAY = [1];

export const FLEET_DEFAULTS: FleetOptions = {
  seed: 1,
  idPrefix: 'fleet',
  currency: 'USD',
  stores: 40,
  tillsPerStore: 4,
  members: 100_000,
  zipfExponent: 1,
  hotMemberShare: 0.01,
  returnShare: 0.04,
  unnamedReturnShare: 0.25,
  voidShare: 0.005,
  redemptionShare: 0.02,
  holdShare: 0.02,
  resendShare: 0.01,
  eventsPerSecond: 1_000,
  startMs: Date.UTC(2026, 0, 5, 13),
  dayCurve: SHOP_DAY,
  dayMs: 86_400_000,
  startHour: 8,
};

export interface Arrival {
  /** When to send it, ms since the run began. Never falls. */
  readonly dueMs: number;
  readonly event: PublicEvent;
  /** Sent before, to the letter. */
  readonly isResend: boolean;
}

export const HOT_MEMBER = 'hot';

/** Purchases remembered for returns; when there are more, one at random is forgotten. */
const RETURNABLE_MAX = 5_000;
/** Holds remembered to be captured or released, likewise. */
const HOLDS_MAX = 1_000;
/** Events remembered for resends, likewise. */
const RESENDABLE_MAX = 2_000;
/** How often a member buys in the store near home. */
const HOME_STORE_SHARE = 0.8;
/** How often a line is sold with a tenth off. */
const DISCOUNT_SHARE = 0.08;
/** Points are spent in so many at a time, up to three times as many. */
const SPEND_STEP = 50;
/** Of the events about holds, how many end one where one is open: more than half, so that few are left to run out. */
const HOLD_ENDS_SHARE = 0.6;
/** How often a hold is captured; the others are released. */
const CAPTURE_SHARE = 0.8;

/** Endless. Options left out are FLEET_DEFAULTS. */
export function* fleet(options: Partial<FleetOptions> = {}): Generator<Arrival, never> {
  const settings = { ...FLEET_DEFAULTS, ...options };
  const random = new Random(settings.seed);
  const tills = new Tills(settings, random);
  const bought = new Memory<PublicPurchase>(RETURNABLE_MAX, random);
  const held = new Memory<PublicSpend>(HOLDS_MAX, random);
  const sent = new Memory<PublicEvent>(RESENDABLE_MAX, random);
  const nextDueMs = arrivals(settings, random);
  for (;;) {
    const dueMs = nextDueMs();
    const kind = kindOf(random.next(), settings);
    if (kind === 'resend' && sent.size > 0) {
      yield { dueMs, event: sent.any(), isResend: true };
      continue;
    }
    let event: PublicEvent;
    if (kind === 'return' && bought.size > 0) event = tills.takeBack(bought.take(), dueMs);
    else if (kind === 'void' && bought.size > 0) event = tills.cancel(bought.take(), dueMs);
    else if (kind === 'redemption' && bought.size > 0) event = tills.spend('redemption', bought.any(), dueMs);
    else if (kind === 'hold' && held.size > 0 && random.chance(HOLD_ENDS_SHARE))
      event = tills.endHold(held.take(), dueMs);
    else if (kind === 'hold' && bought.size > 0) event = tills.spend('authorisation', bought.any(), dueMs);
    else event = tills.sell(dueMs);
    sent.add(event);
    if (event.type === 'purchase') bought.add(event);
    if (event.type === 'authorisation') held.add(event);
    yield { dueMs, event, isResend: false };
  }
}

/** `share` is 0..1, of all events. */
function kindOf(share: number, settings: FleetOptions): 'resend' | 'return' | 'void' | 'redemption' | 'hold' | 'sale' {
  let rest = share;
  for (const kind of ['resend', 'return', 'void', 'redemption', 'hold'] as const) {
    rest -= settings[`${kind}Share`];
    if (rest < 0) return kind;
  }
  return 'sale';
}

/** Due times in ms. Thinning: candidates come at the day's highest rate, and each is kept as often as its hour deserves. */
function arrivals({ eventsPerSecond, dayCurve, dayMs, startHour }: FleetOptions, random: Random): () => number {
  const hours = dayCurve.length;
  const mean = dayCurve.reduce((sum, traffic) => sum + traffic, 0) / hours;
  const peak = Math.max(...dayCurve);
  const gapMs = 1000 / (eventsPerSecond * (peak / mean));
  let dueMs = 0;
  const traffic = (): number => {
    const place = ((dueMs / dayMs + startHour / 24) * hours) % hours;
    const hour = Math.floor(place);
    const next = dayCurve[(hour + 1) % hours] ?? 0;
    return (dayCurve[hour] ?? 0) * (hour + 1 - place) + next * (place - hour);
  };
  return () => {
    do dueMs += random.exponential(gapMs);
    while (!random.chance(traffic() / peak));
    return dueMs;
  };
}

/** Up to `max` things, of which any may be asked for. */
class Memory<T> {
  readonly #things: T[] = [];
  readonly #max: number;
  readonly #random: Random;

  constructor(max: number, random: Random) {
    this.#max = max;
    this.#random = random;
  }

  get size(): number {
    return this.#things.length;
  }

  add(thing: T): void {
    if (this.#things.length < this.#max) this.#things.push(thing);
    else this.#things[this.#random.below(this.#max)] = thing;
  }

  any(): T {
    return this.#things[this.#random.below(this.#things.length)] as T;
  }

  /** One of them, which is then forgotten. */
  take(): T {
    const index = this.#random.below(this.#things.length);
    const thing = this.#things[index] as T;
    const last = this.#things.pop() as T;
    if (index < this.#things.length) this.#things[index] = last;
    return thing;
  }
}

interface Article {
  readonly sku: string;
  readonly category: string;
  /** Minor units. */
  readonly price: number;
}

/** What a coffee shop sells; the first are sold most. */
const ARTICLES: readonly Article[] = [
  ...articles('coffee', [
    'drip',
    350,
    'latte',
    525,
    'cappuccino',
    495,
    'espresso',
    325,
    'cold-brew',
    475,
    'flat-white',
    510,
  ]),
  ...articles('pastry', ['croissant', 395, 'muffin', 345, 'scone', 375, 'cookie', 250, 'banana-bread', 425]),
  ...articles('tea', ['earl-grey', 375, 'chai', 495, 'matcha', 575]),
  ...articles('food', ['bagel', 450, 'sandwich', 895, 'salad', 1095, 'soup', 650]),
  ...articles('beans', ['house-340g', 1595, 'single-origin-340g', 2195, 'decaf-340g', 1695]),
  ...articles('merchandise', ['mug', 1450, 'tumbler', 2795, 'press', 3995]),
];

function articles(category: string, named: readonly (string | number)[]): Article[] {
  const list: Article[] = [];
  for (let index = 0; index < named.length; index += 2) {
    list.push({ sku: String(named[index]), category, price: Number(named[index + 1]) });
  }
  return list;
}

/** Rings up what members buy and bring back. */
class Tills {
  readonly #settings: FleetOptions;
  readonly #random: Random;
  readonly #ranks: Zipf;
  readonly #articles = new Zipf(ARTICLES.length, 0.8);
  #count = 0;

  constructor(settings: FleetOptions, random: Random) {
    this.#settings = settings;
    this.#random = random;
    this.#ranks = new Zipf(settings.members, settings.zipfExponent);
  }

  sell(dueMs: number): PublicPurchase {
    const { hotMemberShare } = this.#settings;
    const rank = this.#random.chance(hotMemberShare) ? 0 : this.#ranks.rank(this.#random);
    const lines = this.#basket();
    return {
      ...this.#receipt(dueMs, rank === 0 ? HOT_MEMBER : `m${rank}`, this.#store(rank)),
      type: 'purchase',
      lines,
    };
  }

  takeBack(purchase: PublicPurchase, dueMs: number): PublicReturn {
    const random = this.#random;
    const head = {
      ...this.#receipt(dueMs, purchase.memberId, storeOf(purchase.store)),
      type: 'return',
    } as const;
    const lines = purchase.lines ?? [];
    const line = lines[random.below(lines.length)] as PublicPurchaseLine;
    const quantity = 1 + random.below(line.quantity);
    const goods = { sku: line.sku, quantity };
    const refund = Math.floor((line.amount * quantity) / line.quantity);
    if (random.chance(this.#settings.unnamedReturnShare)) return { ...head, lines: [{ ...goods, amount: refund }] };
    const named = { ...head, originalId: purchase.id };
    switch (random.below(4)) {
      case 0:
        return named;
      case 1:
        return { ...named, amount: 1 + random.below(total(lines)) };
      case 2:
        return { ...named, lines: [goods] };
      default:
        return { ...named, lines: [{ ...goods, amount: refund }] };
    }
  }

  /** As if the purchase had never been. */
  cancel({ memberId, store, id }: PublicPurchase, dueMs: number): PublicOfPurchase {
    return { ...this.#head(dueMs, memberId, storeOf(store)).head, type: 'void', originalId: id };
  }

  /** By whoever bought something, and where; a member who has too few points is refused. */
  spend(type: PublicSpend['type'], { memberId, store }: PublicPurchase, dueMs: number): PublicSpend {
    const { head, place } = this.#head(dueMs, memberId, storeOf(store));
    return { ...head, ...place, type, points: SPEND_STEP * (1 + this.#random.below(3)) };
  }

  /** Captures a part, or all of it, or releases it. */
  endHold({ memberId, store, id, points = 0 }: PublicSpend, dueMs: number): PublicPartOfSpend | PublicRelease {
    const { head } = this.#head(dueMs, memberId, storeOf(store));
    if (!this.#random.chance(CAPTURE_SHARE)) return { ...head, type: 'release', originalId: id };
    const captured = 1 + this.#random.below(points);
    return { ...head, type: 'capture', originalId: id, ...(captured === points ? {} : { points: captured }) };
  }

  #receipt(dueMs: number, memberId: string, store: number): Omit<PublicPurchase, 'type'> {
    const { head, place } = this.#head(dueMs, memberId, store);
    return { ...head, ...place, currency: this.#settings.currency };
  }

  #head(dueMs: number, memberId: string, store: number) {
    this.#count += 1;
    const till = this.#random.below(this.#settings.tillsPerStore);
    const head = {
      id: `${this.#settings.idPrefix}-s${store}t${till}-${this.#count}`,
      memberId,
      occurredAt: new Date(this.#settings.startMs + Math.floor(dueMs)).toISOString(),
    };
    return { head, place: { store: `s${store}`, terminal: `t${till}` } };
  }

  #store(rank: number): number {
    const { stores } = this.#settings;
    return this.#random.chance(HOME_STORE_SHARE) ? rank % stores : this.#random.below(stores);
  }

  /** One line and often another; the same article can be on several, as tills ring it up. */
  #basket(): PublicPurchaseLine[] {
    const random = this.#random;
    const lines: PublicPurchaseLine[] = [];
    do {
      const { sku, category, price } = ARTICLES[this.#articles.rank(random) - 1] as Article;
      const quantity = random.chance(0.85) ? 1 : 2 + random.below(3);
      const full = price * quantity;
      const amount = random.chance(DISCOUNT_SHARE) ? Math.floor((full * 9) / 10) : full;
      lines.push({ sku, category, quantity, amount });
    } while (lines.length < 12 && random.chance(0.45));
    return lines;
  }
}

function storeOf(store = ''): number {
  return Number(store.slice(1));
}

function total(lines: readonly PublicPurchaseLine[]): number {
  return lines.reduce((sum, { amount }) => sum + amount, 0);
}
