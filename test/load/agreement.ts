/** Whether engine and bookkeeper say the same of a member. */
import { expect } from 'vitest';
import type { Expired, Oracle, OracleLot } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { NEVER } from '../../src/program/expiry.ts';
import { type Lots, sumOfLots } from '../../src/scoring/lots.ts';
import { walletOf } from '../../src/scoring/member.ts';
import type { Outcome } from '../../src/scoring/outcome.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import type { Fold } from './fold.ts';

/** The bookkeeper has one. */
export const WALLET = 'points';

interface Standing {
  readonly balance: number;
  readonly spend: number;
  readonly level: string;
  readonly since: number;
  readonly enrolledAt: number;
  readonly lots: readonly OracleLot[];
}

export function engineSays(fold: Fold, id: string, asOfMs: number): Standing | undefined {
  const member = fold.at(id, asOfMs);
  if (member === undefined) return undefined;
  const { windowSpend, levelId, levelSince, enrolledAt } = member;
  expect(member.wallets.map((wallet) => wallet.id)).toEqual([WALLET]);
  const { balance, lots } = walletOf(member, WALLET);
  expect(sumOfLots(lots), 'lots are what can be spent').toBe(Math.max(0, balance));
  const spend = fold.program.tiers === undefined ? 0 : windowSpend;
  return { balance, spend, level: levelId, since: levelSince, enrolledAt, lots: lotsOf(lots) };
}

export function oracleSays(oracle: Oracle, id: string, asOfMs: number): Standing | undefined {
  const member = oracle.member(id, asOfMs);
  if (member === undefined) return undefined;
  const { balance, spend, level, since, enrolledAt, lots } = member;
  return { balance, spend, level, since, enrolledAt, lots };
}

function lotsOf(lots: Lots): OracleLot[] {
  return Array.from({ length: lots.length / 3 }, (_, index) => {
    const [last = 0, earned = 0, points = 0] = lots.slice(3 * index);
    return { last: last === NEVER ? Infinity : last, earned, points };
  });
}

/** What expired before an event and with it. */
export function expiredIn({ before, after }: Outcome): Expired[] {
  return [...before, ...after].map((entry) => {
    expect(entry.kind).toBe('expiration');
    return { at: entry.at, points: -pointsOf(entry, WALLET) };
  });
}

/** Scores an event with both and compares outcome, level changes, expiries and member. */
export function agreeOn(fold: Fold, oracle: Oracle, event: PublicEvent, receivedMs: number): Outcome {
  const outcome = fold.apply(event, receivedMs);
  const expected = oracle.apply(event, receivedMs);
  const message = `after ${JSON.stringify(event)}`;
  const { code, tierChanges: changes, entry } = outcome;
  const points = code === 'scored' && entry !== undefined ? pointsOf(entry, WALLET) : 0;
  expect({ code, points, changes, expired: expiredIn(outcome) }, message).toEqual(expected);
  expect(engineSays(fold, event.memberId, 0), message).toEqual(oracleSays(oracle, event.memberId, 0));
  return outcome;
}
