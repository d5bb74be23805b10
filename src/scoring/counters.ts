/**
 * Qualifying counters: what purchases and returns do to the measures by day, and what a counter says of them. A return
 * takes from the day of its purchase, so that both together are as if neither had been.
 */
import { must } from '../lib/assert.ts';
import { fingerprint } from '../lib/hash.ts';
import type { Counter, CounterWindow, Measure, Program, Qualifying } from '../program/program.ts';
import { addOnDay, type Days, dropBefore, firstDayFrom, sumOfDays, takeNewest } from './days.ts';
import type { Accrual, AccrualLine } from './entry.ts';
import { lastDayOf } from './expiry.ts';
import { lengthBefore } from './lots.ts';
import type { Member } from './member.ts';
import { paidFor } from './points.ts';
import type { AccrualDraft } from './returns.ts';
import { basePhase, type Standing, settlePhases } from './standing.ts';
import {
  addTallies,
  addTally,
  countKeys,
  countTallies,
  dropTalliesBefore,
  firstTallyFrom,
  foldTalliesBefore,
  type Tallies,
} from './tallies.ts';

/** What can be spent of the first wallet, as balance-based tiers see it: debt is no less than nothing. */
export function pointsAvailable({ wallets }: Member): number {
  return Math.max(0, wallets[0]?.balance ?? 0);
}

/** How much of it will be gone when `day` begins. */
function pointsOverBefore({ wallets }: Member, day: number): number {
  const lots = wallets[0]?.lots ?? [];
  let points = 0;
  for (let index = lengthBefore(lots, day) - 1; index > 0; index -= 3) points += lots[index] as number;
  return points;
}

/** In a program with counters: settling a member gave it one. */
export function standingOf({ standing }: Member): Standing {
  return must(standing, 'a member that has been settled by a program with counters has a standing');
}

/** Counts a purchase, its spend apart. `points` is what it earned. */
export function countPurchase(program: Program, member: Member, purchase: Accrual, points: number): void {
  const standing = standingOf(member);
  const day = program.zone.localDay(purchase.at);
  const counts = must(program.qualifying).measures;
  if (counts.has('transactions')) standing.transactions = addOnDay(standing.transactions, day, 1);
  if (counts.has('activity')) standing.activity = addOnDay(standing.activity, day, 1);
  if (counts.has('points')) standing.points = addOnDay(standing.points, day, points);
  if (counts.has('visits')) standing.visits = addTally(standing.visits, day, fingerprint(purchase.store), 1);
  if (counts.has('categories')) {
    standing.categories = addTallies(standing.categories, day, categoriesOf(purchase.lines).map(fingerprint), 1);
  }
  touch(standing, day);
  if (program.qualifying?.usesBalance) noteBalance(member, day, false);
}

/** Takes back what a return is about to take from a purchase: points always, the rest when all of it comes back. */
export function takeCounted(
  program: Program,
  member: Member,
  draft: AccrualDraft,
  { points, expired }: { readonly points: number; readonly expired: number },
): void {
  const { lifetime, sets, usesBalance } = must(program.qualifying);
  const standing = standingOf(member);
  const day = program.zone.localDay(draft.accrual.at);
  const { accrual, lines } = draft;
  const less = (of: 'transactions' | 'points' | 'activity', amount: number): void => {
    const on = lifetime.has(of) ? dayCounted(standing[of], day) : day;
    standing[of] = addOnDay(standing[of], on, -Math.min(amount, sumOfDays(standing[of], on, on)));
  };
  less('points', points);
  const paid = paidFor(accrual);
  const wasWhole = isWhole(accrual.lines, accrual, paid);
  const willBeWhole = isWhole(lines, draft, paid);
  if (!wasWhole && willBeWhole) {
    less('transactions', 1);
    less('activity', 1);
    standing.visits = addTally(standing.visits, day, fingerprint(accrual.store), -1);
  }
  const on = lifetime.has('categories') ? dayCounted(standing.categories, day) : day;
  if (!wasWhole) {
    const stay = new Set(willBeWhole ? [] : categoriesOf(lines.filter(isLeft)));
    const gone = categoriesOf(accrual.lines.filter(isLeft)).filter((category) => !stay.has(category));
    standing.categories = addTallies(standing.categories, on, gone.map(fingerprint), -1);
  }
  if (usesBalance) noteTakenBack(program, member, day, expired);
  touch(standing, day);
  sets.forEach((set, index) => {
    const own = standing.sets[index];
    if (set.outlastsReturns && own !== undefined) settlePhases(own);
  });
}

