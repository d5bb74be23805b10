/**
 * What an event means. Everything else in the engine only delivers events here and carries away what comes out.
 *
 * The fold is pure in what it knows: program, member, event and the log's time, nothing else; so a replay gives the same
 * bytes. It changes the member in place, and only once nothing can refuse the event any more: a refused event and a
 * duplicate leave no trace.
 */
import { must, unreachable } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import { BALANCE_MAX, CLOCK_SKEW_MAX_MS, EXCEPTIONS_MAX, QUANTITY_MAX } from '../limits.ts';
import type { Program } from '../program/program.ts';
import { programAt } from '../program/succession.ts';
import { accrualOf, earnPoints } from './accrual.ts';
import { countActivity, countEnrolment, countPurchase, touch } from './counters.ts';
import { differingField, findEntry } from './duplicate.ts';
import { awardsFor, countedOf } from './earn.ts';
import type {
  Accrual,
  AdjustmentEntry,
  EnrolmentEntry,
  Entry,
  ExceptionEnd,
  ExceptionEntry,
  Reversal,
  Settlement,
  VoidEntry,
} from './entry.ts';
import {
  type Adjustment,
  type Authorisation,
  type Capture,
  type Confirmation,
  type Enrolment,
  type ExceptionEndEvent,
  type ExceptionEvent,
  effectiveAt,
  type MemberEvent,
  NO_DEDUCTIONS,
  type Purchase,
  type Redemption,
  type Release,
  type Return,
  type Reversal as ReversalEvent,
  type Void,
} from './event.ts';
import { addException, closeException, openExceptions, unknownField } from './exceptions.ts';
import { lastDayOf, renew } from './expiry.ts';
import { record, rewrite } from './ledger.ts';
import { copyMember, type Member, walletOf } from './member.ts';
import { duplicate, type Outcome, refusal } from './outcome.ts';
import { confirmPending, pendingOfDay, sumOfPending } from './pending.ts';
import { awardedPoints, isPlain, plainPoints, pointsOf } from './points.ts';
import {
  authorise,
  capture,
  planHold,
  planRedemption,
  planReversal,
  redeem,
  releaseHold,
  reverse,
} from './redemption.ts';
import { type PlanResult, planNamedReturn, planUnnamedReturn, planWhole } from './returns.ts';
import { takeGiven } from './sets.ts';
import { judge, type Passed, passAtOnce, settle } from './settle.ts';
import { deductUnmatched, reversePurchase } from './take-back.ts';
import { addSpend, levelAt, restoreWindow } from './tiers.ts';
import { credit, debit, rulesOf, type Wallet } from './wallet.ts';

/**
 * Scores one event on its member, who may be new. `now` is the log's time of the event, epoch milliseconds. What the event
 * needs of the member's older history must have been recalled (recall.ts).
 */
export function score(program: Program, member: Member, event: MemberEvent, now: number): Outcome {
  const at = effectiveAt(event, now);
  const print = fingerprint(event.id);
  const first = findEntry(member, event.id, print);
  const difference = first === undefined ? undefined : differingField(first, event);
  if (first !== undefined && difference === undefined) {
    return duplicate(first);
  }
  if (at > now + CLOCK_SKEW_MAX_MS) return refusal('occurred_in_future');
  if (difference !== undefined) return refusal('duplicate_with_different_content', difference);
  restoreWindow(program, member);
  const scoring: Scoring = { program, member, at, now, print };
  switch (event.type) {
    case 'purchase':
      return scorePurchase(scoring, event);
    case 'return':
      return scoreReturn(scoring, event);
    case 'void':
      return scoreVoid(scoring, event);
    case 'confirmation':
      return scoreConfirmation(scoring, event);
    case 'redemption':
    case 'authorisation':
      return scoreRedemption(scoring, event);
    case 'capture':
    case 'release':
      return scoreHold(scoring, event);
    case 'reversal':
      return scoreReversal(scoring, event);
    case 'adjustment':
      return scoreAdjustment(scoring, event);
    case 'exception':
      return scoreException(scoring, event);
    case 'exception_end':
      return scoreExceptionEnd(scoring, event);
    case 'enrolment':
      return scoreEnrolment(scoring, event);
    default:
      return unreachable(event);
  }
}

/** One event on its way. */
interface Scoring {
  readonly program: Program;
  readonly member: Member;
  /** When it counts. */
  readonly at: number;
  /** The log's time. */
  readonly now: number;
  /** Fingerprint of the event's id. */
  readonly print: number;
}

