/** How long points can be spent, from what is written to a function of the day on which they were earned. */
import { addMonths, civilOfDay, dayOfCivil, daysInMonth, endOfMonths } from '../lib/calendar.ts';
import type { ProgramIssue } from './compile.ts';
import type { Expiry } from './program.ts';
import type { ProgramDocument } from './schema.ts';

type Written = NonNullable<ProgramDocument['expiry']>;

/** A local day beyond all days there are, and still an integer that takes no memory of its own. */
export const NEVER = 1_000_000_000;

/** `path` is where it is written. */
export function compileExpiry({ after, through, renew, on }: Written, path: string, issues: ProgramIssue[]): Expiry {
  let lastDay = (day: number): number => day;
  if ((after === undefined) === (on === undefined)) {
    const got = on === undefined ? 'neither' : 'both';
    issues.push({ path, message: `expected either after or on, got ${got}` });
  } else if (after !== undefined) {
    const end = compilePeriod(after, `${path}.after`, issues);
    const months = { day: undefined, month: 1, quarter: 3, year: 12 } as const;
    const span = months[through ?? 'day'];
    lastDay = span === undefined ? end : (day) => endOfMonths(end(day), span);
  } else if (on !== undefined) {
    for (const [option, value] of Object.entries({ through, renew })) {
      if (value === undefined) continue;
      issues.push({
        path: `${path}.${option}`,
        message: 'expected nothing: it belongs to after, and these dates are fixed',
      });
    }
    lastDay = compileDates(on, `${path}.on`, issues);
  }
  return { lastDay: lastAnswerKept(lastDay), isRenewed: renew === 'activity' };
}

function compilePeriod(
  after: NonNullable<Written['after']>,
  path: string,
  issues: ProgramIssue[],
): (day: number) => number {
  const { days, months, years } = after;
  const given = [days, months, years].filter((period) => period !== undefined);
  if (given.length !== 1) {
    issues.push({ path, message: `expected one of days, months and years, got ${given.length}` });
  }
  if (days !== undefined) return (day) => day + days;
  const total = months ?? 12 * (years ?? 0);
  return (day) => addMonths(day, total);
}

/** The first of some yearly dates that is on a day or after it. */
export function compileDates(on: readonly string[], path: string, issues: ProgramIssue[]): (day: number) => number {
  const dates = on.toSorted().map((text) => ({ month: Number(text.slice(0, 2)), day: Number(text.slice(3)) }));
  for (const [index, text] of on.entries()) {
    // Of a leap year, so that 02-29 passes.
    if (Number(text.slice(3)) <= daysInMonth(2000, Number(text.slice(0, 2)))) continue;
    issues.push({ path: `${path}[${index}]`, message: `expected a date that there is, got "${text}"` });
  }
  return (earnedDay) => {
    const { year } = civilOfDay(earnedDay);
    for (const of of [year, year + 1]) {
      for (const { month, day } of dates) {
        const last = dayOfCivil(of, month, Math.min(day, daysInMonth(of, month)));
        if (last >= earnedDay) return last;
      }
    }
    return earnedDay;
  };
}

/** Most purchases of a moment are made on the same day. */
function lastAnswerKept(compute: (day: number) => number): (day: number) => number {
  let asked = Number.NaN;
  let answer = 0;
  return (day) => {
    if (day !== asked) {
      answer = compute(day);
      asked = day;
    }
    return answer;
  };
}
