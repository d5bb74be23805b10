/** From what is written to what is scored with. Pure but for the zone table; everything that can be wrong is found here, by path. */
import { addMonths } from '../lib/calendar.ts';
import { currencyDigits } from '../lib/currency.ts';
import { compileZone, startOfNextYear, startOfYear, type Zone } from '../lib/zone.ts';
import { compileEarn, roundingOf } from './earn.ts';
import type { Program, TierLevel, TierSet, Window } from './program.ts';
import type { ProgramDocument } from './schema.ts';
import { compileWallets } from './wallets.ts';

export interface ProgramIssue {
  /** Where, as in `tiers.levels[1].from`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

export type CompileResult =
  | { readonly ok: true; readonly program: Program }
  | { readonly ok: false; readonly issues: readonly ProgramIssue[] };

export function compileProgram(document: ProgramDocument): CompileResult {
  const issues: ProgramIssue[] = [];
  const zone = zoneOf(document.timezone, issues);
  const digits = digitsOf(document.currency, issues);

  const minor = (amount: number, path: string): number => {
    const scaled = Math.round(amount * 10 ** digits);
    // Doubles cannot hold 0.1 exactly, so "has too many decimals" is judged on the shortest text of the number.
    if (Number((scaled / 10 ** digits).toFixed(digits)) !== amount) {
      issues.push({ path, message: `expected at most ${digits} decimals, as ${document.currency} has, got ${amount}` });
    }
    return scaled;
  };

  if (document.enrolmentBufferHours !== undefined && document.enrolment !== 'required') {
    issues.push({ path: 'enrolmentBufferHours', message: 'expected nothing: it belongs to enrolment: required' });
  }
  const wallets = compileWallets(document, minor, issues);
  const tiers = document.tiers === undefined ? undefined : compileTiers(document.tiers, minor, issues);
  const earn = compileEarn(document, tiers?.levels ?? [], minor, issues);
  if (zone === undefined || issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    program: {
      name: document.program,
      version: document.version,
      since: 0,
      earlier: undefined,
      effectiveFrom: document.effectiveFrom === undefined ? 0 : Date.parse(document.effectiveFrom),
      currency: document.currency,
      zone,
      enrolmentRequired: document.enrolment === 'required',
      enrolmentBufferMs: (document.enrolmentBufferHours ?? Infinity) * 3_600_000,
      late: document.late,
      wallets,
      redeemsByItself: wallets.some(({ redeem }) => (redeem?.automaticAt ?? 0) > 0),
      earn,
      earnOn: document.earnOn,
      tiers,
      unmatchedReturns: document.returns.unmatched,
      returnMatchDays: document.returns.matchDays,
      document: {
        ...document,
        earn: document.earn.map((rule) => ({ ...rule, rounding: roundingOf(document, rule) })),
      },
    },
  };
}

const zones = new Map<string, Zone>();

function zoneOf(name: string, issues: ProgramIssue[]): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  try {
    const zone = compileZone(name);
    zones.set(name, zone);
    return zone;
  } catch {
    issues.push({ path: 'timezone', message: `expected an IANA time zone such as Europe/London, got "${name}"` });
    return undefined;
  }
}

function digitsOf(currency: string, issues: ProgramIssue[]): number {
  const digits = currencyDigits(currency);
  if (digits === undefined) {
    issues.push({ path: 'currency', message: `expected an ISO 4217 code such as USD, got "${currency}"` });
  }
  return digits ?? 2;
}

function compileTiers(
  document: NonNullable<ProgramDocument['tiers']>,
  minor: (amount: number, path: string) => number,
  issues: ProgramIssue[],
): TierSet {
  const levels: TierLevel[] = document.levels.map((level, index) => ({
    id: level.id,
    fromMinor: minor(level.from, `tiers.levels[${index}].from`),
    multiplierMilli: Math.round(level.multiplier * 1000),
  }));
  levels.forEach((level, index) => {
    const below = levels[index - 1];
    if (below !== undefined && level.fromMinor <= below.fromMinor) {
      issues.push({
        path: `tiers.levels[${index}].from`,
        message: `expected more than the level before it, ${below.id}, has, got ${document.levels[index]?.from}: levels go from lowest to highest`,
      });
    }
    if (levels.findIndex((other) => other.id === level.id) !== index) {
      issues.push({
        path: `tiers.levels[${index}].id`,
        message: `expected a name of its own, got "${level.id}" again`,
      });
    }
  });
  const byId = new Map(levels.map((level) => [level.id, level]));
  return {
    id: document.id,
    levels,
    window: compileWindow(document.window),
    levelFor: (spendMinor) => {
      let index = levels.length - 1;
      while (index >= 0 && spendMinor < (levels[index] as TierLevel).fromMinor) index -= 1;
      return levels[index];
    },
    level: (id) => byId.get(id),
  };
}

function compileWindow(window: NonNullable<ProgramDocument['tiers']>['window']): Window {
  if (window === 'calendar-year') return { firstDay: startOfYear, leavesOn: startOfNextYear };
  if ('days' in window) {
    const { days } = window;
    return { firstDay: (day) => day - days + 1, leavesOn: (day) => day + days };
  }
  const { months } = window;
  // 31 January + 1 month is 28 February, and 28 January + 1 month too: both leave when 28 February has ended.
  const leavesOn = (day: number): number => addMonths(day, months) + 1;
  return { firstDay: (day) => firstDayThatStays(day, addMonths(day, -months), leavesOn), leavesOn };
}

/** The inverse of `leavesOn`, which clamping makes many-to-one: search the few days around the plain subtraction. */
function firstDayThatStays(day: number, guess: number, leavesOn: (day: number) => number): number {
  let first = guess - 4;
  while (leavesOn(first) <= day) first += 1;
  return first;
}
