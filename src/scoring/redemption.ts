/**
 * Points spent at the till: at once, or held first and captured when the payment is sure. Whatever a ladder here refuses, it
 * refuses before anything has changed.
 */
import { scale } from '../lib/integer.ts';
import { HOLDS_MAX } from '../limits.ts';
import type { Program, RedeemRules, WalletRules } from '../program/program.ts';
import { findEntry } from './duplicate.ts';
import type {
  CaptureEntry,
  Entry,
  HoldEntry,
  RedemptionEntry,
  RedemptionReversal,
  ReleaseEntry,
  Restored,
} from './entry.ts';
import { type Authorisation, type Capture, NOT_GIVEN, type Redemption, type Release, type Reversal } from './event.ts';
import { drop, type Hold, holdOf, release } from './holds.ts';
import { record, rewrite } from './ledger.ts';
import { lastTaken, sumOfLots, takeLots } from './lots.ts';
import { type Member, walletOf } from './member.ts';
import { NO_ENTRIES, type OutcomeCode } from './outcome.ts';
import { putBack, spend } from './wallet.ts';

export interface Refused {
  readonly refused: OutcomeCode;
  readonly field?: string;
}

/** What a redemption or an authorisation comes to, once nothing can refuse it any more. */
export interface Redeeming {
  readonly wallet: WalletRules;
  readonly redeem: RedeemRules;
  readonly points: number;
}

/** The member must have been settled: whether points are there is asked here. */
export function planRedemption(
  program: Program,
  member: Member,
  event: Redemption | Authorisation,
): Redeeming | Refused {
  const wallet = program.wallets.find(({ id }) => id === event.wallet || event.wallet === '');
  if (wallet === undefined) return { refused: 'wallet_not_found', field: 'wallet' };
  const { redeem } = wallet;
  if (redeem === undefined) return { refused: 'wallet_not_redeemable', field: 'wallet' };
  const field = event.points === NOT_GIVEN ? 'amount' : 'points';
  const points = event.points === NOT_GIVEN ? pointsFor(event.amount, redeem) : event.points;
  if (points < redeem.minimum) return { refused: 'below_minimum', field };
  if (points > redeem.maximum) return { refused: 'above_maximum', field };
  if (points % redeem.step !== 0) return { refused: 'not_a_step', field };
  if (points > walletOf(member, wallet.id).balance) return { refused: 'insufficient_points', field };
  if (event.type === 'authorisation' && member.holds.length >= HOLDS_MAX) return { refused: 'too_many_holds' };
  return { wallet, redeem, points };
}

/** Points that money costs; a fraction of a point costs a whole one. */
function pointsFor(amount: number, { points, worthMinor }: RedeemRules): number {
  return scale(amount, points, worthMinor, 'ceil');
}

/** Minor units that points pay; a fraction of a unit pays nothing. */
export function worthOf(points: number, redeem: RedeemRules): number {
  return scale(points, redeem.worthMinor, redeem.points, 'floor');
}

export function redeem(
  program: Program,
  member: Member,
  event: Redemption,
  { wallet, redeem, points }: Redeeming,
  at: number,
): RedemptionEntry {
  return {
    kind: 'redemption',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    walletId: wallet.id,
    points,
    worth: worthOf(points, redeem),
    store: event.store,
    terminal: event.terminal,
    wallet: event.wallet,
    asked: { points: event.points, amount: event.amount },
    taken: spend(wallet, walletOf(member, wallet.id), points),
    reversed: 0,
  };
}

/** Wallets that redeem by themselves do so, as often as they can; and it is written down. */
export function redeemByThemselves(program: Program, member: Member, at: number): readonly Entry[] {
  if (!program.redeemsByItself) return NO_ENTRIES;
  let entries = NO_ENTRIES;
  for (const wallet of program.wallets) {
    const { redeem } = wallet;
    if (redeem === undefined || redeem.automaticAt === 0) continue;
    const entry = redeemByItself(program, member, wallet, redeem, at);
    if (entry === undefined) continue;
    record(member, entry);
    entries = [...entries, entry];
  }
  return entries;
}

/** Undefined where there is too little. */
function redeemByItself(
  program: Program,
  member: Member,
  wallet: WalletRules,
  redeem: RedeemRules,
  at: number,
): RedemptionEntry | undefined {
  const { balance } = walletOf(member, wallet.id);
  const points = balance - (balance % redeem.automaticAt);
  if (points <= 0) return undefined;
  return {
    kind: 'redemption',
    eventId: '',
    occurredAt: 0,
    at,
    programVersion: program.version,
    walletId: wallet.id,
    points,
    worth: worthOf(points, redeem),
    store: '',
    terminal: '',
    wallet: '',
    asked: { points: NOT_GIVEN, amount: NOT_GIVEN },
    taken: spend(wallet, walletOf(member, wallet.id), points),
    reversed: 0,
  };
}

