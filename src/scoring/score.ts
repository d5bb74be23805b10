/**
 * What an event means. Everything else in the engine only delivers events here and carries away what comes out.
 *
 * The fold is pure in what it knows: program, member, event and the log's time, nothing else; so a replay gives the same
 * bytes. It changes the member in place, and only once nothing can refuse the event any more: a refused event and a
 * duplicate leave no trace.
 */
import { must, unreachable } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import { scale } from '../lib/integer.ts';
import { BALANCE_MAX, CLOCK_SKEW_MAX_MS, QUANTITY_MAX } from '../limits.ts';
import type { Program, WalletRules } from '../program/program.ts';
import { programAt } from '../program/succession.ts';
import { countActivity, countEnrolment, countPurchase, takeCounted, uncountUnmatched } from './counters.ts';
import { differingField, findEntry } from './duplicate.ts';
import { awardsFor, countedOf } from './earn.ts';
import type {
  Accrual,
  AccrualLine,
  AdjustmentEntry,
  EnrolmentEntry,
  Entry,
  Restored,
  Reversal,
  ReversalPart,
  Settlement,
  Take,
  VoidEntry,
} from './entry.ts';
import {
  type Adjustment,
  type Authorisation,
  type Capture,
  type Confirmation,
  type Enrolment,
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
import { lastDayOf, renew } from './expiry.ts';
import { record, rewrite } from './ledger.ts';
import { copyMember, type Member, walletOf } from './member.ts';
import { duplicate, type Outcome, refusal } from './outcome.ts';
import { confirmPending, pendingOfDay, sumOfPending } from './pending.ts';
import {
  type AwardedPoints,
  awardedPoints,
  basePoints,
  bonusPoints,
  countedLeft,
  earnedPoints,
  paidFor,
  plainTerms,
  pointsOf,
} from './points.ts';
import {
  authorise,
  capture,
  planHold,
  planRedemption,
  planReversal,
  redeem,
  redemptionOf,
  releaseHold,
  restore,
  reverse,
} from './redemption.ts';
import {
  type AccrualDraft,
  commitDraft,
  type PlanResult,
  planNamedReturn,
  planUnnamedReturn,
  planWhole,
} from './returns.ts';
import { takeGiven } from './sets.ts';
import { judge, type Passed, passAtOnce, settle } from './settle.ts';
import { addSpend, levelAt, restoreWindow, takeLatestSpend, takeSpend } from './tiers.ts';
import { credit, debit, earn, takeAny, takeBack, type Wallet } from './wallet.ts';

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
    case 'enrolment':
      return scoreEnrolment(scoring, event);
    default:
      return unreachable(event as never);
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

const NO_LINES: AccrualLine[] = [];

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
  const awards = awardsFor(then, levelAt(program, member, at)?.id ?? '', event, counted);
  const entry = accrualOf(then, event, at, counted, awards, isLate);
  const day = program.zone.localDay(at);
  const plain = plainTerms(entry);
  if (plain !== undefined) {
    earnPoints(then, member, plain.walletId, day, basePoints(counted, plain) + bonusPoints(counted, plain));
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

function accrualOf(
  program: Program,
  event: Purchase,
  at: number,
  counted: number,
  awards: Accrual['awards'],
  late: boolean,
): Accrual {
  return {
    kind: 'accrual',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    store: event.store,
    terminal: event.terminal,
    currency: event.currency,
    amount: event.amount,
    deductions: event.deductions,
    counted,
    redemptionId: event.redemptionId,
    programVersion: program.version,
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
    awards,
    returnedAmount: 0,
    confirmed: false,
    late,
  };
}

function earnPoints(program: Program, member: Member, walletId: string, day: number, points: number): void {
  const rules = rulesOf(program, walletId);
  earn(rules, walletOf(member, walletId), day, lastDayOf(rules, day), points);
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
  const levelNow = levelAt(program, member, at)?.id ?? '';
  const parts = drafts.map((draft) => reversePurchase(program, member, draft));
  if (unmatched !== undefined && program.unmatchedReturns === 'deduct') {
    const goods = { ...event, ...unmatched, type: 'purchase', deductions: NO_DEDUCTIONS, redemptionId: '' } as const;
    const part = deductUnmatched(scoring, goods, levelNow);
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

/**
 * Takes back what a draft says has come back of a purchase, as far as `limit` goes or else the wallet, and gives back the
 * points that had paid for it.
 */
function reversePurchase(
  program: Program,
  member: Member,
  draft: AccrualDraft,
  limit?: WalletRules['returns'],
): ReversalPart {
  const { accrual } = draft;
  const before = awardedPoints(accrual, accrual);
  const after = awardedPoints(accrual, draft);
  const countedBefore = countedLeft(accrual, accrual);
  const day = program.zone.localDay(accrual.at);
  const drops = before.map(({ terms, ...was }, index) => {
    const left = after[index] as AwardedPoints;
    return { terms, base: was.base - left.base, bonus: was.bonus - left.bonus };
  });
  const net = netOf(drops);
  const takes = drops.map(({ terms: { walletId, ruleId, levelId }, base, bonus }, index): Take => {
    const points = net[index] as number;
    const rules = rulesOf(program, walletId);
    const wallet = walletOf(member, walletId);
    // By the rules it earned under.
    const then = rulesOf(programAt(program, accrual.at), walletId);
    if (points < 0 && accrual.confirmed) credit(wallet, day, lastDayOf(then, day), -points);
    else if (points < 0) earn(then, wallet, day, lastDayOf(then, day), -points);
    const taken = takeBack(wallet, day, Math.max(0, points), accrual.confirmed, limit ?? rules.returns);
    return { walletId, ruleId, base, levelId, bonus, ...taken };
  });
  takeSpend(program, member, day, countedBefore - countedLeft(accrual, draft));
  if (member.standing !== undefined) takeCounted(program, member, draft, takenFrom(takes, must(program.wallets[0]).id));
  const restored = restorePayment(program, member, draft);
  const amount = draft.returnedAmount - accrual.returnedAmount;
  commitDraft(draft);
  rewrite(member, accrual);
  return { originalId: accrual.eventId, amount, takes, restored };
}

/** What was taken back of a wallet, and how much of it had expired. */
function takenFrom(takes: readonly Take[], walletId: string): { points: number; expired: number } {
  const taken = { points: 0, expired: 0 };
  for (const take of takes) {
    if (take.walletId !== walletId) continue;
    taken.points += take.base + take.bonus;
    taken.expired += take.expired;
  }
  return taken;
}

/**
 * What each award loses, points. A share of what is left can be larger than the share it was of all: what one award gains by
 * that, others of its wallet lose the less, so that a member who is left points is left no more than there were.
 */
function netOf(drops: readonly AwardedPoints[]): number[] {
  const net = drops.map(({ base, bonus }) => base + bonus);
  for (const [gains, { terms }] of drops.entries()) {
    for (const [loses, other] of drops.entries()) {
      if (other.terms.walletId !== terms.walletId) continue;
      const moved = Math.min(Math.max(0, -(net[gains] as number)), Math.max(0, net[loses] as number));
      net[gains] = (net[gains] as number) + moved;
      net[loses] = (net[loses] as number) - moved;
    }
  }
  return net;
}

/** Of the points that paid for a purchase, as large a share as has come back of it, so that parts add up to all of them. */
function restorePayment(
  program: Program,
  member: Member,
  { accrual, returnedAmount }: AccrualDraft,
): Restored | undefined {
  const spent = redemptionOf(member, accrual.redemptionId, fingerprint(accrual.redemptionId));
  const paid = paidFor(accrual);
  if (spent === undefined || paid === 0) return undefined;
  const upTo = (returned: number): number => scale(spent.points, returned, paid, 'floor');
  const points = Math.min(upTo(returnedAmount) - upTo(accrual.returnedAmount), spent.points - spent.reversed);
  return points === 0 ? undefined : restore(program, member, spent, points);
}

/** Goods of unknown origin cost what they would earn if they were bought at the time of the return. */
function deductUnmatched({ program, member, at }: Scoring, goods: Purchase, levelId: string): ReversalPart {
  const { amount } = goods;
  const bought = accrualOf(program, goods, at, amount, awardsFor(program, levelId, goods, amount), false);
  const takes = earnedPoints(bought).flatMap(({ terms, base, bonus }): Take[] => {
    const points = base + bonus;
    const { walletId, ruleId } = terms;
    const forgiven = points - takeAny(walletOf(member, walletId), points, rulesOf(program, walletId).returns);
    return amount === 0 && points === 0
      ? []
      : [{ walletId, ruleId, base, levelId: terms.levelId, bonus, expired: 0, forgiven }];
  });
  takeLatestSpend(member, amount);
  if (member.standing !== undefined) {
    uncountUnmatched(member.standing, takenFrom(takes, must(program.wallets[0]).id).points);
  }
  return { originalId: '', amount, takes, restored: undefined };
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
  if (member.standing !== undefined) countActivity(member.standing, program.zone.localDay(at));
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
  };
  return scored(scoring, entry, passed);
}

function scoreEnrolment(scoring: Scoring, event: Enrolment): Outcome {
  const { program, member, at } = scoring;
  if (member.enrolledAt !== 0) return refusal('already_enrolled');

  const passed = settleBefore(scoring);
  member.enrolledAt = at;
  if (member.standing !== undefined) countEnrolment(member.standing, program.zone.localDay(at));
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

function rulesOf(program: Program, walletId: string): WalletRules {
  let found: WalletRules | undefined;
  for (const rules of program.wallets) if (rules.id === walletId) found = rules;
  return must(found, 'points are of a wallet that the program does not have');
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
