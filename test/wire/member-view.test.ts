/** A member and an outcome as clients get them. */
import { describe, expect, it } from 'vitest';
import { EXPIRING_SHOWN_MAX } from '../../src/limits.ts';
import { viewAt } from '../../src/partition/audience.ts';
import { NEVER } from '../../src/program/expiry.ts';
import type { Adjustment, MemberEvent, Purchase } from '../../src/scoring/event.ts';
import { walletOf } from '../../src/scoring/member.ts';
import { refusal } from '../../src/scoring/outcome.ts';
import { ledgerEntryView } from '../../src/wire/ledger-view.ts';
import { memberView } from '../../src/wire/member-view.ts';
import { outcomeView } from '../../src/wire/outcome-view.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';
import { Desk, programOf } from '../scoring/harness.ts';
import { SPENDING, spend, WALLETS } from './spending.ts';

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
    const wallet = walletOf(desk.member, 'points');
    wallet.lots = [...wallet.lots, NEVER, 20_458, 5];
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

  it('of two wallets, with what waits and what is held', () => {
    const desk = new Desk(programOf(WALLETS));
    desk.score(purchase('p1', 1_000), NOON);
    desk.score(purchase('p2', 500), NOON + DAY_MS);
    desk.score(adjustment(60), NOON + DAY_MS);
    desk.score(spend('authorisation', 'h1', 20), NOON + DAY_MS);
    const view = memberView(desk.program, desk.read(NOON + DAY_MS), 'e');
    expect(view.balances).toEqual({
      points: { available: 40, pending: 150, held: 20, debt: 0 },
      // Of 3 + 3, 5 were redeemed by themselves.
      miles: { available: 1, pending: 0, held: 0, debt: 0 },
    });
    expect(view.expiring).toEqual([
      { wallet: 'miles', amount: 1, at: '2026-01-09T00:00:00.000Z' },
      { wallet: 'points', amount: 40, at: '2026-02-07T00:00:00.000Z' },
    ]);
    expect(view.pending).toEqual([{ wallet: 'points', amount: 100, at: '2026-01-19T00:00:00.000Z' }]);
    expect(view.holds).toEqual([{ id: 'h1', wallet: 'points', points: 20, until: '2026-01-06T12:30:00.000Z' }]);
  });

  it('of a program without tiers', () => {
    const desk = new Desk(programOf({}));
    desk.score(purchase('p1', 100), NOON);
    expect(memberView(desk.program, desk.read(NOON), 'e')).toMatchObject({ tiers: {}, counters: {} });
  });
});

