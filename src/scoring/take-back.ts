/** What goods that come back cost: the points they earned, and the points that had paid for them. */
import { must } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import { scale } from '../lib/integer.ts';
import type { Program, WalletRules } from '../program/program.ts';
import { programAt } from '../program/succession.ts';
import { accrualOf } from './accrual.ts';
import { takeCounted, uncountUnmatched } from './counters.ts';
import { awardsFor } from './earn.ts';
import type { Restored, ReversalPart, Take } from './entry.ts';
import type { Purchase } from './event.ts';
import { lastDayOf } from './expiry.ts';
import { rewrite } from './ledger.ts';
import { type Member, walletOf } from './member.ts';
import { type AwardedPoints, awardedPoints, countedLeft, earnedPoints, paidFor } from './points.ts';
import { redemptionOf, restore } from './redemption.ts';
import { type AccrualDraft, commitDraft } from './returns.ts';
import { takeLatestSpend, takeSpend } from './tiers.ts';
import { credit, earn, rulesOf, takeAny, takeBack } from './wallet.ts';

/**
 * Takes back what a draft says has come back of a purchase, as far as `limit` goes or else the wallet, and gives back the
 * points that had paid for it.
 */
export function reversePurchase(
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
export function deductUnmatched(
  program: Program,
  member: Member,
  goods: Purchase,
  at: number,
  levelId: string,
): ReversalPart {
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
