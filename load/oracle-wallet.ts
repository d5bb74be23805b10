/** Points of one wallet as the bookkeeper keeps them: a lot for each time that points came in, and lists of what was taken. */
import type { WalletRules } from './oracle-rules.ts';

export interface Wallet {
  readonly rules: WalletRules;
  /** Points that can be spent; negative is debt. Neither pending nor held points are in it. */
  balance: bigint;
  /** In the order they came. */
  readonly lots: Lot[];
  readonly waiting: Waiting[];
}

/** Days are local days since 1970; `last` is Infinity for points that do not expire. */
interface Lot {
  readonly earned: number;
  last: number;
  /** To be spent. */
  left: bigint;
  /** Gone by time, and not returned since. */
  expired: bigint;
}

/** Pending points. */
interface Waiting {
  readonly earned: number;
  last: number;
  /** The day from which they can be spent; Infinity: once confirmed. */
  readonly first: number;
  points: bigint;
}

export interface Hold {
  /** Of the authorisation. */
  readonly id: string;
  readonly walletId: string;
  readonly untilMs: number;
  readonly parts: readonly Part[];
}

/** Points that left a lot, or go back to it. */
export interface Part {
  readonly earned: number;
  readonly last: number;
  readonly points: bigint;
}

/** Of what has expired, what was earned longer than this before the newest is forgotten. */
const EXPIRED_DAYS = 730;

export function emptyWallet(rules: WalletRules): Wallet {
  return { rules, balance: 0n, lots: [], waiting: [] };
}

export function copyOf({ rules, balance, lots, waiting }: Wallet): Wallet {
  return {
    rules,
    balance,
    lots: lots.map((lot) => ({ ...lot })),
    waiting: waiting.map((one) => ({ ...one })),
  };
}

