/** Whether engine and bookkeeper say the same of a member. */
import { expect } from 'vitest';
import type { Oracle } from '../../load/oracle.ts';
import type { Fold } from './fold.ts';

interface Standing {
  readonly balance: number;
  readonly spend: number;
  readonly level: string;
  readonly since: number;
  readonly enrolledAt: number;
}

export function engineSays(fold: Fold, id: string, asOfMs: number): Standing | undefined {
  const member = fold.at(id, asOfMs);
  if (member === undefined) return undefined;
  const { balance, windowSpend, levelId, levelSince, enrolledAt, lots } = member;
  expect(
    lots.amounts.reduce((sum, amount) => sum + amount, 0),
    'lots are what can be spent',
  ).toBe(Math.max(0, balance));
  const spend = fold.program.tiers === undefined ? 0 : windowSpend;
  return { balance, spend, level: levelId, since: levelSince, enrolledAt };
}

export function oracleSays(oracle: Oracle, id: string, asOfMs: number): Standing | undefined {
  const member = oracle.member(id, asOfMs);
  if (member === undefined) return undefined;
  const { balance, spend, level, since, enrolledAt } = member;
  return { balance, spend, level, since, enrolledAt };
}
