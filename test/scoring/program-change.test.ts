/** A new program: old purchases keep their terms, the level is judged anew when the member is next touched. */
import { describe, expect, it } from 'vitest';
import { score } from '../../src/scoring/score.ts';
import { settle } from '../../src/scoring/settle.ts';
import { encodeMember } from '../../src/wire/member-record.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { Desk, programOf } from './harness.ts';
import { check } from './table.ts';

const version = (number: number, tiers: string, earn = 'points: 1, per: 1') => `
program: shop
version: ${number}
timezone: UTC
currency: USD
earn: {id: base, ${earn}}
${tiers}
---`;
const tiers = (window: string, levels: string) => `tiers: {id: main, window: ${window}, levels: [${levels}]}`;

describe('the ladder', () => {
  it('is asked again, without waiting for a purchase', () => {
    const first = version(1, tiers('{days: 30}', '{id: silver, from: 100}, {id: gold, from: 200}'));
    const second = version(2, tiers('{days: 30}', '{id: silver, from: 100}, {id: gold, from: 150}'));
    check(`${first}${second}
purchase p1 160.00 2026-01-05 -> none>silver
program 2
adjust a1 +1 2026-01-06       -> silver>gold since 2026-01-06T12:00
`);
    check(`${first}${second}
purchase p1 160.00 2026-01-05 -> none>silver
program 2
read 2026-01-07               -> tier gold since 2026-01-07T12:00
`);
  });

  it('may lose a level, or all of them', () => {
    check(`${version(1, tiers('{days: 30}', '{id: silver, from: 100}, {id: gold, from: 200}'))}${version(2, tiers('{days: 30}', '{id: silver, from: 100}'))}
purchase p1 200.00 2026-01-05 -> none>gold
program 2
purchase p2 1.00 2026-01-06   -> gold>silver
`);
    check(`${version(1, tiers('{days: 30}', '{id: silver, from: 100}'))}${version(2, '')}
purchase p1 200.00 2026-01-05 -> none>silver due 2026-02-04
program 2
purchase p2 1.00 2026-01-06   -> silver>none due never
`);
  });

  it('a timer of the old program fires by the new ladder, once, at its time', () => {
    const first = version(1, tiers('{days: 30}', '{id: silver, from: 100}'));
    const second = version(2, tiers('{days: 60}', '{id: silver, from: 50}, {id: gold, from: 100}'));
    check(`${first}${second}
purchase p1 100.00 2026-01-05 -> none>silver due 2026-02-04
program 2
tick 2026-02-10               -> silver>gold since 2026-02-04 due 2026-03-06
tick 2026-03-06               -> gold>none
`);
    // The same without the tick.
    check(`${first}${second}
purchase p1 100.00 2026-01-05 -> none>silver due 2026-02-04
program 2
purchase p2 0.00 2026-03-06   -> silver>gold gold>none since 2026-03-06
`);
  });

  it('finds the spend of a time without tiers', () => {
    check(`${version(1, '')}${version(2, tiers('{days: 365}', '{id: silver, from: 100}'))}
purchase p1 100.00 2026-01-05 -> balance 100 tier none
purchase p2 50.00 2026-11-05  -> balance 150
program 2
purchase p3 10.00 2026-12-05  -> none>silver spend 160.00
; a return finds its own spend, not another purchase's
return r1 of p1               -> silver>none spend 60.00
`);
  });

  it('looks through its own window at once, on the very day of the change', () => {
    check(`${version(1, tiers('{days: 1}', '{id: silver, from: 100}'))}${version(2, tiers('{days: 30}', '{id: silver, from: 100}'))}
purchase p1 60.00 2026-01-05 -> tier none
purchase p2 50.00 2026-01-07 -> tier none spend 50.00
program 2
adjust a1 +1                 -> none>silver spend 110.00
`);
  });

  it('a shorter window forgets, a longer one finds what was kept', () => {
    check(`${version(1, tiers('{days: 30}', '{id: silver, from: 100}'))}${version(2, tiers('{days: 5}', '{id: silver, from: 100}'))}${version(3, tiers('{days: 90}', '{id: silver, from: 100}'))}
purchase p1 100.00 2026-01-05 -> none>silver
program 2
purchase p2 1.00 2026-01-20   -> silver>none spend 1.00
program 3
purchase p3 1.00 2026-01-21   -> none>silver spend 102.00
`);
  });
});

describe('points', () => {
  it('a return takes back by the rate of its purchase', () => {
    check(`${version(1, '', 'points: 1, per: 1')}${version(2, '', 'points: 5, per: 1')}
purchase p1 10.00 2026-01-05 -> +10
program 2
purchase p2 10.00            -> +50
return r1 of p1              -> -10
return r2 of p2 5.00         -> -25 balance 25
`);
  });

  it('old and new terms live side by side in one record', () => {
    check(`${version(1, '', 'points: 1, per: 1')}${version(2, '', 'points: 5, per: 1, rounding: ceil')}
repeat 20 purchase p# 10.00 2026-01-05 -> balance 200
program 2
repeat 40 purchase q# 0.10 2026-01-06  -> balance 240
return r1 of p3                        -> -10
return r2 of q3                        -> -1
return r3 of q39                       -> -1
`);
  });
});

it('a grace is over once the set gives a term', () => {
  const counted = (options: string) =>
    `counters: [{id: x, of: spend, window: {days: 30}}]\ntiers: {id: main, counter: x, ${options}levels: [{id: gold, from: 100}]}`;
  check(`${version(1, counted('grace: {days: 60}, '))}${version(2, counted('grace: {days: 60}, lasts: {for: {years: 1}}, '))}
purchase p1 200.00 2026-01-01 -> none>gold
tick 2026-02-10               -> tier gold until 2026-04-01
program 2
adjust a1 +1 2026-02-11       -> tier gold until 2027-04-13
tick 2027-04-13               -> gold>none
`);
});

it('a cached member and one from the store adopt a program alike, even if an event is refused first', () => {
  const first = programOf({ tiers: { id: 'main', window: { days: 30 }, levels: [{ id: 'a', from: 10 }] } });
  const second = programOf({
    version: 2,
    tiers: { id: 'main', window: 'calendar-year', levels: [{ id: 'b', from: 10 }] },
  });
  const run = (mode: 'warm' | 'cold'): string => {
    const desk = new Desk(first, mode);
    const purchase = purchaseEvent({ amount: 2_000 });
    desk.score({ ...purchase, id: 'p1', occurredAt: Date.UTC(2025, 11, 31) }, Date.UTC(2025, 11, 31));
    desk.change(second, Date.UTC(2026, 0, 1));
    desk.score({ ...purchase, id: 'p2', currency: 'EUR' }, Date.UTC(2026, 0, 2));
    desk.score({ ...purchase, id: 'p3' }, Date.UTC(2026, 0, 2));
    return desk.records();
  };
  expect(run('cold')).toBe(run('warm'));
});

it('settling by the same program again changes nothing', () => {
  const program = programOf({});
  const desk = new Desk(program);
  score(program, desk.member, { type: 'enrolment', id: 'e1', memberId: '42', occurredAt: 0 }, 1_000_000_000_000);
  const before = encodeMember(desk.member);
  settle(program, desk.member, 0);
  expect(encodeMember(desk.member)).toEqual(before);
});
