import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/lib/assert.ts';
import { BALANCE_MAX, POINTS_PER_EVENT_MAX } from '../../src/limits.ts';
import { ByteReader, ByteWriter, RecordSlabs } from '../../src/wire/bytes.ts';

type Field = { uint: number } | { int: number } | { text: string } | { double: number };

const edges = [0, 1, 63, 64, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER];
const uint = fc.oneof(fc.constantFrom(...edges), fc.nat(), fc.maxSafeNat());
const text = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
);
const field: fc.Arbitrary<Field> = fc.oneof(
  uint.map((uint) => ({ uint })),
  fc.tuple(uint, fc.boolean()).map(([size, negative]) => ({ int: negative && size !== 0 ? -size : size })),
  text.map((text) => ({ text })),
  uint.map((double) => ({ double })),
);

const out = new ByteWriter();

/** The record is in the writer. */
function write(fields: readonly Field[]): ByteWriter {
  out.start();
  for (const field of fields) {
    if ('uint' in field) out.uint(field.uint);
    else if ('int' in field) out.int(field.int);
    else if ('text' in field) out.text(field.text);
    else out.double(field.double);
  }
  return out;
}

function read(bytes: Uint8Array, like: readonly Field[]): Field[] {
  const from = new ByteReader(bytes, 0);
  return like.map((field) => {
    if ('uint' in field) return { uint: from.uint() };
    if ('int' in field) return { int: from.int() };
    return 'text' in field ? { text: from.text() } : { double: from.double() };
  });
}

describe('records of fields', () => {
  it('are read as they were written, and stay so while others are written behind them', () => {
    const slabs = new RecordSlabs();
    fc.assert(
      fc.property(fc.array(fc.array(field, { maxLength: 30 }), { maxLength: 6 }), (records) => {
        const written = records.map((fields) => [write(fields).copy(), slabs.keep(out)] as const);
        for (const [index, fields] of records.entries()) {
          for (const bytes of written[index] ?? []) expect(read(bytes, fields)).toEqual(fields);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('hold what was written earlier as it was', () => {
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 30 }),
        fc.array(field, { maxLength: 10 }),
        fc.nat(),
        (fields, more, at) => {
          const bytes = write(fields).copy();
          const cut = at % (bytes.length + 1);
          write(more).raw(bytes, 0, cut);
          out.raw(bytes, cut, bytes.length);
          expect(read(out.copy(), [...more, ...fields])).toEqual([...more, ...fields]);
        },
      ),
    );
    // More than the writer has room for.
    const long = new Uint8Array(300_000).map((_, index) => index % 251);
    write([{ text: 'before' }]).raw(long, 10, long.length);
    expect(Uint8Array.from(out.copy().subarray(7))).toEqual(long.subarray(10));
  });

  it('may be longer than a slab, and cross its end', () => {
    const slabs = new RecordSlabs();
    const records = Array.from({ length: 40 }, (_, index): Field[] => [
      { uint: index },
      { text: 'x'.repeat(index * 5_000) },
      { text: '\u00e9'.repeat(index * 3_000) },
      { int: 100 - index },
    ]);
    const written = records.map((fields) => slabs.keep(write(fields)));
    expect(written.map((bytes, index) => read(bytes, records[index] as Field[]))).toEqual(records);
  });

  it('of several checkpoints keep apart while slabs are released and used again', () => {
    const record = fc.record({ of: fc.nat({ max: 2 }), size: fc.nat({ max: 60_000 }) });
    const step = fc.oneof(
      { weight: 9, arbitrary: record },
      { weight: 1, arbitrary: fc.record({ release: fc.nat({ max: 2 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const checkpoints = [0, 1, 2].map(() => ({
          slabs: new RecordSlabs(),
          kept: [] as (readonly [Uint8Array, Field[]])[],
        }));
        for (const [number, step] of steps.entries()) {
          const { slabs, kept } = checkpoints['of' in step ? step.of : step.release] as (typeof checkpoints)[number];
          if ('of' in step) {
            const fields = [{ uint: number }, { text: String.fromCharCode(97 + (number % 26)).repeat(step.size) }];
            kept.push([slabs.keep(write(fields)), fields]);
          } else {
            slabs.release();
            kept.length = 0;
          }
        }
        for (const { slabs, kept } of checkpoints) {
          for (const [bytes, fields] of kept) expect(read(bytes, fields)).toEqual(fields);
          slabs.release();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('hold the deepest debt and the largest balance', () => {
    for (const size of [BALANCE_MAX, BALANCE_MAX + POINTS_PER_EVENT_MAX, BALANCE_MAX + POINTS_PER_EVENT_MAX - 1]) {
      const fields = [{ int: -size }, { int: size }, { uint: size }];
      expect(read(write(fields).copy(), fields)).toEqual(fields);
    }
  });

  it('that end too early are noticed', () => {
    const fields = [{ text: 'some text' }, { uint: 2 ** 40 }, { int: -(2 ** 40) }];
    const bytes = write(fields).copy();
    for (let end = 0; end < bytes.length; end++) {
      expect(() => read(bytes.subarray(0, end), fields)).toThrow(InvariantError);
    }
  });
});
