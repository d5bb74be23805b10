/** Points in and out of a member's balance and lots. Debt is repaid first; lots always add up to what can be spent. */
import { addOnDay, sumOfDays, takeOldest } from './days.ts';
import type { Member } from './member.ts';

/** Adds points earned on `day`. What repays debt opens no lot. */
export function credit(member: Member, day: number, points: number): void {
  const lot = Math.min(points, member.balance + points);
  member.balance += points;
  if (lot > 0) member.lots = addOnDay(member.lots, day, lot);
}

/** Takes points, first from the lot of `day` (where they were earned), then from the oldest lots, the rest becomes debt. */
export function debit(member: Member, day: number | undefined, points: number): void {
  member.balance -= points;
  let left = points;
  if (day !== undefined) {
    const fromDay = Math.min(points, sumOfDays(member.lots, day, day));
    member.lots = addOnDay(member.lots, day, -fromDay);
    left -= fromDay;
  }
  member.lots = takeOldest(member.lots, left);
}
