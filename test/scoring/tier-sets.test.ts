/** Tier sets over counters, balances and conditions: what is held from when to when. Days and numbers as in public examples. */
import { describe, it } from 'vitest';
import { check } from './table.ts';

const shop = (rest: string, options = 'timezone: UTC\ncurrency: USD') => `
program: shop
version: 1
${options}
earn: {id: base, points: 1, per: 1}
${rest}
---
`;
const POINTS = '{id: bronze, from: 100}, {id: silver, from: 200}, {id: gold, from: 300}';
const balance = (options: string, levels = POINTS) =>
  shop(`tiers: {id: main, balance: points, ${options}levels: [${levels}]}`);

describe('thresholds on what can be spent', () => {
  it.each([
    ['99', 'none'],
    ['100', 'bronze'],
    ['199', 'bronze'],
    ['200', 'silver'],
    ['299', 'silver'],
    ['300', 'gold'],
  ])('%s points are %s', (points, level) => {
    check(`${balance('')}
purchase p1 ${points}.00 2026-07-20 -> tier ${level}
`);
  });

  it('debt is no less than nothing, and points count again once it is repaid', () => {
    check(`${balance('', '{id: base, from: 0}, {id: bronze, from: 100}')}
purchase p1 100.00 2026-07-20 -> base>bronze
adjust a1 -150                -> bronze>base balance -50
purchase p2 149.00            -> tier base unchanged balance 99
purchase p3 1.00              -> base>bronze
`);
  });

  it('points that expire cost the level with their last day', () => {
    check(`${shop(`expiry: {after: {days: 10}}\ntiers: {id: main, balance: points, levels: [${POINTS}]}`)}
purchase p1 150.00 2026-07-01 -> none>bronze until 2026-07-12
purchase p2 60.00 2026-07-05  -> bronze>silver until 2026-07-12 projected none
tick 2026-07-11T23:59:59.999  -> unchanged
tick 2026-07-12T00:00         -> silver>none balance 60
`);
  });
});

describe('a level held for a fixed time', () => {
  it('30 days from 20 July end when 19 August ends, whatever is spent', () => {
    const held = balance('lasts: {for: {days: 30}}, ', '{id: silver, from: 150}');
    check(`${held}
purchase p1 150.00 2026-07-20 -> none>silver until 2026-08-20 projected silver
adjust a1 -100 2026-07-25     -> unchanged tier silver balance 50 until 2026-08-20 projected none
tick 2026-08-19T23:59:59.999  -> unchanged tier silver
tick 2026-08-20T00:00         -> silver>none
`);
    // Not what was spent but what was bought comes back: the level was never reached.
    check(`${held}
purchase p1 150.00 2026-07-20 -> none>silver
adjust a1 -100 2026-07-25     -> unchanged
return r1 of p1 2026-07-26    -> silver>none tier none
`);
  });

  it('goes on for another term where it still qualifies, and an upgrade moves the end', () => {
    check(`${balance('lasts: {for: {days: 30}}, ')}
purchase p1 150.00 2026-07-20 -> none>bronze until 2026-08-20 projected bronze keep all:balance=150/100
adjust a1 -60 2026-08-25      -> unchanged tier bronze until 2026-09-19
purchase p2 120.00 2026-09-01 -> bronze>silver due 2026-10-02
adjust a2 -200 2026-09-02     -> unchanged until 2026-10-02
`);
  });

  it('ends with what qualifies then', () => {
    check(`${balance('lasts: {for: {months: 1}}, ')}
purchase p1 310.00 2026-01-31 -> none>gold due 2026-03-01
adjust a1 -200                -> tier gold projected bronze keep all:balance=110/300
tick 2026-03-01               -> gold>bronze due 2026-03-29
`);
  });
});

