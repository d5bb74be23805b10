/** What every PartitionStore promises, asked of each implementation. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../src/lib/assert.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { createMemoryDisk, openMemoryStore } from '../../src/store/memory-store.ts';
import type { MemberWrite, PartitionStore, StoredPosition } from '../../src/store/store.ts';

/** A place for one store, which can be opened again and again. */
interface Place {
  open(): PartitionStore;
  remove(): void;
}

const IMPLEMENTATIONS: Readonly<Record<string, () => Place>> = {
  memory: () => {
    const disk = createMemoryDisk();
    return { open: () => openMemoryStore(disk), remove: () => undefined };
  },
  lmdb: () => {
    // A dot in the name must not turn the folder into a file.
    const folder = mkdtempSync(join(tmpdir(), 'store.contract-'));
    return {
      open: () => openLmdbStore(folder),
      remove: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

/** Ids that are awkward to sort, to encode or to tell apart. */
const ODD_IDS = [
  '42',
  '042',
  '4',
  ' ',
  'a b',
  'a\tb\nc',
  '\u0001',
  '\u0004',
  '\u0004\u0001',
  '\u001b',
  '\u007f',
  'Zoë',
  '会员',
  '\uff5e',
  '😀',
  'é'.repeat(64),
  'm'.repeat(128),
  // One key in an encoding that escapes control characters of short keys only.
  `${'a'.repeat(62)}\u0001`,
  `${'a'.repeat(62)}\u0004\u0001`,
];

const NEVER = Infinity;

describe.each(Object.keys(IMPLEMENTATIONS))('%s store', (name) => {
  let place: Place;
  let store: PartitionStore;

  beforeEach(() => {
    place = must(IMPLEMENTATIONS[name])();
    store = place.open();
  });

  afterEach(async () => {
    await store.close();
    place.remove();
  });

  async function reopen(): Promise<void> {
    await store.close();
    store = place.open();
  }

  it('is empty when new', () => {
    expect(store.position()).toBeUndefined();
    expect(store.member('42')).toBeUndefined();
    expect(store.chunk('42', 0)).toBeUndefined();
    expect(store.idBlock('42', 0)).toBeUndefined();
    expect([...store.members()]).toEqual([]);
    expect([...store.chunks()]).toEqual([]);
    expect([...store.due(NEVER)]).toEqual([]);
    expect(store.nextDue()).toBe(NEVER);
  });

  it('gives back what was committed, also after it was opened again', async () => {
    const position: StoredPosition = {
      epoch: 'EVENTS 2026-11-22T10:15:00.123456789Z',
      sequence: 2 ** 40,
      messageFingerprint: Number.MAX_SAFE_INTEGER,
      timestampMs: 1_795_342_500_123,
      digest: '00ff00ff00ff00ff',
      program: '{"name":"Zoë 😀"}',
    };
    const write = memberWrite('42', bytesOf('member'), {
      chunks: [
        { number: 0, bytes: bytesOf('oldest') },
        { number: 300, bytes: bytesOf('newest') },
      ],
      idBlocks: [
        { level: 0, bytes: bytesOf('level 0') },
        { level: 2, bytes: bytesOf('level 2') },
      ],
      due: 1_000,
    });
    await store.commit({ position, members: [write] });
    for (const again of [false, true]) {
      if (again) await reopen();
      expect(store.position()).toEqual(position);
      expect(text(store.member('42'))).toBe('member');
      expect(text(store.chunk('42', 0))).toBe('oldest');
      expect(text(store.chunk('42', 300))).toBe('newest');
      expect(store.chunk('42', 1)).toBeUndefined();
      expect(text(store.idBlock('42', 0))).toBe('level 0');
      expect(store.idBlock('42', 1)).toBeUndefined();
      expect(text(store.idBlock('42', 2))).toBe('level 2');
      expect([...store.due(NEVER)]).toEqual([{ at: 1_000, memberId: '42' }]);
    }
  });

  it('replaces members, chunks, id blocks and the position', async () => {
    const of = (content: string): MemberWrite =>
      memberWrite('42', bytesOf(content), {
        chunks: [{ number: 1, bytes: bytesOf(content) }],
        idBlocks: [{ level: 1, bytes: bytesOf(content) }],
      });
    await store.commit({ position: positionAt(1), members: [of('a longer first version')] });
    await store.commit({ position: positionAt(2), members: [of('second')] });
    expect(store.position()).toEqual(positionAt(2));
    expect([store.member('42'), store.chunk('42', 1), store.idBlock('42', 1)].map(text)).toEqual([
      'second',
      'second',
      'second',
    ]);
    expect([...store.members()]).toHaveLength(1);
    expect([...store.chunks()]).toHaveLength(1);
  });

  it('moves the position of a checkpoint without members', async () => {
    await store.commit({ position: positionAt(1), members: [memberWrite('42', bytesOf('member'))] });
    await store.commit({ position: positionAt(2), members: [] });
    expect(store.position()).toEqual(positionAt(2));
    expect(text(store.member('42'))).toBe('member');
  });

  it('empties a level of the id index', async () => {
    const withBlocks = (idBlocks: MemberWrite['idBlocks']): MemberWrite =>
      memberWrite('42', bytesOf('member'), { idBlocks });
    const full = bytesOf('block');
    await store.commit({
      position: positionAt(1),
      members: [
        withBlocks([
          { level: 0, bytes: full },
          { level: 1, bytes: full },
        ]),
      ],
    });
    const cleared = [
      { level: 0, bytes: undefined },
      { level: 7, bytes: undefined },
    ];
    await store.commit({ position: positionAt(2), members: [withBlocks(cleared)] });
    expect(store.idBlock('42', 0)).toBeUndefined();
    expect(text(store.idBlock('42', 1))).toBe('block');
  });

  it('sets, keeps, moves and takes away a timer', async () => {
    const moves: [dueBefore: number, due: number][] = [
      [NEVER, NEVER],
      [NEVER, 500],
      [500, 500],
      [500, 200],
      [200, 900],
      [900, NEVER],
      [NEVER, 0],
    ];
    for (const [index, [dueBefore, due]] of moves.entries()) {
      const write = memberWrite('42', bytesOf('member'), { dueBefore, due });
      await store.commit({ position: positionAt(index + 1), members: [write] });
      expect(store.nextDue()).toBe(due);
      expect([...store.due(NEVER)]).toEqual(due === NEVER ? [] : [{ at: due, memberId: '42' }]);
    }
  });

  it('lists what is due by time, then by id as UTF-8, up to and including the bound', async () => {
    const timers: [id: string, due: number][] = [
      ['late', 1_795_342_500_001],
      ['😀', 70_000],
      ['\uff5e', 70_000],
      ['b', 70_000],
      ['B', 70_000],
      ['ab', 70_000],
      ['a', 70_000],
      ['later', 70_001],
      ['early', 255],
      ['earlier', 2],
    ];
    const members = timers.map(([id, due]) => memberWrite(id, bytesOf(id), { due }));
    await store.commit({ position: positionAt(1), members });
    const dueIds = (until: number): string[] => [...store.due(until)].map(({ memberId }) => memberId);
    expect(store.nextDue()).toBe(2);
    expect(dueIds(1)).toEqual([]);
    expect(dueIds(255)).toEqual(['earlier', 'early']);
    expect(dueIds(70_000)).toEqual(['earlier', 'early', 'B', 'a', 'ab', 'b', '\uff5e', '😀']);
    expect(dueIds(NEVER)).toEqual(['earlier', 'early', 'B', 'a', 'ab', 'b', '\uff5e', '😀', 'later', 'late']);
  });

  it('tells odd ids apart', async () => {
    const members = ODD_IDS.map((id, index) =>
      memberWrite(id, bytesOf(`member ${id}`), {
        chunks: [{ number: index, bytes: bytesOf(`chunk ${id}`) }],
        idBlocks: [{ level: 3, bytes: bytesOf(`block ${id}`) }],
        due: 1_000 + index,
      }),
    );
    await store.commit({ position: positionAt(1), members });
    await reopen();
    for (const [index, id] of ODD_IDS.entries()) {
      expect(text(store.member(id))).toBe(`member ${id}`);
      expect(text(store.chunk(id, index))).toBe(`chunk ${id}`);
      expect(text(store.idBlock(id, 3))).toBe(`block ${id}`);
    }
    const listed = [...store.members()].map(({ id, bytes }) => [id, text(bytes)]);
    expect(new Map(listed as [string, string][])).toEqual(new Map(ODD_IDS.map((id) => [id, `member ${id}`])));
    expect(listed).toHaveLength(ODD_IDS.length);
    const chunks = [...store.chunks()].map(({ memberId, number, bytes }) => `${number} ${memberId} ${text(bytes)}`);
    expect(chunks.sort()).toEqual(ODD_IDS.map((id, index) => `${index} ${id} chunk ${id}`).sort());
    expect([...store.due(NEVER)].map(({ memberId }) => memberId)).toEqual(ODD_IDS);
  });

  it('holds large values and empty ones', async () => {
    const block = new Uint8Array(2 * 1024 * 1024).map((_, index) => index % 251);
    const record = block.slice(0, 100_000);
    const write = memberWrite('42', record, {
      chunks: [{ number: 0, bytes: new Uint8Array(0) }],
      idBlocks: [{ level: 9, bytes: block }],
    });
    await store.commit({ position: positionAt(1), members: [write] });
    expect(sameBytes(store.idBlock('42', 9), block)).toBe(true);
    expect(sameBytes(store.member('42'), record)).toBe(true);
    expect(store.chunk('42', 0)).toHaveLength(0);
  });

  it('gives out bytes that stay as they are', async () => {
    const contents = Array.from({ length: 2_000 }, (_, index) => `${index} `.repeat(1 + (index % 60)));
    const members = contents.map((content, index) => memberWrite(`m${index}`, bytesOf(content)));
    await store.commit({ position: positionAt(1), members });
    for (const { bytes } of members) bytes.fill(0);
    const listed = [...store.members()];
    const read = contents.map((_, index) => store.member(`m${index}`));
    store.member('m1')?.fill(0);
    await store.commit({ position: positionAt(2), members: [memberWrite('m3', bytesOf('changed'))] });
    expect(read.map(text)).toEqual(contents);
    expect(listed.map(({ bytes }) => text(bytes)).sort()).toEqual(contents.toSorted());
    expect(text(store.member('m1'))).toBe(contents[1]);
    expect(text(store.member('m3'))).toBe('changed');
  });

  it('shows the state before a commit until it is there, and never a part of it', async () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => `m${index}`);
    const all = (content: string): MemberWrite[] => ids.map((id) => memberWrite(id, bytesOf(content)));
    const seen = (): Set<string> => {
      const members = ['m0', 'm1500', 'm2999'].map((id) => text(store.member(id)) ?? 'none');
      return new Set([`${store.position()?.sequence ?? 'none'}`, ...members]);
    };
    await store.commit({ position: positionAt(1), members: all('1') });
    for (let sequence = 2; sequence < 8; sequence++) {
      const before = new Set([`${sequence - 1}`]);
      const after = new Set([`${sequence}`]);
      let pending = true;
      const committed = store.commit({ position: positionAt(sequence), members: all(`${sequence}`) }).finally(() => {
        pending = false;
      });
      expect(seen()).toEqual(before);
      while (pending) {
        expect([before, after]).toContainEqual(seen());
        await new Promise(setImmediate);
      }
      await committed;
      expect(seen()).toEqual(after);
    }
  });

  it('goes on with the list it began while a commit changes it', async () => {
    const of = (ids: string[], content: string): MemberWrite[] => ids.map((id) => memberWrite(id, bytesOf(content)));
    await store.commit({ position: positionAt(1), members: of(['a', 'b', 'c'], 'old') });
    const iterator = store.members()[Symbol.iterator]();
    const listed = [must(iterator.next().value)];
    await store.commit({ position: positionAt(2), members: of(['b', 'c', 'd'], 'new') });
    expect(text(store.member('b'))).toBe('new');
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) listed.push(next.value);
    const asText = (members: Iterable<{ id: string; bytes: Uint8Array }>): string[] =>
      Array.from(members, ({ id, bytes }) => `${id} ${text(bytes)}`).sort();
    expect(asText(listed)).toEqual(['a old', 'b old', 'c old']);
    expect(asText(store.members())).toEqual(['a old', 'b new', 'c new', 'd new']);
  });

  it('refuses a commit during another', async () => {
    const first = store.commit({ position: positionAt(1), members: [memberWrite('42', bytesOf('first'))] });
    const second = store.commit({ position: positionAt(2), members: [memberWrite('42', bytesOf('second'))] });
    await expect(second).rejects.toThrow('one checkpoint at a time');
    await first;
    expect(store.position()).toEqual(positionAt(1));
    await store.commit({ position: positionAt(3), members: [memberWrite('42', bytesOf('third'))] });
    expect(text(store.member('42'))).toBe('third');
  });

  it('finishes the commit under way when it is closed', async () => {
    const committed = store.commit({ position: positionAt(1), members: [memberWrite('42', bytesOf('member'))] });
    await reopen();
    await committed;
    expect(store.position()).toEqual(positionAt(1));
    expect(text(store.member('42'))).toBe('member');
  });

  it('agrees with a naive model over any sequence of checkpoints', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 12 }), async (steps) => {
        const ownPlace = must(IMPLEMENTATIONS[name])();
        let own = ownPlace.open();
        const model = new Model();
        try {
          for (const [index, step] of steps.entries()) {
            const members = step.changes.map((change) => model.apply(change));
            model.position = positionAt(index + 1);
            await own.commit({ position: model.position, members });
            if (step.reopen) {
              await own.close();
              own = ownPlace.open();
            }
            expectSame(own, model);
          }
        } finally {
          await own.close();
          ownPlace.remove();
        }
      }),
      { numRuns: 60 },
    );
  });
});

