/** `tidemark verify` finds what a disk has changed: the member by name, the partition by number. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { fleet } from '../../load/fleet.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { isAlive } from '../../src/cli/processes.ts';
import { must } from '../../src/lib/assert.ts';
import { connectLog } from '../../src/log/connect.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import type { MemberWrite, PartitionStore } from '../../src/store/store.ts';
import { storePath } from '../../src/store/store-path.ts';
import { namesOf, partitionOf } from '../../src/wire/subjects.ts';
import { removeFolder, runVerb, startEngine, temporaryFolder } from '../helpers/engine.ts';
import { postScored, verify, withLogOf } from '../helpers/engine-api.ts';

const PARTITIONS = 4;
const EVENTS = 400;
/** Has so many entries that most are in its history. */
const REGULAR = 'regular';
const FEW = ['--partitions', `${PARTITIONS}`, '--log-level', 'warn'];

/** The stores' files have holes of gigabytes, which Node would fill. */
function copy(from: string, to: string): void {
  execFileSync('cp', ['-R', from, to]);
}

describe('stores of a stopped engine', () => {
  const folder = temporaryFolder();
  /** Its log before the last purchase in each partition. */
  const shorter = temporaryFolder();
  const members = new Set<string>([REGULAR]);
  afterAll(() => {
    removeFolder(folder);
    removeFolder(shorter);
  });

  beforeAll(async () => {
    const engine = await startEngine(folder, FEW);
    const events: PublicEvent[] = [];
    for (const { event } of fleet({ seed: 5, members: 60, startMs: Date.now() - 3_600_000 })) {
      events.push(event);
      members.add(event.memberId);
      if (events.length === EVENTS) break;
    }
    for (let number = 0; number < 80; number++) {
      events.push({ id: `r${number}`, type: 'purchase', memberId: REGULAR, amount: 100 + number });
    }
    await postScored(engine.url(), events);
    await engine.stop();
    copy(join(folder, 'nats'), shorter);
    const again = await startEngine(folder, FEW);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const memberId = must([...members].find((id) => partitionOf(id, PARTITIONS) === partition));
      await postScored(again.url(), { id: `last-${partition}`, type: 'purchase', memberId, amount: 100 });
    }
    await again.stop();
  }, 90_000);

  /** For what cannot be taken back. */
  function copied(): string {
    const parent = temporaryFolder();
    onTestFinished(() => removeFolder(parent));
    copy(folder, join(parent, 'data'));
    return join(parent, 'data');
  }

  /** Writes something of the regular member to the store, and what `change` returns in the end. */
  async function withRegular(
    change: (store: PartitionStore) => [now: Partial<MemberWrite>, inTheEnd: Partial<MemberWrite>],
    use: () => Promise<void>,
  ): Promise<void> {
    const path = storePath(join(folder, 'stores'), partitionOf(REGULAR, PARTITIONS));
    const write = async (pick: 0 | 1): Promise<Partial<MemberWrite>> => {
      const store = openLmdbStore(path);
      try {
        const changes = pick === 0 ? change(store) : [undoing, undoing];
        const bytes = must(store.member(REGULAR)).slice();
        const same = { id: REGULAR, bytes, chunks: [], idBlocks: [], dueBefore: Infinity, due: Infinity };
        await store.commit({ position: must(store.position()), members: [{ ...same, ...changes[pick] }] });
        return must(changes[1]);
      } finally {
        await store.close();
      }
    };
    let undoing: Partial<MemberWrite> = {};
    undoing = await write(0);
    await use();
    await write(1);
  }

  async function expectDiffering(problem: string): Promise<void> {
    const { code, report } = await verify(folder, PARTITIONS);
    expect({ code, sound: report.sound }).toEqual({ code: 4, sound: false });
    expect(report.results.flatMap(({ differing }) => differing)).toEqual([{ memberId: REGULAR, problem }]);
  }

  /** Writes a record that no event made, as a bad disk or a curious hand would, and takes it back in the end. */
  async function withRecord(
    data: string,
    member: string,
    change: (bytes: Uint8Array) => Uint8Array,
    use: () => Promise<void>,
  ) {
    const path = storePath(join(data, 'stores'), partitionOf(member, PARTITIONS));
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
    await withRecord(folder, member, flipped, async () => {
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
    const data = copied();
    await withRecord(
      data,
      'nobody',
      (bytes) => bytes,
      async () => {
        const { code, report } = await verify(data, PARTITIONS);
        expect(code).toBe(4);
        expect(report.results.flatMap(({ differing }) => differing)).toEqual([
          { memberId: 'nobody', problem: 'unknown to the log' },
        ]);
      },
    );
  });

  it('with one bit of an id block changed are not, nor with one block gone', async () => {
    await withRegular(
      (store) => {
        const bytes = must(store.idBlock(REGULAR, 1)).slice();
        const flipped = bytes.slice();
        flipped[flipped.length - 1] = must(flipped.at(-1)) ^ 1;
        return [{ idBlocks: [{ level: 1, bytes: flipped }] }, { idBlocks: [{ level: 1, bytes }] }];
      },
      () => expectDiffering('id block differs'),
    );
    await withRegular(
      (store) => [
        { idBlocks: [{ level: 1, bytes: undefined }] },
        { idBlocks: [{ level: 1, bytes: must(store.idBlock(REGULAR, 1)).slice() }] },
      ],
      () => expectDiffering('id block differs'),
    );
  });

  it('with a timer that nobody set are not, nor with one gone', async () => {
    await withRegular(
      () => [{ due: 12_345 }, { dueBefore: 12_345 }],
      () => expectDiffering('timer differs'),
    );
    await withRegular(
      (store) => {
        const due = must([...store.due(Infinity)].find(({ memberId }) => memberId === REGULAR)).at;
        return [{ dueBefore: due }, { due }];
      },
      () => expectDiffering('timer differs'),
    );
    expect((await verify(folder, PARTITIONS)).code).toBe(0);
  });

  it('are not where one is missing, nor where all are, and none is made', async () => {
    const data = copied();
    const missing = storePath(join(data, 'stores'), 1);
    rmSync(missing, { recursive: true });
    const one = await verify(data, PARTITIONS);
    expect(one).toMatchObject({ code: 4, report: { sound: false } });
    expect(one.report.results.map(({ problem }) => problem)).toEqual([
      undefined,
      `There is no store in ${missing}.`,
      undefined,
      undefined,
    ]);
    rmSync(join(data, 'stores'), { recursive: true });
    expect(await verify(data, PARTITIONS)).toMatchObject({ code: 4, report: { sound: false, members: 0 } });
    expect(existsSync(join(data, 'stores'))).toBe(false);
  });

  it('are not what a log says that was made anew, has lost its end or its beginning', async () => {
    const anew = copied();
    await withLogOf(anew, async (url) => {
      const nc = await connectLog(url, 'test');
      await (await jetstreamManager(nc)).streams.delete(namesOf('loyalty').eventsStream);
      await prepareTopology(nc, { prefix: 'loyalty', partitions: PARTITIONS, replicas: 1 });
      await nc.close();
    });
    const problems = async (data: string): Promise<(string | undefined)[]> => {
      const { code, report } = await verify(data, PARTITIONS);
      expect(code).toBe(4);
      return report.results.map(({ problem }) => problem);
    };
    for (const problem of await problems(anew)) expect(problem).toContain('the store belongs to the log');
    const { code, stdout } = await runVerb(['verify', '--data', anew, '--partitions', `${PARTITIONS}`]);
    expect({ code, lines: stdout.match(/^Partition \d: the store belongs to the log/gm)?.length }).toEqual({
      code: 4,
      lines: PARTITIONS,
    });

    const short = copied();
    rmSync(join(short, 'nats'), { recursive: true });
    copy(join(shorter, 'nats'), join(short, 'nats'));
    for (const problem of await problems(short)) expect(problem).toContain('the log has lost its end');

    const trimmed = copied();
    await withLogOf(trimmed, async (url) => {
      const nc = await connectLog(url, 'test');
      await (await jetstreamManager(nc)).streams.purge(namesOf('loyalty').eventsStream, { seq: 6 });
      await nc.close();
    });
    for (const problem of await problems(trimmed)) expect(problem).toContain('The log begins only at sequence');
  });

  it('of another partition are not', async () => {
    const data = copied();
    const path = (partition: number): string => storePath(join(data, 'stores'), partition);
    rmSync(path(0), { recursive: true });
    copy(path(PARTITIONS - 1), path(0));
    const { code, report } = await verify(data, PARTITIONS);
    expect(code).toBe(4);
    expect(report.results[0]?.problem).toContain("it is another partition's store");
  });

  it('are not compared with a log that is not there, and none is made', async () => {
    const data = copied();
    expect(
      await runVerb(['verify', '--data', data, '--partitions', `${PARTITIONS}`, '--prefix', 'other']),
    ).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no engine has used the prefix "other"'),
    });
    await withLogOf(data, async (url) => {
      const nc = await connectLog(url, 'test');
      const streams: string[] = [];
      for await (const { config } of (await jetstreamManager(nc)).streams.list()) streams.push(config.name);
      await nc.close();
      const { eventsStream, effectsStream, controlBucket } = namesOf('loyalty');
      expect(streams.sort()).toEqual([effectsStream, eventsStream, `KV_${controlBucket}`].sort());
    });
    rmSync(join(data, 'nats'), { recursive: true });
    expect(await runVerb(['verify', '--data', data, '--partitions', `${PARTITIONS}`])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`There is no log in ${join(data, 'nats')}`),
    });
    expect(existsSync(join(data, 'nats'))).toBe(false);
  });

  it('are looked at after the nats-server that a killed engine left behind has ended', async () => {
    const data = copied();
    const engine = await startEngine(data, FEW);
    const { launcherPid, enginePid, natsPid } = engine.running();
    // Frozen, the engine cannot notice that its launcher is gone, and take its server down.
    process.kill(enginePid, 'SIGSTOP');
    process.kill(launcherPid, 'SIGKILL');
    process.kill(enginePid, 'SIGKILL');
    await engine.kill();
    expect(isAlive(natsPid)).toBe(true);
    onTestFinished(() => {
      if (isAlive(natsPid)) process.kill(natsPid, 'SIGKILL');
    });
    expect((await verify(data, PARTITIONS)).code).toBe(0);
    expect(isAlive(natsPid)).toBe(false);
  });

  it('are not looked at while an engine uses them, nor where there are none', async () => {
    const engine = await startEngine(folder, FEW);
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
