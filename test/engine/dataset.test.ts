/**
 * Nine months of real purchases through the real engine, twice: once in peace, once with everything that must not matter -
 * another number of workers, hardly any cache, resends, members interleaved at random, and the engine and its broker killed
 * again and again. Members must be what the bookkeeper says; digests and effects must be the same both times.
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
import { freePort } from '../../src/lib/free-port.ts';
import { connectLog } from '../../src/log/connect.ts';
import { decodeEffects, isAfter } from '../../src/wire/effects.ts';
import { namesOf } from '../../src/wire/subjects.ts';
import { removeFolder, runVerb, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

const DATA = '../shared/data/online-retail.csv.gz';
const PROGRAM = 'examples/online-retail.yaml';
const END_MS = Date.parse('2011-08-31T23:00:00+01:00');
const ENGINE_KILLS = 20;
const BROKER_KILLS = 5;
const SEED = 20_101_201;
/** History is scored as it was: no tick of today may end levels before all of it is there. */
const NO_TICKS = ['--tick-interval-ms', '86400000'];

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

  it('every customer has what the bookkeeper says', { timeout: 240_000 }, async () => {
    const nats = await startNatsServer();
    const data = join(folder, 'calm');
    const engine = await startEngine(data, [
      '--program',
      PROGRAM,
      '--workers',
      '2',
      '--nats-url',
      nats.url,
      ...NO_TICKS,
    ]);
    try {
      const file = join(folder, 'events.jsonl');
      writeFileSync(file, lines(events));
      const imported = await runVerb(['import', file, '--url', engine.url(), '--json']);
      expect(imported.code, imported.stderr).toBe(0);
      expect(JSON.parse(imported.stdout)).toMatchObject({ accepted: events.length, rejected: 0 });
      await untilScored(engine, nats);

      const wrong: string[] = [];
      for (const id of oracle.members()) {
        const said = await memberOf(engine.url(), id);
        const expected = oracle.member(id, END_MS);
        const wanted = { balance: expected?.balance, spend: expected?.spend, level: expected?.level };
        if (JSON.stringify(said) !== JSON.stringify(wanted)) wrong.push(`${id}: ${JSON.stringify({ said, wanted })}`);
      }
      expect(wrong).toEqual([]);
      calm = await end(engine, nats);
    } finally {
      await engine.stop();
      await nats.stop();
    }
  });

  it('kills, resends, interleaving, workers and cache change nothing', { timeout: 400_000 }, async () => {
    const random = new Random(SEED);
    const nats = await startNatsServer();
    const data = join(folder, 'rough');
    // The import outlives engine after engine, so they share an address.
    const port = await freePort('127.0.0.1');
    const options = [
      '--http-port',
      `${port}`,
      '--workers',
      '1',
      '--cache-members',
      '64',
      '--checkpoint-events',
      '50',
      '--checkpoint-delay-ms',
      '100',
      ...NO_TICKS,
    ];
    const engine = await startEngine(data, ['--program', PROGRAM, '--nats-url', nats.url, ...options]);
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
      await untilScored(engine, nats);
      const rough = await end(engine, nats);
      expect(rough.digests).toEqual(calm.digests);
      expect(rough.effects).toEqual(calm.effects);
    } finally {
      await engine.stop();
      await nats.stop();
    }
  });

  /** Stops the engine, checks the stores against the log, and says what came out. */
  async function end(engine: TestEngine, nats: NatsServer): Promise<Ended> {
    expect(await engine.stop()).toBe(0);
    const verified = await runVerb(['verify', '--json', '--data', engine.data, '--nats-url', nats.url]);
    expect(verified.code, verified.stdout.slice(0, 2_000) + verified.stderr).toBe(0);
    const { results } = JSON.parse(verified.stdout) as { results: { stored: string }[] };
    return { digests: results.map(({ stored }) => stored), effects: await effectsOf(nats) };
  }
});

function lines(events: readonly PublicEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

/** Every event one to three times; a resend comes somewhere after the first. */
function resent(events: readonly PublicEvent[], random: Random): PublicEvent[] {
  const all = [...events];
  const result: PublicEvent[] = [];
  for (const [index, event] of all.entries()) {
    result.push(event);
    for (let again = random.below(3); again > 0; again--) result.push(all[random.below(index + 1)] as PublicEvent);
  }
  return result;
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

/** Until the last message of the log has been scored. */
async function untilScored(engine: TestEngine, nats: NatsServer): Promise<void> {
  const nc = await connectLog(nats.url, 'test');
  try {
    const manager = await jetstreamManager(nc);
    for (;;) {
      const { state } = await manager.streams.info(namesOf('loyalty').eventsStream);
      const metrics = await fetch(`${engine.url()}/metrics`).then((response) => response.text());
      const positions = [...metrics.matchAll(/^tidemark_position_sequence\{.*\} (\d+)/gm)].map((match) =>
        Number(match[1]),
      );
      const lag = [...metrics.matchAll(/^tidemark_lag_messages\{.*\} (\d+)/gm)].reduce(
        (sum, match) => sum + Number(match[1]),
        0,
      );
      if (lag === 0 && Math.max(...positions) === state.last_seq) return;
      await sleep(100);
    }
  } finally {
    await nc.close();
  }
}

/** All effects as sorted texts, without what names a place or a time in the log, which differ from run to run. */
async function effectsOf(nats: NatsServer): Promise<string[]> {
  const nc = await connectLog(nats.url, 'test');
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
