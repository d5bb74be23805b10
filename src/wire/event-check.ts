/**
 * Whether something in the shape of an event is one: types and limits, with the path of what is wrong. Both ways in, JSON
 * over HTTP and batches on the log, end here, so they refuse the same.
 */
import {
  AMOUNT_MAX,
  ID_BYTES_MAX,
  LABEL_BYTES_MAX,
  LEVEL_BYTES_MAX,
  LINES_PER_EVENT_MAX,
  OCCURRED_AT_MIN_MS,
  POINTS_MAX,
  QUANTITY_MAX,
  REASON_BYTES_MAX,
  THRESHOLDS_MAX,
  WALLET_BYTES_MAX,
} from '../limits.ts';
import { type Deductions, type MemberEvent, NO_DEDUCTIONS, NOT_GIVEN } from '../scoring/event.ts';

export interface Problem {
  /** As in `lines[3].amount`; '' for the event as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Later than any instant a Date can hold is no instant. */
const INSTANT_MAX_MS = 8_640_000_000_000_000;

/** An object with all fields of its event type, of any type and value. */
export type Candidate = { readonly type: MemberEvent['type'] } & Readonly<Record<string, unknown>>;

/**
 * The first thing wrong with the candidate; undefined means that it is a MemberEvent. Runs for every event a worker reads:
 * fields are named where they are read, since a lookup by a variable name costs as much as the rest. Whether text is
 * well-formed Unicode is not asked here: what was decoded from MessagePack always is (see parse-events.ts for JSON).
 */
export function problemOf(candidate: Candidate): Problem | undefined {
  const head =
    textProblem(candidate['id'], 'id', 1, ID_BYTES_MAX) ??
    textProblem(candidate['memberId'], 'memberId', 1, ID_BYTES_MAX) ??
    instantProblem(candidate['occurredAt'], 'occurredAt');
  if (head !== undefined) return head;
  switch (candidate.type) {
    case 'purchase':
      return saleProblem(candidate) ?? purchaseProblem(candidate) ?? paymentProblem(candidate);
    case 'return':
      return (
        saleProblem(candidate) ??
        textProblem(candidate['originalId'], 'originalId', 0, ID_BYTES_MAX) ??
        integerProblem(candidate['amount'], 'amount', NOT_GIVEN, AMOUNT_MAX) ??
        returnProblem(candidate)
      );
    case 'void':
    case 'confirmation':
    case 'release':
      return originalProblem(candidate);
    case 'capture':
    case 'reversal':
      return originalProblem(candidate) ?? partProblem(candidate['points'], 'points', POINTS_MAX);
    case 'redemption':
    case 'authorisation':
      return placeProblem(candidate) ?? walletProblem(candidate) ?? spendProblem(candidate);
    case 'adjustment':
      return (
        walletProblem(candidate) ??
        textProblem(candidate['reason'], 'reason', 0, REASON_BYTES_MAX) ??
        textProblem(candidate['agent'], 'agent', 0, LABEL_BYTES_MAX) ??
        textProblem(candidate['approvedBy'], 'approvedBy', 0, LABEL_BYTES_MAX) ??
        integerProblem(candidate['points'], 'points', -POINTS_MAX, POINTS_MAX) ??
        (candidate['points'] === 0
          ? { path: 'points', message: 'expected points to add or to take, got 0' }
          : undefined)
      );
    case 'exception':
      return exceptionProblem(candidate) ?? decisionProblem(candidate);
    case 'exception_end':
      return originalProblem(candidate) ?? decisionProblem(candidate);
    case 'enrolment':
      return undefined;
  }
}

export function isMemberEvent(candidate: Candidate): candidate is Candidate & MemberEvent {
  return problemOf(candidate) === undefined;
}

function placeProblem(candidate: Candidate): Problem | undefined {
  return (
    textProblem(candidate['store'], 'store', 0, LABEL_BYTES_MAX) ??
    textProblem(candidate['terminal'], 'terminal', 0, LABEL_BYTES_MAX)
  );
}

function walletProblem(candidate: Candidate): Problem | undefined {
  return textProblem(candidate['wallet'], 'wallet', 0, WALLET_BYTES_MAX);
}

function originalProblem(candidate: Candidate): Problem | undefined {
  return textProblem(candidate['originalId'], 'originalId', 1, ID_BYTES_MAX);
}

/** An agent has decided, and says why. */
function decisionProblem(candidate: Candidate): Problem | undefined {
  return (
    textProblem(candidate['reason'], 'reason', 1, REASON_BYTES_MAX) ??
    textProblem(candidate['agent'], 'agent', 1, LABEL_BYTES_MAX)
  );
}

function exceptionProblem(candidate: Candidate): Problem | undefined {
  const { thresholds } = candidate;
  const problem =
    textProblem(candidate['tier'], 'tier', 0, LEVEL_BYTES_MAX) ??
    textProblem(candidate['floor'], 'floor', 0, LEVEL_BYTES_MAX) ??
    textProblem(candidate['ceiling'], 'ceiling', 0, LEVEL_BYTES_MAX) ??
    instantProblem(candidate['until'], 'until') ??
    thresholdsProblem(thresholds);
  if (problem !== undefined) return problem;
  const isEmpty = candidate['floor'] === '' && candidate['ceiling'] === '' && (thresholds as unknown[]).length === 0;
  return isEmpty
    ? { path: 'floor', message: 'expected a floor, a ceiling or thresholds, got none of them' }
    : undefined;
}

/** In the order of their names, so that the same ones are the same event. */
function thresholdsProblem(thresholds: unknown): Problem | undefined {
  if (!Array.isArray(thresholds) || thresholds.length > THRESHOLDS_MAX) {
    return { path: 'thresholds', message: `expected at most ${THRESHOLDS_MAX} thresholds by level` };
  }
  let before = '';
  for (const one of thresholds) {
    const { level, from } = asObject(one);
    const problem =
      textProblem(level, 'thresholds', 1, LEVEL_BYTES_MAX) ??
      integerProblem(from, `thresholds.${level}`, 0, AMOUNT_MAX);
    if (problem !== undefined) return problem;
    if ((level as string) <= before) return { path: 'thresholds', message: 'expected each level once, by name' };
    before = level as string;
  }
  return undefined;
}

function saleProblem(candidate: Candidate): Problem | undefined {
  const problem = placeProblem(candidate) ?? textProblem(candidate['currency'], 'currency', 0, 3);
  if (problem !== undefined) return problem;
  const { lines } = candidate;
  if (!Array.isArray(lines)) return { path: 'lines', message: 'expected a list of lines' };
  if (lines.length > LINES_PER_EVENT_MAX) {
    return { path: 'lines', message: `expected at most ${LINES_PER_EVENT_MAX} lines, got ${lines.length}` };
  }
  return undefined;
}

function purchaseProblem(candidate: Candidate): Problem | undefined {
  const amount = candidate['amount'];
  const problem = integerProblem(amount, 'amount', 0, AMOUNT_MAX);
  if (problem !== undefined) return problem;
  const lines = candidate['lines'] as readonly unknown[];
  if (lines.length === 0) return undefined;
  let total = 0;
  for (let index = 0; index < lines.length; index++) {
    const line = asObject(lines[index]);
    const lineProblem =
      goodsProblem(line) ??
      textProblem(line['category'], 'category', 0, LABEL_BYTES_MAX) ??
      integerProblem(line['amount'], 'amount', 0, AMOUNT_MAX);
    if (lineProblem !== undefined) return inLine(index, lineProblem);
    total += line['amount'] as number;
  }
  if (total !== amount)
    return { path: 'amount', message: `expected the sum of the lines, ${total}, got ${String(amount)}` };
  return undefined;
}

/** What a purchase says of how it was paid. */
function paymentProblem(candidate: Candidate): Problem | undefined {
  return (
    textProblem(candidate['redemptionId'], 'redemptionId', 0, ID_BYTES_MAX) ??
    (candidate['deductions'] === NO_DEDUCTIONS ? undefined : deductionsProblem(candidate))
  );
}

const DEDUCTIONS = Object.keys(NO_DEDUCTIONS);

/** Paths are the fields alone: callers know them as fields of the purchase. */
function deductionsProblem(candidate: Candidate): Problem | undefined {
  const fields = asObject(candidate['deductions']);
  const problem =
    integerProblem(fields['discount'], 'discount', 0, AMOUNT_MAX) ??
    integerProblem(fields['paidWithPoints'], 'paidWithPoints', 0, AMOUNT_MAX) ??
    integerProblem(fields['tax'], 'tax', 0, AMOUNT_MAX) ??
    integerProblem(fields['tip'], 'tip', 0, AMOUNT_MAX) ??
    integerProblem(fields['giftCards'], 'giftCards', 0, AMOUNT_MAX);
  if (problem !== undefined) return problem;
  const { discount, paidWithPoints, tax, tip, giftCards } = fields as Readonly<Record<string, number>> & Deductions;
  const total = discount + paidWithPoints + tax + tip + giftCards;
  const amount = candidate['amount'] as number;
  if (total <= amount) return undefined;
  const path = DEDUCTIONS.findLast((field) => fields[field] !== 0) ?? 'amount';
  const together = `${DEDUCTIONS.slice(0, -1).join(', ')} and ${DEDUCTIONS.at(-1)}`;
  return { path, message: `expected ${together} to add up to at most the amount, ${amount}, got ${total}` };
}

/** Of redemptions and authorisations. */
function spendProblem(candidate: Candidate): Problem | undefined {
  const { points, amount } = candidate;
  const problem = partProblem(points, 'points', POINTS_MAX) ?? partProblem(amount, 'amount', AMOUNT_MAX);
  if (problem !== undefined) return problem;
  if ((points === NOT_GIVEN) !== (amount === NOT_GIVEN)) return undefined;
  const got = points === NOT_GIVEN ? 'neither' : 'both';
  return { path: 'points', message: `expected either points or an amount of money, got ${got}` };
}

function partProblem(value: unknown, path: string, max: number): Problem | undefined {
  return value === NOT_GIVEN ? undefined : integerProblem(value, path, 1, max);
}

function returnProblem(candidate: Candidate): Problem | undefined {
  const lines = candidate['lines'] as readonly unknown[];
  for (let index = 0; index < lines.length; index++) {
    const line = asObject(lines[index]);
    const problem = goodsProblem(line) ?? integerProblem(line['amount'], 'amount', NOT_GIVEN, AMOUNT_MAX);
    if (problem !== undefined) return inLine(index, problem);
  }
  if (lines.length > 0 && candidate['amount'] !== NOT_GIVEN) {
    return { path: 'amount', message: 'expected either lines or an amount, got both' };
  }
  if (lines.length === 0 && candidate['amount'] === NOT_GIVEN && candidate['originalId'] === '') {
    return { path: 'originalId', message: 'expected a purchase to return, lines or an amount, got none of them' };
  }
  return undefined;
}

function goodsProblem(line: Readonly<Record<string, unknown>>): Problem | undefined {
  return (
    textProblem(line['sku'], 'sku', 1, ID_BYTES_MAX) ?? integerProblem(line['quantity'], 'quantity', 1, QUANTITY_MAX)
  );
}

const EMPTY: Readonly<Record<string, unknown>> = {};

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : EMPTY;
}

