/**
 * One member as the fold sees it. Counters are numbers, lots and windows are by day, the latest ledger entries are here and
 * older ones in chunks (history.ts). The fold changes a member in place; whoever wants a trial hands it a copy.
 */
import type { Days } from './days.ts';
import type { Entries } from './entries.ts';
import type { History } from './history.ts';
import type { Lots } from './lots.ts';
import { copyStanding, type Standing } from './standing.ts';

export interface Member {
  readonly id: string;
  /** When an enrolment said so; 0 for a member that only bought. */
  enrolledAt: number;
  /** Points: available if positive, debt if negative. */
  balance: number;
  /** What can be spent and until when. Its sum is the balance while that is not negative. */
  lots: Lots;
  /** Points that have expired, by the day they were earned, less what has been returned since; of EXPIRED_DAYS_KEPT days. */
  expired: Days;
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

/** One for all members that nothing has expired of: days are only added by making another list. */
const NOTHING_EXPIRED: Days = [];

/** `recent` is empty; which kind of run it is decides how the member's entries are kept. */
export function newMember(id: string, recent: Entries): Member {
  return {
    id,
    enrolledAt: 0,
    balance: 0,
    lots: [],
    expired: NOTHING_EXPIRED,
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
    lots: member.lots.slice(),
    expired: member.expired.slice(),
    spend: member.spend.slice(),
    standing: member.standing && copyStanding(member.standing),
    recent: member.recent.copy(),
    history: member.history?.copy(),
  };
}
