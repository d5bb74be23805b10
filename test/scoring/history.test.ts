/** Sealed chunks: the index over them, what is recalled, and ids that share a fingerprint. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/lib/hash.ts';
import { CHUNK_ENTRIES, RETURN_MATCH_ENTRIES_MAX } from '../../src/limits.ts';
import { findEntry } from '../../src/scoring/duplicate.ts';
import type { Entries } from '../../src/scoring/entries.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { NOT_GIVEN, type Purchase, type Return } from '../../src/scoring/event.ts';
import { History } from '../../src/scoring/history.ts';
import { IdIndex } from '../../src/scoring/id-index.ts';
import { copyMember } from '../../src/scoring/member.ts';
import { recall } from '../../src/scoring/recall.ts';
import { score } from '../../src/scoring/score.ts';
import { unstoredMember } from '../../src/wire/member-record.ts';
import { PackedEntries } from '../../src/wire/packed-entries.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { histories } from './generator.ts';
import { Desk, firstWallet, MODES, programOf } from './harness.ts';
import { check } from './table.ts';

/** An entry, and a fingerprint that need not be that of its id. */
interface Printed {
  readonly entry: Entry;
  readonly print: number;
}

function enrolment(eventId: string, print = fingerprint(eventId)): Printed {
  return { entry: { kind: 'enrolment', eventId, occurredAt: 0, at: 0, programVersion: 1 }, print };
}

function packed(printed: readonly Printed[]): Entries {
  const entries = new PackedEntries();
  for (const { entry, print } of printed) entries.append(entry, print);
  return entries;
}

function sealed(printed: readonly Printed[]): History {
  const history = new History(0, new IdIndex([]));
  for (let index = 0; index < printed.length; index += CHUNK_ENTRIES) {
    history.seal(packed(printed.slice(index, index + CHUNK_ENTRIES)));
  }
  return history;
}

const NOW = Date.UTC(2026, 0, 5);
const SHOP = `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
---
`;

describe('the index of event ids', () => {
  it('equals a set, for thousands of ids and a chunk at a time', () => {
    const history = new History(0, new IdIndex([]));
    const { index } = history;
    const chunkOf = new Map<string, number>();
    for (let chunk = 0; chunk < 150; chunk++) {
      const entries = Array.from({ length: CHUNK_ENTRIES }, (_, number) => enrolment(`event-${chunk}-${number * 7}`));
      history.seal(packed(entries));
      for (const { entry } of entries) chunkOf.set(entry.eventId, chunk);
      // Levels are those of a binary counter.
      expect(
        index.blocks
          .map((block) => (block === undefined ? '0' : '1'))
          .reverse()
          .join(''),
      ).toBe((chunk + 1).toString(2).padStart(index.blocks.length, '0'));
    }
    for (const [eventId, chunk] of chunkOf) expect(index.chunksWith(fingerprint(eventId))).toEqual([chunk]);
    for (let number = 0; number < 5_000; number++) {
      expect(index.chunksWith(fingerprint(`other-${number}`))).toEqual([]);
    }
  });

  it('finds every chunk of ids that share a fingerprint, sorted in each block', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 }), (prints) => {
        // Few fingerprints, many ids: collisions everywhere.
        const entries = prints.flatMap((print, chunk) =>
          Array.from({ length: CHUNK_ENTRIES }, (_, index) => enrolment(`${chunk}-${index}`, (print * index) % 41)),
        );
        const { index } = sealed(entries);
        for (let print = 0; print <= 41; print++) {
          const expected = entries.flatMap((entry, number) =>
            entry.print === print ? [Math.floor(number / CHUNK_ENTRIES)] : [],
          );
          expect([...index.chunksWith(print)].sort((left, right) => left - right)).toEqual(expected);
        }
        for (const block of index.blocks) {
          if (block !== undefined)
            expect([...block.fingerprints]).toEqual([...block.fingerprints].sort((a, b) => a - b));
        }
      }),
    );
  });
});

describe('ids that share a fingerprint', () => {
  const print = fingerprint('wanted');

  it('are told apart among recent entries', () => {
    const member = unstoredMember('42');
    member.recent = packed([enrolment('other', print), enrolment('wanted', print), enrolment('third', print)]);
    expect(findEntry(member, 'wanted', print)?.eventId).toBe('wanted');
    expect(findEntry(member, 'absent', print)).toBeUndefined();
  });

  it('are told apart in chunks, within one and across several', () => {
    const entries = Array.from({ length: 4 * CHUNK_ENTRIES }, (_, index) => enrolment(`e${index}`, print));
    const member = unstoredMember('42');
    member.history = sealed(entries);
    for (const { entry } of entries) expect(findEntry(member, entry.eventId, print)).toEqual(entry);
    expect(findEntry(member, 'absent', print)).toBeUndefined();
  });

  it('do not make a new event a duplicate', () => {
    const program = programOf({});
    const desk = new Desk(program);
    const purchase = purchaseEvent({ id: 'new' });
    desk.member.history = sealed(
      Array.from({ length: CHUNK_ENTRIES }, (_, index) => enrolment(`old${index}`, fingerprint('new'))),
    );
    desk.member.recent = packed([enrolment('old', fingerprint('new'))]);
    expect(desk.score(purchase, NOW).code).toBe('scored');
    expect(desk.score(purchase, NOW).code).toBe('duplicate');
    expect(desk.score({ ...purchase, amount: 101 }, NOW)).toMatchObject({
      code: 'duplicate_with_different_content',
      field: 'amount',
    });
  });
});

