/**
 * One ledger entry as bytes (bytes.ts): a code, the event id, when it counts, and the fields of its kind. Everything it names
 * is spelled out, so that an entry can be read, moved and sealed away without the member around it.
 */
import type { Rounding } from '../lib/integer.ts';
import type { AccrualTerms } from '../program/program.ts';
import type { Days } from '../scoring/days.ts';
import type { Accrual, AccrualLine, Entry, Reversal, ReversalPart } from '../scoring/entry.ts';
import { NOT_GIVEN, type ReturnLine } from '../scoring/event.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { WireError } from './pack.ts';

const ROUNDINGS: readonly Rounding[] = ['floor', 'nearest', 'ceil'];

const ACCRUAL = 0;
const REVERSAL = 1;
const ADJUSTMENT = 2;
const ENROLMENT = 3;
const EXPIRATION = 4;
/** A reversal some of whose points had expired; any other is written as it was before there was expiry. */
const REVERSAL_OF_EXPIRED = 5;

/** Bytes of terms written before. A program has a few, compiled once, and nearly every entry names one of them. */
const knownTerms = new WeakMap<AccrualTerms, Uint8Array>();

function writeTerms(out: ByteWriter, terms: AccrualTerms): void {
  const known = knownTerms.get(terms);
  if (known !== undefined) {
    out.raw(known, 0, known.length);
    return;
  }
  const start = out.length;
  const { programVersion, ruleId, rate, levelId, multiplierMilli } = terms;
  out.uint(programVersion);
  out.text(ruleId);
  out.uint(rate.points);
  out.uint(rate.perMinor);
  out.byte(ROUNDINGS.indexOf(rate.rounding));
  out.text(levelId);
  out.uint(multiplierMilli);
  knownTerms.set(terms, Uint8Array.prototype.slice.call(out.bytes, start, out.length));
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

export function writeEntry(out: ByteWriter, entry: Entry): void {
  switch (entry.kind) {
    case 'accrual':
      writeHead(out, ACCRUAL, entry);
      writeAccrual(out, entry);
      return;
    case 'reversal': {
      const hasExpired = entry.parts.some(({ expired }) => expired > 0);
      writeHead(out, hasExpired ? REVERSAL_OF_EXPIRED : REVERSAL, entry);
      writeReversal(out, entry, hasExpired);
      return;
    }
    case 'adjustment':
      writeHead(out, ADJUSTMENT, entry);
      out.uint(entry.programVersion);
      out.int(entry.points);
      out.text(entry.reason);
      out.text(entry.agent);
      return;
    case 'enrolment':
      writeHead(out, ENROLMENT, entry);
      out.uint(entry.programVersion);
      return;
    case 'expiration':
      writeHead(out, EXPIRATION, entry);
      out.uint(entry.programVersion);
      out.uint(entry.earned.length / 2);
      for (const value of entry.earned) out.int(value);
  }
}

/** Whether the record that begins at `start` is of this event; undefined when only reading it would tell. */
export function isRecordOf(bytes: Uint8Array, start: number, eventId: string): boolean | undefined {
  const { length } = eventId;
  // One byte of code, one of length as long as ids are short, and then the id.
  if (bytes[start + 1] !== length || length > 127) return undefined;
  for (let index = 0; index < length; index++) {
    const code = eventId.charCodeAt(index);
    if (code > 127) return undefined;
    if (bytes[start + 2 + index] !== code) return false;
  }
  return true;
}

/** An entry counts from when its event happened, or from when the log received it; only one of the two need be kept. */
function writeHead(out: ByteWriter, kind: number, { eventId, occurredAt, at }: Entry): void {
  out.byte(kind * 2 + (occurredAt === 0 ? 1 : 0));
  out.text(eventId);
  out.uint(at);
}

export function readEntry(from: ByteReader): Entry {
  const code = from.uint();
  const eventId = from.text();
  const at = from.uint();
  const head = { eventId, occurredAt: code % 2 === 1 ? 0 : at, at };
  switch (code >> 1) {
    case ACCRUAL:
      return readAccrual(from, head);
    case REVERSAL:
      return readReversal(from, head, false);
    case REVERSAL_OF_EXPIRED:
      return readReversal(from, head, true);
    case ADJUSTMENT:
      return {
        kind: 'adjustment',
        ...head,
        programVersion: from.uint(),
        points: from.int(),
        reason: from.text(),
        agent: from.text(),
      };
    case ENROLMENT:
      return { kind: 'enrolment', ...head, programVersion: from.uint() };
    case EXPIRATION:
      return { kind: 'expiration', ...head, programVersion: from.uint(), earned: readDays(from) };
    default:
      throw new WireError(`entry code ${code} is not known`);
  }
}

type Head = Pick<Entry, 'eventId' | 'occurredAt' | 'at'>;

function writeAccrual(out: ByteWriter, entry: Accrual): void {
  out.text(entry.store);
  out.text(entry.terminal);
  out.text(entry.currency);
  out.uint(entry.amount);
  writeTerms(out, entry.terms);
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

function readAccrual(from: ByteReader, { eventId, occurredAt, at }: Head): Accrual {
  const store = from.text();
  const terminal = from.text();
  const currency = from.text();
  const amount = from.uint();
  const terms = readTerms(from);
  const returnedAmount = from.uint();
  const count = from.uint();
  const lines = count === 0 ? NO_LINES : Array.from({ length: count }, () => readAccrualLine(from));
  // Every field in the order in which scoring makes it, so that all accruals share one hidden class.
  return {
    kind: 'accrual',
    eventId,
    occurredAt,
    at,
    store,
    terminal,
    currency,
    amount,
    lines,
    terms,
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

function readDays(from: ByteReader): Days {
  const count = from.uint();
  return Array.from({ length: 2 * count }, () => from.int());
}

function writeReversal(out: ByteWriter, entry: Reversal, hasExpired: boolean): void {
  out.uint(entry.programVersion);
  out.text(entry.store);
  out.text(entry.terminal);
  out.text(entry.currency);
  out.text(entry.originalId);
  writeGiven(out, entry.amount);
  out.uint(entry.lines.length);
  for (const { sku, quantity, amount } of entry.lines) {
    out.text(sku);
    out.uint(quantity);
    writeGiven(out, amount);
  }
  out.uint(entry.parts.length);
  for (const part of entry.parts) {
    out.text(part.originalId);
    out.uint(part.amount);
    out.text(part.ruleId);
    out.int(part.base);
    out.text(part.levelId);
    out.int(part.bonus);
    if (hasExpired) out.uint(part.expired);
  }
}

function readReversal(from: ByteReader, head: Head, hasExpired: boolean): Reversal {
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
        expired: hasExpired ? from.uint() : 0,
      };
    }),
  };
}

/** An amount that may have been left out: 0 for that, else one more than it is. */
function writeGiven(out: ByteWriter, amount: number): void {
  out.uint(amount - NOT_GIVEN);
}

function readGiven(from: ByteReader): number {
  return from.uint() + NOT_GIVEN;
}
