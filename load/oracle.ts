/**
 * An independent bookkeeper: what every member should have, worked out from the events and the text of the program. It
 * shares no code with the engine and is made another way on purpose, so that agreement means something: fractions of
 * BigInts instead of scaled doubles, local dates asked of Intl, windows as "does this day count on that one?", returns as
 * lists of what went back, a lot for every time that points come in, time as every midnight and every hold's end in its
 * turn. It is slow where the engine is clever, and trusts a program that the engine has accepted.
 */
import {
  allBack,
  type Back,
  type Bought,
  countedLeft,
  given,
  isFor,
  priced,
  returnedBy,
  shareOfBack,
  shares,
} from './oracle-goods.ts';
import { DAY_MS, type Level, ONE, type Rules, readRules, rounded } from './oracle-rules.ts';
import {
  available,
  comeIn,
  confirm,
  copyOf,
  deduct,
  emptyWallet,
  expire,
  type Hold,
  lotsOf,
  mature,
  type Part,
  pendingIn,
  pointsIn,
  renew,
  spend,
  split,
  takeBack,
  takeSoonest,
  total,
  type Wallet,
} from './oracle-wallet.ts';
import type {
  PublicAdjustment,
  PublicEvent,
  PublicOfPurchase,
  PublicPartOfSpend,
  PublicPurchase,
  PublicRelease,
  PublicReturn,
  PublicSpend,
} from './public-event.ts';

export interface OracleMember {
  /** By id; all that the program has. */
  readonly wallets: Readonly<Record<string, OracleWallet>>;
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
}

/** Points. */
export interface OracleWallet {
  readonly available: number;
  readonly pending: number;
  readonly held: number;
  readonly debt: number;
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
  /** By wallet, where any: what the event did to available, pending and debt together. Of a duplicate: nothing. */
  readonly points: Readonly<Record<string, number>>;
  /** Level changes that time brought before the event, and the one it made. */
  readonly changes: readonly LevelChange[];
  /** What else time brought before the event, and what followed from it. */
  readonly passed: readonly Passed[];
}

export interface Passed {
  readonly what: 'expired' | 'run out' | 'redeemed';
  readonly wallet: string;
  readonly at: number;
  readonly points: number;
}

export interface LevelChange {
  readonly from: string;
  readonly to: string;
  readonly at: number;
}

/** How far ahead of the log a till's clock may be. */
const CLOCK_SKEW_MAX_MS = 5 * 60_000;
const HOLDS_MAX = 64;

export class Oracle {
  readonly #program: Rules;
  readonly #books = new Map<string, Book>();

  /** `programText` is the YAML the engine was given. */
  constructor(programText: string) {
    this.#program = readRules(programText);
  }

  /** `receivedMs` is the log's time of the event. */
  apply(event: PublicEvent, receivedMs = instantOf(event)): OracleOutcome {
    const at = event.occurredAt === undefined ? receivedMs : instantOf(event);
    const known = this.#books.get(event.memberId);
    const text = canonical(event);
    const before = known?.facts.get(event.id)?.text;
    if (before === text) return refused('duplicate');
    if (at > receivedMs + CLOCK_SKEW_MAX_MS) return refused('occurred_in_future');
    if (before !== undefined) return refused('duplicate_with_different_content');

    const book = known === undefined ? this.#emptyBook() : { ...known, clock: copyOfClock(known.clock) };
    const changes: LevelChange[] = [];
    this.#pass(book, at, Math.max(at, receivedMs), changes);
    const points = new Map([...book.clock.wallets].map(([id, wallet]) => [id, -pointsOf(wallet)]));
    const fact = this.#score(book, event, at, changes);
    if (typeof fact === 'string') return refused(fact);
    for (const [id, wallet] of book.clock.wallets) points.set(id, (points.get(id) ?? 0n) + pointsOf(wallet));
    this.#catchUp(book, Math.max(receivedMs, book.clock.at));
    this.#redeemByItself(book, at);

    book.facts.set(event.id, { text, type: event.type, ...fact });
    this.#books.set(event.memberId, book);
    const moved = [...points].filter(([, sum]) => sum !== 0n).map(([id, sum]) => [id, Number(sum)]);
    return { code: 'scored', points: Object.fromEntries(moved), changes, passed: book.clock.passed.splice(0) };
  }

  /** The log's time has come this far: what is due by then happens, though nobody came. */
  tick(now: number): void {
    for (const book of this.#books.values()) {
      this.#pass(book, book.clock.at, now, []);
      book.clock.passed.splice(0);
    }
  }

