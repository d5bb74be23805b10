/** Floors, ceilings and thresholds of one member's own: what it holds meanwhile, and what is left when they end. */
import { describe, it } from 'vitest';
import { check } from './table.ts';

const SHOP = `
program: shop
version: 1
timezone: Europe/London
currency: GBP
earn: {id: base, points: 1, per: 1}
`;
const LADDER = `
tiers:
  id: main
  window: {days: 30}
  levels:
    - {id: silver, from: 100, multiplier: 2}
    - {id: gold, from: 500, multiplier: 3}
    - {id: black, from: 2000, multiplier: 4}
`;
/** The same, judged as a set with phases. */
const SET = `
tiers:
  id: main
  window: {days: 30}
  levels:
    - {id: silver, from: 100, multiplier: 2}
    - {id: gold, from: 500, multiplier: 3, benefits: [Lounge]}
    - {id: black, from: 2000, multiplier: 4}
`;

describe.each([
  ['a ladder over spend', LADDER],
  ['a tier set', SET],
])('%s', (_name, tiers) => {
  const NEEDS = tiers === LADDER ? '' : 'all:spend=';

  it('a floor raises at once, earns as the level does, and ends at its instant: a status match', () => {
    check(`${SHOP}${tiers}
---
purchase p1 120.00 2026-01-05                  -> +120 tier silver none>silver
exception x1 2026-01-06 floor=gold until=2026-03-01T09:30 -> 0 silver>gold tier gold since 2026-01-06T12:00 exceptions x1
read 2026-01-07                                -> until 2026-03-01T09:30 keep ${NEEDS}0.00/500.00 next black ${NEEDS}120.00/2000.00
purchase p2 10.00 2026-01-07                   -> +30 tier gold unchanged
; what leaves the window meanwhile costs nothing
tick 2026-03-01T09:29:59.999                   -> tier gold unchanged due 2026-03-01T09:30
tick 2026-03-01T09:30                          -> gold>none ended x1 exceptions none due never since 2026-03-01T09:30
purchase p3 10.00 2026-03-02                   -> +10 tier none
`);
  });

  it('who qualifies for what a floor gave keeps it when the floor ends', () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 floor=gold until=2026-02-01 -> 0 none>gold until 2026-02-01T12:00
purchase p1 600.00 2026-01-20                  -> +1800 unchanged until 2026-02-19 keep ${NEEDS}0.00/500.00
tick 2026-02-01T12:00                          -> tier gold unchanged ended x1
tick 2026-02-19                                -> gold>none since 2026-02-19
`);
  });

  it('a floor without an end lasts until somebody ends it', () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 floor=silver           -> 0 none>silver until never due never
purchase p1 600.00 2026-01-06                  -> +1200 silver>gold due 2026-02-05 until 2026-02-05
tick 2028-01-05                                -> gold>silver since 2026-02-05
end n1 of x1 2028-01-06                        -> 0 silver>none exceptions none due never
`);
  });

  it('a ceiling caps what is reached, and what is waiting comes when it ends', () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 ceiling=silver until=2026-01-20T15:00 -> 0 unchanged tier none next silver ${NEEDS}0.00/100.00
purchase p1 600.00 2026-01-06                  -> +600 none>silver next none
purchase p2 10.00 2026-01-07                   -> +20 unchanged
tick 2026-01-20T15:00                          -> silver>gold ended x1 since 2026-01-20T15:00 next black ${NEEDS}610.00/2000.00
tick 2026-02-10                                -> gold>none
`);
  });

  it("thresholds of its own take the place of the program's, up or down", () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 gold:50.00 black:700.00 until=2026-02-01 -> 0 unchanged next silver ${NEEDS}0.00/100.00
purchase p1 60.00 2026-01-06                   -> +60 none>gold next black ${NEEDS}60.00/700.00 until 2026-02-01T12:00 keep ${NEEDS}60.00/500.00
purchase p2 640.00 2026-01-07                  -> +1920 gold>black
tick 2026-02-01T12:00                          -> black>gold since 2026-02-01T12:00
tick 2026-02-07                                -> gold>none
exception x2 2026-02-08 silver:100.01          -> 0 next silver ${NEEDS}0.00/100.01
purchase p3 100.00 2026-02-08                  -> +100 unchanged
purchase p4 0.01 2026-02-08                    -> 0 none>silver
end n2 of x2 2026-02-08                        -> 0 tier silver unchanged
`);
  });

  it('of several the highest floor counts, the lowest ceiling, and before both the latest threshold; a ceiling caps a floor', () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 floor=silver           -> 0 none>silver
exception x2 2026-01-05 floor=gold             -> 0 silver>gold
exception x3 2026-01-05 floor=silver           -> 0 tier gold unchanged
exception x4 2026-01-05 ceiling=silver         -> 0 gold>silver
exception x5 2026-01-05 ceiling=gold           -> 0 tier silver unchanged exceptions x1,x2,x3,x4,x5
end n4 of x4 2026-01-06                        -> 0 silver>gold
end n2 of x2 2026-01-06                        -> 0 gold>silver
exception y1 2026-01-06 gold:10.00             -> 0 unchanged
exception y2 2026-01-06 gold:20.00             -> 0 unchanged
purchase p1 10.00 2026-01-06                   -> +20 unchanged
purchase p2 10.00 2026-01-06                   -> +20 silver>gold
`);
  });

  it('a purchase that arrives late earns under the level that was held then, by an exception that has ended since or begun', () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 floor=gold until=2026-01-20 -> 0 none>gold
exception x2 2026-03-01 floor=silver           -> 0 gold>none none>silver
purchase p1 10.00 2026-01-19 now 2026-03-02    -> +30
purchase p2 10.00 2026-01-20 now 2026-03-02    -> +10
purchase p3 10.00 2026-01-04 now 2026-03-02    -> +10
purchase p4 10.00 2026-03-02                   -> +20
; 92 days after its end a purchase lets go of it
purchase p5 10.00 2026-05-01                   -> +20
purchase p6 10.00 2026-01-19 now 2026-05-01    -> +10
`);
  });

  it('a new program without the level makes it inert, one that has it again does not', () => {
    const without = tiers.replace(/.*gold.*\n/, '');
    check(`${SHOP}${tiers}
---
${SHOP.replace('version: 1', 'version: 2')}${without}
---
${SHOP.replace('version: 1', 'version: 3')}${tiers}
---
${SHOP.replace('version: 1', 'version: 4')}
---
exception x1 2026-01-05 floor=gold ceiling=gold until=2026-09-01 -> 0 none>gold
program 2
purchase p1 120.00 2026-01-06                  -> +120 gold>none none>silver
program 3
purchase p2 1.00 2026-01-07                    -> +3 silver>gold
program 4
purchase p3 1.00 2026-01-08                    -> +1 tier none
tick 2026-09-01                                -> ended x1
`);
  });

  it('a set or a level that is not there is refused by name, and so is what has ended', () => {
    check(`${SHOP}${tiers}
---
exception x1 2026-01-05 floor=gold tier=club   -> level_not_found tier
exception x1 2026-01-05 floor=golden           -> level_not_found floor
exception x1 2026-01-05 floor=gold ceiling=top -> level_not_found ceiling
exception x1 2026-01-05 silver:1.00 top:1.00   -> level_not_found thresholds.top
; before: one that is over
exception x1 2026-01-05 floor=top until=2026-01-05 -> level_not_found floor
exception x1 2026-01-05 floor=gold until=2026-01-05 -> exception_over until
exception x1 2026-01-05 now 2026-01-10 floor=gold until=2026-01-10 -> exception_over until
exception x1 2026-01-10 floor=gold tier=main until=2026-01-10T12:00:00.001 -> 0 none>gold
end n1 of zz                                   -> original_not_found originalId
purchase p1 1.00 2026-01-10                    -> +3
end n1 of p1                                   -> original_not_an_exception originalId
end n1 of x1 2026-01-10 now 2026-01-11         -> exception_over originalId
exception x2 2026-01-11 floor=gold             -> 0 gold>none none>gold
end n2 of x2                                   -> 0 gold>none
end n3 of x2                                   -> exception_over originalId
resend x2                                      -> duplicate 0
resend n2                                      -> duplicate 0
exception x2 2026-01-11 floor=black            -> duplicate_with_different_content floor
exception x2 2026-01-11 floor=gold gold:1.00   -> duplicate_with_different_content thresholds
end n2 of x1 2026-01-11                        -> duplicate_with_different_content occurredAt
`);
  });

  it('as many as there can be at a time; those that have ended make room', () => {
    check(`${SHOP}${tiers}
---
exception x0 2026-01-05 floor=gold until=2026-01-06 -> 0 none>gold
repeat 15 exception y# 2026-01-05 floor=silver -> 0 unchanged
exception z1 2026-01-05 floor=black            -> too_many_exceptions
exception z1 2026-01-06 floor=black            -> 0 gold>silver silver>black
end n1 of y3 2026-01-07                        -> 0 unchanged
exception z2 2026-01-07 ceiling=silver         -> 0 black>silver
exception z3 2026-01-07 floor=silver           -> too_many_exceptions
; x0 had to go, so a purchase of its time earns as on silver
purchase p1 10.00 2026-01-05T13:00             -> +20
`);
  });
});

