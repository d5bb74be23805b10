/** A program as the bookkeeper reads it: from the same text, with none of the engine's code. Numbers are fractions, days come from Intl. */
import { parse } from 'yaml';

export interface Fraction {
  readonly above: bigint;
  readonly below: bigint;
}

export const ONE: Fraction = { above: 1n, below: 1n };

export interface Rules {
  readonly currency: string;
  readonly calendar: Calendar;
  readonly enrolmentRequired: boolean;
  readonly earn: readonly EarnRule[];
  readonly earnOn: 'gross' | 'net-of-discounts' | 'net-of-points';
  /** The first is the one that an event means which names none. */
  readonly wallets: readonly WalletRules[];
  readonly unmatched: 'ignore' | 'deduct' | 'refuse';
  readonly matchDays: number;
  readonly isProportional: boolean;
  /** Lowest first; undefined for a program without tiers. */
  readonly levels: readonly Level[] | undefined;
  /** Does spend of a day count on that day or a later one? */
  counts(day: number, today: number): boolean;
}

/** Amounts are in minor units. */
export interface EarnRule {
  readonly wallet: string;
  readonly points: bigint;
  /** Spend that earns `points`; undefined where `each` says what does. */
  readonly per: Fraction | undefined;
  readonly each: 'piece' | 'line' | 'purchase' | undefined;
  readonly rounding: Rounding;
  readonly skus: readonly string[] | undefined;
  readonly categories: readonly string[] | undefined;
  readonly stores: readonly string[] | undefined;
  readonly from: Fraction | undefined;
  readonly below: Fraction | undefined;
}

export type Rounding = 'floor' | 'nearest' | 'ceil';

export interface WalletRules {
  readonly id: string;
  readonly rounding: Rounding;
  readonly rounded: 'rule' | 'line' | 'basket';
  /** The last day on which points earned on a day can be spent; Infinity for no end. */
  lastDay(earned: number): number;
  /** Purchases renew all points. */
  readonly renews: boolean;
  /** The first day on which points earned on a day can be spent; Infinity: once confirmed. */
  firstDay(earned: number): number;
  readonly returns: 'unlimited' | 'within-balance' | 'only-pending';
  readonly newestFirst: boolean;
  readonly redeem: Redeem | undefined;
}

export interface Redeem {
  readonly points: bigint;
  /** Minor units that `points` are worth. */
  readonly worth: Fraction;
  readonly minimum: bigint;
  readonly maximum: bigint | undefined;
  readonly step: bigint;
  readonly holdMs: number;
  readonly automaticAt: bigint | undefined;
}

export interface Level {
  readonly id: string;
  /** Minor units. */
  readonly from: Fraction;
  readonly multiplier: Fraction;
}

/** As written, defaults not filled in. */
interface ProgramText {
  readonly timezone: string;
  readonly currency: string;
  readonly enrolment?: 'implicit' | 'required';
  readonly earn: EarnText | readonly EarnText[];
  readonly earnOn?: Rules['earnOn'];
  readonly wallets?: readonly WalletText[];
  readonly tiers?: {
    readonly window: WindowText;
    readonly levels: readonly { readonly id: string; readonly from: number; readonly multiplier?: number }[];
  };
  readonly expiry?: ExpiryText;
  readonly returns?: {
    readonly unmatched?: Rules['unmatched'];
    readonly matchDays?: number;
    readonly back?: 'earned' | 'proportional';
  };
}

interface EarnText {
  readonly wallet?: string;
  readonly points: number;
  readonly per?: number;
  readonly each?: EarnRule['each'];
  readonly rounding?: Rounding;
  readonly when?: {
    readonly skus?: readonly string[];
    readonly categories?: readonly string[];
    readonly stores?: readonly string[];
    readonly from?: number;
    readonly below?: number;
  };
}

interface WalletText {
  readonly id: string;
  readonly rounding?: Rounding;
  readonly rounded?: WalletRules['rounded'];
  readonly expiry?: ExpiryText;
  readonly pending?: PendingText;
  readonly returns?: WalletRules['returns'];
  readonly spend?: 'soonest' | 'newest';
  readonly redeem?: {
    readonly points: number;
    readonly worth: number;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly step?: number;
    readonly holdMinutes?: number;
    readonly automaticAt?: number;
  };
}

interface ExpiryText {
  readonly after?: { readonly days?: number; readonly months?: number; readonly years?: number };
  readonly through?: 'day' | 'month' | 'quarter' | 'year';
  readonly renew?: 'none' | 'activity';
  readonly on?: readonly string[];
}

interface PendingText {
  readonly days?: number;
  readonly months?: number;
  readonly on?: readonly string[];
  readonly until?: 'confirmed';
}

type WindowText = 'calendar-year' | { readonly days: number } | { readonly months: number };

