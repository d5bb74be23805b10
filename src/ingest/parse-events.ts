/**
 * What a caller sends, as plain JSON or MessagePack values, to events. Strict on purpose: a field that is not known is
 * refused by name, because a misspelt "amount" that is silently ignored costs a member points and is found weeks later.
 * Types and limits are those of the log itself (wire/event-check.ts); here is only what is special to the way in: defaults
 * for what was left out, instants as text, and text that is not well-formed.
 *
 * Never throws, and looks no deeper than an event's lines, whatever it is given.
 */
import { dayOfCivil, daysInMonth } from '../lib/calendar.ts';
import { DAY_MS } from '../lib/zone.ts';
import {
  AMOUNT_MAX,
  EVENTS_PER_REQUEST_MAX,
  ID_BYTES_MAX,
  LINES_PER_EVENT_MAX,
  OCCURRED_AT_MIN_MS,
  POINTS_MAX,
} from '../limits.ts';
import { type MemberEvent, NO_DEDUCTIONS, NOT_GIVEN } from '../scoring/event.ts';
import { NO_THRESHOLDS } from '../scoring/exceptions.ts';
import { type Candidate, integerProblem, isMemberEvent, type Problem, problemOf, shown } from '../wire/event-check.ts';

/** Why something was not taken; each is answered to the caller, none reaches the log. */
export const INGEST_REFUSALS = {
  invalid_event: 'A field is missing, of the wrong type or out of bounds; `path` names it.',
  unknown_field: 'The event has a field its type does not have, often a misspelt one; `path` names it.',
  id_missing: 'Every event needs an id of its own, the same in every resend: that is what makes a resend harmless.',
  too_many_events: 'Send fewer events a request; nothing of this one was taken.',
} as const;

export type IngestRefusalCode = keyof typeof INGEST_REFUSALS;

export interface EventRefusal {
  /** The event's place in the request, from 0. */
  readonly index: number;
  /** As the caller gave it, cut at ID_BYTES_MAX characters; '' if there is none. */
  readonly id: string;
  readonly code: IngestRefusalCode;
  readonly message: string;
  /** As in `lines[3].amount`; '' for the event as a whole. */
  readonly path: string;
}

export interface ParsedEvents {
  /** In the order of the request, without the refused ones. */
  readonly events: readonly MemberEvent[];
  /** In the order of the request. */
  readonly rejected: readonly EventRefusal[];
}

/** Instants: RFC 3339 in both, epoch milliseconds in MessagePack only, since a bare number in JSON may as well be seconds. */
export type BodyFormat = 'json' | 'msgpack';

/** `body` is one event or a list of them. */
export function parseEvents(body: unknown, format: BodyFormat = 'json'): ParsedEvents {
  const values: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (values.length > EVENTS_PER_REQUEST_MAX) {
    const message = `expected at most ${EVENTS_PER_REQUEST_MAX} events, got ${values.length}; nothing was taken`;
    const tooMany: EventRefusal = { index: EVENTS_PER_REQUEST_MAX, id: '', code: 'too_many_events', message, path: '' };
    return { events: [], rejected: [tooMany] };
  }
  const events: MemberEvent[] = [];
  const rejected: EventRefusal[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const result = parseEvent(value, format);
    if ('code' in result) rejected.push({ index, id: idOf(value), ...result });
    else events.push(result);
  }
  return { events, rejected };
}

interface Refusal extends Problem {
  readonly code: IngestRefusalCode;
}

type Fields = Readonly<Record<string, unknown>>;
type EventType = MemberEvent['type'];

function parseEvent(value: unknown, format: BodyFormat): MemberEvent | Refusal {
  if (!isFields(value)) return invalid('', `expected an event as an object, got ${shownKind(value)}`);
  const { id, type } = value;
  if (id === undefined || id === null || id === '') return refusal('id_missing', 'id', INGEST_REFUSALS.id_missing);
  if (!isEventType(type)) return invalid('type', `expected ${TYPES}, got ${shown(type)}`);

  const lines = listOf(value['lines']);
  const fieldRefusal = strayField(value, EVENT_FIELDS[type], '', `${type} events`) ?? strayInLines(lines, type);
  if (fieldRefusal !== undefined) return fieldRefusal;

  const occurredAt = instantOf(value['occurredAt'], 'occurredAt', format);
  if (typeof occurredAt !== 'number') return invalid(occurredAt.path, occurredAt.message);
  const until = type === 'exception' ? instantOf(value['until'], 'until', format) : 0;
  if (typeof until !== 'number') return invalid(until.path, until.message);
  const candidate = candidateOf(type, value, lines, occurredAt, until);
  const problem =
    unicodeProblem(candidate) ??
    currencyProblem(value) ??
    amountProblem(type, value) ??
    standInProblem(type, value, lines);
  if (problem !== undefined) return invalid(problem.path, problem.message);
  if (isMemberEvent(candidate)) return candidate;
  const { path, message } = problemOf(candidate) as Problem;
  return invalid(path, message);
}

