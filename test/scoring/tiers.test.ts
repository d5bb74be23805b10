/** The ladder over its window: thresholds to the minor unit, jumps, and the instants at which days leave. */
import { describe, it } from 'vitest';
import { check } from './table.ts';

const ladder = (window: string, levels: string, options = 'timezone: UTC\ncurrency: USD') => `
program: shop
version: 1
${options}
earn: {id: base, points: 1, per: 1}
tiers:
  id: main
  window: ${window}
  levels: [${levels}]
---
`;
const METALS = '{id: bronze, from: 100}, {id: silver, from: 200}, {id: gold, from: 300}';

describe('thresholds', () => {
  it.each([
    ['99.99', 'none'],
    ['100.00', 'bronze'],
    ['199.99', 'bronze'],
    ['200.00', 'silver'],
    ['299.99', 'silver'],
    ['300.00', 'gold'],
  ])('%s is %s', (amount, level) => {
    check(`${ladder('{days: 365}', METALS)}
purchase p1 ${amount} 2026-01-05 -> tier ${level}
`);
  });

  it('the last penny counts in the same event', () => {
    check(`${ladder('{days: 365}', '{id: vip, from: 10000}')}
purchase p1 9999.99 2026-01-05 -> tier none unchanged next vip 9999.99/10000.00
purchase p2 0.01               -> tier vip none>vip next none
`);
  });

  it('a level from 0 is held from the start, without a promotion', () => {
    check(`${ladder('{days: 30}', '{id: base, from: 0}, {id: gold, from: 100}')}
enrol e1 2026-01-05           -> tier base unchanged since start until never
purchase p1 100.00 2026-01-06 -> tier gold base>gold since 2026-01-06T12:00
tick 2026-02-05               -> tier base gold>base since 2026-02-05 due never
`);
  });

  it('a first purchase may reach a level at once, and several levels at once', () => {
    check(`${ladder('{days: 30}', METALS)}
purchase p1 300.00 2026-01-05 -> tier gold none>gold
`);
    check(`${ladder('{days: 30}', METALS)}
purchase p1 120.00 2026-01-05 -> tier bronze none>bronze next silver 120.00/200.00
purchase p2 180.00 2026-01-06 -> tier gold bronze>gold since 2026-01-06T12:00
`);
  });

  it('a return that costs the level, and several levels', () => {
    check(`${ladder('{days: 30}', METALS)}
purchase p1 120.00 2026-01-05 -> none>bronze
purchase p2 180.00 2026-01-06 -> bronze>gold
return r1 of p2 0.01          -> gold>silver spend 299.99
return r2 of p2               -> silver>bronze tier bronze
return r3 of p1 20.01         -> bronze>none tier none due never
`);
    check(`${ladder('{days: 30}', METALS)}
purchase p1 300.00 2026-01-05 -> none>gold
return r1 of p1               -> gold>none tier none spend 0.00
`);
  });
});

describe('a rolling window of days', () => {
  it('a purchase counts on its day and the days - 1 after, to the last millisecond', () => {
    check(`${ladder('{days: 30}', METALS)}
purchase p1 100.00 2026-01-05T23:59:59.999 -> tier bronze due 2026-02-04 until 2026-02-04
read 2026-02-03T23:59:59.999               -> tier bronze spend 100.00
tick 2026-02-03T23:59:59.999               -> tier bronze unchanged
read 2026-02-04T00:00                      -> tier none spend 0.00 since 2026-02-04
tick 2026-02-04T00:00                      -> tier none bronze>none since 2026-02-04
`);
  });

  it('levels go one edge at a time, or several in one step', () => {
    check(`${ladder('{days: 30}', METALS)}
purchase p1 110.00 2026-01-05 -> none>bronze
purchase p2 110.00 2026-01-06 -> bronze>silver
purchase p3 110.00 2026-01-08 -> silver>gold until 2026-02-04 keep 220.00/300.00
; nobody touched the member for a year: everything still happens at its time
tick 2027-01-01               -> gold>silver silver>bronze bronze>none since 2026-02-07 due never
`);
    check(`${ladder('{days: 30}', METALS)}
purchase p1 290.00 2026-01-05 -> none>silver
purchase p2 20.00 2026-01-06  -> silver>gold
tick 2026-02-04               -> gold>none
`);
  });

  it('an edge that costs nothing changes nothing', () => {
    check(`${ladder('{days: 30}', METALS)}
purchase p1 50.00 2026-01-05  -> tier none
purchase p2 100.00 2026-01-20 -> none>bronze due 2026-02-04 until 2026-02-19 keep 0.00/100.00
tick 2026-02-04               -> unchanged tier bronze due 2026-02-19 since 2026-01-20T12:00
purchase p3 100.00 2026-02-10 -> bronze>silver due 2026-02-19 until 2026-02-19 keep 100.00/200.00
`);
  });

  it('a purchase after the edge shows the downgrade before the upgrade it causes', () => {
    check(`${ladder('{days: 30}', METALS)}
purchase p1 100.00 2026-01-05 -> none>bronze
purchase p2 200.00 2026-02-10 -> bronze>none none>silver balance 300
`);
  });

  it('a window of one day is today', () => {
    check(`${ladder('{days: 1}', METALS)}
purchase p1 100.00 2026-01-05T00:00        -> none>bronze due 2026-01-06
purchase p2 100.00 2026-01-05T23:59:59.999 -> bronze>silver
purchase p3 10.00 2026-01-06T00:00         -> silver>none tier none
`);
  });
});