export function readRules(yaml: string): Rules {
  const text: ProgramText = parse(yaml);
  const minorUnits = minorUnitsOf(text.currency);
  const money = (units: number): Fraction => {
    const { above, below } = fraction(units);
    return { above: above * minorUnits, below };
  };
  const walletTexts = text.wallets ?? [{ id: 'points', ...(text.expiry && { expiry: text.expiry }) }];
  const wallets = walletTexts.map((wallet) => walletRules(wallet, money));
  return {
    currency: text.currency,
    calendar: calendarOf(text.timezone),
    enrolmentRequired: text.enrolment === 'required',
    earn: [text.earn].flat().map((rule) => earnRule(rule, wallets, money)),
    earnOn: text.earnOn ?? 'net-of-points',
    wallets,
    unmatched: text.returns?.unmatched ?? 'ignore',
    matchDays: text.returns?.matchDays ?? 365,
    isProportional: text.returns?.back === 'proportional',
    levels: text.tiers?.levels.map(({ id, from, multiplier = 1 }) => ({
      id,
      from: money(from),
      multiplier: fraction(multiplier),
    })),
    counts: countsIn(text.tiers?.window ?? 'calendar-year'),
  };
}

type Money = (units: number) => Fraction;

function earnRule(text: EarnText, wallets: readonly WalletRules[], money: Money): EarnRule {
  const { points, per, each, when: { skus, categories, stores, from, below } = {} } = text;
  const wallet = text.wallet === undefined ? wallets[0] : wallets.find(({ id }) => id === text.wallet);
  if (wallet === undefined) throw new Error(`a rule earns for the wallet ${text.wallet}, which is not there`);
  return {
    wallet: wallet.id,
    points: BigInt(points),
    per: per === undefined ? undefined : money(per),
    each,
    rounding: text.rounding ?? wallet.rounding,
    skus,
    categories,
    stores,
    from: from === undefined ? undefined : money(from),
    below: below === undefined ? undefined : money(below),
  };
}

function walletRules(text: WalletText, money: Money): WalletRules {
  const { redeem } = text;
  return {
    id: text.id,
    rounding: text.rounding ?? 'floor',
    rounded: text.rounded ?? 'rule',
    lastDay: remembered(lastDayIn(text.expiry)),
    renews: text.expiry?.renew === 'activity',
    firstDay: remembered(firstDayIn(text.pending)),
    returns: text.returns ?? 'unlimited',
    newestFirst: text.spend === 'newest',
    redeem: redeem && {
      points: BigInt(redeem.points),
      worth: money(redeem.worth),
      minimum: BigInt(redeem.minimum ?? 1),
      maximum: redeem.maximum === undefined ? undefined : BigInt(redeem.maximum),
      step: BigInt(redeem.step ?? 1),
      holdMs: (redeem.holdMinutes ?? 15) * 60_000,
      automaticAt: redeem.automaticAt === undefined ? undefined : BigInt(redeem.automaticAt),
    },
  };
}

/** A decimal number as it is written: 1.25 is 125/100. */
function fraction(value: number): Fraction {
  const [whole = '', decimals = ''] = String(value).split('.');
  return { above: BigInt(whole + decimals), below: 10n ** BigInt(decimals.length) };
}

/** Of the exact number `above / below`, which is not negative. */
export function rounded({ above, below }: Fraction, rounding: Rounding): bigint {
  if (rounding === 'floor') return above / below;
  if (rounding === 'ceil') return (above + below - 1n) / below;
  return (2n * above + below) / (2n * below);
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

/** Goes on from day to day until it is the last. */
function lastDayIn(expiry: ExpiryText | undefined): (earned: number) => number {
  if (expiry === undefined) return () => Infinity;
  const { after = {}, through = 'day', on } = expiry;
  if (on !== undefined) return (earned) => firstDayFrom(earned, (day) => on.some((date) => isDate(day, date)));
  const { days = 0, months = 0, years = 0 } = after;
  const period = { day: dateText, month: monthText, quarter: quarterText, year: yearOf }[through];
  return (earned) =>
    firstDayFrom(monthsLater(earned, months + 12 * years) + days, (day) => period(day) !== period(day + 1));
}

function firstDayIn(pending: PendingText | undefined): (earned: number) => number {
  if (pending === undefined) return (earned) => earned;
  const { days, months, on } = pending;
  if (days !== undefined) return (earned) => earned + days;
  if (months !== undefined) return (earned) => monthsLater(earned, months);
  if (on !== undefined) return (earned) => firstDayFrom(earned + 1, (day) => on.some((date) => isDate(day, date)));
  return () => Infinity;
}

function firstDayFrom(day: number, isIt: (day: number) => boolean): number {
  while (!isIt(day)) day += 1;
  return day;
}

function dateText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

function monthText(day: number): string {
  return dateText(day).slice(0, 7);
}

function quarterText(day: number): string {
  return `${yearOf(day)} ${['01', '04', '07', '10'].findLastIndex((first) => first <= dateText(day).slice(5, 7))}`;
}

/** 02-29 is the last day of February in any year. */
function isDate(day: number, date: string): boolean {
  const isFebruary = monthText(day).endsWith('-02');
  if (date === '02-29') return isFebruary && monthText(day + 1) !== monthText(day);
  return dateText(day).endsWith(date);
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
