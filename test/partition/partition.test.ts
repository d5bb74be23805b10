/** One partition's turn: what is scored, what is refused, what fires, and in which order things become durable. */
import { describe, expect, it } from 'vitest';
import { digestText } from '../../src/lib/hash.ts';
import { MOVEMENTS_SHOWN_MAX, REJECTED_BYTES_MAX } from '../../src/limits.ts';
import { NOT_GIVEN } from '../../src/scoring/event.ts';
import { recountDigest } from '../../src/store/member-cache.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { pack, unpack } from '../../src/wire/pack.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { SPENDING, WALLETS } from '../wire/spending.ts';
import {
  adjustment,
  balanceOf,
  DAY_MS,
  Desk,
  effectsOf,
  gate,
  programEvent,
  purchase,
  quiet,
  START_MS,
} from './harness.ts';

/** A desk whose partition has its program, at sequence 1. */
async function open(given: Parameters<typeof Desk.open>[0] = {}): Promise<Desk> {
  const desk = await Desk.open(given);
  await desk.score([programEvent()]);
  return desk;
}

async function effectsAfterCheckpoint(desk: Desk) {
  await desk.partition.checkpoint();
  return effectsOf(desk.log);
}

describe('scoring', () => {
  it('takes messages in order, each once', async () => {
    const desk = await open();
    await desk.write([purchase('m', 5), purchase('n', 1)]);
    const [message] = await desk.read();
    if (message === undefined) return expect.unreachable();
    desk.partition.apply(message);
    desk.partition.apply(message);
    desk.partition.apply({ ...message, sequence: 1 });
    expect(desk.partition.sequence).toBe(2);
    expect(desk.partition.timestampMs).toBe(START_MS);
    expect(desk.partition.members.get('m')?.member).toMatchObject({ wallets: [{ balance: 5 }], version: 2 });
    expect(desk.partition.eventsSince).toBe(3);
    expect(desk.counters.readEvents('purchase', 'scored')).toBe(2);
    expect(desk.counters.readScalar('points_accrued_total')).toBe(6);
  });

  it('keeps a refused event from leaving a trace, and says what arrived', async () => {
    const desk = await open();
    const refused = purchase('m', 5, { currency: 'EUR' });
    await desk.score([refused]);
    expect(desk.partition.members.get('m')).toBeUndefined();
    expect(await effectsAfterCheckpoint(desk)).toMatchObject([
      {
        sequence: 2,
        ordinal: 1,
        type: 'rejected',
        code: 'currency_mismatch',
        field: 'currency',
        memberId: 'm',
        eventId: refused.id,
        bytes: Buffer.from(encodeBatch([refused])).toString('base64'),
      },
    ]);
  });

  it('refuses events without a program, and of members that belong elsewhere', async () => {
    const desk = await Desk.open({ options: { partitions: 2 } });
    const mine = ['a', 'b', 'c'].find((id) => partitionOf(id, 2) === 0) ?? '';
    const other = ['a', 'b', 'c'].find((id) => partitionOf(id, 2) === 1) ?? '';
    await desk.score([purchase(mine, 1), purchase(other, 1), programEvent(), purchase(mine, 1), purchase(other, 1)]);
    const codes = (await effectsAfterCheckpoint(desk)).map((effect) =>
      effect.type === 'rejected' ? effect.code : effect.type,
    );
    expect(codes).toEqual(['no_program', 'wrong_partition', 'wrong_partition']);
  });

  it('passes over one malformed event, and tells its bytes', async () => {
    const desk = await open();
    const whole = encodeBatch([purchase('m', 1), purchase('m', 2), purchase('m', 3)]);
    const [replyTo, events] = unpack(whole).value as [string, unknown[]];
    events[1] = [0, '', 'no id'];
    await desk.writeBytes(pack(1, [replyTo, events]));
    await desk.score();
    expect(balanceOf(desk, 'm')).toBe(4);
    const [effect] = await effectsAfterCheckpoint(desk);
    if (effect?.type !== 'rejected') return expect.unreachable();
    expect(unpack(Buffer.from(effect.bytes, 'base64')).value).toEqual([0, '', 'no id']);
    expect(effect).toMatchObject({ code: 'malformed', sequence: 2, message: expect.stringMatching(/^id: expected/) });
  });

  it('passes over a message that is none, of which an effect tells the beginning', async () => {
    const desk = await open();
    const garbage = Buffer.alloc(REJECTED_BYTES_MAX + 10, 'x');
    await desk.writeBytes(garbage);
    await desk.score([purchase('m', 1)]);
    expect(balanceOf(desk, 'm')).toBe(1);
    const [effect] = await effectsAfterCheckpoint(desk);
    if (effect?.type !== 'rejected') return expect.unreachable();
    expect(effect).toMatchObject({ code: 'malformed', bytesTotal: garbage.length });
    expect(Buffer.from(effect.bytes, 'base64')).toEqual(garbage.subarray(0, REJECTED_BYTES_MAX));
  });

  it('tells what others act on, in order, and accruals only where they are asked for', async () => {
    for (const fullLedger of [false, true]) {
      const desk = await open({ options: { fullLedger } });
      await desk.score([purchase('m', 4), purchase('m', 7), adjustment('m', -3)]);
      const effects = await effectsAfterCheckpoint(desk);
      const all = ['2.1 accrual', '2.2 accrual', '2.3 tier_changed', '2.4 adjustment'];
      expect(effects.map(({ sequence, ordinal, type }) => `${sequence}.${ordinal} ${type}`)).toEqual(
        // A place is a place, whether or not what is before it is asked for.
        fullLedger ? all : ['2.3 tier_changed', '2.4 adjustment'],
      );
      expect(effects.at(-1)).toMatchObject({ memberId: 'm', balances: { points: { available: 8 } } });
      expect(effects.at(-2)).toMatchObject({ from: null, to: 'silver', tier: 'main', memberId: 'm' });
    }
  });
});

