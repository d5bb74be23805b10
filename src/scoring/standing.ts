/**
 * What a member has in a program with counters and tier sets of its own, beside the spend by day that every member has:
 * measures by local day, and of each set the phases it went through. Members of other programs have none.
 */
import type { Days } from './days.ts';
import type { AdjustmentEntry } from './entry.ts';
import type { Tallies } from './tallies.ts';

export interface Standing {
  /** Local day of enrolment; without one, of the first event. */
  joinedDay: number;
  /** Purchases that have not come back whole. */
  transactions: Days;
  /** Points earned with purchases, net of returns. */
  points: Days;
  /** Purchases that have not come back whole, enrolment, redemptions. */
  activity: Days;
  /** By store. */
  visits: Tallies;
  /** By category of goods that have not come back whole. */
  categories: Tallies;
  /** By how much what can be spent went up or down; the sum is what there was when it was last looked at. */
  balance: Days;
  /** By how much it was higher in the course of a day than at its beginning. */
  peaks: Days;
  /** In the program's order. */
  sets: SetStanding[];
  /** The earliest day that has changed since the sets were judged; Infinity for none. Not stored. */
  changedDay: number;
  /** Entry rewards to give (or take back), by the day the level was reached. Not stored: settled with every judgement. */
  rewards: Days;
  /** Those given since somebody asked. Not stored. */
  given: AdjustmentEntry[];
}

export interface SetStanding {
  readonly id: string;
  /** The level held: that of the last phase, or what exceptions make of it. */
  level: string;
  /** When it began, as it was told; 0 for one held from the start. */
  since: number;
  /** Ascending by day, never empty; the last is what holds now. */
  phases: Phase[];
  /**
   * Place of the phase that judgement goes on from: those after it can be judged anew, when a return or a late purchase changes a
   * day they were judged by; those before it, of an earlier program perhaps, only tell what was held.
   */
  base: number;
}

/** What holds from a day on. */
export interface Phase {
  readonly day: number;
  /** '' for none. */
  readonly level: string;
  /** The last local day of its term; 0: it holds as long as it qualifies. */
  readonly until: number;
  /** The day on which it no longer qualified, while it is kept by grace; 0 otherwise. */
  readonly lostDay: number;
  /** The day its level began: what years from the start of a level are counted from. */
  readonly anchor: number;
  /** Points that reaching it gave. */
  readonly reward: number;
}

const NO_DAYS: Days = [];
const NO_TALLIES: Tallies = [];
const NONE_GIVEN: AdjustmentEntry[] = [];

export function newStanding(joinedDay: number): Standing {
  return {
    joinedDay,
    transactions: NO_DAYS,
    points: NO_DAYS,
    activity: NO_DAYS,
    visits: NO_TALLIES,
    categories: NO_TALLIES,
    balance: NO_DAYS,
    peaks: NO_DAYS,
    sets: [],
    changedDay: Infinity,
    rewards: NO_DAYS,
    given: NONE_GIVEN,
  };
}

export function copyStanding(standing: Standing): Standing {
  return {
    ...standing,
    transactions: standing.transactions.slice(),
    points: standing.points.slice(),
    activity: standing.activity.slice(),
    balance: standing.balance.slice(),
    peaks: standing.peaks.slice(),
    sets: standing.sets.map((set) => ({ ...set, phases: set.phases.slice() })),
  };
}

/** The phase that holds now. */
export function phaseNow({ phases }: SetStanding): Phase {
  return phases[phases.length - 1] as Phase;
}

/** The phase that judgement goes on from. */
export function basePhase({ phases, base }: SetStanding): Phase {
  return phases[base] as Phase;
}

/** From here on nothing that has been judged is judged anew. */
export function settlePhases(own: SetStanding): void {
  own.base = own.phases.length - 1;
}

/** The phase that held at the end of a local day. */
export function phaseOn({ phases }: SetStanding, day: number): Phase {
  let index = phases.length - 1;
  while (index > 0 && (phases[index] as Phase).day > day) index -= 1;
  return phases[index] as Phase;
}
