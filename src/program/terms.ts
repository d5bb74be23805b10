/**
 * How long a level is held, from what is written to functions of the day. Which local day is the last one:
 *
 * - a level that lasts `for: {days: 30}` from 20 July ends when 19 August ends: the last day is the start plus the period;
 * - a grace counts the day of disqualification, so one month from 25 July ends when 24 August ends, and rounded to the end of
 *   the month when 31 August ends.
 */
import { addMonths, endOfMonths } from '../lib/calendar.ts';
import type { ProgramIssue } from './compile.ts';
import type { Counter, CounterWindow, LevelSet, Term } from './program.ts';
import type { WrittenSet } from './schema.ts';
import { calendarWindow } from './windows.ts';

type Terms = Pick<
  LevelSet,
  'period' | 'startsNextPeriod' | 'beginsWithPeriods' | 'term' | 'graceLastDay' | 'downgrade'
>;

export function compileTerms(
  set: WrittenSet,
  counters: readonly Counter[],
  path: string,
  issues: ProgramIssue[],
): Terms {
  const period = periodOf(set, counters, path, issues);
  const startsNextPeriod = set.starts === 'next-period';
  const term = termOf(set, period, path, issues);
  const downgrade = set.downgrade ?? 'to-qualified';
  const graceLastDay = graceOf(set.grace, `${path}.grace`, issues);
  const refuse = (key: string, message: string): void => {
    issues.push({ path: `${path}.${key}`, message });
  };
  if (downgrade === 'none' && (term !== undefined || graceLastDay !== undefined)) {
    refuse('downgrade', 'expected neither lasts nor grace: a level that never ends has no end to be kept to');
  }
  if (downgrade === 'one-level' && term === undefined && graceLastDay === undefined) {
    refuse('downgrade', 'expected lasts or grace: they say when the next level goes');
  }
  if (set.returns === 'at-period-end' && term === undefined) {
    refuse('returns', 'expected lasts: without it a level has no end that a return could wait for');
  }
  // What was counted before a period began may qualify in it.
  const carriesOver =
    period !== undefined && counters.some(({ window }) => window !== period && !isSame(window, period));
  const beginsWithPeriods = term?.kind === 'period' && (startsNextPeriod || carriesOver);
  return { period, startsNextPeriod, beginsWithPeriods, term, graceLastDay, downgrade };
}

function periodOf(
  set: WrittenSet,
  counters: readonly Counter[],
  path: string,
  issues: ProgramIssue[],
): CounterWindow | undefined {
  if (set.period !== undefined) return calendarWindow(set.period);
  const [first, ...others] = counters.filter(({ window }) => window.kind === 'period' || window.kind === 'fixed');
  for (const other of others) {
    if (first === undefined || isSame(first.window, other.window)) continue;
    issues.push({ path, message: `expected period, since ${first.id} and ${other.id} have different ones` });
  }
  return first?.window;
}

function isSame(one: CounterWindow, other: CounterWindow): boolean {
  return one.kind === 'period' && one.anchor === other.anchor && one.months === other.months;
}

function termOf(
  set: WrittenSet,
  period: CounterWindow | undefined,
  path: string,
  issues: ProgramIssue[],
): Term | undefined {
  const { for: span, until, plus } = set.lasts ?? {};
  const refuse = (key: string, message: string): undefined => {
    issues.push({ path: `${path}.${key}`, message });
    return undefined;
  };
  const startsNextPeriod = set.starts === 'next-period';
  if (set.lasts !== undefined && (span === undefined) === (until === undefined)) {
    return refuse('lasts', `expected either for or until, got ${span === undefined ? 'neither' : 'both'}`);
  }
  if (plus !== undefined && until === undefined) return refuse('lasts.plus', 'expected until, which it extends');
  if (span !== undefined) {
    if (startsNextPeriod) return refuse('lasts.for', 'expected until: a level that starts with a period ends with one');
    const last = spanFrom(span, `${path}.lasts.for`, issues);
    return { kind: 'span', lastDay: last, daysMax: daysOf(span) };
  }
  if (until === undefined && !startsNextPeriod) return undefined;
  const key = until === undefined ? 'starts' : 'lasts.until';
  if (period === undefined) return refuse(key, 'expected period, since no counter of the set has periods');
  if (period.anchor === 'tier-start') return refuse(key, 'expected lasts.for: the years begin with the level');
  const isNext = until !== 'period-end';
  if (period.kind === 'fixed' && isNext) return refuse(key, 'expected period-end: after a fixed period comes none');
  if (startsNextPeriod && until === 'period-end') {
    return refuse(key, 'expected next-period-end: a level that starts with the next period would end before it');
  }
  const longer = plus === undefined ? (day: number): number => day : spanFrom(plus, `${path}.lasts.plus`, issues);
  return {
    kind: 'period',
    daysMax: 2 * daysOf(period) + daysOf(plus ?? {}),
    lastDay: (day, anchor) => {
      const next = period.leavesOn(day, anchor);
      return longer((isNext ? period.leavesOn(next, anchor) : next) - 1);
    },
  };
}

interface Span {
  readonly days?: number | undefined;
  readonly months?: number | undefined;
  readonly years?: number | undefined;
}

/** At most. */
function daysOf({ days = 0, months = 0, years = 0 }: Span): number {
  return days + 31 * months + 366 * years;
}

function spanFrom({ days, months, years }: Span, path: string, issues: ProgramIssue[]): (day: number) => number {
  const given = [days, months, years].filter((part) => part !== undefined).length;
  if (given !== 1) issues.push({ path, message: `expected one of days, months and years, got ${given}` });
  if (days !== undefined) return (day) => day + days;
  const total = months ?? 12 * (years ?? 0);
  return (day) => addMonths(day, total);
}

function graceOf(
  grace: WrittenSet['grace'],
  path: string,
  issues: ProgramIssue[],
): ((day: number) => number) | undefined {
  if (grace === undefined) return undefined;
  const end = spanFrom(grace, path, issues);
  const last = (day: number): number => end(day) - 1;
  if (grace.through === undefined) return last;
  const months = { month: 1, quarter: 3, year: 12 } as const;
  const span = months[grace.through];
  return (day) => endOfMonths(last(day), span);
}
