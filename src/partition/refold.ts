/**
 * A partition folded again from its first event into memory, by the same code that runs live, and compared with its store:
 * every record, id block and timer, the program, and the stored digest with both. Only reads.
 */
import { digestText } from '../lib/hash.ts';
import type { EventReader } from '../log/log.ts';
import { recountDigest } from '../store/member-cache.ts';
import type { PartitionStore, StoredPosition } from '../store/store.ts';
import { WireError } from '../wire/pack.ts';
import type { Partition, PartitionListener } from './partition.ts';
import { checkPosition, PositionMismatch } from './position.ts';
import { checkpointShadow, messagesTo, openShadow } from './shadow.ts';

export interface RefoldResult {
  readonly partition: number;
  /** What is wrong with the partition as a whole. Where that made comparing pointless, the rest is empty. */
  readonly problem: string | undefined;
  /** Position up to which the log was folded; 0 for a store without a checkpoint. */
  readonly sequence: number;
  readonly members: number;
  /** As the checkpoint says, as its records give, and as the log gives. Equal when all is well. */
  readonly stored: string;
  readonly recounted: string;
  readonly refolded: string;
  /** Members of whom something is not what the log makes it, or that only one side has; at most DIFFERENCES_MAX. */
  readonly differing: readonly Difference[];
  /** How many there are in all. */
  readonly differingTotal: number;
}

export interface Difference {
  readonly memberId: string;
  readonly problem:
    | 'record differs'
    | 'history differs'
    | 'id block differs'
    | 'timer differs'
    | 'missing in the store'
    | 'unknown to the log';
}

const DIFFERENCES_MAX = 100;

export async function refold(
  partition: number,
  partitions: number,
  epoch: string,
  store: PartitionStore,
  reader: EventReader,
  stop: AbortSignal,
): Promise<RefoldResult> {
  const mismatch = await mismatchOf(partition, store, reader);
  if (mismatch !== undefined) return incomparable(partition, mismatch);
  const position = store.position();
  const { folded, shadow } = await openShadow({ partition, partitions, epoch }, NO_LISTENER);
  const end = position?.sequence ?? 0;
  await foldTo(folded, end, reader, stop);
  return {
    partition,
    problem: programProblem(position, shadow.position()),
    sequence: end,
    members: [...shadow.members()].length,
    stored: position?.digest ?? folded.digest,
    recounted: digestText(recountDigest(store)),
    refolded: folded.digest,
    ...take(differencesOf(store, shadow)),
  };
}

/** For a partition that cannot be compared. */
export function incomparable(partition: number, problem: string): RefoldResult {
  const nothing = {
    sequence: 0,
    members: 0,
    stored: '',
    recounted: '',
    refolded: '',
    differing: [],
    differingTotal: 0,
  };
  return { partition, problem, ...nothing };
}

export function isSound({ problem, stored, recounted, refolded, differingTotal }: RefoldResult): boolean {
  return problem === undefined && stored === refolded && recounted === refolded && differingTotal === 0;
}

/** Why the log cannot be folded up to where the store is. Folding would wait there for ever. */
async function mismatchOf(partition: number, store: PartitionStore, reader: EventReader): Promise<string | undefined> {
  const state = await reader.state();
  let position: StoredPosition | undefined;
  try {
    position = store.position();
    await checkPosition(partition, position, state, reader);
  } catch (error) {
    if (error instanceof PositionMismatch || error instanceof WireError) return error.message;
    throw error;
  }
  if (state.firstSequence > 1) {
    return `The log begins only at sequence ${state.firstSequence}: what was before is gone, and cannot be folded again.`;
  }
  const last = (await reader.lastOf(partition))?.sequence ?? 0;
  const { sequence } = position ?? { sequence: 0 };
  if (sequence <= last) return undefined;
  return `The store is at sequence ${sequence}, but the last message of partition ${partition} is ${last}: it is another partition's store.`;
}

function programProblem(stored: StoredPosition | undefined, folded: StoredPosition | undefined): string | undefined {
  return (stored?.program ?? '') === (folded?.program ?? '') ? undefined : "The store's program is not the log's.";
}

async function foldTo(folded: Partition, end: number, reader: EventReader, stop: AbortSignal): Promise<void> {
  for await (const messages of messagesTo(end, folded.number, reader, stop)) {
    for (const message of messages) folded.apply(message);
    await checkpointShadow(folded);
  }
  await folded.checkpoint();
}

function take(differences: Iterable<Difference>): Pick<RefoldResult, 'differing' | 'differingTotal'> {
  const differing: Difference[] = [];
  let differingTotal = 0;
  for (const difference of differences) {
    differingTotal += 1;
    if (differing.length < DIFFERENCES_MAX) differing.push(difference);
  }
  return { differing, differingTotal };
}

function* differencesOf(store: PartitionStore, shadow: PartitionStore): Generator<Difference> {
  for (const { id, bytes } of shadow.members()) {
    const found = store.member(id);
    if (found === undefined) yield { memberId: id, problem: 'missing in the store' };
    else if (!isSame(found, bytes)) yield { memberId: id, problem: 'record differs' };
  }
  for (const { id } of store.members()) {
    if (shadow.member(id) === undefined) yield { memberId: id, problem: 'unknown to the log' };
  }
  for (const { memberId, number, bytes } of shadow.chunks()) {
    if (!isSame(store.chunk(memberId, number), bytes)) yield { memberId, problem: 'history differs' };
    // A level is in use from the chunk on that is the last of its first block.
    const level = Math.log2(number + 1);
    if (!Number.isInteger(level)) continue;
    if (!isSame(store.idBlock(memberId, level), shadow.idBlock(memberId, level))) {
      yield { memberId, problem: 'id block differs' };
    }
  }
  for (const { memberId, number } of store.chunks()) {
    if (shadow.chunk(memberId, number) === undefined) yield { memberId, problem: 'history differs' };
  }
  for (const memberId of wrongTimers(store, shadow)) yield { memberId, problem: 'timer differs' };
}

function isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  return left === undefined || right === undefined ? left === right : Buffer.compare(left, right) === 0;
}

/** Members, each once. */
function wrongTimers(store: PartitionStore, shadow: PartitionStore): Set<string> {
  const expected = new Map<string, number>();
  for (const { at, memberId } of shadow.due(Infinity)) expected.set(memberId, at);
  const wrong = new Set<string>();
  const found = new Set<string>();
  for (const { at, memberId } of store.due(Infinity)) {
    if (expected.get(memberId) === at) found.add(memberId);
    else wrong.add(memberId);
  }
  for (const memberId of expected.keys()) if (!found.has(memberId)) wrong.add(memberId);
  return wrong;
}

export const NO_LISTENER: PartitionListener = {
  begin: () => {},
  scored: () => {},
  settled: () => {},
  end: () => {},
};