export function authorise(
  program: Program,
  member: Member,
  event: Authorisation,
  { wallet, redeem, points }: Redeeming,
  at: number,
): HoldEntry {
  const until = at + redeem.holdMs;
  const taken = spend(wallet, walletOf(member, wallet.id), points);
  member.holds = [...member.holds, { id: event.id, walletId: wallet.id, until, taken }];
  return {
    kind: 'hold',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    walletId: wallet.id,
    points,
    worth: worthOf(points, redeem),
    store: event.store,
    terminal: event.terminal,
    wallet: event.wallet,
    asked: { points: event.points, amount: event.amount },
    until,
  };
}

/** The open hold that a capture or a release is about. The member must have been settled, so that those are over whose time is. */
export function planHold(
  member: Member,
  event: Capture | Release,
  original: Entry | undefined,
): { hold: Hold; authorised: HoldEntry } | Refused {
  if (original === undefined) return { refused: 'original_not_found', field: 'originalId' };
  if (original.kind !== 'hold') return { refused: 'original_not_a_hold', field: 'originalId' };
  const hold = holdOf(member, event.originalId);
  if (hold === undefined) return { refused: 'hold_over', field: 'originalId' };
  if (event.type === 'capture' && event.points > sumOfLots(hold.taken)) {
    return { refused: 'capture_exceeds_hold', field: 'points' };
  }
  return { hold, authorised: original };
}

export function capture(
  program: Program,
  member: Member,
  event: Capture,
  hold: Hold,
  authorised: HoldEntry,
  at: number,
): CaptureEntry {
  const held = sumOfLots(hold.taken);
  const points = event.points === NOT_GIVEN ? held : event.points;
  const order = spendOrder(program, hold.walletId);
  const { taken, kept } = takeLots(hold.taken, points, order);
  drop(member, hold);
  putBack(walletOf(member, hold.walletId), kept);
  return {
    kind: 'capture',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    walletId: hold.walletId,
    originalId: event.originalId,
    asked: event.points,
    points,
    // At the rate of the authorisation, which is what the till has shown.
    worth: scale(authorised.worth, points, held, 'floor'),
    released: held - points,
    taken,
    reversed: 0,
  };
}

export function releaseHold(program: Program, member: Member, event: Release, hold: Hold, at: number): ReleaseEntry {
  release(member, hold);
  return {
    kind: 'release',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    walletId: hold.walletId,
    originalId: event.originalId,
    points: sumOfLots(hold.taken),
  };
}

export type Spent = RedemptionEntry | CaptureEntry;

export function planReversal(event: Reversal, original: Entry | undefined): { spent: Spent; points: number } | Refused {
  if (original === undefined) return { refused: 'original_not_found', field: 'originalId' };
  if (original.kind !== 'redemption' && original.kind !== 'capture') {
    return { refused: 'original_not_a_redemption', field: 'originalId' };
  }
  const left = original.points - original.reversed;
  const points = event.points === NOT_GIVEN ? left : event.points;
  if (points > left || left === 0) return { refused: 'reversal_exceeds_redemption', field: 'points' };
  return { spent: original, points };
}

export function reverse(
  program: Program,
  member: Member,
  event: Reversal,
  { spent, points }: { spent: Spent; points: number },
  at: number,
): RedemptionReversal {
  return {
    kind: 'redemption_reversal',
    eventId: event.id,
    occurredAt: event.occurredAt,
    at,
    programVersion: program.version,
    originalId: event.originalId,
    asked: event.points,
    restored: restore(program, member, spent, points),
  };
}

/** Puts points that were spent back into the lots they came from, as if so many fewer had been spent. */
export function restore(program: Program, member: Member, spent: Spent, points: number): Restored {
  const lots = lastTaken(spent.taken, points, spent.reversed, spendOrder(program, spent.walletId));
  putBack(walletOf(member, spent.walletId), lots);
  spent.reversed += points;
  rewrite(member, spent);
  return { walletId: spent.walletId, redemptionId: spent.eventId, points };
}

/** The redemption that paid a part of a purchase; undefined where none did, or it is not there. */
export function redemptionOf(member: Member, redemptionId: string, print: number): Spent | undefined {
  const entry = redemptionId === '' ? undefined : findEntry(member, redemptionId, print);
  return entry?.kind === 'redemption' || entry?.kind === 'capture' ? entry : undefined;
}

function spendOrder(program: Program, walletId: string): WalletRules['spend'] {
  return program.wallets.find(({ id }) => id === walletId)?.spend ?? 'soonest';
}