// --- Which fields there are ---

const HEAD = ['id', 'type', 'memberId', 'occurredAt'];
const SALE = [...HEAD, 'store', 'terminal', 'currency', 'amount', 'lines'];
const OF_ORIGINAL = [...HEAD, 'originalId'];
const SPEND = [...HEAD, 'store', 'terminal', 'wallet', 'points', 'amount'];

const EVENT_FIELDS: Readonly<Record<EventType, ReadonlySet<string>>> = {
  purchase: new Set([...SALE, ...Object.keys(NO_DEDUCTIONS), 'redemptionId']),
  return: new Set([...SALE, 'originalId']),
  void: new Set(OF_ORIGINAL),
  confirmation: new Set(OF_ORIGINAL),
  redemption: new Set(SPEND),
  authorisation: new Set(SPEND),
  capture: new Set([...OF_ORIGINAL, 'points']),
  release: new Set(OF_ORIGINAL),
  reversal: new Set([...OF_ORIGINAL, 'points']),
  adjustment: new Set([...HEAD, 'wallet', 'points', 'reason', 'agent', 'approvedBy']),
  exception: new Set([...HEAD, 'tier', 'floor', 'ceiling', 'thresholds', 'until', 'reason', 'agent']),
  exception_end: new Set([...OF_ORIGINAL, 'reason', 'agent']),
  enrolment: new Set(HEAD),
};

const LINE_FIELDS: Readonly<Record<'purchase' | 'return', ReadonlySet<string>>> = {
  purchase: new Set(['sku', 'category', 'quantity', 'amount']),
  return: new Set(['sku', 'quantity', 'amount']),
};

const TYPES = Object.keys(EVENT_FIELDS)
  .join(', ')
  .replace(/, (\w+)$/, ' or $1');

function isEventType(type: unknown): type is EventType {
  return typeof type === 'string' && Object.hasOwn(EVENT_FIELDS, type);
}

/** Own keys only, so that a `__proto__` in JSON is one more field nobody knows. */
function strayField(value: Fields, known: ReadonlySet<string>, prefix: string, of: string): Refusal | undefined {
  for (const field of Object.keys(value)) {
    if (known.has(field)) continue;
    const message = `${shown(field)} is not a field of ${of}, which have ${[...known].join(', ')}`;
    return refusal('unknown_field', prefix + field.slice(0, FIELD_SHOWN_MAX), message);
  }
  return undefined;
}

/** Characters of a caller's field name that are repeated to it. */
const FIELD_SHOWN_MAX = 40;

function strayInLines(lines: readonly unknown[], type: EventType): Refusal | undefined {
  if (type !== 'purchase' && type !== 'return') return undefined;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index];
    if (!isFields(line)) return invalid(`lines[${index}]`, `expected a line as an object, got ${shownKind(line)}`);
    const stray = strayField(line, LINE_FIELDS[type], `lines[${index}].`, `${type} lines`);
    if (stray !== undefined) return stray;
  }
  return undefined;
}

// --- What was left out ---

/** The event with defaults for what was left out, all of it still to be checked. `until`: of an exception. */
function candidateOf(
  type: EventType,
  value: Fields,
  lines: readonly unknown[],
  occurredAt: number,
  until: number,
): Candidate {
  const { id, memberId } = value;
  switch (type) {
    case 'purchase': {
      const given = linesOr(value, lines, purchaseLine);
      const amount = integer(value['amount'], sumOf(lines));
      const deductions = deductionsOf(value);
      const redemptionId = text(value['redemptionId']);
      return { type, id, memberId, occurredAt, ...saleOf(value), amount, lines: given, deductions, redemptionId };
    }
    case 'return': {
      const given = linesOr(value, lines, returnLine);
      const originalId = text(value['originalId']);
      const amount = integer(value['amount'], NOT_GIVEN);
      return { type, id, memberId, occurredAt, ...saleOf(value), originalId, amount, lines: given };
    }
    case 'void':
    case 'confirmation':
    case 'release':
      return { type, id, memberId, occurredAt, originalId: value['originalId'] };
    case 'capture':
    case 'reversal': {
      const points = integer(value['points'], NOT_GIVEN);
      return { type, id, memberId, occurredAt, originalId: value['originalId'], points };
    }
    case 'redemption':
    case 'authorisation':
      return { type, id, memberId, occurredAt, ...spendOf(value) };
    case 'adjustment': {
      const { wallet, points, reason, agent, approvedBy } = value;
      const by = { reason: text(reason), agent: text(agent), approvedBy: text(approvedBy) };
      return { type, id, memberId, occurredAt, wallet: text(wallet), points: integer(points), ...by };
    }
    case 'exception': {
      const { tier, floor, ceiling, reason, agent } = value;
      const levels = { tier: text(tier), floor: text(floor), ceiling: text(ceiling) };
      const thresholds = thresholdsOf(value['thresholds']);
      return { type, id, memberId, occurredAt, ...levels, thresholds, until, reason, agent };
    }
    case 'exception_end': {
      const { originalId, reason, agent } = value;
      return { type, id, memberId, occurredAt, originalId, reason, agent };
    }
    case 'enrolment':
      return { type, id, memberId, occurredAt };
  }
}

