/** A second opinion: naive, slow, and with nothing in common with the engine's own way of counting. */
import type { Program } from '../../src/program/program.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { wallOf } from './table.ts';

/** Net spend of all purchases that count at `now`, by scanning the whole ledger. */
export function spendAt(program: Program, entries: readonly Entry[], now: number): number {
  const { tiers } = program.document;
  if (tiers === undefined) return 0;
  const today = dateOf(now, program.zone.name);
  let sum = 0;
  for (const entry of entries) {
    if (entry.kind !== 'accrual') continue;
    if (counts(tiers.window, dateOf(entry.at, program.zone.name), today)) sum += entry.amount - entry.returnedAmount;
  }
  return sum;
}

/** The highest level that the spend reaches. */
export function levelOf(program: Program, spendMinor: number): string {
  const levels = program.document.tiers?.levels ?? [];
  return levels.filter(({ from }) => Math.round(from * 100) <= spendMinor).at(-1)?.id ?? '';
}

type Window = NonNullable<Program['document']['tiers']>['window'];

function counts(window: Window, bought: Date, today: Date): boolean {
  if (window === 'calendar-year') return bought.getUTCFullYear() >= today.getUTCFullYear();
  if ('days' in window) return today.getTime() - bought.getTime() < window.days * 86_400_000;
  return lastDayThatCounts(bought, window.months).getTime() >= today.getTime();
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
