/** What `tidemark simulate` found out, as `--json` prints it and docs/simulate.md describes it. */

import type { Comparison, Trial } from '../../partition/simulate.ts';
import { type Balances, FLOWS, type Flows, noFlows, type Tally, tierSetsOf } from '../../partition/tally.ts';
import type { Program } from '../../program/program.ts';
import { OUTCOMES, type OutcomeCode } from '../../scoring/outcome.ts';
import { worthOf } from '../../scoring/redemption.ts';
import { instantText } from '../../wire/instant-text.ts';

export interface SimulationReport {
  readonly program: { readonly name: string; readonly before: number; readonly after: number };
  /** Log time from which the new program was in force; null for the beginning. */
  readonly from: string | null;
  /** Log time of the first message and of the last; events of members, whatever became of them. */
  readonly log: {
    readonly first: string;
    readonly last: string;
    readonly partitions: number;
    readonly messages: number;
    readonly events: number;
  };
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly members: Change;
  readonly tiers: readonly TierReport[];
  readonly wallets: readonly WalletReport[];
  /** At the rate of each wallet's `redeem`, all that have one together; absent where none has. */
  readonly cost?: CostReport & { readonly currency: string };
  readonly months: readonly MonthReport[];
  /** Of events, by code, where they differ. */
  readonly refusals: readonly (Change & { readonly code: OutcomeCode })[];
}

export interface Change {
  readonly before: number;
  readonly after: number;
  readonly difference: number;
}

export interface TierReport {
  readonly id: string;
  /** Lowest first; null for none. */
  readonly levels: readonly (Change & { readonly level: string | null })[];
  /** Members whose level stays; and those who move up or down, where a program has both levels. */
  readonly stay: number;
  readonly up: number;
  readonly down: number;
  /** All members, by level before and after. */
  readonly moves: readonly Move[];
}

export interface Move {
  readonly from: string | null;
  readonly to: string | null;
  readonly members: number;
}

type Changes<T> = { readonly [Key in keyof T]: Change };

export interface WalletReport extends Changes<Flows> {
  readonly id: string;
  /** What is left of it at the end of the log. */
  readonly outstanding: Changes<Balances>;
  readonly cost?: CostReport;
}

/** Minor units. */
export interface CostReport {
  readonly issued: Change;
  /** What is available, pending or held. */
  readonly outstanding: Change;
}

export interface MonthReport extends Changes<Flows> {
  /** Of the program's time zone, as in 2026-01. */
  readonly month: string;
  readonly wallet: string;
}

/** `current` is the program in force at the end of the log. */
export function reportOf(
  comparison: Comparison,
  current: Program,
  { program, fromMs, extent }: Trial,
  seconds: number,
): SimulationReport {
  const { before, after } = comparison;
  const wallets = program.wallets.map(({ id }) => walletReport(id, before, after, current, program));
  const { events } = before;
  return {
    program: { name: program.name, before: current.version, after: program.version },
    from: fromMs === 0 ? null : instantText(fromMs),
    log: {
      first: instantText(extent.firstMs),
      last: instantText(extent.lastMs),
      partitions: extent.ends.length,
      messages: extent.messages,
      events,
    },
    seconds: Number(seconds.toFixed(2)),
    eventsPerSecond: Math.round(events / Math.max(seconds, 0.001)),
    members: change(before.members, after.members),
    tiers: tierReports(current, program, comparison),
    wallets,
    ...totalCost(wallets, program.currency),
    months: monthReports(before, after, program),
    refusals: (Object.keys(OUTCOMES) as OutcomeCode[])
      .map((code) => ({ code, ...change(before.refusals.get(code) ?? 0, after.refusals.get(code) ?? 0) }))
      .filter(({ difference }) => difference !== 0),
  };
}

function change(before: number, after: number): Change {
  return { before, after, difference: after - before };
}

function tierReports(current: Program, program: Program, comparison: Comparison): TierReport[] {
  const after = tierSetsOf(program);
  const gone = tierSetsOf(current).filter(({ id }) => after.every((other) => other.id !== id));
  return [...after, ...gone].map(({ id }) => {
    const ladders = [program, current].map((one) => levelIds(tierSetsOf(one).find((tierSet) => tierSet.id === id)));
    return tierReport(id, ladders, comparison);
  });
}

/** With '' for none, lowest first. */
function levelIds(tierSet: { readonly levels: readonly { readonly id: string }[] } | undefined): readonly string[] {
  return ['', ...(tierSet?.levels ?? []).map(({ id }) => id)];
}

