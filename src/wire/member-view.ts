/** A member as the world sees it: the JSON of `GET /v1/members/{id}`, of live updates and of scored answers. */
import { EXPIRING_SHOWN_MAX } from '../limits.ts';
import { NEVER } from '../program/expiry.ts';
import type { Program, TierSet } from '../program/program.ts';
import { firstDayFrom, sumOfDays } from '../scoring/days.ts';
import { type Exception, exceptionsOf, heldRank, isInForce, thresholdAt } from '../scoring/exceptions.ts';
import { type Hold, heldPoints } from '../scoring/holds.ts';
import { sumOfLots } from '../scoring/lots.ts';
import type { Member } from '../scoring/member.ts';
import { nextAvailable, sumOfPending } from '../scoring/pending.ts';
import { foresee } from '../scoring/settle.ts';
import type { Wallet } from '../scoring/wallet.ts';
import { instantText } from './instant-text.ts';
import type { ExpiringView } from './movements.ts';
import { counterViews, type PathView, setViews, type TierView } from './tier-view.ts';

export interface MemberView {
  readonly id: string;
  /** Identity of the history that `version` counts in. */
  readonly epoch: string;
  /** Stream sequence that last changed the member. */
  readonly version: number;
  readonly enrolledAt?: string;
  readonly balances: Readonly<Record<string, BalanceView>>;
  /** The next expiries, soonest first, at most EXPIRING_SHOWN_MAX. */
  readonly expiring: readonly ExpiringView[];
  /** What can be spent next of what is pending, by wallet; absent where nothing is but for a confirmation. */
  readonly pending?: readonly ExpiringView[];
  /** Points set aside; absent where there are none. */
  readonly holds?: readonly HoldView[];
  /** Those in force; absent where there are none. */
  readonly exceptions?: readonly ExceptionView[];
  readonly tiers: Readonly<Record<string, TierView>>;
  readonly counters: Readonly<Record<string, number>>;
}

export interface HoldView {
  /** Id of the authorisation. */
  readonly id: string;
  readonly wallet: string;
  readonly points: number;
  readonly until: string;
}

/** What is not said of it is absent. */
export interface ExceptionView {
  /** Id of the event that made it. */
  readonly id: string;
  /** The tier set; absent for the program's first. */
  readonly tier?: string;
  readonly floor?: string;
  readonly ceiling?: string;
  /** By level; minor units where spend is counted. */
  readonly thresholds?: Readonly<Record<string, number>>;
  readonly until?: string;
  readonly reason: string;
  readonly agent: string;
}

export interface BalanceView {
  readonly available: number;
  readonly pending: number;
  readonly held: number;
  readonly debt: number;
}

/** `member` must be settled to the instant it is shown for. */
export function memberView(program: Program, member: Member, epoch: string): MemberView {
  const { tiers } = program;
  return {
    id: member.id,
    epoch,
    version: member.version,
    ...(member.enrolledAt === 0 ? {} : { enrolledAt: instantText(member.enrolledAt) }),
    balances: balancesOf(
      member,
      program.wallets.map(({ id }) => id),
    ),
    expiring: expiringView(program, member.wallets),
    ...pendingView(program, member.wallets),
    ...holdsView(member.holds),
    ...exceptionsView(member),
    ...(program.qualifying !== undefined
      ? { tiers: setViews(program, member), counters: counterViews(program, member) }
      : {
          tiers: tiers === undefined ? {} : { [tiers.id]: tierView(program, tiers, member) },
          counters: tiers === undefined ? {} : { spend: member.windowSpend },
        }),
  };
}

/** Of the wallets named; one that the member has not used yet is empty. */
export function balancesOf(member: Member, walletIds: readonly string[]): Record<string, BalanceView> {
  return Object.fromEntries(
    walletIds.map((id) => {
      const wallet = member.wallets.find((one) => one.id === id);
      const balance = wallet?.balance ?? 0;
      return [
        id,
        {
          available: Math.max(0, balance),
          pending: wallet === undefined ? 0 : sumOfPending(wallet.pending),
          held: heldPoints(member, id),
          debt: Math.max(0, -balance),
        },
      ];
    }),
  );
}

function expiringView({ zone }: Program, wallets: readonly Wallet[]): ExpiringView[] {
  const shown: (ExpiringView & { lastDay: number })[] = [];
  for (const { id, lots } of wallets) {
    for (let index = 0, days = 0; index < lots.length && lots[index] !== NEVER && days < EXPIRING_SHOWN_MAX; days++) {
      const lastDay = lots[index] as number;
      let amount = 0;
      for (; lots[index] === lastDay; index += 3) amount += lots[index + 2] as number;
      shown.push({ wallet: id, amount, at: instantText(zone.startOfDay(lastDay + 1)), lastDay });
    }
  }
  shown.sort((one, other) => one.lastDay - other.lastDay);
  return shown.slice(0, EXPIRING_SHOWN_MAX).map(({ wallet, amount, at }) => ({ wallet, amount, at }));
}