/** Has all of a purchase come back: its goods, or all the money? */
function isWhole(lines: readonly AccrualLine[], of: { readonly returnedAmount: number }, paid: number): boolean {
  if (paid > 0 && of.returnedAmount === paid) return true;
  return lines.length > 0 && lines.every((line) => line.returnedQuantity === line.quantity);
}

function isLeft({ quantity, returnedQuantity }: AccrualLine): boolean {
  return returnedQuantity < quantity;
}

function categoriesOf(lines: readonly AccrualLine[]): string[] {
  return [...new Set(lines.map(({ category }) => category))].filter((category) => category !== '');
}

/** Goods of unknown origin: their points are taken from the latest days, as their spend is. */
export function uncountUnmatched(standing: Standing, points: number): void {
  standing.points = takeNewest(standing.points, points);
  touch(standing, -Infinity);
}

export function countActivity({ qualifying }: Program, standing: Standing, day: number): void {
  if (!qualifying?.measures.has('activity')) return;
  standing.activity = addOnDay(standing.activity, day, 1);
  touch(standing, day);
}

export function countEnrolment(program: Program, standing: Standing, day: number): void {
  standing.joinedDay = day;
  countActivity(program, standing, day);
  // Years from enrolment have moved.
  touch(standing, -Infinity);
}

/** What can be spent has gone up or down: on a day, or (`isUndone`) because what a day brought has been taken back. */
export function noteBalance(member: Member, day: number, isUndone: boolean): void {
  const standing = standingOf(member);
  const change = pointsAvailable(member) - sumOfDays(standing.balance, -Infinity, Infinity);
  if (change === 0) return;
  standing.balance = addOnDay(standing.balance, day, change);
  const peak = sumOfDays(standing.peaks, day, day);
  const now = sumOfDays(standing.balance, day, day);
  const higher = isUndone ? Math.max(now, peak + change) : Math.max(peak, now);
  standing.peaks = addOnDay(standing.peaks, day, higher - peak);
  touch(standing, day);
}

/**
 * Takes back points that a day brought. Those that had `expired` were not charged again, but as if they had never been there
 * they have not been there until then either.
 */
export function noteTakenBack(program: Program, member: Member, day: number, expired: number): void {
  const { balance, peaks } = standingOf(member);
  if (expired > 0) {
    const standing = standingOf(member);
    // Not always the day after: there are zones that have left one out.
    const { zone } = program;
    const over = zone.localDay(zone.startOfDay(lastDayOf(must(program.wallets[0]), day) + 1));
    const overOn = Math.min(member.asOfDay, over);
    standing.balance = addOnDay(addOnDay(balance, day, -expired), overOn, expired);
    standing.peaks = addOnDay(peaks, day, -Math.min(expired, sumOfDays(peaks, day, day)));
    touch(standing, day);
  }
  noteBalance(member, day, true);
}

/** The sets must be judged anew from a day on. */
export function touch(standing: Standing, day: number): void {
  if (day < standing.changedDay) standing.changedDay = day;
}

/** The day that holds what was counted on `day` for ever: the first there is, once days have been folded together. */
export function dayCounted(days: Days | Tallies, day: number): number {
  return Math.max(day, days[0] ?? day);
}

