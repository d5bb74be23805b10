/** The bookkeeper by hand-counted examples, since a test of the engine against it is no better than it is. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Oracle } from '../../load/oracle.ts';
import type { PublicPurchase, PublicReturn } from '../../load/public-event.ts';

const PROGRAM = `
program: by-hand
version: 1
timezone: Europe/London
currency: GBP
earn: { id: spend, points: 1, per: 1 }
tiers:
  id: main
  window: { days: 30 }
  levels:
    - { id: silver, from: 100, multiplier: 1.5 }
    - { id: gold, from: 300, multiplier: 2 }
returns: { unmatched: deduct, matchDays: 365 }
`;

let count = 0;

function purchase(occurredAt: string, ...lines: [sku: string, quantity: number, amount: number][]): PublicPurchase {
  count += 1;
  return {
    id: `p${count}`,
    memberId: 'm',
    occurredAt,
    type: 'purchase',
    lines: lines.map(([sku, quantity, amount]) => ({ sku, quantity, amount })),
  };
}

function goesBack(occurredAt: string, what: Partial<PublicReturn>): PublicReturn {
  count += 1;
  return { id: `r${count}`, memberId: 'm', occurredAt, type: 'return', ...what };
}

function play(oracle: Oracle, ...events: (PublicPurchase | PublicReturn)[]): string[] {
  return events.map((event) => {
    const { code, points } = oracle.apply(event);
    return `${code} ${points}`;
  });
}

function standing(oracle: Oracle, asOf: string): string {
  const member = oracle.member('m', Date.parse(asOf));
  if (member === undefined) return 'nobody';
  const since = member.since === 0 ? '' : ` since ${new Date(member.since).toISOString()}`;
  return `${member.balance} points, ${member.spend} spent, level "${member.level}"${since}`;
}

describe('the bookkeeper', () => {
  it('rounds once, multiplies by the level held before, and lets days leave at local midnight', () => {
    const oracle = new Oracle(PROGRAM);
    expect(
      play(
        oracle,
        purchase('2011-05-01T10:00:00Z', ['a', 1, 9_999]),
        // Still no level: the threshold was missed by a penny.
        purchase('2011-05-02T10:00:00Z', ['a', 1, 170]),
        // 1.70 x 1.5 = 2.55
        purchase('2011-05-03T10:00:00Z', ['a', 1, 170]),
      ),
    ).toEqual(['scored 99', 'scored 1', 'scored 2']);
    expect(standing(oracle, '2011-05-30T22:59:59.999Z')).toBe(
      '102 points, 10339 spent, level "silver" since 2011-05-02T10:00:00.000Z',
    );
    // London is an hour ahead in May.
    expect(standing(oracle, '2011-05-30T23:00:00Z')).toBe(
      '102 points, 340 spent, level "" since 2011-05-30T23:00:00.000Z',
    );
  });

  it('takes back the difference of totals, under the terms of the purchase', () => {
    const oracle = new Oracle(PROGRAM);
    const basket = purchase('2011-05-01T10:00:00Z', ['a', 3, 1_000], ['b', 1, 155]);
    expect(
      play(
        oracle,
        basket,
        // A third of 10.00 is 3.33: 11 points become the 8 of 8.22.
        goesBack('2011-05-02T10:00:00Z', { originalId: basket.id, lines: [{ sku: 'a', quantity: 1 }] }),
        goesBack('2011-05-03T10:00:00Z', { originalId: basket.id, amount: 22 }),
        goesBack('2011-05-04T10:00:00Z', { originalId: basket.id }),
        goesBack('2011-05-05T10:00:00Z', { originalId: basket.id }),
      ),
    ).toEqual(['scored 11', 'scored -3', 'scored 0', 'scored -8', 'return_exceeds_original 0']);
    expect(standing(oracle, '2011-05-06T00:00:00Z')).toBe('0 points, 0 spent, level ""');
  });

  it('finds goods that come back without a receipt, the newest first, and deducts the rest at what it would earn', () => {
    const oracle = new Oracle(PROGRAM);
    expect(
      play(
        oracle,
        purchase('2011-05-01T10:00:00Z', ['a', 2, 400]),
        purchase('2011-05-02T10:00:00Z', ['a', 1, 300]),
        // 3.00 of the second, 2.00 of the first.
        goesBack('2011-05-03T10:00:00Z', { lines: [{ sku: 'a', quantity: 2, amount: 999 }] }),
        // One is left, of three: 2.00 matched and two thirds of 9.00 deducted, which is debt.
        goesBack('2011-05-04T10:00:00Z', { lines: [{ sku: 'a', quantity: 3, amount: 900 }] }),
        purchase('2011-05-05T10:00:00Z', ['b', 1, 1_000]),
      ),
    ).toEqual(['scored 4', 'scored 3', 'scored -5', 'scored -8', 'scored 10']);
    expect(standing(oracle, '2011-05-05T10:00:00Z')).toBe('4 points, 1000 spent, level ""');
  });

  it('counts an event once, and knows one id with two contents', () => {
    const oracle = new Oracle(PROGRAM);
    const first = purchase('2011-05-01T10:00:00Z', ['a', 1, 500]);
    const changed = { ...first, lines: [{ sku: 'a', quantity: 1, amount: 501 }] };
    expect(play(oracle, first, { ...first, store: '' }, changed)).toEqual([
      'scored 5',
      'duplicate 0',
      'duplicate_with_different_content 0',
    ]);
    expect(oracle.member('m', 0)).toMatchObject({ balance: 5, purchases: 1 });
  });

  it('shares no code with the engine', () => {
    for (const file of ['oracle.ts', 'oracle-rules.ts', 'public-event.ts']) {
      const imports = [...readFileSync(`load/${file}`, 'utf8').matchAll(/from '([^']+)'/g)].map(([, from]) => from);
      for (const from of imports) expect(from).toMatch(/^(yaml|\.\/(oracle-rules|public-event)\.ts)$/);
    }
  });
});
