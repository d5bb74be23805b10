/**
 * Everything stored or sent, byte by byte as the versions so far have written it. What is in a log or a store today must be read
 * for ever: a test that fails here means that a layout has changed. Then it needs another version, whose bytes are added below,
 * and the old ones must still be read.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { publishStats } from '../../src/cluster/stats.ts';
import { fingerprint } from '../../src/lib/hash.ts';
import { allocateCounters, WorkerCounters } from '../../src/observe/counters.ts';
import { NEVER } from '../../src/program/expiry.ts';
import { type AccrualTerms, EVERYTHING } from '../../src/program/program.ts';
import type { Entry, Take } from '../../src/scoring/entry.ts';
import { type LogEvent, NO_DEDUCTIONS, NOT_GIVEN } from '../../src/scoring/event.ts';
import { History } from '../../src/scoring/history.ts';
import { type IdBlock, IdIndex } from '../../src/scoring/id-index.ts';
import type { Member } from '../../src/scoring/member.ts';
import { newStanding } from '../../src/scoring/standing.ts';
import { newWallet } from '../../src/scoring/wallet.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import type { StoredPosition } from '../../src/store/store.ts';
import { decodeBatch, encodeBatch } from '../../src/wire/batch.ts';
import { ByteReader, ByteWriter } from '../../src/wire/bytes.ts';
import { decodeEffects, type EffectsMessage, encodeEffects } from '../../src/wire/effects.ts';
import { readEntry, writeEntry } from '../../src/wire/entry-record.ts';
import { decodeLive, encodeLive, liveFrame } from '../../src/wire/live.ts';
import {
  decodeChunk,
  decodeIdBlock,
  decodeMember,
  encodeChunk,
  encodeIdBlock,
  encodeMember,
  unstoredMember,
} from '../../src/wire/member-record.ts';
import { PackedEntries } from '../../src/wire/packed-entries.ts';
import {
  type Answer,
  decodeAnswer,
  decodeOwner,
  decodeQuery,
  decodeScored,
  encodeAnswer,
  encodeOwner,
  encodeQuery,
  encodeScored,
  type Query,
} from '../../src/wire/query.ts';
import { readStanding, writeStanding } from '../../src/wire/tier-record.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';
import { Desk, programEvent, purchase } from '../partition/harness.ts';

const AT_MS = Date.UTC(2026, 0, 10, 12);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

function joined(...parts: readonly string[]): string {
  return parts.join('').replaceAll(' ', '');
}

// --- The log ---

const EVENTS: readonly LogEvent[] = [
  {
    type: 'purchase',
    id: 'p1',
    memberId: 'm\u00e9',
    occurredAt: AT_MS,
    store: 's1',
    terminal: 't1',
    currency: 'USD',
    amount: 525,
    lines: [{ sku: 'latte', category: 'coffee', quantity: 1, amount: 525 }],
    deductions: NO_DEDUCTIONS,
    redemptionId: '',
  },
  {
    type: 'return',
    id: 'r1',
    memberId: 'm',
    occurredAt: 0,
    store: '',
    terminal: '',
    currency: '',
    originalId: 'p1',
    amount: NOT_GIVEN,
    lines: [{ sku: 'latte', quantity: 2, amount: NOT_GIVEN }],
  },
  {
    type: 'adjustment',
    id: 'a1',
    memberId: 'm',
    occurredAt: 0,
    wallet: '',
    points: -70_000,
    reason: 'why',
    agent: 'who',
    approvedBy: '',
  },
  { type: 'enrolment', id: 'e1', memberId: 'm', occurredAt: 0 },
  { type: 'tick' },
  { type: 'program', document: '{}' },
];

const BATCH = joined(
  '0192a77265706c792e31969900a27031a36dc3a9cb4279ba7c71200000a27331a27431a3555344cd020d94a56c617474',
  '65a6636f6666656501cd020d9a01a27231a16d00a0a0a0a27031ff93a56c6174746502ff9702a26131a16d00d2fffeee',
  '90a3776879a377686f9403a26531a16d0091089209a27b7d',
);

it('a batch, version 1', () => {
  expect(hex(encodeBatch(EVENTS, 'reply.1'))).toBe(BATCH);
  expect(decodeBatch(bytesOf(BATCH))).toEqual({ replyTo: 'reply.1', events: EVENTS });
});

const LATER_EVENTS: readonly LogEvent[] = [
  purchaseEvent({
    amount: 525,
    deductions: { discount: 1, paidWithPoints: 2, tax: 3, tip: 4, giftCards: 500 },
    redemptionId: 's1',
  }),
  adjustmentEvent({ wallet: 'miles' }),
  { type: 'void', id: 'v1', memberId: '42', occurredAt: 0, originalId: 'p1' },
  { type: 'confirmation', id: 'c1', memberId: '42', occurredAt: 0, originalId: 'p1' },
  {
    type: 'redemption',
    id: 's1',
    memberId: '42',
    occurredAt: 0,
    store: 's1',
    terminal: 't1',
    wallet: 'miles',
    points: 500,
    amount: NOT_GIVEN,
  },
  {
    type: 'authorisation',
    id: 'h1',
    memberId: '42',
    occurredAt: 0,
    store: '',
    terminal: '',
    wallet: '',
    points: NOT_GIVEN,
    amount: 525,
  },
  { type: 'capture', id: 'k1', memberId: '42', occurredAt: 0, originalId: 'h1', points: 7 },
  { type: 'release', id: 'l1', memberId: '42', occurredAt: 0, originalId: 'h1' },
  { type: 'reversal', id: 'b1', memberId: '42', occurredAt: 0, originalId: 's1', points: NOT_GIVEN },
];

const LATEST_EVENTS: readonly LogEvent[] = [
  adjustmentEvent({ reason: 'why', agent: 'ann', approvedBy: 'bob' }),
  {
    type: 'exception',
    id: 'x1',
    memberId: '42',
    occurredAt: 0,
    tier: 'main',
    floor: 'gold',
    ceiling: '',
    thresholds: [{ level: 'gold', from: 525 }],
    until: AT_MS,
    reason: 'why',
    agent: 'ann',
  },
  {
    type: 'exception_end',
    id: 'n1',
    memberId: '42',
    occurredAt: 0,
    originalId: 'x1',
    reason: 'why',
    agent: 'ann',
  },
];

const LATER_BATCH = joined(
  '0192a099',
  // a purchase with deductions
  '9f00a27031a2343200a0a0a0cd020d9001020304cd01f4a27331',
  // an adjustment of a wallet
  '9802a26131a234320001a0a0a56d696c6573',
  // a void
  '9504a27631a2343200a27031',
  // a confirmation
  '9505a26331a2343200a27031',
  // a redemption
  '9906a27331a2343200a27331a27431a56d696c6573cd01f4ff',
  // an authorisation
  '9907a26831a2343200a0a0a0ffcd020d',
  // a capture
  '960aa26b31a2343200a2683107',
  // a release
  '950ba26c31a2343200a26831',
  // a reversal
  '960ca26231a2343200a27331ff',
);

it('a batch, version 1, of what joined it later', () => {
  expect(hex(encodeBatch(LATER_EVENTS))).toBe(LATER_BATCH);
  expect(decodeBatch(bytesOf(LATER_BATCH))).toEqual({ replyTo: '', events: LATER_EVENTS });
});

const LATEST_BATCH = joined(
  '0192a093',
  // an adjustment that was approved
  '9902a26131a234320001a3776879a3616e6ea0a3626f62',
  // an exception
  '9b0da27831a2343200a46d61696ea4676f6c64a092a4676f6c64cd020dcb4279ba7c71200000a3776879a3616e6e',
  // its end
  '970ea26e31a2343200a27831a3776879a3616e6e',
);

it('a batch, version 1, of exceptions and approvals', () => {
  expect(hex(encodeBatch(LATEST_EVENTS))).toBe(LATEST_BATCH);
  expect(decodeBatch(bytesOf(LATEST_BATCH))).toEqual({ replyTo: '', events: LATEST_EVENTS });
});

// --- The store ---

const TERMS: AccrualTerms = {
  programVersion: 3,
  ruleId: 'spend',
  walletId: 'points',
  rate: { points: 2, perMinor: 100, rounding: 'nearest' },
  per: 'money',
  rounded: 'rule',
  back: 'earned',
  levelId: 'gold',
  multiplierMilli: 1_250,
};

const TAKE: Take = {
  walletId: 'points',
  ruleId: 'spend',
  base: 5,
  levelId: 'gold',
  bonus: -1,
  expired: 0,
  forgiven: 0,
};

const ENTRIES: readonly Entry[] = [
  {
    kind: 'accrual',
    eventId: 'p1',
    occurredAt: AT_MS,
    at: AT_MS,
    store: 's1',
    terminal: 't1',
    currency: 'USD',
    amount: 525,
    deductions: NO_DEDUCTIONS,
    counted: 525,
    redemptionId: '',
    programVersion: 3,
    lines: [
      { sku: 'latte', category: 'coffee', quantity: 2, amount: 500, returnedQuantity: 1, returnedAmount: 250 },
      { sku: 'mug', category: '', quantity: 1, amount: 25, returnedQuantity: 0, returnedAmount: 0 },
    ],
    awards: [{ terms: TERMS, lines: EVERYTHING }],
    returnedAmount: 250,
    confirmed: false,
    late: false,
  },
  {
    kind: 'reversal',
    eventId: 'r1',
    occurredAt: 0,
    at: AT_MS + 1,
    programVersion: 3,
    store: 's1',
    terminal: '',
    currency: 'USD',
    originalId: 'p1',
    amount: NOT_GIVEN,
    lines: [{ sku: 'latte', quantity: 1, amount: 250 }],
    parts: [{ originalId: 'p1', amount: 250, takes: [TAKE], restored: undefined }],
  },
  {
    kind: 'adjustment',
    eventId: 'a1',
    occurredAt: 0,
    at: AT_MS + 2,
    programVersion: 3,
    walletId: 'points',
    wallet: '',
    points: -70_000,
    reason: 'why',
    agent: 'who',
    approvedBy: '',
  },
  { kind: 'enrolment', eventId: 'e\u00e9', occurredAt: AT_MS, at: AT_MS, programVersion: 3 },
];

function packedEntries(): PackedEntries {
  const entries = new PackedEntries();
  for (const entry of ENTRIES) entries.append(entry, fingerprint(entry.eventId));
  return entries;
}

const BLOCK: IdBlock = { fingerprints: Float64Array.of(1, 2 ** 52 + 3), chunks: Uint32Array.of(0, 258) };

function member(): Member {
  return {
    ...unstoredMember('m'),
    version: 1_234_567_890_123,
    enrolledAt: AT_MS,
    wallets: [{ ...newWallet('points'), balance: -7, lots: [NEVER, 20_000, 5, NEVER, -3, 300] }],
    spend: [20_000, 525],
    levelId: 'gold',
    levelSince: AT_MS - 1,
    programVersion: 3,
    asOf: AT_MS + 2,
    due: AT_MS + 86_400_000,
    recent: packedEntries(),
    history: new History(2, new IdIndex([undefined, BLOCK])),
  };
}

/** Of each: fingerprint, length, record. */
const ENTRIES_HEX = joined(
  // how many
  '04',
  // a purchase
  '96a59bd9e7aa0800460002703180a49cbeba33027331027431035553448d0403057370656e6402640104676f6c64e209',
  'fa0102056c6174746506636f6666656502f40301fa01036d75670001190000',
  // a return
  'bc582379a35f1800340302723181a49cbeba330302733100035553440270310001056c6174746501fb0101027031fa01',
  '057370656e640504676f6c64',
  // an adjustment
  '41d08b74ab3e050100160502613182a49cbeba3303f0c508037768790377686f',
  // an enrolment
  '9dcbb6d331e41c000c060365c3a980a49cbeba3303',
);

