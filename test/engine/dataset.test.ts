/**
 * Nine months of real purchases through the real engine: once in peace, and again with everything that must not matter - other
 * numbers of workers, hardly any cache or all of it, batches of one and of many, every event up to three times, members
 * interleaved at random, and the engine, its broker or both killed. Members must be what the bookkeeper says; digests and effects
 * must be the same every time.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newTotals, onlineRetailEvents } from '../../load/online-retail.ts';
import { Oracle } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { Random } from '../../load/random.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { BATCH_EVENTS_MAX } from '../../src/limits.ts';
import { connectLog } from '../../src/log/connect.ts';
import { openJetStreamLog } from '../../src/log/jetstream-log.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { decodeEffects, isAfter } from '../../src/wire/effects.ts';
import { namesOf, partitionOf } from '../../src/wire/subjects.ts';
import { removeFolder, runVerb, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { allScored, withLogOf } from '../helpers/engine-api.ts';
import { startNatsServer } from '../helpers/nats-server.ts';

const DATA = '../shared/data/online-retail.csv.gz';
const PROGRAM = 'examples/online-retail.yaml';
const END_MS = Date.parse('2011-08-31T23:00:00+01:00');
const ENGINE_KILLS = 20;
const BROKER_KILLS = 5;
const SEED = 20_101_201;
const PARTITIONS = 32;
/** What few members take each other's place in, and what nobody ever leaves. */
const CACHE_OF_ONE = ['--cache-members', '1'];
const CACHE_OF_ALL = ['--cache-members', '100000'];
const OFTEN = ['--checkpoint-events', '50', '--checkpoint-delay-ms', '100'];
/** Messages on their way to the log at once. */
const MESSAGES_IN_FLIGHT = 32;
/** History is scored as it was: no tick of today may end levels before all of it is there. */
const ALWAYS = ['--program', PROGRAM, '--partitions', `${PARTITIONS}`, '--tick-interval-ms', '86400000'];

interface Ended {
  /** By partition. */
  readonly digests: readonly string[];
  /** What was published, as often as it was. */
  readonly effects: readonly string[];
}

