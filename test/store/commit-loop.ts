/**
 * Commits numbered checkpoints to a store, each of them changing every member, until it is killed or has made as many as it
 * was asked for. Runs as a process or as a thread of lmdb-store.test.ts, and tells each number once it is committed.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import type { CheckpointWrite, PartitionStore } from '../../src/store/store.ts';

export interface CommitLoopOrder {
  readonly paths: readonly string[];
  readonly members: number;
  /** Checkpoints a store; 0: without end. */
  readonly commits: number;
}

export function numberedCheckpoint(sequence: number, members: number): CheckpointWrite {
  const content = Buffer.alloc(250);
  content.writeDoubleBE(sequence, 0);
  return {
    position: { epoch: 'e', sequence, messageFingerprint: 1, timestampMs: sequence, digest: '0', program: '' },
    members: Array.from({ length: members }, (_, index) => ({
      id: `m${index}`,
      bytes: content,
      chunks: [{ number: index % 3, bytes: content }],
      idBlocks: [{ level: 0, bytes: content }],
      dueBefore: sequence === 1 ? Infinity : sequence - 1,
      due: sequence,
    })),
  };
}

async function commitInto(store: PartitionStore, { members, commits }: CommitLoopOrder): Promise<void> {
  let sequence = store.position()?.sequence ?? 0;
  for (let made = 0; commits === 0 || made < commits; made++) {
    sequence += 1;
    await store.commit(numberedCheckpoint(sequence, members));
    if (parentPort === null) writeSync(1, `${sequence}\n`);
    else parentPort.postMessage(sequence);
  }
}

async function run(order: CommitLoopOrder): Promise<void> {
  const stores = order.paths.map((path) => openLmdbStore(path));
  await Promise.all(stores.map((store) => commitInto(store, order)));
  await Promise.all(stores.map((store) => store.close()));
  // At once, as a worker that has been told to stop does.
  process.exit(0);
}

const task: unknown = parentPort === null ? process.env['COMMIT_LOOP'] : workerData;
if (typeof task === 'string') await run(JSON.parse(task) as CommitLoopOrder);
