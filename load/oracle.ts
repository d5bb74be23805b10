/**
 * An independent bookkeeper: what every member should have, worked out from the events and the text of the program. It
 * shares no code with the engine and is made another way on purpose, so that agreement means something: fractions of
 * BigInts instead of scaled doubles, local dates asked of Intl, windows as "does this day count on that one?", returns as
 * lists of what went back, a lot for every purchase, time as every midnight in its turn. It is slow where the engine is clever, and trusts a program
 * that the engine has accepted.
 */
import { DAY_MS, type Fraction, type Level, ONE, type Rules, readRules } from './oracle-rules.ts';
import type {
  PublicAdjustment,
  PublicEnrolment,
  PublicEvent,
  PublicPurchase,
  PublicPurchaseLine,
  PublicReturn,
} from './public-event.ts';

export interface OracleMember {
  /** Points; negative is debt. */
  readonly balance: number;
  /** Minor units in the window, net of returns. 0 in a program without tiers. */
  readonly spend: number;
  /** '' for none. */
  readonly level: string;
  /** When the level began, epoch ms; 0 for a level held from the start. */
  readonly since: number;
  /** When enrolled, epoch ms; 0 for never. */
  readonly enrolledAt: number;
  readonly purchases: number;
  readonly returns: number;
  /** Points that can be spent by the last day they can be and the day they were earned, in this order. */
  readonly lots: readonly OracleLot[];
}

export interface OracleLot {
  /** Local days since 1970; Infinity for points that do not expire. */
  readonly last: number;
  readonly earned: number;
  readonly points: number;
}

export interface OracleOutcome {
  /** As in the engine's table of outcomes. */
  readonly code: string;
  /** Signed; of a duplicate: 0. */
  readonly points: number;
  /** Level changes that time brought before the event, and the one it made. */
  readonly changes: readonly LevelChange[];
  /** What expired before the event, and what it earned too late. */
  readonly expired: readonly Expired[];
}

export interface Expired {
  readonly at: number;
  readonly points: number;
}

export interface LevelChange {
  readonly from: string;
  readonly to: string;
  readonly at: number;
}

/** Of what has expired, what was earned longer than this before the newest is forgotten. */
const EXPIRED_DAYS = 730;
/** How far ahead of the log a till's clock may be. */
const CLOCK_SKEW_MAX_MS = 5 * 60_000;

export class Oracle {
  readonly #program: Rules;
  readonly #books = new Map<string, Book>();

  /** `programText` is the YAML the engine was given. */
  constructor(programText: string) {
    this.#program = readRules(programText);
  }

  /** `receivedMs` is the log's time of the event. */
  apply(sent: PublicEvent, receivedMs = instantOf(sent)): OracleOutcome {
    const event = kept(sent);
    const at = event.occurredAt === undefined ? receivedMs : instantOf(event);
    const book = this.#books.get(event.memberId) ?? emptyBook();
    const text = canonical(event);
    const before = book.texts.get(event.id);
    if (before === text) return refused('duplicate');
    if (at > receivedMs + CLOCK_SKEW_MAX_MS) return refused('occurred_in_future');
    if (before !== undefined) return refused('duplicate_with_different_content');
    const knownExpired = book.clock.expired.length;
    const scored = this.#score(book, event, at, Math.max(at, receivedMs));
    if (scored.code !== 'scored') return scored;
    this.#expireAtOnce(book, Math.max(receivedMs, book.clock.at));
    const outcome = { ...scored, expired: book.clock.expired.slice(knownExpired).map(shown) };
    book.texts.set(event.id, text);
    this.#books.set(event.memberId, book);
    return outcome;
  }

