/** Outcomes and ledger entries as the world sees them: JSON, in an answer, a ledger page, an effect or the feed. */
import { DAY_MS } from '../lib/zone.ts';
import { MOVEMENTS_SHOWN_MAX } from '../limits.ts';
import { type Days, lastDay } from '../scoring/days.ts';
import type { Entry, ReversalPart } from '../scoring/entry.ts';
import type { MemberEvent } from '../scoring/event.ts';
import { OUTCOMES, type Outcome, type OutcomeCode } from '../scoring/outcome.ts';
import { basePoints, bonusPoints, pointsOf } from '../scoring/points.ts';
import type { Malformed } from './batch.ts';
import type { MemberView } from './member-view.ts';

export const OUTCOME_CODES = Object.keys(OUTCOMES);

/** The only wallet there is so far. */
export const POINTS_WALLET = 'points';

const EXPIRATION = 'expiration';

/** One movement of points and the rule that made it. */
export interface MovementView {
  readonly wallet: string;
  /** Signed. */
  readonly amount: number;
  /**
   * The earn rule, `tier:<level>` for what a level's multiplier added, `adjustment` or `expiration`; in a reversal, `expiration`
   * gives back what had expired before and so cannot be taken again.
   */
  readonly rule: string;
  /** Of a reversal: the purchase it came from; absent for goods of unknown origin, and where movements are added up by rule. */
  readonly originalId?: string;
}

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
  /** The member after the event; absent when the event was refused and there is none. */
  readonly member?: MemberView;
}

/** Points of a wallet that expire, or have, at an instant. */
export interface ExpiringView {
  readonly wallet: string;
  readonly amount: number;
  readonly at: string;
}

export interface TierChangeView {
  /** The tier set; absent for the program's first. */
  readonly tier?: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly at: string;
}

/** A page of the ledger shows these, newest first. */
export interface LedgerEntryView {
  /** Absent for an expiration, which no event causes. */
  readonly eventId?: string;
  readonly type: Entry['kind'];
  readonly at: string;
  readonly programVersion: number;
  readonly points: number;
  readonly movements: readonly MovementView[];
  /** The entry in words, with the reason for its points. */
  readonly text: string;
  /** Minor units of the purchase, or of what came back. */
  readonly amount?: number;
  readonly returnedAmount?: number;
  readonly store?: string;
  readonly originalId?: string;
  readonly reason?: string;
  readonly agent?: string;
  /** Of an expiration: its points by the local day they were earned. */
  readonly earned?: readonly EarnedView[];
}

export interface EarnedView {
  /** As in 2026-11-22. */
  readonly day: string;
  readonly amount: number;
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
    ...(outcome.rewards.length === 0 ? {} : { rewards: outcome.rewards.flatMap(movementsOf) }),
    ...expiredIn(outcome),
    ...(member === undefined ? {} : { member }),
  };
}

function expiredIn({ expirations, expiredAtOnce }: Outcome): Pick<OutcomeView, 'expired'> {
  if (expirations.length === 0 && expiredAtOnce === undefined) return {};
  const all = expiredAtOnce === undefined ? expirations : [...expirations, expiredAtOnce];
  return {
    expired: all.map((entry) => ({ wallet: POINTS_WALLET, amount: -pointsOf(entry), at: instantText(entry.at) })),
  };
}

/** What an entry moved when it was made. */
export function movementsOf(entry: Entry): MovementView[] {
  switch (entry.kind) {
    case 'accrual': {
      const { ruleId, levelId } = entry.terms;
      const base = basePoints(entry.amount, entry.terms);
      return movements(base, bonusPoints(entry.amount, entry.terms), ruleId, levelId, undefined);
    }
    case 'reversal':
      return shown(entry.parts.flatMap(movementsBack));
    case 'adjustment':
      return [{ wallet: POINTS_WALLET, amount: entry.points, rule: 'adjustment' }];
    case 'enrolment':
      return [];
    case 'expiration':
      return [{ wallet: POINTS_WALLET, amount: pointsOf(entry), rule: EXPIRATION }];
  }
}

