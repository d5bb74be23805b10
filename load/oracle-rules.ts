/** A program as the bookkeeper reads it: from the same text, with none of the engine's code. Numbers are fractions, days come from Intl. */
import { parse } from 'yaml';

export interface Fraction {
  readonly above: bigint;
  readonly below: bigint;
}

export const ONE: Fraction = { above: 1n, below: 1n };

export interface Rules {
  readonly currency: string;
  /** Minor units of one unit of the currency. */
  readonly minorUnits: bigint;
  readonly calendar: Calendar;
  readonly enrolmentRequired: boolean;
  readonly points: bigint;
  readonly per: Fraction;
  readonly rounding: 'floor' | 'nearest' | 'ceil';
  readonly unmatched: 'ignore' | 'deduct' | 'refuse';
  readonly matchDays: number;
  /** Lowest first; undefined for a program without tiers. */
  readonly levels: readonly Level[] | undefined;
  /** Does spend of a day count on that day or a later one? */
  counts(day: number, today: number): boolean;
}

export interface Level {
  readonly id: string;
  readonly from: Fraction;
  readonly multiplier: Fraction;
}

/** As written, defaults not filled in. */
interface ProgramText {
  readonly timezone: string;
  readonly currency: string;
  readonly enrolment?: 'implicit' | 'required';
  readonly earn: { readonly points: number; readonly per: number; readonly rounding?: Rules['rounding'] };
  readonly tiers?: {
    readonly window: WindowText;
    readonly levels: readonly { readonly id: string; readonly from: number; readonly multiplier?: number }[];
  };
  readonly returns?: { readonly unmatched?: Rules['unmatched']; readonly matchDays?: number };
}

type WindowText = 'calendar-year' | { readonly days: number } | { readonly months: number };

export function readRules(yaml: string): Rules {
  const text: ProgramText = parse(yaml);
  return {
    currency: text.currency,
    minorUnits: minorUnitsOf(text.currency),
    calendar: calendarOf(text.timezone),
    enrolmentRequired: text.enrolment === 'required',
    points: BigInt(text.earn.points),
    per: fraction(text.earn.per),
    rounding: text.earn.rounding ?? 'floor',
    unmatched: text.returns?.unmatched ?? 'ignore',
    matchDays: text.returns?.matchDays ?? 365,
    levels: text.tiers?.levels.map(({ id, from, multiplier = 1 }) => ({
      id,
      from: fraction(from),
      multiplier: fraction(multiplier),
    })),
    counts: countsIn(text.tiers?.window ?? 'calendar-year'),
  };
}

/** A decimal number as it is written: 1.25 is 125/100. */
function fraction(value: number): Fraction {
  const [whole = '', decimals = ''] = String(value).split('.');
  return { above: BigInt(whole + decimals), below: 10n ** BigInt(decimals.length) };
}

function minorUnitsOf(currency: string): bigint {
  const parts = new Intl.NumberFormat('en', { style: 'currency', currency }).formatToParts(1);
  return 10n ** BigInt(parts.find(({ type }) => type === 'fraction')?.value.length ?? 0);
}

// --- Days ---

export const DAY_MS = 86_400_000;
/** Clocks of all zones since 1970 change, and differ from UTC, by whole quarters of an hour. */
const QUARTER_MS = 900_000;

interface Calendar {
  /** Local days since 1 January 1970. */
  dayOf(instantMs: number): number;
  /** The first instant of a local day. */
  startOf(day: number): number;
}

function countsIn(window: WindowText): Rules['counts'] {
  if (window === 'calendar-year') return (day, today) => yearOf(day) === yearOf(today);
  if ('days' in window) return (day, today) => today - day < window.days;
  return (day, today) => monthsLater(day, window.months) >= today;
}

function yearOf(day: number): number {
  return new Date(day * DAY_MS).getUTCFullYear();
}

/** The same day of a later month, or that month's last if it has no such day. */
function monthsLater(day: number, months: number): number {
  const date = new Date(day * DAY_MS);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months];
  const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(date.getUTCDate(), lastOfMonth)) / DAY_MS;
}

const calendars = new Map<string, Calendar>();

function calendarOf(timeZone: string): Calendar {
  const known = calendars.get(timeZone);
  if (known !== undefined) return known;
  // The Swedish form of a date is 2011-08-31.
  const date = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
  const dayOf = remembered((quarter) => Date.parse(date.format(quarter * QUARTER_MS)) / DAY_MS);
  const startOf = remembered((day) => {
    let quarter = (day * DAY_MS) / QUARTER_MS - 4 * 15;
    while (dayOf(quarter) < day) quarter += 1;
    return quarter * QUARTER_MS;
  });
  const calendar = { dayOf: (instantMs: number) => dayOf(Math.floor(instantMs / QUARTER_MS)), startOf };
  calendars.set(timeZone, calendar);
  return calendar;
}

/** Intl is asked once: a year has some 35,000 quarters of an hour. */
function remembered(compute: (key: number) => number): (key: number) => number {
  const values = new Map<number, number>();
  return (key) => {
    let value = values.get(key);
    if (value === undefined) {
      value = compute(key);
      values.set(key, value);
    }
    return value;
  };
}
