/**
 * One ledger entry as bytes (bytes.ts): a code, the event id, when it counts, and the fields of its kind. Everything it names
 * is spelled out, so that an entry can be read, moved and sealed away without the member around it.
 */
import type { Rounding } from '../lib/integer.ts';
import { type AccrualTerms, type Award, EVERYTHING } from '../program/program.ts';
import { POINTS_WALLET } from '../program/wallets.ts';
import type {
  Accrual,
  AccrualLine,
  AdjustmentEntry,
  CaptureEntry,
  Entry,
  Payment,
  Restored,
  Reversal,
  ReversalPart,
  Settlement,
  Take,
} from '../scoring/entry.ts';
import { type Deductions, NO_DEDUCTIONS, NOT_GIVEN, type ReturnLine } from '../scoring/event.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { readTermsOfException, writeTermsOfException } from './exception-record.ts';
import { readDays, readLots, writeDays, writeLots } from './lots-record.ts';
import { WireError } from './pack.ts';

const ROUNDINGS: readonly Rounding[] = ['floor', 'nearest', 'ceil'];
const PER: readonly AccrualTerms['per'][] = ['money', 'piece', 'line', 'purchase'];
const ROUNDED: readonly AccrualTerms['rounded'][] = ['rule', 'line', 'basket'];
const BACK: readonly AccrualTerms['back'][] = ['earned', 'proportional'];

/** Of one rule, for all money, in the wallet `points`: most entries, and all that were written before there was more. */
const ACCRUAL = 0;
const REVERSAL = 1;
const ADJUSTMENT = 2;
const ENROLMENT = 3;
const EXPIRATION = 4;
/** A reversal some of whose points had expired; any other is written as it was before there was expiry. */
const REVERSAL_OF_EXPIRED = 5;
const ACCRUAL_IN_FULL = 6;
const REVERSAL_IN_FULL = 7;
const ADJUSTMENT_OF_WALLET = 8;
const EXPIRATION_OF_WALLET = 9;
const VOID = 10;
const SETTLEMENT = 11;
const REDEMPTION = 12;
const HOLD = 13;
const CAPTURE = 14;
const RELEASE = 15;
const REDEMPTION_REVERSAL = 16;
const EXCEPTION = 17;
const EXCEPTION_END = 18;
const ADJUSTMENT_APPROVED = 19;

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
  if (!isPlain(terms)) {
    out.text(terms.walletId);
    out.byte(PER.indexOf(terms.per));
    out.byte(ROUNDED.indexOf(terms.rounded));
    out.byte(BACK.indexOf(terms.back));
  }
  knownTerms.set(terms, Uint8Array.prototype.slice.call(out.bytes, start, out.length));
}

function isPlain({ walletId, per, rounded, back }: AccrualTerms): boolean {
  return walletId === POINTS_WALLET && per === 'money' && rounded === 'rule' && back === 'earned';
}

function readTerms(from: ByteReader, isPlain: boolean): AccrualTerms {
  const programVersion = from.uint();
  const ruleId = from.text();
  const points = from.uint();
  const perMinor = from.uint();
  const rounding = ROUNDINGS[from.uint()] as Rounding;
  const levelId = from.text();
  const multiplierMilli = from.uint();
  return {
    programVersion,
    ruleId,
    walletId: isPlain ? POINTS_WALLET : from.text(),
    rate: { points, perMinor, rounding },
    per: isPlain ? 'money' : (PER[from.uint()] as AccrualTerms['per']),
    rounded: isPlain ? 'rule' : (ROUNDED[from.uint()] as AccrualTerms['rounded']),
    back: isPlain ? 'earned' : (BACK[from.uint()] as AccrualTerms['back']),
    levelId,
    multiplierMilli,
  };
}

