/**
 * Amounts by local day, ascending. Windows (spend by the day it was made) and expired points (by the day they were earned)
 * are this, which bounds a member's record by days instead of by purchases and keeps windows exact to the day.
 */

/**
 * Day, amount, day, amount, ...; days since 1970, strictly rising. Functions change it in place where they can and return the
 * one to keep: pushing to an array would make room for a dozen days where most members have one, a million times over.
 */
export type Days = number[];

/** Adds (or takes, if negative) an amount on a day. A day left with nothing is removed. */
export function addOnDay(days: Days, day: number, amount: number): Days {
  let index = days.length - 2;
  // Nearly always the last day, or a new one after it.
  while (index >= 0 && (days[index] as number) > day) index -= 2;
  if (index >= 0 && days[index] === day) {
    const sum = (days[index + 1] as number) + amount;
    if (sum === 0) return days.toSpliced(index, 2);
    days[index + 1] = sum;
    return days;
  }
  if (amount === 0) return days;
  return index === days.length - 2 ? [...days, day, amount] : days.toSpliced(index + 2, 0, day, amount);
}

/** What is there on `first`, on `last` and between. */
export function sumOfDays(days: Days, first: number, last: number): number {
  let sum = 0;
  for (let index = days.length - 2; index >= 0; index -= 2) {
    const day = days[index] as number;
    if (day < first) break;
    if (day <= last) sum += days[index + 1] as number;
  }
  return sum;
}

/** The first day from `day` on that has an amount; undefined when there is none. */
export function firstDayFrom(days: Days, day: number): number | undefined {
  let index = days.length;
  while (index > 0 && (days[index - 2] as number) >= day) index -= 2;
  return days[index];
}

/** The latest day that has an amount; undefined when there is none. */
export function lastDay(days: Days): number | undefined {
  return days[days.length - 2];
}

/** Takes up to `amount` from the latest days back. */
export function takeNewest(days: Days, amount: number): Days {
  let left = amount;
  let end = days.length;
  for (; left > 0 && end > 0; end -= 2) {
    const available = days[end - 1] as number;
    if (available > left) {
      days[end - 1] = available - left;
      break;
    }
    left -= available;
  }
  return end === days.length ? days : days.slice(0, end);
}

/** Drops the days before `first`. */
export function dropBefore(days: Days, first: number): Days {
  let index = 0;
  while (index < days.length && (days[index] as number) < first) index += 2;
  return index === 0 ? days : days.slice(index);
}
