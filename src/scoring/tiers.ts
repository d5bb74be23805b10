/**
 * Which level a member holds. A level is always what the ladder says of the spend in the window as of some instant, so time
 * passing, a purchase, a return and a new program are one question asked again.
 *
 * Windows are whole local days: a purchase counts on its day and leaves at the start of the day `leavesOn` names.
 */

import { LATE_DAYS } from '../limits.ts';
import type { Program, TierLevel, TierSet } from '../program/program.ts';
import { programAt } from '../program/succession.ts';
import { dayCounted, forget } from './counters.ts';
import { addOnDay, dropBefore, firstDayFrom, lastDay, sumOfDays, takeNewest } from './days.ts';
import { exceptionsOf, forgetExceptions, heldRank, thresholdAt } from './exceptions.ts';
import { type Member, openWallets } from './member.ts';
import type { TierChange } from './outcome.ts';
import { firstDue, judgeSets, levelThen } from './sets.ts';

/** Works out what is derived and not stored, and opens new wallets, for a member fresh from the store or last seen by another program. */
export function restoreWindow(program: Program, member: Member): void {
  if (member.asOfDay === 0 || member.programVersion !== program.version) {
    openWallets(program, member);
    lookThroughWindow(program, member, program.zone.localDay(member.asOf));
  }
}

/** Moves `asOf`; within one local day the window stands still. */
export function advance(program: Program, member: Member, to: number): void {
  member.asOf = to;
  const day = program.zone.localDay(to);
  if (day !== member.asOfDay) lookThroughWindow(program, member, day);
}

export function lookThroughWindow(program: Program, member: Member, day: number): void {
  member.asOfDay = day;
  member.windowFirstDay = firstDayCounted(program, day);
  member.windowSpend = sumOfDays(member.spend, member.windowFirstDay, Infinity);
}

/** Without tiers, spend is kept for a year, so that a program that adds them finds what they look at. */
function firstDayCounted({ tiers, qualifying }: Program, day: number): number {
  if (qualifying !== undefined) return -Infinity;
  return tiers === undefined ? day - 365 : tiers.window.firstDay(day);
}

/** Asks the ladder again. Returns `changes` with the change, if there is one, at its end. */
export function relevel(
  program: Program,
  member: Member,
  at: number,
  changes: readonly TierChange[],
): readonly TierChange[] {
  if (program.qualifying !== undefined) return judgeSets(program, member, at, changes);
  const { tiers } = program;
  const levelId = tiers === undefined ? '' : (levelFor(tiers, member, member.windowSpend, member.asOf)?.id ?? '');
  if (levelId === member.levelId) return changes;
  const change = { set: '', from: member.levelId, to: levelId, at };
  member.levelId = levelId;
  member.levelSince = at;
  return changes.length === 0 ? [change] : [...changes, change];
}

/** The level that so much spend in the window gives a member at an instant. */
function levelFor(tiers: TierSet, member: Member, spend: number, at: number): TierLevel | undefined {
  const exceptions = exceptionsOf(member, tiers.id, true);
  if (exceptions.length === 0) return tiers.levelFor(spend);
  const { levels } = tiers;
  const qualified = levels.findLastIndex(({ id, fromMinor }) => spend >= thresholdAt(exceptions, id, fromMinor, at));
  return levels[heldRank(qualified, exceptions, (id) => levels.findIndex((level) => level.id === id), at)];
}

/** When the earliest day in the window leaves it, if that can cost the level. */
export function levelEdge(program: Program, member: Member): number {
  if (program.qualifying !== undefined) return firstDue(program, member);
  const { tiers, zone } = program;
  const level = tiers?.level(member.levelId);
  if (tiers === undefined || level === undefined) return Infinity;
  if (level.fromMinor === 0 && member.exceptions.length === 0) return Infinity;
  const day = firstDayFrom(member.spend, member.windowFirstDay);
  return day === undefined ? Infinity : zone.startOfDay(tiers.window.leavesOn(day));
}

/** The level in force at an instant that may lie before what has been settled, since a till was offline; '' for none. */
export function levelAt(program: Program, member: Member, at: number): string {
  if (at >= member.asOf) return member.levelId;
  const then = programAt(program, at);
  if (then.qualifying !== undefined && program.qualifying !== undefined) return levelThen(program, member, at);
  // What sets of an earlier version made of the day is no longer known once there are none.
  const { tiers } = then.qualifying === undefined ? then : program;
  if (tiers === undefined) return '';
  const day = program.zone.localDay(at);
  return levelFor(tiers, member, sumOfDays(member.spend, tiers.window.firstDay(day), day), at)?.id ?? '';
}

/** Counts spend on the day it was made. Call `judge` (settle.ts) after. */
export function addSpend(program: Program, member: Member, day: number, amount: number): void {
  const newest = lastDay(member.spend);
  member.spend = addOnDay(member.spend, day, amount);
  if (day >= member.windowFirstDay) member.windowSpend += amount;
  // With a new day of purchases, or one that leaves no spend to tell days by.
  if (newest === undefined ? amount === 0 : day > newest) {
    const { qualifying, zone } = program;
    if (member.exceptions.length > 0) {
      forgetExceptions(member, zone.startOfDay(day - (qualifying?.horizonDays ?? LATE_DAYS)));
    }
    if (qualifying === undefined) member.spend = dropBefore(member.spend, firstDayCounted(program, day - LATE_DAYS));
    else forget(qualifying, member);
  }
}

/** Takes returned spend from the day of its purchase. */
export function takeSpend({ qualifying }: Program, member: Member, day: number, amount: number): void {
  const on = qualifying?.lifetime.has('spend') ? dayCounted(member.spend, day) : day;
  const taken = Math.min(amount, sumOfDays(member.spend, on, on));
  member.spend = addOnDay(member.spend, on, -taken);
  if (day >= member.windowFirstDay) member.windowSpend -= taken;
}

/** Takes spend that belongs to no known purchase, from the latest days back. */
export function takeLatestSpend(member: Member, amount: number): void {
  member.spend = takeNewest(member.spend, amount);
  member.windowSpend = sumOfDays(member.spend, member.windowFirstDay, Infinity);
}
