/**
 * A member as stored. Layout: version byte, eight bytes of sequence (the message that last changed the member), then a flat
 * MessagePack array. The digest is taken over the array alone: two logs with the same events in another packing give the
 * same digest, though their sequences differ.
 *
 * Member record version 1, chunk version 1, id block version 1.
 */

import { Packr } from 'msgpackr';
import { assert } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import type { Rounding } from '../lib/integer.ts';
import type { AccrualTerms } from '../program/program.ts';
import type { Accrual, AccrualLine, Entry, ReversalPart } from '../scoring/entry.ts';
import type { ReturnLine } from '../scoring/event.ts';
import { type Chunk, History, type IdBlock } from '../scoring/history.ts';
import { type Member, newMember } from '../scoring/member.ts';

const MEMBER_VERSION = 1;
const CHUNK_VERSION = 1;
const ID_BLOCK_VERSION = 1;
const SEQUENCE_BYTES = 8;
export const MEMBER_HEAD_BYTES = 1 + SEQUENCE_BYTES;
export const CHUNK_HEAD_BYTES = 1;

const packr = new Packr({ useRecords: false, int64AsType: 'number' });

const ROUNDINGS: readonly Rounding[] = ['floor', 'nearest', 'ceil'];

export function encodeMember(member: Member): Uint8Array {
  const terms: AccrualTerms[] = [];
  const entries = member.recent.map((entry) => entryToArray(entry, terms));
  const body = packr.pack([
    member.enrolledAt,
    member.balance,
    member.lots.days,
    member.lots.amounts,
    member.spend.days,
    member.spend.amounts,
    member.levelId,
    member.levelSince,
    member.programVersion,
    member.asOf,
    member.due === Infinity ? 0 : member.due,
    member.history?.sealed ?? 0,
    terms.map(termsToArray),
    entries,
  ]);
  const bytes = Buffer.allocUnsafe(MEMBER_HEAD_BYTES + body.length);
  bytes[0] = MEMBER_VERSION;
  bytes.writeDoubleBE(member.version, 1);
  bytes.set(body, MEMBER_HEAD_BYTES);
  return bytes;
}

