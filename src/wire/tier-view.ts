/**
 * Tier sets as the world sees them: every path to the next level and what is missing on each, when the level held would end
 * if nothing more came, what would then be held, and what it takes to keep it.
 */
import { WINDOW_DAYS_MAX } from '../limits.ts';
import type { Counter, Program, SetLevel } from '../program/program.ts';
import { anchorOf, countOf, firstCountFrom, standingOf } from '../scoring/counters.ts';
import { heldRank } from '../scoring/exceptions.ts';
import type { Member } from '../scoring/member.ts';
import { amountOf, type Judged, nextDue, phaseAfter } from '../scoring/phases.ts';
import { judgedOf } from '../scoring/sets.ts';
import { foresee } from '../scoring/settle.ts';
import { type Phase, phaseNow, type SetStanding } from '../scoring/standing.ts';
import { instantText } from './instant-text.ts';

export interface TierView {
  /** null below the first level. */
  readonly level: string | null;
  readonly since?: string;
  /** When the level, or its term, ends if nothing more is bought; absent if it does not. */
  readonly until?: string;
  /** What is held from `until` on, if nothing more is bought; null for none. */
  readonly projected?: string | null;
  /** A level that is reached and begins later. */
  readonly upcoming?: { readonly level: string; readonly at: string };
  readonly next?: { readonly level: string; readonly needs?: Needs; readonly paths: readonly PathView[] };
  /** What is missing to hold the level past `until`. */
  readonly keep?: readonly PathView[];
  readonly keepNeeds?: Needs;
  readonly benefits?: readonly string[];
}

/** How many of the paths. */
export type Needs = 'all' | 'any' | number;

/** Minor units where the counter is of spend. */
export interface PathView {
  readonly counter: string;
  readonly have: number;
  readonly need: number;
  readonly missing?: number;
  /** When what is there begins to leave the window, or its period ends. */
  readonly by?: string;
}

/** `member` must be settled to the instant it is shown for, by a program with sets of its own. */
export function setViews(program: Program, member: Member): Record<string, TierView> {
  const standing = standingOf(member);
  return Object.fromEntries(
    (program.qualifying?.sets ?? []).map((set, index) => {
      const own = standing.sets[index] as SetStanding;
      return [set.id, setView(program, judgedOf(program, set, member, index), own, index)];
    }),
  );
}

export function counterViews({ qualifying }: Program, member: Member): Record<string, number> {
  const standing = standingOf(member);
  const { sets = [], counters = [] } = qualifying ?? {};
  return Object.fromEntries(
    counters.map((counter) => {
      const user = sets.findIndex((set) => set.counters.includes(counter));
      const phase = standing.sets[user];
      const levelDay = phase === undefined ? standing.joinedDay - 1 : phaseNow(phase).anchor;
      const anchor = anchorOf(counter.window, standing, levelDay);
      const on = { day: member.asOfDay, last: member.asOfDay, anchor, atPeak: false };
      return [counter.id, countOf(counter, member, standing, on)];
    }),
  );
}

function setView(program: Program, judged: Judged, own: SetStanding, index: number): TierView {
  const { set, member, exceptions } = judged;
  const rank = set.rank(own.level);
  const held = set.levels[rank];
  const highest = heldRank(set.levels.length - 1, exceptions, set.rank, member.asOf);
  const next = rank < highest ? set.levels[rank + 1] : undefined;
  const change = exceptions.length === 0 ? changeAhead(judged, own) : changeForeseen(program, judged, own, index);
  const changeAt = change === undefined ? '' : instantText(change.at);
  const isEnd = change !== undefined && set.rank(change.level) <= rank;
  return {
    level: own.level === '' ? null : own.level,
    ...(own.since === 0 ? {} : { since: instantText(own.since) }),
    ...(isEnd ? { until: changeAt, projected: change.level === '' ? null : change.level } : {}),
    ...(change === undefined || isEnd ? {} : { upcoming: { level: change.level, at: changeAt } }),
    ...(next === undefined
      ? {}
      : {
          next: {
            level: next.id,
            needs: needsOf(next),
            paths: pathsTo(next, judged, phaseNow(own), { day: member.asOfDay, last: member.asOfDay }, undefined),
          },
        }),
    ...(isEnd && held !== undefined
      ? {
          keep: pathsTo(held, change.judged, phaseNow(own), decidingOn(judged, own, change.day), change),
          keepNeeds: needsOf(held),
        }
      : {}),
    ...(held === undefined || held.benefits.length === 0 ? {} : { benefits: held.benefits }),
  };
}

