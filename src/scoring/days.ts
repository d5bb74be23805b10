/**
 * Amounts by local day, ascending. Lots (points by the day they were earned) and windows (spend by the day it was made) are
 * both this, which bounds a member's record by days instead of by purchases and keeps windows exact to the day.
 */

export interface Days {
  /** Local days since 1970, strictly rising. */
  readonly days: number[];
  /** Same length. */
  readonly amounts: number[];
}

export function emptyDays(): Days {
  return { days: [], amounts: [] };
}

export function copyDays(source: Days): Days {
  return { days: source.days.slice(), amounts: source.amounts.slice() };
}

/** Adds (or takes, if negative) an amount on a day. A day left with nothing is removed. */
export function addOnDay(target: Days, day: number, amount: number): void {
  const { days, amounts } = target;
  let index = days.length - 1;
  // Nearly always the last day, or a new one after it.
  while (index >= 0 && (days[index] as number) > day) index -= 1;
  if (index >= 0 && days[index] === day) {
    const sum = (amounts[index] as number) + amount;
    if (sum !== 0) {
      amounts[index] = sum;
      return;
    }
    days.splice(index, 1);
    amounts.splice(index, 1);
  } else if (amount !== 0) {
    if (index === days.length - 1) {
      days.push(day);
      amounts.push(amount);
    } else {
      days.splice(index + 1, 0, day);
      amounts.splice(index + 1, 0, amount);
    }
  }
}

/** What is there on `first`, on `last` and between. */
export function sumOfDays({ days, amounts }: Days, first: number, last: number): number {
  let sum = 0;
  for (let index = days.length - 1; index >= 0; index--) {
    const day = days[index] as number;
    if (day < first) break;
    if (day <= last) sum += amounts[index] as number;
  }
  return sum;
}

/** Takes up to `amount` from the earliest days on. Returns what was taken. */
export function takeOldest({ days, amounts }: Days, amount: number): number {
  let left = amount;
  let emptied = 0;
  while (left > 0 && emptied < days.length) {
    const available = amounts[emptied] as number;
    if (available > left) {
      amounts[emptied] = available - left;
      left = 0;
    } else {
      left -= available;
      emptied += 1;
    }
  }
  days.splice(0, emptied);
  amounts.splice(0, emptied);
  return amount - left;
}

/** Takes up to `amount` from one day. Returns what was taken. */
export function takeFromDay(source: Days, day: number, amount: number): number {
  const index = source.days.lastIndexOf(day);
  if (index < 0) return 0;
  const taken = Math.min(amount, source.amounts[index] as number);
  addOnDay(source, day, -taken);
  return taken;
}

/** Drops the days before `first`. */
export function dropBefore({ days, amounts }: Days, first: number): void {
  let index = 0;
  while (index < days.length && (days[index] as number) < first) index += 1;
  if (index === 0) return;
  days.splice(0, index);
  amounts.splice(0, index);
}

/** Takes up to `amount` from the latest days back. Returns what was taken. */
export function takeNewest(source: Days, amount: number): number {
  const { days, amounts } = source;
  let left = amount;
  while (left > 0 && days.length > 0) {
    const last = amounts.length - 1;
    const available = amounts[last] as number;
    if (available > left) {
      amounts[last] = available - left;
      return amount;
    }
    left -= available;
    days.pop();
    amounts.pop();
  }
  return amount - left;
}