/** `readBlocks` brings the id index of a member that has sealed chunks. */
export function decodeMember(
  id: string,
  bytes: Uint8Array,
  readBlocks: (memberId: string, sealed: number) => (IdBlock | undefined)[],
): Member {
  assert(bytes[0] === MEMBER_VERSION, () => `member record version ${bytes[0]} is not known`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = packr.unpack(bytes.subarray(MEMBER_HEAD_BYTES)) as MemberFields;
  const terms = fields[12].map(arrayToTerms);
  const member = newMember(id);
  member.version = view.getFloat64(1);
  member.enrolledAt = fields[0];
  member.balance = fields[1];
  member.lots = { days: fields[2], amounts: fields[3] };
  member.spend = { days: fields[4], amounts: fields[5] };
  member.levelId = fields[6];
  member.levelSince = fields[7];
  member.programVersion = fields[8];
  member.asOf = fields[9];
  member.due = fields[10] === 0 ? Infinity : fields[10];
  if (fields[11] > 0) member.history = new History(fields[11], readBlocks(id, fields[11]));
  member.recent = fields[13].map((entry) => arrayToEntry(entry, terms));
  return member;
}

export function encodeChunk(chunk: Chunk): Uint8Array {
  const terms: AccrualTerms[] = [];
  const entries = chunk.entries.map((entry) => entryToArray(entry, terms));
  const body = packr.pack([terms.map(termsToArray), entries]);
  const bytes = Buffer.allocUnsafe(CHUNK_HEAD_BYTES + body.length);
  bytes[0] = CHUNK_VERSION;
  bytes.set(body, CHUNK_HEAD_BYTES);
  return bytes;
}

export function decodeChunk(number: number, bytes: Uint8Array): Chunk {
  assert(bytes[0] === CHUNK_VERSION, () => `chunk record version ${bytes[0]} is not known`);
  const [termsFields, entryFields] = packr.unpack(bytes.subarray(CHUNK_HEAD_BYTES)) as [TermsFields[], EntryFields[]];
  const terms = termsFields.map(arrayToTerms);
  return { number, entries: entryFields.map((entry) => arrayToEntry(entry, terms)), state: 'clean' };
}

/** Fixed width: eight bytes of fingerprint, four of chunk number, each little-endian as typed arrays are here. */
export function encodeIdBlock({ fingerprints, chunks }: IdBlock): Uint8Array {
  const bytes = new Uint8Array(8 + fingerprints.byteLength + chunks.byteLength);
  bytes[0] = ID_BLOCK_VERSION;
  bytes.set(new Uint8Array(fingerprints.buffer, fingerprints.byteOffset, fingerprints.byteLength), 8);
  bytes.set(new Uint8Array(chunks.buffer, chunks.byteOffset, chunks.byteLength), 8 + fingerprints.byteLength);
  return bytes;
}

export function decodeIdBlock(bytes: Uint8Array): IdBlock {
  assert(bytes[0] === ID_BLOCK_VERSION, () => `id block version ${bytes[0]} is not known`);
  // Copied: typed arrays need their own alignment, and the store reuses its buffers.
  const own = bytes.slice(8);
  const length = own.length / 12;
  return {
    fingerprints: new Float64Array(own.buffer, own.byteOffset, length),
    chunks: new Uint32Array(own.buffer, own.byteOffset + length * 8, length),
  };
}

type MemberFields = readonly [
  enrolledAt: number,
  balance: number,
  lotDays: number[],
  lotAmounts: number[],
  spendDays: number[],
  spendAmounts: number[],
  levelId: string,
  levelSince: number,
  programVersion: number,
  asOf: number,
  due: number,
  sealed: number,
  terms: TermsFields[],
  entries: EntryFields[],
];

type TermsFields = readonly [
  programVersion: number,
  ruleId: string,
  points: number,
  perMinor: number,
  rounding: number,
  levelId: string,
  multiplierMilli: number,
];

const ACCRUAL = 0;
const REVERSAL = 1;
const ADJUSTMENT = 2;
const ENROLMENT = 3;

type AccrualFields = readonly [
  kind: typeof ACCRUAL,
  eventId: string,
  occurredAt: number,
  at: number,
  store: string,
  terminal: string,
  currency: string,
  amount: number,
  terms: number,
  returnedAmount: number,
  lines: (string | number)[],
];

type ReversalFields = readonly [
  kind: typeof REVERSAL,
  eventId: string,
  occurredAt: number,
  at: number,
  programVersion: number,
  store: string,
  terminal: string,
  currency: string,
  originalId: string,
  amount: number,
  lines: (string | number)[],
  parts: (string | number)[],
];

type AdjustmentFields = readonly [
  kind: typeof ADJUSTMENT,
  eventId: string,
  occurredAt: number,
  at: number,
  programVersion: number,
  points: number,
  reason: string,
  agent: string,
];

type EnrolmentFields = readonly [
  kind: typeof ENROLMENT,
  eventId: string,
  occurredAt: number,
  at: number,
  programVersion: number,
];

type EntryFields = AccrualFields | ReversalFields | AdjustmentFields | EnrolmentFields;

/** Entries name their terms by index, since a member's purchases share a few. */
function indexOfTerms(terms: AccrualTerms[], wanted: AccrualTerms): number {
  for (let index = 0; index < terms.length; index++) if (sameTerms(terms[index] as AccrualTerms, wanted)) return index;
  return terms.push(wanted) - 1;
}

function sameTerms(left: AccrualTerms, right: AccrualTerms): boolean {
  // Program versions do not change once given, so version and level say everything.
  return left === right || (left.programVersion === right.programVersion && left.levelId === right.levelId);
}

function termsToArray({ programVersion, ruleId, rate, levelId, multiplierMilli }: AccrualTerms): TermsFields {
  return [
    programVersion,
    ruleId,
    rate.points,
    rate.perMinor,
    ROUNDINGS.indexOf(rate.rounding),
    levelId,
    multiplierMilli,
  ];
}

function arrayToTerms(fields: TermsFields): AccrualTerms {
  const [programVersion, ruleId, points, perMinor, rounding, levelId, multiplierMilli] = fields;
  const rate = { points, perMinor, rounding: ROUNDINGS[rounding] as Rounding };
  return { programVersion, ruleId, rate, levelId, multiplierMilli };
}

function entryToArray(entry: Entry, terms: AccrualTerms[]): EntryFields {
  switch (entry.kind) {
    case 'accrual':
      return [
        ACCRUAL,
        entry.eventId,
        entry.occurredAt,
        entry.at,
        entry.store,
        entry.terminal,
        entry.currency,
        entry.amount,
        indexOfTerms(terms, entry.terms),
        entry.returnedAmount,
        flatAccrualLines(entry.lines),
      ];
    case 'reversal':
      return [
        REVERSAL,
        entry.eventId,
        entry.occurredAt,
        entry.at,
        entry.programVersion,
        entry.store,
        entry.terminal,
        entry.currency,
        entry.originalId,
        entry.amount,
        entry.lines.flatMap(({ sku, quantity, amount }) => [sku, quantity, amount]),
        entry.parts.flatMap((part) => [part.originalId, part.amount, part.ruleId, part.base, part.levelId, part.bonus]),
      ];
    case 'adjustment': {
      const { eventId, occurredAt, at, programVersion, points, reason, agent } = entry;
      return [ADJUSTMENT, eventId, occurredAt, at, programVersion, points, reason, agent];
    }
    case 'enrolment':
      return [ENROLMENT, entry.eventId, entry.occurredAt, entry.at, entry.programVersion];
  }
}

function arrayToEntry(fields: EntryFields, terms: readonly AccrualTerms[]): Entry {
  switch (fields[0]) {
    case ACCRUAL:
      return {
        kind: 'accrual',
        eventId: fields[1],
        fingerprint: fingerprint(fields[1]),
        occurredAt: fields[2],
        at: fields[3],
        store: fields[4],
        terminal: fields[5],
        currency: fields[6],
        amount: fields[7],
        lines: accrualLines(fields[10]),
        terms: terms[fields[8]] as AccrualTerms,
        returnedAmount: fields[9],
      } satisfies Accrual;
    case REVERSAL:
      return {
        kind: 'reversal',
        eventId: fields[1],
        fingerprint: fingerprint(fields[1]),
        occurredAt: fields[2],
        at: fields[3],
        programVersion: fields[4],
        store: fields[5],
        terminal: fields[6],
        currency: fields[7],
        originalId: fields[8],
        amount: fields[9],
        lines: groups(fields[10], 3).map(([sku, quantity, amount]) => ({ sku, quantity, amount }) as ReturnLine),
        parts: groups(fields[11], 6).map(
          ([originalId, amount, ruleId, base, levelId, bonus]) =>
            ({ originalId, amount, ruleId, base, levelId, bonus }) as ReversalPart,
        ),
      };
    case ADJUSTMENT:
      return {
        kind: 'adjustment',
        eventId: fields[1],
        fingerprint: fingerprint(fields[1]),
        occurredAt: fields[2],
        at: fields[3],
        programVersion: fields[4],
        points: fields[5],
        reason: fields[6],
        agent: fields[7],
      };
    case ENROLMENT:
      return {
        kind: 'enrolment',
        eventId: fields[1],
        fingerprint: fingerprint(fields[1]),
        occurredAt: fields[2],
        at: fields[3],
        programVersion: fields[4],
      };
  }
}

function flatAccrualLines(lines: readonly AccrualLine[]): (string | number)[] {
  const flat: (string | number)[] = [];
  for (const { sku, category, quantity, amount, returnedQuantity, returnedAmount } of lines) {
    flat.push(sku, category, quantity, amount, returnedQuantity, returnedAmount);
  }
  return flat;
}

function accrualLines(flat: readonly (string | number)[]): AccrualLine[] {
  return groups(flat, 6).map(
    ([sku, category, quantity, amount, returnedQuantity, returnedAmount]) =>
      ({ sku, category, quantity, amount, returnedQuantity, returnedAmount }) as AccrualLine,
  );
}

function groups<T>(flat: readonly T[], size: number): T[][] {
  const rows: T[][] = [];
  for (let index = 0; index < flat.length; index += size) rows.push(flat.slice(index, index + size));
  return rows;
}