// --- The model ---

interface Change {
  readonly id: string;
  readonly content: string;
  readonly due: number;
  readonly chunks: readonly (readonly [number: number, content: string])[];
  readonly idBlocks: readonly (readonly [level: number, content: string | undefined])[];
}

const idArbitrary = fc.constantFrom(...ODD_IDS);
const contentArbitrary = fc.string({ maxLength: 40 });
const changeArbitrary: fc.Arbitrary<Change> = fc.record({
  id: idArbitrary,
  content: contentArbitrary,
  due: fc.oneof(fc.constant(NEVER), fc.nat(300), fc.nat(2_000_000_000_000)),
  chunks: fc.array(fc.tuple(fc.nat(3), contentArbitrary), { maxLength: 2 }),
  idBlocks: fc.array(fc.tuple(fc.nat(2), fc.option(contentArbitrary, { nil: undefined })), { maxLength: 2 }),
});
const stepArbitrary = fc.record({
  reopen: fc.boolean(),
  // A checkpoint has one record a member.
  changes: fc.uniqueArray(changeArbitrary, { maxLength: 8, selector: ({ id }) => id }),
});

class Model {
  position: StoredPosition | undefined;
  readonly members = new Map<string, string>();
  readonly timers = new Map<string, number>();
  readonly chunks = new Map<string, string>();
  readonly idBlocks = new Map<string, string>();

