/**
 * One member as the fold sees it. Counters are numbers, lots and windows are by day, the latest ledger entries are here and
 * older ones in chunks (history.ts). The fold changes a member in place; whoever wants a trial hands it a copy.
 */
import { copyDays, type Days, emptyDays } from './days.ts';
import type { Entry } from './entry.ts';
import type { History } from './history.ts';

export interface Member {
  readonly id: string;
  /** When an enrolment said so; 0 for a member that only bought. */
  enrolledAt: number;
  /** Points: available if positive, debt if negative. */
  balance: number;
  /** Open lots by the day they were earned. Their sum is the balance while that is not negative. */
  lots: Days;
  /** Qualifying spend by the day it was made, net of returns; days that left the window long ago are dropped. */
  spend: Days;
  /** Level held, '' for none. A name, not an index: ladders change with the program. */
  levelId: string;
  /** When this level began; 0 for a level held from the start. */
  levelSince: number;
  /** Version of the program the level was last judged by; 0 for none yet. */
  programVersion: number;
  /** Everything due up to this instant has happened; 0 before the first event. */
  asOf: number;
  /** When the window next loses a day that could change the level; Infinity for never. */
  due: number;
  /** Local day of `asOf`; NaN while `windowFirstDay` and `windowSpend` are not worked out. None of the three is stored. */
  asOfDay: number;
  /** First local day whose spend counts as of `asOf`. */
  windowFirstDay: number;
  /** Qualifying spend from that day on. */
  windowSpend: number;
  /** Latest ledger entries, newest last; fewer than CHUNK_ENTRIES. */
  recent: Entry[];
  /** Older entries. Absent until the first chunk is full. */
  history: History | undefined;
  /** Sequence of the log message that last changed the member; 0 for never. Not part of the digest. */
  version: number;
}

export function newMember(id: string): Member {
  return {
    id,
    enrolledAt: 0,
    balance: 0,
    lots: emptyDays(),
    spend: emptyDays(),
    levelId: '',
    levelSince: 0,
    programVersion: 0,
    asOf: 0,
    due: Infinity,
    asOfDay: Number.NaN,
    windowFirstDay: 0,
    windowSpend: 0,
    recent: [],
    history: undefined,
    version: 0,
  };
}

/** A copy that can be scored on without a trace on the original. Entries are copied too, since returns count on them. */
export function copyMember(member: Member): Member {
  return {
    ...member,
    lots: copyDays(member.lots),
    spend: copyDays(member.spend),
    recent: member.recent.map(copyEntry),
    history: member.history?.copy(copyEntry),
  };
}

function copyEntry(entry: Entry): Entry {
  return entry.kind === 'accrual' ? { ...entry, lines: entry.lines.map((line) => ({ ...line })) } : entry;
}
