/** Debt and lots: what is taken comes from the day it was earned, then from the oldest lot, then becomes debt. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NEVER } from '../../src/program/expiry.ts';
import {
  addOnDay,
  type Days,
  dropBefore,
  firstDayFrom,
  lastDay,
  sumOfDays,
  takeNewest,
} from '../../src/scoring/days.ts';
import { extendTo, sumOfLots } from '../../src/scoring/lots.ts';
import { credit, debit, newWallet, takeBack } from '../../src/scoring/wallet.ts';
import { pairsOf } from './harness.ts';
import { check } from './table.ts';

const SHOP = `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
tiers: {id: main, window: {days: 365}, levels: [{id: vip, from: 50}]}
---
`;

it('a return takes more than there is: the rest is a debt, which the next points repay', () => {
  check(`${SHOP}
purchase p1 70.00 2026-01-05 -> +70 none>vip
adjust a1 -20                -> -20 balance 50
return r1 of p1              -> -70 balance -20 lots none vip>none
purchase p2 30.00 2026-01-06 -> +30 balance 10 lots 2026-01-06:10
`);
});

it('a debt does not touch the level', () => {
  check(`${SHOP}
purchase p1 70.00 2026-01-05 -> +70 none>vip
adjust a1 -100               -> -100 balance -30 tier vip unchanged lots none
purchase p2 10.00 2026-01-06 -> +10 balance -20 lots none
purchase p3 20.00 2026-01-07 -> +20 balance 0 lots none
purchase p4 1.00 2026-01-08  -> +1 balance 1 lots 2026-01-08:1
`);
});

it('an adjustment takes from the oldest lots and adds to today', () => {
  check(`${SHOP}
purchase p1 10.00 2026-01-05 -> lots 2026-01-05:10
purchase p2 10.00 2026-01-06 -> lots 2026-01-05:10,2026-01-06:10
adjust a1 -15 2026-01-07     -> lots 2026-01-06:5 balance 5
adjust a2 +7 2026-01-07      -> lots 2026-01-06:5,2026-01-07:7 balance 12
`);
});

it('a return takes from the day of its purchase first', () => {
  check(`${SHOP}
purchase p1 10.00 2026-01-05 -> +10
purchase p2 20.00 2026-01-06 -> +20
purchase p3 30.00 2026-01-07 -> +30
return r1 of p2              -> lots 2026-01-05:10,2026-01-07:30
adjust a1 -25                -> lots 2026-01-07:15
return r2 of p1              -> lots 2026-01-07:5 balance 5
return r3 of p3              -> lots none balance -25
`);
});

it('lots always add up to what can be spent, in order, none empty', () => {
  const movement = fc.record({
    day: fc.integer({ min: 0, max: 9 }),
    kept: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(undefined)),
    points: fc.integer({ min: -60, max: 40 }),
    renewsTo: fc.option(fc.integer({ min: 0, max: 14 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(movement), fc.boolean(), (movements, named) => {
      const wallet = newWallet('points');
      /** Points by last day and day earned. */
      const model = new Map<string, number>();
      let balance = 0;
      const take = (keys: readonly string[], points: number): number => {
        let left = points;
        for (const key of keys) {
          const open = model.get(key) ?? 0;
          const taken = Math.min(open, left);
          left -= taken;
          if (taken === open) model.delete(key);
          else model.set(key, open - taken);
        }
        return left;
      };
      for (const { day, kept, points, renewsTo } of movements) {
        const lastDay = kept === undefined ? NEVER : day + kept;
        if (points >= 0) {
          credit(wallet, day, lastDay, points);
          const open = Math.max(0, Math.min(points, balance + points));
          if (open > 0) model.set(`${lastDay} ${day}`, (model.get(`${lastDay} ${day}`) ?? 0) + open);
        } else if (named) {
          expect(takeBack(wallet, day, -points, false, 'unlimited')).toEqual({ expired: 0, forgiven: 0 });
          const left = take(
            inOrder(model).filter((key) => key.endsWith(` ${day}`)),
            -points,
          );
          take(inOrder(model), left);
        } else {
          debit(wallet, -points);
          take(inOrder(model), -points);
        }
        balance += points;
        if (renewsTo !== undefined) {
          wallet.lots = extendTo(wallet.lots, renewsTo);
          for (const key of inOrder(model)) {
            const [last = 0, earned = 0] = key.split(' ').map(Number);
            if (last >= renewsTo) continue;
            const renewed = `${renewsTo} ${earned}`;
            model.set(renewed, (model.get(renewed) ?? 0) + (model.get(key) ?? 0));
            model.delete(key);
          }
        }
        expect(wallet.balance).toBe(balance);
        expect(sumOfLots(wallet.lots)).toBe(Math.max(0, balance));
        expect(wallet.lots).toEqual(
          inOrder(model).flatMap((key) => [...key.split(' ').map(Number), model.get(key) ?? 0]),
        );
      }
    }),
  );
});

function inOrder(model: ReadonlyMap<string, number>): string[] {
  return [...model.keys()].sort((one, other) => {
    const [last = 0, earned = 0] = one.split(' ').map(Number);
    const [otherLast = 0, otherEarned = 0] = other.split(' ').map(Number);
    return last - otherLast || earned - otherEarned;
  });
}

it('days are a sorted list of sums, as a map would hold them', () => {
  const change = fc.record({
    day: fc.integer({ min: 0, max: 12 }),
    amount: fc.integer({ min: -3, max: 9 }),
    what: fc.constantFrom('add', 'newest', 'drop'),
  });
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      let days: Days = [];
      const model = new Map<number, number>();
      for (const { day, amount, what } of changes) {
        if (what === 'drop') {
          days = dropBefore(days, day);
          for (const key of [...model.keys()]) if (key < day) model.delete(key);
        } else if (what !== 'add') {
          let left = Math.max(0, amount);
          const before = sumOfDays(days, -Infinity, Infinity);
          days = takeNewest(days, left);
          expect(before - sumOfDays(days, -Infinity, Infinity)).toBe(Math.min(left, before));
          for (const key of [...model.keys()].sort((one, other) => other - one)) {
            const taken = Math.min(left, model.get(key) ?? 0);
            left -= taken;
            if (model.get(key) === taken) model.delete(key);
            else model.set(key, (model.get(key) ?? 0) - taken);
          }
        } else {
          const sum = Math.max(0, (model.get(day) ?? 0) + amount);
          days = addOnDay(days, day, sum - (model.get(day) ?? 0));
          if (sum === 0) model.delete(day);
          else model.set(day, sum);
        }
        const sorted = [...model].sort(([one], [other]) => one - other);
        expect(pairsOf(days)).toEqual(sorted);
        expect(lastDay(days)).toBe(sorted.at(-1)?.[0]);
        expect(firstDayFrom(days, day)).toBe(sorted.find(([key]) => key >= day)?.[0]);
        expect(sumOfDays(days, day, day + 3)).toBe(
          sorted.reduce((sum, [key, value]) => sum + (key >= day && key <= day + 3 ? value : 0), 0),
        );
      }
    }),
  );
});
