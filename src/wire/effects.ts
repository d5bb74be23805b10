/**
 * What others act on, on `<prefix>.effects.<partition>`: JSON, since whoever reads it is not us. A message covers a range of
 * the partition's log, and the ranges of successive messages follow each other, so a consumer that remembers `to` sees every
 * effect once, and an owner that restarts knows which it need not send again.
 */
import type { Entry } from '../scoring/entry.ts';
import type { Member } from '../scoring/member.ts';
import type { TierChange } from '../scoring/outcome.ts';
import { movedBy } from '../scoring/points.ts';
import { instantText } from './instant-text.ts';
import { type BalanceView, balancesOf } from './member-view.ts';
import { type MovementView, movementsOf } from './movements.ts';
import { UnknownVersion, WireError } from './pack.ts';

/** Version 2 has `balances`, by wallet, where version 1 had the `balance` of the only one. Both are read, for their places. */
export const EFFECTS_VERSION = 2;
const WITH_ONE_BALANCE = 1;

export interface EffectsMessage {
  readonly version: typeof EFFECTS_VERSION | typeof WITH_ONE_BALANCE;
  readonly partition: number;
  /** Identity of the log's history. */
  readonly epoch: string;
  /** The last effect in this message; nothing up to and including it will be sent again. */
  readonly to: EffectPosition;
  readonly effects: readonly Effect[];
}

/** An effect's place: the log message it came from, and its number among that message's effects, from 1. */
export interface EffectPosition {
  readonly sequence: number;
  readonly ordinal: number;
}

export const BEFORE_ALL_EFFECTS: EffectPosition = { sequence: 0, ordinal: 0 };

export type Effect = EffectHead & (EntryEffect | TierEffect | RejectedEffect);

interface EffectHead {
  readonly sequence: number;
  readonly ordinal: number;
  /** When the log received that message: tells it from one that took its sequence after the log lost its end. */
  readonly loggedAt: string;
}

interface EntryEffect {
  /** `accrual` only where the operator asks for the full ledger. */
  readonly type: Exclude<Entry['kind'], 'enrolment'>;
  readonly memberId: string;
  /** Absent for what time causes, and for what wallets do by themselves. */
  readonly eventId?: string;
  readonly at: string;
  /** The purchase, redemption, authorisation or exception that it is about. */
  readonly originalId?: string;
  readonly movements: readonly MovementView[];
  /** Of each wallet that it moved, after the event or the instant that caused it. */
  readonly balances: Readonly<Record<string, BalanceView>>;
}

interface TierEffect {
  readonly type: 'tier_changed';
  readonly memberId: string;
  readonly tier: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly at: string;
  /** The event that caused it; absent when time did. */
  readonly eventId?: string;
}

interface RejectedEffect {
  readonly type: 'rejected';
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly memberId?: string;
  readonly eventId?: string;
  /** Base64 of what arrived, cut at REJECTED_BYTES_MAX; the log holds all of it at `sequence`. */
  readonly bytes: string;
  readonly bytesTotal: number;
}

export type EffectBody = EntryEffect | TierEffect | RejectedEffect;

export const EFFECT_TYPES: Readonly<Record<EffectBody['type'], true>> = {
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
  expiration: true,
  tier_changed: true,
  rejected: true,
};

export function entryEffect(member: Member, entry: Entry): EntryEffect | undefined {
  if (entry.kind === 'enrolment') return undefined;
  return {
    type: entry.kind,
    memberId: member.id,
    ...(entry.eventId === '' ? {} : { eventId: entry.eventId }),
    at: instantText(entry.at),
    ...('originalId' in entry && entry.originalId !== '' ? { originalId: entry.originalId } : {}),
    movements: movementsOf(entry),
    balances: balancesOf(member, walletsOf(entry)),
  };
}

function walletsOf(entry: Entry): readonly string[] {
  return entry.kind === 'settlement' ? entry.moved.map(({ walletId }) => walletId) : [...movedBy(entry).keys()];
}

export function tierEffect(
  memberId: string,
  tier: string,
  change: TierChange,
  eventId: string | undefined,
): TierEffect {
  return {
    type: 'tier_changed',
    memberId,
    tier,
    from: change.from === '' ? null : change.from,
    to: change.to === '' ? null : change.to,
    at: instantText(change.at),
    ...(eventId === undefined ? {} : { eventId }),
  };
}

const encoder = new TextEncoder();

export function encodeEffects(message: EffectsMessage): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}

/** Throws WireError on what is not an effects message. */
export function decodeEffects(bytes: Uint8Array): EffectsMessage {
  let value: Partial<EffectsMessage> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as Partial<EffectsMessage> | null;
  } catch (error) {
    throw new WireError('an effects message is JSON', { cause: error });
  }
  if (value?.version !== EFFECTS_VERSION && value?.version !== WITH_ONE_BALANCE) {
    throw new UnknownVersion('effects message', value?.version);
  }
  if (value.to === undefined) throw new WireError('an effects message says how far it goes');
  return value as EffectsMessage;
}

export function isAfter(left: EffectPosition, right: EffectPosition): boolean {
  return left.sequence > right.sequence || (left.sequence === right.sequence && left.ordinal > right.ordinal);
}
