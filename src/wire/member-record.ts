/**
 * A member as stored. Layout: version byte, eight bytes of sequence (the message that last changed the member), then its
 * fields (bytes.ts) in the order of `encodeMember`. The digest leaves the head out: two logs with the same events in another
 * packing give the same digest, though their sequences differ.
 *
 * Member record version 1, chunk version 1, id block version 1.
 */
import { assert } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import type { Rounding } from '../lib/integer.ts';
import type { AccrualTerms } from '../program/program.ts';
import type { Days } from '../scoring/days.ts';
import type { Accrual, AccrualLine, Entry, Reversal, ReversalPart } from '../scoring/entry.ts';
import { NOT_GIVEN, type ReturnLine } from '../scoring/event.ts';
import { type Chunk, History, type IdBlock } from '../scoring/history.ts';
import { type Member, newMember } from '../scoring/member.ts';
import { ByteReader, ByteWriter } from './bytes.ts';

const MEMBER_VERSION = 1;
const CHUNK_VERSION = 1;
const ID_BLOCK_VERSION = 1;
const SEQUENCE_BYTES = 8;
export const MEMBER_HEAD_BYTES = 1 + SEQUENCE_BYTES;
export const CHUNK_HEAD_BYTES = 1;

const ROUNDINGS: readonly Rounding[] = ['floor', 'nearest', 'ceil'];

const out = new ByteWriter();

export function encodeMember(member: Member): Uint8Array {
  out.byte(MEMBER_VERSION);
  out.double(member.version);
  out.uint(member.enrolledAt);
  out.int(member.balance);
  writeDays(member.lots);
  writeDays(member.spend);
  out.text(member.levelId);
  out.uint(member.levelSince);
  out.uint(member.programVersion);
  out.uint(member.asOf);
  out.uint(member.due === Infinity ? 0 : member.due);
  out.uint(member.history?.sealed ?? 0);
  writeEntries(member.recent);
  return out.finish();
}

/** `readBlocks` brings the id index of a member that has sealed chunks. */
export function decodeMember(
  id: string,
  bytes: Uint8Array,
  readBlocks: (memberId: string, sealed: number) => (IdBlock | undefined)[],
): Member {
  assert(bytes[0] === MEMBER_VERSION, () => `member record version ${bytes[0]} is not known`);
  const from = new ByteReader(bytes, 1);
  const member = newMember(id);
  member.version = from.double();
  member.enrolledAt = from.uint();
  member.balance = from.int();
  member.lots = readDays(from);
  member.spend = readDays(from);
  member.levelId = from.text();
  member.levelSince = from.uint();
  member.programVersion = from.uint();
  member.asOf = from.uint();
  member.due = from.uint() || Infinity;
  const sealed = from.uint();
  if (sealed > 0) member.history = new History(sealed, readBlocks(id, sealed));
  member.recent = readEntries(from);
  return member;
}

export function encodeChunk(chunk: Chunk): Uint8Array {
  out.byte(CHUNK_VERSION);
  writeEntries(chunk.entries);
  return out.finish();
}