describe('programs', () => {
  it('change what is scored after them', async () => {
    const desk = await open();
    const twice = programEvent(2, { earn: { id: 'spend', points: 2, per: 1 } });
    await desk.score([purchase('m', 1), twice, purchase('m', 1)]);
    expect(balanceOf(desk, 'm')).toBe(3);
    expect(desk.partition.program?.version).toBe(2);
  });

  it.each([1, 2])('are not taken back by version %i', async (version) => {
    const desk = await open();
    await desk.score([programEvent(2), programEvent(version, { earn: { id: 'other', points: 9, per: 1 } })]);
    expect(desk.partition.program?.document.earn).toMatchObject([{ id: 'spend' }]);
    // An older one was overtaken; another of the same version is somebody's mistake.
    expect((await effectsAfterCheckpoint(desk)).map(({ type }) => type)).toEqual(version === 2 ? ['rejected'] : []);
  });

  it.each([{ currency: 'JPY' }, { timezone: 'Asia/Tokyo' }, { program: 'other' }])(
    'cannot change what days and sums are counted in: %o',
    async (change) => {
      const desk = await open();
      await desk.score([programEvent(2, change)]);
      expect(desk.partition.program?.version).toBe(1);
      expect(await effectsAfterCheckpoint(desk)).toMatchObject([{ type: 'rejected', code: 'malformed' }]);
    },
  );

  it.each(['no program', '{"version":2}'])('that are none are refused: %s', async (document) => {
    const desk = await open();
    await desk.score([{ type: 'program', document }]);
    expect(desk.partition.program?.version).toBe(1);
    expect(await effectsAfterCheckpoint(desk)).toMatchObject([
      { type: 'rejected', code: 'malformed', bytes: Buffer.from(document).toString('base64') },
    ]);
  });

  it('are in the store', async () => {
    const desk = await open();
    await desk.partition.checkpoint();
    const { log, disk, clock } = desk;
    const next = await Desk.open({ log, disk, clock });
    expect(next.partition.program?.version).toBe(1);
  });
});

