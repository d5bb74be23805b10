/**
 * Points in and out of one wallet of a member. Debt is repaid first; lots always add up to what can be spent, and what is
 * pending waits in lots of its own.
 */
import { must } from '../lib/assert.ts';
import type { Program, WalletRules } from '../program/program.ts';
import { addOnDay, type Days, sumOfDays } from './days.ts';
import { addLot, type Lots, openOfDay, takeLots, takeOfDay, takeSoonest } from './lots.ts';
import { openPending, type PendingLots, pendingOfDay, sumOfPending, takePending, takePendingOfDay } from './pending.ts';

export interface Wallet {
  readonly id: string;
  /** Available if positive, debt if negative. */
  balance: number;
  /** What can be spent and until when. Its sum is the balance while that is not negative. */
  lots: Lots;
  /** Earned, and not to be spent yet. */
  pending: PendingLots;
  /** Points that have expired, by the day they were earned, less what has been returned since; of EXPIRED_DAYS_KEPT days. */
  expired: Days;
}

/** Shared by all wallets that have none: lists are only added to by making another. */
const NOTHING: number[] = [];

export function newWallet(id: string): Wallet {
  return { id, balance: 0, lots: [], pending: NOTHING, expired: NOTHING };
}

export function copyWallet({ id, balance, lots, pending, expired }: Wallet): Wallet {
  return { id, balance, lots: lots.slice(), pending: pending.slice(), expired: expired.slice() };
}

/** Adds points earned on a day, to be spent by the end of another. What repays debt opens no lot. */
export function credit(wallet: Wallet, earnedDay: number, lastDay: number, points: number): void {
  const lot = Math.min(points, wallet.balance + points);
  wallet.balance += points;
  if (lot > 0) wallet.lots = addLot(wallet.lots, lastDay, earnedDay, lot);
}

/** Adds points earned on a day, to wait where the wallet says so. */
export function earn(rules: WalletRules, wallet: Wallet, earnedDay: number, lastDay: number, points: number): void {
  if (rules.pending === undefined) credit(wallet, earnedDay, lastDay, points);
  else wallet.pending = openPending(wallet.pending, rules.pending.availableOn(earnedDay), lastDay, earnedDay, points);
}

/** Takes points: the soonest to expire first, then the oldest; the rest becomes debt. */
export function debit(wallet: Wallet, points: number): void {
  wallet.balance -= points;
  wallet.lots = takeSoonest(wallet.lots, points);
}

/** Takes points that are there, in the order the wallet says. Returns the lots they came from. */
export function spend(rules: WalletRules, wallet: Wallet, points: number): Lots {
  const { kept, taken } = takeLots(wallet.lots, points, rules.spend);
  wallet.balance -= points;
  wallet.lots = kept;
  return taken;
}

/** Puts lots back as they were. What repays debt opens none: the last of them are the first to be needed. */
export function putBack(wallet: Wallet, lots: Lots): void {
  for (let index = 0; index < lots.length; index += 3) {
    credit(wallet, lots[index + 1] as number, lots[index] as number, lots[index + 2] as number);
  }
}

export interface TakenBack {
  readonly expired: number;
  readonly forgiven: number;
}

/**
 * Takes back points that were earned on a day: what is pending of that day, what is open of it, then what has expired of it,
 * which is gone already and is not charged again, and the rest like any other points, as far as `limit` goes.
 * Points that were confirmed are looked for among the open ones first. Returns how many had expired or were left.
 */
export function takeBack(
  wallet: Wallet,
  earnedDay: number,
  points: number,
  confirmed: boolean,
  limit: WalletRules['returns'],
): TakenBack {
  let left = points;
  const pending = (upTo: number): void => {
    const taken = Math.min(upTo, pendingOfDay(wallet.pending, earnedDay));
    wallet.pending = takePendingOfDay(wallet.pending, earnedDay, taken);
    left -= taken;
  };
  const open = (): void => {
    const taken = Math.min(left, openOfDay(wallet.lots, earnedDay));
    wallet.lots = takeOfDay(wallet.lots, earnedDay, taken);
    wallet.balance -= taken;
    left -= taken;
  };
  const isWaiting = wallet.pending.length > 0;
  if (isWaiting && !confirmed) pending(left);
  if (limit === 'only-pending') return { expired: 0, forgiven: left - takeAny(wallet, left, limit) };
  open();
  if (isWaiting && confirmed) pending(left);
  const expired = Math.min(left, sumOfDays(wallet.expired, earnedDay, earnedDay));
  wallet.expired = addOnDay(wallet.expired, earnedDay, -expired);
  left -= expired;
  return { expired, forgiven: left - takeAny(wallet, left, limit) };
}

/** Takes points back whenever they were earned, as far as `limit` goes. Returns how many. */
export function takeAny(wallet: Wallet, points: number, limit: WalletRules['returns']): number {
  if (limit === 'only-pending') {
    const taken = Math.min(points, sumOfPending(wallet.pending));
    wallet.pending = takePending(wallet.pending, taken);
    return taken;
  }
  const charged = limit === 'unlimited' ? points : Math.min(points, Math.max(0, wallet.balance));
  debit(wallet, charged);
  return charged;
}

export function rulesOf(program: Program, walletId: string): WalletRules {
  let found: WalletRules | undefined;
  for (const rules of program.wallets) if (rules.id === walletId) found = rules;
  return must(found, 'points are of a wallet that the program does not have');
}
