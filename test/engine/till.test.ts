/** A day at the till over HTTP: earn, hold, capture, return, void; fifty tills that want the last points; and all of it again. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PublicEvent } from '../../load/public-event.ts';
import type { MemberView } from '../../src/wire/member-view.ts';
import type { OutcomeView } from '../../src/wire/outcome-view.ts';
import { removeFolder, runVerb, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { getMember, postScored, verify } from '../helpers/engine-api.ts';

const PARTITIONS = 4;
const PROGRAM = `
program: till
version: 1
timezone: UTC
currency: USD
wallets:
  - {id: points, redeem: {points: 100, worth: 1.00, step: 10, holdMinutes: 10}}
  - {id: cash, pending: {until: confirmed}}
earn:
  - {id: base, points: 10, per: 1}
  - {id: back, wallet: cash, points: 5, per: 1}
tiers: {id: main, window: {months: 12}, levels: [{id: gold, from: 100}]}
`;

describe('a day at the till', () => {
  const folder = temporaryFolder();
  let engine: TestEngine;

  beforeAll(async () => {
    const program = join(folder, 'till.yaml');
    writeFileSync(program, PROGRAM);
    engine = await startEngine(join(folder, 'data'), ['--partitions', `${PARTITIONS}`, '--program', program]);
  }, 90_000);

  afterAll(async () => {
    await engine.stop();
    removeFolder(folder);
  });

  const one = async (event: Record<string, unknown>) => {
    const [outcome] = await postScored(engine.url(), { memberId: '42', ...event } as PublicEvent);
    if (outcome === undefined) throw new Error('no outcome');
    return outcome;
  };

  it('earns into both wallets, and pays with points that were held', async () => {
    const bought = await one({ id: 'p1', type: 'purchase', amount: 12_000 });
    expect(bought).toMatchObject({
      code: 'scored',
      tierChanges: [{ from: null, to: 'gold' }],
      entries: [
        { wallet: 'points', amount: 1_200, rule: 'base' },
        { wallet: 'cash', amount: 600, rule: 'back' },
      ],
      member: { balances: { points: { available: 1_200 }, cash: { available: 0, pending: 600 } } },
    });

    const held = await one({ id: 'h1', type: 'authorisation', amount: 500 });
    expect(held).toMatchObject({ code: 'scored', paid: { wallet: 'points', points: 500, amount: 500 } });
    expect(held.member?.balances['points']).toEqual({ available: 700, pending: 0, held: 500, debt: 0 });
    expect(held.member?.holds).toMatchObject([{ id: 'h1', wallet: 'points', points: 500 }]);

    const captured = await one({ id: 'c1', type: 'capture', originalId: 'h1', points: 300 });
    expect(captured).toMatchObject({ code: 'scored', paid: { points: 300, amount: 300 } });
    expect(captured.member?.balances['points']).toEqual({ available: 900, pending: 0, held: 0, debt: 0 });
    expect(captured.member?.holds).toBeUndefined();

    const paid = await one({ id: 'p2', type: 'purchase', amount: 1_000, paidWithPoints: 300, redemptionId: 'c1' });
    expect(paid.entries).toMatchObject([{ amount: 70 }, { amount: 35 }]);
    const returned = await one({ id: 'r1', type: 'return', originalId: 'p2' });
    expect(returned.member?.balances['points']?.available).toBe(1_200);

    const confirmed = await one({ id: 'f1', type: 'confirmation', originalId: 'p1' });
    expect(confirmed.member?.balances['cash']).toEqual({ available: 600, pending: 0, held: 0, debt: 0 });
    const voided = await one({ id: 'v1', type: 'void', originalId: 'p1' });
    expect(voided).toMatchObject({ code: 'purchase_settled', field: 'originalId' });
  });

  it('says in the ledger what happened, in words', async () => {
    const response = await fetch(`${engine.url()}/v1/members/42/ledger`);
    const { entries } = (await response.json()) as { entries: { text: string }[] };
    expect(entries.map(({ text }) => text.replace(/until .*/, 'until ...'))).toEqual([
      'p1 confirmed: 600 cash can be spent',
      'Took back 70 points and 35 cash earned with p2; gave back 300 points that had paid for it',
      'Earned 70 points and 35 cash by rules base and back',
      'Redeemed 300 points held by h1; the other 200 can be spent again',
      'Held 500 points until ...',
      'Earned 1200 points and 600 cash by rules base and back',
    ]);
  });

  it('exports everything about a member, and says that it does not know one', async () => {
    const ledger = await (await fetch(`${engine.url()}/v1/members/42/ledger`)).json();
    const { code, stdout } = await runVerb(['export', '42', '--url', engine.url()]);
    expect(code).toBe(0);
    const { entries } = ledger as { entries: unknown[] };
    expect(JSON.parse(stdout)).toEqual({ member: await getMember(engine.url(), '42'), ledger: entries });
    expect(await runVerb(['export', 'nobody', '--url', engine.url()])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('knows no member nobody'),
    });
    expect(await runVerb(['export', '--url', engine.url()])).toMatchObject({ code: 2 });
    expect(await runVerb(['export', '42', '--url', 'http://127.0.0.1:9'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No engine answers at http://127.0.0.1:9'),
    });
  });

  it('lets one of fifty tills have the last points', async () => {
    await one({ id: 'last', type: 'purchase', memberId: 'last', amount: 1_000 });
    const tills = Array.from({ length: 50 }, (_, till) =>
      one({ id: `till-${till}`, type: 'redemption', memberId: 'last', points: 100 }),
    );
    const codes = (await Promise.all(tills)).map(({ code }) => code);
    expect(codes.filter((code) => code === 'scored')).toHaveLength(1);
    expect(codes.filter((code) => code === 'insufficient_points')).toHaveLength(49);
    expect((await getMember(engine.url(), 'last'))?.balances['points']?.available).toBe(0);
  });

  it('previews what scoring then does', async () => {
    const event = { id: 'x1', type: 'redemption', memberId: '42', amount: 250 };
    const response = await fetch(`${engine.url()}/v1/preview`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    const { outcomes } = (await response.json()) as { outcomes: [OutcomeView] };
    const { version: _version, ...shown } = outcomes[0].member as MemberView;
    const { member, ...scored } = await one(event);
    expect(outcomes[0]).toMatchObject(scored);
    expect(member).toMatchObject(shown);
  });

  it('counts points that were spent and came back', async () => {
    const metrics = await (await fetch(`${engine.url()}/metrics`)).text();
    expect(metrics).toContain('tidemark_points_redeemed_total 650');
    expect(metrics).toContain('tidemark_points_restored_total 300');
    expect(metrics).toContain('tidemark_events_total{type="redemption",outcome="insufficient_points"} 49');
  });

  it('is the same folded again', async () => {
    await engine.stop();
    const { code, report } = await verify(join(folder, 'data'), PARTITIONS);
    expect(report.results.flatMap(({ differing }) => differing)).toEqual([]);
    expect(code).toBe(0);
  }, 60_000);
});
