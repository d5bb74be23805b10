/** The cache of members: how much it keeps, what it may let go of, and that it tells of everything it does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lru } from '../../src/store/lru.ts';

const uses = fc.array(fc.nat({ max: 24 }), { maxLength: 300, size: 'max' });
const max = fc.integer({ min: 2, max: 21 });

describe('the cache', () => {
  it('keeps between half of what it may and all of it, lets go of nothing used lately, and tells each key once', () => {
    fc.assert(
      fc.property(max, uses, (max, uses) => {
        /** What it should have, by what it was given and what it said it let go of. */
        const kept = new Map<string, { readonly key: string }>();
        const cache = new Lru<{ readonly key: string }>(max, (value, key) => {
          expect(kept.get(key)).toBe(value);
          kept.delete(key);
        });
        const half = Math.floor(max / 2);
        /** Keys, the one used last at the end. */
        let recent: string[] = [];
        for (const use of uses) {
          const key = `k${use}`;
          const found = cache.get(key);
          expect(found).toBe(kept.get(key));
          if (found === undefined) {
            const value = { key };
            kept.set(key, value);
            cache.set(key, value);
          }
          recent = [...recent.filter((other) => other !== key), key];
          for (const latest of recent.slice(-half)) expect(kept.has(latest)).toBe(true);
          expect(cache.size).toBe(kept.size);
          expect(cache.size).toBeLessThanOrEqual(max);
          expect(cache.size).toBeGreaterThanOrEqual(Math.min(half, recent.length));
        }
        // In the end, too, it has just what it was not said to have let go of.
        for (const [key, value] of [...kept]) if (kept.get(key) === value) expect(cache.get(key)).toBe(value);
      }),
      { numRuns: 150 },
    );
  });

  it('keeps all of what fits into half of it, in whatever order it is used', () => {
    fc.assert(
      fc.property(uses, (uses) => {
        const evicted: string[] = [];
        const cache = new Lru<number>(50, (_, key) => evicted.push(key));
        for (const use of uses) if (cache.get(`k${use}`) === undefined) cache.set(`k${use}`, use);
        expect(evicted).toEqual([]);
        for (const use of uses) expect(cache.get(`k${use}`)).toBe(use);
      }),
    );
  });

  it('of the least size still keeps what was used last', () => {
    const evicted: string[] = [];
    const cache = new Lru<number>(2, (_, key) => evicted.push(key));
    for (let key = 0; key < 10; key++) {
      cache.set(`k${key}`, key);
      expect(cache.get(`k${key}`)).toBe(key);
    }
    expect(evicted).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']);
  });
});