export function total(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

export function least(first: bigint, ...others: readonly bigint[]): bigint {
  for (const other of others) if (other < first) first = other;
  return first;
}

export function pendingIn({ waiting }: Wallet): bigint {
  return total(waiting.map(({ points }) => points));
}

export function available({ balance }: Wallet): bigint {
  return balance > 0n ? balance : 0n;
}

export function pointsIn(parts: readonly Part[]): bigint {
  return total(parts.map(({ points }) => points));
}

/** Points that come in, or come back; what repays a debt cannot be spent. */
export function comeIn(wallet: Wallet, parts: readonly Part[]): void {
  for (const { earned, last, points } of parts) {
    wallet.balance += points;
    const left = least(points, available(wallet));
    if (left > 0n) wallet.lots.push({ earned, last, left, expired: 0n });
  }
}

/** Takes points in the order in which the wallet spends them; what is not there is debt. */
export function spend(wallet: Wallet, points: bigint): Part[] {
  wallet.balance -= points;
  return takeFrom(inOrder(wallet), points);
}

/**
 * Takes back what a purchase earned on a day: what is pending of it, what is open of it (of one that was confirmed, that
 * first), what has expired of it, which costs nothing, and then anything, as far as `limit` lets it go.
 */
export function takeBack(wallet: Wallet, day: number, isConfirmed: boolean, points: bigint, limit: Limit): void {
  const waiting = wallet.waiting.filter(({ earned }) => earned === day);
  const lots = wallet.lots.filter(({ earned }) => earned === day);
  let rest = points;
  if (!isConfirmed) rest -= takeWaiting(waiting, rest);
  if (limit !== 'only-pending') {
    const open = pointsIn(takeFrom(soonest(lots), rest));
    wallet.balance -= open;
    rest -= open;
    if (isConfirmed) rest -= takeWaiting(waiting, rest);
    for (const lot of lots) {
      const taken = least(lot.expired, rest);
      lot.expired -= taken;
      rest -= taken;
    }
  }
  deduct(wallet, rest, limit);
}

type Limit = WalletRules['returns'];

/** Takes any points back, the soonest to expire first, as far as `limit` lets it go. */
export function deduct(wallet: Wallet, points: bigint, limit: Limit): void {
  if (limit === 'only-pending') takeWaiting(wallet.waiting, points);
  else takeSoonest(wallet, limit === 'within-balance' ? least(points, available(wallet)) : points);
}

/** Takes any points, whatever the wallet says of spending and returns; what is not there is debt. */
export function takeSoonest(wallet: Wallet, points: bigint): void {
  wallet.balance -= points;
  takeFrom(soonest(wallet.lots), points);
}

/** What waits of a day, up to so many points, comes in. Returns how many came. */
export function confirm(wallet: Wallet, day: number, points: bigint): bigint {
  const waiting = inTurn(wallet.waiting.filter(({ earned }) => earned === day));
  let rest = points;
  for (const one of waiting) {
    const taken = takeWaiting([one], rest);
    comeIn(wallet, [{ ...one, points: taken }]);
    rest -= taken;
  }
  return points - rest;
}

/** What can be spent from a day on comes in. */
export function mature(wallet: Wallet, day: number): void {
  for (const one of inTurn(wallet.waiting)) {
    if (one.first > day) continue;
    comeIn(wallet, [one]);
    one.points = 0n;
  }
}

/** A purchase on a day renews what is open and what is pending. */
export function renew({ lots, waiting }: Wallet, last: number): void {
  for (const lot of lots) if (lot.left > 0n && lot.last < last) lot.last = last;
  for (const one of waiting) if (one.last < last) one.last = last;
}

/** Lots whose last day is before `day`. Returns the points. */
export function expire(wallet: Wallet, day: number): bigint {
  const { lots } = wallet;
  let points = 0n;
  for (const lot of lots) {
    if (lot.last >= day) continue;
    points += lot.left;
    lot.expired += lot.left;
    lot.left = 0n;
  }
  if (points === 0n) return 0n;
  wallet.balance -= points;
  const newest = Math.max(...lots.filter(({ expired }) => expired > 0n).map(({ earned }) => earned));
  for (const lot of lots) if (lot.earned < newest - EXPIRED_DAYS) lot.expired = 0n;
  return points;
}

/** The first `points` that were taken, and the others, the soonest to expire first. */
export function split(parts: readonly Part[], points: bigint): { first: Part[]; others: Part[] } {
  const first: Part[] = [];
  const others: Part[] = [];
  for (const part of parts) {
    const taken = least(part.points, points);
    points -= taken;
    if (taken > 0n) first.push({ ...part, points: taken });
    if (taken < part.points) others.push({ ...part, points: part.points - taken });
  }
  return { first, others: inTurn(others) };
}

/** Lots that agree in both days as one. */
export function lotsOf({ lots }: Wallet): { last: number; earned: number; points: number }[] {
  const sums = new Map<string, { last: number; earned: number; points: number }>();
  for (const { last, earned, left } of soonest(lots)) {
    const before = sums.get(`${last} ${earned}`)?.points ?? 0;
    sums.set(`${last} ${earned}`, { last, earned, points: before + Number(left) });
  }
  return [...sums.values()];
}

function soonest(lots: readonly Lot[]): Lot[] {
  return inTurn(lots.filter(({ left }) => left > 0n));
}

function inOrder({ rules, lots }: Wallet): Lot[] {
  const order = soonest(lots);
  return rules.newestFirst ? order.reverse().sort((one, other) => other.earned - one.earned) : order;
}

function takeFrom(lots: readonly Lot[], points: bigint): Part[] {
  const parts: Part[] = [];
  for (const lot of lots) {
    const taken = least(lot.left, points);
    lot.left -= taken;
    points -= taken;
    if (taken > 0n) parts.push({ earned: lot.earned, last: lot.last, points: taken });
  }
  return parts;
}

function takeWaiting(waiting: readonly Waiting[], points: bigint): bigint {
  let rest = points;
  for (const one of inTurn(waiting)) {
    const taken = least(one.points, rest);
    one.points -= taken;
    rest -= taken;
  }
  return points - rest;
}

/** The soonest to expire first, then the oldest. */
function inTurn<T extends Pick<Lot, 'last' | 'earned'>>(ones: readonly T[]): T[] {
  return [...ones].sort((one, other) =>
    one.last === other.last ? one.earned - other.earned : one.last < other.last ? -1 : 1,
  );
}
