/**
 * Which purchases a return takes back, and how much of each. Works on drafts: nothing on the member changes until the
 * whole return is known to be legal.
 */
import { scale } from '../lib/integer.ts';
import { DAY_MS } from '../lib/zone.ts';
import type { Program } from '../program/program.ts';
import type { Accrual, AccrualLine, Entry } from './entry.ts';
import { NOT_GIVEN, type Purchase, type PurchaseLine, type Return, type ReturnLine } from './event.ts';
import { type History, oldestMatchedChunk } from './history.ts';
import type { Member } from './member.ts';
import type { OutcomeCode } from './outcome.ts';
import { paidFor, shareOfLines } from './points.ts';

export interface ReturnPlan {
  /** Purchases touched, in the order they were found. */
  readonly drafts: readonly AccrualDraft[];
  /** Goods no purchase was found for, of categories nobody says; undefined for none. */
  readonly unmatched: Goods | undefined;
}

type Goods = Pick<Purchase, 'amount' | 'lines'>;

/** An accrual as it would be. `commit` makes it so. */
export interface AccrualDraft {
  readonly accrual: Accrual;
  readonly lines: AccrualLine[];
  /** What was paid for each line; see shareOfLines. */
  readonly paid: readonly number[];
  returnedAmount: number;
}

export type PlanResult = { readonly plan: ReturnPlan } | { readonly refused: OutcomeCode; readonly field?: string };

/** A return that names its purchase: by line, by amount, or whole. */
export function planNamedReturn(accrual: Accrual, event: Return): PlanResult {
  const draft = draftOf(accrual);
  if (event.lines.length > 0) {
    if (accrual.lines.length === 0) return { refused: 'original_without_lines' };
    const unknown = event.lines.findIndex((line) => !accrual.lines.some(({ sku }) => sku === line.sku));
    if (unknown >= 0) return { refused: 'line_not_in_original', field: `lines[${unknown}]` };
    for (const [index, line] of event.lines.entries()) {
      const refused = takeNamedLine(draft, line);
      if (refused !== undefined) return { refused, field: `lines[${index}]` };
    }
  } else {
    const paid = paidFor(accrual);
    const left = paid - accrual.returnedAmount;
    const amount = event.amount === NOT_GIVEN ? left : event.amount;
    const isGone = left === 0 && paid > 0 && draft.lines.every((line) => line.returnedQuantity === line.quantity);
    if (amount > left || isGone) {
      return { refused: 'return_exceeds_original', field: 'amount' };
    }
    draft.returnedAmount += amount;
    // Nothing is left of the purchase: its goods are not for another return to find.
    if (amount === left) returnWhole(draft);
  }
  return { plan: { drafts: [draft], unmatched: undefined } };
}

/** All that is left of a purchase. */
export function planWhole(accrual: Accrual): AccrualDraft {
  const draft = draftOf(accrual);
  draft.returnedAmount = paidFor(accrual);
  returnWhole(draft);
  return draft;
}

/** A return that names none: each line is matched to the latest purchases of its SKU, newest first. */
export function planUnnamedReturn(program: Program, member: Member, event: Return, at: number): PlanResult {
  const ledger = [...newestFirst(member)];
  const drafts = new Map<Entry, AccrualDraft>();
  const lines: PurchaseLine[] = [];
  for (const { sku, quantity, amount } of event.lines) {
    let left = quantity;
    for (const entry of ledger) {
      if (left === 0) break;
      if (!matchable(program, entry, at) || !entry.lines.some((line) => line.sku === sku)) continue;
      const draft = drafts.get(entry) ?? draftOf(entry);
      const taken = takeQuantity(draft, sku, left);
      if (taken > 0) drafts.set(entry, draft);
      left -= taken;
    }
    // Goods of unknown price cost nothing.
    const refund = amount === NOT_GIVEN ? 0 : scale(amount, left, quantity, 'floor');
    if (left > 0) lines.push({ sku, category: '', quantity: left, amount: refund });
  }
  const isFound = event.lines.length > 0 && lines.length === 0;
  if (!isFound && program.unmatchedReturns === 'refuse') return { refused: 'nothing_to_match' };
  const amount = event.lines.length === 0 ? Math.max(0, event.amount) : sumOf(lines);
  return { plan: { drafts: [...drafts.values()], unmatched: isFound ? undefined : { amount, lines } } };
}

function sumOf(lines: readonly PurchaseLine[]): number {
  let sum = 0;
  for (const { amount } of lines) sum += amount;
  return sum;
}

