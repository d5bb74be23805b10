/** The bookkeeper by hand-counted examples, since a test of the engine against it is no better than it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Oracle, type OracleLot, type OracleMember } from '../../load/oracle.ts';
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
    return `${code} ${points['points'] ?? 0}`;
  });
}

function standing(oracle: Oracle, asOf: string): string {
  const member = oracle.member('m', Date.parse(asOf));
  if (member === undefined) return 'nobody';
  const since = member.since === 0 ? '' : ` since ${new Date(member.since).toISOString()}`;
  return `${balanceOf(member)} points, ${member.spend} spent, level "${member.level}"${since}`;
}

function balanceOf({ wallets }: OracleMember): number {
  const { available = 0, debt = 0 } = wallets['points'] ?? {};
  return available - debt;
}

function lotsOf(oracle: Oracle, asOfMs: number): readonly OracleLot[] | undefined {
  return oracle.member('m', asOfMs)?.wallets['points']?.lots;
}

function dayOf(date: string): number {
  return Date.parse(date) / 86_400_000;
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
    expect(oracle.member('m', 0)).toMatchObject({ wallets: { points: { available: 5 } }, purchases: 1 });
  });

  it('lets points expire after their last day, and does not take them twice', () => {
    const oracle = new Oracle(`${PROGRAM}expiry: { after: { months: 1 }, through: month }`);
    const first = purchase('2011-01-31T10:00:00Z', ['a', 1, 1_000]);
    expect(play(oracle, first, purchase('2011-02-01T10:00:00Z', ['a', 1, 500]))).toEqual(['scored 10', 'scored 5']);
    expect(standing(oracle, '2011-02-28T23:59:59.999Z')).toMatch(/^15 points/);
    // London keeps winter time until 27 March, so this is midnight; the next end is in summer.
    expect(standing(oracle, '2011-03-01T00:00:00Z')).toMatch(/^5 points/);
    expect(standing(oracle, '2011-03-31T22:59:59.999Z')).toMatch(/^5 points/);
    expect(standing(oracle, '2011-03-31T23:00:00Z')).toMatch(/^0 points/);
    expect(lotsOf(oracle, Date.parse('2011-02-02T00:00:00Z'))).toEqual([
      { last: dayOf('2011-02-28'), earned: dayOf('2011-01-31'), points: 10 },
      { last: dayOf('2011-03-31'), earned: dayOf('2011-02-01'), points: 5 },
    ]);
    expect(oracle.apply(goesBack('2011-03-02T00:00:00Z', { originalId: first.id }))).toEqual({
      code: 'scored',
      points: {},
      changes: [],
      passed: [{ what: 'expired', wallet: 'points', at: Date.parse('2011-03-01T00:00:00Z'), points: 10 }],
    });
    expect(standing(oracle, '2011-03-02T00:00:00Z')).toMatch(/^5 points/);
  });

  it.each([
    ['{ after: { days: 10 } }', '2011-02-20', '2011-03-02'],
    ['{ after: { years: 1 } }', '2012-02-29', '2013-02-28'],
    ['{ after: { days: 0 }, through: quarter }', '2011-05-20', '2011-06-30'],
    ['{ after: { months: 2 }, through: year }', '2011-11-01', '2012-12-31'],
    ["{ on: ['02-29'] }", '2011-02-28', '2011-02-28'],
    ["{ on: ['02-29', '06-30'] }", '2011-03-01', '2011-06-30'],
    ["{ on: ['02-29'] }", '2011-03-01', '2012-02-29'],
  ])('knows the last day of %s, earned on %s: %s', (expiry, earned, last) => {
    const oracle = new Oracle(`${PROGRAM}expiry: ${expiry}`);
    play(oracle, purchase(`${earned}T12:00:00Z`, ['a', 1, 100]));
    expect(lotsOf(oracle, 0)).toEqual([{ last: dayOf(last), earned: dayOf(earned), points: 1 }]);
  });

  it('renews what is open with every purchase', () => {
    const oracle = new Oracle(`${PROGRAM}expiry: { after: { days: 5 }, renew: activity }`);
    play(
      oracle,
      purchase('2011-02-01T10:00:00Z', ['a', 1, 300]),
      purchase('2011-02-04T10:00:00Z', ['a', 1, 0]),
      purchase('2011-02-09T10:00:00Z', ['a', 1, 100]),
    );
    expect(standing(oracle, '2011-02-14T23:59:59Z')).toMatch(/^4 points/);
    expect(standing(oracle, '2011-02-15T00:00:00Z')).toMatch(/^0 points/);
  });

  it('keeps pending points apart, and gives back what a hold or a redemption took, in the order it was taken', () => {
    const oracle = new Oracle(`
program: by-hand
version: 1
timezone: UTC
currency: GBP
wallets:
  - { id: points, pending: { days: 2 }, expiry: { after: { days: 30 } }, redeem: { points: 10, worth: 1 } }
earn: { id: spend, points: 1, per: 1 }`);
    const head = (id: string, at: string) => ({ id, memberId: 'm', occurredAt: `2011-05-${at}Z` });
    const wallet = (at: string): string => {
      const { available, pending, held, lots } =
        oracle.member('m', Date.parse(`2011-05-${at}Z`))?.wallets['points'] ?? {};
      return `${available} ${pending} ${held} of ${lots?.map(({ points }) => points)}`;
    };
    play(oracle, purchase('2011-05-01T10:00Z', ['a', 1, 3_000]), purchase('2011-05-02T10:00Z', ['a', 1, 2_000]));
    expect([wallet('02T23:59'), wallet('03T00:00'), wallet('04T00:00')]).toEqual([
      '0 50 0 of ',
      '30 20 0 of 30',
      '50 0 0 of 30,20',
    ]);
    // 4.00 are 40 points: the 30 of the first, then 10 of the second.
    expect(oracle.apply({ ...head('h', '04T10:00'), type: 'authorisation', amount: 400 }).points).toEqual({
      points: -40,
    });
    expect([wallet('04T10:14'), wallet('04T10:15')]).toEqual(['10 0 40 of 10', '50 0 0 of 30,20']);
    expect(oracle.apply({ ...head('k', '04T10:05'), type: 'capture', originalId: 'h', points: 25 }).points).toEqual({
      points: 15,
    });
    expect(wallet('04T10:05')).toBe('25 0 0 of 5,20');
    expect(oracle.apply({ ...head('b', '04T10:06'), type: 'reversal', originalId: 'k' }).points).toEqual({
      points: 25,
    });
    expect(wallet('04T10:06')).toBe('50 0 0 of 30,20');
    expect(oracle.apply({ ...head('s', '31T23:59'), type: 'redemption', points: 50 }).code).toBe('scored');
    // Of the 50, 30 could be spent no longer than 31 May.
    const late = { ...head('c', ''), occurredAt: '2011-06-01T00:00Z' };
    const { passed } = oracle.apply({ ...late, type: 'reversal', originalId: 's' });
    expect(passed).toEqual([{ what: 'expired', wallet: 'points', at: Date.UTC(2011, 5, 1), points: 30 }]);
  });

  it('shares no code with the engine', () => {
    for (const file of readdirSync('load').filter((name) => /^(oracle|public)/.test(name))) {
      const imports = [...readFileSync(`load/${file}`, 'utf8').matchAll(/from '([^']+)'/g)].map(([, from]) => from);
      for (const from of imports) expect(from).toMatch(/^(yaml|\.\/(oracle-[a-z]+|public-event)\.ts)$/);
    }
  });
});
