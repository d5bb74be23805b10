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
  /** Absent: a program without tiers. */
  readonly tiers: TierSet | undefined;
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

/** How long points can be spent. A lot keeps what it was given when the program changes. */
export interface Expiry {
  /** The last local day of points earned on a day: that day or a later one. Monotonic. */
  lastDay(earnedDay: number): number;
  /** A purchase gives all open lots the last day of what it earns itself, if that is later. */
  readonly isRenewed: boolean;
}
