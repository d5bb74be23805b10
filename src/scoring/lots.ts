/**
 * Points that can be spent, in lots: by the last day on which they can be and, within it, by the day they were earned. In
 * this order they are also spent, soonest to expire first and then oldest. One lot for a pair of days, however many
 * purchases earned it, bounds a member's record by days.
 */

/**
 * Last day, day earned, points, last day, day earned, points, ...; local days since 1970, in that order, no lot empty.
 * Functions change it in place where they can and return the one to keep, as those of days.ts do and for the same reason.
 */
export type Lots = number[];

/** Adds points to a lot, or opens it. */
export function addLot(lots: Lots, lastDay: number, earnedDay: number, points: number): Lots {
  if (points === 0) return lots;
  let index = lots.length - 3;
  // Nearly always the last lot, or a new one after it.
  while (index >= 0 && isAfter(lots, index, lastDay, earnedDay)) index -= 3;
  if (index >= 0 && lots[index] === lastDay && lots[index + 1] === earnedDay) {
    lots[index + 2] = (lots[index + 2] as number) + points;
    return lots;
  }
  if (index === lots.length - 3) return [...lots, lastDay, earnedDay, points];
  return lots.toSpliced(index + 3, 0, lastDay, earnedDay, points);
}

function isAfter(lots: Lots, index: number, lastDay: number, earnedDay: number): boolean {
  const last = lots[index] as number;
  return last > lastDay || (last === lastDay && (lots[index + 1] as number) > earnedDay);
}

/** Points in all lots. */
export function sumOfLots(lots: Lots): number {
  let sum = 0;
  for (let index = 2; index < lots.length; index += 3) sum += lots[index] as number;
  return sum;
}

/** Points that were earned on a day. */
export function openOfDay(lots: Lots, earnedDay: number): number {
  let sum = 0;
  for (let index = 0; index < lots.length; index += 3) {
    if (lots[index + 1] === earnedDay) sum += lots[index + 2] as number;
  }
  return sum;
}

/** Takes up to `points` of those that were earned on a day, the soonest to expire first. */
export function takeOfDay(lots: Lots, earnedDay: number, points: number): Lots {
  let kept = lots;
  let left = points;
  for (let index = 0; left > 0 && index < kept.length; index += 3) {
    if (kept[index + 1] !== earnedDay) continue;
    const open = kept[index + 2] as number;
    if (open > left) {
      kept[index + 2] = open - left;
      break;
    }
    left -= open;
    kept = kept.toSpliced(index, 3);
    index -= 3;
  }
  return kept;
}

/** Takes up to `points`, the soonest to expire first, then the oldest. */
export function takeSoonest(lots: Lots, points: number): Lots {
  let left = points;
  let index = 0;
  for (; left > 0 && index < lots.length; index += 3) {
    const open = lots[index + 2] as number;
    if (open > left) {
      lots[index + 2] = open - left;
      break;
    }
    left -= open;
  }
  return index === 0 ? lots : lots.slice(index);
}

/** How many numbers the lots take up whose last day is before `day`; they stand first. */
export function lengthBefore(lots: Lots, day: number): number {
  let length = 0;
  while (length < lots.length && (lots[length] as number) < day) length += 3;
  return length;
}

/** Gives all lots that would end before `lastDay` that last day. Two that become one are one. */
export function extendTo(lots: Lots, lastDay: number): Lots {
  const moved = lengthBefore(lots, lastDay);
  let inOrder = true;
  for (let index = 0; index < moved; index += 3) {
    lots[index] = lastDay;
    if (index > 0 && (lots[index - 2] as number) >= (lots[index + 1] as number)) inOrder = false;
  }
  // Those that moved stand before the ones that end on that day anyway.
  const meets = moved > 0 && moved < lots.length && !isAfter(lots, moved, lastDay, lots[moved - 2] as number);
  return inOrder && !meets ? lots : sorted(lots);
}

function sorted(lots: Lots): Lots {
  let result: Lots = [];
  for (let index = 0; index < lots.length; index += 3) {
    result = addLot(result, lots[index] as number, lots[index + 1] as number, lots[index + 2] as number);
  }
  return result;
}

/** Takes `points`, which are there. Returns what is left and what was taken, both in order. */
export function takeLots(lots: Lots, points: number, order: 'soonest' | 'newest'): { kept: Lots; taken: Lots } {
  const places = Array.from({ length: lots.length / 3 }, (_, place) => 3 * place);
  if (order === 'newest') {
    places.sort(
      (one, other) =>
        (lots[other + 1] as number) - (lots[one + 1] as number) || (lots[other] as number) - (lots[one] as number),
    );
  }
  const open = lots.slice();
  let taken: Lots = [];
  let left = points;
  for (const place of places) {
    const part = Math.min(left, lots[place + 2] as number);
    if (part === 0) break;
    open[place + 2] = (lots[place + 2] as number) - part;
    taken = addLot(taken, lots[place] as number, lots[place + 1] as number, part);
    left -= part;
  }
  return { kept: open.filter((_, index) => open[index - (index % 3) + 2] !== 0), taken };
}

/** The part of taken lots that comes back when `points` of them do: as if so many fewer had been taken. */
export function lastTaken(taken: Lots, points: number, before: number, order: 'soonest' | 'newest'): Lots {
  const all = sumOfLots(taken);
  const stays = takeLots(taken, all - before - points, order).kept;
  return takeLots(stays, points, order).taken;
}