describe('timers', () => {
  /** Levels that end on the day seven after the purchase: `a` on the 18th, `b`, later, on the 17th. */
  async function withLevels(desk: Desk): Promise<void> {
    desk.clock.nowMs = START_MS + DAY_MS;
    await desk.score([purchase('a', 10), purchase('b', 10, { occurredAt: START_MS })]);
  }

  const tierEffects = async (desk: Desk) =>
    (await effectsAfterCheckpoint(desk))
      .filter(({ sequence }) => sequence > 2)
      .map((effect) => (effect.type === 'tier_changed' ? `${effect.memberId} ${effect.to} ${effect.at}` : effect.type));

  it.each(['in memory', 'in the store', 'in both'])('fire in the order of time, for members %s', async (where) => {
    const desk = await open({ options: { cacheMembers: 1 } });
    await withLevels(desk);
    if (where !== 'in memory') await desk.partition.checkpoint();
    // What the store has of the timer of `b` is out of date.
    if (where === 'in both') await desk.score([adjustment('b', 1)]);
    desk.clock.nowMs = START_MS + 30 * DAY_MS;
    await desk.score([{ type: 'tick' }]);
    const levels = (await tierEffects(desk)).filter((effect) => effect.includes('null'));
    expect(levels).toEqual(['b null 2026-01-17T00:00:00.000Z', 'a null 2026-01-18T00:00:00.000Z']);
    expect(desk.partition.nextDue).toBe(Infinity);
    expect([...desk.store.due(Infinity)]).toEqual([]);
  });

  it('fire when they are due and not before, and say when the next one is', async () => {
    const desk = await open();
    await withLevels(desk);
    expect(desk.partition.nextDue).toBe(Date.UTC(2026, 0, 17));
    desk.clock.nowMs = Date.UTC(2026, 0, 17) - 1;
    await desk.score([{ type: 'tick' }]);
    expect(desk.partition.members.get('b')?.member.levelId).toBe('silver');
    desk.clock.nowMs += 1;
    await desk.score([{ type: 'tick' }]);
    expect(desk.partition.members.get('b')?.member).toMatchObject({ levelId: '', version: 4 });
    expect(desk.partition.members.get('a')?.member.levelId).toBe('silver');
    expect(desk.partition.nextDue).toBe(Date.UTC(2026, 0, 18));
  });

  it('of members that moved on do not fire', async () => {
    const desk = await open();
    await withLevels(desk);
    await desk.partition.checkpoint();
    desk.clock.nowMs = START_MS + 5 * DAY_MS;
    await desk.score([purchase('a', 10), purchase('b', 10)]);
    desk.clock.nowMs = Date.UTC(2026, 0, 18);
    await desk.score([{ type: 'tick' }]);
    expect(await tierEffects(desk)).toEqual([
      'a gold 2026-01-15T12:00:00.000Z',
      'b gold 2026-01-15T12:00:00.000Z',
      'b silver 2026-01-17T00:00:00.000Z',
      'a silver 2026-01-18T00:00:00.000Z',
    ]);
  });

  it('leave the same whether ticks come late or on time', async () => {
    const purchases = [purchase('a', 10, { occurredAt: START_MS }), purchase('b', 25), purchase('a', 15)];
    const digestOf = async (tickDays: readonly number[]): Promise<string> => {
      const desk = await open();
      await desk.score(purchases);
      for (const day of tickDays) {
        desk.clock.nowMs = START_MS + day * DAY_MS;
        await desk.score([{ type: 'tick' }]);
      }
      await desk.partition.checkpoint();
      return desk.partition.digest;
    };
    const late = await digestOf([12]);
    expect(await digestOf([1, 6, 7, 8, 9, 12])).toBe(late);
    expect(await digestOf([1, 6])).not.toBe(late);
  });

  it('fire before another program is in force, whether or not a tick came', async () => {
    const digestOf = async (ticks: boolean): Promise<string> => {
      const desk = await Desk.open();
      await desk.score([programEvent(1, { expiry: { after: { days: 1 } } })]);
      await desk.score([purchase('a', 10, { id: 'p' })]);
      desk.clock.nowMs += 8 * DAY_MS;
      if (ticks) await desk.score([{ type: 'tick' }]);
      await desk.score([programEvent(2)]);
      const member = desk.partition.members.get('a')?.member;
      expect(member).toMatchObject({ wallets: [{ balance: 0 }], programVersion: 1, levelId: '' });
      expect(member?.recent.all().at(-1)).toMatchObject({ kind: 'expiration', programVersion: 1 });
      await desk.partition.checkpoint();
      return desk.partition.digest;
    };
    expect(await digestOf(true)).toBe(await digestOf(false));
  });

  it('do nothing before there is a program', async () => {
    const desk = await Desk.open();
    await desk.score([{ type: 'tick' }]);
    expect(desk.partition.sequence).toBe(1);
  });
});

