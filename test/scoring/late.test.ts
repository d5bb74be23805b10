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
