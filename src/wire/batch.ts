/**
 * A message of the log: up to a few hundred events of one partition as flat arrays, which decode several times faster than
 * objects and need no shared structures.
 *
 * Version 1: [replyTo, [event, ...]], an event being [code, ...fields in the order of the tables below]. What later joined a
 * type stands at its end, and only where it says something.
 */
import {
  type Deductions,
  type ExceptionEvent,
  type LogEvent,
  type MemberEvent,
  NO_DEDUCTIONS,
  type Purchase,
  type PurchaseLine,
  type Return,
  type ReturnLine,
} from '../scoring/event.ts';
import { NO_THRESHOLDS, type Threshold } from '../scoring/exceptions.ts';
import { type Candidate, isMemberEvent, problemOf } from './event-check.ts';
import { pack, unpack, WireError } from './pack.ts';

const BATCH_VERSION = 1;

const PURCHASE = 0;
const RETURN = 1;
const ADJUSTMENT = 2;
const ENROLMENT = 3;
const VOID = 4;
const CONFIRMATION = 5;
const REDEMPTION = 6;
const AUTHORISATION = 7;
const TICK = 8;
const PROGRAM = 9;
const CAPTURE = 10;
const RELEASE = 11;
const REVERSAL = 12;
const EXCEPTION = 13;
const EXCEPTION_END = 14;

export interface Batch {
  /** Subject for the outcomes, in the order of the events; '' when nobody waits. */
  readonly replyTo: string;
  readonly events: readonly (LogEvent | Malformed)[];
}

/** One undecodable event of a batch that is otherwise in order. */
export interface Malformed {
  readonly type: 'malformed';
  readonly message: string;
  /** The event as it was, packed alone. */
  readonly bytes: Uint8Array;
}

export function encodeBatch(events: readonly LogEvent[], replyTo = ''): Uint8Array {
  return pack(BATCH_VERSION, [replyTo, events.map(eventToArray)]);
}

/** Throws WireError if the message as a whole is not a batch. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const { version, value } = unpack(bytes);
  if (version !== BATCH_VERSION) throw new WireError(`batch version ${version} is not known`);
  if (!Array.isArray(value)) throw new WireError('a batch is [replyTo, events]');
  const [replyTo, events] = value as unknown[];
  if (typeof replyTo !== 'string' || !Array.isArray(events)) throw new WireError('a batch is [replyTo, events]');
  const decoded: (LogEvent | Malformed)[] = new Array(events.length);
  for (let index = 0; index < events.length; index++) decoded[index] = arrayToEvent(events[index]);
  return { replyTo, events: decoded };
}

/**
 * Bytes an event will take in a batch: never less than it does, but for text beyond ASCII, which is counted as one byte a
 * UTF-16 unit and takes up to three. So a batch closed by this is at most three times as large as it was meant to be.
 */
export function estimateBytes(event: MemberEvent): number {
  const head = 48 + event.id.length + event.memberId.length;
  switch (event.type) {
    case 'purchase':
      return head + saleBytes(event) + purchaseLineBytes(event.lines) + paymentBytes(event);
    case 'return':
      return head + saleBytes(event) + event.originalId.length + returnLineBytes(event.lines);
    case 'adjustment':
      return head + event.reason.length + event.agent.length + event.wallet.length + event.approvedBy.length;
    case 'exception':
      return head + termsBytes(event) + event.reason.length + event.agent.length;
    case 'exception_end':
      return head + event.originalId.length + event.reason.length + event.agent.length;
    case 'redemption':
    case 'authorisation':
      return head + event.store.length + event.terminal.length + event.wallet.length;
    case 'void':
    case 'confirmation':
    case 'capture':
    case 'release':
    case 'reversal':
      return head + event.originalId.length;
    case 'enrolment':
      return head;
  }
}

/** What numbers and the lengths of texts take in a line. */
const LINE_BYTES = 24;
/** The same of deductions and the id of a redemption. */
const PAYMENT_BYTES = 48;

function saleBytes({ store, terminal, currency }: Purchase | Return): number {
  return store.length + terminal.length + currency.length;
}

function paymentBytes(event: Purchase): number {
  return isPlain(event) ? 0 : PAYMENT_BYTES + event.redemptionId.length;
}

/** By value: deductions that are all 0 are none, whoever made them. */
function isPlain({ deductions, redemptionId }: Purchase): boolean {
  const { discount, paidWithPoints, tax, tip, giftCards } = deductions;
  return redemptionId === '' && discount + paidWithPoints + tax + tip + giftCards === 0;
}

function purchaseLineBytes(lines: readonly PurchaseLine[]): number {
  let bytes = 0;
  for (const { sku, category } of lines) bytes += LINE_BYTES + sku.length + category.length;
  return bytes;
}