it('counts the points of the first wallet by what became of them', async () => {
  const desk = await Desk.open();
  await desk.score([programEvent(1, { ...WALLETS, tiers: undefined })]);
  for (const [event, day] of SPENDING) {
    desk.clock.nowMs = START_MS + day * DAY_MS;
    await desk.score([event]);
  }
  const count = (what: 'accrued' | 'reversed' | 'redeemed' | 'restored' | 'expired'): number =>
    desk.counters.readScalar(`points_${what}_total`);
  expect([count('accrued'), count('reversed'), count('redeemed'), count('restored'), count('expired')]).toEqual([
    1_300, 600, 220, 100, 580,
  ]);
  expect(balanceOf(desk, '42')).toBe(0);
  // Of miles a capture is none of these.
  const spending = { store: '', terminal: '', wallet: 'miles', points: 1, amount: NOT_GIVEN };
  await desk.score([
    { type: 'authorisation', id: 'h9', memberId: '42', occurredAt: 0, ...spending },
    { type: 'capture', id: 'k9', memberId: '42', occurredAt: 0, originalId: 'h9', points: 1 },
  ]);
  expect(desk.counters.readEvents('capture', 'scored')).toBe(2);
  expect(count('redeemed')).toBe(220);
});

describe('points that expire', () => {
  const EXPIRING = { expiry: { after: { days: 7 } }, tiers: undefined };
  const told = async (desk: Desk) =>
    (await effectsAfterCheckpoint(desk)).map((effect) =>
      effect.type === 'rejected' || effect.type === 'tier_changed'
        ? effect.type
        : `${effect.type} ${effect.movements.map(({ amount }) => amount).join(',')} leaves ${effect.balances['points']?.available}`,
    );

  it('do so for members that nobody touches, with an effect each and a count', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, EXPIRING), purchase('a', 10), purchase('b', 3)]);
    await desk.partition.checkpoint();
    expect(desk.partition.nextDue).toBe(Date.UTC(2026, 0, 18));
    desk.clock.nowMs = Date.UTC(2026, 0, 18);
    await desk.score([{ type: 'tick' }]);
    expect(await effectsAfterCheckpoint(desk)).toEqual([
      {
        sequence: 2,
        ordinal: 1,
        loggedAt: '2026-01-18T00:00:00.000Z',
        type: 'expiration',
        memberId: 'a',
        at: '2026-01-18T00:00:00.000Z',
        movements: [{ wallet: 'points', amount: -10, rule: 'expiration' }],
        balances: { points: { available: 0, pending: 0, held: 0, debt: 0 } },
      },
      expect.objectContaining({ type: 'expiration', memberId: 'b', ordinal: 2 }),
    ]);
    expect(desk.counters.readScalar('points_expired_total')).toBe(13);
    expect(desk.partition.nextDue).toBe(Infinity);
  });

  it('are told in the order of the ledger, each with the balance after what caused it', async () => {
    const desk = await Desk.open({ options: { fullLedger: true } });
    await desk.score([programEvent(1, EXPIRING), purchase('a', 10)]);
    desk.clock.nowMs += DAY_MS;
    await desk.score([purchase('a', 5)]);
    desk.clock.nowMs += 30 * DAY_MS;
    await desk.score([purchase('a', 7, { occurredAt: START_MS + 3 * DAY_MS }), adjustment('a', 4)]);
    expect(await told(desk)).toEqual([
      'accrual 10 leaves 10',
      'accrual 5 leaves 15',
      'expiration -10 leaves 0',
      'expiration -5 leaves 0',
      'accrual 7 leaves 0',
      'expiration -7 leaves 0',
      'adjustment 4 leaves 4',
    ]);
    expect(desk.counters.readScalar('points_expired_total')).toBe(22);
    expect(desk.counters.readScalar('points_accrued_total')).toBe(22);
  });

  it('at the end of a level come after it', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, { expiry: { after: { days: 6 } } }), purchase('a', 10)]);
    desk.clock.nowMs += 30 * DAY_MS;
    await desk.score([{ type: 'tick' }]);
    expect(await told(desk)).toEqual(['tier_changed', 'tier_changed', 'expiration -10 leaves 0']);
  });
});