  members(): IterableIterator<string> {
    return this.#books.keys();
  }

  /** As of an instant; one before the member's latest event is read as that event's. Undefined for who has none. */
  member(id: string, asOfMs: number): OracleMember | undefined {
    const known = this.#books.get(id);
    if (known === undefined) return undefined;
    const book = { ...known, clock: copyOfClock(known.clock) };
    this.#pass(book, asOfMs, asOfMs, []);
    const { clock, facts, enrolledAt } = book;
    const types = [...facts.values()].map(({ type }) => type);
    return {
      wallets: Object.fromEntries([...clock.wallets].map(([walletId, wallet]) => [walletId, shown(wallet, clock)])),
      spend: this.#program.levels === undefined ? 0 : Number(this.#spend(book, clock.at)),
      level: clock.level,
      since: clock.since,
      enrolledAt,
      purchases: types.filter((type) => type === 'purchase').length,
      returns: types.filter((type) => type === 'return').length,
    };
  }

  // --- Events ---

  /** Does what the event says, or says why not; then nothing has changed but the copy of the clock. */
  #score(book: Book, event: PublicEvent, at: number, changes: LevelChange[]): What | string {
    switch (event.type) {
      case 'purchase':
        return this.#purchase(book, event, at, changes);
      case 'return':
        return this.#return(book, event, at, changes);
      case 'void':
        return this.#void(book, event, at, changes);
      case 'confirmation':
        return this.#confirm(book, event);
      case 'redemption':
      case 'authorisation':
        return this.#spendPoints(book, event, at);
      case 'capture':
      case 'release':
        return this.#endHold(book, event);
      case 'reversal':
        return this.#reverse(book, event);
      case 'adjustment':
        return this.#adjust(book, event, at);
      case 'enrolment':
        if (book.enrolledAt !== 0) return 'already_enrolled';
        book.enrolledAt = at;
        return {};
      default:
        throw new Error(`event ${event.id} is a ${event.type}, of which no books are kept`);
    }
  }

  #purchase(book: Book, event: PublicPurchase, at: number, changes: LevelChange[]): What | string {
    const { currency, enrolmentRequired, calendar, earnOn } = this.#program;
    if ((event.currency ?? currency) !== currency) return 'currency_mismatch';
    if (enrolmentRequired && book.enrolledAt === 0) return 'member_not_enrolled';
    const day = calendar.dayOf(at);
    const purchase = bought(event, at, day, priced(event, earnOn), this.#levelOn(book, at)?.multiplier ?? ONE);
    book.spend.set(day, (book.spend.get(day) ?? 0n) + purchase.counted);
    this.#relevel(book, Math.max(at, book.clock.at), changes);
    for (const [walletId, points] of given(this.#program, purchase, [])) {
      const wallet = walletOf(book, walletId);
      this.#earn(wallet, day, false, points);
      if (wallet.rules.renews) renew(wallet, wallet.rules.lastDay(day));
    }
    return { purchase };
  }

  #return(book: Book, event: PublicReturn, at: number, changes: LevelChange[]): What | string {
    const { currency, unmatched, earnOn } = this.#program;
    if ((event.currency ?? currency) !== currency) return 'currency_mismatch';
    const found = event.originalId === undefined ? this.#matched(book, event, at) : named(book, event);
    if (typeof found === 'string') return found;

    // Goods of unknown origin cost what they would earn just before this return.
    const multiplier = this.#levelOn(book, at)?.multiplier ?? ONE;
    for (const [purchase, back] of found.back) this.#takeBack(book, purchase, back);
    if (unmatched === 'deduct') {
      const goods = bought(event, at, this.#program.calendar.dayOf(at), priced(found.unmatched, earnOn), multiplier);
      for (const [walletId, points] of given(this.#program, goods, [])) {
        const wallet = walletOf(book, walletId);
        deduct(wallet, points, wallet.rules.returns);
      }
      let rest = goods.counted;
      for (const day of [...book.spend.keys()].sort((one, other) => other - one)) {
        rest -= takeFromDay(book.spend, day, rest);
      }
    }
    this.#relevel(book, Math.max(at, book.clock.at), changes);
    return {};
  }

  /** `limit`: instead of what the wallets say of returns. */
  #takeBack(book: Book, purchase: Bought, back: readonly Back[], limit?: 'unlimited'): void {
    const { day, isConfirmed } = purchase;
    const after = given(this.#program, purchase, back);
    for (const [walletId, before] of given(this.#program, purchase, purchase.back)) {
      const wallet = walletOf(book, walletId);
      const points = before - (after.get(walletId) ?? 0n);
      if (points < 0n) this.#earn(wallet, day, isConfirmed, -points);
      else takeBack(wallet, day, isConfirmed, points, limit ?? wallet.rules.returns);
    }
    takeFromDay(book.spend, day, countedLeft(purchase, purchase.back) - countedLeft(purchase, back));
    const spent = book.facts.get(purchase.redemptionId)?.spent;
    if (spent !== undefined) {
      const before = shareOfBack(purchase, purchase.back, spent.points);
      this.#giveBack(book, spent, shareOfBack(purchase, back, spent.points) - before);
    }
    purchase.back = back;
  }

  #earn(wallet: Wallet, day: number, isConfirmed: boolean, points: bigint): void {
    const [first, last] = [wallet.rules.firstDay(day), wallet.rules.lastDay(day)];
    if (first > day && !isConfirmed) wallet.waiting.push({ earned: day, first, last, points });
    else comeIn(wallet, [{ earned: day, last, points }]);
  }

  /** Spent points come back, as if so many fewer had been spent. */
  #giveBack(book: Book, spent: Spent, points: bigint): void {
    const left = pointsIn(spent.parts);
    const { first, others } = split(spent.parts, points < left ? left - points : 0n);
    spent.parts = first;
    comeIn(walletOf(book, spent.walletId), others);
  }

  /** A return that names no purchase: of each SKU what arrived last, no older than `matchDays`, no younger than the return. */
  #matched(book: Book, { lines = [], amount = 0 }: PublicReturn, at: number): GoingBack | string {
    const back = new Map<Bought, readonly Back[]>();
    const unmatched: { sku: string; quantity: number; amount: number }[] = [];
    const oldest = at - this.#program.matchDays * DAY_MS;
    const latest = [...book.facts.values()].flatMap(({ purchase }) => purchase ?? []).reverse();
    for (const line of lines) {
      let left = line.quantity;
      for (const purchase of latest) {
        if (left === 0 || purchase.at > at || purchase.at < oldest) continue;
        const known = back.get(purchase) ?? purchase.back;
        const parts = shares(purchase, known, line.sku, left);
        if (parts.length === 0) continue;
        back.set(purchase, [...known, ...parts]);
        left -= parts.reduce((sum, { quantity }) => sum + quantity, 0);
      }
      const refund = (BigInt(line.amount ?? 0) * BigInt(left)) / BigInt(line.quantity);
      if (left > 0) unmatched.push({ sku: line.sku, quantity: left, amount: Number(refund) });
    }
    const isUnmatched = lines.length === 0 || unmatched.length > 0;
    if (isUnmatched && this.#program.unmatched === 'refuse') return 'nothing_to_match';
    return { back, unmatched: lines.length === 0 ? { amount } : { lines: unmatched } };
  }

  #void(book: Book, event: PublicOfPurchase, at: number, changes: LevelChange[]): What | string {
    const purchase = purchaseNamed(book, event.originalId);
    if (typeof purchase === 'string') return purchase;
    if (purchase.back.some(({ quantity, amount }) => quantity > 0 || amount > 0n)) return 'purchase_returned';
    if (this.#isSettled(purchase, at)) return 'purchase_settled';
    this.#takeBack(book, purchase, allBack(purchase), 'unlimited');
    this.#relevel(book, Math.max(at, book.clock.at), changes);
    return {};
  }

  #isSettled(purchase: Bought, at: number): boolean {
    if (purchase.isConfirmed) return true;
    const { earn, wallets, calendar } = this.#program;
    const into = new Set(earn.filter((rule) => isFor(rule, purchase)).map(({ wallet }) => wallet));
    const firstDays = wallets.filter(({ id }) => into.has(id)).map(({ firstDay }) => firstDay(purchase.day));
    return calendar.dayOf(at) >= Math.max(purchase.day + 1, ...firstDays);
  }

  #confirm(book: Book, event: PublicOfPurchase): What | string {
    const purchase = purchaseNamed(book, event.originalId);
    if (typeof purchase === 'string') return purchase;
    if (purchase.isConfirmed) return 'nothing_pending';
    let confirmed = 0n;
    for (const [walletId, points] of given(this.#program, purchase, purchase.back)) {
      confirmed += confirm(walletOf(book, walletId), purchase.day, points);
    }
    if (confirmed === 0n) return 'nothing_pending';
    purchase.isConfirmed = true;
    return {};
  }

  #spendPoints(book: Book, event: PublicSpend, at: number): What | string {
    const wallet = this.#wallet(book, event.wallet);
    if (wallet === undefined) return 'wallet_not_found';
    const { id: walletId, redeem } = wallet.rules;
    if (redeem === undefined) return 'wallet_not_redeemable';
    const { worth, minimum, maximum, step, holdMs } = redeem;
    const money = { above: BigInt(event.amount ?? 0) * redeem.points * worth.below, below: worth.above };
    const points = event.points === undefined ? rounded(money, 'ceil') : BigInt(event.points);
    if (points < minimum) return 'below_minimum';
    if (maximum !== undefined && points > maximum) return 'above_maximum';
    if (points % step !== 0n) return 'not_a_step';
    if (points > available(wallet)) return 'insufficient_points';
    if (event.type === 'redemption') return { spent: { walletId, points, parts: spend(wallet, points) } };
    const { holds } = book.clock;
    if (holds.length >= HOLDS_MAX) return 'too_many_holds';
    holds.push({ id: event.id, walletId, untilMs: at + holdMs, parts: spend(wallet, points) });
    return {};
  }

  #endHold(book: Book, event: PublicPartOfSpend | PublicRelease): What | string {
    const fact = book.facts.get(event.originalId);
    if (fact === undefined) return 'original_not_found';
    if (fact.type !== 'authorisation') return 'original_not_a_hold';
    const hold = book.clock.holds.find(({ id }) => id === event.originalId);
    if (hold === undefined) return 'hold_over';
    const held = pointsIn(hold.parts);
    const captured = event.type === 'release' ? 0n : event.points === undefined ? held : BigInt(event.points);
    if (captured > held) return 'capture_exceeds_hold';
    const parts = endHold(book.clock, hold, captured);
    return event.type === 'release' ? {} : { spent: { walletId: hold.walletId, points: captured, parts } };
  }

  #reverse(book: Book, event: PublicPartOfSpend): What | string {
    const fact = book.facts.get(event.originalId);
    if (fact === undefined) return 'original_not_found';
    if (fact.spent === undefined) return 'original_not_a_redemption';
    const left = pointsIn(fact.spent.parts);
    const points = event.points === undefined ? left : BigInt(event.points);
    if (points > left || left === 0n) return 'reversal_exceeds_redemption';
    this.#giveBack(book, fact.spent, points);
    return {};
  }

  #adjust(book: Book, event: PublicAdjustment, at: number): What | string {
    const wallet = this.#wallet(book, event.wallet);
    if (wallet === undefined) return 'wallet_not_found';
    const points = BigInt(event.points);
    const earned = this.#program.calendar.dayOf(at);
    if (points < 0n) takeSoonest(wallet, -points);
    else comeIn(wallet, [{ earned, last: wallet.rules.lastDay(earned), points }]);
    return {};
  }

  #wallet(book: Book, id: string | undefined): Wallet | undefined {
    return book.clock.wallets.get(id ?? this.#program.wallets[0]?.id ?? '');
  }

  // --- Levels ---

  /** Net spend of the days that count on the day of `at`. */
  #spend(book: Book, at: number): bigint {
    const today = this.#program.calendar.dayOf(at);
    let sum = 0n;
    for (const [day, amount] of book.spend) if (day <= today && this.#program.counts(day, today)) sum += amount;
    return sum;
  }

  /** What the ladder says of the window at an instant, whatever has been said before. */
  #levelOn(book: Book, at: number): Level | undefined {
    const { levels } = this.#program;
    if (levels === undefined) return undefined;
    const spend = this.#spend(book, at);
    return levels.findLast(({ from }) => spend * from.below >= from.above);
  }

  #relevel(book: Book, at: number, changes: LevelChange[]): void {
    const { clock } = book;
    const level = this.#levelOn(book, at)?.id ?? '';
    if (level === clock.level) return;
    changes.push({ from: clock.level, to: level, at });
    clock.level = level;
    clock.since = at;
  }

  // --- Time ---

  /**
   * Lets time pass up to `at`, a midnight at a time. What the log's own time, `now`, is past has happened too, if that is
   * later; but only instants at which something happens move the clock beyond `at`.
   */
  #pass(book: Book, at: number, now: number, changes: LevelChange[]): void {
    const { clock } = book;
    const { calendar } = this.#program;
    if (clock.at === -Infinity) {
      clock.at = at;
      clock.level = this.#levelOn(book, at)?.id ?? '';
    }
    const last = calendar.dayOf(now);
    for (let day = calendar.dayOf(clock.at); day <= last; day++) {
      const midnight = calendar.startOf(day);
      if (midnight > clock.at && this.#isDue(book, day)) this.#fire(book, midnight, changes);
      for (;;) {
        const next = Math.min(...clock.holds.map(({ untilMs }) => untilMs));
        if (next > now || calendar.dayOf(next) > day) break;
        this.#fire(book, Math.max(next, clock.at), changes);
      }
    }
    clock.at = Math.max(clock.at, at);
  }

  /** Does the day begin with points that expire or can be spent, or without a day of spend that the level rests on? */
  #isDue({ spend, clock }: Book, day: number): boolean {
    const { levels, counts } = this.#program;
    const rests = (levels?.find(({ id }) => id === clock.level)?.from.above ?? 0n) > 0n;
    const leaves = rests && [...spend].some(([of, amount]) => amount > 0n && counts(of, day - 1) && !counts(of, day));
    return (
      leaves ||
      [...clock.wallets.values()].some(
        ({ lots, waiting }) =>
          lots.some(({ left, last }) => left > 0n && last < day) ||
          waiting.some(({ points, first }) => points > 0n && first <= day),
      )
    );
  }

  /** The level first, then the points, wallet by wallet. */
  #fire(book: Book, at: number, changes: LevelChange[]): void {
    const { clock } = book;
    clock.at = at;
    this.#relevel(book, at, changes);
    this.#moveOn(clock, at);
    this.#redeemByItself(book, at);
  }

  /** What an event brought too late: it could be spent already, or can be no more. It happens with the instant it is late for. */
  #catchUp({ clock }: Book, until: number): void {
    for (;;) {
      const instants = [...clock.wallets.values()].flatMap((wallet) => this.#instantsOf(wallet));
      const at = Math.min(...instants, ...clock.holds.map(({ untilMs }) => untilMs));
      if (at > until) return;
      this.#moveOn(clock, at);
    }
  }

  #instantsOf(wallet: Wallet): number[] {
    const days = [
      ...lotsOf(wallet).map(({ last }) => last + 1),
      ...wallet.waiting.filter(({ points }) => points > 0n).map(({ first }) => first),
    ];
    return days.map((day) => (day === Infinity ? Infinity : this.#program.calendar.startOf(day)));
  }

  /** What is due at an instant: first what comes in, then what expires. */
  #moveOn(clock: Clock, at: number): void {
    const day = this.#program.calendar.dayOf(at);
    for (const hold of clock.holds.filter(({ untilMs }) => untilMs <= at)) {
      noted(clock, 'run out', hold.walletId, at, pointsIn(hold.parts));
      endHold(clock, hold, 0n);
    }
    for (const wallet of clock.wallets.values()) mature(wallet, day);
    for (const [walletId, wallet] of clock.wallets) noted(clock, 'expired', walletId, at, expire(wallet, day));
  }

  #redeemByItself({ clock }: Book, at: number): void {
    for (const wallet of clock.wallets.values()) {
      const { automaticAt } = wallet.rules.redeem ?? {};
      if (automaticAt === undefined) continue;
      const points = available(wallet) - (available(wallet) % automaticAt);
      noted(clock, 'redeemed', wallet.rules.id, at, pointsIn(spend(wallet, points)));
    }
  }

  #emptyBook(): Book {
    const wallets = new Map(this.#program.wallets.map((rules) => [rules.id, emptyWallet(rules)]));
    return {
      facts: new Map(),
      spend: new Map(),
      clock: { at: -Infinity, level: '', since: 0, wallets, holds: [], passed: [] },
      enrolledAt: 0,
    };
  }
}