function returnLineBytes(lines: readonly ReturnLine[]): number {
  let bytes = 0;
  for (const { sku } of lines) bytes += LINE_BYTES + sku.length;
  return bytes;
}

/** A threshold's number and the length of its text. */
const THRESHOLD_BYTES = 12;

function termsBytes({ tier, floor, ceiling, thresholds }: ExceptionEvent): number {
  let bytes = tier.length + floor.length + ceiling.length;
  for (const { level } of thresholds) bytes += THRESHOLD_BYTES + level.length;
  return bytes;
}

function eventToArray(event: LogEvent): unknown[] {
  switch (event.type) {
    case 'purchase': {
      const { id, memberId, occurredAt, store, terminal, currency, amount } = event;
      const lines = flatPurchaseLines(event.lines);
      if (isPlain(event)) return [PURCHASE, id, memberId, occurredAt, store, terminal, currency, amount, lines];
      const { discount, paidWithPoints, tax, tip, giftCards } = event.deductions;
      const payment = [discount, paidWithPoints, tax, tip, giftCards, event.redemptionId];
      return [PURCHASE, id, memberId, occurredAt, store, terminal, currency, amount, lines, ...payment];
    }
    case 'return': {
      const { id, memberId, occurredAt, store, terminal, currency, originalId, amount } = event;
      const lines = flatReturnLines(event.lines);
      return [RETURN, id, memberId, occurredAt, store, terminal, currency, originalId, amount, lines];
    }
    case 'void':
      return [VOID, event.id, event.memberId, event.occurredAt, event.originalId];
    case 'confirmation':
      return [CONFIRMATION, event.id, event.memberId, event.occurredAt, event.originalId];
    case 'redemption':
    case 'authorisation': {
      const { id, memberId, occurredAt, store, terminal, wallet, points, amount } = event;
      const code = event.type === 'redemption' ? REDEMPTION : AUTHORISATION;
      return [code, id, memberId, occurredAt, store, terminal, wallet, points, amount];
    }
    case 'capture':
      return [CAPTURE, event.id, event.memberId, event.occurredAt, event.originalId, event.points];
    case 'release':
      return [RELEASE, event.id, event.memberId, event.occurredAt, event.originalId];
    case 'reversal':
      return [REVERSAL, event.id, event.memberId, event.occurredAt, event.originalId, event.points];
    case 'adjustment': {
      const { id, memberId, occurredAt, points, reason, agent, wallet, approvedBy } = event;
      const fields = [ADJUSTMENT, id, memberId, occurredAt, points, reason, agent];
      if (approvedBy !== '') return [...fields, wallet, approvedBy];
      return wallet === '' ? fields : [...fields, wallet];
    }
    case 'exception': {
      const { id, memberId, occurredAt, tier, floor, ceiling, until, reason, agent } = event;
      const thresholds = event.thresholds.flatMap(({ level, from }) => [level, from]);
      return [EXCEPTION, id, memberId, occurredAt, tier, floor, ceiling, thresholds, until, reason, agent];
    }
    case 'exception_end': {
      const { id, memberId, occurredAt, originalId, reason, agent } = event;
      return [EXCEPTION_END, id, memberId, occurredAt, originalId, reason, agent];
    }
    case 'enrolment':
      return [ENROLMENT, event.id, event.memberId, event.occurredAt];
    case 'tick':
      return [TICK];
    case 'program':
      return [PROGRAM, event.document];
  }
}

