/**
 * What a fold has come to, counted while it goes: points by month and wallet, refusals, and in the end members by level and what
 * they have. So that any number of members takes no more room than their levels and months.
 */
import { civilOfDay, endOfMonths } from '../lib/calendar.ts';
import type { Zone } from '../lib/zone.ts';
import type { LevelSet, Program, TierSet } from '../program/program.ts';
import type { Entry } from '../scoring/entry.ts';
import type { Member } from '../scoring/member.ts';
import { OUTCOMES, type Outcome, type OutcomeCode } from '../scoring/outcome.ts';
import { movedBy } from '../scoring/points.ts';
import { settle } from '../scoring/settle.ts';
import type { HeldMember } from '../store/member-cache.ts';
import { type BalanceView, balancesOf } from '../wire/member-view.ts';
import type { PartitionListener } from './partition.ts';

/**
 * Points that came and went. What is left of them is available, pending or held, less debt:
 * issued + adjusted + restored - returned - redeemed - expired.
 */
export interface Flows {
  /** By purchases. */
  issued: number;
  /** Signed. */
  adjusted: number;
  /** Taken back by returns and voids, without what had expired before or was left to the member. */
  returned: number;
  /** Spent by redemptions and captures. */
  redeemed: number;
  /** Spent, and come back. */
  restored: number;
  expired: number;
}

export const FLOWS = ['issued', 'adjusted', 'returned', 'redeemed', 'restored', 'expired'] as const;

/** Of all members together. */
export type Balances = { -readonly [Key in keyof BalanceView]: number };

/** Level by tier set, '' for none. */
export type HeldLevels = ReadonlyMap<string, string>;

export function tierSetsOf({ tiers, qualifying }: Program): readonly (TierSet | LevelSet)[] {
  return tiers === undefined ? (qualifying?.sets ?? []) : [tiers];
}

function levelsOf(program: Program, { levelId, standing }: Member): HeldLevels {
  return new Map(
    tierSetsOf(program).map(({ id }, index) => {
      const own = standing?.sets[index];
      return [id, own === undefined ? levelId : own.level];
    }),
  );
}

export class Tally implements PartitionListener {
  readonly #zone: Zone;
  /** Local days of the month that was counted last. */
  #firstDay = 0;
  #lastDay = -1;
  #month = new Map<string, Flows>();
  /** Those of members, and what was meant for one and cannot be read. */
  events = 0;
  members = 0;
  /** By month, as in 2026-01, and wallet. */
  readonly months = new Map<string, Map<string, Flows>>();
  readonly refusals = new Map<OutcomeCode, number>();
  /** By wallet. */
  readonly balances = new Map<string, Balances>();
  /** Members by tier set and level. */
  readonly levels = new Map<string, Map<string, number>>();

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  begin(): void {}

  scored(_event: unknown, outcome: Outcome): void {
    this.events += 1;
    const { code, before, entry, after } = outcome;
    if (OUTCOMES[code].refused) this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    if (code !== 'scored' || entry === undefined) return;
    this.#addAll(before);
    this.#add(entry);
    this.#addAll(after);
  }

  settled(_held: HeldMember, entries: readonly Entry[]): void {
    this.#addAll(entries);
  }

  end(): void {}

  /** Lets time pass for a member up to the end, and counts what it then has. The member is changed. */
  close(program: Program, member: Member, untilMs: number): HeldLevels {
    this.#addAll(settle(program, member, Math.max(untilMs, member.asOf)).entries);
    this.members += 1;
    const views = balancesOf(
      member,
      program.wallets.map(({ id }) => id),
    );
    for (const [walletId, { available, pending, held, debt }] of Object.entries(views)) {
      const sums = this.balances.get(walletId) ?? { available: 0, pending: 0, held: 0, debt: 0 };
      sums.available += available;
      sums.pending += pending;
      sums.held += held;
      sums.debt += debt;
      this.balances.set(walletId, sums);
    }
    const levels = levelsOf(program, member);
    for (const [tierSet, level] of levels) {
      const counts = this.levels.get(tierSet) ?? new Map<string, number>();
      counts.set(level, (counts.get(level) ?? 0) + 1);
      this.levels.set(tierSet, counts);
    }
    return levels;
  }

  #addAll(entries: readonly Entry[]): void {
    for (const entry of entries) this.#add(entry);
  }

  #add(entry: Entry): void {
    switch (entry.kind) {
      case 'accrual':
        this.#addMoved(entry, 'issued', 1);
        return;
      case 'adjustment':
        this.#addMoved(entry, 'adjusted', 1);
        return;
      case 'redemption':
        this.#addMoved(entry, 'redeemed', -1);
        return;
      case 'capture':
        this.#flows(entry.at, entry.walletId).redeemed += entry.points;
        return;
      case 'redemption_reversal':
        this.#addMoved(entry, 'restored', 1);
        return;
      case 'expiration':
        this.#addMoved(entry, 'expired', -1);
        return;
      case 'reversal':
      case 'void':
        for (const { takes, restored } of entry.parts) {
          for (const { walletId, base, bonus, expired, forgiven } of takes) {
            this.#flows(entry.at, walletId).returned += base + bonus - expired - forgiven;
          }
          if (restored !== undefined) this.#flows(entry.at, restored.walletId).restored += restored.points;
        }
        return;
      // What moves between what can be spent and what cannot yet, or moves nothing, neither comes nor goes.
      case 'settlement':
      case 'hold':
      case 'release':
      case 'exception':
      case 'exception_end':
      case 'enrolment':
        return;
    }
  }

  #addMoved(entry: Entry, flow: keyof Flows, sign: 1 | -1): void {
    for (const [walletId, points] of movedBy(entry)) this.#flows(entry.at, walletId)[flow] += sign * points;
  }

  #flows(at: number, walletId: string): Flows {
    const day = this.#zone.localDay(at);
    if (day < this.#firstDay || day > this.#lastDay) this.#turnTo(day);
    let flows = this.#month.get(walletId);
    if (flows === undefined) {
      flows = noFlows();
      this.#month.set(walletId, flows);
    }
    return flows;
  }

  #turnTo(day: number): void {
    const { year, month, day: ofMonth } = civilOfDay(day);
    this.#firstDay = day - ofMonth + 1;
    this.#lastDay = endOfMonths(day, 1);
    const name = `${year}-${String(month).padStart(2, '0')}`;
    this.#month = this.months.get(name) ?? new Map<string, Flows>();
    this.months.set(name, this.#month);
  }
}

export function noFlows(): Flows {
  return { issued: 0, adjusted: 0, returned: 0, redeemed: 0, restored: 0, expired: 0 };
}
