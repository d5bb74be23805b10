/**
 * What was there on a local day and how often: visits by store, purchases by category. With how often, a return can take
 * back what its purchase brought and leave what another one brought.
 */
import { TALLIES_MAX } from '../limits.ts';

/** Day, key, times, day, key, times, ...; ascending by day, then key; a key is the fingerprint of a name. Never changed in place. */
export type Tallies = number[];

const WIDTH = 3;

/** Of what has been folded together: no single visit any more, but how many there were. */
export const FOLDED = 0;

/** Adds (or takes, if negative). Nothing is taken that is not there, and a tally of nothing is removed. */
export function addTally(tallies: Tallies, day: number, key: number, times: number): Tallies {
  return addTallies(tallies, day, [key], times);
}

/** The same for several keys, all different, at once. Those of a purchase for which there is no room are not counted. */
export function addTallies(tallies: Tallies, day: number, keys: readonly number[], times: number): Tallies {
  let end = tallies.length;
  while (end > 0 && (tallies[end - WIDTH] as number) > day) end -= WIDTH;
  let start = end;
  while (start > 0 && tallies[start - WIDTH] === day) start -= WIDTH;
  const ofDay = added(tallies.slice(start, end), day, keys, times);
  const grown = ofDay.length - (end - start);
  if (grown > 0 && tallies.length + grown > WIDTH * TALLIES_MAX) return tallies;
  return [...tallies.slice(0, start), ...ofDay, ...tallies.slice(end)];
}

/** `tallies` are of one day. */
function added(tallies: Tallies, day: number, keys: readonly number[], times: number): Tallies {
  const result: Tallies = [];
  let place = 0;
  const keep = (): void => {
    result.push(day, tallies[place + 1] as number, tallies[place + 2] as number);
    place += WIDTH;
  };
  for (const key of [...keys].sort((one, other) => one - other)) {
    while (place < tallies.length && (tallies[place + 1] as number) < key) keep();
    const isThere = tallies[place + 1] === key;
    const sum = (isThere ? (tallies[place + 2] as number) : 0) + times;
    if (isThere) place += WIDTH;
    if (sum > 0) result.push(day, key, sum);
  }
  while (place < tallies.length) keep();
  return result;
}

/** How many there are from `first` to `last`, each day's by themselves. */
export function countTallies(tallies: Tallies, first: number, last: number): number {
  let count = 0;
  for (let index = 0; index < tallies.length; index += WIDTH) {
    const day = tallies[index] as number;
    if (day >= first && day <= last) count += tallies[index + 1] === FOLDED ? (tallies[index + 2] as number) : 1;
  }
  return count;
}

/** How many different keys there are from `first` to `last`. */
export function countKeys(tallies: Tallies, first: number, last: number): number {
  const keys = new Set<number>();
  for (let index = 0; index < tallies.length; index += WIDTH) {
    const day = tallies[index] as number;
    if (day >= first && day <= last) keys.add(tallies[index + 1] as number);
  }
  return keys.size;
}

/** The first day from `day` on that has a tally; undefined when there is none. */
export function firstTallyFrom(tallies: Tallies, day: number): number | undefined {
  for (let index = 0; index < tallies.length; index += WIDTH) {
    if ((tallies[index] as number) >= day) return tallies[index];
  }
  return undefined;
}

/** Drops the days before `first`. */
export function dropTalliesBefore(tallies: Tallies, first: number): Tallies {
  let index = 0;
  while (index < tallies.length && (tallies[index] as number) < first) index += WIDTH;
  return index === 0 ? tallies : tallies.slice(index);
}

/** Moves the days before `first` to the day before it: by key, or all as one, which counts how many there were. */
export function foldTalliesBefore(tallies: Tallies, first: number, byKey: boolean): Tallies {
  if ((tallies[0] ?? first) >= first - 1) return tallies;
  let folded = dropTalliesBefore(tallies, first);
  for (let index = 0; (tallies[index] ?? first) < first; index += WIDTH) {
    const key = tallies[index + 1] as number;
    const times = tallies[index + 2] as number;
    folded = addTally(folded, first - 1, byKey ? key : FOLDED, byKey || key === FOLDED ? times : 1);
  }
  return folded;
}
