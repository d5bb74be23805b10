/**
 * What another program would have made of the log: a partition folded twice side by side, as it is and with that program from an
 * instant on. It is read and decoded once; nothing is published and nothing stored. In the end every member of both folds is
 * settled to one instant, so that levels and points compare though the log's ticks came as its own program needed them.
 */
import { assert, must } from '../lib/assert.ts';
import type { EventReader } from '../log/log.ts';
import type { Program } from '../program/program.ts';
import type { PartitionStore } from '../store/store.ts';
import { contentOf, type Partition } from './partition.ts';
import { checkpointShadow, messagesTo, openShadow } from './shadow.ts';
import { type HeldLevels, Tally } from './tally.ts';

/** How much of the log there is: what is written while it is folded does not count. */
export interface LogExtent {
  readonly epoch: string;
  /** In all partitions together. */
  readonly messages: number;
  /** First sequence that is there; past 1, what was before is gone. */
  readonly firstSequence: number;
  /** Log time of the first message and of the last, epoch ms; 0 for an empty log. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Sequence of the last message by partition; 0 for none. */
  readonly ends: readonly number[];
}

export async function extentOf(reader: EventReader, partitions: number): Promise<LogExtent> {
  const { epoch, firstSequence, lastSequence } = await reader.state();
  const last = await Promise.all(Array.from({ length: partitions }, (_, partition) => reader.lastOf(partition)));
  const isEmpty = lastSequence === 0;
  return {
    epoch,
    messages: isEmpty ? 0 : lastSequence - firstSequence + 1,
    firstSequence,
    firstMs: isEmpty ? 0 : ((await reader.messageAt(firstSequence))?.timestampMs ?? 0),
    lastMs: Math.max(0, ...last.map((message) => message?.timestampMs ?? 0)),
    ends: last.map((message) => message?.sequence ?? 0),
  };
}

export interface Trial {
  /** Must be able to follow the log's programs (successionIssues). */
  readonly program: Program;
  /** Log time from which it replaces whatever is in force, epoch ms; 0 for the beginning. */
  readonly fromMs: number;
  readonly extent: LogExtent;
}

/** Both folds, of as many partitions as were added. */
export class Comparison {
  readonly before: Tally;
  readonly after: Tally;
  /** Members that both folds have: by tier set, level before and level after. */
  readonly moves = new Map<string, Map<string, Map<string, number>>>();

  constructor({ zone }: Program) {
    this.before = new Tally(zone);
    this.after = new Tally(zone);
  }

  moved(before: HeldLevels, after: HeldLevels): void {
    for (const tierSet of new Set([...before.keys(), ...after.keys()])) {
      const from = entryOf(this.moves, tierSet, () => new Map<string, Map<string, number>>());
      const to = entryOf(from, before.get(tierSet) ?? '', () => new Map<string, number>());
      const level = after.get(tierSet) ?? '';
      to.set(level, (to.get(level) ?? 0) + 1);
    }
  }
}

function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** Adds a partition to the comparison. `onMessages` hears of each array read, before it is folded. */
export async function simulatePartition(
  partition: number,
  { program, fromMs, extent }: Trial,
  comparison: Comparison,
  reader: EventReader,
  stop: AbortSignal,
  onMessages: (count: number) => void,
): Promise<void> {
  const { before, after } = comparison;
  const place = { partition, partitions: extent.ends.length, epoch: extent.epoch };
  const asIs = await openShadow(place, before);
  const trial = await openShadow(place, after);
  // When the trial begins is for `fromMs` to say.
  const { effectiveFrom: _instant, ...written } = program.document;
  const document = JSON.stringify(written);
  let isReplaced = false;
  const replaceAt = (nowMs: number): void => {
    // A program is a message of its own: the log's first is replaced before anything is scored by it, later ones are older than
    // this one and passed over.
    if (isReplaced || nowMs < fromMs || trial.folded.program === undefined) return;
    trial.folded.replaceProgram(document, fromMs);
    isReplaced = true;
  };
  for await (const messages of messagesTo(extent.ends[partition] ?? 0, partition, reader, stop)) {
    onMessages(messages.length);
    for (const message of messages) {
      replaceAt(message.timestampMs);
      const content = contentOf(message);
      asIs.folded.apply(message, content);
      trial.folded.apply(message, content);
    }
    await checkpointShadow(asIs.folded);
    await checkpointShadow(trial.folded);
  }
  replaceAt(extent.lastMs);
  const { version } = trial.folded.program ?? program;
  assert(version === program.version, () => `partition ${partition} stayed with version ${version}`);
  await asIs.folded.checkpoint();
  await trial.folded.checkpoint();
  compareMembers(asIs, trial, comparison, extent.lastMs);
}

interface Folded {
  readonly folded: Partition;
  readonly shadow: PartitionStore;
}

function compareMembers(asIs: Folded, trial: Folded, comparison: Comparison, untilMs: number): void {
  const { before, after } = comparison;
  for (const { id } of asIs.shadow.members()) {
    const levelsBefore = close(asIs.folded, id, before, untilMs);
    if (trial.shadow.member(id) === undefined) continue;
    comparison.moved(levelsBefore, close(trial.folded, id, after, untilMs));
  }
  for (const { id } of trial.shadow.members()) {
    if (asIs.shadow.member(id) === undefined) close(trial.folded, id, after, untilMs);
  }
}

function close({ program, members }: Partition, id: string, tally: Tally, untilMs: number): HeldLevels {
  const { member } = must(members.get(id), 'a member of the store is not there');
  return tally.close(must(program, 'a member that no program has scored'), member, untilMs);
}
