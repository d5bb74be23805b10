/**
 * Points whose last day has ended. A lot is over at the first instant of the local day after its last, so a change of clocks
 * moves no expiry by an hour, and a member needs to be looked at only when its first lot is over.
 */
import { fingerprint } from '../lib/hash.ts';
import { EXPIRED_DAYS_KEPT } from '../limits.ts';
import type { Program } from '../program/program.ts';
import { addOnDay, type Days, dropBefore, lastDay } from './days.ts';
import type { Expiration } from './entry.ts';
import { record } from './ledger.ts';
import { extendTo, lengthBefore, NEVER } from './lots.ts';
import type { Member } from './member.ts';

/** No event causes an expiration, so its entry has no id. */
const NO_ID = fingerprint('');

/** The last day on which points earned on a day can be spent. */
export function lastDayOf({ expiry }: Program, earnedDay: number): number {
  return expiry === undefined ? NEVER : expiry.lastDay(earnedDay);
}

/** When the first of the open lots is over; Infinity for never. */
export function nextExpiry(program: Program, { lots }: Member): number {
  const first = lots[0];
  return first === undefined || first === NEVER ? Infinity : program.zone.startOfDay(first + 1);
}

/** A purchase renews what is open: it can be spent as long as what is earned on the day of the purchase, if that is longer. */
export function renew({ expiry }: Program, member: Member, day: number): void {
  if (expiry?.isRenewed) member.lots = extendTo(member.lots, expiry.lastDay(day));
}

/** Takes away the lots that are over at an instant, of which there is one at least, and writes it down. */
export function expire(program: Program, member: Member, at: number): Expiration {
  const { lots } = member;
  const length = lengthBefore(lots, program.zone.localDay(at));
  let earned: Days = [];
  let points = 0;
  for (let index = 0; index < length; index += 3) {
    const day = lots[index + 1] as number;
    const open = lots[index + 2] as number;
    earned = addOnDay(earned, day, open);
    member.expired = addOnDay(member.expired, day, open);
    points += open;
  }
  member.lots = lots.slice(length);
  member.balance -= points;
  // Bounded by days earned: what expires next was mostly earned next.
  member.expired = dropBefore(member.expired, (lastDay(member.expired) ?? 0) - EXPIRED_DAYS_KEPT);
  const { version: programVersion } = program;
  const entry: Expiration = { kind: 'expiration', eventId: '', occurredAt: 0, at, programVersion, earned };
  record(member, entry, NO_ID);
  return entry;
}
