/**
 * What an event means. Everything else in the engine only delivers events here and carries away what comes out.
 *
 * The fold is pure in what it knows: program, member, event and the log's time, nothing else; so a replay gives the same
 * bytes. It changes the member in place, and only once nothing can refuse the event any more: a refused event and a
 * duplicate leave no trace.
 */
import { unreachable } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import { BALANCE_MAX, CLOCK_SKEW_MAX_MS } from '../limits.ts';
import type { AccrualTerms, Program } from '../program/program.ts';
import { credit, debit, takeBack } from './balance.ts';
import { countEnrolment, countPurchase, takeCounted, uncountUnmatched } from './counters.ts';
import { differingField, findEntry } from './duplicate.ts';
import type { Accrual, AccrualLine, AdjustmentEntry, EnrolmentEntry, Entry, Reversal, ReversalPart } from './entry.ts';
import { type Adjustment, type Enrolment, effectiveAt, type MemberEvent, type Purchase, type Return } from './event.ts';
import { lastDayOf, renew } from './expiry.ts';
import { record } from './ledger.ts';
import type { Member } from './member.ts';
import { duplicate, type Outcome, refusal } from './outcome.ts';
import { basePoints, bonusPoints, pointsOfReturn } from './points.ts';
import { commitDraft, type PlanResult, planNamedReturn, planUnnamedReturn } from './returns.ts';
import { takeGiven } from './sets.ts';
import { expireAtOnce, judge, type Passed, settle } from './settle.ts';
import { addSpend, levelAt, restoreWindow, takeLatestSpend, takeSpend } from './tiers.ts';

/**
 * Scores one event on its member, who may be new. `now` is the log's time of the event, epoch milliseconds. What the event
 * needs of the member's older history must have been recalled (recall.ts).
 */
export function score(program: Program, member: Member, event: MemberEvent, now: number): Outcome {
  const at = effectiveAt(event, now);
  const eventFingerprint = fingerprint(event.id);
  const first = findEntry(member, event.id, eventFingerprint);
  const difference = first === undefined ? undefined : differingField(first, event);
  if (first !== undefined && difference === undefined) {
    return duplicate(first);
  }
  if (at > now + CLOCK_SKEW_MAX_MS) return refusal('occurred_in_future');
  if (difference !== undefined) return refusal('duplicate_with_different_content', difference);
  restoreWindow(program, member);
  switch (event.type) {
    case 'purchase':
      return scorePurchase(program, member, event, at, now, eventFingerprint);
    case 'return':
      return scoreReturn(program, member, event, at, now, eventFingerprint);
    case 'adjustment':
      return scoreAdjustment(program, member, event, at, now, eventFingerprint);
    case 'enrolment':
      return scoreEnrolment(program, member, event, at, now, eventFingerprint);
    default:
      return unreachable(event as never);
  }
}

const NO_LINES: AccrualLine[] = [];

function scorePurchase(
  program: Program,
  member: Member,
  event: Purchase,
  at: number,
  now: number,
  eventFingerprint: number,
): Outcome {
  if (event.currency !== '' && event.currency !== program.currency) return refusal('currency_mismatch', 'currency');
  if (program.enrolmentRequired && member.enrolledAt === 0) return refusal('member_not_enrolled');
  if (member.balance > BALANCE_MAX || member.windowSpend > BALANCE_MAX) return refusal('balance_out_of_range');

  const passed = settle(program, member, at, now);
  const terms = levelAt(program, member, at)?.terms ?? program.terms;
  const day = program.zone.localDay(at);
  const points = basePoints(event.amount, terms) + bonusPoints(event.amount, terms);
  credit(member, day, lastDayOf(program, day), points);
  renew(program, member, day);
  addSpend(program, member, day, event.amount);
  const entry: Accrual = {
    kind: 'accrual',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    store: event.store,
    terminal: event.terminal,
    currency: event.currency,
    amount: event.amount,
    lines:
      event.lines.length === 0
        ? NO_LINES
        : event.lines.map(({ sku, category, quantity, amount }) => ({
            sku,
            category,
            quantity,
            amount,
            returnedQuantity: 0,
            returnedAmount: 0,
          })),
    terms,
    returnedAmount: 0,
  };
  if (member.standing !== undefined) countPurchase(program, member, entry, points);
  return scored(program, member, entry, eventFingerprint, passed, at, now);
}

