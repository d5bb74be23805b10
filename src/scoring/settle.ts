/**
 * What time does to a member: days leave the window and levels end, lots end and points expire. Between those instants
 * nothing changes by itself, so one timer a member is enough: `due`, the earliest of them.
 */
import type { Program } from '../program/program.ts';
import { noteBalance } from './counters.ts';
import { lastDay } from './days.ts';
import type { AdjustmentEntry, Expiration } from './entry.ts';
import { expire, nextExpiry } from './expiry.ts';
import { lengthBefore } from './lots.ts';
import type { Member } from './member.ts';
import { NO_EXPIRATIONS, NO_REWARDS, NO_TIER_CHANGES, type TierChange } from './outcome.ts';
import { fitSets, rewindSets, takeGiven } from './sets.ts';
import { advance, levelEdge, lookThroughWindow, relevel, restoreWindow } from './tiers.ts';

/** What came of it, each in order of time. */
export interface Passed {
  readonly tierChanges: readonly TierChange[];
  readonly expirations: readonly Expiration[];
  readonly rewards: readonly AdjustmentEntry[];
}

const NOTHING_PASSED: Passed = { tierChanges: NO_TIER_CHANGES, expirations: NO_EXPIRATIONS, rewards: NO_REWARDS };

/**
 * Lets time pass for a member up to `until`. Timers fire by the log's time, `now`, also where `until` is a late event's: so
 * it does not matter whether a tick came before the event.
 */
export function settle(program: Program, member: Member, until: number, now = until): Passed {
  restoreWindow(program, member);
  let tierChanges = NO_TIER_CHANGES;
  let expirations = NO_EXPIRATIONS;
  const fired = Math.max(until, now);
  // A member is first judged, or judged by a new program, when it is first touched or its timer fires.
  if (member.programVersion !== program.version) {
    tierChanges = adopt(program, member, member.due <= fired ? member.due : Math.max(until, member.asOf));
  }
  while (member.due <= fired) {
    const at = member.due;
    advance(program, member, at);
    // At one instant the level goes first, then the points.
    tierChanges = relevel(program, member, at, tierChanges);
    if (nextExpiry(program, member) <= at) {
      expirations = [...expirations, expire(program, member, at)];
      if (program.qualifying?.usesBalance) tierChanges = relevel(program, member, at, tierChanges);
    }
    setTimer(program, member);
  }
  if (until > member.asOf) advance(program, member, until);
  const rewards = takeGiven(member);
  if (tierChanges.length === 0 && expirations.length === 0 && rewards.length === 0) return NOTHING_PASSED;
  return { tierChanges, expirations, rewards };
}

/**
 * Shows a member as it was at an earlier instant than it has been settled to, but not before its last purchase: the level is
 * what the ladder says of the spend by day, whichever way one looks. When that level began is not known, and points that
 * were spent or have expired since do not come back.
 */
export function rewind(program: Program, member: Member, to: number): void {
  const day = Math.max(program.zone.localDay(to), lastDay(member.spend) ?? 0);
  member.asOf = Math.max(to, program.zone.startOfDay(day));
  if (program.qualifying !== undefined) {
    rewindSets(member, day);
    return;
  }
  lookThroughWindow(program, member, day);
  relevel(program, member, member.asOf, NO_TIER_CHANGES);
  member.levelSince = 0;
}

/** The level after spend or lots have changed, and the timer. Returns `changes` with the change, if there is one, at its end. */
export function judge(
  program: Program,
  member: Member,
  at: number,
  changes: readonly TierChange[],
): readonly TierChange[] {
  const result = relevel(program, member, Math.max(at, member.asOf), changes);
  setTimer(program, member);
  return result;
}

/**
 * Lots that were over before they were opened, since what earned them came late: they expire at once, with the instant they
 * should have expired at. All that was over before has expired before the event.
 */
export function expireAtOnce(program: Program, member: Member, until: number): Expiration | undefined {
  const { zone } = program;
  const length = lengthBefore(member.lots, zone.localDay(until));
  if (length === 0) return undefined;
  const at = zone.startOfDay((member.lots[length - 3] as number) + 1);
  const expiration = expire(program, member, at);
  if (program.qualifying?.usesBalance) noteBalance(member, program.zone.localDay(at), false);
  setTimer(program, member);
  return expiration;
}

function adopt(program: Program, member: Member, at: number): readonly TierChange[] {
  const isNew = member.programVersion === 0;
  member.programVersion = program.version;
  advance(program, member, at);
  const gone = fitSets(program, member, at, isNew);
  const changes = judge(program, member, at, gone);
  if (!isNew) return changes;
  // The level everybody starts on is no promotion.
  member.levelSince = 0;
  return NO_TIER_CHANGES;
}

function setTimer(program: Program, member: Member): void {
  member.due = Math.min(levelEdge(program, member), nextExpiry(program, member));
}
