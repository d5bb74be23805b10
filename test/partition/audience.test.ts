/** Who is told what while a partition is scored. */
import { describe, expect, it } from 'vitest';
import { FEED_ITEMS_PER_SECOND, LEASE_MS, LEASES_PER_PARTITION_MAX } from '../../src/limits.ts';
import { Audience, viewAt } from '../../src/partition/audience.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { encodeMember } from '../../src/wire/member-record.ts';
import { pack, unpack } from '../../src/wire/pack.ts';
import { adjustment, DAY_MS, Desk, EPOCH, NAMES, programEvent, purchase, START_MS } from './harness.ts';

async function open(): Promise<Desk> {
  const desk = await Desk.open();
  await desk.score([programEvent()]);
  return desk;
}

describe('those who wait for outcomes', () => {
  it('get one for each event of their message, in order', async () => {
    const desk = await open();
    const bought = purchase('m', 12);
    const events = [bought, bought, purchase('n', 1, { currency: 'EUR' }), purchase('m', 1)];
    const [, arrays] = unpack(encodeBatch(events)).value as [string, unknown[]];
    await desk.writeBytes(pack(1, ['inbox', [...arrays, ['broken']]]));
    await desk.score();
    expect(desk.replies('inbox')).toMatchObject([
      {
        sequence: 2,
        outcomes: [
          { id: bought.id, code: 'scored', member: { balances: { points: { available: 12 } } } },
          { id: bought.id, code: 'duplicate', entries: [{ amount: 12 }], tierChanges: [] },
          { code: 'currency_mismatch', field: 'currency', message: expect.any(String) },
          { code: 'scored', member: { version: 2, tiers: { main: { level: 'silver' } } } },
          { id: '', code: 'malformed', message: expect.any(String) },
        ],
      },
    ]);
    expect(desk.replies('inbox')[0]?.outcomes[2]).not.toHaveProperty('member');
  });

  it('are told what expired before, and what came too late', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, { expiry: { after: { days: 1 } } })]);
    await desk.score([purchase('m', 5)]);
    desk.clock.nowMs += 2 * DAY_MS;
    await desk.score([purchase('m', 7, { occurredAt: START_MS })], 'inbox');
    expect(desk.replies('inbox')).toMatchObject([
      {
        outcomes: [
          {
            entries: [{ amount: 7 }],
            expired: [
              { wallet: 'points', amount: 5, at: '2026-01-12T00:00:00.000Z' },
              { wallet: 'points', amount: 7, at: '2026-01-12T00:00:00.000Z' },
            ],
            member: { balances: { points: { available: 0 } } },
          },
        ],
      },
    ]);
  });

  it('get nothing of a message that is old, and nothing of other messages', async () => {
    const desk = await open();
    await desk.write([purchase('m', 1)], 'inbox');
    desk.clock.nowMs += 60_000;
    await desk.score([purchase('m', 1)]);
    expect(desk.sent).toEqual([]);
    await desk.score([purchase('m', 1)], 'inbox');
    expect(desk.replies('inbox')).toMatchObject([{ sequence: 4, outcomes: [{ code: 'scored' }] }]);
  });
});

describe('those who watch a member', () => {
  it('see it after each message that changes it, once, as it is then', async () => {
    const desk = await open();
    expect(desk.audience.lease('m')).toBe(true);
    await desk.score([purchase('m', 1), purchase('n', 5), purchase('m', 2)]);
    await desk.score([purchase('n', 5)]);
    await desk.score([purchase('m', 9)]);
    const updates = desk.updates('m');
    expect(updates.map(({ version }) => version)).toEqual([2, 4]);
    expect(updates.map(({ json }) => JSON.parse(json).balances.points.available)).toEqual([3, 12]);
    expect(updates[0]?.loggedAtMs).toBe(START_MS);
    expect(desk.sent).toHaveLength(2);
    expect(desk.counters.readScalar('live_updates_total')).toBe(2);
  });

  it('see what time does to it, and not what was refused', async () => {
    const desk = await open();
    desk.audience.lease('m');
    await desk.score([purchase('m', 10)]);
    await desk.score([purchase('m', 10, { currency: 'EUR' })]);
    desk.clock.nowMs += 7 * DAY_MS;
    await desk.score([{ type: 'tick' }]);
    expect(desk.updates('m').map(({ version }) => version)).toEqual([2, 4]);
    expect(JSON.parse(desk.updates('m')[1]?.json ?? '').tiers.main.level).toBeNull();
  });

  it('see points expire', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, { expiry: { after: { days: 1 } } })]);
    desk.audience.lease('m');
    await desk.score([purchase('m', 5)]);
    desk.clock.nowMs += 2 * DAY_MS;
    await desk.score([{ type: 'tick' }]);
    const shown = desk.updates('m').map(({ json }) => JSON.parse(json));
    expect(shown.map(({ balances }) => balances.points.available)).toEqual([5, 0]);
    expect(shown.map(({ expiring }) => expiring.length)).toEqual([1, 0]);
  });

  it('do so until their lease ends', async () => {
    const desk = await open();
    desk.audience.lease('m');
    desk.clock.nowMs += LEASE_MS - 1;
    desk.audience.expireLeases();
    await desk.score([purchase('m', 1)]);
    expect(desk.updates('m')).toHaveLength(1);
    // Renewed: the old end counts no more.
    desk.audience.lease('m');
    desk.clock.nowMs += 1;
    desk.audience.expireLeases();
    expect(desk.counters.readPartition(0, 'leases')).toBe(1);
    desk.clock.nowMs += LEASE_MS;
    desk.audience.expireLeases();
    expect(desk.counters.readPartition(0, 'leases')).toBe(0);
    await desk.score([purchase('m', 1)]);
    expect(desk.updates('m')).toHaveLength(1);
  });

  it('are nobody any more once the partition has another owner', async () => {
    const desk = await open();
    desk.audience.lease('m');
    desk.audience.lease('n');
    const { counters, feed, clock } = desk;
    const options = { partition: 0, epoch: EPOCH, names: NAMES, send: () => {}, counters, feed };
    const next = new Audience({ ...options, nowMs: () => clock.nowMs });
    expect(counters.readPartition(0, 'leases')).toBe(0);
    next.lease('m');
    next.lease('m');
    expect(counters.readPartition(0, 'leases')).toBe(1);
  });

  it('are told when the log received the event, to the fraction of a millisecond', async () => {
    const desk = await open();
    desk.audience.lease('m');
    await desk.write([purchase('m', 1)]);
    for (const message of await desk.read()) desk.partition.apply({ ...message, fractionMs: 0.25 });
    expect(desk.updates('m').map(({ loggedAtMs }) => loggedAtMs)).toEqual([START_MS + 0.25]);
  });

  it('are refused when there are too many, until leases end', async () => {
    const desk = await open();
    for (let number = 0; number < LEASES_PER_PARTITION_MAX; number++) {
      expect(desk.audience.lease(`m${number}`)).toBe(true);
    }
    expect(desk.audience.lease('one more')).toBe(false);
    expect(desk.audience.lease('m0')).toBe(true);
    desk.clock.nowMs += LEASE_MS;
    expect(desk.audience.lease('one more')).toBe(true);
    expect(desk.counters.readPartition(0, 'leases')).toBe(1);
  });
});