export function writeEntry(out: ByteWriter, entry: Entry): void {
  switch (entry.kind) {
    case 'accrual': {
      const terms = plainTerms(entry);
      writeHead(out, terms === undefined ? ACCRUAL_IN_FULL : ACCRUAL, entry);
      writeAccrual(out, entry, terms);
      return;
    }
    case 'reversal': {
      const code = reversalCode(entry.parts);
      writeHead(out, code, entry);
      writeReversal(out, entry, code);
      return;
    }
    case 'void':
      writeHead(out, VOID, entry);
      out.uint(entry.programVersion);
      out.text(entry.originalId);
      writeParts(out, entry.parts, REVERSAL_IN_FULL);
      return;
    case 'settlement':
      writeHead(out, SETTLEMENT, entry);
      writeSettlement(out, entry);
      return;
    case 'redemption':
      writeHead(out, REDEMPTION, entry);
      writePayment(out, entry);
      writeLots(out, entry.taken);
      out.uint(entry.reversed);
      return;
    case 'hold':
      writeHead(out, HOLD, entry);
      writePayment(out, entry);
      out.uint(entry.until);
      return;
    case 'capture':
      writeHead(out, CAPTURE, entry);
      writeCapture(out, entry);
      return;
    case 'release':
      writeHead(out, RELEASE, entry);
      out.uint(entry.programVersion);
      out.text(entry.walletId);
      out.text(entry.originalId);
      out.uint(entry.points);
      return;
    case 'redemption_reversal':
      writeHead(out, REDEMPTION_REVERSAL, entry);
      out.uint(entry.programVersion);
      out.text(entry.originalId);
      writeGiven(out, entry.asked);
      writeRestored(out, entry.restored);
      return;
    case 'adjustment': {
      const code = adjustmentCode(entry);
      writeHead(out, code, entry);
      out.uint(entry.programVersion);
      out.int(entry.points);
      out.text(entry.reason);
      out.text(entry.agent);
      if (code === ADJUSTMENT) return;
      out.text(entry.walletId);
      out.text(entry.wallet);
      if (code === ADJUSTMENT_APPROVED) out.text(entry.approvedBy);
      return;
    }
    case 'exception':
      writeHead(out, EXCEPTION, entry);
      out.uint(entry.programVersion);
      writeTermsOfException(out, entry);
      return;
    case 'exception_end':
      writeHead(out, EXCEPTION_END, entry);
      out.uint(entry.programVersion);
      out.text(entry.originalId);
      out.text(entry.reason);
      out.text(entry.agent);
      return;
    case 'enrolment':
      writeHead(out, ENROLMENT, entry);
      out.uint(entry.programVersion);
      return;
    case 'expiration': {
      const isPlain = entry.walletId === POINTS_WALLET;
      writeHead(out, isPlain ? EXPIRATION : EXPIRATION_OF_WALLET, entry);
      out.uint(entry.programVersion);
      writeDays(out, entry.earned);
      if (!isPlain) out.text(entry.walletId);
    }
  }
}

/** Of an accrual that can be written as one of a single plain rule; undefined where there is more to say. */
function plainTerms({
  awards,
  deductions,
  counted,
  amount,
  redemptionId,
  confirmed,
  late,
}: Accrual): AccrualTerms | undefined {
  const [first] = awards;
  if (awards.length !== 1 || first === undefined || first.lines !== EVERYTHING || !isPlain(first.terms))
    return undefined;
  if (counted !== amount || redemptionId !== '' || confirmed || late || !isNone(deductions)) return undefined;
  return first.terms;
}

function isNone(deductions: Deductions): boolean {
  if (deductions === NO_DEDUCTIONS) return true;
  const { discount, paidWithPoints, tax, tip, giftCards } = deductions;
  return discount + paidWithPoints + tax + tip + giftCards === 0;
}

function adjustmentCode({ walletId, wallet, approvedBy }: AdjustmentEntry): number {
  if (approvedBy !== '') return ADJUSTMENT_APPROVED;
  return walletId === POINTS_WALLET && wallet === '' ? ADJUSTMENT : ADJUSTMENT_OF_WALLET;
}