export function commitDraft({ accrual, lines, returnedAmount }: AccrualDraft): void {
  accrual.returnedAmount = returnedAmount;
  for (const [index, line] of accrual.lines.entries()) {
    const draft = lines[index] as AccrualLine;
    line.returnedQuantity = draft.returnedQuantity;
    line.returnedAmount = draft.returnedAmount;
  }
}

/** May this entry be what a return that names none, made at `at`, brings back? */
export function matchable(program: Program, entry: Entry, at: number): entry is Accrual {
  return entry.kind === 'accrual' && entry.at <= at && entry.at >= at - program.returnMatchDays * DAY_MS;
}

function* newestFirst(member: Member): Generator<Entry> {
  yield* member.recent.all().reverse();
  if (member.history !== undefined) yield* newestSealed(member.history);
}

/** recall.ts brought the newest chunks without a gap as far as this return needs them. */
function* newestSealed(history: History): Generator<Entry> {
  for (let number = history.sealed - 1; number >= oldestMatchedChunk(history); number--) {
    const chunk = history.chunk(number);
    if (chunk === undefined) return;
    yield* chunk.entries.all().reverse();
  }
}

function draftOf(accrual: Accrual): AccrualDraft {
  return {
    accrual,
    lines: accrual.lines.map((line) => ({ ...line })),
    paid: shareOfLines(accrual),
    returnedAmount: accrual.returnedAmount,
  };
}

function takeNamedLine(draft: AccrualDraft, line: ReturnLine): OutcomeCode | undefined {
  if (line.amount === NOT_GIVEN) {
    return takeQuantity(draft, line.sku, line.quantity) < line.quantity ? 'return_exceeds_original' : undefined;
  }
  return takeRefund(draft, line);
}

/** Takes up to `quantity` of a SKU at its share of the amount paid. Returns the quantity taken. */
function takeQuantity(draft: AccrualDraft, sku: string, quantity: number): number {
  let left = quantity;
  for (const [index, line] of draft.lines.entries()) {
    if (line.sku !== sku || left === 0) continue;
    const taken = Math.min(left, line.quantity - line.returnedQuantity);
    // All of it has come back, perhaps for less than it cost: that money is not for another piece to take.
    if (taken === 0) continue;
    takeOfLine(draft, line, taken, shareOf(line, draft.paid[index] as number, taken));
    left -= taken;
  }
  return quantity - left;
}

/**
 * Takes a quantity for the refund the till gave, which may differ from its share, up to what is left of the whole purchase:
 * tills spread a coupon over the lines, and some then refund the price before it.
 */
function takeRefund(draft: AccrualDraft, { sku, quantity, amount }: ReturnLine): OutcomeCode | undefined {
  let quantityLeft = quantity;
  let amountLeft = amount;
  for (const [index, line] of draft.lines.entries()) {
    if (line.sku !== sku) continue;
    const taken = Math.min(quantityLeft, line.quantity - line.returnedQuantity);
    const refund = Math.min(amountLeft, (draft.paid[index] as number) - line.returnedAmount);
    amountLeft -= takeOfLine(draft, line, taken, refund);
    quantityLeft -= taken;
  }
  const beyondLines = Math.min(amountLeft, leftOf(draft));
  draft.returnedAmount += beyondLines;
  amountLeft -= beyondLines;
  return quantityLeft > 0 || amountLeft > 0 ? 'return_exceeds_original' : undefined;
}

/** Counts pieces and money on a line, no more money than is left of the purchase. Returns the money. */
function takeOfLine(draft: AccrualDraft, line: AccrualLine, quantity: number, amount: number): number {
  const taken = Math.min(amount, leftOf(draft));
  line.returnedQuantity += quantity;
  line.returnedAmount += taken;
  draft.returnedAmount += taken;
  return taken;
}

/** Of the money paid for the purchase. */
function leftOf({ accrual, returnedAmount }: AccrualDraft): number {
  return paidFor(accrual) - returnedAmount;
}

/** Of what was `paid` for a line. The last piece takes what is left, so that shares add up to it. */
function shareOf(line: AccrualLine, paid: number, quantity: number): number {
  const left = paid - line.returnedAmount;
  if (quantity === line.quantity - line.returnedQuantity) return left;
  const upTo = (returned: number): number => scale(paid, returned, line.quantity, 'floor');
  return Math.min(left, upTo(line.returnedQuantity + quantity) - upTo(line.returnedQuantity));
}

function returnWhole({ lines, paid }: AccrualDraft): void {
  for (const [index, line] of lines.entries()) {
    line.returnedQuantity = line.quantity;
    line.returnedAmount = paid[index] as number;
  }
}