function arrayToEvent(value: unknown): LogEvent | Malformed {
  if (!Array.isArray(value)) return malformed('expected an event as an array', value);
  switch (value[0]) {
    case PURCHASE:
      return checked(
        {
          type: 'purchase',
          id: value[1],
          memberId: value[2],
          occurredAt: value[3],
          store: value[4],
          terminal: value[5],
          currency: value[6],
          amount: value[7],
          lines: purchaseLines(value[8]),
          deductions: value.length > 9 ? deductionsOf(value) : NO_DEDUCTIONS,
          redemptionId: value.length > 9 ? value[14] : '',
        },
        value,
      );
    case RETURN:
      return checked(
        {
          type: 'return',
          id: value[1],
          memberId: value[2],
          occurredAt: value[3],
          store: value[4],
          terminal: value[5],
          currency: value[6],
          originalId: value[7],
          amount: value[8],
          lines: returnLines(value[9]),
        },
        value,
      );
    case ADJUSTMENT:
      return checked(
        {
          type: 'adjustment',
          id: value[1],
          memberId: value[2],
          occurredAt: value[3],
          points: value[4],
          reason: value[5],
          agent: value[6],
          wallet: value.length > 7 ? value[7] : '',
          approvedBy: value.length > 8 ? value[8] : '',
        },
        value,
      );
    case VOID:
      return checked(ofOriginal('void', value), value);
    case CONFIRMATION:
      return checked(ofOriginal('confirmation', value), value);
    case REDEMPTION:
      return checked(spend('redemption', value), value);
    case AUTHORISATION:
      return checked(spend('authorisation', value), value);
    case CAPTURE:
      return checked(partOfOriginal('capture', value), value);
    case RELEASE:
      return checked(ofOriginal('release', value), value);
    case REVERSAL:
      return checked(partOfOriginal('reversal', value), value);
    case EXCEPTION:
      return checked(
        {
          type: 'exception',
          id: value[1],
          memberId: value[2],
          occurredAt: value[3],
          tier: value[4],
          floor: value[5],
          ceiling: value[6],
          thresholds: thresholdsOf(value[7]),
          until: value[8],
          reason: value[9],
          agent: value[10],
        },
        value,
      );
    case EXCEPTION_END:
      return checked({ ...ofOriginal('exception_end', value), reason: value[5], agent: value[6] }, value);
    case ENROLMENT:
      return checked({ type: 'enrolment', id: value[1], memberId: value[2], occurredAt: value[3] }, value);
    case TICK:
      return { type: 'tick' };
    case PROGRAM:
      if (typeof value[1] !== 'string') return malformed('expected a program document as text', value);
      return { type: 'program', document: value[1] };
    default:
      return malformed('unknown event code', value);
  }
}

type Fields = readonly unknown[];

function ofOriginal(type: 'void' | 'confirmation' | 'release' | 'exception_end', fields: Fields): Candidate {
  return { type, id: fields[1], memberId: fields[2], occurredAt: fields[3], originalId: fields[4] };
}

function partOfOriginal(type: 'capture' | 'reversal', fields: Fields): Candidate {
  return { type, id: fields[1], memberId: fields[2], occurredAt: fields[3], originalId: fields[4], points: fields[5] };
}

function spend(type: 'redemption' | 'authorisation', fields: Fields): Candidate {
  return {
    type,
    id: fields[1],
    memberId: fields[2],
    occurredAt: fields[3],
    store: fields[4],
    terminal: fields[5],
    wallet: fields[6],
    points: fields[7],
    amount: fields[8],
  };
}

function deductionsOf(fields: Fields): Readonly<Record<keyof Deductions, unknown>> {
  return {
    discount: fields[9],
    paidWithPoints: fields[10],
    tax: fields[11],
    tip: fields[12],
    giftCards: fields[13],
  };
}

function checked(candidate: Candidate, original: unknown): MemberEvent | Malformed {
  if (isMemberEvent(candidate)) return candidate;
  const problem = problemOf(candidate);
  return malformed(`${problem?.path}: ${problem?.message}`, original);
}

function malformed(message: string, original: unknown): Malformed {
  return { type: 'malformed', message, bytes: pack(BATCH_VERSION, original) };
}

const NONE: readonly never[] = [];

function flatPurchaseLines(lines: readonly PurchaseLine[]): unknown[] {
  const flat: unknown[] = [];
  for (const { sku, category, quantity, amount } of lines) flat.push(sku, category, quantity, amount);
  return flat;
}

function purchaseLines(flat: unknown): unknown {
  if (!Array.isArray(flat) || flat.length % 4 !== 0) return undefined;
  if (flat.length === 0) return NONE;
  const lines: unknown[] = [];
  for (let index = 0; index < flat.length; index += 4) {
    lines.push({ sku: flat[index], category: flat[index + 1], quantity: flat[index + 2], amount: flat[index + 3] });
  }
  return lines;
}

function thresholdsOf(flat: unknown): unknown {
  if (!Array.isArray(flat) || flat.length % 2 !== 0) return undefined;
  if (flat.length === 0) return NO_THRESHOLDS;
  const thresholds: Readonly<Record<keyof Threshold, unknown>>[] = [];
  for (let index = 0; index < flat.length; index += 2) thresholds.push({ level: flat[index], from: flat[index + 1] });
  return thresholds;
}

function flatReturnLines(lines: readonly ReturnLine[]): unknown[] {
  const flat: unknown[] = [];
  for (const { sku, quantity, amount } of lines) flat.push(sku, quantity, amount);
  return flat;
}

function returnLines(flat: unknown): unknown {
  if (!Array.isArray(flat) || flat.length % 3 !== 0) return undefined;
  const lines: unknown[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    lines.push({ sku: flat[index], quantity: flat[index + 1], amount: flat[index + 2] });
  }
  return lines;
}
