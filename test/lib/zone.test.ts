/** The engine's table of offsets against the runtime's own answers, instant by instant. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileZone, DAY_MS, startOfNextYear, startOfYear, type Zone } from '../../src/lib/zone.ts';

const FIRST = Date.UTC(1980, 0, 1);
const LAST = Date.UTC(2100, 0, 1);
const ZONES = Intl.supportedValuesOf('timeZone');

/** Those with unusual clocks, and a tenth of all others. */
const SAMPLE = [
  ...new Set([
    'UTC',
    'Europe/London',
    'Europe/Dublin',
    'America/New_York',
    'America/Sao_Paulo',
    'America/Havana',
    'America/Asuncion',
    'America/Nuuk',
    'America/St_Johns',
    'Africa/Casablanca',
    'Africa/Cairo',
    'Africa/Monrovia',
    'Asia/Beirut',
    'Asia/Gaza',
    'Asia/Kathmandu',
    'Asia/Pyongyang',
    'Asia/Tehran',
    'Australia/Lord_Howe',
    'Antarctica/Troll',
    'Pacific/Apia',
    'Pacific/Chatham',
    'Pacific/Kiritimati',
    'Pacific/Kwajalein',
    ...ZONES.filter((_, index) => index % 10 === 0),
  ]),
];

const compiled = new Map<string, Zone>();
function zoneOf(name: string): Zone {
  const zone = compiled.get(name) ?? compileZone(name);
  compiled.set(name, zone);
  return zone;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** The date on the wall, as days since 1970. */
function wallDay(name: string, instant: number): number {
  const format =
    formats.get(name) ??
    new Intl.DateTimeFormat('en-CA', { timeZone: name, year: 'numeric', month: '2-digit', day: '2-digit' });
  formats.set(name, format);
  return Date.parse(format.format(instant)) / DAY_MS;
}

/** A day that has begun does not end because clocks are set back over midnight: the day is the latest that was on the wall. */
function latestWallDay(name: string, instant: number): number {
  return Math.max(wallDay(name, instant), wallDay(name, instant - 3_600_000), wallDay(name, instant - 1_800_000));
}

const anyZone = fc.constantFrom(...SAMPLE);
const anyInstant = fc.integer({ min: FIRST, max: LAST });

describe('localDay', () => {
  it('is the date on the wall, at any instant in any zone', () => {
    fc.assert(
      fc.property(anyZone, anyInstant, (name, instant) => {
        expect(zoneOf(name).localDay(instant)).toBe(latestWallDay(name, instant));
      }),
      { numRuns: 3_000 },
    );
  });

  it('is the date on the wall around every midnight of years with odd clocks', () => {
    for (const name of SAMPLE) {
      const zone = zoneOf(name);
      for (const year of [1994, 2006, 2011, 2018, 2024, 2037]) {
        for (let day = Date.UTC(year, 0, 1) / DAY_MS; day < Date.UTC(year + 1, 0, 1) / DAY_MS; day += 1) {
          const start = zone.startOfDay(day);
          // Before, at and after the engine's own idea of where a day begins.
          for (const instant of [start - 1, start, start + 1_800_000]) {
            if (zone.localDay(instant) !== latestWallDay(name, instant)) {
              expect.fail(`${name} at ${new Date(instant).toISOString()}: ${zone.localDay(instant)}`);
            }
          }
        }
      }
    }
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(anyZone, anyInstant, fc.integer({ min: 0, max: 2 * DAY_MS }), (name, instant, wait) => {
        const zone = zoneOf(name);
        expect(zone.localDay(instant + wait)).toBeGreaterThanOrEqual(zone.localDay(instant));
      }),
      { numRuns: 1_000 },
    );
    const stJohns = zoneOf('America/St_Johns');
    // 29 October 2006, 00:01 became 23:01 of the 28th, at 02:31 UTC.
    const at = (time: string): number => stJohns.localDay(Date.parse(`2006-10-29T${time}Z`)) * DAY_MS;
    expect(at('02:29:59.999')).toBe(Date.UTC(2006, 9, 28));
    expect(at('02:30:00.000')).toBe(Date.UTC(2006, 9, 29));
    expect(at('02:45:00.000')).toBe(Date.UTC(2006, 9, 29));
    expect(at('03:45:00.000')).toBe(Date.UTC(2006, 9, 29));
  });

  it('is not disturbed by the order in which instants are asked for', () => {
    fc.assert(
      fc.property(anyZone, fc.array(anyInstant, { minLength: 2, maxLength: 6 }), (name, instants) => {
        const used = zoneOf(name);
        const days = instants.map((instant) => used.localDay(instant));
        expect(instants.toReversed().map((instant) => used.localDay(instant))).toEqual(days.toReversed());
      }),
    );
  });
});

describe('startOfDay', () => {
  it('is the first instant of its day', () => {
    fc.assert(
      fc.property(anyZone, anyInstant, (name, instant) => {
        const zone = zoneOf(name);
        const day = zone.localDay(instant);
        const start = zone.startOfDay(day);
        expect(start).toBeLessThanOrEqual(instant);
        expect(zone.localDay(start)).toBe(day);
        expect(zone.localDay(start - 1)).toBeLessThan(day);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['Europe/London', '2026-03-29', '2026-03-29T00:00:00.000Z'],
    ['Europe/London', '2026-03-30', '2026-03-29T23:00:00.000Z'],
    ['Europe/London', '2026-10-26', '2026-10-26T00:00:00.000Z'],
    ['America/New_York', '2026-03-09', '2026-03-09T04:00:00.000Z'],
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z'],
    ['Asia/Beirut', '2026-03-29', '2026-03-28T22:00:00.000Z'],
    ['Pacific/Chatham', '2026-01-01', '2025-12-31T10:15:00.000Z'],
    // Samoa had no such day: it begins where the next one does.
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00:00.000Z'],
    ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00.000Z'],
  ])('%s %s begins at %s', (name, date, instant) => {
    expect(new Date(zoneOf(name).startOfDay(Date.parse(date) / DAY_MS)).toISOString()).toBe(instant);
  });
});

it('years begin on 1 January', () => {
  const day = (date: string): number => Date.parse(date) / DAY_MS;
  expect(startOfYear(day('2026-12-31'))).toBe(day('2026-01-01'));
  expect(startOfYear(day('2026-01-01'))).toBe(day('2026-01-01'));
  expect(startOfNextYear(day('2024-02-29'))).toBe(day('2025-01-01'));
});

it('an unknown zone throws', () => {
  expect(() => compileZone('Mars/Base')).toThrow(RangeError);
});
