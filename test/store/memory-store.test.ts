/** Crashes of a store in memory: what the disk holds when the next one opens it. */
import { expect, it } from 'vitest';
import { createMemoryDisk, openMemoryStore } from '../../src/store/memory-store.ts';
import type { CheckpointWrite } from '../../src/store/store.ts';

const NEVER = new Promise<void>(() => undefined);

it('has nothing of a commit that failed, and takes the next', async () => {
  const disk = createMemoryDisk();
  let full = true;
  const store = openMemoryStore(disk, {
    beforeCommit: async () => {
      if (full) throw new Error('disk full');
    },
  });
  await expect(store.commit(checkpoint(1))).rejects.toThrow('disk full');
  expect(store.position()).toBeUndefined();
  expect([...store.members()]).toEqual([]);
  full = false;
  await store.commit(checkpoint(2));
  expect(store.position()?.sequence).toBe(2);
});

it('has nothing of a commit that was cut off before', () => {
  const disk = createMemoryDisk();
  void openMemoryStore(disk, { beforeCommit: () => NEVER }).commit(checkpoint(1));
  expect(openMemoryStore(disk).position()).toBeUndefined();
});

it('has all of a commit that was cut off after', async () => {
  const disk = createMemoryDisk();
  let told = false;
  const store = openMemoryStore(disk, { afterCommit: () => NEVER });
  void store.commit(checkpoint(1)).then(() => {
    told = true;
  });
  await new Promise(setImmediate);
  const next = openMemoryStore(disk);
  expect(told).toBe(false);
  expect(next.position()?.sequence).toBe(1);
  expect(next.member('42')).toEqual(Uint8Array.of(1));
  expect(next.nextDue()).toBe(1);
});

it('lets no abandoned store write', async () => {
  const disk = createMemoryDisk();
  let release = (): void => undefined;
  const store = openMemoryStore(disk, {
    beforeCommit: () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  });
  const late = store.commit(checkpoint(1));
  const next = openMemoryStore(disk);
  await next.commit(checkpoint(2));
  release();
  await expect(late).rejects.toThrow('another store');
  expect(next.position()?.sequence).toBe(2);
});

function checkpoint(sequence: number): CheckpointWrite {
  return {
    position: { epoch: 'e', sequence, messageFingerprint: 0, timestampMs: 0, digest: '0', program: '' },
    members: [
      { id: '42', bytes: Uint8Array.of(sequence), chunks: [], idBlocks: [], dueBefore: Infinity, due: sequence },
    ],
  };
}
