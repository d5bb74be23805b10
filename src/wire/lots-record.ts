/** Lots and days as bytes (bytes.ts), wherever a record has some. */
import { NEVER } from '../program/expiry.ts';
import type { Days } from '../scoring/days.ts';
import type { Lots } from '../scoring/lots.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

/** The last day as a distance from the day earned, which is short; 0 for never. */
export function writeLots(out: ByteWriter, lots: Lots): void {
  out.uint(lots.length / 3);
  for (let index = 0; index < lots.length; index += 3) {
    const lastDay = lots[index] as number;
    const earnedDay = lots[index + 1] as number;
    out.uint(lastDay === NEVER ? 0 : lastDay - earnedDay + 1);
    out.int(earnedDay);
    out.int(lots[index + 2] as number);
  }
}

export function readLots(from: ByteReader): Lots {
  const count = from.uint();
  const lots: Lots = [];
  for (let index = 0; index < count; index++) {
    const span = from.uint();
    const earnedDay = from.int();
    lots.push(span === 0 ? NEVER : earnedDay + span - 1, earnedDay, from.int());
  }
  return lots;
}

/** Of points that do not expire: day earned and points. */
export function writeLastingLots(out: ByteWriter, lots: Lots): void {
  out.uint(lots.length / 3);
  for (let index = 0; index < lots.length; index += 3) {
    out.int(lots[index + 1] as number);
    out.int(lots[index + 2] as number);
  }
}

export function readLastingLots(from: ByteReader): Lots {
  const count = from.uint();
  const lots: Lots = [];
  for (let index = 0; index < count; index++) lots.push(NEVER, from.int(), from.int());
  return lots;
}

export function writeDays(out: ByteWriter, days: Days): void {
  out.uint(days.length / 2);
  for (let index = 0; index < days.length; index++) out.int(days[index] as number);
}

export function readDays(from: ByteReader): Days {
  const count = 2 * from.uint();
  const days: Days = [];
  for (let index = 0; index < count; index++) days.push(from.int());
  return days;
}
