/** Points in and out of a member's balance and lots. Debt is repaid first; lots always add up to what can be spent. */
import { addOnDay, sumOfDays } from './days.ts';
import { addLot, openOfDay, takeOfDay, takeSoonest } from './lots.ts';
import type { Member } from './member.ts';

/** Adds points earned on a day, to be spent by the end of another. What repays debt opens no lot. */
export function credit(member: Member, earnedDay: number, lastDay: number, points: number): void {
  const lot = Math.min(points, member.balance + points);
  member.balance += points;
  if (lot > 0) member.lots = addLot(member.lots, lastDay, earnedDay, lot);
}

/** Takes points: the soonest to expire first, then the oldest; the rest becomes debt. */
export function debit(member: Member, points: number): void {
  member.balance -= points;
  member.lots = takeSoonest(member.lots, points);
}

/**
 * Takes back points that were earned on a day: first what is open of that day, then what has expired of it, which is gone
 * already and is not charged again, and the rest like any other points. Returns how many had expired.
 */
export function takeBack(member: Member, earnedDay: number, points: number): number {
  const open = Math.min(points, openOfDay(member.lots, earnedDay));
  member.lots = takeOfDay(member.lots, earnedDay, open);
  member.balance -= open;
  const expired = Math.min(points - open, sumOfDays(member.expired, earnedDay, earnedDay));
  member.expired = addOnDay(member.expired, earnedDay, -expired);
  debit(member, points - open - expired);
  return expired;
}