const MEMBER = joined(
  // version
  '01',
  // sequence of the last change
  '4271f71fb04cb000',
  // enrolled at
  '80a49cbeba33',
  // balance
  '47',
  // lots: how many, and days and points
  '02a0b8020543ac04',
  // spend, likewise
  '01a0b8028d08',
  // level
  '04676f6c64',
  // since
  'ffa39cbeba33',
  // program version
  '03',
  // as of
  '82a49cbeba33',
  // due
  '80dcb5e7ba33',
  // chunks sealed
  '02',
  ENTRIES_HEX,
);
const NEW_MEMBER = '0100000000000000000000000000000000000000';
const CHUNK = joined('01', ENTRIES_HEX);
const ID_BLOCK = joined(
  // version, filled up to eight bytes
  '0100000000000000',
  // fingerprints
  '000000000000f03f',
  '0300000000003043',
  // their chunks
  '00000000',
  '02010000',
);
const FINGERPRINTS = [2_439_712_578_708_886, 6_860_555_157_723_324, 8_132_202_004_401_053];

describe('a member', () => {
  it('whose points do not expire is written in version 1', () => {
    expect(hex(encodeMember(member()))).toBe(MEMBER);
    expect(hex(encodeMember(unstoredMember('m')))).toBe(NEW_MEMBER);
  });

  it('of version 1 is read', () => {
    const read = decodeMember('m', bytesOf(MEMBER), (id, sealed) => {
      expect([id, sealed]).toEqual(['m', 2]);
      return [undefined, BLOCK];
    });
    const { recent, history, ...rest } = read;
    const { recent: _recent, history: _history, ...expected } = member();
    expect(rest).toEqual(expected);
    expect(recent.all()).toEqual(ENTRIES);
    expect([...recent.fingerprints()]).toEqual(ENTRIES.map(({ eventId }) => fingerprint(eventId)));
    expect(history?.sealed).toBe(2);
    const { recent: none, ...fresh } = decodeMember('m', bytesOf(NEW_MEMBER), () => []);
    const { recent: _none, ...expectedFresh } = unstoredMember('m');
    expect(fresh).toEqual({ ...expectedFresh, wallets: [newWallet('points')] });
    expect(none.count).toBe(0);
  });
});

