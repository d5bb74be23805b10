/**
 * One member as the fold sees it. Counters are numbers, lots and windows are by day, the latest ledger entries are here and
 * older ones in chunks (history.ts). The fold changes a member in place; whoever wants a trial hands it a copy.
 */
import { must } from '../lib/assert.ts';
import type { Program } from '../program/program.ts';
import type { Days } from './days.ts';
import type { Entries } from './entries.ts';
import { type Exception, NO_EXCEPTIONS } from './exceptions.ts';
import type { History } from './history.ts';
import { type Hold, NO_HOLDS } from './holds.ts';
import { copyStanding, type Standing } from './standing.ts';
import { copyWallet, newWallet, type Wallet } from './wallet.ts';

export interface Member {
  readonly id: string;
  /** When an enrolment said so; 0 for a member that only bought. */
  enrolledAt: number;
  /** In the order of the program; empty until it has been looked at with one. */
  wallets: readonly Wallet[];
  /** Points set aside, in the order in which they were. */
  holds: readonly Hold[];
  /** What agents have decided about its levels, in the order in which they did, those included that ended lately. */
  exceptions: readonly Exception[];
  /** Qualifying spend by the day it was made, net of returns; days that left the window long ago are dropped. */
  spend: Days;
  /** Level held, '' for none. A name, not an index: ladders change with the program. */
  levelId: string;
  /** When this level began; 0 for a level held from the start. */
  levelSince: number;
  /** Counters and tier sets of a program that has its own; undefined in any other. `levelId` is that of the first set. */
  standing: Standing | undefined;
  /** Version of the program the level was last judged by; 0 for none yet. */
  programVersion: number;
  /** Everything due up to this instant has happened; 0 before the first event. */
  asOf: number;
  /** When the window next loses a day that could change the level, or a lot is over; Infinity for never. */
  due: number;
  /** Local day of `asOf`; 0 while `windowFirstDay` and `windowSpend` are not worked out. None of the three is stored. */
  asOfDay: number;
  /** First local day whose spend counts as of `asOf`. */
  windowFirstDay: number;
  /** Qualifying spend from that day on. */
  windowSpend: number;
  /** Latest ledger entries; fewer than CHUNK_ENTRIES. */
  recent: Entries;
  /** Older entries. Absent until the first chunk is full. */
  history: History | undefined;
  /** Sequence of the log message that last changed the member; 0 for never. Not part of the digest. */
  version: number;
}

const NO_WALLETS: readonly Wallet[] = [];

/** `recent` is empty; which kind of run it is decides how the member's entries are kept. */
export function newMember(id: string, recent: Entries): Member {
  return {
    id,
    enrolledAt: 0,
    wallets: NO_WALLETS,
    holds: NO_HOLDS,
    exceptions: NO_EXCEPTIONS,
    spend: [],
    levelId: '',
    levelSince: 0,
    standing: undefined,
    programVersion: 0,
    asOf: 0,
    due: Infinity,
    asOfDay: 0,
    windowFirstDay: 0,
    windowSpend: 0,
    recent,
    history: undefined,
    version: 0,
  };
}

/** A copy that can be scored on without a trace on the original. */
export function copyMember(member: Member): Member {
  return {
    ...member,
    wallets: member.wallets.map(copyWallet),
    spend: member.spend.slice(),
    standing: member.standing && copyStanding(member.standing),
    recent: member.recent.copy(),
    history: member.history?.copy(),
  };
}

/** Wallets as the program has them: what the member has under the same name, and new ones. */
export function openWallets(program: Program, member: Member): void {
  member.wallets = program.wallets.map(({ id }) => member.wallets.find((wallet) => wallet.id === id) ?? newWallet(id));
}

export function walletOf(member: Member, id: string): Wallet {
  let found: Wallet | undefined;
  for (const wallet of member.wallets) if (wallet.id === id) found = wallet;
  return must(found, 'the member has no wallet of that name');
}
