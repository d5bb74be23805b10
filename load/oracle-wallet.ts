/** Points of one wallet as the bookkeeper keeps them: a lot for each time that points came in, and lists of what was taken. */
import type { WalletRules } from './oracle-rules.ts';

export interface Wallet {
  readonly rules: WalletRules;
  /** Points that can be spent; negative is debt. Neither pending nor held points are in it. */
  balance: bigint;
  /** In the order they came. */
  readonly lots: Lot[];
  readonly waiting: Waiting[];
  readonly holds: Hold[];
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

/** Pending points of one purchase. */
interface Waiting {
  readonly purchaseId: string;
  readonly earned: number;
  last: number;
  /** The day from which they can be spent; Infinity: once confirmed. */
  readonly first: number;
  points: bigint;
}

export interface Hold {
  readonly id: string;
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
  return { rules, balance: 0n, lots: [], waiting: [], holds: [] };
}

export function copyOf({ rules, balance, lots, waiting, holds }: Wallet): Wallet {
  return {
    rules,
    balance,
    lots: lots.map((lot) => ({ ...lot })),
    waiting: waiting.map((one) => ({ ...one })),
    holds: [...holds],
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
 * Takes back what a purchase earned on a day: what is pending of it, what is open of it, what has expired of it, which costs
 * nothing, and then anything, as far as the wallet lets a return go. `isSettled`: none of it is pending.
 */
export function takeBack(wallet: Wallet, day: number, purchaseId: string, isSettled: boolean, points: bigint): void {
  let rest = points;
  if (!isSettled) {
    const ofDay = wallet.waiting.filter(({ earned }) => earned === day);
    rest = takeWaiting(
      [...ofDay].sort((one) => (one.purchaseId === purchaseId ? -1 : 1)),
      rest,
    );
  }
  if (wallet.rules.returns !== 'only-pending') {
    const lots = wallet.lots.filter(({ earned }) => earned === day);
    const open = pointsIn(takeFrom(soonest(lots), rest));
    wallet.balance -= open;
    rest -= open;
    for (const lot of lots) {
      const taken = least(lot.expired, rest);
      lot.expired -= taken;
      rest -= taken;
    }
  }
  deduct(wallet, rest);
}

/** Takes any points back, the soonest to expire first, as far as the wallet lets a return go. */
export function deduct(wallet: Wallet, points: bigint): void {
  const { returns } = wallet.rules;
  if (returns === 'only-pending') {
    takeWaiting(wallet.waiting, points);
    return;
  }
  const owed = returns === 'within-balance' ? least(points, available(wallet)) : points;
  wallet.balance -= owed;
  takeFrom(soonest(wallet.lots), owed);
}

/** What waited comes in once `isOver`. */
export function mature(wallet: Wallet, isOver: (waiting: Waiting) => boolean): bigint {
  let points = 0n;
  for (const one of wallet.waiting) {
    if (one.points === 0n || !isOver(one)) continue;
    comeIn(wallet, [one]);
    points += one.points;
    one.points = 0n;
  }
  return points;
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

/** The first `points` that were taken, and the others, last taken first. */
export function split(parts: readonly Part[], points: bigint): { first: Part[]; others: Part[] } {
  const first: Part[] = [];
  const others: Part[] = [];
  for (const part of parts) {
    const taken = least(part.points, points);
    points -= taken;
    if (taken > 0n) first.push({ ...part, points: taken });
    if (taken < part.points) others.unshift({ ...part, points: part.points - taken });
  }
  return { first, others };
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
  return lots
    .filter(({ left }) => left > 0n)
    .sort((one, other) => (one.last === other.last ? one.earned - other.earned : one.last < other.last ? -1 : 1));
}

function inOrder({ rules, lots }: Wallet): Lot[] {
  const order = soonest(lots);
  return rules.newestFirst ? order.sort((one, other) => other.earned - one.earned) : order;
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

/** Returns what could not be taken. */
function takeWaiting(waiting: readonly Waiting[], points: bigint): bigint {
  for (const one of waiting) {
    const taken = least(one.points, points);
    one.points -= taken;
    points -= taken;
  }
  return points;
}