it('a member whose points expire, version 2', () => {
  const expiring: Member = {
    ...unstoredMember('m'),
    wallets: [
      {
        ...newWallet('points'),
        balance: 12,
        lots: [20_365, 20_000, 5, NEVER, 20_001, 7],
        expired: [19_000, 4, 19_001, 300],
      },
    ],
  };
  const record = joined(
    '02 0000000000000000 00 0c',
    // lots: how many, and days to the last one more than none, day earned, points; 0 for no last day
    '02 ee02 a0b802 05 00 a1b802 07',
    // expired: how many, and day earned and points
    '02 b8a802 04 b9a802 ac04',
    '00 00 00 00 00 00 00 00',
  );
  expect(hex(encodeMember(expiring))).toBe(record);
  const { recent: _none, ...read } = decodeMember('m', bytesOf(record), () => []);
  const { recent: _empty, ...expected } = expiring;
  expect(read).toEqual(expected);
});

it('a member of two wallets, with points that wait and points that are held, version 3', () => {
  const rich: Member = {
    ...unstoredMember('m'),
    wallets: [
      { id: 'points', balance: 12, lots: [NEVER, 20_001, 12], pending: [20_010, 20_365, 20_000, 5], expired: [] },
      { id: 'miles', balance: -7, lots: [], pending: [], expired: [19_000, 4] },
    ],
    holds: [{ id: 'h1', walletId: 'points', until: AT_MS, taken: [20_365, 20_000, 300] }],
  };
  const record = joined(
    '03 0000000000000000 00',
    // wallets: how many, and of each its name, balance, lots as above, how many numbers of what waits and those, expired
    '02 06706f696e7473 0c 01 00 a1b802 0c 04 aab802 8dbe02 a0b802 05 00',
    '056d696c6573 47 00 00 01 b8a802 04',
    // holds: how many, and of each its id, wallet, end and lots
    '01 026831 06706f696e7473 80a49cbeba33 01 ee02 a0b802 ac04',
    // spend, level and its beginning, no standing, and as above
    '00 00 00 00 00 00 00 00 00',
  );
  expect(hex(encodeMember(rich))).toBe(record);
  const { recent: _none, ...read } = decodeMember('m', bytesOf(record), () => []);
  const { recent: _empty, ...expected } = rich;
  expect(read).toEqual(expected);
});