function saleOf({ store, terminal, currency }: Fields): Fields {
  return { store: text(store), terminal: text(terminal), currency: text(currency) };
}

function spendOf({ store, terminal, wallet, points, amount }: Fields): Fields {
  const how = { points: integer(points, NOT_GIVEN), amount: integer(amount, NOT_GIVEN) };
  return { store: text(store), terminal: text(terminal), wallet: text(wallet), ...how };
}

/** A caller writes them beside the amount; events have them apart, since most purchases have none. */
function deductionsOf({ discount, paidWithPoints, tax, tip, giftCards }: Fields): unknown {
  const isPlain =
    discount === undefined &&
    paidWithPoints === undefined &&
    tax === undefined &&
    tip === undefined &&
    giftCards === undefined;
  if (isPlain) return NO_DEDUCTIONS;
  return {
    discount: integer(discount, 0),
    paidWithPoints: integer(paidWithPoints, 0),
    tax: integer(tax, 0),
    tip: integer(tip, 0),
    giftCards: integer(giftCards, 0),
  };
}

/** A caller writes them by level; as a list in the order of the names, the same ones are the same event. */
function thresholdsOf(value: unknown): unknown {
  if (value === undefined) return NO_THRESHOLDS;
  if (!isFields(value)) return undefined;
  // By code unit, not by locale: every machine must find the same order.
  return Object.keys(value)
    .sort()
    .map((level) => ({ level, from: integer(value[level]) }));
}

function purchaseLine({ sku, category, quantity, amount }: Fields): Fields {
  return { sku, category: text(category), quantity: integer(quantity), amount: integer(amount) };
}

function returnLine({ sku, quantity, amount }: Fields): Fields {
  return { sku, quantity: integer(quantity), amount: integer(amount, NOT_GIVEN) };
}

/** The lines; what is no list, or too long a one, stays what it is, for the check to refuse. */
function linesOr(value: Fields, lines: readonly unknown[], parse: (line: Fields) => Fields): unknown {
  const given = value['lines'];
  if (given !== undefined && given !== lines) return given;
  return lines.map((line) => parse(line as Fields));
}

const NO_LINES: readonly unknown[] = [];

/** `lines` if they are worth a look. */
function listOf(lines: unknown): readonly unknown[] {
  return Array.isArray(lines) && lines.length <= LINES_PER_EVENT_MAX ? lines : NO_LINES;
}

/** 0 where a line has no proper amount: then the line is refused, and that says more than an odd total. */
function sumOf(lines: readonly unknown[]): number | undefined {
  if (lines.length === 0) return undefined;
  let total = 0;
  for (const line of lines) {
    const { amount } = line as Fields;
    if (integerProblem(amount, 'amount', 0, AMOUNT_MAX) !== undefined) return 0;
    total += amount as number;
  }
  return total;
}

function text(value: unknown): unknown {
  return value === undefined ? '' : value;
}

/** JSON can say -0, which a replay could not tell from 0. */
function integer(value: unknown, absent?: number): unknown {
  if (value === undefined) return absent;
  return value === 0 ? 0 : value;
}

// --- What only a caller can get wrong ---

/** The stand-in for an amount, or points, that were left out is neither. */
function standInProblem(type: EventType, value: Fields, lines: readonly unknown[]): Problem | undefined {
  if (type === 'adjustment') return undefined;
  if (value['points'] === NOT_GIVEN) return integerProblem(NOT_GIVEN, 'points', 1, POINTS_MAX);
  const least = type === 'redemption' || type === 'authorisation' ? 1 : 0;
  if (value['amount'] === NOT_GIVEN) return integerProblem(NOT_GIVEN, 'amount', least, AMOUNT_MAX);
  if (type !== 'return') return undefined;
  const index = lines.findIndex((line) => (line as Fields)['amount'] === NOT_GIVEN);
  return index < 0 ? undefined : integerProblem(NOT_GIVEN, `lines[${index}].amount`, 0, AMOUNT_MAX);
}