interface Book {
  /** By event id, in the order they arrived. */
  readonly facts: Map<string, Fact>;
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
  readonly wallets: ReadonlyMap<string, Wallet>;
  /** In the order they were made. */
  readonly holds: Hold[];
  /** Not yet told. */
  readonly passed: Passed[];
}

interface Fact extends What {
  readonly type: PublicEvent['type'];
  /** What the event said. */
  readonly text: string;
}

/** What later events may ask about. */
interface What {
  readonly purchase?: Bought;
  readonly spent?: Spent;
}

/** Of a redemption or a capture. */
interface Spent {
  readonly walletId: string;
  readonly points: bigint;
  /** What has not come back. */
  parts: readonly Part[];
}

interface GoingBack {
  /** By purchase, in the order they were found: all that will have gone back. */
  readonly back: ReadonlyMap<Bought, readonly Back[]>;
  readonly unmatched: Pick<PublicPurchase, 'lines' | 'amount'>;
}

function instantOf({ id, occurredAt }: PublicEvent): number {
  const instant = Date.parse(occurredAt ?? '');
  if (Number.isNaN(instant)) throw new Error(`event ${id} says no time, and nobody says when it was received`);
  return instant;
}

function refused(code: string): OracleOutcome {
  return { code, points: {}, changes: [], passed: [] };
}