  /** The log's time has come this far: what is due by then happens, though nobody came. */
  tick(now: number): void {
    for (const book of this.#books.values()) this.#passTo(book, book.clock.at, now);
  }

  members(): IterableIterator<string> {
    return this.#books.keys();
  }

  /** As of an instant; one before the member's latest event is read as that event's. Undefined for who has none. */
  member(id: string, asOfMs: number): OracleMember | undefined {
    const book = this.#books.get(id);
    if (book === undefined) return undefined;
    const clock = structuredClone(book.clock);
    this.#pass(book, clock, asOfMs, asOfMs, []);
    return {
      balance: Number(balanceOf(book, clock)),
      spend: this.#program.levels === undefined ? 0 : Number(this.#spend(book, clock.at)),
      level: clock.level,
      since: clock.since,
      enrolledAt: book.enrolledAt,
      purchases: book.purchases.size,
      returns: book.facts.filter(({ type }) => type === 'return').length,
      lots: added(clock.lots),
    };
  }

  #score(book: Book, event: Kept, at: number, now: number): OracleOutcome {
    switch (event.type) {
      case 'purchase':
        return this.#purchase(book, event, at, now);
      case 'return':
        return this.#return(book, event, at, now);
      case 'adjustment': {
        const changes = this.#passTo(book, at, now);
        const points = BigInt(event.points);
        if (points > 0n) this.#open(book, this.#program.calendar.dayOf(at), points);
        else takeSoonest(book.clock.lots, -points);
        return this.#record(book, { type: 'adjustment', points, purchase: undefined }, changes);
      }
      case 'enrolment': {
        if (book.enrolledAt !== 0) return refused('already_enrolled');
        const changes = this.#passTo(book, at, now);
        book.enrolledAt = at;
        return this.#record(book, { type: 'enrolment', points: 0n, purchase: undefined }, changes);
      }
    }
  }