it('a member with exceptions, version 4', () => {
  const terms = { tier: '', ceiling: '', reason: 'why', agent: 'ann' };
  const excepted: Member = {
    ...unstoredMember('m'),
    exceptions: [
      {
        id: 'x1',
        ...terms,
        floor: 'gold',
        thresholds: [{ level: 'gold', from: 525 }],
        since: AT_MS,
        until: Infinity,
        isClosed: false,
      },
      { id: 'x2', ...terms, floor: 'gold', thresholds: [], since: AT_MS, until: AT_MS + 1, isClosed: true },
    ],
    levelId: 'gold',
    standing: {
      ...newStanding(20_000),
      sets: [
        {
          id: 'main',
          level: 'gold',
          since: AT_MS,
          phases: [{ day: 20_001, level: '', until: 0, lostDay: 0, anchor: 19_999, reward: 0 }],
          base: 0,
        },
      ],
    },
  };
  const record = joined(
    '04 0000000000000000 00',
    // wallets, holds, spend, level and its beginning
    '00 00 00 04676f6c64 00',
    // the standing: the day it joined, seven measures, its set, since, phases
    '01 a0b802 00 00 00 00 00 00 00 01 046d61696e 80a49cbeba33 01 a1b802 00 00 00 9fb802 00',
    // exceptions: how many, and of each its id, since, whether it is closed, tier, floor, ceiling, thresholds, until, reason, agent
    '02 027831 80a49cbeba33 00 00 04676f6c64 00 01 04676f6c64 8d04 00 03776879 03616e6e',
    '027832 80a49cbeba33 01 00 04676f6c64 00 00 81a49cbeba33 03776879 03616e6e',
    // the level that they make of the phase
    '04676f6c64',
    '00 00 00 00 00',
  );
  expect(hex(encodeMember(excepted))).toBe(record);
  const { recent: _none, ...read } = decodeMember('m', bytesOf(record), () => []);
  const { recent: _empty, ...expected } = excepted;
  expect(read).toEqual(expected);
});

const RESTORED = { walletId: 'points', redemptionId: 's1', points: 40 };
const PAYMENT = {
  programVersion: 3,
  walletId: 'points',
  points: 500,
  worth: 525,
  store: 's1',
  terminal: 't1',
  wallet: '',
  asked: { points: NOT_GIVEN, amount: 525 },
};