describe('a downgrade over several levels, and grace', () => {
  it('goes to what qualifies at once, without grace', () => {
    check(`${balance('')}
purchase p1 300.00 2026-07-20 -> none>gold
adjust a1 -200 2026-07-25     -> gold>bronze tier bronze
`);
  });

  it('a month is counted from the day of disqualification, that day included', () => {
    check(`${balance('grace: {months: 1}, ', '{id: bronze, from: 50}, {id: silver, from: 100}, {id: gold, from: 250}')}
purchase p1 250.00 2026-07-20 -> none>gold
adjust a1 -200 2026-07-25     -> unchanged tier gold until 2026-08-25 projected bronze
tick 2026-08-24T23:59:59.999  -> unchanged tier gold
tick 2026-08-25T00:00         -> gold>bronze
`);
  });

  it('may be rounded to the end of the month', () => {
    check(`${balance('grace: {months: 1, through: month}, ', '{id: gold, from: 250}')}
purchase p1 250.00 2026-07-20 -> none>gold
adjust a1 -200 2026-07-25     -> unchanged until 2026-09-01
tick 2026-09-01               -> gold>none
`);
  });

  it('is over when the level qualifies again, and begins anew the next time', () => {
    check(`${balance('grace: {days: 10}, ', '{id: gold, from: 250}')}
purchase p1 250.00 2026-07-20 -> none>gold
adjust a1 -100 2026-07-25     -> until 2026-08-04
purchase p2 100.00 2026-08-01 -> unchanged until never
adjust a2 -100 2026-08-05     -> until 2026-08-15
tick 2026-08-15               -> gold>none
`);
  });

  it('a return that takes the disqualifying day back takes the grace back', () => {
    check(`${shop('tiers: {id: main, window: {days: 30}, grace: {days: 10}, levels: [{id: gold, from: 100}]}')}
purchase p1 100.00 2026-01-05 -> none>gold until 2026-02-14
purchase l1 100.00 2026-01-20 now 2026-02-05 -> unchanged tier gold until 2026-03-01
`);
  });
});

describe('points collected in a month', () => {
  const month = (options: string) =>
    shop(`
counters: [{id: collected, of: points, window: calendar-month}]
tiers: {id: main, counter: collected, ${options}levels: [{id: gold, from: 100}]}`);

  it.each([
    ['lasts: {until: period-end}, ', '2026-04-01'],
    ['lasts: {until: next-period-end}, ', '2026-05-01'],
    ['lasts: {until: period-end, plus: {days: 7}}, ', '2026-04-08'],
    ['lasts: {until: next-period-end, plus: {days: 7}}, ', '2026-05-08'],
  ])('at once, %s', (options, end) => {
    check(`${month(options)}
purchase p1 100.00 2026-03-10 -> none>gold since 2026-03-10T12:00 until ${end}
tick ${end}                   -> gold>none since ${end}
`);
  });

  it.each([
    ['starts: next-period, ', '2026-05-01'],
    ['starts: next-period, lasts: {until: next-period-end}, ', '2026-05-01'],
    ['starts: next-period, lasts: {until: next-period-end, plus: {days: 7}}, ', '2026-05-08'],
  ])('with the next period, %s', (options, end) => {
    check(`${month(options)}
purchase p1 100.00 2026-03-10 -> unchanged tier none upcoming gold@2026-04-01 due 2026-04-01
tick 2026-04-01               -> none>gold since 2026-04-01 until ${end}
tick ${end}                   -> gold>none
`);
    // A return before the period begins, and one after.
    check(`${month(options)}
purchase p1 100.00 2026-03-10 -> upcoming gold@2026-04-01
return r1 of p1 2026-03-20    -> unchanged upcoming none
tick 2026-04-01               -> unchanged tier none
`);
    check(`${month(options)}
purchase p1 100.00 2026-03-10
return r1 of p1 2026-04-20    -> none>gold gold>none tier none
`);
  });

  it('collected again, it is held longer', () => {
    check(`${month('lasts: {until: next-period-end}, ')}
purchase p1 100.00 2026-03-10 -> none>gold until 2026-05-01
purchase p2 99.00 2026-04-10  -> keep all:collected=99/100
purchase p3 1.00 2026-04-11   -> unchanged until 2026-06-01
return r1 of p3 2026-04-12    -> unchanged until 2026-05-01
`);
  });

  it('a late purchase counts in its month', () => {
    check(`${month('lasts: {until: next-period-end}, ')}
purchase p1 60.00 2026-03-10               -> tier none
purchase l1 40.00 2026-03-31 now 2026-04-20 -> none>gold until 2026-05-01
`);
  });

  it('a return costs the level at once, or not before its term ends', () => {
    check(`${month('lasts: {until: next-period-end}, returns: at-period-end, ')}
purchase p1 100.00 2026-03-10 -> none>gold
return r1 of p1 2026-03-11    -> unchanged tier gold until 2026-05-01
purchase p2 1.00 2026-03-11   -> unchanged tier gold
tick 2026-05-01               -> gold>none
`);
  });
});

