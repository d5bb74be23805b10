/** Members, chunks and id blocks come back from the store as they went in, and score on alike. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BALANCE_MAX } from '../../src/limits.ts';
import type { Program } from '../../src/program/program.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { type Chunk, History, type IdBlock } from '../../src/scoring/history.ts';
import { type Member, newMember } from '../../src/scoring/member.ts';
import {
  CHUNK_HEAD_BYTES,
  decodeChunk,
  decodeIdBlock,
  decodeMember,
  encodeChunk,
  encodeIdBlock,
  encodeMember,
  MEMBER_HEAD_BYTES,
} from '../../src/wire/member-record.ts';
import { histories, programs } from '../scoring/generator.ts';
import { Desk } from '../scoring/harness.ts';

const ANY = { multipliers: true, unmatched: ['ignore', 'deduct', 'refuse'] } as const;

function again(member: Member): Member {
  const { history } = member;
  return decodeMember(member.id, encodeMember(member), () => (history?.blocks ?? []).slice());
}

/** What a record holds: not the window, which is worked out anew, and not chunks, which have records of their own. */
function stored({ asOfDay: _day, windowFirstDay: _first, windowSpend: _spend, history, ...rest }: Member): unknown {
  return { ...rest, history: history && { sealed: history.sealed, blocks: history.blocks } };
}

describe('a member', () => {
  it('decodes to what was encoded, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(programs(2, ANY), histories({ maxLength: 60 }), fc.nat({ max: 60 }), (versions, steps, changeAt) => {
        const desk = new Desk(versions[0] as Program);
        for (const [index, { event, now }] of steps.entries()) {
          if (index === changeAt) desk.change(versions[1] as Program, now);
          desk.score(event, now);
        }
        const decoded = again(desk.member);
        expect(stored(decoded)).toEqual(stored(desk.member));
        expect(encodeMember(decoded)).toEqual(encodeMember(desk.member));
        for (const chunk of desk.member.history?.recalled.values() ?? []) {
          const bytes = encodeChunk(chunk);
          const decodedChunk = decodeChunk(chunk.number, bytes);
          expect(decodedChunk).toEqual({ ...chunk, state: 'clean' } satisfies Chunk);
          expect(encodeChunk(decodedChunk)).toEqual(bytes);
        }
      }),
    );
  });

  it('that nothing happened to', () => {
    expect(stored(again(newMember('42')))).toEqual(stored(newMember('42')));
  });

  it('with the largest numbers there can be', () => {
    for (const balance of [BALANCE_MAX, -BALANCE_MAX, -BALANCE_MAX + 1]) {
      const member = { ...newMember('42'), balance, version: Number.MAX_SAFE_INTEGER, asOf: 8_640_000_000_000_000 };
      member.lots = { days: [-1, 0, 100_000_000], amounts: [1, BALANCE_MAX, 2] };
      expect(stored(again(member))).toEqual(stored(member));
    }
  });

  it('with any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 64 });
    fc.assert(
      fc.property(text, text, text, (eventId, reason, levelId) => {
        const member = newMember('42');
        member.levelId = levelId;
        const head = { eventId, fingerprint: 0, occurredAt: 0, at: 5, programVersion: 1 };
        member.recent = [{ ...head, kind: 'adjustment', points: -3, reason, agent: reason }];
        const [entry] = again(member).recent;
        expect(entry).toMatchObject({ eventId, reason, agent: reason, points: -3 });
        expect(again(member).levelId).toBe(levelId);
      }),
    );
  });

  it('keeps its sequence in the head, where the digest does not look', () => {
    const one = encodeMember({ ...newMember('42'), balance: 5, version: 7 });
    const other = encodeMember({ ...newMember('42'), balance: 5, version: 8 });
    expect(one).not.toEqual(other);
    expect(one.subarray(MEMBER_HEAD_BYTES)).toEqual(other.subarray(MEMBER_HEAD_BYTES));
    expect(CHUNK_HEAD_BYTES).toBe(1);
  });

  it('of a version to come is refused', () => {
    const bytes = Uint8Array.from(encodeMember(newMember('42')));
    bytes[0] = 99;
    expect(() => decodeMember('42', bytes, () => [])).toThrow('member record version 99 is not known');
    expect(() => decodeChunk(0, Uint8Array.of(99))).toThrow('chunk record version 99 is not known');
    expect(() => decodeIdBlock(Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0))).toThrow('id block version 99 is not known');
  });
});

it('an id block comes back whole, from bytes at any offset', () => {
  const entries = Array.from({ length: 32 }, (_, index): Entry => {
    const head = { eventId: `e${index}`, fingerprint: index * 281_474_976_710_657, occurredAt: 0, at: 0 };
    return { ...head, kind: 'enrolment', programVersion: 1 };
  });
  const history = new History(0, []);
  for (let chunk = 0; chunk < 4; chunk++) history.seal(entries);
  const block = history.blocks[2] as IdBlock;
  for (let offset = 0; offset < 9; offset++) {
    const bytes = encodeIdBlock(block);
    const shifted = new Uint8Array(bytes.length + offset);
    shifted.set(bytes, offset);
    const decoded = decodeIdBlock(shifted.subarray(offset));
    expect(decoded).toEqual(block);
    shifted.fill(0xff);
    expect(decoded).toEqual(block);
  }
});