  apply({ id, content, due, chunks, idBlocks }: Change): MemberWrite {
    const dueBefore = this.timers.get(id) ?? NEVER;
    this.members.set(id, content);
    this.timers.set(id, due);
    for (const [number, chunk] of chunks) this.chunks.set(`${number} ${id}`, chunk);
    for (const [level, block] of idBlocks) {
      if (block === undefined) this.idBlocks.delete(`${level} ${id}`);
      else this.idBlocks.set(`${level} ${id}`, block);
    }
    return memberWrite(id, bytesOf(content), {
      dueBefore,
      due,
      chunks: chunks.map(([number, chunk]) => ({ number, bytes: bytesOf(chunk) })),
      idBlocks: idBlocks.map(([level, block]) => ({ level, bytes: block === undefined ? block : bytesOf(block) })),
    });
  }

  due(until: number): string[] {
    return [...this.timers]
      .filter(([, at]) => at <= until && at !== NEVER)
      .sort(([left, at], [right, other]) => at - other || Buffer.compare(Buffer.from(left), Buffer.from(right)))
      .map(([id, at]) => `${at} ${id}`);
  }
}

function expectSame(store: PartitionStore, model: Model): void {
  expect(store.position()).toEqual(model.position);
  expect(Array.from(store.members(), ({ id, bytes }) => [id, text(bytes)]).sort()).toEqual([...model.members].sort());
  expect(
    Array.from(store.chunks(), ({ memberId, number, bytes }) => [`${number} ${memberId}`, text(bytes)]).sort(),
  ).toEqual([...model.chunks].sort());
  for (const id of ODD_IDS) {
    expect(text(store.member(id))).toBe(model.members.get(id));
    for (let number = 0; number < 4; number++) {
      expect(text(store.chunk(id, number))).toBe(model.chunks.get(`${number} ${id}`));
      expect(text(store.idBlock(id, number))).toBe(model.idBlocks.get(`${number} ${id}`));
    }
  }
  for (const until of [0, 150, 300, 1_000_000_000_000, NEVER]) {
    expect(Array.from(store.due(until), ({ at, memberId }) => `${at} ${memberId}`)).toEqual(model.due(until));
  }
  expect(store.nextDue()).toBe(Math.min(NEVER, ...model.timers.values()));
}

// --- Small things ---

function memberWrite(id: string, bytes: Uint8Array, more: Partial<MemberWrite> = {}): MemberWrite {
  return { id, bytes, chunks: [], idBlocks: [], dueBefore: NEVER, due: NEVER, ...more };
}

function positionAt(sequence: number): StoredPosition {
  return { epoch: 'epoch', sequence, messageFingerprint: 7, timestampMs: 1_000 + sequence, digest: '0', program: '' };
}

function bytesOf(content: string): Uint8Array {
  return new Uint8Array(Buffer.from(content));
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && Buffer.compare(left, right) === 0;
}