function bought(
  { id, store = '', ...event }: PublicPurchase | PublicReturn,
  at: number,
  day: number,
  price: ReturnType<typeof priced>,
  multiplier: Bought['multiplier'],
): Bought {
  const redemptionId = event.type === 'purchase' ? (event.redemptionId ?? '') : '';
  return { id, at, day, store, ...price, multiplier, redemptionId, back: [], isConfirmed: false };
}

function purchaseNamed({ facts }: Book, id: string): Bought | string {
  const fact = facts.get(id);
  return fact === undefined ? 'original_not_found' : (fact.purchase ?? 'original_not_a_purchase');
}

function named(book: Book, event: PublicReturn): GoingBack | string {
  const purchase = purchaseNamed(book, event.originalId ?? '');
  const back = typeof purchase === 'string' ? purchase : returnedBy(purchase, event);
  if (typeof purchase === 'string' || typeof back === 'string') return String(back);
  return { back: new Map([[purchase, back]]), unmatched: {} };
}

/** What an event says, one text whether a field is left out, empty or what it would be anyway. */
function canonical({ id, memberId, occurredAt = '', ...event }: PublicEvent): string {
  const said: Record<string, unknown> = { ...event, occurredAt: occurredAt === '' ? '' : Date.parse(occurredAt) };
  if (event.type === 'purchase' || event.type === 'return') {
    said['lines'] = (event.lines ?? []).map((line) => [
      line.sku,
      'category' in line ? line.category : '',
      line.quantity,
      line.amount,
    ]);
  }
  if (event.type === 'purchase') {
    // With lines, the amount is their sum, said or not.
    if (event.lines?.length) said['amount'] = '';
    for (const part of ['discount', 'paidWithPoints', 'tax', 'tip', 'giftCards'] as const) said[part] ||= '';
  }
  const fields = Object.entries(said).filter(([, value]) => value !== '' && value !== undefined);
  return JSON.stringify(fields.sort(([one], [other]) => (one < other ? -1 : 1)));
}

