/** Points in and out of a member's balance and lots. Debt is repaid first; lots always add up to what can be spent. */
import { addOnDay, takeFromDay, takeOldest } from './days.ts';
import type { Member } from './member.ts';

/** Adds points earned on `day`. What repays debt opens no lot. */
export function credit(member: Member, day: number, points: number): void {
  const lot = Math.min(points, member.balance + points);
  member.balance += points;
  if (lot > 0) addOnDay(member.lots, day, lot);
}

/** Takes points, first from the lot of `day` (where they were earned), then from the oldest lots, the rest becomes debt. */
export function debit(member: Member, day: number | undefined, points: number): void {
  member.balance -= points;
  const fromDay = day === undefined ? 0 : takeFromDay(member.lots, day, points);
  takeOldest(member.lots, points - fromDay);
}
