/**
 * How one tier set moves a member from phase to phase. What holds on a day follows from the phase before, the counters by
 * day and the day itself, so a return or a late purchase is answered by judging again from the day that it changed: what
 * comes out is what would have been, had all come in order.
 *
 * A day is judged at its dawn, when terms and graces end and periods begin, by what was counted up to the day before; and at
 * its end, by all that is counted so far. A balance can also fall within a day: it is judged at its highest first. What a
 * member has been given as thresholds of its own goes by the end of the day that is counted up to, or by now.
 */

import type { Zone } from '../lib/zone.ts';
import { NEVER } from '../program/expiry.ts';
import type { LevelSet, SetLevel } from '../program/program.ts';
import { anchorOf, countOf, firstCountFrom } from './counters.ts';
import { type Exception, thresholdAt } from './exceptions.ts';
import { lengthBefore } from './lots.ts';
import type { Member } from './member.ts';
import { basePhase, type Phase, phaseNow, type SetStanding, type Standing } from './standing.ts';

/** A member and one of its program's sets. */
export interface Judged {
  readonly set: LevelSet;
  /** Its place in the program. */
  readonly index: number;
  readonly member: Member;
  readonly standing: Standing;
  /** The member's, of this set. */
  readonly exceptions: readonly Exception[];
  readonly zone: Zone;
}

/** A moment of a day: its dawn, its highest balance, its end. */
type Moment = 'dawn' | 'peak' | 'end';

const NO_REWARDS: readonly number[] = [];

/**
 * Judges from a day on to another, and returns the points that reaching levels gives now and did not before: day, points, ...
 * `isChange`: something was counted on `from`, and what time does by then has been done.
 */
export function judgeFrom(
  judged: Judged,
  own: SetStanding,
  from: number,
  to: number,
  isChange: boolean,
): readonly number[] {
  const { phases } = own;
  let rewards = NO_REWARDS;
  // What was counted on a day does not change how it dawned: most purchases ask one question, not two.
  const isBase = basePhase(own).day === from;
  let hasDawned = isChange || isBase;
  while (phases.length > own.base + 1 && phaseNow(own).day >= from) {
    const undone = phases.pop() as Phase;
    if (undone.day === from) hasDawned = isBase;
    if (undone.reward > 0) rewards = [...rewards, undone.day, -undone.reward];
  }
  const reach = (day: number, moment: Moment): void => {
    const phase = phaseNow(own);
    const next = phaseAfter(judged, phase, day, moment);
    if (next === phase) return;
    phases.push(next);
    if (next.reward > 0) rewards = [...rewards, day, next.reward];
  };
  for (let day = from; ; ) {
    if (!hasDawned) reach(day, 'dawn');
    hasDawned = false;
    if (judged.set.usesBalance) reach(day, 'peak');
    reach(day, 'end');
    if (day >= to) return rewards;
    day = nextDay(judged, phaseNow(own), day);
    if (day > to) return rewards;
  }
}

/** The next day on which something was counted, or time does something. */
function nextDay(judged: Judged, phase: Phase, day: number): number {
  const { set, member, standing } = judged;
  let next = nextDue(judged, phase, day);
  for (const { of } of set.counters) next = Math.min(next, firstCountFrom(of, member, standing, day + 1) ?? Infinity);
  for (const exception of judged.exceptions) next = Math.min(next, firstChange(judged, exception, day));
  return next;
}

/** The first day after `day` on which thresholds of the member's own begin or end. */
function firstChange({ zone }: Judged, { thresholds, since, until }: Exception, day: number): number {
  if (thresholds.length === 0) return Infinity;
  const days = [since, until].map((instant) => (instant === Infinity ? Infinity : zone.localDay(instant)));
  return Math.min(...days.filter((changed) => changed > day));
}

/** What a level's condition takes of this member, by the end of a day. */
export function amountOf(judged: Judged, { id, conditions }: SetLevel, from: number, last: number): number {
  const { exceptions, member, zone } = judged;
  if (exceptions.length === 0 || conditions.length !== 1) return from;
  const at = last === member.asOfDay ? member.asOf : zone.startOfDay(last + 1) - 1;
  return thresholdAt(exceptions, id, from, at);
}

