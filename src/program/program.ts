/** A program ready to score with: money in minor units, windows and rounding as closures. Made by compile.ts alone. */
import type { Rounding } from '../lib/integer.ts';
import type { Zone } from '../lib/zone.ts';
import type { ProgramDocument } from './schema.ts';

export interface Program {
  readonly name: string;
  /** Goes up with every change; kept with every ledger entry. */
  readonly version: number;
  readonly currency: string;
  readonly zone: Zone;
  readonly enrolmentRequired: boolean;
  /** What a purchase earns under on no level; each level has its own. */
  readonly terms: AccrualTerms;
  /** One tier set over the spend in one window: what most programs are, and judged the short way. Absent: there is none. */
  readonly tiers: TierSet | undefined;
  /** Counters and tier sets of any other kind. Absent: there are none, and `tiers` is all there is. */
  readonly qualifying: Qualifying | undefined;
  /** Absent: points do not expire. */
  readonly expiry: Expiry | undefined;
  readonly unmatchedReturns: ProgramDocument['returns']['unmatched'];
  readonly returnMatchDays: number;
  /** What this was compiled from. */
  readonly document: ProgramDocument;
}

/** All that decides how many points an amount earns. Kept with each purchase, so a return never meets today's rules. */
export interface AccrualTerms {
  readonly programVersion: number;
  readonly ruleId: string;
  readonly rate: Rate;
  /** Level that multiplies; '' for none. */
  readonly levelId: string;
  /** 1000 is once. */
  readonly multiplierMilli: number;
}

/** Points for an amount: `amount * points / perMinor`, rounded. */
export interface Rate {
  readonly points: number;
  /** Minor units. */
  readonly perMinor: number;
  readonly rounding: Rounding;
}

export interface TierSet {
  readonly id: string;
  /** Lowest first, thresholds strictly rising. */
  readonly levels: readonly TierLevel[];
  readonly window: Window;
  /** The highest level whose threshold is met; undefined for none. */
  levelFor(spendMinor: number): TierLevel | undefined;
  /** By name; undefined for '' and for a level this program does not have. */
  level(id: string): TierLevel | undefined;
}

export interface TierLevel {
  readonly id: string;
  readonly fromMinor: number;
  readonly terms: AccrualTerms;
}

/** Which local days count on a given local day. Both functions are monotonic. */
export interface Window {
  /** The earliest day that counts on `day`. */
  firstDay(day: number): number;
  /** The first day on which `day` counts no more. */
  leavesOn(day: number): number;
}

/** What members qualify by. */
export interface Qualifying {
  readonly counters: readonly Counter[];
  /** The first decides the multiplier. */
  readonly sets: readonly LevelSet[];
  readonly usesBalance: boolean;
  /** What counts for ever, for some counter. */
  readonly lifetime: ReadonlySet<Measure>;
  /** What happened longer ago is no more judged anew: local days, at least LATE_DAYS and the longest a level lasts. */
  readonly horizonDays: number;
}

/** `balance` is what can be spent; a counter of it looks at what there is, in no window. */
export type Measure = 'spend' | 'transactions' | 'visits' | 'points' | 'categories' | 'activity' | 'balance';

export interface Counter {
  readonly id: string;
  readonly of: Measure;
  readonly window: CounterWindow;
}

/** Which local days count for a member on a given local day. `anchor` is the member's own day where the window has one. */
export interface CounterWindow {
  readonly kind: 'rolling' | 'period' | 'fixed' | 'lifetime';
  /** What `anchor` is: the day of enrolment, the day on which the level held began, or nothing that matters. */
  readonly anchor: 'none' | 'enrolment' | 'tier-start';
  /** Of a period: how long it is. 0 for others. */
  readonly months: number;
  /** The earliest day that counts on `day`; Infinity for none. */
  firstDay(day: number, anchor: number): number;
  /** The first day on which `day` counts no more; Infinity for never. */
  leavesOn(day: number, anchor: number): number;
  /** The latest day up to `day` that lies in a period; -Infinity for none. */
  lastIn(day: number): number;
}

export interface LevelSet {
  readonly id: string;
  /** Lowest first. */
  readonly levels: readonly SetLevel[];
  /** Those that its levels ask for. */
  readonly counters: readonly Counter[];
  /** Absent: nothing starts or ends with a period. */
  readonly period: CounterWindow | undefined;
  readonly startsNextPeriod: boolean;
  /** What is there when a period begins may be enough for that period's term. */
  readonly beginsWithPeriods: boolean;
  /** Absent: a level is held as long as it qualifies. */
  readonly term: Term | undefined;
  /** The last day of the grace after a disqualification on a day. Absent: none. */
  readonly graceLastDay: ((day: number) => number) | undefined;
  readonly downgrade: 'to-qualified' | 'one-level' | 'none';
  /** A return takes no level before its term ends. */
  readonly outlastsReturns: boolean;
  /** -1 for '' and for a level this program does not have. */
  rank(level: string): number;
}

export interface SetLevel {
  readonly id: string;
  readonly conditions: readonly Condition[];
  /** How many of them must be met. */
  readonly needed: number;
  /** Of the first set: what a purchase earns on this level. */
  readonly terms: AccrualTerms;
  /** Points for reaching it; 0 for none. */
  readonly entryPoints: number;
  readonly benefits: readonly string[];
}

export interface Condition {
  readonly counter: Counter;
  /** Minor units of spend, points, or how many. */
  readonly from: number;
}

/** How long a level is held, whatever the counters say meanwhile. */
export interface Term {
  /** `period`: what is reached in a period is held until the end it gives; `span`: so long from the day it starts. */
  readonly kind: 'span' | 'period';
  /** Local days, at least as many as it ever has. */
  readonly daysMax: number;
  /** The last local day, of a level that starts on `day` (span) or was reached in the period that `day` lies in. */
  lastDay(day: number, anchor: number): number;
}

/** How long points can be spent. A lot keeps what it was given when the program changes. */
export interface Expiry {
  /** The last local day of points earned on a day: that day or a later one. Monotonic. */
  lastDay(earnedDay: number): number;
  /** A purchase gives all open lots the last day of what it earns itself, if that is later. */
  readonly isRenewed: boolean;
}
