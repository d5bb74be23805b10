/** Events that arrive after later ones: tills that were offline for minutes or weeks. */
import { describe, it } from 'vitest';
import { check } from './table.ts';

const shop = (window: string, multiplier = 1, zone = 'UTC') => `
program: shop
version: 1
timezone: ${zone}
currency: USD
earn: {id: base, points: 1, per: 1}
tiers:
  id: main
  window: ${window}
  levels: [{id: base, from: 0}, {id: gold, from: 100, multiplier: ${multiplier}}]
---
`;

describe('a late purchase', () => {
  it('earns by the level in force on its day', () => {
    check(`${shop('{days: 30}', 2)}
purchase p1 100.00 2026-01-10 -> +100 base>gold
purchase p2 10.00 2026-01-11  -> +20
purchase l1 10.00 2026-01-09  -> +10
purchase l2 10.00 2026-01-10  -> +20
purchase p3 10.00 2026-02-20  -> +10 gold>base
; gold until 9 February: 10 January has left, of the rest there is too little
purchase l3 10.00 2026-02-08  -> +20
purchase l4 10.00 2026-02-10  -> +10
`);
  });

  it('of last year earns by the level of last year', () => {
    check(`${shop('calendar-year', 2)}
purchase p1 100.00 2025-03-01 -> +100 base>gold
purchase p2 10.00 2025-12-31  -> +20
purchase p3 10.00 2026-01-02  -> +10 gold>base
purchase l1 10.00 2025-12-30  -> +20 unchanged spend 10.00
purchase p4 10.00 2026-01-03  -> +10
purchase l2 10.00 2025-12-30  -> +20
`);
  });

  it('counts on its day: lots and window are what they would have been in order', () => {
    check(`${shop('{days: 30}')}
purchase p1 60.00 2026-01-10 -> tier base
purchase p2 30.00 2026-01-20 -> tier base
purchase l1 40.00 2026-01-05 -> base>gold since 2026-01-20T12:00 until 2026-02-04 spend 130.00 lots 2026-01-05:40,2026-01-10:60,2026-01-20:30
tick 2026-02-04              -> gold>base
`);
    check(`${shop('{days: 30}')}
purchase l1 40.00 2026-01-05 -> tier base
purchase p1 60.00 2026-01-10 -> base>gold since 2026-01-10T12:00
purchase p2 30.00 2026-01-20 -> tier gold until 2026-02-04 spend 130.00 lots 2026-01-05:40,2026-01-10:60,2026-01-20:30
tick 2026-02-04              -> gold>base
`);
  });

  it('outside the window earns points and nothing else', () => {
    check(`${shop('{days: 30}')}
purchase p1 60.00 2026-06-10  -> +60
purchase l1 999.00 2026-01-05 -> +999 tier base unchanged spend 60.00 balance 1059
; even the first moment of the first day that counts
purchase l2 40.00 2026-05-11T23:59:59.999 -> +40 tier base spend 60.00
purchase l3 40.00 2026-05-12T00:00        -> +40 base>gold spend 100.00
`);
  });

  it('is late by the log too: an edge its clock has passed has fired', () => {
    // Both tables end alike, whether or not a tick came before the late purchase.
    check(`${shop('{days: 30}')}
purchase p1 100.00 2026-01-05               -> base>gold due 2026-02-04
tick 2026-02-05                             -> gold>base
purchase l1 60.00 2026-01-31 now 2026-02-10 -> tier base unchanged spend 60.00 due never
`);
    check(`${shop('{days: 30}')}
purchase p1 100.00 2026-01-05               -> base>gold due 2026-02-04
purchase l1 60.00 2026-01-31 now 2026-02-10 -> gold>base tier base spend 60.00 due never
`);
  });

  it('may be the first event of a member', () => {
    check(`${shop('{days: 30}', 2)}
purchase p1 100.00 2026-01-05 now 2026-03-01 -> +100 base>gold since 2026-01-05T12:00
read 2026-03-01                              -> tier base spend 0.00
`);
  });
});

describe('a late return', () => {
  it('of a purchase after it takes back points and spend all the same', () => {
    check(`${shop('{days: 30}')}
purchase p1 100.00 2026-01-10         -> base>gold
return r1 of p1 2026-01-08            -> -100 gold>base spend 0.00 lots none
`);
  });

  it('before its purchase is refused and can be sent again', () => {
    check(`${shop('{days: 30}')}
return r1 of p1 2026-01-10   -> original_not_found originalId
purchase p1 50.00 2026-01-09 -> +50
return r1 of p1 2026-01-10   -> -50 balance 0
`);
  });
});

it('the order of tills within a day does not matter', () => {
  check(`${shop('{days: 30}', 1, 'Pacific/Auckland')}
purchase p1 60.00 2026-01-10T18:00 -> tier base
purchase p2 40.00 2026-01-10T09:00 -> base>gold spend 100.00 due 2026-02-09 lots 2026-01-10:100
`);
});

