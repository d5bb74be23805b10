/** In which chunk an event id is: the filter in front of the blocks must never deny one that is there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/lib/hash.ts';
import { IdIndex } from '../../src/scoring/id-index.ts';

/** The same as a list. */
class PlainIndex {
  readonly ids: { readonly print: number; readonly chunk: number }[] = [];

  add(chunk: number, prints: readonly number[]): void {
    for (const print of prints) this.ids.push({ print, chunk });
  }

  chunksWith(print: number): number[] {
    return this.ids.filter((id) => id.print === print).map(({ chunk }) => chunk);
  }
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((left, right) => left - right);
}

/** Some of them equal, some equal in the lowest 32 bits or in all above those. */
const print = fc.oneof(
  fc.nat({ max: 20 }),
  fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })).map(([high, low]) => high * 2 ** 32 + low),
  fc.maxSafeNat(),
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: fc.array(print, { minLength: 1, maxLength: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ ask: print }) },
  { weight: 1, arbitrary: fc.constantFrom('copy', 'reload') },
);

describe('the index of event ids', () => {
  it('is a list to whoever asks, before, while and after it grows', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        let index = new IdIndex([]);
        const plain = new PlainIndex();
        let chunk = 0;
        for (const step of steps) {
          if (step === 'copy') index = index.copy();
          else if (step === 'reload') index = new IdIndex(index.blocks.slice());
          else if ('ask' in step) {
            expect(ascending(index.chunksWith(step.ask))).toEqual(plain.chunksWith(step.ask));
          } else {
            // Asked before and after: what is remembered of the last answer must not outlive the chunk.
            const [first] = step.add as [number];
            expect(ascending(index.chunksWith(first))).toEqual(plain.chunksWith(first));
            index.add(chunk, Float64Array.from(step.add));
            plain.add(chunk, step.add);
            chunk += 1;
            expect(ascending(index.chunksWith(first))).toEqual(plain.chunksWith(first));
          }
        }
        for (const { print } of plain.ids) {
          expect(ascending(index.chunksWith(print))).toEqual(plain.chunksWith(print));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never denies an id that is there, chunk after chunk, far past what its first filter was made for', () => {
    const index = new IdIndex([]);
    const prints: number[] = [];
    for (let chunk = 0; chunk < 256; chunk++) {
      const added = Array.from({ length: 32 }, (_, number) => fingerprint(`p-${chunk}-${number}`));
      index.add(chunk, Float64Array.from(added));
      prints.push(...added);
      // All of the newest, and of the others enough to notice a filter that was made without them.
      for (const print of added) expect(index.chunksWith(print)).toEqual([chunk]);
      for (let number = chunk % 37; number < prints.length; number += 37) {
        expect(index.chunksWith(prints[number] as number)).toEqual([Math.floor(number / 32)]);
      }
    }
    for (const [number, print] of prints.entries()) expect(index.chunksWith(print)).toEqual([Math.floor(number / 32)]);
  });

  it('grows apart from its copy', () => {
    const index = new IdIndex([]);
    index.add(0, Float64Array.of(1, 2));
    const copy = index.copy();
    index.add(1, Float64Array.of(3));
    copy.add(1, Float64Array.of(4));
    expect([1, 2, 3, 4].map((print) => index.chunksWith(print))).toEqual([[0], [0], [1], []]);
    expect([1, 2, 3, 4].map((print) => copy.chunksWith(print))).toEqual([[0], [0], [], [1]]);
  });

  it('tells which levels have changed since they were stored', () => {
    const index = new IdIndex([]);
    const stored: (string | undefined)[] = [];
    for (let chunk = 0; chunk < 40; chunk++) {
      index.add(chunk, Float64Array.of(chunk, chunk + 100));
      // Some chunks are stored together.
      if (chunk % 3 === 1) continue;
      for (const level of index.dirtyLevels) stored[level] = index.blocks[level]?.chunks.join();
      index.dirtyLevels.clear();
      expect(stored).toEqual(index.blocks.map((block) => block?.chunks.join()));
    }
  });
});