  #purchase(book: Book, event: PublicPurchase, at: number, now: number): OracleOutcome {
    const { currency, enrolmentRequired, calendar } = this.#program;
    if ((event.currency ?? currency) !== currency) return refused('currency_mismatch');
    if (enrolmentRequired && book.enrolledAt === 0) return refused('member_not_enrolled');
    const changes = this.#passTo(book, at, now);
    const lines = event.lines ?? [];
    const purchase: Bought = {
      at,
      amount: lines.length === 0 ? BigInt(event.amount ?? 0) : total(lines.map(({ amount }) => BigInt(amount))),
      lines,
      multiplier: this.#levelOn(book, at)?.multiplier ?? ONE,
      back: [],
    };
    const day = calendar.dayOf(at);
    book.spend.set(day, (book.spend.get(day) ?? 0n) + purchase.amount);
    this.#relevel(book, book.clock, Math.max(at, book.clock.at), changes);
    const points = this.#points(purchase.amount, purchase.multiplier);
    this.#open(book, day, points);
    if (this.#program.renews) {
      const last = this.#program.lastDay(day);
      for (const lot of book.clock.lots) if (lot.left > 0n && lot.last < last) lot.last = last;
    }
    book.purchases.set(event.id, purchase);
    return this.#record(book, { type: 'purchase', points, purchase }, changes);
  }

  #return(book: Book, event: PublicReturn, at: number, now: number): OracleOutcome {
    const { currency, unmatched } = this.#program;
    if ((event.currency ?? currency) !== currency) return refused('currency_mismatch');
    const found =
      event.originalId === undefined ? this.#matched(book, event, at) : named(book, event, event.originalId);
    if (typeof found === 'string') return refused(found);

    const changes = this.#passTo(book, at, now);
    // Goods of unknown origin cost what they would earn just before this return.
    const multiplierNow = this.#levelOn(book, at)?.multiplier ?? ONE;
    let points = 0n;
    for (const [purchase, back] of found.back) {
      const before = leftOf(purchase, purchase.back);
      const after = leftOf(purchase, back);
      const day = this.#program.calendar.dayOf(purchase.at);
      const earned = this.#points(before, purchase.multiplier) - this.#points(after, purchase.multiplier);
      points -= earned - takeBack(book.clock.lots, day, earned);
      takeFromDay(book.spend, day, before - after);
      purchase.back = back;
    }
    if (unmatched === 'deduct' && found.unmatchedAmount > 0n) {
      const deducted = this.#points(found.unmatchedAmount, multiplierNow);
      points -= deducted;
      takeSoonest(book.clock.lots, deducted);
      let rest = found.unmatchedAmount;
      for (const day of [...book.spend.keys()].sort((one, other) => other - one)) {
        rest -= takeFromDay(book.spend, day, rest);
      }
    }
    this.#relevel(book, book.clock, Math.max(at, book.clock.at), changes);
    return this.#record(book, { type: 'return', points, purchase: undefined }, changes);
  }

  /** A return that names no purchase: of each SKU what arrived last, no older than `matchDays`, no younger than the return. */
  #matched(book: Book, { lines = [], amount = 0 }: PublicReturn, at: number): GoingBack | string {
    const back = new Map<Bought, Back[]>();
    let unmatchedAmount = lines.length === 0 ? BigInt(amount) : 0n;
    let unmatchedQuantity = lines.length === 0 ? 1 : 0;
    const oldest = at - this.#program.matchDays * DAY_MS;
    for (const line of lines) {
      let left = line.quantity;
      for (let index = book.facts.length - 1; index >= 0 && left > 0; index--) {
        const purchase = book.facts[index]?.purchase;
        if (purchase === undefined || purchase.at > at || purchase.at < oldest) continue;
        const known = back.get(purchase) ?? purchase.back;
        const parts = shares(purchase, known, line.sku, left);
        if (parts.length === 0) continue;
        back.set(purchase, [...known, ...parts]);
        left -= parts.reduce((sum, { quantity }) => sum + quantity, 0);
      }
      unmatchedQuantity += left;
      unmatchedAmount += (BigInt(line.amount ?? 0) * BigInt(left)) / BigInt(line.quantity);
    }
    if (unmatchedQuantity > 0 && this.#program.unmatched === 'refuse') return 'nothing_to_match';
    return { back, unmatchedAmount };
  }

  #record(book: Book, fact: Fact, changes: readonly LevelChange[]): OracleOutcome {
    book.facts.push(fact);
    return { code: 'scored', points: Number(fact.points), changes, expired: [] };
  }

  /** Points that come in; what repays a debt cannot be spent. */
  #open(book: Book, day: number, points: bigint): void {
    const left = least(points, balanceOf(book, book.clock) + points);
    if (left > 0n) book.clock.lots.push({ earned: day, last: this.#program.lastDay(day), left, expired: 0n });
  }

  /** Lots whose last day is before `day`. */
  #expire(clock: Clock, day: number, at: number): void {
    let points = 0n;
    for (const lot of clock.lots) {
      if (lot.last >= day) continue;
      points += lot.left;
      lot.expired += lot.left;
      lot.left = 0n;
    }
    if (points === 0n) return;
    clock.expired.push({ at, points });
    const newest = Math.max(...clock.lots.filter(({ expired }) => expired > 0n).map(({ earned }) => earned));
    for (const lot of clock.lots) if (lot.earned < newest - EXPIRED_DAYS) lot.expired = 0n;
  }

  /** Points that were earned so late that their last day was over by then. */
  #expireAtOnce({ clock }: Book, until: number): void {
    for (const { left, last } of added(clock.lots).map(({ points, last }) => ({ left: points, last }))) {
      if (left === 0 || last === Infinity) continue;
      const at = this.#program.calendar.startOf(last + 1);
      if (at <= until) this.#expire(clock, last + 1, at);
    }
  }

  /** Amount in minor units times points times multiplier over `per`, as one fraction, rounded once. */
  #points(amount: bigint, multiplier: Fraction): bigint {
    const { points, per, rounding, minorUnits } = this.#program;
    const above = amount * points * multiplier.above * per.below;
    const below = minorUnits * multiplier.below * per.above;
    if (rounding === 'floor') return above / below;
    if (rounding === 'ceil') return (above + below - 1n) / below;
    return (2n * above + below) / (2n * below);
  }

  /** Net spend of the days that count on the day of `at`. */
  #spend(book: Book, at: number): bigint {
    const today = this.#program.calendar.dayOf(at);
    let sum = 0n;
    for (const [day, amount] of book.spend) if (day <= today && this.#program.counts(day, today)) sum += amount;
    return sum;
  }

  /** What the ladder says of the window at an instant, whatever has been said before. */
  #levelOn(book: Book, at: number): Level | undefined {
    const { levels, minorUnits } = this.#program;
    if (levels === undefined) return undefined;
    const spend = this.#spend(book, at);
    return levels.findLast(({ from }) => spend * from.below >= from.above * minorUnits);
  }

  #relevel(book: Book, clock: Clock, at: number, changes: LevelChange[]): void {
    const level = this.#levelOn(book, at)?.id ?? '';
    if (level === clock.level) return;
    changes.push({ from: clock.level, to: level, at });
    clock.level = level;
    clock.since = at;
  }

  #passTo(book: Book, at: number, now: number): LevelChange[] {
    const changes: LevelChange[] = [];
    this.#pass(book, book.clock, at, now, changes);
    return changes;
  }

  /**
   * Lets time pass up to `at`, a midnight at a time. What the log's own time, `now`, is past has happened too, if that is
   * later; but only midnights at which a day leaves that a level rests on, or points expire, move the clock beyond `at`.
   */
  #pass(book: Book, clock: Clock, at: number, now: number, changes: LevelChange[]): void {
    const { calendar, levels, counts } = this.#program;
    if (clock.at === -Infinity) {
      clock.at = at;
      clock.level = this.#levelOn(book, at)?.id ?? '';
    }
    const last = calendar.dayOf(now);
    for (let day = calendar.dayOf(clock.at) + 1; day <= last; day++) {
      const rests = (levels?.find(({ id }) => id === clock.level)?.from.above ?? 0n) > 0n;
      const leaves =
        rests && [...book.spend].some(([of, amount]) => amount > 0n && counts(of, day - 1) && !counts(of, day));
      const expires = clock.lots.some(({ left, last }) => left > 0n && last < day);
      if (!leaves && !expires) continue;
      clock.at = calendar.startOf(day);
      this.#relevel(book, clock, clock.at, changes);
      this.#expire(clock, day, clock.at);
    }
    clock.at = Math.max(clock.at, at);
  }
}