function needsOf({ conditions, needed }: SetLevel): Needs {
  return needed === conditions.length ? 'all' : needed === 1 ? 'any' : needed;
}

/** A change of level, or a renewal, to come. */
interface Change {
  readonly at: number;
  /** Local day of `at`. */
  readonly day: number;
  readonly level: string;
  /** By what it is decided. */
  readonly judged: Judged;
}

/** The next one that time alone makes; undefined for none in as long as any window looks. */
function changeAhead(judged: Judged, own: SetStanding): Change | undefined {
  const { asOfDay } = judged.member;
  const now = phaseNow(own);
  let phase = now;
  for (let day = nextDue(judged, phase, asOfDay); day <= asOfDay + WINDOW_DAYS_MAX; day = nextDue(judged, phase, day)) {
    phase = phaseAfter(judged, phase, day, 'dawn');
    phase = phaseAfter(judged, phase, day, 'end');
    if (phase.level === now.level && !isRenewed(judged, now, phase)) continue;
    return { at: judged.zone.startOfDay(phase.day), day: phase.day, level: phase.level, judged };
  }
  return undefined;
}

function isRenewed({ set }: Judged, now: Phase, { until, lostDay }: Phase): boolean {
  return set.term?.kind === 'span' && until !== now.until && lostDay === 0;
}

/** The same of a member with exceptions, which end within days and change what is held: found by letting time pass. */
function changeForeseen(program: Program, judged: Judged, own: SetStanding, index: number): Change | undefined {
  const now = phaseNow(own);
  const setOf = (member: Member): SetStanding => standingOf(member).sets[index] as SetStanding;
  const ahead = foresee(program, judged.member, (member) => {
    const { level } = setOf(member);
    return level !== own.level || (level === now.level && isRenewed(judged, now, phaseNow(setOf(member))));
  });
  if (ahead === undefined) return undefined;
  const { asOf: at, asOfDay: day } = ahead;
  return { at, day, level: setOf(ahead).level, judged: judgedOf(program, judged.set, ahead, index) };
}

interface CountedOn {
  readonly day: number;
  readonly last: number;
}

/** By what is counted when, it is decided whether a level goes on after the day before `lossDay`. */
function decidingOn({ set, member, standing }: Judged, own: SetStanding, lossDay: number): CountedOn {
  const { term, period } = set;
  const today = member.asOfDay;
  const phase = phaseNow(own);
  if (term === undefined || own.level !== phase.level) return { day: lossDay, last: lossDay };
  if (term.kind === 'span') return { day: lossDay - 1, last: lossDay - 1 };
  const anchor = period === undefined ? 0 : anchorOf(period, standing, phase.anchor);
  // What is reached in this period may hold past the end.
  if (term.lastDay(today, anchor) >= lossDay) return { day: today, last: today };
  return { day: lossDay, last: lossDay - 1 };
}

/** `loss`: when the level ends without them. */
function pathsTo(
  level: SetLevel,
  judged: Judged,
  phase: Phase,
  on: CountedOn,
  loss: Pick<Change, 'at' | 'day'> | undefined,
): PathView[] {
  const { member, standing, zone } = judged;
  const deadline = ({ of, window }: Counter): number => {
    const anchor = anchorOf(window, standing, phase.anchor);
    if (window.kind === 'rolling') {
      const first = firstCountFrom(of, member, standing, window.firstDay(on.day, anchor));
      return loss?.day ?? (first === undefined ? Infinity : window.leavesOn(first, anchor));
    }
    const end = window.kind === 'lifetime' ? Infinity : window.leavesOn(member.asOfDay, anchor);
    return loss === undefined ? end : on.day === loss.day ? loss.day : Math.min(end, loss.day);
  };
  return level.conditions.map(({ counter, from }) => {
    const anchor = anchorOf(counter.window, standing, phase.anchor);
    const have = countOf(counter, member, standing, { ...on, anchor, atPeak: false });
    const need = amountOf(judged, level, from, on.last);
    const by = deadline(counter);
    return {
      counter: counter.id,
      have,
      need,
      missing: Math.max(0, need - have),
      ...(by === Infinity ? {} : { by: instantText(by === loss?.day ? loss.at : zone.startOfDay(by)) }),
    };
  });
}