export function decodeChunk(number: number, bytes: Uint8Array): Chunk {
  assert(bytes[0] === CHUNK_VERSION, () => `chunk record version ${bytes[0]} is not known`);
  return { number, entries: readEntries(new ByteReader(bytes, CHUNK_HEAD_BYTES)), state: 'clean' };
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

function writeDays({ days, amounts }: Days): void {
  out.uint(days.length);
  for (let index = 0; index < days.length; index++) {
    out.int(days[index] as number);
    out.int(amounts[index] as number);
  }
}

function readDays(from: ByteReader): Days {
  const days: number[] = [];
  const amounts: number[] = [];
  for (let left = from.uint(); left > 0; left--) {
    days.push(from.int());
    amounts.push(from.int());
  }
  return { days, amounts };
}

// --- Entries: the terms they share, then each entry, which names its terms by index ---

const ACCRUAL = 0;
const REVERSAL = 1;
const ADJUSTMENT = 2;
const ENROLMENT = 3;

function writeEntries(entries: readonly Entry[]): void {
  const terms: AccrualTerms[] = [];
  for (const entry of entries) {
    if (entry.kind === 'accrual' && indexOfTerms(terms, entry.terms) < 0) terms.push(entry.terms);
  }
  out.uint(terms.length);
  for (const one of terms) writeTerms(one);
  out.uint(entries.length);
  for (const entry of entries) writeEntry(entry, terms);
}

function readEntries(from: ByteReader): Entry[] {
  const terms: AccrualTerms[] = [];
  for (let left = from.uint(); left > 0; left--) terms.push(readTerms(from));
  const entries: Entry[] = [];
  for (let left = from.uint(); left > 0; left--) entries.push(readEntry(from, terms));
  return entries;
}

function indexOfTerms(terms: readonly AccrualTerms[], wanted: AccrualTerms): number {
  for (let index = 0; index < terms.length; index++) if (sameTerms(terms[index] as AccrualTerms, wanted)) return index;
  return -1;
}

function sameTerms(left: AccrualTerms, right: AccrualTerms): boolean {
  // Program versions do not change once given, so version and level say everything.
  return left === right || (left.programVersion === right.programVersion && left.levelId === right.levelId);
}

function writeTerms({ programVersion, ruleId, rate, levelId, multiplierMilli }: AccrualTerms): void {
  out.uint(programVersion);
  out.text(ruleId);
  out.uint(rate.points);
  out.uint(rate.perMinor);
  out.byte(ROUNDINGS.indexOf(rate.rounding));
  out.text(levelId);
  out.uint(multiplierMilli);
}

function readTerms(from: ByteReader): AccrualTerms {
  const programVersion = from.uint();
  const ruleId = from.text();
  const points = from.uint();
  const perMinor = from.uint();
  const rounding = ROUNDINGS[from.uint()] as Rounding;
  return {
    programVersion,
    ruleId,
    rate: { points, perMinor, rounding },
    levelId: from.text(),
    multiplierMilli: from.uint(),
  };
}

function writeEntry(entry: Entry, terms: readonly AccrualTerms[]): void {
  switch (entry.kind) {
    case 'accrual':
      writeHead(ACCRUAL, entry);
      writeAccrual(entry, terms);
      return;
    case 'reversal':
      writeHead(REVERSAL, entry);
      writeReversal(entry);
      return;
    case 'adjustment':
      writeHead(ADJUSTMENT, entry);
      out.uint(entry.programVersion);
      out.int(entry.points);
      out.text(entry.reason);
      out.text(entry.agent);
      return;
    case 'enrolment':
      writeHead(ENROLMENT, entry);
      out.uint(entry.programVersion);
  }
}

/** An entry counts from when its event happened, or from when the log received it; only one of the two need be kept. */
function writeHead(kind: number, { eventId, occurredAt, at }: Entry): void {
  out.byte(kind * 2 + (occurredAt === 0 ? 1 : 0));
  out.text(eventId);
  out.uint(at);
}

function readEntry(from: ByteReader, terms: readonly AccrualTerms[]): Entry {
  const code = from.uint();
  const eventId = from.text();
  const at = from.uint();
  const head = { eventId, fingerprint: fingerprint(eventId), occurredAt: code % 2 === 1 ? 0 : at, at };
  switch (code >> 1) {
    case ACCRUAL:
      return readAccrual(from, head, terms);
    case REVERSAL:
      return readReversal(from, head);
    case ADJUSTMENT:
      return {
        kind: 'adjustment',
        ...head,
        programVersion: from.uint(),
        points: from.int(),
        reason: from.text(),
        agent: from.text(),
      };
    default:
      return { kind: 'enrolment', ...head, programVersion: from.uint() };
  }
}

type Head = Pick<Entry, 'eventId' | 'fingerprint' | 'occurredAt' | 'at'>;

function writeAccrual(entry: Accrual, terms: readonly AccrualTerms[]): void {
  out.text(entry.store);
  out.text(entry.terminal);
  out.text(entry.currency);
  out.uint(entry.amount);
  out.uint(indexOfTerms(terms, entry.terms));
  out.uint(entry.returnedAmount);
  out.uint(entry.lines.length);
  for (const line of entry.lines) {
    out.text(line.sku);
    out.text(line.category);
    out.uint(line.quantity);
    out.uint(line.amount);
    out.uint(line.returnedQuantity);
    out.uint(line.returnedAmount);
  }
}

const NO_LINES: AccrualLine[] = [];

function readAccrual(
  from: ByteReader,
  { eventId, fingerprint, occurredAt, at }: Head,
  terms: readonly AccrualTerms[],
): Accrual {
  const store = from.text();
  const terminal = from.text();
  const currency = from.text();
  const amount = from.uint();
  const ownTerms = terms[from.uint()];
  assert(ownTerms !== undefined, 'an entry names terms that are not there');
  const returnedAmount = from.uint();
  const count = from.uint();
  const lines = count === 0 ? NO_LINES : Array.from({ length: count }, () => readAccrualLine(from));
  // Every field in the order in which scoring makes it, so that all accruals share one hidden class.
  return {
    kind: 'accrual',
    eventId,
    fingerprint,
    occurredAt,
    at,
    store,
    terminal,
    currency,
    amount,
    lines,
    terms: ownTerms,
    returnedAmount,
  };
}

function readAccrualLine(from: ByteReader): AccrualLine {
  return {
    sku: from.text(),
    category: from.text(),
    quantity: from.uint(),
    amount: from.uint(),
    returnedQuantity: from.uint(),
    returnedAmount: from.uint(),
  };
}

function writeReversal(entry: Reversal): void {
  out.uint(entry.programVersion);
  out.text(entry.store);
  out.text(entry.terminal);
  out.text(entry.currency);
  out.text(entry.originalId);
  writeGiven(entry.amount);
  out.uint(entry.lines.length);
  for (const { sku, quantity, amount } of entry.lines) {
    out.text(sku);
    out.uint(quantity);
    writeGiven(amount);
  }
  out.uint(entry.parts.length);
  for (const part of entry.parts) {
    out.text(part.originalId);
    out.uint(part.amount);
    out.text(part.ruleId);
    out.int(part.base);
    out.text(part.levelId);
    out.int(part.bonus);
  }
}

function readReversal(from: ByteReader, head: Head): Reversal {
  return {
    kind: 'reversal',
    ...head,
    programVersion: from.uint(),
    store: from.text(),
    terminal: from.text(),
    currency: from.text(),
    originalId: from.text(),
    amount: readGiven(from),
    lines: Array.from({ length: from.uint() }, (): ReturnLine => {
      return { sku: from.text(), quantity: from.uint(), amount: readGiven(from) };
    }),
    parts: Array.from({ length: from.uint() }, (): ReversalPart => {
      return {
        originalId: from.text(),
        amount: from.uint(),
        ruleId: from.text(),
        base: from.int(),
        levelId: from.text(),
        bonus: from.int(),
      };
    }),
  };
}

/** An amount that may have been left out: 0 for that, else one more than it is. */
function writeGiven(amount: number): void {
  out.uint(amount - NOT_GIVEN);
}

function readGiven(from: ByteReader): number {
  return from.uint() + NOT_GIVEN;
}
