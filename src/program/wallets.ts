/** Wallets, from what is written to what the fold asks of them. */
import { addMonths } from '../lib/calendar.ts';
import type { ProgramIssue } from './compile.ts';
import { compileDates, compileExpiry, NEVER } from './expiry.ts';
import type { Pending, RedeemRules, WalletRules } from './program.ts';
import type { ProgramDocument } from './schema.ts';

type Written = NonNullable<ProgramDocument['wallets']>[number];
type Minor = (amount: number, path: string) => number;

/** The wallet of a program that says nothing about wallets. */
export const POINTS_WALLET = 'points';

export function compileWallets(document: ProgramDocument, minor: Minor, issues: ProgramIssue[]): WalletRules[] {
  const { wallets, expiry } = document;
  if (wallets === undefined) return [onlyWallet(expiry, issues)];
  if (expiry !== undefined) issues.push({ path: 'expiry', message: 'expected nothing: each wallet has its own' });
  return wallets.map((wallet, index) => {
    const path = `wallets[${index}]`;
    if (wallets.findIndex(({ id }) => id === wallet.id) !== index) {
      issues.push({ path: `${path}.id`, message: `expected a name of its own, got "${wallet.id}" again` });
    }
    return {
      id: wallet.id,
      index,
      expiry: wallet.expiry === undefined ? undefined : compileExpiry(wallet.expiry, `${path}.expiry`, issues),
      pending: wallet.pending === undefined ? undefined : compilePending(wallet.pending, `${path}.pending`, issues),
      returns: wallet.returns,
      spend: wallet.spend,
      redeem: wallet.redeem === undefined ? undefined : compileRedeem(wallet.redeem, `${path}.redeem`, minor, issues),
    };
  });
}

function onlyWallet(expiry: ProgramDocument['expiry'], issues: ProgramIssue[]): WalletRules {
  return {
    id: POINTS_WALLET,
    index: 0,
    expiry: expiry === undefined ? undefined : compileExpiry(expiry, 'expiry', issues),
    pending: undefined,
    returns: 'unlimited',
    spend: 'soonest',
    redeem: undefined,
  };
}

function compilePending(written: NonNullable<Written['pending']>, path: string, issues: ProgramIssue[]): Pending {
  const { days, months, on, until } = written;
  const given = Object.values(written).filter((value) => value !== undefined).length;
  if (given !== 1) {
    issues.push({ path, message: `expected one of days, months, on and until, got ${given}` });
  }
  if (days !== undefined) return { availableOn: (day) => day + days };
  if (months !== undefined) return { availableOn: (day) => addMonths(day, months) };
  if (on !== undefined) {
    const next = compileDates(on, `${path}.on`, issues);
    // What is earned on such a date waits for the one after.
    return { availableOn: (day) => next(day + 1) };
  }
  return { availableOn: () => (until === undefined ? 0 : NEVER) };
}

function compileRedeem(
  written: NonNullable<Written['redeem']>,
  path: string,
  minor: Minor,
  issues: ProgramIssue[],
): RedeemRules {
  const { points, worth, minimum, step, holdMinutes, automaticAt = 0 } = written;
  const maximum = written.maximum ?? Number.MAX_SAFE_INTEGER;
  if (maximum < minimum) {
    issues.push({ path: `${path}.maximum`, message: `expected at least the minimum, ${minimum}, got ${maximum}` });
  } else if (Math.ceil(minimum / step) * step > maximum) {
    issues.push({
      path: `${path}.step`,
      message: `expected a multiple of it from ${minimum} to ${maximum}, got ${step}`,
    });
  }
  return {
    points,
    worthMinor: minor(worth, `${path}.worth`),
    minimum,
    maximum,
    step,
    holdMs: holdMinutes * 60_000,
    automaticAt,
  };
}
