/**
 * Points whose last day has ended. A lot is over at the first instant of the local day after its last, so a change of clocks
 * moves no expiry by an hour, and a member needs to be looked at only when its first lot is over.
 */
import { EXPIRED_DAYS_KEPT } from '../limits.ts';
import { NEVER } from '../program/expiry.ts';
import type { Program, WalletRules } from '../program/program.ts';
import { addOnDay, type Days, dropBefore, lastDay } from './days.ts';
import type { Expiration } from './entry.ts';
import { record } from './ledger.ts';
import { extendTo, lengthBefore } from './lots.ts';
import type { Member } from './member.ts';
import { extendPending } from './pending.ts';
import type { Wallet } from './wallet.ts';

/** The last day on which points earned on a day can be spent. */
export function lastDayOf({ expiry }: WalletRules, earnedDay: number): number {
  return expiry === undefined ? NEVER : expiry.lastDay(earnedDay);
}

/** When the first of the open lots is over; Infinity for never. */
export function nextExpiry(program: Program, { lots }: Wallet): number {
  const first = lots[0];
  return first === undefined || first === NEVER ? Infinity : program.zone.startOfDay(first + 1);
}

/** A purchase renews what there is: it can be spent as long as what is earned on the day of the purchase, if that is longer. */
export function renew({ wallets }: Program, member: Member, day: number): void {
  for (const { expiry, index } of wallets) {
    if (!expiry?.isRenewed) continue;
    const wallet = member.wallets[index] as Wallet;
    const last = expiry.lastDay(day);
    wallet.lots = extendTo(wallet.lots, last);
    wallet.pending = extendPending(wallet.pending, last);
  }
}

/** Takes away the lots that are over at an instant and writes it down, wallet by wallet. */
export function expire(program: Program, member: Member, at: number): Expiration[] {
  const expirations: Expiration[] = [];
  for (const wallet of member.wallets) {
    if (nextExpiry(program, wallet) <= at) expirations.push(expireIn(program, member, wallet, at));
  }
  return expirations;
}

function expireIn(program: Program, member: Member, wallet: Wallet, at: number): Expiration {
  const { lots } = wallet;
  const length = lengthBefore(lots, program.zone.localDay(at));
  let earned: Days = [];
  let points = 0;
  for (let index = 0; index < length; index += 3) {
    const day = lots[index + 1] as number;
    const open = lots[index + 2] as number;
    earned = addOnDay(earned, day, open);
    wallet.expired = addOnDay(wallet.expired, day, open);
    points += open;
  }
  wallet.lots = lots.slice(length);
  wallet.balance -= points;
  // Bounded by days earned: what expires next was mostly earned next.
  wallet.expired = dropBefore(wallet.expired, (lastDay(wallet.expired) ?? 0) - EXPIRED_DAYS_KEPT);
  const entry: Expiration = {
    kind: 'expiration',
    eventId: '',
    occurredAt: 0,
    at,
    programVersion: program.version,
    walletId: wallet.id,
    earned,
  };
  record(member, entry);
  return entry;
}