/** One of each that joined ENTRIES later, or is laid out otherwise where there is more to say. */
const LATER_ENTRIES: readonly (readonly [Entry, string])[] = [
  [
    {
      kind: 'expiration',
      eventId: '',
      occurredAt: 0,
      at: AT_MS,
      programVersion: 3,
      walletId: 'points',
      earned: [20_000, 5, 20_001, 300],
    },
    '09 00 80a49cbeba33 03 02 a0b802 05 a1b802 ac04',
  ],
  [
    {
      kind: 'expiration',
      eventId: '',
      occurredAt: 0,
      at: AT_MS,
      programVersion: 3,
      walletId: 'miles',
      earned: [20_000, 5],
    },
    '13 00 80a49cbeba33 03 01 a0b802 05 056d696c6573',
  ],
  [
    {
      ...headOf('r2'),
      kind: 'reversal',
      programVersion: 3,
      store: '',
      terminal: '',
      currency: '',
      originalId: '',
      amount: 250,
      lines: [],
      parts: [{ originalId: 'p1', amount: 250, takes: [{ ...TAKE, expired: 2 }], restored: undefined }],
    },
    '0a 027232 80a49cbeba33 03 00 00 00 00 fb01 00 01 027031 fa01 057370656e64 05 04676f6c64 41 02',
  ],
  [
    {
      ...headOf('r3'),
      kind: 'reversal',
      programVersion: 3,
      store: '',
      terminal: '',
      currency: '',
      originalId: 'p1',
      amount: NOT_GIVEN,
      lines: [],
      parts: [
        {
          originalId: 'p1',
          amount: 250,
          takes: [TAKE, { ...TAKE, walletId: 'miles', expired: 1, forgiven: 3 }],
          restored: RESTORED,
        },
        { originalId: '', amount: 7, takes: [], restored: undefined },
      ],
    },
    '0e 027233 80a49cbeba33 03 00 00 00 027031 00 00 02 027031 fa01 02 057370656e64 05 04676f6c64 41 00 06706f696e7473 00 057370656e64 05 04676f6c64 41 01 056d696c6573 03 01 06706f696e7473 027331 28 00 07 00 00',
  ],
  [
    {
      ...headOf('p2'),
      kind: 'accrual',
      store: 's1',
      terminal: 't1',
      currency: 'USD',
      amount: 525,
      deductions: { discount: 1, paidWithPoints: 2, tax: 3, tip: 4, giftCards: 500 },
      counted: 15,
      redemptionId: 's1',
      programVersion: 3,
      lines: [],
      awards: [
        { terms: TERMS, lines: EVERYTHING },
        {
          terms: { ...TERMS, walletId: 'miles', per: 'line', rounded: 'basket', back: 'proportional' },
          lines: [0, 300],
        },
      ],
      returnedAmount: 250,
      confirmed: true,
      late: true,
    },
    '0c 027032 80a49cbeba33 027331 027431 03555344 8d04 03 01 02 03 04 f403 0f 027331 03 02 01 03 057370656e64 02 64 01 04676f6c64 e209 00 00 03 057370656e64 02 64 01 04676f6c64 e209 056d696c6573 02 02 01 02 00 ac02 fa01 00',
  ],
  [
    {
      ...headOf('v1'),
      kind: 'void',
      programVersion: 3,
      originalId: 'p1',
      parts: [{ originalId: 'p1', amount: 250, takes: [TAKE], restored: undefined }],
    },
    '14 027631 80a49cbeba33 03 027031 01 027031 fa01 01 057370656e64 05 04676f6c64 41 00 06706f696e7473 00 00',
  ],
  [
    {
      ...headOf('c1'),
      kind: 'settlement',
      programVersion: 3,
      originalId: 'p1',
      moved: [
        { walletId: 'points', points: 5 },
        { walletId: 'miles', points: 300 },
      ],
    },
    '16 026331 80a49cbeba33 03 027031 02 06706f696e7473 05 056d696c6573 ac02',
  ],
  [{ ...headOf('e2'), at: AT_MS + 1, kind: 'enrolment', programVersion: 3 }, '46 026532 81a49cbeba33 80a49cbeba33 03'],
  [
    { ...headOf('s1'), kind: 'redemption', ...PAYMENT, taken: [20_365, 20_000, 500], reversed: 40 },
    '18 027331 80a49cbeba33 03 06706f696e7473 f403 8d04 027331 027431 00 00 8e04 01 ee02 a0b802 b407 28',
  ],
  [
    { ...headOf('h1'), kind: 'hold', ...PAYMENT, until: AT_MS + 900_000 },
    '1a 026831 80a49cbeba33 03 06706f696e7473 f403 8d04 027331 027431 00 00 8e04 a09bd3beba33',
  ],
  [
    {
      ...headOf('k1'),
      kind: 'capture',
      programVersion: 3,
      walletId: 'points',
      originalId: 'h1',
      asked: NOT_GIVEN,
      points: 300,
      worth: 315,
      released: 200,
      taken: [NEVER, 20_000, 300],
      reversed: 0,
    },
    '1c 026b31 80a49cbeba33 03 06706f696e7473 026831 00 ac02 bb02 c801 01 00 a0b802 ac04 00',
  ],
  [
    { ...headOf('l1'), kind: 'release', programVersion: 3, walletId: 'points', originalId: 'h1', points: 500 },
    '1e 026c31 80a49cbeba33 03 06706f696e7473 026831 f403',
  ],
  [
    {
      ...headOf('b1'),
      kind: 'redemption_reversal',
      programVersion: 3,
      originalId: 's1',
      asked: 40,
      restored: RESTORED,
    },
    '20 026231 80a49cbeba33 03 027331 29 06706f696e7473 027331 28',
  ],
  [
    {
      ...headOf('a2'),
      kind: 'adjustment',
      programVersion: 3,
      walletId: 'points',
      wallet: 'points',
      points: 5,
      reason: '',
      agent: '',
      approvedBy: '',
    },
    '10 026132 80a49cbeba33 03 05 00 00 06706f696e7473 06706f696e7473',
  ],
  [
    {
      ...headOf('a3'),
      kind: 'adjustment',
      programVersion: 3,
      walletId: 'points',
      wallet: '',
      points: 5,
      reason: 'why',
      agent: 'ann',
      approvedBy: 'bob',
    },
    '26 026133 80a49cbeba33 03 05 03776879 03616e6e 06706f696e7473 00 03626f62',
  ],
  [
    {
      ...headOf('x1'),
      kind: 'exception',
      programVersion: 3,
      tier: 'main',
      floor: 'silver',
      ceiling: 'gold',
      thresholds: [{ level: 'gold', from: 525 }],
      until: AT_MS + 1,
      reason: 'why',
      agent: 'ann',
    },
    '22 027831 80a49cbeba33 03 046d61696e 0673696c766572 04676f6c64 01 04676f6c64 8d04 81a49cbeba33 03776879 03616e6e',
  ],
  [
    {
      ...headOf('n1'),
      kind: 'exception_end',
      programVersion: 3,
      originalId: 'x1',
      reason: 'why',
      agent: 'ann',
    },
    '24 026e31 80a49cbeba33 03 027831 03776879 03616e6e',
  ],
];

function headOf(eventId: string): Pick<Entry, 'eventId' | 'occurredAt' | 'at'> {
  return { eventId, occurredAt: AT_MS, at: AT_MS };
}