describe.skipIf(!existsSync(DATA))(`real purchases end to end (skipped where ${DATA} is absent)`, () => {
  const folder = temporaryFolder();
  const events: PublicEvent[] = [];
  const oracle = new Oracle(readFileSync(PROGRAM, 'utf8'));
  let calm: Ended;

  beforeAll(async () => {
    for await (const event of onlineRetailEvents(DATA, newTotals())) {
      events.push(event);
      oracle.apply(event);
    }
  }, 120_000);

  afterAll(() => removeFolder(folder));

  it('every customer has what the bookkeeper says: 2 workers', { timeout: 240_000 }, async () => {
    const engine = await startEngine(join(folder, 'calm'), [...ALWAYS, '--workers', '2']);
    try {
      const file = join(folder, 'events.jsonl');
      writeFileSync(file, lines(events));
      const imported = await runVerb(['import', file, '--url', engine.url(), '--json']);
      expect(imported.code, imported.stderr).toBe(0);
      expect(JSON.parse(imported.stdout)).toMatchObject({ accepted: events.length, rejected: 0 });
      await allScored(engine.url(), PARTITIONS);

      const wrong: string[] = [];
      for (const id of oracle.members()) {
        const said = await memberOf(engine.url(), id);
        const expected = oracle.member(id, END_MS);
        const { available = 0, debt = 0 } = expected?.wallets['points'] ?? {};
        const wanted = { balance: available - debt, spend: expected?.spend, level: expected?.level };
        if (JSON.stringify(said) !== JSON.stringify(wanted)) wrong.push(`${id}: ${JSON.stringify({ said, wanted })}`);
      }
      expect(wrong).toEqual([]);
      calm = await end(engine);
    } finally {
      await engine.kill();
    }
  });

  it('nothing changes: 1 worker, a cache of one, resends, interleaving, kills', { timeout: 400_000 }, async () => {
    const random = new Random(SEED);
    const nats = await startNatsServer();
    // The import outlives engine after engine, so they share an address.
    const port = await freePort('127.0.0.1');
    const options = ['--http-port', `${port}`, '--workers', '1', ...CACHE_OF_ONE, ...OFTEN, '--nats-url', nats.url];
    const engine = await startEngine(join(folder, 'rough'), [...ALWAYS, ...options]);
    try {
      const file = join(folder, 'shuffled.jsonl');
      writeFileSync(file, lines(interleaved(resent(events, random), random)));
      const importing = importUntilDone(file, engine.url());
      for (let kill = 0; kill < ENGINE_KILLS; kill++) {
        await sleep(random.below(1_500));
        if (kill % (ENGINE_KILLS / BROKER_KILLS) === 0) {
          await nats.kill('SIGKILL');
          await sleep(random.below(300));
          await nats.restart();
        }
        const { enginePid } = engine.running();
        process.kill(enginePid, 'SIGKILL');
        while (engine.running().enginePid === enginePid) await sleep(20);
        await engine.ready();
      }
      await importing;
      await allScored(engine.url(), PARTITIONS);
      const rough = await end(engine, nats.url);
      expect(rough.digests).toEqual(calm.digests);
      expect(rough.effects).toEqual(calm.effects);
    } finally {
      await engine.kill();
      await nats.stop();
    }
  });

  it.each([
    { workers: 4, batchEvents: 1, isRough: true, cache: CACHE_OF_ALL, outage: false },
    { workers: 4, batchEvents: BATCH_EVENTS_MAX, isRough: true, cache: CACHE_OF_ONE, outage: true },
    { workers: 2, batchEvents: 1, isRough: false, cache: CACHE_OF_ONE, outage: true },
    { workers: 1, batchEvents: BATCH_EVENTS_MAX, isRough: false, cache: CACHE_OF_ALL, outage: false },
  ])(
    'nothing changes: $workers workers, batches of $batchEvents, resends and interleaving $isRough, cache $cache.1, all killed $outage',
    {
      timeout: 240_000,
    },
    async ({ workers, batchEvents, isRough, cache, outage }) => {
      const random = new Random(SEED + workers);
      const data = join(folder, `batches-${workers}-${batchEvents}`);
      const options = [...ALWAYS, '--workers', `${workers}`, ...cache, ...OFTEN];
      const messages = packed(isRough ? interleaved(resent(events, random), random) : events, batchEvents);
      let engine = await startEngine(data, options);
      try {
        if (outage) {
          const stored = await publishUntilKilled(engine, messages, messages.length / 2);
          expect(stored).toBeLessThan(messages.length);
          engine = await startEngine(data, options);
          await publish(engine.running().natsUrl, messages.slice(stored));
        } else {
          await publish(engine.running().natsUrl, messages);
        }
        await allScored(engine.url(), PARTITIONS);
        const { digests, effects } = await end(engine);
        expect(digests).toEqual(calm.digests);
        expect(effects).toEqual(calm.effects);
      } finally {
        await engine.kill();
      }
    },
  );

  /** Stops the engine, checks the stores against the log, and says what came out. Without an address: its own broker has the log. */
  async function end(engine: TestEngine, natsUrl?: string): Promise<Ended> {
    expect(await engine.stop()).toBe(0);
    const { data } = engine;
    const log = natsUrl === undefined ? [] : ['--nats-url', natsUrl];
    const verified = await runVerb(['verify', '--json', '--data', data, '--partitions', `${PARTITIONS}`, ...log]);
    expect(verified.code, verified.stdout.slice(0, 2_000) + verified.stderr).toBe(0);
    const { results } = JSON.parse(verified.stdout) as { results: { stored: string }[] };
    const effects = natsUrl === undefined ? await withLogOf(data, effectsOf) : await effectsOf(natsUrl);
    return { digests: results.map(({ stored }) => stored), effects };
  }
});

interface Message {
  readonly partition: number;
  readonly payload: Uint8Array;
}

/** As ingest packs them, but always this many to a message, as far as there are so many for a partition. */
function packed(events: readonly PublicEvent[], batchEvents: number): Message[] {
  const waiting = new Map<number, PublicEvent[]>();
  const messages: Message[] = [];
  const close = (partition: number, some: readonly PublicEvent[]): void => {
    const parsed = some.flatMap((event) => parseEvents(event).events);
    messages.push({ partition, payload: encodeBatch(parsed) });
    waiting.delete(partition);
  };
  for (const event of events) {
    const partition = partitionOf(event.memberId, PARTITIONS);
    const some = [...(waiting.get(partition) ?? []), event];
    waiting.set(partition, some);
    if (some.length === batchEvents) close(partition, some);
  }
  for (const [partition, some] of waiting) close(partition, some);
  return messages;
}