describe('the projection to the end of the tier period', () => {
  it('says what will be held and what is missing to stay', () => {
    check(`${shop(`
expiry: {after: {months: 6}}
tiers: {id: main, balance: points, period: calendar-year, lasts: {until: period-end}, levels: [${POINTS}]}`)}
purchase p1 42.00 2026-06-01  -> tier none
purchase p2 198.00 2026-09-01 -> none>silver until 2027-01-01 projected bronze keep all:balance=198/200 next gold all:balance=240/300
tick 2026-12-31               -> unchanged tier silver balance 198
tick 2027-01-01               -> silver>bronze
`);
  });

  it('a level is decided before the points of the year are gone', () => {
    check(`${shop(`
expiry: {on: ["12-31"]}
tiers: {id: main, balance: points, period: calendar-year, lasts: {until: period-end}, levels: [${POINTS}]}`)}
purchase p1 210.00 2026-06-01 -> none>silver
tick 2027-01-01               -> unchanged tier silver balance 0 until 2028-01-01 projected none
tick 2028-01-01               -> silver>none
`);
  });
});

describe('renewal by several conditions', () => {
  const renewal = (when: string) =>
    shop(`
counters:
  - {id: spend, of: spend, window: calendar-year}
  - {id: visits, of: visits, window: calendar-year}
tiers:
  id: main
  lasts: {until: next-period-end}
  levels: [{id: gold, when: ${when}}]`);

  it.each([
    ['{any: [{counter: spend, from: 50}, {counter: visits, from: 10}]}', 'any:spend=0.00/50.00,visits=0/10', '2028'],
    [
      '{atLeast: 1, of: [{counter: spend, from: 50}, {counter: visits, from: 10}]}',
      'any:spend=0.00/50.00,visits=0/10',
      '2028',
    ],
    [
      '{atLeast: 2, of: [{counter: spend, from: 50}, {counter: visits, from: 10}]}',
      'all:spend=40.00/50.00,visits=10/10',
      '2027',
    ],
    ['{all: [{counter: spend, from: 50}, {counter: visits, from: 10}]}', 'all:spend=40.00/50.00,visits=10/10', '2027'],
  ])('%s', (when, keep, year) => {
    check(`${renewal(when)}
purchase a0 50.00 2025-03-01T08:00
repeat 9 purchase a# 0.00 2025-03-0#T12:00 store=s1
; ten visits in 2025 with the first, whose store is another
purchase b0 40.00 2026-03-01 store=s1       -> tier gold
repeat 9 purchase b# 0.00 2026-04-0#T12:00 store=s1 -> tier gold until ${year}-01-01 keep ${keep}
`);
  });
});

describe('soft landing', () => {
  it('one level down a cycle, and the old level is kept to its end', () => {
    check(`${shop(`
tiers:
  id: main
  window: calendar-year
  lasts: {until: next-period-end, plus: {months: 2}}
  downgrade: one-level
  levels: [${POINTS}]`)}
purchase p1 300.00 2025-06-01 -> none>gold until 2027-03-01 projected silver
tick 2027-02-28T23:59:59.999  -> unchanged tier gold
tick 2027-03-01               -> gold>silver until 2028-03-01 projected bronze
; in 2027 bronze is reached: it is one level down anyway, and held by what was reached
purchase p2 100.00 2027-06-01 -> unchanged tier silver until 2028-03-01
tick 2028-03-01               -> silver>bronze until 2029-03-01 projected none
tick 2029-03-01               -> bronze>none due never
`);
  });

  it('straight to what qualifies otherwise, and never down where it says none', () => {
    const year = 'window: calendar-year, lasts: {until: next-period-end, plus: {months: 2}}';
    check(`${shop(`tiers: {id: main, ${year}, levels: [${POINTS}]}`)}
purchase p1 300.00 2025-06-01 -> none>gold
purchase p2 100.00 2026-06-01 -> unchanged
tick 2027-03-01               -> gold>bronze until 2028-03-01
`);
    check(`${shop(`tiers: {id: main, window: calendar-year, downgrade: none, levels: [${POINTS}]}`)}
purchase p1 300.00 2025-06-01 -> none>gold until never due never
tick 2040-01-01               -> unchanged tier gold
`);
  });

  it('one level each grace', () => {
    check(`${balance('downgrade: one-level, grace: {days: 10}, ')}
purchase p1 300.00 2026-07-01 -> none>gold
adjust a1 -300 2026-07-05     -> unchanged until 2026-07-15 projected silver
tick 2026-08-30               -> gold>silver silver>bronze bronze>none since 2026-08-04
`);
  });
});