it.each(LATER_ENTRIES)('an entry: %j', (entry, golden) => {
  const out = new ByteWriter().start();
  writeEntry(out, entry);
  expect(hex(out.copy())).toBe(joined(golden));
  expect(readEntry(new ByteReader(bytesOf(golden), 0))).toEqual(entry);
});

it('a chunk, version 1', () => {
  expect(hex(encodeChunk({ number: 4, entries: packedEntries() }))).toBe(CHUNK);
  const { number, entries } = decodeChunk(4, bytesOf(CHUNK));
  expect({ number, entries: entries.all() }).toEqual({ number: 4, entries: ENTRIES });
});

it('an id block, version 1', () => {
  expect(hex(encodeIdBlock(BLOCK))).toBe(ID_BLOCK);
  expect(decodeIdBlock(bytesOf(ID_BLOCK))).toEqual(BLOCK);
});

it('the fingerprints that records and id blocks are found by', () => {
  expect(['p1', 'r1', 'e\u00e9'].map(fingerprint)).toEqual(FINGERPRINTS);
});

/** All but the version and how many there are; version 2 has one more, how far effects were sent. */
const POSITION_HEX = joined(
  'b34c4f59414c54595f4556454e54534032303236cb41f2a05f20000000cb4330000000000001cb4279ba7c71200000b0',
  '30313233343536373839616263646566a27b7d',
);
const POSITION_1 = joined('01 96', POSITION_HEX);
const POSITION_2 = joined('02 98', POSITION_HEX, 'cb41f2a05f1ff0000003');
/** By database: keys and values. */
const STORE = {
  members: ['6dc3a9 010203'],
  chunks: ['6dc3a900000102 010203'],
  ids: ['6dc3a900000001 010203'],
  timers: ['4279baced6e000006dc3a9 '],
  meta: [`706f736974696f6e ${POSITION_2}`],
};

describe('a store', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'versions-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const before: StoredPosition = {
    epoch: 'LOYALTY_EVENTS@2026',
    sequence: 5_000_000_000,
    messageFingerprint: 2 ** 52 + 1,
    timestampMs: AT_MS,
    digest: '0123456789abcdef',
    program: '{}',
  };

  it('has its position in version 2, and keys', async () => {
    const store = openLmdbStore(folder, { freeBytesMin: 0 });
    const position = { ...before, effects: { sequence: 4_999_999_999, ordinal: 3 } };
    const some = Uint8Array.of(1, 2, 3);
    const chunks = [{ number: 258, bytes: some }];
    const idBlocks = [{ level: 1, bytes: some }];
    const due = AT_MS + 86_400_000;
    await store.commit({
      position,
      members: [{ id: 'm\u00e9', bytes: some, chunks, idBlocks, dueBefore: Infinity, due }],
    });
    await store.close();
    expect(await dump()).toEqual(STORE);
    const again = openLmdbStore(folder);
    expect(again.position()).toEqual(position);
    await again.close();
  });

  it('with a position of version 1 is read', async () => {
    await openLmdbStore(folder).close();
    const environment = open<Uint8Array, Buffer>(folder, { encoding: 'binary', noSubdir: false });
    await environment
      .openDB({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' })
      .put(Buffer.from('position'), bytesOf(POSITION_1));
    await environment.close();
    const store = openLmdbStore(folder);
    expect(store.position()).toEqual(before);
    await store.close();
  });

  /** Keys and values of each database, as they lie there. */
  async function dump(): Promise<Record<string, string[]>> {
    const environment = open<Uint8Array, Buffer>(folder, { encoding: 'binary', noSubdir: false });
    const dumped: Record<string, string[]> = {};
    for (const name of ['members', 'chunks', 'ids', 'timers', 'meta']) {
      const database = environment.openDB<Uint8Array, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
      dumped[name] = [...database.getRange()].map(({ key, value }) => `${hex(key)} ${hex(value)}`);
    }
    await environment.close();
    return dumped;
  }
});

// --- Effects, which others read ---

const EFFECTS_1 = [
  '{"version":1,"partition":17,"epoch":"LOYALTY_EVENTS@2026","to":{"sequence":12,"ordinal":3},',
  '"effects":[{"sequence":11,"ordinal":1,"loggedAt":"2026-01-10T12:00:00.000Z","type":"reversal","memberId":"m","eventId":"r1","at":"2026-01-10T12:00:00.000Z",',
  '"movements":[{"wallet":"points","amount":-5,"rule":"spend","originalId":"p1"}],"balance":7},',
  '{"sequence":11,"ordinal":2,"loggedAt":"2026-01-10T12:00:00.000Z","type":"tier_changed","memberId":"m","tier":"main","from":"gold","to":null,"at":"2026-01-10T12:00:00.000Z","eventId":"r1"},',
  '{"sequence":12,"ordinal":3,"loggedAt":"2026-01-10T12:00:00.000Z","type":"rejected","code":"malformed","message":"why","bytes":"AQID","bytesTotal":3}]}',
].join('');

