/** From what is written to what is scored with. Pure but for the zone table; everything that can be wrong is found here, by path. */
import { currencyDigits } from '../lib/currency.ts';
import { compileZone, type Zone } from '../lib/zone.ts';
import { AMOUNT_MAX, POINTS_PER_EVENT_MAX } from '../limits.ts';
import { compileExpiry } from './expiry.ts';
import type { AccrualTerms, Program } from './program.ts';
import { type ProgramDocument, writtenSets } from './schema.ts';
import { compileTiers } from './tiers.ts';

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

  const perMinor = minor(document.earn.per, 'earn.per');
  const terms: AccrualTerms = {
    programVersion: document.version,
    ruleId: document.earn.id,
    rate: { points: document.earn.points, perMinor, rounding: document.earn.rounding },
    levelId: '',
    multiplierMilli: 1000,
  };
  const { tiers, qualifying } = compileTiers(document, terms, minor, issues);
  const expiry = document.expiry === undefined ? undefined : compileExpiry(document.expiry, issues);
  const multiplier = Math.max(
    1,
    ...writtenSets(document).flatMap(({ levels }) => levels.map((level) => level.multiplier)),
  );
  if (perMinor > 0 && (document.earn.points * multiplier * AMOUNT_MAX) / perMinor > POINTS_PER_EVENT_MAX) {
    issues.push({
      path: 'earn.points',
      message: `expected fewer points, got ${document.earn.points}: the largest purchase would pass what stays exact`,
    });
  }
  if (zone === undefined || issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    program: {
      name: document.program,
      version: document.version,
      currency: document.currency,
      zone,
      enrolmentRequired: document.enrolment === 'required',
      terms,
      tiers,
      qualifying,
      expiry,
      unmatchedReturns: document.returns.unmatched,
      returnMatchDays: document.returns.matchDays,
      document,
    },
  };
}

/**
 * What forbids `next` to take the place of `previous`. Days, windows and lots already counted are in the old time zone and
 * currency, so neither can change in the life of a program.
 */
export function successionIssues(previous: ProgramDocument, next: ProgramDocument): ProgramIssue[] {
  const issues: ProgramIssue[] = [];
  if (next.version <= previous.version) {
    issues.push({ path: 'version', message: `expected more than ${previous.version}, got ${next.version}` });
  }
  for (const path of ['program', 'currency', 'timezone'] as const) {
    if (next[path] === previous[path]) continue;
    issues.push({
      path,
      message: `expected "${previous[path]}" as in version ${previous.version}, got "${next[path]}"`,
    });
  }
  return issues;
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