function scorePurchase(received: Scoring, event: Purchase): Outcome {
  const { program, member } = received;
  if (event.currency !== '' && event.currency !== program.currency) return refusal('currency_mismatch', 'currency');
  const isLate = program.late !== undefined && daysLate(received) > program.late.days;
  if (isLate && program.late?.beyond === 'refuse') return refusal('too_late', 'occurredAt');
  if (program.enrolmentRequired && member.enrolledAt === 0) return refusal('member_not_enrolled');
  const scoring = isLate && program.late?.beyond === 'receipt' ? { ...received, at: received.now } : received;
  const { at } = scoring;
  if (program.enrolmentRequired && at < member.enrolledAt - program.enrolmentBufferMs) {
    return refusal('before_enrolment', 'occurredAt');
  }
  if (member.windowSpend > BALANCE_MAX || isFull(member)) return refusal('balance_out_of_range');
  // A till that was offline rang it up under the rules of its time.
  const then = programAt(program, at);
  const counted = countedOf(then, event);
  if (then.earn.countsPieces && piecesOf(event) > QUANTITY_MAX) return refusal('balance_out_of_range');

  const passed = settleBefore(scoring);
  const awards = awardsFor(then, levelAt(program, member, at), event, counted);
  const entry = accrualOf(then, event, at, counted, awards, isLate);
  const day = program.zone.localDay(at);
  if (isPlain(entry)) {
    for (const { terms } of awards) earnPoints(then, member, terms.walletId, day, plainPoints(counted, terms));
  } else {
    for (const { terms, base, bonus } of awardedPoints(entry, entry)) {
      earnPoints(then, member, terms.walletId, day, base + bonus);
    }
  }
  renew(program, member, day);
  addSpend(program, member, day, counted);
  if (member.standing !== undefined) {
    countPurchase(program, member, entry, pointsOf(entry, must(program.wallets[0]).id));
  }
  return scored(scoring, entry, passed);
}

/** Local days between a purchase and its receipt. */
function daysLate({ program: { zone }, at, now }: Scoring): number {
  return zone.localDay(now) - zone.localDay(at);
}

function piecesOf({ lines }: Pick<Purchase, 'lines'>): number {
  let pieces = 0;
  for (const { quantity } of lines) pieces += quantity;
  return pieces;
}

function scoreReturn(scoring: Scoring, event: Return): Outcome {
  const { program, member, at } = scoring;
  if (event.currency !== '' && event.currency !== program.currency) return refusal('currency_mismatch', 'currency');
  const result = planReturn(program, member, event, at);
  if ('refused' in result) return refusal(result.refused, result.field);
  const { drafts, unmatched } = result.plan;
  const isTooMuch = program.earn.countsPieces && unmatched !== undefined && piecesOf(unmatched) > QUANTITY_MAX;
  if (isTooMuch || isDeepInDebt(member)) return refusal('balance_out_of_range');

  const passed = settleBefore(scoring);
  // As of just before this return: what it takes back must not decide what its unmatched goods cost.
  const levelNow = levelAt(program, member, at);
  const parts = drafts.map((draft) => reversePurchase(program, member, draft));
  if (unmatched !== undefined && program.unmatchedReturns === 'deduct') {
    const goods = { ...event, ...unmatched, type: 'purchase', deductions: NO_DEDUCTIONS, redemptionId: '' } as const;
    const part = deductUnmatched(program, member, goods, at, levelNow);
    if (part.amount > 0 || part.takes.length > 0) parts.push(part);
  }
  const entry: Reversal = {
    kind: 'reversal',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    store: event.store,
    terminal: event.terminal,
    currency: event.currency,
    originalId: event.originalId,
    amount: event.amount,
    lines: event.lines,
    parts,
  };
  return scored(scoring, entry, passed);
}

function planReturn(program: Program, member: Member, event: Return, at: number): PlanResult {
  if (event.originalId === '') return planUnnamedReturn(program, member, event, at);
  const original = originalOf(member, event.originalId);
  if (original === undefined) return { refused: 'original_not_found', field: 'originalId' };
  if (original.kind !== 'accrual') return { refused: 'original_not_a_purchase', field: 'originalId' };
  return planNamedReturn(original, event);
}

function originalOf(member: Member, originalId: string): Entry | undefined {
  return findEntry(member, originalId, fingerprint(originalId));
}

function scoreVoid(scoring: Scoring, event: Void): Outcome {
  const { program, member, at } = scoring;
  const original = originalOf(member, event.originalId);
  if (original === undefined) return refusal('original_not_found', 'originalId');
  if (original.kind !== 'accrual') return refusal('original_not_a_purchase', 'originalId');
  if (original.returnedAmount > 0 || original.lines.some(({ returnedQuantity }) => returnedQuantity > 0)) {
    return refusal('purchase_returned', 'originalId');
  }
  if (isSettled(scoring, original)) return refusal('purchase_settled', 'originalId');
  if (isDeepInDebt(member)) return refusal('balance_out_of_range');

  const passed = settleBefore(scoring);
  const entry: VoidEntry = {
    kind: 'void',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    originalId: event.originalId,
    // As if it had never been: what the wallet leaves to a member whose goods come back is no question here.
    parts: [reversePurchase(program, member, planWhole(original), 'unlimited')],
  };
  return scored(scoring, entry, passed);
}

