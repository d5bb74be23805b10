/** Which days a counter looks at, from what is written to functions of the day. */
import { addMonths, civilOfDay, dayOfCivil, daysInMonth, endOfMonths } from '../lib/calendar.ts';
import { startOfNextYear, startOfYear } from '../lib/zone.ts';
import type { ProgramIssue } from './compile.ts';
import type { CounterWindow, Window } from './program.ts';
import type { WrittenWindow } from './schema.ts';

const CALENDARS = {
  'calendar-month': 1,
  'calendar-quarter': 3,
  'calendar-half-year': 6,
  'calendar-year': 12,
} as const;

const ANY_DAY = { anchor: 'none', months: 0, lastIn: (day: number): number => day } as const;

type Calendar = keyof typeof CALENDARS;

/** The windows that need nothing but the day: a tier set over one of them, and nothing else, is judged the short way. */
export function compilePlainWindow(window: WrittenWindow): Window | undefined {
  if (window === 'calendar-year') return { firstDay: startOfYear, leavesOn: startOfNextYear };
  if (typeof window === 'string') return undefined;
  if ('days' in window) {
    const { days } = window;
    return { firstDay: (day) => day - days + 1, leavesOn: (day) => day + days };
  }
  if ('months' in window) {
    const { months } = window;
    // 31 January + 1 month is 28 February, and 28 January + 1 month too: both leave when 28 February has ended.
    const leavesOn = (day: number): number => addMonths(day, months) + 1;
    return { firstDay: (day) => firstDayThatStays(day, addMonths(day, -months), leavesOn), leavesOn };
  }
  return undefined;
}

export function compileWindow(window: WrittenWindow, path: string, issues: ProgramIssue[]): CounterWindow {
  if (window === 'lifetime') {
    return { ...ANY_DAY, kind: 'lifetime', firstDay: () => -Infinity, leavesOn: () => Infinity };
  }
  if (typeof window === 'string') return calendarWindow(window);
  if ('years' in window) return yearsFrom(window.years, window.from);
  if ('through' in window) return fixedWindow(window, path, issues);
  const plain = compilePlainWindow(window) as Window;
  return { ...ANY_DAY, kind: 'rolling', ...plain };
}

export function calendarWindow(window: Calendar): CounterWindow {
  const months = CALENDARS[window];
  const leavesOn = (day: number): number => endOfMonths(day, months) + 1;
  return { ...ANY_DAY, kind: 'period', months, firstDay: (day) => addMonths(leavesOn(day), -months), leavesOn };
}

/**
 * Years from a member's own day. The day a level starts belongs to the year that earned it, so a tier's first year begins
 * the day after and ends with the anniversary, as a level that lasts a year does.
 */
function yearsFrom(years: number, from: 'enrolment' | 'tier-start'): CounterWindow {
  const shift = from === 'tier-start' ? 1 : 0;
  const start = (anchor: number, turn: number): number => addMonths(anchor, 12 * years * turn) + shift;
  const turnOf = (day: number, anchor: number): number => {
    let turn = Math.floor((civilOfDay(day).year - civilOfDay(anchor).year) / years);
    while (start(anchor, turn) > day) turn -= 1;
    while (start(anchor, turn + 1) <= day) turn += 1;
    // A level has no year before its first.
    return from === 'tier-start' ? Math.max(0, turn) : turn;
  };
  return {
    ...ANY_DAY,
    kind: 'period',
    anchor: from,
    months: 12 * years,
    firstDay: (day, anchor) => start(anchor, turnOf(day, anchor)),
    leavesOn: (day, anchor) => start(anchor, turnOf(day, anchor) + 1),
  };
}

/** A promotion: what is done in it counts until it is over, and what is done outside never does. */
function fixedWindow(
  window: { readonly from: string; readonly through: string },
  path: string,
  issues: ProgramIssue[],
): CounterWindow {
  const first = dayOfText(window.from, `${path}.from`, issues);
  const last = dayOfText(window.through, `${path}.through`, issues);
  // The texts are in order as their dates are.
  if (window.through < window.from) {
    issues.push({ path: `${path}.through`, message: `expected ${window.from} or later, got "${window.through}"` });
  }
  const isIn = (day: number): boolean => day >= first && day <= last;
  return {
    ...ANY_DAY,
    kind: 'fixed',
    firstDay: (day) => (isIn(day) ? first : Infinity),
    leavesOn: (day) => (isIn(day) ? last + 1 : day),
    lastIn: (day) => (day < first ? -Infinity : Math.min(day, last)),
  };
}

/** `text` is checked to be digits by the schema; a date that there is not is found here. */
function dayOfText(text: string, path: string, issues: ProgramIssue[]): number {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number);
  if (day > daysInMonth(year, month)) {
    issues.push({ path, message: `expected a date that there is, got "${text}"` });
  }
  return dayOfCivil(year, month, day);
}

/** The inverse of `leavesOn`, which clamping makes many-to-one: search the few days around the plain subtraction. */
function firstDayThatStays(day: number, guess: number, leavesOn: (day: number) => number): number {
  let first = guess - 4;
  while (leavesOn(first) <= day) first += 1;
  return first;
}