const CURRENCY = /^[A-Z]{3}$/;

function currencyProblem({ currency }: Fields): Problem | undefined {
  if (typeof currency !== 'string' || currency === '' || CURRENCY.test(currency)) return undefined;
  return { path: 'currency', message: `expected an ISO 4217 code such as USD, got ${shown(currency)}` };
}

function amountProblem(type: EventType, { amount, lines }: Fields): Problem | undefined {
  if (type !== 'purchase' || amount !== undefined || lines !== undefined) return undefined;
  return { path: 'amount', message: 'expected an amount in minor units, or lines, whose amounts add up to it' };
}

/** Half of a surrogate pair: JSON can escape it, UTF-8 cannot hold it, so the log would give back another text. */
const LONE_SURROGATE = /\p{Surrogate}/u;
/** What decoders put in place of bytes that are not UTF-8. In an id it would make one of two members. */
const REPLACEMENT = '\ufffd';

function unicodeProblem(candidate: Fields): Problem | undefined {
  for (const path of ['id', 'memberId', 'originalId', 'redemptionId']) {
    const value = candidate[path];
    if (typeof value === 'string' && value.includes(REPLACEMENT)) {
      return { path, message: 'expected an id in UTF-8, got one with U+FFFD, the mark of bytes that were not' };
    }
  }
  return loneSurrogate(candidate);
}

function loneSurrogate(fields: Fields): Problem | undefined {
  // Not Object.entries, which costs more than all the rest of the parse.
  for (const path in fields) {
    const value = fields[path];
    if (typeof value === 'string' && LONE_SURROGATE.test(value)) {
      return { path, message: `expected well-formed Unicode, got ${shown(value)} with half of a surrogate pair` };
    }
  }
  return loneSurrogateIn(fields['lines'], 'lines') ?? loneSurrogateIn(fields['thresholds'], 'thresholds');
}

function loneSurrogateIn(list: unknown, path: string): Problem | undefined {
  const parts = listOf(list);
  for (let index = 0; index < parts.length; index++) {
    const problem = loneSurrogate(parts[index] as Fields);
    if (problem !== undefined) return { ...problem, path: `${path}[${index}].${problem.path}` };
  }
  return undefined;
}

// --- Instants ---

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
/** Longer than any instant somebody means. */
const INSTANT_CHARACTERS_MAX = 64;

/** Epoch milliseconds; 0 if none was given. */
function instantOf(value: unknown, path: string, format: BodyFormat): number | Problem {
  if (value === undefined) return 0;
  const instant = format === 'msgpack' && Number.isInteger(value) ? (value as number) : parseInstant(value);
  if (instant === undefined) {
    return {
      path,
      message: `expected an instant with offset such as 2026-11-22T10:15:00Z, got ${shown(value)}`,
    };
  }
  // 0 would mean "when the log received it", and 1970 is what a till without a clock says.
  if (instant < OCCURRED_AT_MIN_MS) {
    return { path, message: `expected an instant since 1980, got ${shown(value)}` };
  }
  return instant;
}

/** Undefined for what is not strictly RFC 3339. Leap seconds are not: no clock of ours has them. Fractions are cut to ms. */
function parseInstant(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length > INSTANT_CHARACTERS_MAX) return undefined;
  const match = RFC_3339.exec(value);
  if (match === null) return undefined;
  const year = Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6]);
  const offsetHours = Number(match[9] ?? 0);
  const offsetMinutes = Number(match[10] ?? 0);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const fractionMs = match[7] === undefined ? 0 : Number(match[7].slice(0, 3).padEnd(3, '0'));
  const wallMs = ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (match[8] === '-' ? -1 : 1);
  return dayOfCivil(year, month, day) * DAY_MS + wallMs - offsetMs;
}

// --- Small parts ---

function isFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function idOf(value: unknown): string {
  const id = isFields(value) ? value['id'] : undefined;
  return typeof id === 'string' ? id.slice(0, ID_BYTES_MAX) : '';
}

function shownKind(value: unknown): string {
  return Array.isArray(value) ? 'a list' : shown(value);
}

function invalid(path: string, message: string): Refusal {
  return refusal('invalid_event', path, message);
}

function refusal(code: IngestRefusalCode, path: string, message: string): Refusal {
  return { code, message, path };
}
