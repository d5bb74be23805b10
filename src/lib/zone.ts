/**
 * An IANA time zone as a table of offsets, built once, so that the fold asks no locale and pays a comparison, not an Intl
 * call, for a local day. The table comes from the runtime's zone data; it covers 1970 to 2100.
 */
import { civilOfDay, dayOfCivil } from './calendar.ts';

export const DAY_MS = 86_400_000;

const TABLE_START = Date.UTC(1970, 0, 1);
const TABLE_END = Date.UTC(2101, 0, 1);
/** No zone has changed its offset twice within this span and back, so probing at this step misses nothing. */
const PROBE_MS = 14 * DAY_MS;
/** A power of two. */
const KNOWN_DAYS = 512;

export interface Zone {
  readonly name: string;
  /** Days since 1 January 1970 on this zone's wall calendar. */
  localDay(instantMs: number): number;
  /** The first instant of a local day (not always 00:00 on the wall: some zones skip midnight when clocks change). */
  startOfDay(day: number): number;
}

/** Throws RangeError if the runtime does not know the zone. */
export function compileZone(name: string): Zone {
  const { starts, offsets } = offsetTable(name);
  let cached = 0;

  function offsetAt(instantMs: number): number {
    // Events come roughly in time order, so the last answer's row is nearly always the next one's.
    if (instantMs >= (starts[cached] as number) && instantMs < (starts[cached + 1] as number)) {
      return offsets[cached] as number;
    }
    let low = 0;
    let high = offsets.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] as number) <= instantMs) low = middle;
      else high = middle - 1;
    }
    cached = low;
    return offsets[low] as number;
  }

  function localDay(instantMs: number): number {
    return Math.floor((instantMs + offsetAt(instantMs)) / DAY_MS);
  }

  const knownDays = new Float64Array(KNOWN_DAYS).fill(Number.NaN);
  const knownStarts = new Float64Array(KNOWN_DAYS);

  /** Most members of a moment look at the same few days, so the latest answers are kept. */
  function startOfDay(day: number): number {
    const place = day & (KNOWN_DAYS - 1);
    if (knownDays[place] !== day) {
      knownStarts[place] = findStart(day);
      knownDays[place] = day;
    }
    return knownStarts[place] as number;
  }

  function findStart(day: number): number {
    const wallMs = day * DAY_MS;
    // The offset just before and just after bracket the right one; the earlier instant that lies in the day wins.
    const first = wallMs - Math.max(offsetAt(wallMs - DAY_MS), offsetAt(wallMs + DAY_MS));
    if (localDay(first) === day) return first;
    const second = wallMs - Math.min(offsetAt(wallMs - DAY_MS), offsetAt(wallMs + DAY_MS));
    if (localDay(second) === day && localDay(second - 1) < day) return second;
    return firstInstantOf(day, first, second);
  }

  /** Midnight does not exist that day: halve to the instant where the day begins. */
  function firstInstantOf(day: number, before: number, after: number): number {
    let low = before - DAY_MS;
    let high = after + DAY_MS;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (localDay(middle) >= day) high = middle;
      else low = middle;
    }
    return high;
  }

  return { name, localDay, startOfDay };
}

interface OffsetTable {
  /** Instants from which the offset of the same index holds; one more at the end, Infinity. */
  readonly starts: number[];
  readonly offsets: number[];
}

function offsetTable(name: string): OffsetTable {
  const read = offsetReader(name);
  const starts = [-Infinity];
  const offsets = [read(TABLE_START)];
  for (let at = TABLE_START; at < TABLE_END; at += PROBE_MS) {
    let low = at;
    let high = at + PROBE_MS;
    const after = read(high);
    if (after === offsets[offsets.length - 1]) continue;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (read(middle) === after) high = middle;
      else low = middle;
    }
    starts.push(afterRepeatedDay(high, offsets[offsets.length - 1] as number, after));
    offsets.push(after);
  }
  starts.push(Infinity);
  return { starts, offsets };
}

/**
 * Clocks set back over midnight (St. John's until 2011, at 00:01) would end a day that has begun and bring it back an hour
 * later. Days here only go forward: the earlier offset holds until the later one has reached the day again.
 */
function afterRepeatedDay(changesAt: number, before: number, after: number): number {
  const day = Math.floor((changesAt - 1 + before) / DAY_MS);
  return Math.floor((changesAt + after) / DAY_MS) < day ? day * DAY_MS - after : changesAt;
}

function offsetReader(name: string): (instantMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (instantMs) => {
    const wholeSecondMs = Math.floor(instantMs / 1000) * 1000;
    const wall: Record<string, number> = {};
    for (const part of format.formatToParts(wholeSecondMs)) wall[part.type] = Number(part.value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = wall;
    return Date.UTC(year, month - 1, day, hour, minute, second) - wholeSecondMs;
  };
}

/** 1 January of the year that a local day lies in. */
export function startOfYear(day: number): number {
  return dayOfCivil(civilOfDay(day).year, 1, 1);
}

/** 1 January of the year after. */
export function startOfNextYear(day: number): number {
  return dayOfCivil(civilOfDay(day).year + 1, 1, 1);
}
