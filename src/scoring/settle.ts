/**
 * What time does to a member: days leave the window, exceptions and levels end, holds run out, points that waited can be spent,
 * lots end and points expire, and wallets redeem by themselves what then can be spent. Between those instants nothing changes
 * by itself, so one timer a member is enough: `due`, the earliest.
 */
import { DAY_MS } from '../lib/zone.ts';
import { WINDOW_DAYS_MAX } from '../limits.ts';
import type { Program } from '../program/program.ts';
import { noteBalance } from './counters.ts';
import { lastDay } from './days.ts';
import type { Entry } from './entry.ts';
import { closeOver, nextExceptionEnd } from './exceptions.ts';
import { expire, nextExpiry } from './expiry.ts';
import { nextRelease, releaseOver } from './holds.ts';
import { copyMember, type Member } from './member.ts';
import { NO_ENTRIES, NO_TIER_CHANGES, type TierChange } from './outcome.ts';
import { makeAvailable, nextAvailable } from './pending.ts';
import { redeemByThemselves } from './redemption.ts';
import { fitSets, rewindSets, takeGiven } from './sets.ts';
import { advance, levelEdge, lookThroughWindow, relevel, restoreWindow } from './tiers.ts';

/** What came of it, each in order of time. */
export interface Passed {
  readonly tierChanges: readonly TierChange[];
  /** Rewards for levels, ends of exceptions, releases, settlements, expirations, redemptions by wallets themselves. */
  readonly entries: readonly Entry[];
}

const NOTHING_PASSED: Passed = { tierChanges: NO_TIER_CHANGES, entries: NO_ENTRIES };

/**
 * Lets time pass for a member up to `until`. Timers fire by the log's time, `now`, also where `until` is a late event's: so
 * it does not matter whether a tick came before the event.
 */
export function settle(program: Program, member: Member, until: number, now = until): Passed {
  restoreWindow(program, member);
  let tierChanges = NO_TIER_CHANGES;
  let entries = NO_ENTRIES;
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
    const ended = closeOver(program, member, at);
    const passed = [...passInWallets(program, member, at), ...redeemByThemselves(program, member, at)];
    if (passed.length > 0 && program.qualifying?.usesBalance) tierChanges = relevel(program, member, at, tierChanges);
    entries = [...entries, ...takeGiven(member), ...ended, ...passed];
    setTimer(program, member);
  }
  if (until > member.asOf) advance(program, member, until);
  if (tierChanges.length === 0 && entries.length === 0) return NOTHING_PASSED;
  return { tierChanges, entries };
}

function passInWallets(program: Program, member: Member, at: number): Entry[] {
  const released = releaseOver(program, member, at);
  const settlement = makeAvailable(program, member, at);
  const expirations = expire(program, member, at);
  return [...released, ...(settlement === undefined ? [] : [settlement]), ...expirations];
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
    rewindSets(program, member, day);
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
 * What follows from an event at `at`, once levels are judged. What was over before it was opened, since what earned it came late
 * or what it was spent on came back, happens with the instant it should have happened at; all that was over before has been
 * so before the event. Then wallets redeem by themselves what can still be spent.
 */
export function passAtOnce(program: Program, member: Member, at: number, now: number): readonly Entry[] {
  const until = Math.max(now, member.asOf);
  let entries = NO_ENTRIES;
  if (member.due <= until) {
    for (let over = nextInWallets(program, member); over <= until; over = nextInWallets(program, member)) {
      entries = [...entries, ...passInWallets(program, member, over)];
      if (program.qualifying?.usesBalance) noteBalance(member, program.zone.localDay(over), false);
    }
    setTimer(program, member);
  }
  const redeemed = redeemByThemselves(program, member, at);
  if (redeemed.length === 0) return entries;
  setTimer(program, member);
  return [...entries, ...redeemed];
}

/**
 * Lets time alone pass, on a copy, until something has come about. Undefined where it will not: within the longest window or
 * term a program can have everything is decided.
 */
export function foresee(program: Program, member: Member, hasCome: (ahead: Member) => boolean): Member | undefined {
  const ahead = copyMember(member);
  const last = member.asOf + WINDOW_DAYS_MAX * DAY_MS;
  while (ahead.due <= last) {
    settle(program, ahead, ahead.due);
    if (hasCome(ahead)) return ahead;
  }
  return undefined;
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
  member.due = Math.min(levelEdge(program, member), nextExceptionEnd(member), nextInWallets(program, member));
}

function nextInWallets(program: Program, member: Member): number {
  let next = member.holds.length === 0 ? Infinity : nextRelease(member);
  for (const wallet of member.wallets) {
    next = Math.min(next, nextAvailable(program, wallet), nextExpiry(program, wallet));
  }
  return next;
}