/** What is left is said of each wallet. */
const EFFECTS_2 = [
  '{"version":2,"partition":17,"epoch":"LOYALTY_EVENTS@2026","to":{"sequence":12,"ordinal":3},',
  '"effects":[{"sequence":11,"ordinal":1,"loggedAt":"2026-01-10T12:00:00.000Z","type":"reversal","memberId":"m","eventId":"r1","at":"2026-01-10T12:00:00.000Z","originalId":"p1",',
  '"movements":[{"wallet":"points","amount":-5,"rule":"spend","originalId":"p1"}],"balances":{"points":{"available":7,"pending":0,"held":0,"debt":0}}},',
  '{"sequence":11,"ordinal":2,"loggedAt":"2026-01-10T12:00:00.000Z","type":"tier_changed","memberId":"m","tier":"main","from":"gold","to":null,"at":"2026-01-10T12:00:00.000Z","eventId":"r1"},',
  '{"sequence":12,"ordinal":3,"loggedAt":"2026-01-10T12:00:00.000Z","type":"rejected","code":"malformed","message":"why","bytes":"AQID","bytesTotal":3}]}',
].join('');

it('effects, version 2', () => {
  const message: EffectsMessage = {
    version: 2,
    partition: 17,
    epoch: 'LOYALTY_EVENTS@2026',
    to: { sequence: 12, ordinal: 3 },
    effects: [
      {
        sequence: 11,
        ordinal: 1,
        loggedAt: '2026-01-10T12:00:00.000Z',
        type: 'reversal',
        memberId: 'm',
        eventId: 'r1',
        at: '2026-01-10T12:00:00.000Z',
        originalId: 'p1',
        movements: [{ wallet: 'points', amount: -5, rule: 'spend', originalId: 'p1' }],
        balances: { points: { available: 7, pending: 0, held: 0, debt: 0 } },
      },
      {
        sequence: 11,
        ordinal: 2,
        loggedAt: '2026-01-10T12:00:00.000Z',
        type: 'tier_changed',
        memberId: 'm',
        tier: 'main',
        from: 'gold',
        to: null,
        at: '2026-01-10T12:00:00.000Z',
        eventId: 'r1',
      },
      {
        sequence: 12,
        ordinal: 3,
        loggedAt: '2026-01-10T12:00:00.000Z',
        type: 'rejected',
        code: 'malformed',
        message: 'why',
        bytes: 'AQID',
        bytesTotal: 3,
      },
    ],
  };
  expect(text(encodeEffects(message))).toBe(EFFECTS_2);
  expect(decodeEffects(utf8(EFFECTS_2))).toEqual(message);
});

it('effects of version 1 are read', () => {
  expect(decodeEffects(utf8(EFFECTS_1))).toEqual(JSON.parse(EFFECTS_1));
});

const SENT_EFFECTS = [
  '{"version":2,"partition":0,"epoch":"memory@1","to":{"sequence":2,"ordinal":2},',
  '"effects":[{"sequence":2,"ordinal":1,"loggedAt":"2026-01-10T12:00:00.000Z","type":"accrual","memberId":"m","eventId":"p-golden","at":"2026-01-10T12:00:00.000Z",',
  '"movements":[{"wallet":"points","amount":12,"rule":"spend"}],"balances":{"points":{"available":12,"pending":0,"held":0,"debt":0}}},',
  '{"sequence":2,"ordinal":2,"loggedAt":"2026-01-10T12:00:00.000Z","type":"tier_changed","memberId":"m","tier":"main","from":null,"to":"silver","at":"2026-01-10T12:00:00.000Z","eventId":"p-golden"}]}',
].join('');

it('the fields of effects as the engine fills them', async () => {
  const desk = await Desk.open({ options: { fullLedger: true } });
  await desk.score([programEvent()]);
  await desk.score([purchase('m', 12, { id: 'p-golden' })]);
  await desk.partition.checkpoint();
  const message = await desk.log.effectsReader.messageAt(1);
  expect(text(message?.payload ?? new Uint8Array())).toBe(SENT_EFFECTS);
});

// --- Between gateways and workers ---

const QUERIES: readonly (readonly [Query, string])[] = [
  [
    { op: 'member', memberId: 'm', asOf: AT_MS, lease: true },
    '{"version":1,"query":{"op":"member","memberId":"m","asOf":1768046400000,"lease":true}}',
  ],
  [
    { op: 'ledger', memberId: 'm', before: 7, limit: 50 },
    '{"version":1,"query":{"op":"ledger","memberId":"m","before":7,"limit":50}}',
  ],
  [{ op: 'preview', events: [{ type: 'tick' }] }, '{"version":1,"query":{"op":"preview","events":[{"type":"tick"}]}}'],
];

it.each(QUERIES)('a query, version 1: %j', (query, golden) => {
  expect(text(encodeQuery(query))).toBe(golden);
  expect(decodeQuery(utf8(golden))).toEqual(query);
});

const ANSWERS: readonly (readonly [Answer, string])[] = [
  [
    { ok: true, op: 'member', member: null, epoch: 'e' },
    '{"version":1,"answer":{"ok":true,"op":"member","member":null,"epoch":"e"}}',
  ],
  [
    { ok: true, op: 'ledger', entries: [], next: 7 },
    '{"version":1,"answer":{"ok":true,"op":"ledger","entries":[],"next":7}}',
  ],
  [{ ok: true, op: 'preview', outcomes: [] }, '{"version":1,"answer":{"ok":true,"op":"preview","outcomes":[]}}'],
  [
    { ok: false, code: 'not_ready', message: 'soon' },
    '{"version":1,"answer":{"ok":false,"code":"not_ready","message":"soon"}}',
  ],
];