/** The next day on which time alone may change what holds, if nothing is counted until then; Infinity for none. */
export function nextDue(judged: Judged, phase: Phase, day: number): number {
  const { set } = judged;
  const held = set.levels[set.rank(phase.level)];
  const starts = nextPeriod(judged, phase, day);
  if (held === undefined || set.downgrade === 'none') return starts;
  if (phase.lostDay > 0) return Math.min(starts, (set.graceLastDay?.(phase.lostDay) ?? day) + 1);
  if (phase.until > 0) return Math.min(starts, Math.max(phase.until, day) + 1);
  return Math.min(starts, firstLoss(judged, phase, held, day));
}

/** When the next period begins, where a level may begin with it. */
function nextPeriod(judged: Judged, phase: Phase, day: number): number {
  const { period, beginsWithPeriods } = judged.set;
  if (period === undefined || !beginsWithPeriods) return Infinity;
  if (rankAt(judged, phase, { day, last: day, atPeak: false }) < 0) return Infinity;
  const next = period.leavesOn(day, anchorIn(judged, phase));
  // A promotion that is over, or has not begun, has no period that this day could leave.
  return next > day ? next : Infinity;
}

/** When something that a level stands on leaves its window, or expires. */
function firstLoss(judged: Judged, phase: Phase, held: SetLevel, day: number): number {
  const { member, standing } = judged;
  let next = Infinity;
  for (const { counter, from } of held.conditions) {
    if (amountOf(judged, held, from, day) === 0) continue;
    const { of, window } = counter;
    if (of === 'balance') {
      // What came too late to be spent has been taken on a day that this member has not come to yet.
      next = Math.min(next, firstOver(member, day), firstCountFrom(of, member, standing, day + 1) ?? Infinity);
      continue;
    }
    const anchor = anchorOf(window, standing, phase.anchor);
    const first = firstCountFrom(of, member, standing, window.firstDay(day, anchor));
    if (first !== undefined) next = Math.min(next, window.leavesOn(first, anchor));
  }
  return next;
}

/** The first day after `day` on which points are no longer there. */
function firstOver({ wallets }: Member, day: number): number {
  const lots = wallets[0]?.lots ?? [];
  const lastDay = lots[lengthBefore(lots, day)];
  return lastDay === undefined || lastDay === NEVER ? Infinity : lastDay + 1;
}

export function phaseAfter(judged: Judged, phase: Phase, day: number, moment: Moment): Phase {
  const { set } = judged;
  const held = set.rank(phase.level);
  const last = moment === 'dawn' ? day - 1 : day;
  const found = qualified(judged, phase, day, last, moment === 'peak');
  if (found.rank > held) {
    const { id } = set.levels[found.rank] as SetLevel;
    return { day, level: id, until: found.until, lostDay: 0, anchor: last, reward: entryPoints(set, held, found.rank) };
  }
  if (held < 0 || moment === 'peak') return phase;
  if (found.rank === held) return stays(set, phase, day, found.until);
  if (phase.until >= day || set.downgrade === 'none') return phase;
  if (set.graceLastDay !== undefined) {
    if (phase.lostDay === 0) return { ...phase, day, lostDay: day, reward: 0 };
    if (set.graceLastDay(phase.lostDay) >= day) return phase;
  }
  return falls(set, held, found, day, last);
}

/** Every level on the way up is reached, so that it does not matter in how many purchases it was done. */
function entryPoints({ levels }: LevelSet, from: number, to: number): number {
  return levels.slice(from + 1, to + 1).reduce((sum, level) => sum + level.entryPoints, 0);
}

