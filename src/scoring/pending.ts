/**
 * Points that were earned and cannot be spent yet: by the local day from which they can, the last day on which they will be,
 * and the day they were earned. One entry for the three, however many purchases earned it, bounds a record by days.
 */
import { NEVER } from '../program/expiry.ts';
import type { Program } from '../program/program.ts';
import type { Moved, Settlement } from './entry.ts';
import { record } from './ledger.ts';
import type { Member } from './member.ts';
import { credit, type Wallet } from './wallet.ts';

/** Day available, last day, day earned, points, ...; local days since 1970, in that order, none empty. Never changed in place. */
export type PendingLots = readonly number[];

const WIDTH = 4;

export function openPending(
  pending: PendingLots,
  availableDay: number,
  lastDay: number,
  earnedDay: number,
  points: number,
): PendingLots {
  if (points === 0) return pending;
  let index = 0;
  while (index < pending.length && compare(pending, index, availableDay, lastDay, earnedDay) < 0) index += WIDTH;
  if (index < pending.length && compare(pending, index, availableDay, lastDay, earnedDay) === 0) {
    return pending.with(index + 3, (pending[index + 3] as number) + points);
  }
  return pending.toSpliced(index, 0, availableDay, lastDay, earnedDay, points);
}

function compare(
  pending: PendingLots,
  index: number,
  availableDay: number,
  lastDay: number,
  earnedDay: number,
): number {
  return (
    (pending[index] as number) - availableDay ||
    (pending[index + 1] as number) - lastDay ||
    (pending[index + 2] as number) - earnedDay
  );
}

export function sumOfPending(pending: PendingLots): number {
  let sum = 0;
  for (let index = 3; index < pending.length; index += WIDTH) sum += pending[index] as number;
  return sum;
}

export function pendingOfDay(pending: PendingLots, earnedDay: number): number {
  let sum = 0;
  for (let index = 0; index < pending.length; index += WIDTH) {
    if (pending[index + 2] === earnedDay) sum += pending[index + 3] as number;
  }
  return sum;
}

/** Takes up to `points`, the soonest to expire first, then the oldest. */
export function takePending(pending: PendingLots, points: number): PendingLots {
  return take(pending, points, () => true);
}

/** Takes up to `points` of those earned on a day, the soonest to expire first. */
export function takePendingOfDay(pending: PendingLots, earnedDay: number, points: number): PendingLots {
  return take(pending, points, (day) => day === earnedDay);
}

function take(pending: PendingLots, points: number, isMeant: (earnedDay: number) => boolean): PendingLots {
  if (points === 0) return pending;
  const kept = pending.slice();
  let left = points;
  for (const index of inTurn(pending, isMeant)) {
    const part = Math.min(left, kept[index + 3] as number);
    kept[index + 3] = (kept[index + 3] as number) - part;
    left -= part;
  }
  return withoutEmpty(kept);
}

/** Where those that are meant stand, the soonest to expire first, then the oldest. */
function inTurn(pending: PendingLots, isMeant: (earnedDay: number) => boolean): number[] {
  const places: number[] = [];
  for (let index = 0; index < pending.length; index += WIDTH) {
    if (isMeant(pending[index + 2] as number)) places.push(index);
  }
  return places.sort(
    (one, other) =>
      (pending[one + 1] as number) - (pending[other + 1] as number) ||
      (pending[one + 2] as number) - (pending[other + 2] as number),
  );
}

function withoutEmpty(pending: PendingLots): PendingLots {
  return pending.filter((_, index) => pending[index - (index % WIDTH) + 3] !== 0);
}

/** When the first of what waits is available; Infinity where nothing does but for a confirmation. */
export function nextAvailable({ zone }: Program, { pending }: Wallet): number {
  const first = pending[0];
  return first === undefined || first === NEVER ? Infinity : zone.startOfDay(first);
}

/** Lets what is available at an instant be spent, in every wallet. Undefined where nothing is. */
export function makeAvailable(program: Program, member: Member, at: number): Settlement | undefined {
  const day = program.zone.localDay(at);
  const moved: Moved[] = [];
  for (const wallet of member.wallets) {
    const { pending } = wallet;
    let length = 0;
    let points = 0;
    for (; length < pending.length && (pending[length] as number) <= day; length += WIDTH) {
      points += pending[length + 3] as number;
      credit(wallet, pending[length + 2] as number, pending[length + 1] as number, pending[length + 3] as number);
    }
    if (length === 0) continue;
    wallet.pending = pending.slice(length);
    moved.push({ walletId: wallet.id, points });
  }
  if (moved.length === 0) return undefined;
  const entry: Settlement = {
    kind: 'settlement',
    eventId: '',
    occurredAt: 0,
    at,
    programVersion: program.version,
    originalId: '',
    moved,
  };
  record(member, entry);
  return entry;
}

/** Lets up to `points` earned on a day be spent at once, the soonest to expire first. Returns how many they were. */
export function confirmPending(wallet: Wallet, earnedDay: number, points: number): number {
  let left = points;
  for (const index of inTurn(wallet.pending, (day) => day === earnedDay)) {
    const part = Math.min(left, wallet.pending[index + 3] as number);
    credit(wallet, earnedDay, wallet.pending[index + 1] as number, part);
    left -= part;
  }
  wallet.pending = takePendingOfDay(wallet.pending, earnedDay, points - left);
  return points - left;
}

/** A purchase renews what waits as it renews what is open. */
export function extendPending(pending: PendingLots, lastDay: number): PendingLots {
  let extended: PendingLots = [];
  for (let index = 0; index < pending.length; index += WIDTH) {
    const [availableDay, last, earnedDay, points] = pending.slice(index, index + WIDTH) as [
      number,
      number,
      number,
      number,
    ];
    extended = openPending(extended, availableDay, Math.max(last, lastDay), earnedDay, points);
  }
  return extended;
}
