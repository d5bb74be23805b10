/** A ledger entry as the world sees it, with a sentence for people. */
import { DAY_MS } from '../lib/zone.ts';
import { type Days, lastDay } from '../scoring/days.ts';
import type { Accrual, Entry, ExceptionEntry, ReversalPart } from '../scoring/entry.ts';
import { movedBy } from '../scoring/points.ts';
import { instantText } from './instant-text.ts';
import { exceptionTerms } from './member-view.ts';
import { type MovementView, movementsOf } from './movements.ts';

const TYPES: Readonly<Record<Entry['kind'], true>> = {
  accrual: true,
  reversal: true,
  void: true,
  settlement: true,
  redemption: true,
  hold: true,
  capture: true,
  release: true,
  redemption_reversal: true,
  adjustment: true,
  exception: true,
  exception_end: true,
  enrolment: true,
  expiration: true,
};
export const ENTRY_TYPES = Object.keys(TYPES);

/** A page of the ledger shows these, newest first. */
export interface LedgerEntryView {
  /** Absent for what time causes, and for what wallets redeem by themselves. */
  readonly eventId?: string;
  readonly type: Entry['kind'];
  readonly at: string;
  readonly programVersion: number;
  /** What it moved in the wallet that its first movement is of; 0 where there is none. */
  readonly points: number;
  readonly movements: readonly MovementView[];
  /** The entry in words, with the reason for its points. */
  readonly text: string;
  /** Minor units of the purchase, or of what came back. */
  readonly amount?: number;
  readonly returnedAmount?: number;
  /** The purchase came later than the program accepts without a mark. */
  readonly late?: true;
  readonly store?: string;
  /** The purchase, redemption, authorisation or exception that it is about. */
  readonly originalId?: string;
  /** Of points that pay: what they pay, minor units. */
  readonly worth?: number;
  /** Of a hold or an exception: when it is over. */
  readonly until?: string;
  readonly reason?: string;
  readonly agent?: string;
  readonly approvedBy?: string;
  /** What an exception says (member-view.ts). */
  readonly tier?: string;
  readonly floor?: string;
  readonly ceiling?: string;
  readonly thresholds?: Readonly<Record<string, number>>;
  /** Of an expiration: its points by the local day they were earned. */
  readonly earned?: readonly EarnedView[];
}

export interface EarnedView {
  /** As in 2026-11-22. */
  readonly day: string;
  readonly amount: number;
}

export function ledgerEntryView(entry: Entry): LedgerEntryView {
  const movements = movementsOf(entry);
  return {
    ...(entry.eventId === '' ? {} : { eventId: entry.eventId }),
    type: entry.kind,
    at: instantText(entry.at),
    programVersion: entry.programVersion,
    points: movedBy(entry).get(movements[0]?.wallet ?? '') ?? 0,
    movements,
    text: entryText(entry),
    ...detailsOf(entry),
  };
}

type Details = Partial<LedgerEntryView>;