/** Puts them into the log in their order. `stored` hears of each. */
async function publish(natsUrl: string, messages: readonly Message[], stored = (): void => {}): Promise<void> {
  const nc = await connectLog(natsUrl, 'test');
  try {
    const { events } = await openJetStreamLog(nc, namesOf('loyalty'));
    for (let start = 0; start < messages.length; start += MESSAGES_IN_FLIGHT) {
      const some = messages.slice(start, start + MESSAGES_IN_FLIGHT);
      await Promise.all(some.map(({ partition, payload }) => events.publish(partition, payload).then(stored)));
    }
  } finally {
    await nc.close();
  }
}

/**
 * Publishes, and at about `killAt` messages the whole machine goes: launcher, engine and broker. Returns how many of the first
 * messages are certain to be in the log.
 */
async function publishUntilKilled(engine: TestEngine, messages: readonly Message[], killAt: number): Promise<number> {
  let stored = 0;
  const publishing = publish(engine.running().natsUrl, messages, () => {
    stored += 1;
    if (stored !== Math.floor(killAt)) return;
    const { launcherPid, enginePid, natsPid } = engine.running();
    for (const pid of [launcherPid, enginePid, natsPid]) process.kill(pid, 'SIGKILL');
  });
  await expect(publishing).rejects.toThrow();
  await engine.kill();
  // Answers come in the order of the messages only within a round: what is sent twice is recognised.
  return stored - (stored % MESSAGES_IN_FLIGHT);
}

function lines(events: readonly PublicEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** Every event one to three times; a resend comes anywhere after the first. */
function resent(events: readonly PublicEvent[], random: Random): PublicEvent[] {
  const placed = events.flatMap((event, index) =>
    Array.from({ length: 1 + random.below(3) }, (_unused, copy) => ({
      event,
      place: copy === 0 ? index : index + random.next() * (events.length - index),
    })),
  );
  return placed.sort((left, right) => left.place - right.place).map(({ event }) => event);
}

/** Members in any order among each other, each member's events in theirs. */
function interleaved(events: readonly PublicEvent[], random: Random): PublicEvent[] {
  const slots = events.map(({ memberId }) => memberId);
  for (let index = slots.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [slots[index], slots[other]] = [slots[other] as string, slots[index] as string];
  }
  const queues = new Map<string, PublicEvent[]>();
  for (const event of events) queues.set(event.memberId, [...(queues.get(event.memberId) ?? []), event]);
  const next = new Map<string, number>();
  return slots.map((memberId) => {
    const index = next.get(memberId) ?? 0;
    next.set(memberId, index + 1);
    return (queues.get(memberId) as PublicEvent[])[index] as PublicEvent;
  });
}

/** An import that is run again as long as its engine keeps moving away under it. */
async function importUntilDone(file: string, url: string): Promise<void> {
  for (;;) {
    const { code } = await runVerb(['import', file, '--url', url]);
    if (code === 0) return;
    await sleep(200);
  }
}

async function memberOf(url: string, id: string): Promise<{ balance: number; spend: number; level: string }> {
  const response = await fetch(`${url}/v1/members/${id}?asOf=${new Date(END_MS).toISOString()}`);
  const { balances, counters, tiers } = (await response.json()) as {
    balances: { points: { available: number; debt: number } };
    counters: { spend: number };
    tiers: Record<string, { level: string | null }>;
  };
  const [tier] = Object.values(tiers);
  const { available, debt } = balances.points;
  return { balance: available - debt, spend: counters.spend, level: tier?.level ?? '' };
}

/** All effects as sorted texts, without what names a place or a time in the log, which differ from run to run. */
async function effectsOf(natsUrl: string): Promise<string[]> {
  const nc = await connectLog(natsUrl, 'test');
  try {
    const stream = namesOf('loyalty').effectsStream;
    const manager = await jetstreamManager(nc);
    const { state } = await manager.streams.info(stream);
    if (state.messages === 0) return [];
    const { name } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.All,
    });
    const consumer = await jetstream(nc).consumers.get(stream, name);
    const effects: string[] = [];
    const reached = new Map<number, { sequence: number; ordinal: number }>();
    for await (const message of await consumer.consume()) {
      const { partition, to, effects: some } = decodeEffects(message.data);
      expect(isAfter(to, reached.get(partition) ?? { sequence: 0, ordinal: 0 })).toBe(true);
      reached.set(partition, to);
      effects.push(
        ...some.map(({ sequence: _sequence, ordinal: _ordinal, loggedAt: _loggedAt, ...body }) => JSON.stringify(body)),
      );
      if (message.seq === state.last_seq) break;
    }
    return effects.sort();
  } finally {
    await nc.close();
  }
}
