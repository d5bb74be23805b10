/** Checkpoints of one partition into LMDB, random members of many. Ceiling: the same records into a Map. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../load/random.ts';
import { openLmdbStore } from '../src/store/lmdb-store.ts';
import type { CheckpointWrite, MemberWrite } from '../src/store/store.ts';
import { type BenchContext, type BenchResult, expectEqual, result, SEED } from './harness.ts';

const RECORD_BYTES = 200;

export async function checkpointBench({ size }: BenchContext): Promise<BenchResult[]> {
  const full = size === 'full';
  const [checkpoints, members, known] = full ? [20, 20_000, 125_000] : [2, 500, 1_000];
  const random = new Random(SEED);
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const store = openLmdbStore(folder);
  try {
    let seconds = 0;
    let written = 0;
    const map = new Map<string, Uint8Array>();
    let mapSeconds = 0;
    for (let sequence = 1; sequence <= checkpoints; sequence++) {
      const checkpoint = checkpointOf(sequence, members, known, random);
      const startMs = performance.now();
      await store.commit(checkpoint);
      const committedMs = performance.now();
      for (const { id, bytes } of checkpoint.members) map.set(id, bytes.slice());
      mapSeconds += (performance.now() - committedMs) / 1000;
      seconds += (committedMs - startMs) / 1000;
      written += checkpoint.members.length;
    }
    expectEqual('position', store.position()?.sequence, checkpoints);
    for (const [id, bytes] of map) expectEqual(`record of ${id}`, store.member(id)?.[0], bytes[0]);
    return [result('store.checkpoint', written / seconds, 'members/s', written / mapSeconds)];
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkpointOf(sequence: number, count: number, known: number, random: Random): CheckpointWrite {
  const ids = new Set<string>();
  while (ids.size < count) ids.add(`m${random.below(known)}`);
  const members: MemberWrite[] = [...ids].map((id) => ({
    id,
    bytes: new Uint8Array(RECORD_BYTES).fill(sequence),
    chunks: [],
    idBlocks: [],
    dueBefore: Infinity,
    due: Infinity,
  }));
  const position = {
    epoch: 'bench',
    sequence,
    messageFingerprint: 0,
    timestampMs: 0,
    digest: '0'.repeat(16),
    program: '',
  };
  return { position, members };
}
