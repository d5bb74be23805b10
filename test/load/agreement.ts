/** Whether engine and bookkeeper say the same of a member. */
import { expect } from 'vitest';
import type { Oracle } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { sumOfDays } from '../../src/scoring/days.ts';
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
  expect(sumOfDays(lots, -Infinity, Infinity), 'lots are what can be spent').toBe(Math.max(0, balance));
  const spend = fold.program.tiers === undefined ? 0 : windowSpend;
  return { balance, spend, level: levelId, since: levelSince, enrolledAt };
}

export function oracleSays(oracle: Oracle, id: string, asOfMs: number): Standing | undefined {
  const member = oracle.member(id, asOfMs);
  if (member === undefined) return undefined;
  const { balance, spend, level, since, enrolledAt } = member;
  return { balance, spend, level, since, enrolledAt };
}

/** Scores an event with both and compares outcome, level changes and member. Returns the outcome's code. */
export function agreeOn(fold: Fold, oracle: Oracle, event: PublicEvent, receivedMs: number): string {
  const { code, tierChanges } = fold.apply(event, receivedMs);
  const expected = oracle.apply(event, receivedMs);
  const message = `after ${JSON.stringify(event)}`;
  expect({ code, changes: tierChanges }, message).toEqual({ code: expected.code, changes: expected.changes });
  expect(engineSays(fold, event.memberId, 0), message).toEqual(oracleSays(oracle, event.memberId, 0));
  return code;
}
