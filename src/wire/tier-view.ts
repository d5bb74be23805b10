/**
 * Tier sets as the world sees them: every path to the next level and what is missing on each, when the level held would end
 * if nothing more came, what would then be held, and what it takes to keep it.
 */
import { WINDOW_DAYS_MAX } from '../limits.ts';
import type { Counter, Program, SetLevel } from '../program/program.ts';
import { anchorOf, countOf, firstCountFrom, standingOf } from '../scoring/counters.ts';
import type { Member } from '../scoring/member.ts';
import { type Judged, nextDue, phaseAfter } from '../scoring/phases.ts';
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
      return [set.id, setView(program, { set, member, standing }, own)];
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

function setView({ zone }: Program, judged: Judged, own: SetStanding): TierView {
  const { set, member } = judged;
  const phase = phaseNow(own);
  const rank = set.rank(phase.level);
  const held = set.levels[rank];
  const next = set.levels[rank + 1];
  const change = changeAhead(judged, phase);
  const changeAt = change === undefined ? '' : instantText(zone.startOfDay(change.day));
  const isEnd = change !== undefined && set.rank(change.level) <= rank;
  const path = pathsFor(judged, phase, zone);
  return {
    level: phase.level === '' ? null : phase.level,
    ...(own.since === 0 ? {} : { since: instantText(own.since) }),
    ...(isEnd ? { until: changeAt, projected: change.level === '' ? null : change.level } : {}),
    ...(change === undefined || isEnd ? {} : { upcoming: { level: change.level, at: changeAt } }),
    ...(next === undefined
      ? {}
      : {
          next: {
            level: next.id,
            needs: needsOf(next),
            paths: path(next, { day: member.asOfDay, last: member.asOfDay }, undefined),
          },
        }),
    ...(isEnd && held !== undefined
      ? { keep: path(held, decidingOn(judged, phase, change.day), change.day), keepNeeds: needsOf(held) }
      : {}),
    ...(held === undefined || held.benefits.length === 0 ? {} : { benefits: held.benefits }),
  };
}

function needsOf({ conditions, needed }: SetLevel): Needs {
  return needed === conditions.length ? 'all' : needed === 1 ? 'any' : needed;
}

/** The next change of level, or renewal, that time alone makes; undefined for none in as long as any window looks. */
function changeAhead(judged: Judged, now: Phase): Phase | undefined {
  const { asOfDay } = judged.member;
  const isRenewed = ({ until, lostDay }: Phase): boolean =>
    judged.set.term?.kind === 'span' && until !== now.until && lostDay === 0;
  let phase = now;
  for (let day = nextDue(judged, phase, asOfDay); day <= asOfDay + WINDOW_DAYS_MAX; day = nextDue(judged, phase, day)) {
    phase = phaseAfter(judged, phase, day, 'dawn');
    phase = phaseAfter(judged, phase, day, 'end');
    if (phase.level !== now.level || isRenewed(phase)) return phase;
  }
  return undefined;
}

interface CountedOn {
  readonly day: number;
  readonly last: number;
}

/** By what is counted when, it is decided whether a level goes on after the day before `lossDay`. */
function decidingOn({ set, member, standing }: Judged, phase: Phase, lossDay: number): CountedOn {
  const { term, period } = set;
  const today = member.asOfDay;
  if (term === undefined) return { day: lossDay, last: lossDay };
  if (term.kind === 'span') return { day: lossDay - 1, last: lossDay - 1 };
  const anchor = period === undefined ? 0 : anchorOf(period, standing, phase.anchor);
  // What is reached in this period may hold past the end.
  if (term.lastDay(today, anchor) >= lossDay) return { day: today, last: today };
  return { day: lossDay, last: lossDay - 1 };
}

type ShowPaths = (level: SetLevel, on: CountedOn, lossDay: number | undefined) => PathView[];

function pathsFor(judged: Judged, phase: Phase, zone: Program['zone']): ShowPaths {
  const { member, standing } = judged;
  const deadline = (counter: Counter, on: CountedOn, lossDay: number | undefined): number => {
    const { of, window } = counter;
    const anchor = anchorOf(window, standing, phase.anchor);
    if (window.kind === 'rolling') {
      const first = firstCountFrom(of, member, standing, window.firstDay(on.day, anchor));
      return lossDay ?? (first === undefined ? Infinity : window.leavesOn(first, anchor));
    }
    const end = window.kind === 'lifetime' ? Infinity : window.leavesOn(member.asOfDay, anchor);
    return lossDay === undefined ? end : on.day === lossDay ? lossDay : Math.min(end, lossDay);
  };
  return ({ conditions }, on, lossDay) =>
    conditions.map(({ counter, from }) => {
      const anchor = anchorOf(counter.window, standing, phase.anchor);
      const have = countOf(counter, member, standing, { ...on, anchor, atPeak: false });
      const by = deadline(counter, on, lossDay);
      return {
        counter: counter.id,
        have,
        need: from,
        missing: Math.max(0, from - have),
        ...(by === Infinity ? {} : { by: instantText(zone.startOfDay(by)) }),
      };
    });
}
