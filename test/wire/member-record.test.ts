/** Members, chunks and id blocks come back from the store as they went in, and score on alike. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BALANCE_MAX } from '../../src/limits.ts';
import { NEVER } from '../../src/program/expiry.ts';
import type { Program } from '../../src/program/program.ts';
import type { Entries } from '../../src/scoring/entries.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { History } from '../../src/scoring/history.ts';
import { type IdBlock, IdIndex } from '../../src/scoring/id-index.ts';
import type { Member } from '../../src/scoring/member.ts';
import { newWallet, type Wallet } from '../../src/scoring/wallet.ts';
import {
  CHUNK_HEAD_BYTES,
  decodeChunk,
  decodeIdBlock,
  decodeMember,
  encodeChunk,
  encodeIdBlock,
  encodeMember,
  MEMBER_HEAD_BYTES,
  unstoredMember,
} from '../../src/wire/member-record.ts';
import { PackedEntries } from '../../src/wire/packed-entries.ts';
import { histories, programs } from '../scoring/generator.ts';
import { Desk } from '../scoring/harness.ts';
import { entry, exceptions, holds, wallet } from './generator.ts';

const ANY = { multipliers: true, unmatched: ['ignore', 'deduct', 'refuse'] } as const;

function again(member: Member): Member {
  const { history } = member;
  return decodeMember(member.id, encodeMember(member), () => (history?.index.blocks ?? []).slice());
}

function contentOf(entries: Entries): unknown {
  return { count: entries.count, entries: entries.all(), fingerprints: entries.fingerprints() };
}

/**
 * What a record holds: not the window, which is worked out anew, and not chunks, which have records of their own. A member
 * without wallets is as good as one with the wallet that every program has had, and nothing in it.
 */