function detailsOf(entry: Entry): Details {
  switch (entry.kind) {
    case 'accrual':
      return {
        amount: entry.amount,
        returnedAmount: entry.returnedAmount,
        store: entry.store,
        ...(entry.late ? { late: true } : {}),
      };
    case 'reversal':
      return { amount: returnedBy(entry.parts), store: entry.store, originalId: entry.originalId };
    case 'void':
      return { amount: returnedBy(entry.parts), originalId: entry.originalId };
    case 'redemption':
      return { worth: entry.worth, store: entry.store };
    case 'hold':
      return { worth: entry.worth, store: entry.store, until: instantText(entry.until) };
    case 'capture':
      return { worth: entry.worth, originalId: entry.originalId };
    case 'settlement':
      return entry.originalId === '' ? {} : { originalId: entry.originalId };
    case 'release':
    case 'redemption_reversal':
      return { originalId: entry.originalId };
    case 'adjustment': {
      const { reason, agent, approvedBy } = entry;
      return { reason, agent, ...(approvedBy === '' ? {} : { approvedBy }) };
    }
    case 'exception':
      return { ...exceptionTerms(entry), reason: entry.reason, agent: entry.agent };
    case 'exception_end': {
      const { originalId, eventId, reason, agent } = entry;
      return { originalId, ...(eventId === '' ? {} : { reason, agent }) };
    }
    case 'enrolment':
      return {};
    case 'expiration':
      return { earned: earnedView(entry.earned) };
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

function entryText(entry: Entry): string {
  switch (entry.kind) {
    case 'accrual':
      return `Earned ${amountsText(entry)}${rulesText(entry)}${entry.late ? '; it came late' : ''}`;
    case 'reversal':
      return `Took back ${takenBackText(entry.parts)}`;
    case 'void':
      return `Cancelled ${entry.originalId}: took back ${takenBackText(entry.parts)}`;
    case 'settlement': {
      const moved = listText(entry.moved.map(({ walletId, points }) => `${points} ${walletId}`));
      return entry.originalId === ''
        ? `${moved} can be spent now`
        : `${entry.originalId} confirmed: ${moved} can be spent`;
    }
    case 'redemption':
      return `Redeemed ${entry.points} ${entry.walletId}`;
    case 'hold':
      return `Held ${entry.points} ${entry.walletId} until ${instantText(entry.until)}`;
    case 'capture': {
      const { points, walletId, originalId, released } = entry;
      const rest = released === 0 ? '' : `; the other ${released} can be spent again`;
      return `Redeemed ${points} ${walletId} held by ${originalId}${rest}`;
    }
    case 'release': {
      const { points, walletId, originalId, eventId } = entry;
      return `The hold of ${points} ${walletId} by ${originalId} ${eventId === '' ? 'ran out' : 'was released'}`;
    }
    case 'redemption_reversal':
      return `Gave back ${entry.restored.points} ${entry.restored.walletId} redeemed by ${entry.originalId}`;
    case 'adjustment': {
      const { points, walletId, reason } = entry;
      return `${points > 0 ? 'Added' : 'Took'} ${Math.abs(points)} ${walletId}${reason === '' ? '' : `: ${reason}`}`;
    }
    case 'exception':
      return `Exception${entry.until === 0 ? '' : ` until ${instantText(entry.until)}`}: ${termsText(entry)}; ${entry.reason}`;
    case 'exception_end': {
      const { originalId, eventId, reason } = entry;
      return eventId === '' ? `The exception ${originalId} is over` : `Ended the exception ${originalId}: ${reason}`;
    }
    case 'enrolment':
      return 'Enrolled';
    case 'expiration':
      return `${amountsText(entry)} expired, earned ${earnedText(entry.earned)}`;
  }
}

/** As in "at least silver and gold from 30000". */
function termsText({ floor, ceiling, thresholds, tier }: ExceptionEntry): string {
  const terms = listText([
    ...(floor === '' ? [] : [`at least ${floor}`]),
    ...(ceiling === '' ? [] : [`at most ${ceiling}`]),
    ...thresholds.map(({ level, from }) => `${level} from ${from}`),
  ]);
  return tier === '' ? terms : `${terms} of ${tier}`;
}

/** As in "42 points and 12 cash". */
function amountsText(entry: Entry): string {
  const moved = [...movedBy(entry)].map(([walletId, points]) => `${Math.abs(points)} ${walletId}`);
  return moved.length === 0 ? 'nothing' : listText(moved);
}

/** As in " by rule base, times 2 on gold". */
function rulesText({ awards }: Accrual): string {
  const rules = awards.map(({ terms: { ruleId, levelId, multiplierMilli } }) =>
    multiplierMilli === 1000 ? ruleId : `${ruleId}, times ${multiplierMilli / 1000} on ${levelId}`,
  );
  return rules.length === 0 ? '' : ` by rule${rules.length === 1 ? '' : 's'} ${listText(rules)}`;
}

function takenBackText(parts: readonly ReversalPart[]): string {
  const takes = parts.flatMap((part) => part.takes);
  const byWallet = new Map<string, number>();
  for (const { walletId, base, bonus, expired, forgiven } of takes) {
    byWallet.set(walletId, (byWallet.get(walletId) ?? 0) + base + bonus - expired - forgiven);
  }
  const amounts = byWallet.size === 0 ? 'nothing' : listText([...byWallet].map(([id, points]) => `${points} ${id}`));
  const from = parts.map(({ originalId }) => originalId).filter((id) => id !== '');
  const expired = takes.reduce((sum, take) => sum + take.expired, 0);
  const forgiven = takes.reduce((sum, take) => sum + take.forgiven, 0);
  const restored = parts.flatMap((part) => (part.restored === undefined ? [] : [part.restored]));
  return [
    `${amounts}${from.length === 0 ? '' : ` earned with ${from.join(', ')}`}`,
    ...(expired === 0 ? [] : [`${expired} more had expired and are not charged again`]),
    ...(forgiven === 0 ? [] : [`${forgiven} more stay, as the wallet's policy says`]),
    ...restored.map(({ points, walletId }) => `gave back ${points} ${walletId} that had paid for it`),
  ].join('; ');
}

function listText(parts: readonly string[]): string {
  return parts.length <= 1 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function earnedText(earned: Days): string {
  const first = dayText(earned[0] as number);
  return earned.length === 2 ? `on ${first}` : `from ${first} to ${dayText(lastDay(earned) as number)}`;
}

/** As in 2026-11-22. */
function dayText(day: number): string {
  return instantText(day * DAY_MS).slice(0, 10);
}
