/** How events are packed, and how many members are kept in memory, is nothing a member can tell. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fleet } from '../../load/fleet.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { BATCH_EVENTS_MAX } from '../../src/limits.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { allocateCounters, WorkerCounters } from '../../src/observe/counters.ts';
import { Partition } from '../../src/partition/partition.ts';
import { NO_LISTENER } from '../../src/partition/refold.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { createMemoryDisk, openMemoryStore } from '../../src/store/memory-store.ts';
import { encodeBatch } from '../../src/wire/batch.ts';

const EVENTS = 6_000;
const START_MS = Date.UTC(2026, 0, 5, 13);

function history(): PublicEvent[] {
  const events: PublicEvent[] = [];
  // Over months, so that levels are won and purchases are sealed into chunks.
  const options = { seed: 21, members: 300, hotMemberShare: 0.1, returnShare: 0.1, eventsPerSecond: 0.0005 };
  for (const { event } of fleet({ ...options, startMs: START_MS })) {
    events.push(event);
    if (events.length === EVENTS) return events;
  }
  return events;
}

interface Way {
  readonly batchEvents: number;
  readonly cacheMembers: number;
  /** Messages between checkpoints. */
  readonly checkpointMessages: number;
}

async function digestOf(events: readonly PublicEvent[], way: Way): Promise<{ digest: string; members: number }> {
  const parsed = events.flatMap((event) => parseEvents(event, 'json').events);
  expect(parsed.length).toBe(events.length);
  const program = parseProgram(readFileSync('examples/coffee.yaml', 'utf8'));
  if (!program.ok) throw new Error(JSON.stringify(program.issues));
  // All of them are received long after they happened, whatever the packing.
  const log = new MemoryLog(() => START_MS + 366 * 86_400_000);
  await log.events.publish(0, encodeBatch([{ type: 'program', document: JSON.stringify(program.program.document) }]));
  for (let start = 0; start < parsed.length; start += way.batchEvents) {
    await log.events.publish(0, encodeBatch(parsed.slice(start, start + way.batchEvents)));
  }
  const { epoch, lastSequence } = await log.reader.state();
  const store = openMemoryStore(createMemoryDisk());
  const partition = await Partition.open({
    partition: 0,
    partitions: 1,
    epoch,
    store,
    effects: log.effects,
    pause: async () => {},
    counters: new WorkerCounters(allocateCounters(1)),
    cacheMembers: way.cacheMembers,
    fullLedger: false,
    listener: NO_LISTENER,
  });
  const done = new AbortController();
  for await (const messages of log.reader.read(0, 0, done.signal)) {
    for (const message of messages) {
      partition.apply(message);
      if (message.sequence % way.checkpointMessages === 0) await partition.checkpoint();
    }
    if (partition.sequence === lastSequence) break;
  }
  done.abort();
  await partition.checkpoint();
  return { digest: partition.digest, members: [...store.members()].length };
}

it('batches of one and of many, large caches and small, rare checkpoints and frequent give the same digest', async () => {
  const events = history();
  const first = await digestOf(events, { batchEvents: 1, cacheMembers: 10_000, checkpointMessages: 1_000_000 });
  expect(first.members).toBe(new Set(events.map(({ memberId }) => memberId)).size);
  for (const way of [
    { batchEvents: 1, cacheMembers: 1, checkpointMessages: 7 },
    { batchEvents: 7, cacheMembers: 3, checkpointMessages: 1 },
    { batchEvents: BATCH_EVENTS_MAX, cacheMembers: 1, checkpointMessages: 2 },
    { batchEvents: BATCH_EVENTS_MAX, cacheMembers: 10_000, checkpointMessages: 1_000_000 },
  ]) {
    expect({ way, ...(await digestOf(events, way)) }).toEqual({ way, ...first });
  }
  // The digest sees a single event: else it would prove nothing.
  const other = await digestOf(events.slice(0, -1), { batchEvents: 1, cacheMembers: 1, checkpointMessages: 100 });
  expect(other.digest).not.toBe(first.digest);
});
