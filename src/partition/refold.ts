/**
 * A partition folded again from its first event into memory, by the same code that runs live, and compared with its store:
 * record by record, and the stored digest with both. Only reads.
 */
import { digestText } from '../lib/hash.ts';
import type { EffectsWriter, EventReader } from '../log/log.ts';
import { allocateCounters, WorkerCounters } from '../observe/counters.ts';
import { recountDigest } from '../store/member-cache.ts';
import { createMemoryDisk, openMemoryStore } from '../store/memory-store.ts';
import type { PartitionStore } from '../store/store.ts';
import { Partition, type PartitionListener } from './partition.ts';

export interface RefoldResult {
  readonly partition: number;
  /** Position up to which the log was folded; 0 for a store without a checkpoint. */
  readonly sequence: number;
  readonly members: number;
  /** As the checkpoint says, as its records give, and as the log gives. Equal when all is well. */
  readonly stored: string;
  readonly recounted: string;
  readonly refolded: string;
  /** Members whose record is not what the log makes it, or that only one side has; at most DIFFERENCES_MAX. */
  readonly differing: readonly Difference[];
  /** How many there are in all. */
  readonly differingTotal: number;
}

export interface Difference {
  readonly memberId: string;
  readonly problem: 'record differs' | 'history differs' | 'missing in the store' | 'unknown to the log';
}

const DIFFERENCES_MAX = 100;
/** Between checkpoints into memory, which let go of what is only kept for one. */
const CHECKPOINT_EVENTS = 200_000;

export async function refold(
  partition: number,
  partitions: number,
  epoch: string,
  store: PartitionStore,
  reader: EventReader,
  stop: AbortSignal,
): Promise<RefoldResult> {
  const position = store.position();
  const shadow = openMemoryStore(createMemoryDisk());
  const folded = await Partition.open({
    partition,
    partitions,
    epoch,
    store: shadow,
    effects: NO_EFFECTS,
    pause: async () => {},
    counters: new WorkerCounters(allocateCounters(partitions)),
    cacheMembers: 10_000,
    fullLedger: false,
    listener: NO_LISTENER,
  });
  const end = position?.sequence ?? 0;
  if (end > 0) await foldTo(folded, end, reader, stop);
  const differences = [...differencesOf(store, shadow)];
  return {
    partition,
    sequence: end,
    members: [...shadow.members()].length,
    stored: position?.digest ?? folded.digest,
    recounted: digestText(recountDigest(store)),
    refolded: folded.digest,
    differing: differences.slice(0, DIFFERENCES_MAX),
    differingTotal: differences.length,
  };
}

export function isSound({ stored, recounted, refolded, differingTotal }: RefoldResult): boolean {
  return stored === refolded && recounted === refolded && differingTotal === 0;
}

async function foldTo(folded: Partition, end: number, reader: EventReader, stop: AbortSignal): Promise<void> {
  for await (const messages of reader.read(folded.number, 0, stop)) {
    for (const message of messages) if (message.sequence <= end) folded.apply(message);
    if (folded.eventsSince > CHECKPOINT_EVENTS) await folded.checkpoint();
    if (folded.sequence >= end) break;
  }
  await folded.checkpoint();
}

function* differencesOf(store: PartitionStore, shadow: PartitionStore): Generator<Difference> {
  for (const { id, bytes } of shadow.members()) {
    const found = store.member(id);
    if (found === undefined) yield { memberId: id, problem: 'missing in the store' };
    else if (!Buffer.from(found).equals(bytes)) yield { memberId: id, problem: 'record differs' };
  }
  for (const { id } of store.members()) {
    if (shadow.member(id) === undefined) yield { memberId: id, problem: 'unknown to the log' };
  }
  for (const { memberId, number, bytes } of shadow.chunks()) {
    const found = store.chunk(memberId, number);
    if (found === undefined || !Buffer.from(found).equals(bytes)) yield { memberId, problem: 'history differs' };
  }
}

const NO_EFFECTS: EffectsWriter = {
  lastOf: async () => undefined,
  publish: async (_partition, _payload, expectedLast) => expectedLast + 1,
};

export const NO_LISTENER: PartitionListener = {
  begin: () => {},
  scored: () => {},
  settled: () => {},
  end: () => {},
};
