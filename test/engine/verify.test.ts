/** `tidemark verify` finds what a disk has changed: the member by name, the partition by number. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleet } from '../../load/fleet.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { must } from '../../src/lib/assert.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { storePath } from '../../src/store/store-path.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { removeFolder, runVerb, startEngine, temporaryFolder } from '../helpers/engine.ts';
import { postScored, verify } from '../helpers/engine-api.ts';

const PARTITIONS = 4;
const EVENTS = 400;

describe('stores of a stopped engine', () => {
  const folder = temporaryFolder();
  const members = new Set<string>();
  afterAll(() => removeFolder(folder));

  beforeAll(async () => {
    const engine = await startEngine(folder, ['--partitions', `${PARTITIONS}`, '--log-level', 'warn']);
    const events: PublicEvent[] = [];
    for (const { event } of fleet({ seed: 5, members: 60, startMs: Date.now() - 3_600_000 })) {
      events.push(event);
      members.add(event.memberId);
      if (events.length === EVENTS) break;
    }
    await postScored(engine.url(), events);
    await engine.stop();
  }, 90_000);

  /** Writes a record that no event made, as a bad disk or a curious hand would, and takes it back in the end. */
  async function withRecord(member: string, change: (bytes: Uint8Array) => Uint8Array, use: () => Promise<void>) {
    const path = storePath(join(folder, 'stores'), partitionOf(member, PARTITIONS));
    const donor = [...members].find((id) => partitionOf(id, PARTITIONS) === partitionOf(member, PARTITIONS));
    const write = async (changed: (bytes: Uint8Array) => Uint8Array): Promise<Uint8Array> => {
      const store = openLmdbStore(path);
      try {
        const position = must(store.position());
        const before = must(store.member(member) ?? store.member(must(donor))).slice();
        const record = { id: member, bytes: changed(before.slice()), chunks: [], idBlocks: [] };
        await store.commit({ position, members: [{ ...record, dueBefore: Infinity, due: Infinity }] });
        return before;
      } finally {
        await store.close();
      }
    };
    const before = await write(change);
    await use();
    await write(() => before);
  }

  it('are sound as they are', async () => {
    const { code, report } = await verify(folder, PARTITIONS);
    expect({ code, sound: report.sound, members: report.members, partitions: report.results.length }).toEqual({
      code: 0,
      sound: true,
      members: members.size,
      partitions: PARTITIONS,
    });
  });

  it('with one bit of one member changed are not, and the member is named', async () => {
    const [member = ''] = members;
    const flipped = (bytes: Uint8Array): Uint8Array => {
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return bytes;
    };
    await withRecord(member, flipped, async () => {
      const { code, report } = await verify(folder, PARTITIONS);
      expect({ code, sound: report.sound }).toEqual({ code: 4, sound: false });
      const wrong = report.results.filter(({ differing }) => differing.length > 0);
      expect(wrong).toMatchObject([
        { partition: partitionOf(member, PARTITIONS), differing: [{ memberId: member, problem: 'record differs' }] },
      ]);
      const { code: textCode, stdout } = await runVerb(['verify', '--data', folder, '--partitions', `${PARTITIONS}`]);
      expect(textCode).toBe(4);
      expect(stdout).toContain(`Partition ${partitionOf(member, PARTITIONS)}, `);
      expect(stdout).toContain(`member ${member}: record differs`);
    });
    expect((await verify(folder, PARTITIONS)).code).toBe(0);
  });

  it('with a member that no event made are not', async () => {
    await withRecord(
      'nobody',
      (bytes) => bytes,
      async () => {
        const { code, report } = await verify(folder, PARTITIONS);
        expect(code).toBe(4);
        expect(report.results.flatMap(({ differing }) => differing)).toEqual([
          { memberId: 'nobody', problem: 'unknown to the log' },
        ]);
      },
    );
  });

  it('are not looked at while an engine uses them, nor where there are none', async () => {
    const engine = await startEngine(folder, ['--partitions', `${PARTITIONS}`, '--log-level', 'warn']);
    expect(await runVerb(['verify', '--data', folder, '--partitions', `${PARTITIONS}`])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is in use by the engine'),
    });
    await engine.stop();
    const nowhere = join(folder, 'nowhere');
    expect(await runVerb(['verify', '--data', nowhere])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`There is no data folder ${nowhere}`),
    });
  });
});