it.each(ANSWERS)('an answer, version 1: %j', (answer, golden) => {
  expect(text(encodeAnswer(answer))).toBe(golden);
  expect(decodeAnswer(utf8(golden))).toEqual(answer);
});

it('the notice of an owner, version 1', () => {
  const golden = '{"version":1,"notice":{"partition":17}}';
  expect(text(encodeOwner({ partition: 17 }))).toBe(golden);
  expect(decodeOwner(utf8(golden))).toEqual({ partition: 17 });
});

const SCORED = [
  '{"version":1,"reply":{"sequence":2,"first":0,',
  '"outcomes":[{"id":"p-golden","code":"scored",',
  '"entries":[{"wallet":"points","amount":12,"rule":"spend"}],"tierChanges":[{"from":null,"to":"silver","at":"2026-01-10T12:00:00.000Z"}],',
  '"member":{"id":"m","epoch":"memory@1","version":2,',
  '"balances":{"points":{"available":12,"pending":0,"held":0,"debt":0}},"expiring":[],',
  '"tiers":{"main":{"level":"silver","since":"2026-01-10T12:00:00.000Z","until":"2026-01-17T00:00:00.000Z","next":{"level":"gold","paths":[{"counter":"spend","have":1200,"need":2000,"by":"2026-01-17T00:00:00.000Z"}]},',
  '"keep":[{"counter":"spend","have":0,"need":1000,"by":"2026-01-17T00:00:00.000Z"}]}},"counters":{"spend":1200}}}]}}',
].join('');

it('scored outcomes, version 1', async () => {
  const golden = '{"version":1,"reply":{"sequence":12,"first":256,"outcomes":[]}}';
  expect(text(encodeScored({ sequence: 12, first: 256, outcomes: [] }))).toBe(golden);
  expect(decodeScored(utf8(golden))).toEqual({ sequence: 12, first: 256, outcomes: [] });
  // As the engine fills them.
  const desk = await Desk.open();
  await desk.score([programEvent()]);
  await desk.score([purchase('m', 12, { id: 'p-golden' })], 'reply.1');
  expect(text(desk.sent[0]?.payload ?? new Uint8Array())).toBe(SCORED);
});

it('a live update, version 1, and the frame a client gets', () => {
  const update = { version: 258, loggedAtMs: AT_MS, json: '{"id":"m\u00e9"}' };
  const golden = joined('01', '4070200000000000', '4279ba7c71200000', '7b226964223a226dc3a9227d');
  expect(hex(encodeLive(update))).toBe(golden);
  expect(decodeLive(bytesOf(golden))).toEqual(update);
  expect(liveFrame('update', 'member:m\u00e9', 'e', 258, update.json)).toBe(
    '{"type":"update","topic":"member:m\u00e9","epoch":"e","version":258,"data":{"id":"m\u00e9"}}',
  );
});

// --- What everybody may watch: plain JSON without a version, to which fields may only be added ---

const FEED = [
  '[{"at":"2026-01-10T12:00:00.000Z","memberId":"m","type":"purchase","store":"s1","amount":1200,"points":12,"level":"silver","tierChange":{"from":null,"to":"silver"}}]',
].join('');

it('an item of the feed', async () => {
  const desk = await Desk.open();
  await desk.score([programEvent()]);
  desk.feed.want();
  await desk.score([purchase('m', 12, { id: 'p-golden' })]);
  expect(JSON.stringify(desk.fed)).toBe(FEED);
});

it('the figures of the whole engine', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'], now: AT_MS });
  try {
    const counters = new WorkerCounters(allocateCounters(1));
    const lag = { messages: () => 3, seconds: () => 1.5 };
    const sent: string[] = [];
    const source = { counters: [counters], partitions: 1, restarts: 0, lag, ownerOf: () => counters };
    const stop = publishStats(
      source,
      () => true,
      (stats) => sent.push(JSON.stringify(stats)),
    );
    counters.event('purchase', 'scored');
    vi.advanceTimersByTime(1_000);
    stop();
    expect(sent).toEqual([
      '{"at":"2026-01-10T12:00:01.000Z","eventsTotal":1,"eventsPerSecond":1,"pointsPerSecond":0,"tierChangesPerSecond":0,' +
        '"rejectedTotal":0,"lagMessages":3,"lagSeconds":1.5,"partitions":1,"ready":true}',
    ]);
  } finally {
    vi.useRealTimers();
  }
});

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function utf8(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

it('phases before the one that judgement goes on from', () => {
  const phase = { until: 0, lostDay: 0, anchor: 19_999, reward: 0 };
  const phases = [
    { ...phase, day: 20_001, level: '' },
    { ...phase, day: 20_002, level: 'gold' },
  ];
  const standing = { ...newStanding(20_000), sets: [{ id: 'main', level: 'gold', since: AT_MS, phases, base: 1 }] };
  const out = new ByteWriter();
  writeStanding(out, standing);
  const record = joined(
    '02 a0b802 00 00 00 00 00 00 00 01 046d61696e 80a49cbeba33 01',
    '02 a1b802 00 00 00 9fb802 00 a2b802 04676f6c64 00 00 9fb802 00',
  );
  expect(hex(out.copy())).toBe(record);
  expect(readStanding(new ByteReader(bytesOf(record), 0))).toEqual(standing);
});
