/**
 * The engine and its own nats-server killed in the middle of a stream of events, again and again: what is stored and what is
 * published must be what they are when nothing happens.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { afterAll, expect, it } from 'vitest';
import { fleet } from '../../load/fleet.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { Random } from '../../load/random.ts';
import { connectLog } from '../../src/log/connect.ts';
import { BEFORE_ALL_EFFECTS, decodeEffects, isAfter } from '../../src/wire/effects.ts';
import { namesOf } from '../../src/wire/subjects.ts';
import { removeFolder, startEngine, startVerb, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { allScored, digestsOf, verify, withLogOf } from '../helpers/engine-api.ts';

const SEED = 77;
const PARTITIONS = 8;
const ENGINE_KILLS = 20;
const NATS_KILLS = 5;
/** What the import sends at a time, and so what is on its way when something is killed. */
const EVENTS_PER_KILL = 2_000;
const EVENTS = EVENTS_PER_KILL * (ENGINE_KILLS + NATS_KILLS);
/** Every accrual is an effect: were one lost or doubled, it would show. */
const ARGS = ['--partitions', `${PARTITIONS}`, '--workers', '2', '--full-ledger', '--log-level', 'silent'];
const OFTEN = ['--checkpoint-events', '100', '--checkpoint-delay-ms', '50', '--cache-members', '64'];

const folder = temporaryFolder();
afterAll(() => removeFolder(folder));

function history(): PublicEvent[] {
  const events: PublicEvent[] = [];
  // What may be refused is judged anew, and reported anew, when it is sent again: points that were missing may be there then.
  const never = { unnamedReturnShare: 0, voidShare: 0, redemptionShare: 0, holdShare: 0 };
  const options = { seed: SEED, members: 2_000, returnShare: 0.1, eventsPerSecond: 100, ...never };
  for (const { event } of fleet({ ...options, startMs: Date.now() - 3_600_000 })) {
    events.push(event);
    if (events.length === EVENTS) return events;
  }
  return events;
}

interface Result {
  readonly digests: readonly string[];
  /** By partition, in order: whose, from which event, and what. */
  readonly effects: readonly (readonly string[])[];
}

/** Streams the events into an engine; `disturb` is called each time the next ones have begun to arrive. */
async function run(
  name: string,
  args: readonly string[],
  events: readonly PublicEvent[],
  disturb: (engine: TestEngine, turn: number) => Promise<void>,
): Promise<Result> {
  const data = join(folder, name);
  const engine = await startEngine(data, [...ARGS, ...args]);
  try {
    const { child, ended } = startVerb(['import', '-', '--data', data]);
    for (let start = 0; start < events.length; start += EVENTS_PER_KILL) {
      const lines = events.slice(start, start + EVENTS_PER_KILL).map((event) => `${JSON.stringify(event)}\n`);
      child.stdin?.write(lines.join(''));
      await disturb(engine, start / EVENTS_PER_KILL);
    }
    child.stdin?.end();
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`${events.length} events accepted, 0 lines refused`);
    await engine.ready();
    await allScored(engine.url(), PARTITIONS);
    expect(await engine.stop()).toBe(0);
  } finally {
    await engine.kill();
  }
  const { code, report } = await verify(data, PARTITIONS);
  expect({ code, sound: report.sound }).toEqual({ code: 0, sound: true });
  return { digests: digestsOf(report), effects: await withLogOf(data, effectsOf) };
}

async function effectsOf(natsUrl: string): Promise<string[][]> {
  const nc = await connectLog(natsUrl, 'test');
  try {
    const consumer = await jetstream(nc).consumers.get(namesOf('loyalty').effectsStream);
    const effects: string[][] = Array.from({ length: PARTITIONS }, () => []);
    const reached = Array.from({ length: PARTITIONS }, () => BEFORE_ALL_EFFECTS);
    for await (const message of await consumer.consume()) {
      const { partition, to, effects: some } = decodeEffects(message.data);
      expect(isAfter(to, reached[partition] ?? to)).toBe(true);
      for (const effect of some) {
        expect(isAfter(effect, reached[partition] ?? to) && !isAfter(effect, to)).toBe(true);
        effects[partition]?.push(
          [effect.type, effect.memberId, effect.eventId, 'from' in effect && effect.to].join(' '),
        );
      }
      reached[partition] = to;
      if (message.info.pending === 0) break;
    }
    return effects;
  } finally {
    await nc.close();
  }
}

it('kills change neither stores nor effects', { timeout: 240_000 }, async () => {
  const events = history();
  const calm = await run('calm', [], events, async () => {});

  const random = new Random(SEED);
  const kills = { engine: 0, nats: 0 };
  const rough = await run('rough', OFTEN, events, async (engine, turn) => {
    // Anywhere from before the first request to after the last; now and then the next kill comes while the engine starts.
    await sleep(random.below(250));
    const role = turn % 5 === 4 ? 'nats' : 'engine';
    const key = role === 'nats' ? 'natsPid' : 'enginePid';
    const pid = engine.running()[key];
    process.kill(pid, 'SIGKILL');
    kills[role] += 1;
    while (engine.running()[key] === pid) await sleep(10);
    if (random.chance(0.7)) await engine.ready();
  });

  expect(kills).toEqual({ engine: ENGINE_KILLS, nats: NATS_KILLS });
  expect(rough.digests).toEqual(calm.digests);
  // First as many, so that a failure does not print fifty thousand lines.
  expect(rough.effects.map(({ length }) => length)).toEqual(calm.effects.map(({ length }) => length));
  for (const [partition, effects] of rough.effects.entries()) {
    const index = effects.findIndex((effect, place) => effect !== calm.effects[partition]?.[place]);
    expect({ partition, index, effect: effects[index] }).toEqual({ partition, index: -1, effect: undefined });
  }
  // Where there is nothing to lose, nothing was proven.
  expect(calm.effects.flat().length).toBeGreaterThan(EVENTS * 0.9);
  expect(calm.effects.flat().some((effect) => effect.startsWith('tier_changed'))).toBe(true);
});
