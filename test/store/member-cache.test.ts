/**
 * The cache of members beside a twin of each that was never let go of: whatever falls out of the cache, and wherever a
 * checkpoint is just then, nobody reads a member, or a chunk of it, older than it was.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestText } from '../../src/lib/hash.ts';
import { type MemberEvent, NOT_GIVEN } from '../../src/scoring/event.ts';
import type { Member } from '../../src/scoring/member.ts';
import { recall } from '../../src/scoring/recall.ts';
import { score } from '../../src/scoring/score.ts';
import { MemberCache, newHeldMember, recountDigest } from '../../src/store/member-cache.ts';
import { createMemoryDisk, type MemoryDisk, openMemoryStore } from '../../src/store/memory-store.ts';
import type { MemberWrite, PartitionStore } from '../../src/store/store.ts';
import { encodeChunk, encodeIdBlock, encodeMember, unstoredMember } from '../../src/wire/member-record.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { programOf } from '../scoring/harness.ts';

const PROGRAM = programOf({
  tiers: { id: 'main', window: { days: 30 }, levels: [{ id: 'vip', from: 5 }] },
});
const START_MS = Date.UTC(2026, 0, 5);
const HOUR_MS = 3_600_000;
const MEMBERS = 5;

type Stage = 'idle' | 'collected' | 'written';

/** A cache over a store, stepped by hand, and the twins. */
class Bench {
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly store: PartitionStore = openMemoryStore(this.disk);
  readonly cache: MemberCache;
  /** Of another partition of the same thread, which writes checkpoints in between. */
  readonly #neighbour = new MemberCache(openMemoryStore(createMemoryDisk()), 2, { high: 0, low: 0 });
  readonly twins = new Map<string, Member>();
  stage: Stage = 'idle';
  #events: MemberEvent[] = [];
  #nowMs = START_MS;
  #sequence = 0;
  #collected: MemberWrite[] = [];
  /** Ids changed since the last checkpoint began, and those of the checkpoint under way. */
  #changed = new Set<string>();
  #writing = new Set<string>();

  constructor(cacheMembers: number) {
    this.cache = new MemberCache(this.store, cacheMembers, { high: 0, low: 0 });
  }

