/** A member and an outcome as clients get them. */
import { describe, expect, it } from 'vitest';
import { EXPIRING_SHOWN_MAX } from '../../src/limits.ts';
import type { Adjustment, Purchase } from '../../src/scoring/event.ts';
import { NEVER } from '../../src/scoring/lots.ts';
import { refusal } from '../../src/scoring/outcome.ts';
import { memberView } from '../../src/wire/member-view.ts';
import { ledgerEntryView, outcomeView } from '../../src/wire/outcome-view.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';
import { Desk, programOf } from '../scoring/harness.ts';

const NOON = Date.UTC(2026, 0, 5, 12);
const DAY_MS = 86_400_000;
const TIERS = {
  id: 'main',
  window: { days: 30 },
  levels: [
    { id: 'silver', from: 100, multiplier: 1.5 },
    { id: 'gold', from: 500 },
  ],
};

function purchase(id: string, amount: number, occurredAt = 0): Purchase {
  return purchaseEvent({ id, occurredAt, store: 's1', amount });
}

function adjustment(points: number): Adjustment {
  return adjustmentEvent({ points, reason: 'sorry', agent: 'ann' });
}

describe('a member', () => {
  it('with the next expiries, those of a day as one, and no more than a dozen', () => {
    const desk = new Desk(programOf({ expiry: { after: { days: 10 }, through: 'month' } }));
    for (let day = 0; day < 27; day++) desk.score(purchase(`p${day}`, 100), NOON + day * DAY_MS);
    desk.member.lots = [...desk.member.lots, NEVER, 20_458, 5];
    expect(memberView(desk.program, desk.member, 'e').expiring).toEqual([
      { wallet: 'points', amount: 17, at: '2026-02-01T00:00:00.000Z' },
      { wallet: 'points', amount: 10, at: '2026-03-01T00:00:00.000Z' },
    ]);
    const long = new Desk(programOf({ expiry: { after: { years: 3 } } }));
    for (let day = 0; day < 20; day++) long.score(purchase(`p${day}`, 100), NOON + day * DAY_MS);
    const { expiring } = memberView(long.program, long.member, 'e');
    expect(expiring).toHaveLength(EXPIRING_SHOWN_MAX);
    expect(expiring[0]).toEqual({ wallet: 'points', amount: 1, at: '2029-01-06T00:00:00.000Z' });
    expect(expiring.at(-1)).toEqual({ wallet: 'points', amount: 1, at: '2029-01-17T00:00:00.000Z' });
  });

  it('with points, a level to keep and one to reach', () => {
    const desk = new Desk(programOf({ tiers: TIERS }));
    desk.score(purchase('p1', 9_000), NOON);
    desk.score(purchase('p2', 3_000), NOON + DAY_MS);
    expect(memberView(desk.program, desk.read(NOON + 2 * DAY_MS), 'epoch-1')).toEqual({
      id: '42',
      epoch: 'epoch-1',
      version: 2,
      balances: { points: { available: 120, pending: 0, held: 0, debt: 0 } },
      expiring: [],
      tiers: {
        main: {
          level: 'silver',
          since: '2026-01-06T12:00:00.000Z',
          until: '2026-02-04T00:00:00.000Z',
          next: {
            level: 'gold',
            paths: [{ counter: 'spend', have: 12_000, need: 50_000, by: '2026-02-04T00:00:00.000Z' }],
          },
          keep: [{ counter: 'spend', have: 3_000, need: 10_000, by: '2026-02-04T00:00:00.000Z' }],
        },
      },
      counters: { spend: 12_000 },
    });
  });

  it('in debt, on no level, enrolled', () => {
    const desk = new Desk(programOf({ tiers: TIERS }));
    desk.score({ type: 'enrolment', id: 'e1', memberId: '42', occurredAt: 0 }, NOON);
    desk.score(adjustment(-20), NOON);
    expect(memberView(desk.program, desk.read(NOON), 'epoch-1')).toEqual({
      id: '42',
      epoch: 'epoch-1',
      version: 2,
      enrolledAt: '2026-01-05T12:00:00.000Z',
      balances: { points: { available: 0, pending: 0, held: 0, debt: 20 } },
      expiring: [],
      tiers: { main: { level: null, next: { level: 'silver', paths: [{ counter: 'spend', have: 0, need: 10_000 }] } } },
      counters: { spend: 0 },
    });
  });

  it('of a program without tiers', () => {
    const desk = new Desk(programOf({}));
    desk.score(purchase('p1', 100), NOON);
    expect(memberView(desk.program, desk.read(NOON), 'e')).toMatchObject({ tiers: {}, counters: {} });
  });
});

describe('an outcome', () => {
  it('says what moved and why', () => {
    const desk = new Desk(programOf({ tiers: TIERS }));
    const first = purchase('p1', 10_000);
    expect(outcomeView(first, desk.score(first, NOON), undefined, undefined)).toEqual({
      id: 'p1',
      code: 'scored',
      entries: [{ wallet: 'points', amount: 100, rule: 'base' }],
      tierChanges: [{ from: null, to: 'silver', at: '2026-01-05T12:00:00.000Z' }],
    });
    const second = purchase('p2', 1_000);
    const scored = desk.score(second, NOON);
    expect(outcomeView(second, scored, undefined, undefined).entries).toEqual([
      { wallet: 'points', amount: 10, rule: 'base' },
      { wallet: 'points', amount: 5, rule: 'tier:silver' },
    ]);
    expect(scored.entry && ledgerEntryView(scored.entry)).toMatchObject({
      type: 'accrual',
      points: 15,
      amount: 1_000,
      returnedAmount: 0,
      store: 's1',
      text: 'Earned 15 points by rule base, times 1.5 on silver',
    });
    // Its resend is told the same.
    expect(outcomeView(second, desk.score(second, NOON), undefined, undefined)).toMatchObject({
      code: 'duplicate',
      entries: [{ amount: 10 }, { amount: 5 }],
      tierChanges: [],
    });
    const back = { ...second, type: 'return', id: 'r1', originalId: 'p2', amount: 400 } as const;
    const returned = desk.score(back, NOON);
    expect(outcomeView(back, returned, undefined, undefined).entries).toEqual([
      { wallet: 'points', amount: -4, rule: 'base', originalId: 'p2' },
      { wallet: 'points', amount: -2, rule: 'tier:silver', originalId: 'p2' },
    ]);
    expect(returned.entry && ledgerEntryView(returned.entry)).toMatchObject({
      type: 'reversal',
      points: -6,
      amount: 400,
      originalId: 'p2',
      text: 'Took back 6 points earned with p2',
    });
    const adjusted = desk.score(adjustment(-3), NOON);
    expect(adjusted.entry && ledgerEntryView(adjusted.entry)).toMatchObject({
      points: -3,
      reason: 'sorry',
      agent: 'ann',
      text: 'Took 3 points: sorry',
    });
  });

  it('of a refusal says why, and which field', () => {
    const event = purchase('p1', 1);
    expect(outcomeView(event, refusal('currency_mismatch', 'currency'), undefined, undefined)).toEqual({
      id: 'p1',
      code: 'currency_mismatch',
      message: 'The program counts one currency and this is another.',
      field: 'currency',
      entries: [],
      tierChanges: [],
    });
    const malformed = { type: 'malformed', message: 'id: expected text', bytes: new Uint8Array(0) } as const;
    expect(outcomeView(malformed, refusal('malformed'), malformed.message, undefined)).toMatchObject({
      id: '',
      code: 'malformed',
      message: 'id: expected text',
    });
  });
});