/** What a window is anchored to, for a member whose level began on `levelDay`. */
export function anchorOf(window: CounterWindow, standing: Standing, levelDay: number): number {
  return window.anchor === 'enrolment' ? standing.joinedDay : levelDay;
}

/**
 * What a counter says: of the window on `day`, what was counted up to the end of `last`. `anchor` is the window's own, and
 * `atPeak` takes a balance at its highest on that last day, not at its end.
 */
export function countOf(
  { of, window }: Counter,
  member: Member,
  standing: Standing,
  on: { readonly day: number; readonly last: number; readonly anchor: number; readonly atPeak: boolean },
): number {
  const { day, last, anchor, atPeak } = on;
  switch (of) {
    case 'spend':
      return sumOfDays(member.spend, window.firstDay(day, anchor), last);
    case 'visits':
      return countTallies(standing.visits, window.firstDay(day, anchor), last);
    case 'categories':
      return countKeys(standing.categories, window.firstDay(day, anchor), last);
    case 'balance': {
      const before = sumOfDays(standing.balance, -Infinity, atPeak ? last - 1 : last);
      return before + (atPeak ? sumOfDays(standing.peaks, last, last) : 0) - pointsOverBefore(member, last);
    }
    case 'transactions':
    case 'points':
    case 'activity':
      return sumOfDays(standing[of], window.firstDay(day, anchor), last);
  }
}

/** The first day from `day` on whose count is not nothing; undefined when there is none. */
export function firstCountFrom(of: Measure, member: Member, standing: Standing, day: number): number | undefined {
  if (of === 'spend') return firstDayFrom(member.spend, day);
  if (of === 'visits' || of === 'categories') return firstTallyFrom(standing[of], day);
  return firstDayFrom(standing[of], day);
}

/** Drops what no window, nor a judgement of the last days of the horizon, looks at any more; what counts for ever is folded. */
export function forget({ counters, horizonDays, lifetime }: Qualifying, member: Member): void {
  const standing = standingOf(member);
  const day = member.asOfDay - horizonDays;
  const levelDay = Math.min(...standing.sets.map((own) => basePhase(own).anchor));
  const kept = (of: Measure): { readonly first: number; readonly isFolded: boolean } => {
    const windows = counters.filter((counter) => counter.of === of).map(({ window }) => window);
    // Nobody counts it any more: kept for a year, for a program that begins to again.
    let first = windows.length === 0 ? member.asOfDay - 365 : day;
    for (const window of windows) {
      if (window.kind === 'lifetime') continue;
      const start = window.firstDay(day, anchorOf(window, standing, levelDay));
      if (start < first) first = start;
    }
    return { first, isFolded: lifetime.has(of) };
  };
  const trim = (of: Measure, days: Days): Days => {
    const { first, isFolded } = kept(of);
    return isFolded ? foldBefore(days, first) : dropBefore(days, first);
  };
  const trimTallies = (of: 'visits' | 'categories', tallies: Tallies): Tallies => {
    const { first, isFolded } = kept(of);
    return isFolded ? foldTalliesBefore(tallies, first, of === 'categories') : dropTalliesBefore(tallies, first);
  };
  member.spend = trim('spend', member.spend);
  standing.transactions = trim('transactions', standing.transactions);
  standing.points = trim('points', standing.points);
  standing.activity = trim('activity', standing.activity);
  standing.visits = trimTallies('visits', standing.visits);
  standing.categories = trimTallies('categories', standing.categories);
  standing.balance = foldBefore(standing.balance, day);
  standing.peaks = dropBefore(standing.peaks, day);
}

/** Moves what is before `first` to the day before it. */
function foldBefore(days: Days, first: number): Days {
  if ((days[0] ?? first) >= first - 1) return days;
  const before = sumOfDays(days, -Infinity, first - 1);
  return before === 0 ? dropBefore(days, first) : [first - 1, before, ...dropBefore(days, first)];
}
