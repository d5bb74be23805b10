/** A partition folded from its first event into memory, by the code that runs live: nothing is published and nothing stored. */
import type { EffectsWriter, EventReader, LogMessage } from '../log/log.ts';
import { allocateCounters, WorkerCounters } from '../observe/counters.ts';
import { createMemoryDisk, openMemoryStore } from '../store/memory-store.ts';
import type { PartitionStore } from '../store/store.ts';
import { EFFECTS_VERSION, encodeEffects } from '../wire/effects.ts';
import { Partition, type PartitionListener } from './partition.ts';

/** Between checkpoints into memory, which let go of what is only kept for one. */
const CHECKPOINT_EVENTS = 200_000;

export interface PartitionPlace {
  readonly partition: number;
  readonly partitions: number;
  readonly epoch: string;
}

/** A partition in memory alone, which stands before its first event and publishes nothing. */
export async function openShadow(
  place: PartitionPlace,
  listener: PartitionListener,
): Promise<{ readonly folded: Partition; readonly shadow: PartitionStore }> {
  const shadow = openMemoryStore(createMemoryDisk());
  const folded = await Partition.open({
    ...place,
    store: shadow,
    effects: alreadySent(place),
    pause: async () => {},
    counters: new WorkerCounters(allocateCounters(place.partitions)),
    cacheMembers: 10_000,
    fullLedger: false,
    listener,
  });
  return { folded, shadow };
}

/** The messages of a partition from its first up to one that is there. Throws when stopped. */
export async function* messagesTo(
  end: number,
  partition: number,
  reader: EventReader,
  stop: AbortSignal,
): AsyncGenerator<readonly LogMessage[]> {
  if (end === 0) return;
  for await (const messages of reader.read(partition, 0, stop)) {
    const isLast = messages.some(({ sequence }) => sequence >= end);
    yield isLast ? messages.filter(({ sequence }) => sequence <= end) : messages;
    if (isLast) break;
  }
  stop.throwIfAborted();
}

/** Writes to memory what was folded if much of it is only kept for that. */
export async function checkpointShadow(folded: Partition): Promise<void> {
  if (folded.eventsSince > CHECKPOINT_EVENTS) await folded.checkpoint();
}

/** Where every effect counts as sent before, so that none is made into a message. */
function alreadySent({ partition, epoch }: PartitionPlace): EffectsWriter {
  const to = { sequence: Number.MAX_SAFE_INTEGER, ordinal: 0 };
  const payload = encodeEffects({ version: EFFECTS_VERSION, partition, epoch, to, effects: [] });
  return {
    lastOf: async () => ({ sequence: 1, timestampMs: 0, payload, pending: 0 }),
    publish: async (_partition, _payload, expectedLast) => expectedLast + 1,
  };
}