/** `ladders`: the new program's, then the old one's. */
function tierReport(
  id: string,
  ladders: readonly (readonly string[])[],
  { before, after, moves }: Comparison,
): TierReport {
  const levels = merged(ladders);
  const pairs = levels.flatMap((from) =>
    levels.map((to) => ({
      from,
      to,
      members: moves.get(id)?.get(from)?.get(to) ?? 0,
      rise: riseOf(ladders, from, to),
    })),
  );
  const sum = (isMeant: (pair: (typeof pairs)[number]) => boolean): number =>
    pairs.filter(isMeant).reduce((total, { members }) => total + members, 0);
  return {
    id,
    levels: levels.map((level) => ({
      level: named(level),
      ...change(membersOn(before, id, level), membersOn(after, id, level)),
    })),
    stay: sum(({ from, to }) => from === to),
    up: sum(({ rise }) => rise > 0),
    down: sum(({ rise }) => rise < 0),
    moves: pairs
      .filter(({ members }) => members > 0)
      .map(({ from, to, members }) => ({ from: named(from), to: named(to), members })),
  };
}

/** In the first ladder that has both; 0 where none has. */
function riseOf(ladders: readonly (readonly string[])[], from: string, to: string): number {
  const ladder = ladders.find((levels) => levels.includes(from) && levels.includes(to)) ?? [];
  return ladder.indexOf(to) - ladder.indexOf(from);
}

function named(level: string): string | null {
  return level === '' ? null : level;
}

/** Where the program does not have the tier set, all are on no level of it. */
function membersOn({ levels, members }: Tally, tierSet: string, level: string): number {
  const counts = levels.get(tierSet);
  if (counts === undefined) return level === '' ? members : 0;
  return counts.get(level) ?? 0;
}

/** The first ladder, and what only the others have behind what is below it there. */
function merged([first = [], ...others]: readonly (readonly string[])[]): string[] {
  const levels = [...first];
  for (const ladder of others) {
    ladder.forEach((level, index) => {
      if (!levels.includes(level)) levels.splice(levels.indexOf(ladder[index - 1] ?? '') + 1, 0, level);
    });
  }
  return levels;
}

function walletReport(id: string, before: Tally, after: Tally, current: Program, program: Program): WalletReport {
  const flows = [flowsOf(before, id), flowsOf(after, id)] as const;
  const balances = [balancesIn(before, id), balancesIn(after, id)] as const;
  const [was, will] = [current, program].map(({ wallets }) => wallets.find((one) => one.id === id)?.redeem);
  // Points that nobody can redeem cost nothing.
  const cost = (pointsBefore: number, pointsAfter: number): Change =>
    change(was === undefined ? 0 : worthOf(pointsBefore, was), will === undefined ? 0 : worthOf(pointsAfter, will));
  const owed = ({ available, pending, held }: Balances): number => available + pending + held;
  return {
    id,
    ...flowChanges(...flows),
    outstanding: {
      available: change(balances[0].available, balances[1].available),
      pending: change(balances[0].pending, balances[1].pending),
      held: change(balances[0].held, balances[1].held),
      debt: change(balances[0].debt, balances[1].debt),
    },
    ...(was === undefined && will === undefined
      ? {}
      : {
          cost: {
            issued: cost(flows[0].issued, flows[1].issued),
            outstanding: cost(owed(balances[0]), owed(balances[1])),
          },
        }),
  };
}

function flowsOf({ months }: Tally, walletId: string): Flows {
  const total = noFlows();
  for (const wallets of months.values()) {
    const flows = wallets.get(walletId);
    if (flows !== undefined) for (const flow of FLOWS) total[flow] += flows[flow];
  }
  return total;
}

function balancesIn({ balances }: Tally, walletId: string): Balances {
  return balances.get(walletId) ?? { available: 0, pending: 0, held: 0, debt: 0 };
}

function flowChanges(before: Flows, after: Flows): Changes<Flows> {
  return {
    issued: change(before.issued, after.issued),
    adjusted: change(before.adjusted, after.adjusted),
    returned: change(before.returned, after.returned),
    redeemed: change(before.redeemed, after.redeemed),
    restored: change(before.restored, after.restored),
    expired: change(before.expired, after.expired),
  };
}

function totalCost(wallets: readonly WalletReport[], currency: string): Pick<SimulationReport, 'cost'> {
  const costs = wallets.flatMap(({ cost }) => (cost === undefined ? [] : [cost]));
  if (costs.length === 0) return {};
  const total = (pick: (cost: CostReport) => Change): Change =>
    change(
      costs.reduce((sum, cost) => sum + pick(cost).before, 0),
      costs.reduce((sum, cost) => sum + pick(cost).after, 0),
    );
  return { cost: { currency, issued: total(({ issued }) => issued), outstanding: total((cost) => cost.outstanding) } };
}

function monthReports(before: Tally, after: Tally, { wallets }: Program): MonthReport[] {
  const months = [...new Set([...before.months.keys(), ...after.months.keys()])].sort();
  return months.flatMap((month) =>
    wallets.flatMap(({ id: wallet }) => {
      const [was, will] = [before, after].map((tally) => tally.months.get(month)?.get(wallet));
      if (was === undefined && will === undefined) return [];
      return [{ month, wallet, ...flowChanges(was ?? noFlows(), will ?? noFlows()) }];
    }),
  );
}