describe('a checkpoint', () => {
  it('publishes effects before it writes, and writes members, position and digest together', async () => {
    const order: string[] = [];
    const desk = await open({ faults: { beforeCommit: async () => void order.push('commit') } });
    desk.log.faults.fateOf = (stream) => {
      order.push(stream);
      return 'stored';
    };
    await desk.score([purchase('m', 10)]);
    order.length = 0;
    await desk.partition.checkpoint();
    expect(order).toEqual(['effects', 'commit']);
    const position = desk.store.position();
    expect(position).toMatchObject({ sequence: 2, timestampMs: START_MS, digest: desk.partition.digest });
    expect(position?.digest).toBe(digestText(recountDigest(desk.store)));
    expect(desk.partition).toMatchObject({ eventsSince: 0, bytesSince: 0, checkpointing: false });
  });

  it('holds what was scored when it began, and the next one the rest', async () => {
    const { passed, open: release } = gate();
    const desk = await open({ faults: { beforeCommit: () => passed } });
    await desk.score([purchase('m', 1)]);
    const first = desk.partition.checkpoint();
    await desk.score([purchase('m', 2), purchase('n', 3)]);
    expect(desk.partition.checkpoint()).toBe(first);
    expect(desk.partition.checkpointing).toBe(true);
    release();
    await first;
    expect(desk.store.position()?.sequence).toBe(2);
    expect([...desk.store.members()].map(({ id }) => id)).toEqual(['m']);
    expect(desk.partition.eventsSince).toBe(2);
    await desk.partition.checkpoint();
    expect(desk.store.position()?.sequence).toBe(3);
    expect(digestText(recountDigest(desk.store))).toBe(desk.partition.digest);
  });

  it('finds members that are neither in the cache nor in the store yet', async () => {
    const { passed, open: release } = gate();
    const desk = await open({ faults: { beforeCommit: () => passed }, options: { cacheMembers: 1 } });
    await desk.score([purchase('m', 1), purchase('n', 1), purchase('o', 1)]);
    const checkpoint = desk.partition.checkpoint();
    await desk.score([purchase('m', 2), purchase('n', 2), purchase('o', 2)]);
    expect(['m', 'n', 'o'].map((id) => balanceOf(desk, id))).toEqual([3, 3, 3]);
    release();
    await checkpoint;
    expect(['m', 'n', 'o'].map((id) => balanceOf(desk, id))).toEqual([3, 3, 3]);
  });

  it('that fails leaves the store as it was, and there is no other', async () => {
    let isFull = true;
    const beforeCommit = async (): Promise<void> => {
      if (isFull) throw new Error('disk full');
    };
    const desk = await open({ faults: { beforeCommit } });
    await desk.score([purchase('m', 1)]);
    await expect(desk.partition.checkpoint()).rejects.toThrow('disk full');
    isFull = false;
    // It would write a position without the members that the failed one had taken.
    await expect(desk.partition.checkpoint()).rejects.toThrow('disk full');
    expect(desk.partition.checkpointing).toBe(true);
    expect(desk.store.position()).toBeUndefined();
  });

  it('of a partition that was stopped before its first message can be continued', async () => {
    const desk = await Desk.open();
    await desk.partition.checkpoint();
    expect(desk.store.position()).toMatchObject({ sequence: 0, program: '' });
    const { log, disk, clock } = desk;
    const next = await Desk.open({ log, disk, clock });
    await next.score([programEvent(), purchase('m', 1)]);
    expect(balanceOf(next, 'm')).toBe(1);
  });
});