function inLine(index: number, { path, message }: Problem): Problem {
  return { path: `lines[${index}].${path}`, message };
}

function textProblem(value: unknown, path: string, bytesMin: number, bytesMax: number): Problem | undefined {
  if (typeof value !== 'string') return { path, message: `expected text, got ${shown(value)}` };
  // A UTF-16 unit is at most three bytes of UTF-8, so most texts need not be measured.
  if (value.length < bytesMin || (value.length * 3 > bytesMax && Buffer.byteLength(value) > bytesMax)) {
    return { path, message: `expected ${bytesMin} to ${bytesMax} bytes of text, got ${Buffer.byteLength(value)}` };
  }
  return undefined;
}

export function integerProblem(value: unknown, path: string, min: number, max: number): Problem | undefined {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return undefined;
  return {
    path,
    message: `expected a whole number from ${Math.max(min, path === 'points' ? min : 0)} to ${max}, got ${shown(value)}`,
  };
}

function instantProblem(value: unknown, path: string): Problem | undefined {
  if (value === 0) return undefined;
  if (Number.isInteger(value) && (value as number) >= OCCURRED_AT_MIN_MS && (value as number) <= INSTANT_MAX_MS) {
    return undefined;
  }
  return { path, message: `expected an instant since 1980, got ${shown(value)}` };
}

/** A value as a message shows it: short, whatever it is. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return typeof value === 'string'
    ? JSON.stringify(value.slice(0, 40))
    : typeof value === 'number'
      ? `${value}`
      : typeof value;
}