describe('of a set with terms', () => {
  const CLUB = `${SHOP}
counters: [{id: visits, of: visits, window: calendar-year}, {id: points, of: points, window: calendar-year}]
tiers:
  - id: main
    window: calendar-year
    lasts: {until: next-period-end}
    levels: [{id: silver, from: 100, entry: {points: 10}}, {id: gold, from: 500, entry: {points: 50}}]
  - id: club
    counter: visits
    grace: {days: 10}
    levels:
      - {id: blue, from: 2}
      - {id: red, when: {all: [{counter: visits, from: 3}, {counter: points, from: 1000}]}}
`;

  it('a floor starts no term and pays nothing for the level; what is earned under it does', () => {
    check(`${CLUB}
---
exception x1 2026-03-01 floor=gold until=2026-06-30T00:00 -> 0 none>gold reward 0 until 2026-06-30 projected none
purchase p1 100.00 2026-04-01                  -> +100 tier gold unchanged reward 10 projected silver
tick 2026-06-30T00:00                          -> gold>silver ended x1 until 2028-01-01 projected none
`);
  });

  it('a level reached by thresholds of its own has its term, which they do not outlive but it does them', () => {
    check(`${CLUB}
---
exception x1 2026-03-01 gold:200.00 until=2026-06-30T00:00 -> 0 unchanged
purchase p1 200.00 2026-04-01                  -> +200 none>gold reward 60 until 2028-01-01
tick 2026-06-30T00:00                          -> tier gold unchanged ended x1
purchase p2 200.00 2027-04-01                  -> +200 tier gold
tick 2028-01-01                                -> gold>silver
return r1 of p1 2028-01-02                     -> -200 unchanged
`);
  });

  it('thresholds that arrive late, and purchases before them, are judged as if all had come in order', () => {
    const spans = `${SHOP}
tiers:
  id: main
  window: calendar-year
  lasts: {for: {months: 2}}
  levels: [{id: gold, from: 500}]
`;
    check(`${spans}
---
purchase p1 60.00 2026-04-01                   -> +60 tier none
purchase p2 1.00 2026-04-30                    -> +1 tier none
exception x1 2026-03-01 now 2026-05-01 gold:50.00 -> 0 none>gold until 2026-06-02
`);
    check(`${spans}
---
purchase p1 60.00 2026-03-01                   -> +60 tier none
exception x1 2026-03-10 gold:50.00             -> 0 none>gold until 2026-05-11
purchase p2 1.00 2026-03-05 now 2026-03-20     -> +1 unchanged until 2026-05-11
end n1 of x1 2026-03-21                        -> 0 unchanged until 2026-05-11
purchase p3 1.00 2026-03-05 now 2026-03-22     -> +1 unchanged until 2026-05-11
`);
  });

  it('a return undoes what thresholds of its own had made of its purchase', () => {
    check(`${CLUB}
---
exception x1 2026-03-01 gold:200.00 until=2026-06-30T00:00 -> 0 unchanged
purchase p1 200.00 2026-04-01                  -> +200 none>gold reward 60
return r1 of p1 2026-06-15                     -> -200 gold>none reward -60
; late, and judged by what it then took
purchase p2 210.00 2026-06-20 now 2026-08-01   -> +210 none>gold reward 60
purchase p3 210.00 2026-08-02                  -> +210 club:none>blue
end n1 of x1                                   -> exception_over originalId
`);
  });

  it('another set is meant by name, counts what it counts, and has its grace where thresholds end', () => {
    check(`${CLUB}
---
exception x1 2026-03-01 tier=club blue:1 until=2026-05-01T12:00 -> 0 unchanged
purchase p1 10.00 2026-04-01 store=s1          -> +10 club:none>blue tier:club blue
exception x2 2026-04-02 tier=club red:1        -> level_not_found thresholds.red
tick 2026-05-01T12:00                          -> tier:club blue unchanged ended x1 until:club 2026-05-11
tick 2026-05-11T00:00                          -> club:blue>none
exception x3 2026-06-01 tier=club floor=red until=2026-06-02 -> 0 club:none>red tier none
tick 2026-06-02                                -> club:red>none
`);
  });

  it('a program with sets takes over a floor without giving it a term', () => {
    check(`${SHOP}${LADDER}
---
${CLUB.replace('version: 1', 'version: 2')}
---
${SHOP.replace('version: 1', 'version: 3')}
---
exception x1 2026-03-01 floor=gold until=2026-06-30 -> 0 none>gold
purchase p1 150.00 2026-03-02                  -> +450
program 2
purchase p2 1.00 2026-03-03                    -> +1 tier gold unchanged projected silver
tick 2026-06-30                                -> gold>silver
exception x2 2026-07-01 tier=club floor=red    -> 0 club:none>red
program 3
purchase p3 1.00 2026-07-02                    -> +1 club:red>none silver>none
`);
  });

  it('a balance goes by a threshold of its own too', () => {
    check(`${SHOP}
tiers:
  id: main
  balance: points
  levels: [{id: gold, from: 100}]
---
exception x1 2026-03-01 gold:0                 -> 0 none>gold until never
exception x2 2026-03-01 gold:50 until=2026-04-01 -> 0 gold>none until never upcoming gold@2026-04-01T12:00
purchase p1 50.00 2026-03-02                   -> +50 none>gold
adjust a1 -1 2026-03-03                        -> -1 gold>none
`);
  });
});

it('a season of other thresholds is a version of the program: a December purchase that arrives in January earns by December', () => {
  const version = (number: number, gold: number): string => `${SHOP.replace('1\n', `${number}\n`)}
tiers: {id: main, window: calendar-year, levels: [{id: gold, from: ${gold}, multiplier: 2}]}
`;
  check(`${version(1, 100)}
---
${version(2, 50)}
---
${version(3, 100)}
---
purchase p1 60.00 2025-11-20                   -> +60 tier none
tick 2025-12-01T00:00
program 2
purchase p2 1.00 2025-12-02                    -> +2 none>gold
tick 2026-01-01T00:00
program 3
purchase p3 1.00 2026-01-02                    -> +1 tier none
purchase p4 10.00 2025-12-20 now 2026-01-03    -> +20 tier none
`);
});