/** A purchase is settled when nothing that it earned waits any longer and its day is over, whichever is later. */
function isSettled({ program, at }: Scoring, { at: boughtAt, confirmed, awards }: Accrual): boolean {
  if (confirmed) return true;
  const day = program.zone.localDay(boughtAt);
  let settledOn = day + 1;
  for (const { terms } of awards) {
    const { pending } = rulesOf(programAt(program, boughtAt), terms.walletId);
    if (pending !== undefined) settledOn = Math.max(settledOn, pending.availableOn(day));
  }
  return program.zone.localDay(at) >= settledOn;
}

function scoreConfirmation(scoring: Scoring, event: Confirmation): Outcome {
  const { program, member, at } = scoring;
  const original = originalOf(member, event.originalId);
  if (original === undefined) return refusal('original_not_found', 'originalId');
  if (original.kind !== 'accrual') return refusal('original_not_a_purchase', 'originalId');
  const day = program.zone.localDay(original.at);
  const { wallets } = asItWillBe(scoring);
  // Of its day others' points may wait; it must have given some itself.
  const isPending = awardedPoints(original, original).some(
    ({ terms: { walletId }, base, bonus }) =>
      base + bonus > 0 && wallets.some(({ id, pending }) => id === walletId && pendingOfDay(pending, day) > 0),
  );
  if (original.confirmed || !isPending) return refusal('nothing_pending', 'originalId');

  const passed = settleBefore(scoring);
  const moved = awardedPoints(original, original).map(({ terms: { walletId }, base, bonus }) => {
    return { walletId, points: confirmPending(walletOf(member, walletId), day, base + bonus) };
  });
  original.confirmed = true;
  rewrite(member, original);
  const entry: Settlement = {
    kind: 'settlement',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    originalId: event.originalId,
    moved: moved.filter((one) => one.points > 0),
  };
  return scored(scoring, entry, passed);
}

function scoreRedemption(scoring: Scoring, event: Redemption | Authorisation): Outcome {
  const { program, member, at } = scoring;
  const plan = planRedemption(program, asItWillBe(scoring), event);
  if ('refused' in plan) return refusal(plan.refused, plan.field);

  const passed = settleBefore(scoring);
  const entry =
    event.type === 'redemption'
      ? redeem(program, member, event, plan, at)
      : authorise(program, member, event, plan, at);
  if (event.type === 'redemption') countUse(scoring);
  return scored(scoring, entry, passed);
}

/** Somebody was there, which is what activity counts. */
function countUse({ program, member, at }: Scoring): void {
  if (member.standing !== undefined) countActivity(program, member.standing, program.zone.localDay(at));
}

function scoreHold(scoring: Scoring, event: Capture | Release): Outcome {
  const { program, member, at } = scoring;
  const original = originalOf(member, event.originalId);
  const plan = planHold(asItWillBe(scoring), event, original);
  if ('refused' in plan) return refusal(plan.refused, plan.field);

  const passed = settleBefore(scoring);
  const { hold, authorised } = plan;
  const entry =
    event.type === 'capture'
      ? capture(program, member, event, hold, authorised, at)
      : releaseHold(program, member, event, hold, at);
  if (event.type === 'capture') countUse(scoring);
  return scored(scoring, entry, passed);
}

function scoreReversal(scoring: Scoring, event: ReversalEvent): Outcome {
  const { program, member, at } = scoring;
  const plan = planReversal(event, originalOf(member, event.originalId));
  if ('refused' in plan) return refusal(plan.refused, plan.field);

  const passed = settleBefore(scoring);
  return scored(scoring, reverse(program, member, event, plan, at), passed);
}

function scoreAdjustment(scoring: Scoring, event: Adjustment): Outcome {
  const { program, member, at } = scoring;
  const rules = program.wallets.find(({ id }) => id === event.wallet || event.wallet === '');
  if (rules === undefined) return refusal('wallet_not_found', 'wallet');
  const { isReasonRequired, approvalAbove } = program.adjustments;
  if (isReasonRequired && event.reason === '') return refusal('reason_required', 'reason');
  const isApproved = event.approvedBy !== '' && event.approvedBy !== event.agent;
  if (Math.abs(event.points) > approvalAbove && !isApproved) return refusal('approval_required', 'approvedBy');
  const wallet = member.wallets[rules.index] as Wallet;
  if (event.points * wallet.balance > 0 && Math.abs(wallet.balance) > BALANCE_MAX) {
    return refusal('balance_out_of_range');
  }

  const passed = settleBefore(scoring);
  const day = program.zone.localDay(at);
  if (event.points > 0) credit(wallet, day, lastDayOf(rules, day), event.points);
  else debit(wallet, -event.points);
  const entry: AdjustmentEntry = {
    kind: 'adjustment',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    walletId: rules.id,
    wallet: event.wallet,
    points: event.points,
    reason: event.reason,
    agent: event.agent,
    approvedBy: event.approvedBy,
  };
  return scored(scoring, entry, passed);
}

