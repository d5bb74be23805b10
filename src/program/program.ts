/** A program ready to score with: money in minor units, windows and rounding as closures. Made by compile.ts alone. */
import type { Rounding } from '../lib/integer.ts';
import type { Zone } from '../lib/zone.ts';
import type { ProgramDocument } from './schema.ts';

export interface Program {
  readonly name: string;
  /** Goes up with every change; kept with every ledger entry. */
  readonly version: number;
  /** From when it is in force, epoch ms; 0 until it takes the place of another (succession.ts). */
  readonly since: number;
  /** What was in force before, for purchases of that time that arrive late. */
  readonly earlier: Program | undefined;
  /** From when it wants to be in force, epoch ms; 0 for at once. */
  readonly effectiveFrom: number;
  readonly currency: string;
  readonly zone: Zone;
  readonly enrolmentRequired: boolean;
  /** How long before their enrolment purchases of members count; Infinity for any time. */
  readonly enrolmentBufferMs: number;
  /** Absent: a purchase counts as of its own time, however late it arrives. */
  readonly late: LatePolicy | undefined;
  /** In the order of the document; the first is meant where none is named. */
  readonly wallets: readonly WalletRules[];
  /** Some wallet redeems by itself. */
  readonly redeemsByItself: boolean;
  readonly earn: EarnRules;
  /** What of a purchase's amount counts, beside tax, tips and gift cards, which never do. */
  readonly earnOn: ProgramDocument['earnOn'];
  /** One tier set over the spend in one window: what most programs are, and judged the short way. Absent: there is none. */
  readonly tiers: TierSet | undefined;
  /** Counters and tier sets of any other kind. Absent: there are none, and `tiers` is all there is. */
  readonly qualifying: Qualifying | undefined;
  readonly adjustments: AdjustmentRules;
  readonly unmatchedReturns: ProgramDocument['returns']['unmatched'];
  readonly returnMatchDays: number;
  /** What this was compiled from. */
  readonly document: ProgramDocument;
}

/** What an adjustment must say. */
export interface AdjustmentRules {
  readonly isReasonRequired: boolean;
  /** Points, either way, above which a second agent must approve; Infinity for never. */
  readonly approvalAbove: number;
}

/** What becomes of purchases that arrive later than they should. */
export interface LatePolicy {
  /** Local days, from that of the purchase to that of its receipt, up to which it is not late. */
  readonly days: number;
  /** Refused; counted as of its receipt; or counted as of its own time, and marked. */
  readonly beyond: 'refuse' | 'receipt' | 'flag';
}

/** A balance of its own, and what may be done with it. */
export interface WalletRules {
  readonly id: string;
  /** Place among the program's wallets. */
  readonly index: number;
  /** Absent: what is in it does not expire. */
  readonly expiry: Expiry | undefined;
  /** Absent: what is earned can be spent at once. */
  readonly pending: Pending | undefined;
  /** How far a return may take: into debt, down to 0, or no more than what is pending. */
  readonly returns: 'unlimited' | 'within-balance' | 'only-pending';
  /** Which lots are spent first. */
  readonly spend: 'soonest' | 'newest';
  /** Absent: points of this wallet cannot be redeemed. */
  readonly redeem: RedeemRules | undefined;
}

export interface Pending {
  /** The local day from which what was earned on a day can be spent; NEVER (lots.ts) where only a confirmation will do. */
  availableOn(earnedDay: number): number;
}

export interface RedeemRules {
  /** `points` are worth `worthMinor` minor units. */
  readonly points: number;
  readonly worthMinor: number;
  /** Points of one redemption, both included. */
  readonly minimum: number;
  readonly maximum: number;
  /** A redemption is a multiple of this. */
  readonly step: number;
  /** How long an authorisation holds points. */
  readonly holdMs: number;
  /** Whenever so many can be spent, they are redeemed without being asked; 0 for never. */
  readonly automaticAt: number;
}

/** Which awards a purchase gets. */
export interface EarnRules {
  readonly rules: readonly EarnRule[];
  /** By level id, '' for none: what every purchase gets, where each rule is for all purchases. Else undefined. */
  readonly always: ReadonlyMap<string, readonly Award[]> | undefined;
  /** Some rule gives points for each piece. */
  readonly countsPieces: boolean;
}

export interface EarnRule {
  readonly when: EarnCondition | undefined;
  /** By level id, '' for none. */
  readonly terms: ReadonlyMap<string, AccrualTerms>;
}

/** All that is given must hold. Goods select lines; the rest is about the purchase. */
export interface EarnCondition {
  readonly skus: ReadonlySet<string> | undefined;
  readonly categories: ReadonlySet<string> | undefined;
  readonly stores: ReadonlySet<string> | undefined;
  /** Minor units that count: from this, included, to below that. */
  readonly fromMinor: number;
  readonly belowMinor: number;
}

/** What one rule gives for one purchase. Kept with it, so a return never meets today's rules. */
export interface Award {
  readonly terms: AccrualTerms;
  /** Which lines it is for, by index, ascending; EVERYTHING for the purchase as a whole. */
  readonly lines: readonly number[];
}

export const EVERYTHING: readonly number[] = [];

/** All that decides how many points an award is. */
export interface AccrualTerms {
  readonly programVersion: number;
  readonly ruleId: string;
  readonly walletId: string;
  readonly rate: Rate;
  readonly per: 'money' | 'piece' | 'line' | 'purchase';
  /** Where fractions are rounded: the rule's points as a whole, each line's, or all rules of a wallet together. */
  readonly rounded: 'rule' | 'line' | 'basket';
  /** What a return takes back: what the goods earned, or the share that their price has in the purchase. */
  readonly back: 'earned' | 'proportional';
  /** Level that multiplies; '' for none. */
  readonly levelId: string;
  /** 1000 is once. */
  readonly multiplierMilli: number;
}

/** Points for an amount: `amount * points / perMinor`, rounded. */
export interface Rate {
  readonly points: number;
  /** Minor units; 1 where points are for pieces, lines or purchases. */
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
  /** 1000 is once. */
  readonly multiplierMilli: number;
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
  /** What some counter counts; nothing else is kept by day. */
  readonly measures: ReadonlySet<Measure>;
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
  /** One of them is the balance. */
  readonly usesBalance: boolean;
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
  /** Of the first set: points are multiplied by this; 1000 is once. */
  readonly multiplierMilli: number;
  /** Points for reaching it; 0 for none. */
  readonly entryPoints: number;
  readonly benefits: readonly string[];
}

export interface Condition {
  readonly counter: Counter;
  /** Place of the counter among those of the set. */
  readonly index: number;
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
