/** A member as the world sees it: the JSON of `GET /v1/members/{id}`, of live updates and of scored answers. */
import { EXPIRING_SHOWN_MAX } from '../limits.ts';
import type { Program, TierSet } from '../program/program.ts';
import { firstDayFrom, sumOfDays } from '../scoring/days.ts';
import { type Lots, NEVER } from '../scoring/lots.ts';
import type { Member } from '../scoring/member.ts';
import { type ExpiringView, instantText, POINTS_WALLET } from './outcome-view.ts';
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
  readonly tiers: Readonly<Record<string, TierView>>;
  readonly counters: Readonly<Record<string, number>>;
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
    balances: {
      [POINTS_WALLET]: {
        available: Math.max(0, member.balance),
        pending: 0,
        held: 0,
        debt: Math.max(0, -member.balance),
      },
    },
    expiring: expiringView(program, member.lots),
    ...(program.qualifying !== undefined
      ? { tiers: setViews(program, member), counters: counterViews(program, member) }
      : {
          tiers: tiers === undefined ? {} : { [tiers.id]: tierView(program, tiers, member) },
          counters: tiers === undefined ? {} : { spend: member.windowSpend },
        }),
  };
}

function expiringView({ zone }: Program, lots: Lots): ExpiringView[] {
  const shown: ExpiringView[] = [];
  for (let index = 0; index < lots.length && lots[index] !== NEVER; ) {
    if (shown.length === EXPIRING_SHOWN_MAX) break;
    const lastDay = lots[index] as number;
    let amount = 0;
    for (; lots[index] === lastDay; index += 3) amount += lots[index + 2] as number;
    shown.push({ wallet: POINTS_WALLET, amount, at: instantText(zone.startOfDay(lastDay + 1)) });
  }
  return shown;
}

function tierView(program: Program, tiers: TierSet, member: Member): TierView {
  const index = tiers.levels.findIndex(({ id }) => id === member.levelId);
  const next = tiers.levels[index + 1];
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
            paths: [path(member.windowSpend, next.fromMinor, firstLoss(program, tiers, member))],
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

/** When the spend that is there no longer carries the level, how much will be left then, and how much it takes. */
function levelEnd(
  program: Program,
  tiers: TierSet,
  { spend, windowFirstDay, levelId }: Member,
): { at: number; spend: number; need: number } | undefined {
  const need = tiers.level(levelId)?.fromMinor ?? 0;
  if (need === 0) return undefined;
  for (let day = firstDayFrom(spend, windowFirstDay); day !== undefined; day = firstDayFrom(spend, day + 1)) {
    const edge = tiers.window.leavesOn(day);
    const left = sumOfDays(spend, tiers.window.firstDay(edge), Infinity);
    if (left < need) return { at: program.zone.startOfDay(edge), spend: left, need };
  }
  return undefined;
}