function scoreException(scoring: Scoring, event: ExceptionEvent): Outcome {
  const { program, member, at } = scoring;
  const unknown = unknownField(program, event);
  if (unknown !== undefined) return refusal('level_not_found', unknown);
  const reached = instantReached(scoring);
  if (event.until !== 0 && event.until <= reached) return refusal('exception_over', 'until');
  if (openExceptions(member, reached).length >= EXCEPTIONS_MAX) return refusal('too_many_exceptions');

  const passed = settleBefore(scoring);
  addException(member, event, at);
  judgeAnew(scoring, event.thresholds.length > 0);
  const { id: eventId, occurredAt, tier, floor, ceiling, thresholds, until, reason, agent } = event;
  const entry: ExceptionEntry = {
    kind: 'exception',
    eventId,
    occurredAt,
    at,
    programVersion: program.version,
    tier,
    floor,
    ceiling,
    thresholds,
    until,
    reason,
    agent,
  };
  return scored(scoring, entry, passed);
}

function scoreExceptionEnd(scoring: Scoring, event: ExceptionEndEvent): Outcome {
  const { program, member, at } = scoring;
  const original = originalOf(member, event.originalId);
  if (original === undefined) return refusal('original_not_found', 'originalId');
  if (original.kind !== 'exception') return refusal('original_not_an_exception', 'originalId');
  const isOpen = openExceptions(member, instantReached(scoring)).some(({ id }) => id === event.originalId);
  if (!isOpen) return refusal('exception_over', 'originalId');

  const passed = settleBefore(scoring);
  closeException(member, event.originalId, at);
  judgeAnew(scoring, original.thresholds.length > 0);
  const entry: ExceptionEnd = {
    kind: 'exception_end',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    originalId: event.originalId,
    reason: event.reason,
    agent: event.agent,
  };
  return scored(scoring, entry, passed);
}

/** How far time has come for the member, whether or not its timers have fired. */
function instantReached({ member, at, now }: Scoring): number {
  return Math.max(at, now, member.asOf);
}

/** Sets are judged by day: from the one on which thresholds change. */
function judgeAnew({ program, member, at }: Scoring, hasThresholds: boolean): void {
  if (hasThresholds && member.standing !== undefined) touch(member.standing, program.zone.localDay(at));
}

function scoreEnrolment(scoring: Scoring, event: Enrolment): Outcome {
  const { program, member, at } = scoring;
  if (member.enrolledAt !== 0) return refusal('already_enrolled');

  const passed = settleBefore(scoring);
  member.enrolledAt = at;
  if (member.standing !== undefined) countEnrolment(program, member.standing, program.zone.localDay(at));
  const entry: EnrolmentEntry = {
    kind: 'enrolment',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
  };
  return scored(scoring, entry, passed);
}

/** Nothing refuses the event any more: time passes first. */
function settleBefore({ program, member, at, now }: Scoring): Passed {
  return settle(program, member, at, now);
}

/** The member with what is due by the event, for a refusal that hangs on it; the member itself stays as it is. */
function asItWillBe({ program, member, at, now }: Scoring): Member {
  if (member.due > Math.max(at, now)) return member;
  const copy = copyMember(member);
  settle(program, copy, at, now);
  return copy;
}

/** Levels are judged before wallets redeem by themselves. */
function scored({ program, member, at, now, print }: Scoring, entry: Entry, passed: Passed): Outcome {
  record(member, entry, print);
  let tierChanges = judge(program, member, at, passed.tierChanges);
  const rewards = takeGiven(member);
  let after = passAtOnce(program, member, at, now);
  if (after.length > 0 && program.qualifying?.usesBalance) tierChanges = judge(program, member, at, tierChanges);
  if (rewards.length > 0) after = [...rewards, ...after];
  return { code: 'scored', entry, tierChanges, before: passed.entries, after, field: undefined };
}

function isFull({ wallets }: Member): boolean {
  for (const { balance, pending } of wallets)
    if (balance > BALANCE_MAX || sumOfPending(pending) > BALANCE_MAX) return true;
  return false;
}

function isDeepInDebt({ wallets }: Member): boolean {
  for (const { balance } of wallets) if (balance < -BALANCE_MAX) return true;
  return false;
}
