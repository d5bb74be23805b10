/** A second opinion: naive, slow, and with nothing in common with the engine's own way of counting. */
import type { Program } from '../../src/program/program.ts';
import { type WrittenCounter, type WrittenWindow, writtenSets } from '../../src/program/schema.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { basePoints, bonusPoints } from '../../src/scoring/points.ts';
import { wallOf } from './table.ts';

/** Net spend of all purchases that count at `now`, by scanning the whole ledger. */
export function spendAt(program: Program, entries: readonly Entry[], now: number): number {
  const [tiers] = writtenSets(program.document);
  if (tiers?.window === undefined) return 0;
  const today = dateOf(now, program.zone.name);
  let sum = 0;
  for (const entry of entries) {
    if (entry.kind !== 'accrual') continue;
    if (counts(tiers.window, dateOf(entry.at, program.zone.name), today)) sum += entry.amount - entry.returnedAmount;
  }
  return sum;
}

/** The highest level that the spend reaches, as exceptions in the ledger have it. Those of other tier sets are not there. */
export function levelOf(program: Program, entries: readonly Entry[], now: number, spendMinor: number): string {
  const levels = writtenSets(program.document)[0]?.levels ?? [];
  const inForce = entries
    .filter((entry) => entry.kind === 'exception')
    .filter(({ at, until, eventId }) => {
      const end = entries.find((entry) => entry.kind === 'exception_end' && entry.originalId === eventId);
      return at <= now && (until === 0 || now < until) && (end === undefined || now < end.at);
    });
  const thresholds = new Map(levels.map(({ id, from = 0 }) => [id, Math.round(from * 100)]));
  for (const { level, from } of inForce.flatMap((exception) => exception.thresholds)) thresholds.set(level, from);
  const ids = levels.map(({ id }) => id);
  const reached = ids.findLastIndex((id) => (thresholds.get(id) ?? 0) <= spendMinor);
  const floors = inForce.map(({ floor }) => ids.indexOf(floor));
  const ceilings = inForce.filter(({ ceiling }) => ceiling !== '').map(({ ceiling }) => ids.indexOf(ceiling));
  return ids[Math.min(Math.max(reached, ...floors), ...ceilings)] ?? '';
}

/** Does what was done on one date count on another? Years from a member's own day are not known here. */
function counts(window: WrittenWindow, done: Date, today: Date): boolean {
  if (window === 'lifetime') return true;
  if (typeof window === 'string') return done >= firstOfMonths(today, MONTHS[window]);
  if ('days' in window) return today.getTime() - done.getTime() < window.days * 86_400_000;
  if ('months' in window) return lastDayThatCounts(done, window.months).getTime() >= today.getTime();
  if ('years' in window) throw new Error('whose years?');
  const within = (date: Date): boolean => date >= new Date(window.from) && date <= new Date(window.through);
  return within(done) && within(today);
}

const MONTHS = { 'calendar-month': 1, 'calendar-quarter': 3, 'calendar-half-year': 6, 'calendar-year': 12 };

function firstOfMonths(date: Date, months: number): Date {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - (date.getUTCMonth() % months), 1));
}

/** What a counter says at `now`, by scanning the whole ledger. */
export function countAt(program: Program, counter: WrittenCounter, entries: readonly Entry[], now: number): number {
  const zone = program.zone.name;
  const today = dateOf(now, zone);
  const purchases = entries
    .filter((entry) => entry.kind === 'accrual')
    .filter((entry) => counts(counter.window, dateOf(entry.at, zone), today));
  const standing = purchases.filter(({ amount, returnedAmount, lines }) => {
    const isBack = lines.length > 0 && lines.every((line) => line.returnedQuantity === line.quantity);
    return !isBack && !(amount > 0 && returnedAmount === amount);
  });
  switch (counter.of) {
    case 'spend':
      return purchases.reduce((sum, { amount, returnedAmount }) => sum + amount - returnedAmount, 0);
    case 'points':
      return purchases.reduce((sum, { amount, returnedAmount, awards }) => {
        const left = amount - returnedAmount;
        return awards.reduce((more, { terms }) => more + basePoints(left, terms) + bonusPoints(left, terms), sum);
      }, 0);
    case 'transactions':
      return standing.length;
    case 'visits':
      return new Set(standing.map(({ at, store }) => `${dateOf(at, zone).getTime()} ${store}`)).size;
    case 'categories': {
      const kept = standing.flatMap(({ lines }) => lines.filter((line) => line.returnedQuantity < line.quantity));
      return new Set(kept.map(({ category }) => category).filter((category) => category !== '')).size;
    }
    case 'activity': {
      const enrolled = entries.filter(
        ({ kind, at }) => kind === 'enrolment' && counts(counter.window, dateOf(at, zone), today),
      );
      return standing.length + enrolled.length;
    }
  }
}

/** The same date some months later, or the last of that month where it has no such date. */
function lastDayThatCounts(bought: Date, months: number): Date {
  const same = new Date(bought);
  same.setUTCMonth(bought.getUTCMonth() + months);
  // JavaScript turns 31 February into 3 March; day 0 of March is the last of February.
  return same.getUTCDate() === bought.getUTCDate() ? same : new Date(same.setUTCDate(0));
}

/** Midnight UTC of the date on the wall. A date that has begun does not come back when clocks are set back. */
function dateOf(instant: number, zone: string): Date {
  const wall = Math.max(wallOf(instant, zone), wallOf(instant - 2 * 3_600_000, zone));
  return new Date(Math.floor(wall / 86_400_000) * 86_400_000);
}