function movementsBack({ base, bonus, ruleId, levelId, originalId, expired }: ReversalPart): MovementView[] {
  // Subtracted from 0, since the negative of 0 is a -0 that not every reader takes for 0.
  const taken = movements(0 - base, 0 - bonus, ruleId, levelId, originalId === '' ? undefined : originalId);
  return expired === 0 ? taken : [...taken, { wallet: POINTS_WALLET, amount: expired, rule: EXPIRATION, originalId }];
}

/** What one message can hold: of a return of very many purchases, the sums by rule. */
function shown(all: MovementView[]): MovementView[] {
  if (all.length <= MOVEMENTS_SHOWN_MAX) return all;
  const sums = new Map<string, number>();
  for (const { rule, amount } of all) sums.set(rule, (sums.get(rule) ?? 0) + amount);
  return [...sums].map(([rule, amount]) => ({ wallet: POINTS_WALLET, amount, rule }));
}

function movements(
  base: number,
  bonus: number,
  ruleId: string,
  levelId: string,
  originalId: string | undefined,
): MovementView[] {
  const original = originalId === undefined ? {} : { originalId };
  const result: MovementView[] = [{ wallet: POINTS_WALLET, amount: base, rule: ruleId, ...original }];
  if (bonus !== 0) result.push({ wallet: POINTS_WALLET, amount: bonus, rule: `tier:${levelId}`, ...original });
  return result;
}

export function ledgerEntryView(entry: Entry): LedgerEntryView {
  const points = pointsOf(entry);
  const head = {
    ...(entry.eventId === '' ? {} : { eventId: entry.eventId }),
    type: entry.kind,
    at: instantText(entry.at),
    programVersion: entry.kind === 'accrual' ? entry.terms.programVersion : entry.programVersion,
    points,
    movements: movementsOf(entry),
    text: entryText(entry, points),
  };
  switch (entry.kind) {
    case 'accrual':
      return { ...head, amount: entry.amount, returnedAmount: entry.returnedAmount, store: entry.store };
    case 'reversal':
      return { ...head, amount: returnedBy(entry.parts), store: entry.store, originalId: entry.originalId };
    case 'adjustment':
      return { ...head, reason: entry.reason, agent: entry.agent };
    case 'enrolment':
      return head;
    case 'expiration':
      return { ...head, earned: earnedView(entry.earned) };
  }
}

function earnedView(earned: Days): EarnedView[] {
  const days: EarnedView[] = [];
  for (let index = 0; index < earned.length; index += 2) {
    days.push({ day: dayText(earned[index] as number), amount: earned[index + 1] as number });
  }
  return days;
}

function returnedBy(parts: readonly ReversalPart[]): number {
  return parts.reduce((sum, { amount }) => sum + amount, 0);
}

function entryText(entry: Entry, points: number): string {
  switch (entry.kind) {
    case 'accrual': {
      const { ruleId, levelId, multiplierMilli } = entry.terms;
      const times = multiplierMilli === 1000 ? '' : `, times ${multiplierMilli / 1000} on ${levelId}`;
      return `Earned ${points} points by rule ${ruleId}${times}`;
    }
    case 'reversal': {
      const from = entry.parts.map(({ originalId }) => originalId).filter((id) => id !== '');
      const expired = entry.parts.reduce((sum, part) => sum + part.expired, 0);
      const besides = expired === 0 ? '' : `; ${expired} more had expired and are not charged again`;
      return `Took back ${-points} points${from.length === 0 ? '' : ` earned with ${from.join(', ')}`}${besides}`;
    }
    case 'adjustment':
      return `${points > 0 ? 'Added' : 'Took'} ${Math.abs(points)} points${entry.reason === '' ? '' : `: ${entry.reason}`}`;
    case 'enrolment':
      return 'Enrolled';
    case 'expiration':
      return `${-points} points expired, earned ${earnedText(entry.earned)}`;
  }
}

function earnedText(earned: Days): string {
  const first = dayText(earned[0] as number);
  return earned.length === 2 ? `on ${first}` : `from ${first} to ${dayText(lastDay(earned) as number)}`;
}

/** As in 2026-11-22. */
function dayText(day: number): string {
  return instantText(day * DAY_MS).slice(0, 10);
}

/** RFC 3339 in UTC. */
export function instantText(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