describe('exceptions', () => {
  const decided = { memberId: '42', occurredAt: 0, reason: 'matched', agent: 'ann' };
  const match: MemberEvent = {
    ...decided,
    type: 'exception',
    id: 'x1',
    tier: '',
    floor: 'silver',
    ceiling: '',
    thresholds: [{ level: 'gold', from: 20_000 }],
    until: NOON + 60 * DAY_MS,
  };

  it.each([
    ['a ladder', TIERS],
    ['a set', { ...TIERS, grace: { days: 5 } }],
  ])('%s: as long as they are in force, also when the past is read', (_name, tiers) => {
    const desk = new Desk(programOf({ tiers }));
    const shown = (day: number) => viewAt(desk.program, desk.member, 'e', NOON + day * DAY_MS);
    desk.score(purchase('p1', 10), NOON - DAY_MS);
    const { entry } = desk.score(match, NOON);
    desk.score(
      { ...decided, type: 'exception', id: 'x2', tier: 'main', floor: '', ceiling: 'gold', thresholds: [], until: 0 },
      NOON,
    );
    desk.tick(NOON + 70 * DAY_MS);
    desk.score(adjustment(1), NOON + 70 * DAY_MS);
    expect(shown(1).exceptions).toEqual([
      {
        id: 'x1',
        floor: 'silver',
        thresholds: { gold: 20_000 },
        until: '2026-03-06T12:00:00.000Z',
        reason: 'matched',
        agent: 'ann',
      },
      { id: 'x2', tier: 'main', ceiling: 'gold', reason: 'matched', agent: 'ann' },
    ]);
    expect(shown(1).tiers['main']).toMatchObject({
      level: 'silver',
      next: { level: 'gold', paths: [{ need: 20_000 }] },
    });
    expect(shown(70).exceptions).toMatchObject([{ id: 'x2' }]);
    expect(shown(70).tiers['main']).toMatchObject({
      level: null,
      next: { level: 'silver', paths: [{ need: 10_000 }] },
    });
    expect(entry && ledgerEntryView(entry)).toMatchObject({
      type: 'exception',
      points: 0,
      movements: [],
      text: 'Exception until 2026-03-06T12:00:00.000Z: at least silver and gold from 20000; matched',
      floor: 'silver',
      thresholds: { gold: 20_000 },
      until: '2026-03-06T12:00:00.000Z',
      reason: 'matched',
      agent: 'ann',
    });
    const lifted = desk.score({ ...decided, type: 'exception_end', id: 'n1', originalId: 'x2' }, NOON + 71 * DAY_MS);
    const ends = [desk.entries().find(({ kind }) => kind === 'exception_end'), lifted.entry];
    expect(ends.map((end) => end && ledgerEntryView(end))).toMatchObject([
      { originalId: 'x1', text: 'The exception x1 is over' },
      { originalId: 'x2', text: 'Ended the exception x2: matched', eventId: 'n1', agent: 'ann' },
    ]);
    expect(shown(71)).not.toHaveProperty('exceptions');
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

it('points that wait, are spent, held and given back, in outcomes and in a ledger', () => {
  const desk = new Desk(programOf(WALLETS));
  const said = SPENDING.map(([event, day]) => {
    const { id, code, paid, redeemed, expired } = outcomeView(
      event,
      desk.score(event, NOON + day * DAY_MS),
      undefined,
      undefined,
    );
    expect([id, code]).toEqual([id, 'scored']);
    return { id, ...(paid && { paid }), ...(redeemed && { redeemed }), ...(expired && { expired }) };
  });
  const until = '2026-01-06T12:30:00.000Z';
  const held = (points: number): object => ({ paid: { wallet: 'points', points, amount: points, until } });
  expect(said).toEqual([
    { id: 'p1' },
    { id: 'p2', redeemed: [{ wallet: 'miles', points: 5, amount: 250 }] },
    { id: 'v1' },
    { id: 'p3' },
    { id: 'c1' },
    { id: 's1', paid: { wallet: 'points', points: 100, amount: 100 } },
    { id: 'h1', ...held(150) },
    { id: 'h2', ...held(50) },
    { id: 'h3', ...held(7) },
    { id: 'k1', paid: { wallet: 'points', points: 120, amount: 120 } },
    { id: 'l1' },
    { id: 'b1' },
    { id: 'p4' },
    { id: 'r1' },
    {
      id: 'a1',
      expired: [
        { wallet: 'miles', amount: 1, at: '2026-01-09T00:00:00.000Z' },
        { wallet: 'miles', amount: 3, at: '2026-01-10T00:00:00.000Z' },
        { wallet: 'points', amount: 100, at: '2026-02-06T00:00:00.000Z' },
        { wallet: 'points', amount: 380, at: '2026-02-07T00:00:00.000Z' },
        { wallet: 'points', amount: 100, at: '2026-02-08T00:00:00.000Z' },
      ],
    },
  ]);
  const ledger = desk.entries().map(ledgerEntryView);
  expect(ledger.map(({ type, points, text }) => `${type} ${points}: ${text}`)).toEqual([
    'accrual 100: Earned 100 points and 3 miles by rules base and visit',
    'accrual 500: Earned 500 points and 3 miles by rules base and visit',
    'redemption -5: Redeemed 5 miles',
    'void -500: Cancelled p2: took back 500 points and 3 miles earned with p2',
    'accrual 500: Earned 500 points and 3 miles by rules base and visit',
    'settlement 0: p3 confirmed: 500 points can be spent',
    'redemption -100: Redeemed 100 points',
    'hold -150: Held 150 points until 2026-01-06T12:30:00.000Z',
    'hold -50: Held 50 points until 2026-01-06T12:30:00.000Z',
    'hold -7: Held 7 points until 2026-01-06T12:30:00.000Z',
    'capture 30: Redeemed 120 points held by h1; the other 30 can be spent again',
    'release 50: The hold of 50 points by h2 was released',
    'redemption_reversal 40: Gave back 40 points redeemed by s1',
    'release 7: The hold of 7 points by h3 ran out',
    'accrual 200: Earned 200 points and 3 miles by rules base and visit',
    'reversal -40: Took back 100 points and 0 miles earned with p4; gave back 60 points that had paid for it',
    'expiration -1: 1 miles expired, earned on 2026-01-06',
    'expiration -3: 3 miles expired, earned on 2026-01-07',
    'settlement 0: 100 points can be spent now',
    'settlement 0: 100 points can be spent now',
    'expiration -100: 100 points expired, earned on 2026-01-05',
    'expiration -380: 380 points expired, earned on 2026-01-06',
    'expiration -100: 100 points expired, earned on 2026-01-07',
    'adjustment 2: Added 2 miles',
  ]);
  const byId = new Map(ledger.map((view) => [view.eventId, view]));
  expect(byId.get('s1')).toMatchObject({ worth: 100, store: 's1' });
  expect(byId.get('h1')).toMatchObject({ worth: 150, until });
  expect(byId.get('k1')).toMatchObject({ worth: 120, originalId: 'h1' });
  expect(byId.get('v1')).toMatchObject({ amount: 5_000, originalId: 'p2' });
  expect(byId.get('b1')?.movements).toEqual([{ wallet: 'points', amount: 40, rule: 'redemption', originalId: 's1' }]);
});