function reversalCode(parts: readonly ReversalPart[]): number {
  let code = REVERSAL;
  for (const { takes, restored } of parts) {
    const [take] = takes;
    if (restored !== undefined || takes.length !== 1 || take === undefined) return REVERSAL_IN_FULL;
    if (take.walletId !== POINTS_WALLET || take.forgiven > 0) return REVERSAL_IN_FULL;
    if (take.expired > 0) code = REVERSAL_OF_EXPIRED;
  }
  return code;
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

/** Of a head: the event did not say when it happened, or it counts from another time than that. */
const UNSAID = 1;
const OTHER_TIME = 64;

/** An entry mostly counts from when its event happened, or from when the log received it: then one of the two is kept. */
function writeHead(out: ByteWriter, kind: number, { eventId, occurredAt, at }: Entry): void {
  out.byte(kind * 2 + (occurredAt === 0 ? UNSAID : occurredAt === at ? 0 : OTHER_TIME));
  out.text(eventId);
  out.uint(at);
  if (occurredAt !== 0 && occurredAt !== at) out.uint(occurredAt);
}

export function readEntry(from: ByteReader): Entry {
  const code = from.uint();
  const eventId = from.text();
  const at = from.uint();
  const occurredAt = (code & UNSAID) !== 0 ? 0 : (code & OTHER_TIME) !== 0 ? from.uint() : at;
  const head = { eventId, occurredAt, at };
  const kind = (code & ~OTHER_TIME) >> 1;
  switch (kind) {
    case ACCRUAL:
      return readAccrual(from, head, true);
    case ACCRUAL_IN_FULL:
      return readAccrual(from, head, false);
    case REVERSAL:
    case REVERSAL_OF_EXPIRED:
    case REVERSAL_IN_FULL:
      return readReversal(from, head, kind);
    case VOID:
      return {
        kind: 'void',
        ...head,
        programVersion: from.uint(),
        originalId: from.text(),
        parts: readParts(from, REVERSAL_IN_FULL),
      };
    case SETTLEMENT:
      return readSettlement(from, head);
    case REDEMPTION:
      return { kind: 'redemption', ...head, ...readPayment(from), taken: readLots(from), reversed: from.uint() };
    case HOLD:
      return { kind: 'hold', ...head, ...readPayment(from), until: from.uint() };
    case CAPTURE:
      return readCapture(from, head);
    case RELEASE:
      return {
        kind: 'release',
        ...head,
        programVersion: from.uint(),
        walletId: from.text(),
        originalId: from.text(),
        points: from.uint(),
      };
    case REDEMPTION_REVERSAL:
      return {
        kind: 'redemption_reversal',
        ...head,
        programVersion: from.uint(),
        originalId: from.text(),
        asked: readGiven(from),
        restored: readRestored(from),
      };
    case ADJUSTMENT:
    case ADJUSTMENT_OF_WALLET:
    case ADJUSTMENT_APPROVED:
      return readAdjustment(from, head, kind);
    case EXCEPTION:
      return { kind: 'exception', ...head, programVersion: from.uint(), ...readTermsOfException(from) };
    case EXCEPTION_END:
      return {
        kind: 'exception_end',
        ...head,
        programVersion: from.uint(),
        originalId: from.text(),
        reason: from.text(),
        agent: from.text(),
      };
    case ENROLMENT:
      return { kind: 'enrolment', ...head, programVersion: from.uint() };
    case EXPIRATION: {
      const programVersion = from.uint();
      return { kind: 'expiration', ...head, programVersion, walletId: POINTS_WALLET, earned: readDays(from) };
    }
    case EXPIRATION_OF_WALLET: {
      const programVersion = from.uint();
      const earned = readDays(from);
      return { kind: 'expiration', ...head, programVersion, walletId: from.text(), earned };
    }
    default:
      throw new WireError(`entry code ${code} is not known`);
  }
}

type Head = Pick<Entry, 'eventId' | 'occurredAt' | 'at'>;

/** `plain` are the terms of an entry that needs to say no more than those. */
function writeAccrual(out: ByteWriter, entry: Accrual, plain: AccrualTerms | undefined): void {
  out.text(entry.store);
  out.text(entry.terminal);
  out.text(entry.currency);
  out.uint(entry.amount);
  if (plain === undefined) writeInFull(out, entry);
  else writeTerms(out, plain);
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

function writeInFull(out: ByteWriter, entry: Accrual): void {
  const { programVersion, deductions, counted, redemptionId, confirmed, late, awards } = entry;
  out.uint(programVersion);
  for (const part of DEDUCTIONS) out.uint(deductions[part]);
  out.uint(counted);
  out.text(redemptionId);
  out.byte((confirmed ? CONFIRMED : 0) | (late ? LATE : 0));
  out.uint(awards.length);
  for (const { terms, lines } of awards) {
    out.byte(isPlain(terms) ? 1 : 0);
    writeTerms(out, terms);
    out.uint(lines.length);
    for (const line of lines) out.uint(line);
  }
}

const CONFIRMED = 1;
const LATE = 2;
const DEDUCTIONS = ['discount', 'paidWithPoints', 'tax', 'tip', 'giftCards'] as const;
const NO_LINES: AccrualLine[] = [];

function readAccrual(from: ByteReader, { eventId, occurredAt, at }: Head, isPlain: boolean): Accrual {
  const store = from.text();
  const terminal = from.text();
  const currency = from.text();
  const amount = from.uint();
  const writtenVersion = isPlain ? 0 : from.uint();
  const deductions = isPlain ? NO_DEDUCTIONS : readDeductions(from);
  const counted = isPlain ? amount : from.uint();
  const redemptionId = isPlain ? '' : from.text();
  const marks = isPlain ? 0 : from.uint();
  const awards = isPlain ? [{ terms: readTerms(from, true), lines: EVERYTHING }] : readAwards(from);
  const programVersion = isPlain ? (awards[0]?.terms.programVersion ?? 0) : writtenVersion;
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
    deductions,
    counted,
    redemptionId,
    programVersion,
    lines,
    awards,
    returnedAmount,
    confirmed: (marks & CONFIRMED) !== 0,
    late: (marks & LATE) !== 0,
  };
}

function readDeductions(from: ByteReader): Deductions {
  const deductions = {
    discount: from.uint(),
    paidWithPoints: from.uint(),
    tax: from.uint(),
    tip: from.uint(),
    giftCards: from.uint(),
  };
  return isNone(deductions) ? NO_DEDUCTIONS : deductions;
}

function readAwards(from: ByteReader): Award[] {
  return Array.from({ length: from.uint() }, () => {
    const terms = readTerms(from, from.uint() === 1);
    const count = from.uint();
    return { terms, lines: count === 0 ? EVERYTHING : Array.from({ length: count }, () => from.uint()) };
  });
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

/** `code` says how parts are laid out. */
function writeReversal(out: ByteWriter, entry: Reversal, code: number): void {
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
  writeParts(out, entry.parts, code);
}

function readReversal(from: ByteReader, head: Head, code: number): Reversal {
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
    parts: readParts(from, code),
  };
}

function writeParts(out: ByteWriter, parts: readonly ReversalPart[], code: number): void {
  out.uint(parts.length);
  for (const { originalId, amount, takes, restored } of parts) {
    out.text(originalId);
    out.uint(amount);
    if (code === REVERSAL_IN_FULL) out.uint(takes.length);
    for (const take of takes) writeTake(out, take, code);
    if (code !== REVERSAL_IN_FULL) continue;
    out.byte(restored === undefined ? 0 : 1);
    if (restored !== undefined) writeRestored(out, restored);
  }
}

function readParts(from: ByteReader, code: number): ReversalPart[] {
  const isFull = code === REVERSAL_IN_FULL;
  return Array.from({ length: from.uint() }, () => {
    const originalId = from.text();
    const amount = from.uint();
    const takes = Array.from({ length: isFull ? from.uint() : 1 }, () => readTake(from, code));
    const restored = isFull && from.uint() === 1 ? readRestored(from) : undefined;
    return { originalId, amount, takes, restored };
  });
}

function writeTake(out: ByteWriter, take: Take, code: number): void {
  out.text(take.ruleId);
  out.int(take.base);
  out.text(take.levelId);
  out.int(take.bonus);
  if (code !== REVERSAL) out.uint(take.expired);
  if (code !== REVERSAL_IN_FULL) return;
  out.text(take.walletId);
  out.uint(take.forgiven);
}

function readTake(from: ByteReader, code: number): Take {
  const ruleId = from.text();
  const base = from.int();
  const levelId = from.text();
  const bonus = from.int();
  const expired = code === REVERSAL ? 0 : from.uint();
  const walletId = code === REVERSAL_IN_FULL ? from.text() : POINTS_WALLET;
  const forgiven = code === REVERSAL_IN_FULL ? from.uint() : 0;
  return { walletId, ruleId, base, levelId, bonus, expired, forgiven };
}

function writeRestored(out: ByteWriter, { walletId, redemptionId, points }: Restored): void {
  out.text(walletId);
  out.text(redemptionId);
  out.uint(points);
}

function readRestored(from: ByteReader): Restored {
  return { walletId: from.text(), redemptionId: from.text(), points: from.uint() };
}

function writeSettlement(out: ByteWriter, { programVersion, originalId, moved }: Settlement): void {
  out.uint(programVersion);
  out.text(originalId);
  out.uint(moved.length);
  for (const { walletId, points } of moved) {
    out.text(walletId);
    out.uint(points);
  }
}

function readSettlement(from: ByteReader, head: Head): Settlement {
  return {
    kind: 'settlement',
    ...head,
    programVersion: from.uint(),
    originalId: from.text(),
    moved: Array.from({ length: from.uint() }, () => ({ walletId: from.text(), points: from.uint() })),
  };
}

function writePayment(out: ByteWriter, entry: Payment): void {
  out.uint(entry.programVersion);
  out.text(entry.walletId);
  out.uint(entry.points);
  out.uint(entry.worth);
  out.text(entry.store);
  out.text(entry.terminal);
  out.text(entry.wallet);
  writeGiven(out, entry.asked.points);
  writeGiven(out, entry.asked.amount);
}

function readPayment(from: ByteReader): Payment {
  return {
    programVersion: from.uint(),
    walletId: from.text(),
    points: from.uint(),
    worth: from.uint(),
    store: from.text(),
    terminal: from.text(),
    wallet: from.text(),
    asked: { points: readGiven(from), amount: readGiven(from) },
  };
}

function writeCapture(out: ByteWriter, entry: CaptureEntry): void {
  out.uint(entry.programVersion);
  out.text(entry.walletId);
  out.text(entry.originalId);
  writeGiven(out, entry.asked);
  out.uint(entry.points);
  out.uint(entry.worth);
  out.uint(entry.released);
  writeLots(out, entry.taken);
  out.uint(entry.reversed);
}

function readCapture(from: ByteReader, head: Head): CaptureEntry {
  return {
    kind: 'capture',
    ...head,
    programVersion: from.uint(),
    walletId: from.text(),
    originalId: from.text(),
    asked: readGiven(from),
    points: from.uint(),
    worth: from.uint(),
    released: from.uint(),
    taken: readLots(from),
    reversed: from.uint(),
  };
}

/** `code` says how it is laid out. */
function readAdjustment(from: ByteReader, head: Head, code: number): AdjustmentEntry {
  const programVersion = from.uint();
  const points = from.int();
  const reason = from.text();
  const agent = from.text();
  const walletId = code === ADJUSTMENT ? POINTS_WALLET : from.text();
  const wallet = code === ADJUSTMENT ? '' : from.text();
  const approvedBy = code === ADJUSTMENT_APPROVED ? from.text() : '';
  return { kind: 'adjustment', ...head, programVersion, walletId, wallet, points, reason, agent, approvedBy };
}

/** An amount that may have been left out: 0 for that, else one more than it is. */
function writeGiven(out: ByteWriter, amount: number): void {
  out.uint(amount - NOT_GIVEN);
}

function readGiven(from: ByteReader): number {
  return from.uint() + NOT_GIVEN;
}