interface Book {
  /** In the order they arrived. */
  readonly facts: Fact[];
  /** What each event said, by id. */
  readonly texts: Map<string, string>;
  readonly purchases: Map<string, Bought>;
  /** Minor units by local day, never below 0. */
  readonly spend: Map<number, bigint>;
  readonly clock: Clock;
  enrolledAt: number;
}

interface Clock {
  /** All that was due by then has happened; -Infinity before the first event. */
  at: number;
  level: string;
  since: number;
  /** One for each time that points came in, in the order they came. */
  readonly lots: Lot[];
  readonly expired: { readonly at: number; readonly points: bigint }[];
}

interface Lot {
  readonly earned: number;
  last: number;
  /** To be spent. */
  left: bigint;
  /** Gone by time, and not returned since. */
  expired: bigint;
}

/** What books are kept of. */
type Kept = PublicPurchase | PublicReturn | PublicAdjustment | PublicEnrolment;

function kept(event: PublicEvent): Kept {
  switch (event.type) {
    case 'purchase':
    case 'return':
    case 'adjustment':
    case 'enrolment':
      return event;
    default:
      throw new Error(`event ${event.id} is a ${event.type}, of which no books are kept`);
  }
}

interface Fact {
  readonly type: Kept['type'];
  readonly points: bigint;
  readonly purchase: Bought | undefined;
}

interface Bought {
  readonly at: number;
  readonly amount: bigint;
  readonly lines: readonly PublicPurchaseLine[];
  readonly multiplier: Fraction;
  back: readonly Back[];
}

/** Something that went back. */
interface Back {
  /** Index of the line; WHOLE for money of the receipt as a whole. */
  readonly line: number;
  readonly quantity: number;
  readonly amount: bigint;
}

const WHOLE = -1;

interface GoingBack {
  /** By purchase, in the order they were found: all that will have gone back. */
  readonly back: ReadonlyMap<Bought, readonly Back[]>;
  readonly unmatchedAmount: bigint;
}

function emptyBook(): Book {
  return {
    facts: [],
    texts: new Map(),
    purchases: new Map(),
    spend: new Map(),
    clock: { at: -Infinity, level: '', since: 0, lots: [], expired: [] },
    enrolledAt: 0,
  };
}

