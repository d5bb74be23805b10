import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/lib/assert.ts';
import { BALANCE_MAX, POINTS_PER_EVENT_MAX } from '../../src/limits.ts';
import { ByteReader, ByteWriter } from '../../src/wire/bytes.ts';

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

function write(out: ByteWriter, fields: readonly Field[]): Uint8Array {
  for (const field of fields) {
    if ('uint' in field) out.uint(field.uint);
    else if ('int' in field) out.int(field.int);
    else if ('text' in field) out.text(field.text);
    else out.double(field.double);
  }
  return out.finish();
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
    const out = new ByteWriter();
    fc.assert(
      fc.property(fc.array(fc.array(field, { maxLength: 30 }), { maxLength: 6 }), (records) => {
        const written = records.map((fields) => write(out, fields));
        expect(written.map((bytes, index) => read(bytes, records[index] as Field[]))).toEqual(records);
      }),
      { numRuns: 500 },
    );
  });

  it('may be longer than a slab, and cross its end', () => {
    const out = new ByteWriter();
    const records = Array.from({ length: 40 }, (_, index): Field[] => [
      { uint: index },
      { text: 'x'.repeat(index * 5_000) },
      { text: '\u00e9'.repeat(index * 3_000) },
      { int: 100 - index },
    ]);
    const written = records.map((fields) => write(out, fields));
    expect(written.map((bytes, index) => read(bytes, records[index] as Field[]))).toEqual(records);
  });

  it('hold the deepest debt and the largest balance', () => {
    for (const size of [BALANCE_MAX, BALANCE_MAX + POINTS_PER_EVENT_MAX, BALANCE_MAX + POINTS_PER_EVENT_MAX - 1]) {
      const fields = [{ int: -size }, { int: size }, { uint: size }];
      expect(read(write(new ByteWriter(), fields), fields)).toEqual(fields);
    }
  });

  it('that end too early are noticed', () => {
    const fields = [{ text: 'some text' }, { uint: 2 ** 40 }, { int: -(2 ** 40) }];
    const bytes = write(new ByteWriter(), fields);
    for (let end = 0; end < bytes.length; end++) {
      expect(() => read(bytes.subarray(0, end), fields)).toThrow(InvariantError);
    }
  });
});