  /** Scores an event on the member and its twin, as a partition does. */
  score(event: MemberEvent): void {
    this.#nowMs += HOUR_MS;
    this.#sequence += 1;
    const held = this.cache.get(event.memberId) ?? newHeldMember(event.memberId);
    const { member } = held;
    const { history } = member;
    recall(PROGRAM, member, event, this.#nowMs, this.cache.readChunk);
    const outcome = score(PROGRAM, member, event, this.#nowMs);
    history?.forget();
    const twin = this.twins.get(event.memberId) ?? unstoredMember(event.memberId);
    const expected = score(PROGRAM, twin, event, this.#nowMs);
    expect(outcome.code).toBe(expected.code);
    if (outcome.code !== 'scored') return;
    this.#events.push(event);
    member.version = this.#sequence;
    twin.version = this.#sequence;
    this.cache.changed(held);
    this.twins.set(event.memberId, twin);
    this.#changed.add(event.memberId);
  }

  buy(memberId: string): void {
    const amount = 100 + (this.#sequence % 7);
    this.score(purchaseEvent({ id: `p${this.#sequence}`, memberId, store: 's1', amount }));
  }

  /** Some of a purchase comes back, or all of it a second time: then it is refused. */
  return(memberId: string, of: number, amount: number): void {
    const bought = this.#events.filter((event) => event.memberId === memberId && event.type === 'purchase');
    const original = bought[of % Math.max(1, bought.length)];
    const sale = { store: 's1', terminal: '', currency: '', lines: [], amount };
    const id = `r${this.#sequence}`;
    this.score({ type: 'return', id, memberId, occurredAt: 0, ...sale, originalId: original?.id ?? 'none' });
  }

  resend(memberId: string, of: number): void {
    const known = this.#events.filter((event) => event.memberId === memberId);
    const event = known[of % Math.max(1, known.length)];
    if (event !== undefined) this.score(event);
  }

  /** One step of a checkpoint: it is collected, the store has it, the cache is told. */
  async advance(): Promise<void> {
    this.#advanceNeighbour();
    switch (this.stage) {
      case 'idle':
        this.#collected = this.cache.collect();
        expect(this.#collected.map(({ id }) => id).sort()).toEqual([...this.#changed].sort());
        this.#writing = this.#changed;
        this.#changed = new Set();
        this.stage = 'collected';
        return;
      case 'collected':
        await this.store.commit({
          position: {
            epoch: 'e',
            sequence: this.#sequence,
            messageFingerprint: 1,
            timestampMs: this.#nowMs,
            digest: digestText(this.cache.digest),
            program: '',
          },
          members: this.#collected,
        });
        this.stage = 'written';
        return;
      case 'written':
        this.cache.committed();
        this.#writing = new Set();
        expect(this.store.position()?.digest).toBe(digestText(recountDigest(this.store)));
        this.stage = 'idle';
    }
  }

  #advanceNeighbour(): void {
    for (let number = 0; number < 3; number++) {
      const held = newHeldMember(`neighbour${number}`);
      held.member.levelId = 'x'.repeat(500);
      this.#neighbour.changed(held);
    }
    this.#neighbour.collect();
    this.#neighbour.committed();
  }

  /** What the checkpoint under way writes. */
  get collected(): readonly MemberWrite[] {
    return this.#collected;
  }

  /** To the end of a checkpoint that has everything. */
  async settle(): Promise<void> {
    while (this.stage !== 'idle') await this.advance();
    for (let step = 0; step < 3; step++) await this.advance();
  }

  check(memberId: string, cache = this.cache): void {
    const twin = this.twins.get(memberId);
    const member = cache.get(memberId)?.member;
    expect(member === undefined).toBe(twin === undefined);
    if (member === undefined || twin === undefined) return;
    expect(hex(encodeMember(member))).toBe(hex(encodeMember(twin)));
    for (let number = 0; number < (twin.history?.sealed ?? 0); number++) {
      const chunk = member.history?.chunk(number) ?? cache.readChunk(memberId, number);
      const same = twin.history?.chunk(number);
      expect(same && hex(encodeChunk(same))).toBe(hex(encodeChunk(chunk)));
    }
    expect(blocksOf(member)).toEqual(blocksOf(twin));
  }

  /** What a partition asks for its timers: each member the store may have older, once, and as it is. */
  checkUnstored(): void {
    expect(this.cache.dirtyCount).toBe(this.#changed.size);
    const unstored = [...this.cache.unstored()];
    expect(unstored.map(({ id }) => id).sort()).toEqual([...new Set([...this.#changed, ...this.#writing])].sort());
    for (const member of unstored) {
      const twin = this.twins.get(member.id);
      expect(twin && hex(encodeMember(twin))).toBe(hex(encodeMember(member)));
    }
  }

  checkAll(cache = this.cache): void {
    for (let member = 0; member < MEMBERS; member++) this.check(`m${member}`, cache);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function blocksOf({ history }: Member): (string | undefined)[] | undefined {
  return history?.index.blocks.map((block) => block && hex(encodeIdBlock(block)));
}

const member = fc.nat({ max: MEMBERS - 1 }).map((number) => `m${number}`);
const step = fc.oneof(
  // Enough of them to fill a chunk now and then.
  { weight: 4, arbitrary: fc.record({ buy: member, times: fc.constantFrom(1, 1, 1, 8, 31, 40) }) },
  { weight: 3, arbitrary: fc.record({ return: member, of: fc.nat(), amount: fc.constantFrom(NOT_GIVEN, 1, 30) }) },
  { weight: 1, arbitrary: fc.record({ resend: member, of: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ read: member }) },
  { weight: 5, arbitrary: fc.constant('advance' as const) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function follow(bench: Bench, step: Step): Promise<void> {
  if (step === 'advance') await bench.advance();
  else if ('read' in step) bench.check(step.read);
  else if ('buy' in step) for (let time = 0; time < step.times; time++) bench.buy(step.buy);
  else if ('return' in step) bench.return(step.return, step.of, step.amount);
  else bench.resend(step.resend, step.of);
  bench.checkUnstored();
}

describe.each([1, 2, 3, 100])('a cache of %i', (cacheMembers) => {
  it('never reads a member back older than it was, whatever a checkpoint is doing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const bench = new Bench(cacheMembers);
        for (const step of steps) await follow(bench, step);
        bench.checkAll();
        await bench.settle();
        bench.checkAll();
        // And a start anew finds all of it.
        bench.checkAll(new MemberCache(openMemoryStore(bench.disk), cacheMembers, { high: 0, low: 0 }));
      }),
      { numRuns: 100 },
    );
  });

  /** Reads others until nothing but the cache's own notes can know of the member. */
  const crowdOut = (bench: Bench): void => {
    for (let other = 0; other < 2 * cacheMembers + 2; other++) bench.buy(`other${other}`);
  };

  it.each(['idle', 'collected', 'written'] as const)(
    'that lets go of a changed member while a checkpoint is %s has it as it was',
    async (stage) => {
      const bench = new Bench(cacheMembers);
      // Once known to the store, and once not.
      for (const known of [false, true]) {
        if (known) await bench.settle();
        while (bench.stage !== stage) await bench.advance();
        bench.buy('m0');
        crowdOut(bench);
        bench.check('m0');
        crowdOut(bench);
        bench.buy('m0');
        crowdOut(bench);
        await bench.advance();
        bench.check('m0');
        bench.buy('m0');
        crowdOut(bench);
        await bench.advance();
        crowdOut(bench);
        bench.check('m0');
        await bench.advance();
        bench.check('m0');
        bench.buy('m0');
        bench.checkUnstored();
        crowdOut(bench);
        bench.check('m0');
      }
      await bench.settle();
      bench.checkAll();
    },
  );
});

it('keeps nothing beyond its size once the store has it', async () => {
  const bench = new Bench(2);
  for (let number = 0; number < 50; number++) bench.buy(`x${number}`);
  const before = bench.cache.get('x0');
  expect(before).toBeDefined();
  await bench.settle();
  for (let number = 1; number < 50; number++) bench.check(`x${number}`);
  const reads = bench.cache.misses;
  const after = bench.cache.get('x0');
  expect(after).not.toBe(before);
  expect(after && encodeMember(after.member)).toEqual(before && encodeMember(before.member));
  expect(bench.cache.misses).toBe(reads + 1);
});

it('writes what changed and nothing else', async () => {
  const bench = new Bench(2);
  const writes: string[] = [];
  for (const purchases of [1, 1, 30, 1, 31, 1, 1]) {
    for (let purchase = 0; purchase < purchases; purchase++) bench.buy('m0');
    await bench.advance();
    writes.push(
      ...bench.collected.map(({ chunks, idBlocks }) => {
        const levels = idBlocks.map(({ level, bytes }) => `${level}${bytes === undefined ? '-' : '+'}`);
        return `chunks ${chunks.map(({ number }) => number)} levels ${levels}`;
      }),
    );
    await bench.settle();
  }
  const nothing = 'chunks  levels ';
  expect(writes).toEqual([nothing, nothing, 'chunks 0 levels 0+', nothing, 'chunks 1 levels 0-,1+', nothing, nothing]);
  bench.return('m0', 3, 1);
  await bench.advance();
  expect(bench.collected.map(({ chunks }) => chunks.map(({ number }) => number))).toEqual([[0]]);
  await bench.settle();
  await bench.advance();
  expect(bench.collected).toEqual([]);
});

it('counts what it found in memory, and what it had to ask the store for', async () => {
  const bench = new Bench(4);
  const counts = (): number[] => [bench.cache.hits, bench.cache.misses];
  bench.buy('m0');
  expect(counts()).toEqual([0, 1]);
  bench.buy('m0');
  expect(counts()).toEqual([1, 1]);
  await bench.settle();
  const cold = new MemberCache(bench.store, 4, bench.cache.digest);
  expect(cold.get('m0')).toBeDefined();
  expect(cold.get('m0')).toBeDefined();
  expect(cold.get('nobody')).toBeUndefined();
  expect([cold.hits, cold.misses]).toEqual([1, 2]);
});