describe('a purchase of the time of another program', () => {
  const version = (number: number, points: number, rest = '') => `
program: shop
version: ${number}
timezone: UTC
currency: USD
earn: {id: base, points: ${points}, per: 1}
${rest}
---`;

  it('earns, and its points last, as they would have then', () => {
    check(`${version(1, 1, 'expiry: {after: {days: 30}}')}${version(2, 5)}${version(3, 7)}
purchase p1 10.00 2026-01-05           -> +10 expires 2026-02-05:10
program 2
purchase p2 10.00 2026-01-06           -> +50 balance 60
program 3
purchase p3 10.00 2026-01-07           -> +70 balance 130
purchase l1 10.00 2026-01-05T13:00     -> +50 balance 180
purchase l2 10.00 2026-01-04           -> +10 balance 190 expires 2026-02-04:10,2026-02-05:10
return r1 of l2                        -> -10 expires 2026-02-05:10
`);
  });
});

describe('a purchase that is later than the program accepts', () => {
  const late = (beyond: string) => shop('{days: 30}').replace('---', `late: {days: 7, beyond: ${beyond}}\n---`);

  it('is refused', () => {
    check(`${late('refuse')}
purchase p1 10.00 2026-01-05 now 2026-01-12T23:59  -> +10
purchase p2 10.00 2026-01-05 now 2026-01-13T00:00  -> too_late occurredAt balance 10
`);
  });

  it('counts as of its receipt, and a resend is known by its own time', () => {
    check(`${late('receipt')}
purchase p1 10.00 2026-01-05 now 2026-01-13   -> +10 lots 2026-01-13:10
resend p1                                     -> duplicate +10
purchase p2 10.00 2026-01-06 now 2026-01-13   -> lots 2026-01-06:10,2026-01-13:10
return r1 of p1                               -> -10 lots 2026-01-06:10
`);
  });

  it('counts as of its own time and is marked', () => {
    check(`${late('flag')}
purchase p1 10.00 2026-01-05 now 2026-01-13   -> +10 lots 2026-01-05:10 late yes
purchase p2 10.00 2026-01-06 now 2026-01-13   -> +10 late no
return r1 of p1                               -> -10 balance 10
`);
  });
});

describe('a purchase before the enrolment', () => {
  const required = (buffer: string) => shop('{days: 30}').replace('---', `enrolment: required\n${buffer}\n---`);

  it('counts within the buffer', () => {
    check(`${required('enrolmentBufferHours: 3')}
enrol e1 2026-01-05T09:00
purchase p1 10.00 2026-01-05T06:00            -> +10
purchase p2 10.00 2026-01-05T05:59            -> before_enrolment occurredAt balance 10
`);
    check(`${required('')}
enrol e1 2026-01-05T09:00
purchase p1 10.00 2025-01-05                  -> +10
`);
  });
});

describe('a purchase of before a change', () => {
  const gold = (version: number, from: number, set: string) => `
program: shop
version: ${version}
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
counters: [{id: x, of: spend, window: {days: 60}}]
tiers: {id: main, ${set}levels: [{id: gold, from: ${from}, multiplier: 2}]}
---`;

  it.each([
    ['window: {days: 60}, ', 'gold>none'],
    ['counter: x, grace: {days: 2}, ', 'tier gold'],
  ])('of the program earns by its level, %s', (set, held) => {
    check(`${gold(1, 100, set)}${gold(2, 1000, set)}
purchase p1 100.00 2026-01-10 -> none>gold
program 2
purchase p2 10.00 2026-01-20  -> ${held}
purchase l1 10.00 2026-01-15  -> +20
purchase l2 10.00 2026-01-09  -> +10
`);
  });

  it('of the program earns by its level, where sets follow a ladder over spend', () => {
    check(`${gold(1, 100, 'window: {days: 60}, ')}${gold(2, 1000, 'counter: x, grace: {days: 2}, ')}
purchase p1 100.00 2026-01-10 -> none>gold
program 2
purchase p2 10.00 2026-01-20  -> tier gold
purchase l1 10.00 2026-01-15  -> +20
purchase l2 10.00 2026-01-09  -> +10
`);
  });

  it('of the level earns by the one before, though a return has settled what came after', () => {
    check(`${gold(1, 100, 'counter: x, lasts: {for: {days: 60}}, returns: at-period-end, ')}
purchase p1 100.00 2026-01-10 -> none>gold
purchase p2 10.00 2026-01-11  -> +20
return r1 of p2 2026-01-12    -> -20
purchase l1 10.00 2026-01-05  -> +10
purchase l2 10.00 2026-01-10  -> +20
`);
  });
});