// --- Wallets ---

function walletOf({ clock }: Book, id: string): Wallet {
  const wallet = clock.wallets.get(id);
  if (wallet === undefined) throw new Error(`the program has no wallet ${id}`);
  return wallet;
}

function copyOfClock(clock: Clock): Clock {
  const wallets = new Map([...clock.wallets].map(([id, wallet]) => [id, copyOf(wallet)]));
  return { ...clock, wallets, holds: [...clock.holds], passed: [] };
}

/** Available, pending and debt together. */
function pointsOf(wallet: Wallet): bigint {
  return wallet.balance + pendingIn(wallet);
}

function shown(wallet: Wallet, { holds }: Clock): OracleWallet {
  const { balance, rules } = wallet;
  const held = holds.filter(({ walletId }) => walletId === rules.id);
  return {
    available: Number(available(wallet)),
    pending: Number(pendingIn(wallet)),
    held: Number(total(held.map(({ parts }) => pointsIn(parts)))),
    debt: balance < 0n ? -Number(balance) : 0,
    lots: lotsOf(wallet),
  };
}

function noted({ passed }: Clock, what: Passed['what'], wallet: string, at: number, points: bigint): void {
  if (points > 0n) passed.push({ what, wallet, at, points: Number(points) });
}

/** The hold is over: so many of its points are spent and returned, the others come back. */
function endHold({ wallets, holds }: Clock, hold: Hold, captured: bigint): readonly Part[] {
  const { first, others } = split(hold.parts, captured);
  const wallet = wallets.get(hold.walletId);
  if (wallet !== undefined) comeIn(wallet, others);
  holds.splice(holds.indexOf(hold), 1);
  return first;
}

/** Takes what is there, up to `amount`. A day that unmatched returns have emptied owes nothing to the next return. */
function takeFromDay(spend: Map<number, bigint>, day: number, amount: bigint): bigint {
  const there = spend.get(day) ?? 0n;
  const taken = amount < there ? amount : there;
  if (taken > 0n) spend.set(day, there - taken);
  return taken;
}