function pendingView(program: Program, wallets: readonly Wallet[]): Pick<MemberView, 'pending'> {
  const pending = wallets.flatMap((wallet) => {
    const at = nextAvailable(program, wallet);
    if (at === Infinity) return [];
    const day = wallet.pending[0];
    let amount = 0;
    for (let index = 0; wallet.pending[index] === day; index += 4) amount += wallet.pending[index + 3] as number;
    return [{ wallet: wallet.id, amount, at: instantText(at) }];
  });
  return pending.length === 0 ? {} : { pending };
}

function holdsView(holds: readonly Hold[]): Pick<MemberView, 'holds'> {
  if (holds.length === 0) return {};
  return {
    holds: holds.map(({ id, walletId, until, taken }) => {
      return { id, wallet: walletId, points: sumOfLots(taken), until: instantText(until) };
    }),
  };
}

function exceptionsView({ exceptions, asOf }: Member): Pick<MemberView, 'exceptions'> {
  const inForce = exceptions.filter((exception) => isInForce(exception, asOf));
  if (inForce.length === 0) return {};
  return {
    exceptions: inForce.map(({ id, reason, agent, until, ...rest }) => {
      return { id, ...exceptionTerms({ ...rest, until: until === Infinity ? 0 : until }), reason, agent };
    }),
  };
}

type Terms = Pick<Exception, 'tier' | 'floor' | 'ceiling' | 'thresholds' | 'until'>;

/** What an exception says, without what it leaves unsaid. An `until` of 0 is none. */
export function exceptionTerms(terms: Terms): Omit<ExceptionView, 'id' | 'reason' | 'agent'> {
  const { tier, floor, ceiling, thresholds, until } = terms;
  return {
    ...(tier === '' ? {} : { tier }),
    ...(floor === '' ? {} : { floor }),
    ...(ceiling === '' ? {} : { ceiling }),
    ...(thresholds.length === 0
      ? {}
      : { thresholds: Object.fromEntries(thresholds.map(({ level, from }) => [level, from])) }),
    ...(until === 0 ? {} : { until: instantText(until) }),
  };
}

function tierView(program: Program, tiers: TierSet, member: Member): TierView {
  const { levels } = tiers;
  const exceptions = exceptionsOf(member, tiers.id, true);
  const rankOf = (id: string): number => levels.findIndex((level) => level.id === id);
  const index = rankOf(member.levelId);
  const next = index < heldRank(levels.length - 1, exceptions, rankOf, member.asOf) ? levels[index + 1] : undefined;
  const loss = levelEnd(program, tiers, member);
  return {
    level: member.levelId === '' ? null : member.levelId,
    ...(member.levelSince === 0 ? {} : { since: instantText(member.levelSince) }),
    ...(loss === undefined ? {} : { until: instantText(loss.at) }),
    ...(next === undefined
      ? {}
      : {
          next: {
            level: next.id,
            paths: [
              path(
                member.windowSpend,
                thresholdAt(exceptions, next.id, next.fromMinor, member.asOf),
                firstLoss(program, tiers, member),
              ),
            ],
          },
        }),
    ...(loss === undefined ? {} : { keep: [path(loss.spend, loss.need, loss.at)] }),
  };
}

function path(have: number, need: number, by: number | undefined): PathView {
  return { counter: 'spend', have, need, ...(by === undefined ? {} : { by: instantText(by) }) };
}

function firstLoss(program: Program, tiers: TierSet, { spend, windowFirstDay }: Member): number | undefined {
  const day = firstDayFrom(spend, windowFirstDay);
  return day === undefined ? undefined : program.zone.startOfDay(tiers.window.leavesOn(day));
}

interface LevelEnd {
  readonly at: number;
  /** In the window then. */
  readonly spend: number;
  readonly need: number;
}

/** When the spend that is there no longer carries the level, how much will be left then, and how much it takes. */
function levelEnd(program: Program, tiers: TierSet, member: Member): LevelEnd | undefined {
  const { spend, windowFirstDay, levelId } = member;
  if (member.exceptions.length > 0) return levelEndForeseen(program, tiers, member);
  const need = tiers.level(levelId)?.fromMinor ?? 0;
  if (need === 0) return undefined;
  for (let day = firstDayFrom(spend, windowFirstDay); day !== undefined; day = firstDayFrom(spend, day + 1)) {
    const edge = tiers.window.leavesOn(day);
    const left = sumOfDays(spend, tiers.window.firstDay(edge), Infinity);
    if (left < need) return { at: program.zone.startOfDay(edge), spend: left, need };
  }
  return undefined;
}

/** The same of a member with exceptions, which hold levels for a time whatever the spend. */
function levelEndForeseen(program: Program, { id, levels }: TierSet, member: Member): LevelEnd | undefined {
  const rankOf = ({ levelId }: Member): number => levels.findIndex((level) => level.id === levelId);
  const rank = rankOf(member);
  const level = levels[rank];
  if (level === undefined) return undefined;
  const ahead = foresee(program, member, (one) => rankOf(one) < rank);
  if (ahead === undefined) return undefined;
  const { asOf: at, windowSpend } = ahead;
  return { at, spend: windowSpend, need: thresholdAt(exceptionsOf(ahead, id, true), level.id, level.fromMinor, at) };
}