describe('a copy', () => {
  it('is scored on without a trace on the original, whatever is sealed, on its way, or in the store', () => {
    fc.assert(
      fc.property(fc.constantFrom(...MODES), histories({ minLength: 30, maxLength: 90 }), (mode, steps) => {
        const desk = new Desk(programOf({}), mode);
        for (const { event, now } of steps) {
          const before = desk.records();
          const copy = copyMember(desk.member);
          recall(desk.program, copy, event, now, desk.readChunk);
          const tried = structuredClone(score(desk.program, copy, event, now));
          expect(desk.records()).toBe(before);
          expect(desk.score(event, now)).toEqual(tried);
          // Nor does the original leave one on the copy.
          const entries = copy.recent.all();
          expect(entries).toEqual(desk.member.recent.all());
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('duplicates of sealed events', () => {
  it('are found however long ago, and conflicts too', () => {
    check(`${SHOP}
purchase p0 500.00 2026-01-05                     -> +500
repeat 31 purchase a# 1.00 2026-01-06             -> balance 531
resend p0                                         -> duplicate +500 balance 531
repeat 31 purchase b# 1.00 2026-01-06             -> balance 562
resend p0                                         -> duplicate +500 balance 562
repeat 300 purchase c# 1.00 2026-01-07            -> balance 862
resend p0                                         -> duplicate +500 balance 862
resend b17                                        -> duplicate +1
purchase b17 2.00 2026-01-06                      -> duplicate_with_different_content amount
adjust a31 +1 2026-01-06                          -> duplicate_with_different_content type
return r1 of p0 100.00                            -> -100 balance 762
repeat 40 purchase d# 1.00 2026-01-08             -> balance 802
return r1 of p0 100.00                            -> duplicate -100
return r1 of p0 100.01                            -> duplicate_with_different_content amount
return r2 of p0                                   -> -400 balance 402
return r3 of p0                                   -> return_exceeds_original amount
return r4 of r1                                   -> original_not_a_purchase originalId
`);
  });

  it('the entry that fills a chunk is found as well as the first of the next', () => {
    check(`${SHOP}
repeat 32 purchase p# 1.00 2026-01-05 -> balance 32
resend p32                            -> duplicate +1 balance 32
resend p1                             -> duplicate +1 balance 32
purchase q1 1.00                      -> +1
resend q1                             -> duplicate +1 balance 33
`);
  });
});

describe('recall', () => {
  const purchase = (id: string, sku: string): Purchase =>
    purchaseEvent({ id, lines: [{ sku, category: '', quantity: 1, amount: 100 }] });
  const unnamed = (id: string, sku: string, quantity: number): Return => ({
    type: 'return',
    id,
    memberId: '42',
    occurredAt: 0,
    store: '',
    terminal: '',
    currency: '',
    originalId: '',
    amount: NOT_GIVEN,
    lines: [{ sku, quantity, amount: NOT_GIVEN }],
  });

  it('reads nothing for what needs nothing', () => {
    const desk = new Desk(programOf({}), 'cold');
    for (let index = 0; index < 3 * CHUNK_ENTRIES; index++) desk.score(purchase(`p${index}`, 'A'), NOW);
    expect(desk.member.history?.sealed).toBe(3);
    expect(desk.reads).toBe(0);
    desk.score(unnamed('r1', 'A', 1), NOW);
    expect(desk.reads).toBe(1);
  });

  it('forgets what it brought, and what the store has', () => {
    for (const mode of ['flushed', 'cold'] as const) {
      const desk = new Desk(programOf({}), mode);
      for (let index = 0; index < CHUNK_ENTRIES; index++) desk.score(purchase(`p${index}`, 'A'), NOW);
      for (const event of [purchase('p0', 'A'), unnamed('r1', 'A', 1), purchase('new', 'A')]) {
        desk.score(event, NOW);
        expect(desk.member.history?.chunk(0)).toBeUndefined();
      }
      expect(desk.reads).toBe(2);
    }
  });

  it('looks back RETURN_MATCH_ENTRIES_MAX sealed entries and no further', () => {
    const chunks = RETURN_MATCH_ENTRIES_MAX / CHUNK_ENTRIES;
    for (const mode of ['warm', 'cold'] as const) {
      const desk = new Desk(programOf({}), mode);
      for (let index = 0; index < (chunks + 1) * CHUNK_ENTRIES; index++) {
        // OLD just outside the bound, EDGE just inside.
        const sku = index === CHUNK_ENTRIES - 1 ? 'OLD' : index === CHUNK_ENTRIES ? 'EDGE' : 'A';
        desk.score(purchase(`p${index}`, sku), NOW);
      }
      const before = firstWallet(desk.member).balance;
      expect(desk.score(unnamed('r1', 'OLD', 1), NOW).code).toBe('scored');
      expect(firstWallet(desk.member).balance).toBe(before);
      expect(desk.score(unnamed('r2', 'EDGE', 1), NOW).code).toBe('scored');
      expect(firstWallet(desk.member).balance).toBe(before - 1);
      // By name there is no bound.
      expect(desk.score({ ...unnamed('r3', 'OLD', 1), originalId: `p${CHUNK_ENTRIES - 1}` }, NOW).code).toBe('scored');
      expect(firstWallet(desk.member).balance).toBe(before - 2);
    }
  });
});
