/** Outcomes as the world sees them: JSON, in an answer to whoever waits, or to a preview. */
import type { Entry, Payment } from '../scoring/entry.ts';
import type { MemberEvent } from '../scoring/event.ts';
import { OUTCOMES, type Outcome, type OutcomeCode } from '../scoring/outcome.ts';
import type { Malformed } from './batch.ts';
import { instantText } from './instant-text.ts';
import type { MemberView } from './member-view.ts';
import { type ExpiringView, expiredView, type MovementView, movementsOf } from './movements.ts';

export const OUTCOME_CODES = Object.keys(OUTCOMES);

export interface OutcomeView {
  readonly id: string;
  readonly code: OutcomeCode;
  /** Why, when refused. */
  readonly message?: string;
  /** Which field, when one is to blame. */
  readonly field?: string;
  readonly entries: readonly MovementView[];
  readonly tierChanges: readonly TierChangeView[];
  /** Points for reaching levels, and those taken back; absent when there are none. */
  readonly rewards?: readonly MovementView[];
  /** Points that expired before the event counted or, earned too late, at once; absent when there are none. */
  readonly expired?: readonly ExpiringView[];
  /** Of a redemption, an authorisation or a capture: the points and what they pay. */
  readonly paid?: PaidView;
  /** The purchase came later than the program accepts without a mark; absent when it did not. */
  readonly late?: true;
  /** What wallets redeemed by themselves after the event; absent when there is nothing. */
  readonly redeemed?: readonly PaidView[];
  /** The member after the event; absent when the event was refused and there is none. */
  readonly member?: MemberView;
}

/** Points and the money they are worth. */
export interface PaidView {
  readonly wallet: string;
  readonly points: number;
  /** Minor units. */
  readonly amount: number;
  /** Of an authorisation: when the hold is over. */
  readonly until?: string;
}

export interface TierChangeView {
  /** The tier set; absent for the program's first. */
  readonly tier?: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly at: string;
}

export function outcomeView(
  event: MemberEvent | Malformed,
  outcome: Outcome,
  detail: string | undefined,
  member: MemberView | undefined,
): OutcomeView {
  const { refused, help } = OUTCOMES[outcome.code];
  return {
    id: event.type === 'malformed' ? '' : event.id,
    code: outcome.code,
    ...(refused ? { message: detail ?? help } : {}),
    ...(outcome.field === undefined ? {} : { field: outcome.field }),
    entries: outcome.entry === undefined ? [] : movementsOf(outcome.entry),
    tierChanges: outcome.tierChanges.map(({ set, from, to, at }) => ({
      ...(set === '' ? {} : { tier: set }),
      from: from === '' ? null : from,
      to: to === '' ? null : to,
      at: instantText(at),
    })),
    ...rewardsIn(outcome),
    ...expiredIn(outcome),
    ...paidIn(outcome.entry),
    ...(outcome.entry?.kind === 'accrual' && outcome.entry.late ? { late: true } : {}),
    ...redeemedIn(outcome),
    ...(member === undefined ? {} : { member }),
  };
}

/** An adjustment that no event made is for a level. */
function rewardsIn({ before, after }: Outcome): Pick<OutcomeView, 'rewards'> {
  const rewards = [...before, ...after].filter((entry) => entry.kind === 'adjustment');
  return rewards.length === 0 ? {} : { rewards: rewards.flatMap(movementsOf) };
}

function expiredIn({ before, after }: Outcome): Pick<OutcomeView, 'expired'> {
  const expired = [...before, ...after].filter((entry) => entry.kind === 'expiration');
  return expired.length === 0 ? {} : { expired: expired.map(expiredView) };
}

function paidIn(entry: Entry | undefined): Pick<OutcomeView, 'paid'> {
  if (entry?.kind === 'hold') return { paid: { ...paidView(entry), until: instantText(entry.until) } };
  return entry?.kind === 'redemption' || entry?.kind === 'capture' ? { paid: paidView(entry) } : {};
}

function redeemedIn({ after }: Outcome): Pick<OutcomeView, 'redeemed'> {
  const redeemed = after.filter((entry) => entry.kind === 'redemption');
  return redeemed.length === 0 ? {} : { redeemed: redeemed.map(paidView) };
}

function paidView({ walletId, points, worth }: Pick<Payment, 'walletId' | 'points' | 'worth'>): PaidView {
  return { wallet: walletId, points, amount: worth };
}