function instantOf({ id, occurredAt }: PublicEvent): number {
  const instant = Date.parse(occurredAt ?? '');
  if (Number.isNaN(instant)) throw new Error(`event ${id} says no time, and nobody says when it was received`);
  return instant;
}

function refused(code: string): OracleOutcome {
  return { code, points: 0, changes: [], expired: [] };
}

/** What an event says, one text whether a field is left out or empty. */
function canonical(event: Kept): string {
  const head = [event.type, event.occurredAt === undefined ? 0 : Date.parse(event.occurredAt)];
  if (event.type === 'enrolment') return JSON.stringify(head);
  if (event.type === 'adjustment') {
    return JSON.stringify([...head, event.points, event.reason ?? '', event.agent ?? '']);
  }
  const sale = [event.store ?? '', event.terminal ?? '', event.currency ?? ''];
  if (event.type === 'return') {
    const lines = (event.lines ?? []).map(({ sku, quantity, amount }) => [sku, quantity, amount ?? null]);
    return JSON.stringify([...head, ...sale, event.originalId ?? '', event.amount ?? null, lines]);
  }
  const lines = (event.lines ?? []).map(({ sku, category, quantity, amount }) => [
    sku,
    category ?? '',
    quantity,
    amount,
  ]);
  // With lines, the amount is their sum, said or not.
  return JSON.stringify([...head, ...sale, lines.length > 0 ? null : event.amount, lines]);
}

// --- Points ---

function balanceOf(book: Book, clock: Clock): bigint {
  return total(book.facts.map(({ points }) => points)) - total(clock.expired.map(({ points }) => points));
}

function shown({ at, points }: { readonly at: number; readonly points: bigint }): Expired {
  return { at, points: Number(points) };
}

/** Lots that agree in both days as one. */
function added(lots: readonly Lot[]): OracleLot[] {
  const sums = new Map<string, OracleLot>();
  for (const { last, earned, left } of soonest(lots)) {
    const before = sums.get(`${last} ${earned}`)?.points ?? 0;
    sums.set(`${last} ${earned}`, { last, earned, points: before + Number(left) });
  }
  return [...sums.values()];
}

/** Those that can be spent, in the order in which they are. */
function soonest(lots: readonly Lot[]): Lot[] {
  return lots
    .filter(({ left }) => left > 0n)
    .sort((one, other) => (one.last === other.last ? one.earned - other.earned : one.last < other.last ? -1 : 1));
}

/** Returns what could not be taken. */
function takeSoonest(lots: readonly Lot[], points: bigint): bigint {
  for (const lot of soonest(lots)) {
    const taken = least(lot.left, points);
    lot.left -= taken;
    points -= taken;
  }
  return points;
}

/** Points of a purchase: what is left of its day, what has expired of it, the rest from anywhere. Returns what had expired. */
function takeBack(lots: readonly Lot[], day: number, points: bigint): bigint {
  const mine = lots.filter(({ earned }) => earned === day);
  let rest = takeSoonest(mine, points);
  let expired = 0n;
  for (const lot of mine) {
    const taken = least(lot.expired, rest);
    lot.expired -= taken;
    rest -= taken;
    expired += taken;
  }
  takeSoonest(lots, rest);
  return expired;
}

// --- What goes back ---

