/** What only a store on disk can go through: killed processes, other processes, threads, a full disk, many at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { open } from 'lmdb';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import type { PartitionStore } from '../../src/store/store.ts';
import { type CommitLoopOrder, numberedCheckpoint } from './commit-loop.ts';

/** Processes and threads run JavaScript: the last build, which has this one file of the tests for them. */
const COMMIT_LOOP = fileURLToPath(new URL('../../dist/test/store/commit-loop.js', import.meta.url));

let folder: string;
let children: ChildProcess[];

beforeAll(() => {
  if (!existsSync(COMMIT_LOOP)) throw new Error(`${COMMIT_LOOP} is missing: run npm run build`);
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lmdb-store-'));
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map(kill));
  rmSync(folder, { recursive: true, force: true });
});

// Small checkpoints are mostly killed between two of them, large ones in the middle of one.
it.each([200, 3_000])(
  'loses no checkpoint of %i members and tears none when its process is killed',
  async (members) => {
    let before = 0;
    for (let kills = 0; kills < 8; kills++) {
      const child = startProcess({ paths: [folder], members, commits: 0 });
      const told = lastNumber(child);
      await once(must(child.stdout), 'data');
      await sleep(Math.random() * 100);
      await kill(child);
      await withStore(folder, (store) => {
        const sequence = sequenceOf(store, members);
        expect(sequence).toBeGreaterThanOrEqual(told());
        expect(sequence).toBeGreaterThan(before);
        before = sequence;
      });
    }
  },
);

it('can be opened and read by another process while it is written', async () => {
  const child = startProcess({ paths: [folder], members: 2_000, commits: 0 });
  await once(must(child.stdout), 'data');
  let last = 0;
  for (let reads = 0; reads < 15; reads++) {
    await withStore(folder, (store) => {
      const sequence = sequenceOf(store, 2_000);
      expect(sequence).toBeGreaterThanOrEqual(last);
      last = sequence;
    });
    await once(must(child.stdout), 'data');
  }
  expect(child.exitCode).toBeNull();
});

it('is written by threads that exit as soon as it is closed', async () => {
  const paths = Array.from({ length: 12 }, (_, index) => join(folder, `${index}`));
  const workers = [paths.slice(0, 6), paths.slice(6)].map((own) =>
    startThread({ paths: own, members: 200, commits: 10 }),
  );
  const exits = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  expect(exits).toEqual([[0], [0]]);
  for (const path of paths) await withStore(path, (store) => expect(sequenceOf(store, 200)).toBe(10));
});

it('can be opened and written again after a thread was terminated in the middle', async () => {
  for (let terminations = 0; terminations < 8; terminations++) {
    const worker = startThread({ paths: [folder], members: 3_000, commits: 0 });
    await once(worker, 'message');
    await sleep(Math.random() * 60);
    await worker.terminate();
    await withStore(folder, async (store) => {
      const sequence = sequenceOf(store, 3_000);
      await store.commit(numberedCheckpoint(sequence + 1, 3_000));
      expect(sequenceOf(store, 3_000)).toBe(sequence + 1);
    });
  }
});

it('takes little disk, 64 at a time', async () => {
  const paths = Array.from({ length: 64 }, (_, index) => join(folder, `${index}`));
  const stores = paths.map((path) => openLmdbStore(path));
  await Promise.all(stores.map((store) => store.commit(numberedCheckpoint(1, 100))));
  await Promise.all(stores.map((store) => store.close()));
  expect(diskBytes(folder)).toBeLessThan(32 * 1024 * 1024);
  for (const path of paths) await withStore(path, (store) => expect(sequenceOf(store, 100)).toBe(1));
});

it('writes nothing to a disk that is nearly full, and goes on when it no longer is', async () => {
  await withStore(folder, (store) => store.commit(numberedCheckpoint(1, 10)));
  const full = openLmdbStore(folder, { freeBytesMin: Number.MAX_SAFE_INTEGER });
  await expect(full.commit(numberedCheckpoint(2, 10))).rejects.toThrow('bytes are free');
  expect(sequenceOf(full, 10)).toBe(1);
  await full.close();
  await withStore(folder, async (store) => {
    await store.commit(numberedCheckpoint(2, 10));
    expect(sequenceOf(store, 10)).toBe(2);
  });
});

it('writes nothing of a checkpoint with an impossible member', async () => {
  const checkpoint = numberedCheckpoint(2, 10);
  const [first] = checkpoint.members;
  await withStore(folder, async (store) => {
    await store.commit(numberedCheckpoint(1, 10));
    for (const wrong of [{ id: '' }, { id: 'm'.repeat(3_000) }, { due: Number.NaN }, { dueBefore: -1 }]) {
      const members = [...checkpoint.members, { ...must(first), ...wrong }];
      await expect(store.commit({ ...checkpoint, members })).rejects.toThrow();
      expect(sequenceOf(store, 10)).toBe(1);
    }
  });
});

it('refuses a position of a version it does not know', async () => {
  await withStore(folder, (store) => store.commit(numberedCheckpoint(1, 1)));
  const environment = open({ path: folder, encoding: 'binary' });
  const meta = environment.openDB<Uint8Array, string>('meta', { encoding: 'binary' });
  const bytes = must(meta.getBinary('position'));
  bytes[0] = 99;
  await meta.put('position', bytes);
  await environment.close();
  await withStore(folder, (store) => expect(() => store.position()).toThrow('version 99'));
});

/** The one number that the position and all members, chunks, id blocks and timers carry. */
function sequenceOf(store: PartitionStore, members: number): number {
  const sequence = must(store.position()).sequence;
  const numberIn = (bytes: Uint8Array): number => Buffer.from(bytes).readDoubleBE(0);
  const listed = [...store.members()];
  const chunks = [...store.chunks()];
  const due = [...store.due(Infinity)];
  expect([listed.length, chunks.length, due.length]).toEqual([members, members, members]);
  const numbers = new Set([
    ...listed.map(({ bytes }) => numberIn(bytes)),
    ...listed.map(({ id }) => numberIn(must(store.idBlock(id, 0)))),
    ...chunks.map(({ bytes }) => numberIn(bytes)),
    ...due.map(({ at }) => at),
  ]);
  expect(numbers).toEqual(new Set([sequence]));
  return sequence;
}

async function withStore(path: string, use: (store: PartitionStore) => unknown): Promise<void> {
  const store = openLmdbStore(path);
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

function startProcess(order: CommitLoopOrder): ChildProcess {
  const child = spawn(process.execPath, [COMMIT_LOOP], {
    env: { ...process.env, COMMIT_LOOP: JSON.stringify(order) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

function startThread(order: CommitLoopOrder): Worker {
  return new Worker(COMMIT_LOOP, { workerData: JSON.stringify(order) });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

/** Follows what a process tells; a last line that was cut off does not count. */
function lastNumber(child: ChildProcess): () => number {
  let output = '';
  must(child.stdout).on('data', (data: Buffer) => {
    output += data.toString();
  });
  return () => Number(output.split('\n').at(-2) ?? 0);
}

/** Blocks in use, not the length of the files: they are sparse. */
function diskBytes(path: string): number {
  let sum = 0;
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    sum += statSync(join(path, name)).blocks * 512;
  }
  return sum;
}