function stored({
  asOfDay: _day,
  windowFirstDay: _first,
  windowSpend: _spend,
  wallets,
  history,
  recent,
  ...rest
}: Member): unknown {
  const older = history && { sealed: history.sealed, blocks: history.index.blocks };
  const opened = wallets.length === 0 ? [newWallet('points')] : wallets;
  return { ...rest, wallets: opened, recent: contentOf(recent), history: older };
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
        let chunks = 0;
        for (const chunk of desk.member.history?.takeUnstored() ?? []) {
          const bytes = encodeChunk(chunk);
          const decodedChunk = decodeChunk(chunk.number, bytes);
          expect(decodedChunk.number).toBe(chunk.number);
          expect(contentOf(decodedChunk.entries)).toEqual(contentOf(chunk.entries));
          expect(encodeChunk(decodedChunk)).toEqual(bytes);
          chunks += 1;
        }
        expect(chunks).toBe(desk.member.history?.sealed ?? 0);
      }),
    );
  });

  it('that nothing happened to', () => {
    expect(stored(again(unstoredMember('42')))).toEqual(stored(unstoredMember('42')));
  });

  it('with the largest numbers there can be', () => {
    for (const balance of [BALANCE_MAX, -BALANCE_MAX, -BALANCE_MAX + 1]) {
      const member = {
        ...unstoredMember('42'),
        wallets: [
          {
            ...newWallet('points'),
            balance,
            lots: [-1, -1, 1, 5, 0, BALANCE_MAX, 100_000_000, 7, 3, NEVER, 100_000_000, 2],
            expired: [-1, BALANCE_MAX, 100_000_000, 2],
          },
        ],
        version: Number.MAX_SAFE_INTEGER,
        asOf: 8_640_000_000_000_000,
      };
      expect(stored(again(member))).toEqual(stored(member));
    }
  });

  it('with two wallets, pending points, holds, exceptions and entries of every kind', () => {
    fc.assert(
      fc.property(
        wallet('points'),
        wallet('miles'),
        fc.nat({ max: 2 }),
        holds,
        exceptions,
        fc.array(entry, { maxLength: 31 }),
        (points, miles, count, holds, exceptions, entries) => {
          const wallets = [points, miles].slice(0, count);
          const member = { ...unstoredMember('42'), wallets, holds, exceptions };
          for (const [print, one] of entries.entries()) member.recent.append(one, print);
          const decoded = again(member);
          expect(stored(decoded)).toEqual(stored(member));
          expect(encodeMember(decoded)).toEqual(encodeMember(member));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('forgets wallets in which there is nothing, which its program opens again', () => {
    const miles = { ...newWallet('miles'), balance: 3 };
    const member = { ...unstoredMember('42'), wallets: [newWallet('points'), miles, newWallet('cash')] };
    expect(again(member).wallets).toEqual([miles]);
  });

  it('with any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 64 });
    fc.assert(
      fc.property(text, text, text, (eventId, reason, levelId) => {
        const by = { reason, agent: reason, approvedBy: reason };
        const member = unstoredMember('42');
        member.levelId = levelId;
        const head = { eventId, occurredAt: 0, at: 5, programVersion: 1 };
        member.recent.append(
          { ...head, ...by, kind: 'adjustment', walletId: 'points', wallet: levelId, points: -3 },
          0,
        );
        const [entry] = again(member).recent.all();
        expect(entry).toMatchObject({ eventId, ...by, wallet: levelId, points: -3 });
        expect(again(member).levelId).toBe(levelId);
      }),
    );
  });

  it('keeps its sequence in the head, where the digest does not look', () => {
    const wallets = [{ ...newWallet('points'), balance: 5 }];
    const one = encodeMember({ ...unstoredMember('42'), wallets, version: 7 });
    const other = encodeMember({ ...unstoredMember('42'), wallets, version: 8 });
    expect(one).not.toEqual(other);
    expect(one.subarray(MEMBER_HEAD_BYTES)).toEqual(other.subarray(MEMBER_HEAD_BYTES));
    expect(CHUNK_HEAD_BYTES).toBe(1);
  });

  /** As an engine wrote it that knew no expiry: 7 points of 5 January 2026 and 3 of the 6th, on silver, one adjustment. */
  const VERSION_1 =
    '01401c000000000000000a02aabf0207abbf020301aabf02bc0a0673696c766572e80702d00fb817000179df0d86487000000e05026131050203' +
    '05736f72727900';

  it('of version 1 has lots that never expire, and is written as it was', () => {
    const bytes = Uint8Array.from(Buffer.from(VERSION_1, 'hex'));
    const member = decodeMember('42', bytes, () => []);
    expect(member).toMatchObject({
      version: 7,
      wallets: [{ id: 'points', balance: 10, lots: [NEVER, 20_458, 7, NEVER, 20_459, 3], pending: [], expired: [] }],
      holds: [],
      spend: [20_458, 700],
      levelId: 'silver',
      programVersion: 2,
    });
    expect(member.recent.all()).toEqual([
      {
        kind: 'adjustment',
        eventId: 'a1',
        occurredAt: 0,
        at: 5,
        programVersion: 2,
        walletId: 'points',
        wallet: '',
        points: 3,
        reason: 'sorry',
        agent: '',
        approvedBy: '',
      },
    ]);
    expect(Buffer.from(encodeMember(member)).toString('hex')).toBe(VERSION_1);
    const changed = (change: Partial<Wallet>): Member => {
      return { ...member, wallets: [{ ...newWallet('points'), balance: 10, ...change }] };
    };
    // What can expire, or has, needs version 2.
    for (const change of [{ lots: [20_500, 20_458, 7] }, { lots: [], expired: [20_458, 7] }]) {
      expect(encodeMember(changed(change))[0]).toBe(2);
      expect(again(changed(change)).wallets).toMatchObject([change]);
    }
    // What waits or is held, and any other wallet, needs version 3.
    const hold = { id: 'h1', walletId: 'points', until: 9, taken: [NEVER, 20_458, 7] };
    const later = [
      changed({ id: 'miles' }),
      changed({ pending: [20_500, NEVER, 20_458, 7] }),
      { ...member, holds: [hold] },
      { ...member, wallets: [...member.wallets, newWallet('miles')] },
    ];
    for (const one of later) expect(encodeMember(one)[0]).toBe(3);
  });

  it('of a version to come is refused', () => {
    const bytes = Uint8Array.from(encodeMember(unstoredMember('42')));
    bytes[0] = 99;
    expect(() => decodeMember('42', bytes, () => [])).toThrow('member record version 99 is not known');
    expect(() => decodeChunk(0, Uint8Array.of(99))).toThrow('chunk record version 99 is not known');
    expect(() => decodeIdBlock(Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0))).toThrow('id block version 99 is not known');
  });
});

it('an id block comes back whole, from bytes at any offset', () => {
  const entries = new PackedEntries();
  for (let index = 0; index < 32; index++) {
    const entry: Entry = { kind: 'enrolment', eventId: `e${index}`, occurredAt: 0, at: 0, programVersion: 1 };
    entries.append(entry, index * 281_474_976_710_657);
  }
  const history = new History(0, new IdIndex([]));
  for (let chunk = 0; chunk < 4; chunk++) history.seal(entries);
  const block = history.index.blocks[2] as IdBlock;
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