describe('days of a time zone', () => {
  it('end at local midnight, through a change of clocks', () => {
    // Clocks go forward on 29 March 2026 and back on 25 October.
    const london = 'timezone: Europe/London\ncurrency: GBP';
    check(`${ladder('{days: 2}', METALS, london)}
purchase p1 100.00 2026-03-28T10:00 -> none>bronze due 2026-03-30
tick 2026-03-29T22:59:59.999Z       -> unchanged tier bronze
tick 2026-03-29T23:00:00.000Z       -> bronze>none
purchase p2 100.00 2026-10-24T10:00 -> none>bronze due 2026-10-26
tick 2026-10-25T23:59:59.999Z       -> unchanged tier bronze
tick 2026-10-26T00:00:00.000Z       -> bronze>none
`);
    const newYork = 'timezone: America/New_York\ncurrency: USD';
    check(`${ladder('{days: 1}', METALS, newYork)}
purchase p1 100.00 2026-03-07T23:30 -> none>bronze due 2026-03-08
tick 2026-03-08T04:59:59.999Z       -> unchanged
tick 2026-03-08T05:00:00.000Z       -> bronze>none
purchase p2 100.00 2026-03-08T01:30 -> none>bronze due 2026-03-09
tick 2026-03-09T03:59:59.999Z       -> unchanged
tick 2026-03-09T04:00:00.000Z       -> bronze>none
`);
  });

  it('begin at 01:00 where clocks skip midnight', () => {
    // Sao Paulo, 4 November 2018: 00:00 did not exist.
    check(`${ladder('{days: 1}', METALS, 'timezone: America/Sao_Paulo\ncurrency: BRL')}
purchase p1 100.00 2018-11-03T22:00 -> none>bronze due 2018-11-04T01:00
tick 2018-11-04T02:59:59.999Z       -> unchanged
tick 2018-11-04T03:00:00.000Z       -> bronze>none
`);
  });

  it('may be missing: Samoa had no 30 December 2011', () => {
    check(`${ladder('{days: 2}', METALS, 'timezone: Pacific/Apia\ncurrency: WST')}
purchase p1 100.00 2011-12-28T22:00 -> none>bronze due 2011-12-31
purchase p2 100.00 2011-12-29T22:00 -> bronze>silver
tick 2011-12-31T00:00               -> silver>none
`);
  });

  it('go only forward where clocks were set back over midnight', () => {
    // St. John's, 29 October 2006, 00:01 became 23:01 of the 28th: 02:31 UTC.
    check(`${ladder('{days: 1}', METALS, 'timezone: America/St_Johns\ncurrency: CAD')}
purchase p1 100.00 2006-10-28T12:00Z -> none>bronze due 2006-10-29
tick 2006-10-29T02:30:00.000Z        -> bronze>none
purchase p2 50.00 2006-10-29T02:45Z  -> tier none spend 50.00
purchase p3 50.00 2006-10-29T03:15Z  -> none>bronze spend 100.00
purchase p4 50.00 2006-10-29T12:00Z  -> unchanged spend 150.00
tick 2006-10-30T03:30Z               -> bronze>none
`);
  });
});

describe('a rolling window of months', () => {
  it('keeps a purchase until the same day of the month has ended', () => {
    check(`${ladder('{months: 1}', METALS)}
purchase p1 100.00 2026-01-15 -> none>bronze due 2026-02-16
tick 2026-02-15T23:59:59.999  -> unchanged
tick 2026-02-16T00:00         -> bronze>none
`);
  });

  it('clamps to the end of a short month', () => {
    check(`${ladder('{months: 1}', METALS)}
purchase p1 100.00 2026-01-28 -> none>bronze due 2026-03-01
purchase p2 100.00 2026-01-31 -> bronze>silver due 2026-03-01
tick 2026-02-28T23:59:59.999  -> unchanged tier silver spend 200.00
tick 2026-03-01T00:00         -> silver>none
`);
    check(`${ladder('{months: 1}', METALS)}
purchase p1 100.00 2028-01-31 -> none>bronze due 2028-03-01
tick 2028-02-29               -> unchanged
`);
    check(`${ladder('{months: 12}', METALS)}
purchase p1 100.00 2024-02-29 -> none>bronze due 2025-03-01
`);
  });
});

describe('a calendar year', () => {
  it('begins anew at local midnight on 1 January', () => {
    check(`${ladder('calendar-year', METALS, 'timezone: Asia/Tokyo\ncurrency: USD')}
purchase p1 100.00 2026-01-01T00:00        -> none>bronze due 2027-01-01
purchase p2 200.00 2026-12-31T23:59:59.999 -> bronze>gold until 2027-01-01 keep 0.00/300.00
tick 2026-12-31T14:59:59.999Z              -> unchanged spend 300.00
tick 2026-12-31T15:00:00.000Z              -> gold>none
read 2027-01-01                            -> spend 0.00
purchase p3 100.00 2027-01-01T00:00        -> none>bronze spend 100.00
`);
  });
});
