/** From what is written to what is scored with. Pure but for the zone table; everything that can be wrong is found here, by path. */
import { currencyDigits } from '../lib/currency.ts';
import { compileZone, type Zone } from '../lib/zone.ts';
import { compileEarn, roundingOf } from './earn.ts';
import type { Program } from './program.ts';
import type { ProgramDocument } from './schema.ts';
import { compileTiers } from './tiers.ts';
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
  const { tiers, qualifying } = compileTiers(document, minor, issues);
  // Only the first set's levels multiply points.
  const earn = compileEarn(document, (tiers ?? qualifying?.sets[0])?.levels ?? [], minor, issues);
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
      qualifying,
      adjustments: {
        isReasonRequired: document.adjustments?.reason === 'required',
        approvalAbove: document.adjustments?.approvalAbove ?? Infinity,
      },
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
