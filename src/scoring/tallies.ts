/**
 * What was there on a local day and how often: visits by store, purchases by category. With how often, a return can take
 * back what its purchase brought and leave what another one brought.
 */

/** Day, key, times, day, key, times, ...; ascending by day, then key; a key is the fingerprint of a name. Never changed in place. */
export type Tallies = number[];

/** Of what has been folded together: no single visit any more, but how many there were. */
export const FOLDED = 0;

/** Adds (or takes, if negative). Nothing is taken that is not there, and a tally of nothing is removed. */
export function addTally(tallies: Tallies, day: number, key: number, times: number): Tallies {
  let index = tallies.length - 3;
  while (index >= 0 && isAfter(tallies, index, day, key)) index -= 3;
  if (index >= 0 && tallies[index] === day && tallies[index + 1] === key) {
    const sum = (tallies[index + 2] as number) + times;
    return sum <= 0 ? tallies.toSpliced(index, 3) : tallies.with(index + 2, sum);
  }
  return times <= 0 ? tallies : tallies.toSpliced(index + 3, 0, day, key, times);
}

function isAfter(tallies: Tallies, index: number, day: number, key: number): boolean {
  const other = tallies[index] as number;
  return other > day || (other === day && (tallies[index + 1] as number) > key);
}

/** How many there are from `first` to `last`, each day's by themselves. */
export function countTallies(tallies: Tallies, first: number, last: number): number {
  let count = 0;
  for (let index = 0; index < tallies.length; index += 3) {
    const day = tallies[index] as number;
    if (day >= first && day <= last) count += tallies[index + 1] === FOLDED ? (tallies[index + 2] as number) : 1;
  }
  return count;
}

/** How many different keys there are from `first` to `last`. */
export function countKeys(tallies: Tallies, first: number, last: number): number {
  const keys = new Set<number>();
  for (let index = 0; index < tallies.length; index += 3) {
    const day = tallies[index] as number;
    if (day >= first && day <= last) keys.add(tallies[index + 1] as number);
  }
  return keys.size;
}

/** The first day from `day` on that has a tally; undefined when there is none. */
export function firstTallyFrom(tallies: Tallies, day: number): number | undefined {
  for (let index = 0; index < tallies.length; index += 3) {
    if ((tallies[index] as number) >= day) return tallies[index];
  }
  return undefined;
}

/** Drops the days before `first`. */
export function dropTalliesBefore(tallies: Tallies, first: number): Tallies {
  let index = 0;
  while (index < tallies.length && (tallies[index] as number) < first) index += 3;
  return index === 0 ? tallies : tallies.slice(index);
}

/** Moves the days before `first` to the day before it: by key, or all as one, which counts how many there were. */
export function foldTalliesBefore(tallies: Tallies, first: number, byKey: boolean): Tallies {
  if ((tallies[0] ?? first) >= first - 1) return tallies;
  let folded = dropTalliesBefore(tallies, first);
  for (let index = 0; (tallies[index] ?? first) < first; index += 3) {
    const key = tallies[index + 1] as number;
    const times = tallies[index + 2] as number;
    folded = addTally(folded, first - 1, byKey ? key : FOLDED, byKey || key === FOLDED ? times : 1);
  }
  return folded;
}