/** It qualifies for what it holds: a grace is over, and a term is renewed where it is time. */
function stays({ term }: LevelSet, phase: Phase, day: number, foundUntil: number): Phase {
  let { until } = phase;
  if (term?.kind === 'period') until = Math.max(until, foundUntil);
  // A term that was kept to its end goes on from there, one that was lost for a while begins again.
  if (term?.kind === 'span' && until < day) until = term.lastDay(phase.lostDay > 0 ? day : until, 0);
  if (until === phase.until && phase.lostDay === 0) return phase;
  return { ...phase, day, until, lostDay: 0, reward: 0 };
}

function falls(set: LevelSet, held: number, found: Qualified, day: number, last: number): Phase {
  const rank = set.downgrade === 'one-level' ? Math.max(found.rank, held - 1) : found.rank;
  let until = 0;
  if (rank >= 0 && set.term?.kind === 'span') until = set.term.lastDay(last, 0);
  if (rank >= 0 && set.term?.kind === 'period') until = rank === found.rank ? found.until : found.landing;
  const lostDay = set.term === undefined && rank > found.rank ? day : 0;
  return { day, level: set.levels[rank]?.id ?? '', until, lostDay, anchor: last, reward: 0 };
}

interface Qualified {
  /** -1 for no level. */
  readonly rank: number;
  /** The last day of the term that reaching it now would give; 0 for none. */
  readonly until: number;
  /** Where periods give terms: the end of the first term that is still under way, whoever has it. */
  readonly landing: number;
}

/** What qualifies on a day, by what is counted up to the end of `last`. */
function qualified(judged: Judged, phase: Phase, day: number, last: number, atPeak: boolean): Qualified {
  const { term } = judged.set;
  if (term?.kind === 'period') return qualifiedByPeriods(judged, phase, day, last, atPeak);
  // A term is decided on by its own last day, before windows move on and years begin anew.
  const on = term === undefined ? day : last;
  const rank = rankAt(judged, phase, { day: on, last, atPeak });
  return { rank, until: term?.lastDay(day, 0) ?? 0, landing: 0 };
}

/** What was reached in a period holds until the end it gives: the best of the periods whose terms are under way. */
function qualifiedByPeriods(judged: Judged, phase: Phase, day: number, last: number, atPeak: boolean): Qualified {
  const { set } = judged;
  const { period, term } = set;
  let best: Qualified = { rank: -1, until: 0, landing: day };
  if (period === undefined || term === undefined) return best;
  const anchor = anchorIn(judged, phase);
  for (
    let inside = period.lastIn(day);
    inside > -Infinity;
    inside = period.lastIn(period.firstDay(inside, anchor) - 1)
  ) {
    const end = term.lastDay(inside, anchor);
    if (end < day) break;
    const lastInside = period.leavesOn(inside, anchor) - 1;
    const isUnderWay = lastInside >= day;
    const rank =
      isUnderWay && set.startsNextPeriod
        ? -1
        : rankAt(judged, phase, { day: inside, last: Math.min(last, lastInside), atPeak: atPeak && isUnderWay });
    best = rank > best.rank ? { rank, until: end, landing: end } : { ...best, landing: end };
  }
  return best;
}

/** What years of the set's period are counted from. */
function anchorIn({ set, standing }: Judged, phase: Phase): number {
  return set.period === undefined ? 0 : anchorOf(set.period, standing, phase.anchor);
}

/** The highest level whose conditions are met; -1 for none. */
function rankAt(
  judged: Judged,
  phase: Phase,
  on: { readonly day: number; readonly last: number; readonly atPeak: boolean },
): number {
  const { set, member, standing } = judged;
  // Asked of every purchase: each counter is counted once, and nothing is made but this.
  const counts: number[] = [];
  for (const counter of set.counters) {
    const anchor = anchorOf(counter.window, standing, phase.anchor);
    counts.push(countOf(counter, member, standing, { day: on.day, last: on.last, anchor, atPeak: on.atPeak }));
  }
  for (let rank = set.levels.length - 1; rank >= 0; rank--) {
    const level = set.levels[rank] as SetLevel;
    let met = 0;
    for (const { index, from } of level.conditions) {
      if ((counts[index] as number) >= amountOf(judged, level, from, on.last)) met += 1;
    }
    if (met >= level.needed) return rank;
  }
  return -1;
}