describe('several sets', () => {
  const two = shop(`
counters: [{id: cafes, of: visits, window: lifetime}]
tiers:
  - {id: main, window: {days: 30}, levels: [{id: silver, from: 100, multiplier: 2}]}
  - {id: explorer, counter: cafes, levels: [{id: two, from: 2}, {id: three, from: 3}]}`);

  it('are judged by themselves, and the first multiplies', () => {
    check(`${two}
purchase p1 100.00 2026-01-05 store=a -> none>silver tier:explorer none +100 counter:cafes 1
purchase p2 1.00 2026-01-06 store=b   -> explorer:none>two +2 tier silver
purchase p3 1.00 2026-01-06 store=b   -> unchanged counter:cafes 2 next:explorer three all:cafes=2/3
purchase p4 1.00 2026-02-10 store=b   -> silver>none explorer:two>three +1
return r1 of p2                       -> unchanged counter:cafes 3
return r2 of p3                       -> explorer:three>two counter:cafes 2
`);
  });

  it('come and go with the program', () => {
    const one = two.replace('version: 1', 'version: 2').replace(/ {2}- \{id: explorer.*/, '');
    check(`${two}${one}
purchase p1 100.00 2026-01-05 store=a -> none>silver
purchase p2 1.00 2026-01-06 store=b   -> explorer:none>two
program 2
purchase p3 1.00 2026-01-07           -> explorer:two>none tier silver
`);
    const plain = `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
tiers: {id: main, window: {days: 30}, levels: [{id: silver, from: 100}]}
---
`;
    check(`${plain}${two.replace('version: 1', 'version: 2')}
purchase p1 100.00 2026-01-05 store=a -> none>silver
program 2
purchase p2 1.00 2026-01-06 store=b   -> unchanged tier silver since 2026-01-05T12:00 counter:cafes 1
purchase p3 1.00 2026-01-07 store=b   -> explorer:none>two tier silver
tick 2026-02-04                       -> silver>none
`);
  });
});

describe('the reward of a level', () => {
  const rewarded = shop(`
tiers:
  id: main
  window: calendar-year
  levels: [{id: silver, from: 100, entry: {points: 50}}, {id: gold, from: 200, entry: {points: 100}, benefits: [Lounge]}]`);

  it('is given once it is reached, and a level that is passed is reached', () => {
    check(`${rewarded}
purchase p1 100.00 2026-01-05 -> none>silver reward 50 balance 150
purchase p2 50.00 2026-01-06  -> reward 0 balance 200
purchase p3 50.00 2026-01-07  -> silver>gold reward 100 balance 350
`);
    check(`${rewarded}
purchase p1 200.00 2026-01-05 -> none>gold reward 150 balance 350
`);
  });

  it('goes back with the purchase that reached it', () => {
    check(`${rewarded}
purchase p1 100.00 2026-01-05 -> reward 50
return r1 of p1 75.00         -> silver>none reward -50 balance 25
return r2 of p1               -> unchanged reward 0 balance 0 lots none
purchase p2 200.00 2026-01-06 -> none>gold reward 150
return r3 of p2 100.00        -> gold>silver reward -100 balance 150
`);
  });

  it('stays where time takes the level, and is given again when it is reached again', () => {
    check(`${rewarded}
purchase p1 100.00 2026-01-05 -> none>silver reward 50
purchase p2 100.00 2027-01-05 -> silver>none none>silver reward 50 balance 300
`);
  });

  it('may reach a level of another set, where the balance decides', () => {
    check(`${shop(`
tiers:
  - {id: main, window: {days: 30}, levels: [{id: silver, from: 100, entry: {points: 50}}]}
  - {id: rich, balance: points, levels: [{id: yes, from: 150}]}`)}
purchase p1 100.00 2026-01-05 -> none>silver rich:none>yes reward 50 balance 150
return r1 of p1               -> silver>none rich:yes>none reward -50 balance 0
`);
  });
});

describe('a period that a day is not in', () => {
  it('outside a promotion, what was counted for ever holds a level without waiting for the promotion', () => {
    check(`${shop(`counters:
  - {id: june, of: spend, window: {from: 2026-06-01, through: 2026-06-30}}
  - {id: ever, of: transactions, window: lifetime}
tiers:
  id: main
  lasts: {until: period-end}
  levels: [{id: gold, when: {any: [{counter: june, from: 100}, {counter: ever, from: 1}]}}]`)}
purchase p1 5.00 2026-05-01 -> tier none
purchase p2 5.00 2026-06-10 -> none>gold until 2026-07-01
purchase p3 5.00 2026-07-05 -> gold>none
`);
  });
});