describe('a view', () => {
  it('shows what is due by then, and leaves the member as it was', async () => {
    const desk = await open();
    await desk.score([purchase('m', 10)]);
    const member = desk.partition.members.get('m')?.member;
    const { program } = desk.partition;
    if (member === undefined || program === undefined) return expect.unreachable();
    const before = structuredClone({ ...member, history: undefined });
    const later = viewAt(program, member, EPOCH, START_MS + 8 * DAY_MS);
    expect(later).toMatchObject({ tiers: { main: { level: null } }, counters: { spend: 0 }, version: 2 });
    expect(viewAt(program, member, EPOCH, START_MS)).toMatchObject({ tiers: { main: { level: 'silver' } } });
    expect(structuredClone({ ...member, history: undefined })).toEqual(before);
  });

  it('shows points that have expired by then as gone, and leaves ledger and lots as they were', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, { expiry: { after: { days: 1 } } })]);
    await desk.score([purchase('m', 10)]);
    const member = desk.partition.members.get('m')?.member;
    const { program } = desk.partition;
    if (member === undefined || program === undefined) return expect.unreachable();
    const before = encodeMember(member);
    const expiring = [{ wallet: 'points', amount: 10, at: '2026-01-12T00:00:00.000Z' }];
    expect(viewAt(program, member, EPOCH, START_MS)).toMatchObject({
      expiring,
      balances: { points: { available: 10 } },
    });
    const later = viewAt(program, member, EPOCH, START_MS + 2 * DAY_MS);
    expect(later).toMatchObject({ expiring: [], balances: { points: { available: 0 } } });
    expect(encodeMember(member)).toEqual(before);
  });
});

describe('the feed', () => {
  it('is sent only while somebody looks', async () => {
    const desk = await open();
    await desk.score([purchase('m', 1)]);
    desk.feed.want();
    await desk.score([purchase('m', 11), purchase('m', 1, { currency: 'EUR' }), adjustment('m', -2)]);
    expect(desk.fed).toEqual([
      {
        at: new Date(START_MS).toISOString(),
        memberId: 'm',
        type: 'purchase',
        store: 's1',
        amount: 1_100,
        points: 11,
        level: 'silver',
        tierChange: { from: null, to: 'silver' },
      },
      { at: expect.any(String), memberId: 'm', type: 'adjustment', store: '', amount: 0, points: -2, level: 'silver' },
    ]);
    desk.clock.nowMs += LEASE_MS + 1;
    await desk.score([purchase('m', 1)]);
    expect(desk.fed).toHaveLength(2);
    expect(desk.feed.wanted).toBe(false);
  });

  it('is a sample of so many a second', async () => {
    const desk = await open();
    desk.feed.want();
    const many = Array.from({ length: 3 * FEED_ITEMS_PER_SECOND }, () => purchase('m', 1));
    await desk.score(many);
    expect(desk.fed).toHaveLength(FEED_ITEMS_PER_SECOND);
    desk.clock.nowMs += 1_000;
    await desk.score([purchase('m', 1)]);
    expect(desk.fed).toHaveLength(FEED_ITEMS_PER_SECOND + 1);
  });
});
