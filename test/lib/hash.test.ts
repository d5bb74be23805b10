import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addToDigest,
  copyDigest,
  type Digest,
  digestText,
  emptyDigest,
  fingerprint,
  fnv1a32,
  hashRecord,
  parseDigest,
} from '../../src/lib/hash.ts';

describe('fnv1a32', () => {
  // From the reference test vectors of Landon Curt Noll.
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foo', 0xa9f37ed7],
    ['foobar', 0xbf9cf968],
    ['chongo was here!\n', 0xd49930d5],
  ])('of %j', (text, hash) => {
    expect(fnv1a32(text)).toBe(hash);
  });

  it('is taken over UTF-8, of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(fnv1a32(text)).toBe(fnvOf(text));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** As published: in exact arithmetic, byte by byte. */
function fnvOf(text: string): number {
  let hash = 0x811c9dc5n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
  return Number(hash);
}

describe('fingerprint', () => {
  it('is 53 bits, and different for ids as tills count them', () => {
    const seen = new Set<number>();
    for (let index = 0; index < 200_000; index++) {
      const print = fingerprint(`pos7-${String(index).padStart(6, '0')}`);
      expect(Number.isSafeInteger(print) && print >= 0).toBe(true);
      seen.add(print);
    }
    expect(seen.size).toBe(200_000);
  });
});

describe('digest', () => {
  const record = fc.record({ key: fc.string({ maxLength: 8 }), bytes: fc.uint8Array({ maxLength: 40 }) });
  const hashOf = ({ key, bytes }: { key: string; bytes: Uint8Array }): Digest => hashRecord(fingerprint(key), bytes, 0);
  const digestOf = (records: readonly { key: string; bytes: Uint8Array }[]): string => {
    const digest = emptyDigest();
    for (const one of records) addToDigest(digest, hashOf(one), 1);
    return digestText(digest);
  };

  it('does not depend on the order of records, and forgets what is taken out', () => {
    const shuffled = fc
      .array(record, { maxLength: 12 })
      .chain((records) => fc.tuple(fc.constant(records), fc.shuffledSubarray(records, { minLength: records.length })));
    fc.assert(
      fc.property(shuffled, record, ([records, other], extra) => {
        expect(digestOf(other)).toBe(digestOf(records));
        const digest = parseDigest(digestOf([...records, extra]));
        addToDigest(digest, hashOf(extra), -1);
        expect(digestText(digest)).toBe(digestOf(records));
      }),
    );
  });

  it('sees a changed byte, a changed length and a record under another key', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
        const text = (key: string, of: Uint8Array): string => digestOf([{ key, bytes: of }]);
        const changed = bytes.slice();
        changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ flip;
        expect(text('k', changed)).not.toBe(text('k', bytes));
        expect(text('k', Uint8Array.of(...bytes, 0))).not.toBe(text('k', bytes));
        expect(text('other', bytes)).not.toBe(text('k', bytes));
      }),
    );
  });

  it('skips the head of a record, wherever that ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ maxLength: 40 }), (head, body) => {
        const whole = Uint8Array.of(...head, ...body);
        expect(hashRecord(7, whole, head.length)).toEqual(hashRecord(7, body, 0));
      }),
    );
  });

  it('reads back as it is written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), fc.nat({ max: 0xffffffff }), (high, low) => {
        const digest = copyDigest({ high, low });
        expect(parseDigest(digestText(digest))).toEqual({ high, low });
        expect(digestText(digest)).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });
});
