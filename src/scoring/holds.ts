/** Points that are set aside for a payment: no longer to be spent, not yet spent. */
import type { Program } from '../program/program.ts';
import type { ReleaseEntry } from './entry.ts';
import { record } from './ledger.ts';
import { type Lots, sumOfLots } from './lots.ts';
import { type Member, walletOf } from './member.ts';
import { putBack } from './wallet.ts';

export interface Hold {
  /** Id of the authorisation. */
  readonly id: string;
  readonly walletId: string;
  /** First instant at which it is over, epoch ms. */
  readonly until: number;
  /** The lots they came from. */
  readonly taken: Lots;
}

export const NO_HOLDS: readonly Hold[] = [];

export function heldPoints({ holds }: Member, walletId: string): number {
  let points = 0;
  for (const hold of holds) if (hold.walletId === walletId) points += sumOfLots(hold.taken);
  return points;
}

/** When the first hold is over; Infinity for never. */
export function nextRelease({ holds }: Member): number {
  let next = Infinity;
  for (const { until } of holds) if (until < next) next = until;
  return next;
}

export function holdOf(member: Member, id: string): Hold | undefined {
  return member.holds.find((hold) => hold.id === id);
}

/** Gives up a hold: what it held can be spent again, or expires if its day has passed. */
export function release(member: Member, hold: Hold): void {
  drop(member, hold);
  putBack(walletOf(member, hold.walletId), hold.taken);
}

export function drop(member: Member, hold: Hold): void {
  member.holds = member.holds.filter((other) => other !== hold);
}

/** Holds that are over at an instant run out, in the order in which they were made. */
export function releaseOver(program: Program, member: Member, at: number): ReleaseEntry[] {
  return member.holds
    .filter(({ until }) => until <= at)
    .map((hold) => {
      release(member, hold);
      const entry: ReleaseEntry = {
        kind: 'release',
        eventId: '',
        occurredAt: 0,
        at,
        programVersion: program.version,
        walletId: hold.walletId,
        originalId: hold.id,
        points: sumOfLots(hold.taken),
      };
      record(member, entry);
      return entry;
    });
}