function scoreReturn(
  program: Program,
  member: Member,
  event: Return,
  at: number,
  now: number,
  eventFingerprint: number,
): Outcome {
  if (event.currency !== '' && event.currency !== program.currency) return refusal('currency_mismatch', 'currency');
  const result = planReturn(program, member, event, at);
  if ('refused' in result) return refusal(result.refused, result.field);
  if (member.balance < -BALANCE_MAX) return refusal('balance_out_of_range');

  const passed = settle(program, member, at, now);
  // As of just before this return: what it takes back must not decide what its unmatched goods cost.
  const termsNow = levelAt(program, member, at)?.terms ?? program.terms;
  const parts: ReversalPart[] = [];
  for (const draft of result.plan.drafts) {
    const { accrual } = draft;
    const amount = draft.returnedAmount - accrual.returnedAmount;
    const { base, bonus } = pointsOfReturn(accrual, amount);
    const day = program.zone.localDay(accrual.at);
    const expired = takeBack(member, day, base + bonus);
    takeSpend(program, member, day, amount);
    if (member.standing !== undefined) takeCounted(program, member, draft, { points: base + bonus, expired });
    commitDraft(draft);
    if (!member.recent.replace(accrual, fingerprint(accrual.eventId))) member.history?.replace(accrual);
    const { ruleId, levelId } = accrual.terms;
    parts.push({ originalId: accrual.eventId, amount, ruleId, base, levelId, bonus, expired });
  }
  const { unmatchedAmount } = result.plan;
  if (unmatchedAmount > 0 && program.unmatchedReturns === 'deduct') {
    parts.push(deductUnmatched(member, unmatchedAmount, termsNow));
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
  return scored(program, member, entry, eventFingerprint, passed, at, now);
}

function planReturn(program: Program, member: Member, event: Return, at: number): PlanResult {
  if (event.originalId === '') return planUnnamedReturn(program, member, event, at);
  const original = findEntry(member, event.originalId, fingerprint(event.originalId));
  if (original === undefined) return { refused: 'original_not_found', field: 'originalId' };
  if (original.kind !== 'accrual') return { refused: 'original_not_a_purchase', field: 'originalId' };
  return planNamedReturn(original, event);
}

/** Goods of unknown origin cost what they would earn at the time of the return. */
function deductUnmatched(member: Member, amount: number, terms: AccrualTerms): ReversalPart {
  const base = basePoints(amount, terms);
  const bonus = bonusPoints(amount, terms);
  debit(member, base + bonus);
  takeLatestSpend(member, amount);
  if (member.standing !== undefined) uncountUnmatched(member.standing, base + bonus);
  return { originalId: '', amount, ruleId: terms.ruleId, base, levelId: terms.levelId, bonus, expired: 0 };
}

function scoreAdjustment(
  program: Program,
  member: Member,
  event: Adjustment,
  at: number,
  now: number,
  eventFingerprint: number,
): Outcome {
  if (event.points * member.balance > 0 && Math.abs(member.balance) > BALANCE_MAX) {
    return refusal('balance_out_of_range');
  }

  const passed = settle(program, member, at, now);
  const day = program.zone.localDay(at);
  if (event.points > 0) credit(member, day, lastDayOf(program, day), event.points);
  else debit(member, -event.points);
  const entry: AdjustmentEntry = {
    kind: 'adjustment',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    points: event.points,
    reason: event.reason,
    agent: event.agent,
  };
  return scored(program, member, entry, eventFingerprint, passed, at, now);
}

function scoreEnrolment(
  program: Program,
  member: Member,
  event: Enrolment,
  at: number,
  now: number,
  eventFingerprint: number,
): Outcome {
  if (member.enrolledAt !== 0) return refusal('already_enrolled');

  const passed = settle(program, member, at, now);
  member.enrolledAt = at;
  if (member.standing !== undefined) countEnrolment(member.standing, program.zone.localDay(at));
  const entry: EnrolmentEntry = {
    kind: 'enrolment',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
  };
  return scored(program, member, entry, eventFingerprint, passed, at, now);
}

function scored(
  program: Program,
  member: Member,
  entry: Entry,
  fingerprint: number,
  passed: Passed,
  at: number,
  now: number,
): Outcome {
  record(member, entry, fingerprint);
  let tierChanges = judge(program, member, at, passed.tierChanges);
  const past = Math.max(now, member.asOf);
  const expiredAtOnce = member.due <= past ? expireAtOnce(program, member, past) : undefined;
  if (expiredAtOnce !== undefined && program.qualifying?.usesBalance) {
    tierChanges = judge(program, member, at, tierChanges);
  }
  const given = takeGiven(member);
  return {
    code: 'scored',
    entry,
    tierChanges,
    expirations: passed.expirations,
    rewards: given.length === 0 ? passed.rewards : [...passed.rewards, ...given],
    expiredAtOnce,
    field: undefined,
  };
}