describe('effects', () => {
  it('keep their places when the full ledger is asked for, or no more', async () => {
    for (const fullLedger of [false, true]) {
      const first = await open({ options: { fullLedger }, faults: { beforeCommit: () => new Promise(() => {}) } });
      await first.score([purchase('m', 4), purchase('m', 7)]);
      void first.partition.checkpoint();
      await quiet();
      const { log, disk, clock } = first;
      const next = await Desk.open({ log, disk, clock, options: { fullLedger: !fullLedger } });
      await next.score([adjustment('m', 1)]);
      await next.partition.checkpoint();
      const places = (await effectsOf(log)).map(({ sequence, ordinal, type }) => `${sequence}.${ordinal} ${type}`);
      // What was sent covers what is before it, asked for or not; nothing comes twice.
      expect(places).toEqual([
        ...(fullLedger ? ['2.1 accrual', '2.2 accrual'] : []),
        '2.3 tier_changed',
        '3.1 adjustment',
      ]);
    }
  });

  it('of a return of more purchases than a message holds are added up by rule', async () => {
    const desk = await open();
    const id = '"'.repeat(120);
    const count = MOVEMENTS_SHOWN_MAX + 100;
    const sold = { sku: 'A', category: '', quantity: 1, amount: 100 };
    for (let index = 0; index < count; index++) {
      await desk.score([purchase('m', 1, { id: `${id}${index}`, lines: [sold] })]);
    }
    const goods = { store: '', terminal: '', currency: '', originalId: '', amount: NOT_GIVEN };
    const lines = [{ sku: 'A', quantity: count, amount: NOT_GIVEN }];
    await desk.score([{ type: 'return', id: 'all', memberId: 'm', occurredAt: 0, ...goods, lines }]);
    const reversal = (await effectsAfterCheckpoint(desk)).find(({ type }) => type === 'reversal');
    expect(reversal).toMatchObject({ eventId: 'all', balances: { points: { available: 0 } } });
    expect(reversal).toMatchObject({ movements: [{ wallet: 'points', amount: -count, rule: 'spend' }] });
  });
});

describe('a start after a crash', () => {
  it('between effects and checkpoint repeats the work and not the effects', async () => {
    const desk = await open({ faults: { beforeCommit: () => new Promise(() => {}) } });
    await desk.score([purchase('m', 10), adjustment('m', 5)]);
    void desk.partition.checkpoint();
    await quiet();
    const { log, disk, clock } = desk;
    const next = await Desk.open({ log, disk, clock });
    expect(next.partition.sequence).toBe(0);
    await next.score([adjustment('m', 1)]);
    expect(next.partition.effectsSuppressed).toBe(2);
    expect(balanceOf(next, 'm')).toBe(16);
    await next.partition.checkpoint();
    expect((await effectsOf(log)).map(({ sequence, ordinal }) => `${sequence}.${ordinal}`)).toEqual([
      '2.2',
      '2.3',
      '3.1',
    ]);
  });

  it('after the checkpoint continues behind it, with the digest it had', async () => {
    const desk = await open();
    await desk.score([purchase('m', 10)]);
    await desk.partition.checkpoint();
    const { log, disk, clock } = desk;
    const next = await Desk.open({ log, disk, clock });
    expect(next.partition.sequence).toBe(2);
    expect(next.partition.timestampMs).toBe(START_MS);
    expect(next.partition.digest).toBe(desk.partition.digest);
    expect(next.partition.nextDue).toBe(desk.partition.nextDue);
    await next.score([purchase('m', 1)]);
    await next.partition.checkpoint();
    expect(digestText(recountDigest(next.store))).toBe(next.partition.digest);
  });
});
