/**
 * Which level a member holds. A level is always what the ladder says of the spend in the window as of some instant, so time
 * passing, a purchase, a return and a new program are one question asked again.
 *
 * Windows are whole local days: a purchase counts on its day and leaves at the start of the day `leavesOn` names. Between
 * those instants nothing can change by itself, which is why one timer a member is enough.
 */

import { LATE_DAYS } from '../limits.ts';
import type { Program, TierLevel, TierSet } from '../program/program.ts';
import { addOnDay, dropBefore, firstDayFrom, lastDay, sumOfDays, takeNewest } from './days.ts';
import type { Member } from './member.ts';
import { NO_TIER_CHANGES, type TierChange } from './outcome.ts';

/**
 * Lets time pass for a member up to `until`: days leave the window, levels end. Returns the changes, in order. Timers fire by
 * the log's time, `now`, also where `until` is a late event's: so it does not matter whether a tick came before the event.
 */
export function settle(program: Program, member: Member, until: number, now = until): readonly TierChange[] {
  restoreWindow(program, member);
  let changes = NO_TIER_CHANGES;
  const fired = Math.max(until, now);
  // A member is first judged, or judged by a new program, when it is first touched or its timer fires.
  if (member.programVersion !== program.version) {
    changes = adopt(program, member, member.due <= fired ? member.due : Math.max(until, member.asOf));
  }
  while (member.due <= fired) {
    advance(program, member, member.due);
    changes = relevel(program, member, member.asOf, changes);
  }
  if (until > member.asOf) advance(program, member, until);
  return changes;
}

/**
 * Shows a member as it was at an earlier instant than it has been settled to, but not before its last purchase: the level is
 * what the ladder says of the spend by day, whichever way one looks. When that level began is not known.
 */
export function rewind(program: Program, member: Member, to: number): void {
  const day = Math.max(program.zone.localDay(to), lastDay(member.spend) ?? 0);
  member.asOf = Math.max(to, program.zone.startOfDay(day));
  lookThroughWindow(program, member, day);
  relevel(program, member, member.asOf, NO_TIER_CHANGES);
  member.levelSince = 0;
}

function adopt(program: Program, member: Member, at: number): readonly TierChange[] {
  const isNew = member.programVersion === 0;
  member.programVersion = program.version;
  advance(program, member, at);
  const changes = relevel(program, member, at, NO_TIER_CHANGES);
  if (!isNew) return changes;
  // The level everybody starts on is no promotion.
  member.levelSince = 0;
  return NO_TIER_CHANGES;
}

/** Works out what is derived and not stored, for a member fresh from the store or last seen by another program. */
export function restoreWindow(program: Program, member: Member): void {
  if (member.asOfDay === 0 || member.programVersion !== program.version) {
    lookThroughWindow(program, member, program.zone.localDay(member.asOf));
  }
}

/** Moves `asOf`; within one local day the window stands still. */
function advance(program: Program, member: Member, to: number): void {
  member.asOf = to;
  const day = program.zone.localDay(to);
  if (day !== member.asOfDay) lookThroughWindow(program, member, day);
}

function lookThroughWindow(program: Program, member: Member, day: number): void {
  member.asOfDay = day;
  member.windowFirstDay = firstDayCounted(program, day);
  member.windowSpend = sumOfDays(member.spend, member.windowFirstDay, Infinity);
}

/** Without tiers, spend is kept for a year, so that a program that adds them finds what they look at. */
function firstDayCounted({ tiers }: Program, day: number): number {
  return tiers === undefined ? day - 365 : tiers.window.firstDay(day);
}

/** Asks the ladder again and sets the timer. */
function relevel(program: Program, member: Member, at: number, changes: readonly TierChange[]): readonly TierChange[] {
  const { tiers } = program;
  const level = tiers?.levelFor(member.windowSpend);
  const levelId = level?.id ?? '';
  member.due = tiers === undefined ? Infinity : nextDue(program, tiers, member, level);
  if (levelId === member.levelId) return changes;
  const change = { from: member.levelId, to: levelId, at };
  member.levelId = levelId;
  member.levelSince = at;
  return changes.length === 0 ? [change] : [...changes, change];
}

/** When the earliest day in the window leaves it, if that can cost the level. */
function nextDue(program: Program, tiers: TierSet, member: Member, level: TierLevel | undefined): number {
  if (level === undefined || level.fromMinor === 0) return Infinity;
  const day = firstDayFrom(member.spend, member.windowFirstDay);
  return day === undefined ? Infinity : program.zone.startOfDay(tiers.window.leavesOn(day));
}

/** The level in force at an instant that may lie before what has already been settled: a till that was offline. */
export function levelAt(program: Program, member: Member, at: number): TierLevel | undefined {
  const { tiers } = program;
  if (tiers === undefined) return undefined;
  if (at >= member.asOf) return tiers.level(member.levelId);
  const day = program.zone.localDay(at);
  return tiers.levelFor(sumOfDays(member.spend, tiers.window.firstDay(day), day));
}

/** Counts spend on the day it was made. Call `judge` after. */
export function addSpend(program: Program, member: Member, day: number, amount: number): void {
  const newest = lastDay(member.spend);
  member.spend = addOnDay(member.spend, day, amount);
  if (day >= member.windowFirstDay) member.windowSpend += amount;
  if (newest !== undefined && day > newest) {
    member.spend = dropBefore(member.spend, firstDayCounted(program, day - LATE_DAYS));
  }
}

/** Takes returned spend from the day of its purchase. */
export function takeSpend(member: Member, day: number, amount: number): void {
  const taken = Math.min(amount, sumOfDays(member.spend, day, day));
  member.spend = addOnDay(member.spend, day, -taken);
  if (day >= member.windowFirstDay) member.windowSpend -= taken;
}

/** Takes spend that belongs to no known purchase, from the latest days back. */
export function takeLatestSpend(member: Member, amount: number): void {
  member.spend = takeNewest(member.spend, amount);
  member.windowSpend = sumOfDays(member.spend, member.windowFirstDay, Infinity);
}

/** The level after spend has changed. Returns `changes` with the change, if there is one, at its end. */
export function judge(
  program: Program,
  member: Member,
  at: number,
  changes: readonly TierChange[],
): readonly TierChange[] {
  return relevel(program, member, Math.max(at, member.asOf), changes);
}
