/** Whether engine and bookkeeper say the same of a member. */
import { expect } from 'vitest';
import type { Oracle, OracleMember, OracleOutcome, OracleWallet, Passed } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { NEVER } from '../../src/program/expiry.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { sumOfLots } from '../../src/scoring/lots.ts';
import type { Outcome } from '../../src/scoring/outcome.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import { balancesOf } from '../../src/wire/member-view.ts';
import { triplesOf } from '../scoring/harness.ts';
import type { Fold } from './fold.ts';

type Standing = Omit<OracleMember, 'purchases' | 'returns'>;

export function engineSays(fold: Fold, id: string, asOfMs: number): Standing | undefined {
  const member = fold.at(id, asOfMs);
  if (member === undefined) return undefined;
  const walletIds = walletsOf(fold);
  const balances = balancesOf(member, walletIds);
  const wallets: Record<string, OracleWallet> = {};
  for (const walletId of walletIds) {
    const kept = member.wallets.find((wallet) => wallet.id === walletId);
    const balance = balances[walletId] ?? { available: 0, pending: 0, held: 0, debt: 0 };
    expect(sumOfLots(kept?.lots ?? []), 'lots are what can be spent').toBe(balance.available);
    const lots = triplesOf(kept?.lots ?? []).map(({ last, earned, open }) => ({
      last: last === NEVER ? Infinity : last,
      earned,
      points: open,
    }));
    wallets[walletId] = { ...balance, lots };
  }
  const { windowSpend, levelId, levelSince, enrolledAt } = member;
  const spend = fold.program.tiers === undefined ? 0 : windowSpend;
  return { wallets, spend, level: levelId, since: levelSince, enrolledAt };
}

export function oracleSays(oracle: Oracle, id: string, asOfMs: number): Standing | undefined {
  const member = oracle.member(id, asOfMs);
  if (member === undefined) return undefined;
  const { wallets, spend, level, since, enrolledAt } = member;
  return { wallets, spend, level, since, enrolledAt };
}

/** What time did before an event, and what followed from it. */
export function passedIn({ before, after }: Outcome): Passed[] {
  return [...before, ...after].flatMap(passed);
}

function passed(entry: Entry): Passed[] {
  const { at } = entry;
  switch (entry.kind) {
    case 'expiration':
      return [{ what: 'expired', wallet: entry.walletId, at, points: -pointsOf(entry, entry.walletId) }];
    case 'release':
      return [{ what: 'run out', wallet: entry.walletId, at, points: entry.points }];
    case 'redemption':
      return [{ what: 'redeemed', wallet: entry.walletId, at, points: entry.points }];
    default:
      return [];
  }
}

/** An engine's outcome as the bookkeeper puts it. */
export function outcomeOf(fold: Fold, outcome: Outcome): OracleOutcome {
  const { code, entry, tierChanges } = outcome;
  const changes = tierChanges.map(({ from, to, at }) => ({ from, to, at }));
  const moved = code !== 'scored' || entry === undefined ? [] : walletsOf(fold).map((id) => [id, pointsOf(entry, id)]);
  const points = Object.fromEntries(moved.filter(([, sum]) => sum !== 0));
  return { code, points, changes, passed: passedIn(outcome) };
}

/** Scores an event with both and compares outcome, level changes, what passed and the member. */
export function agreeOn(fold: Fold, oracle: Oracle, event: PublicEvent, receivedMs: number): Outcome {
  const outcome = fold.apply(event, receivedMs);
  const expected = oracle.apply(event, receivedMs);
  const message = `after ${JSON.stringify(event)}`;
  expect(outcomeOf(fold, outcome), message).toEqual(expected);
  expect(engineSays(fold, event.memberId, 0), message).toEqual(oracleSays(oracle, event.memberId, 0));
  return outcome;
}

function walletsOf({ program }: Fold): string[] {
  return program.wallets.map(({ id }) => id);
}
