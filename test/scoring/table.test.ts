/** The table language itself: what a line says is really compared. */
import { expect, it } from 'vitest';
import { check } from './table.ts';

const HEAD = `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
tiers: {id: main, window: {days: 30}, levels: [{id: silver, from: 100}]}
---
`;

it('passes what is so', () => {
  check(`${HEAD}
purchase p1 120.00 2026-01-05 -> scored +120 balance 120 tier silver spend 120.00 none>silver since 2026-01-05T12:00
tick 2026-02-04               -> tier none silver>none due never lots 2026-01-05:120
`);
});

it.each([
  ['points', '+121'],
  ['a sign', '-120'],
  ['the balance', 'balance 121'],
  ['the tier', 'tier gold'],
  ['no tier', 'tier none'],
  ['the spend', 'spend 120.01'],
  ['a change', 'none>gold'],
  ['one change of two', 'none>silver silver>none'],
  ['an instant', 'since 2026-01-06'],
  ['a lot', 'lots 2026-01-05:119'],
  ['a code', 'duplicate +120'],
  ['a field', 'currency_mismatch currency'],
  ['a word it does not know', 'points 120'],
])('fails on %s that is not so', (_what, wanted) => {
  expect(() => check(`${HEAD}purchase p1 120.00 2026-01-05 -> ${wanted}`)).toThrow(/to be/);
});

it('fails on a refusal nobody expected', () => {
  expect(() => check(`${HEAD}purchase p1 120.00 2026-01-05 currency=EUR -> balance 0`)).toThrow(/to be/);
});
