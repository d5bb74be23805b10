/** Entries as bytes against a plain array of them: whatever is asked, the two must give the same answer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/lib/assert.ts';
import type { Entries } from '../../src/scoring/entries.ts';
import type { Accrual, Entry } from '../../src/scoring/entry.ts';
import { ByteWriter } from '../../src/wire/bytes.ts';
import { PackedEntries } from '../../src/wire/packed-entries.ts';
import { accrual, entry, IDS } from './generator.ts';

class PlainEntries implements Entries {
  #list: { readonly entry: Entry; readonly print: number }[] = [];

  get count(): number {
    return this.#list.length;
  }

  append(entry: Entry, print: number): void {
    this.#list.push({ entry, print });
  }

  find(eventId: string, print: number): Entry | undefined {
    return this.#list.find((one) => one.print === print && one.entry.eventId === eventId)?.entry;
  }

  replace(entry: Entry, print: number): boolean {
    const index = this.#list.findIndex((one) => one.entry.eventId === entry.eventId);
    if (index >= 0) this.#list[index] = { entry, print };
    return index >= 0;
  }

  all(): Entry[] {
    return this.#list.map(({ entry }) => entry);
  }

  fingerprints(): Float64Array {
    return Float64Array.from(this.#list, ({ print }) => print);
  }

  empty(): Entries {
    return new PlainEntries();
  }

  copy(): Entries {
    const copy = new PlainEntries();
    copy.#list = this.#list.slice();
    return copy;
  }
}

/** So few that most ids share one; two of them differ only above the lowest 32 bits, two only below. */
const PRINTS = [0, 7, 7 + 2 ** 32, 8 + 2 ** 32, 0xffff_ffff, Number.MAX_SAFE_INTEGER];
/** That of each id, by its place in the list. */
const prints = fc.array(fc.constantFrom(...PRINTS), { minLength: IDS.length, maxLength: IDS.length });

function printOf(prints: readonly number[], id: string): number {
  return prints[IDS.indexOf(id)] as number;
}

const run = fc.nat({ max: 3 });
/** `put` appends an entry, or replaces the one of its id. */
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('put' as const), run, entry }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('copy', 'store'), run, to: run }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('empty' as const), run, to: run }) },
);

const out = new ByteWriter();

/** As part of a longer record, from bytes that are used for something else later. */
function stored(entries: Entries): PackedEntries {
  if (!(entries instanceof PackedEntries)) throw new Error('not packed');
  out.start();
  out.text('before');
  const start = out.length;
  entries.writeTo(out);
  const bytes = out.copy();
  const read = PackedEntries.read(bytes, start);
  bytes.fill(0xff);
  return read;
}

function expectSame(packed: Entries, plain: Entries, prints: readonly number[]): void {
  expect(packed.count).toBe(plain.count);
  expect(packed.all()).toEqual(plain.all());
  expect([...packed.fingerprints()]).toEqual([...plain.fingerprints()]);
  for (const id of IDS) {
    const print = printOf(prints, id);
    expect(packed.find(id, print)).toEqual(plain.find(id, print));
  }
}

describe('packed entries', () => {
  it('are a list of entries: several runs of them, beside each other in memory', () => {
    fc.assert(
      fc.property(prints, fc.array(step, { maxLength: 60, size: 'max' }), (prints, steps) => {
        const runs = Array.from({ length: 4 }, (): { packed: Entries; plain: Entries } => {
          return { packed: new PackedEntries(), plain: new PlainEntries() };
        });
        for (const step of steps) {
          const { packed, plain } = runs[step.run] as (typeof runs)[number];
          if ('entry' in step) {
            const print = printOf(prints, step.entry.eventId);
            const isReplaced = packed.replace(step.entry, print);
            expect(isReplaced).toBe(plain.replace(step.entry, print));
            if (!isReplaced) for (const entries of [packed, plain]) entries.append(step.entry, print);
            expect(packed.find(step.entry.eventId, print)).toEqual(step.entry);
          } else if (step.do === 'store') runs[step.to] = { packed: stored(packed), plain: plain.copy() };
          else if (step.do === 'copy') runs[step.to] = { packed: packed.copy(), plain: plain.copy() };
          else runs[step.to] = { packed: packed.empty(), plain: plain.empty() };
        }
        for (const { packed, plain } of runs) expectSame(packed, plain, prints);
      }),
      { numRuns: 300 },
    );
  });

  it('of a full chunk, written over again and again, longer and shorter', () => {
    fc.assert(
      fc.property(
        prints,
        fc.infiniteStream(entry),
        fc.array(fc.nat({ max: 31 }), { minLength: 60, maxLength: 60 }),
        (prints, drawn, at) => {
          const [packed, plain] = [new PackedEntries(), new PlainEntries()];
          const next = (index: number): Entry => ({ ...(drawn.next().value as Entry), eventId: IDS[index] as string });
          for (let index = 0; index < 32; index++) {
            const entry = next(index);
            for (const entries of [packed, plain]) entries.append(entry, printOf(prints, entry.eventId));
          }
          for (const index of at) {
            const entry = next(index);
            for (const entries of [packed, plain])
              expect(entries.replace(entry, printOf(prints, entry.eventId))).toBe(true);
          }
          expectSame(packed, plain, prints);
          expectSame(stored(packed), plain, prints);
          expect(stored(packed).find('absent', 7)).toBeUndefined();
          expect(packed.replace({ ...next(0), eventId: 'absent' }, 7)).toBe(false);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('hand out copies: a change to one counts once it is put back', () => {
    const [drawn] = fc.sample(accrual, { numRuns: 1, seed: 1 });
    const entry: Accrual = { ...(drawn as Accrual), eventId: 'p1', amount: 9, returnedAmount: 0 };
    const packed = new PackedEntries();
    packed.append(entry, 7);
    entry.returnedAmount = 1;
    const found = packed.find('p1', 7) as Accrual;
    expect(found.returnedAmount).toBe(0);
    found.returnedAmount = 3;
    expect(packed.find('p1', 7)).toMatchObject({ returnedAmount: 0 });
    expect(packed.replace(found, 7)).toBe(true);
    expect(packed.find('p1', 7)).toMatchObject({ returnedAmount: 3 });
    const kept = packed.fingerprints();
    kept.fill(0);
    expect([...packed.fingerprints()]).toEqual([7]);
  });

  it('that are cut off are noticed when they are read', () => {
    const packed = new PackedEntries();
    for (const one of fc.sample(entry, { numRuns: 5, seed: 2 })) packed.append(one, 7);
    packed.writeTo(out.start());
    const bytes = out.copy();
    expect(PackedEntries.read(bytes, 0).count).toBe(5);
    for (let end = 0; end < Math.min(bytes.length, 500); end++) {
      expect(() => PackedEntries.read(bytes.subarray(0, end), 0)).toThrow(InvariantError);
    }
    expect(() => PackedEntries.read(bytes.subarray(0, bytes.length - 1), 0)).toThrow(InvariantError);
  });
});