function total(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

/** Money of the receipt that has not gone back. */
function leftOf(purchase: Bought, back: readonly Back[]): bigint {
  return purchase.amount - total(back.map(({ amount }) => amount));
}

function leftOfLine(
  line: PublicPurchaseLine,
  index: number,
  back: readonly Back[],
): { quantity: number; amount: bigint } {
  const parts = back.filter((part) => part.line === index);
  return {
    quantity: line.quantity - parts.reduce((sum, { quantity }) => sum + quantity, 0),
    amount: BigInt(line.amount) - total(parts.map(({ amount }) => amount)),
  };
}

function named(book: Book, event: PublicReturn, originalId: string): GoingBack | string {
  if (!book.texts.has(originalId)) return 'original_not_found';
  const purchase = book.purchases.get(originalId);
  if (purchase === undefined) return 'original_not_a_purchase';
  const back = event.lines?.length ? byLine(purchase, event.lines) : byAmount(purchase, event.amount);
  return typeof back === 'string' ? back : { back: new Map([[purchase, back]]), unmatchedAmount: 0n };
}

function byAmount(purchase: Bought, amount: number | undefined): readonly Back[] | string {
  const left = leftOf(purchase, purchase.back);
  const money = amount === undefined ? left : BigInt(amount);
  const goods = purchase.lines.some((line, index) => leftOfLine(line, index, purchase.back).quantity > 0);
  if (money > left || (left === 0n && purchase.amount > 0n && !goods)) return 'return_exceeds_original';
  // While some of the money stays, the goods do.
  if (money < left) return [...purchase.back, { line: WHOLE, quantity: 0, amount: money }];
  const lines = purchase.lines.map((line, index) => ({ line: index, ...leftOfLine(line, index, purchase.back) }));
  // Money may have gone back before without goods: all goods go now, and only the money that is left.
  return [
    ...purchase.back,
    ...lines,
    { line: WHOLE, quantity: 0, amount: left - total(lines.map((part) => part.amount)) },
  ];
}

function byLine(purchase: Bought, lines: NonNullable<PublicReturn['lines']>): readonly Back[] | string {
  if (purchase.lines.length === 0) return 'original_without_lines';
  const skus = new Set(purchase.lines.map(({ sku }) => sku));
  if (lines.some(({ sku }) => !skus.has(sku))) return 'line_not_in_original';
  let back = purchase.back;
  for (const { sku, quantity, amount } of lines) {
    const parts =
      amount === undefined ? shares(purchase, back, sku, quantity) : refunds(purchase, back, sku, quantity, amount);
    const goods = parts.reduce((sum, part) => sum + part.quantity, 0);
    const money = total(parts.map((part) => part.amount));
    if (goods < quantity || (amount !== undefined && money < BigInt(amount))) return 'return_exceeds_original';
    back = [...back, ...parts];
  }
  return back;
}

/** Up to `quantity` of a SKU, each piece with its share of what its line cost; the line's last pieces take its rest. */
function shares(purchase: Bought, back: readonly Back[], sku: string, quantity: number): Back[] {
  const parts: Back[] = [];
  purchase.lines.forEach((line, index) => {
    if (line.sku !== sku) return;
    const left = leftOfLine(line, index, back);
    const taken = Math.min(quantity, left.quantity);
    if (taken === 0) return;
    const gone = line.quantity - left.quantity;
    const upTo = (pieces: number): bigint => (BigInt(line.amount) * BigInt(pieces)) / BigInt(line.quantity);
    const share = taken === left.quantity ? left.amount : upTo(gone + taken) - upTo(gone);
    const amount = least(share, left.amount, leftOf(purchase, [...back, ...parts]));
    parts.push({ line: index, quantity: taken, amount });
    quantity -= taken;
  });
  return parts;
}

/** A quantity of a SKU for the refund that the till gave. */
function refunds(purchase: Bought, back: readonly Back[], sku: string, quantity: number, refund: number): Back[] {
  const parts: Back[] = [];
  let money = BigInt(refund);
  purchase.lines.forEach((line, index) => {
    if (line.sku !== sku) return;
    const left = leftOfLine(line, index, back);
    const taken = Math.min(quantity, left.quantity);
    const amount = least(money, left.amount, leftOf(purchase, [...back, ...parts]));
    parts.push({ line: index, quantity: taken, amount });
    quantity -= taken;
    money -= amount;
  });
  // A till may refund more than the line cost after a coupon, as long as the receipt as a whole covers it.
  parts.push({ line: WHOLE, quantity: 0, amount: least(money, leftOf(purchase, [...back, ...parts])) });
  return parts;
}

function least(first: bigint, ...others: readonly bigint[]): bigint {
  for (const other of others) if (other < first) first = other;
  return first;
}

/** Takes what is there, up to `amount`. A day that unmatched returns have emptied owes nothing to the next return. */
function takeFromDay(spend: Map<number, bigint>, day: number, amount: bigint): bigint {
  const there = spend.get(day) ?? 0n;
  const taken = least(there, amount);
  if (taken > 0n) spend.set(day, there - taken);
  return taken;
}
