/** The programs in examples/, each lived through by one member. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { check } from './table.ts';

const example = (name: string): string =>
  `${readFileSync(join(import.meta.dirname, '../../examples', `${name}.yaml`), 'utf8')}\n---\n`;

describe('coalition', () => {
  it('pays cents and stars by partner, after the return window', () => {
    check(`${example('coalition')}
purchase p1 (MILK/organic x2 4.00, BREAD x1 3.00) store=grocer-1 2026-03-02 -> +11 +2:stars rules everywhere:7,grocer:4,organic:2 pending 11 balance 0
purchase p2 60.00 (DIESEL/fuel x1 60.00) store=station-9 2026-03-03        -> +62 +10:stars pending 73 balance:stars 12
return r1 of p1 (MILK x1)                                                  -> -3 -1:stars pending 70
tick 2026-03-16                                                            -> pending 62 balance 8
tick 2026-03-17                                                            -> pending 0 balance 70 balance:stars 11
redeem x1 50                                                               -> below_minimum points
redeem x1 10 wallet=stars                                                  -> -10:stars worth 0.50
tick 2026-04-01T00:00                                                      -> balance:stars 0 expired 2026-04-01:1
purchase p3 100.00 store=shop-1                                            -> +100 pending 100
tick 2026-04-20                                                            -> balance 170
redeem x2 170                                                              -> -170 worth 1.70 balance 0
return r2 of p2                                                            -> 0 -9:stars balance 0 balance:stars 1
`);
  });
});

describe('airline', () => {
  it('keeps status to the end of February of the year after next, and lands softly', () => {
    check(`${example('airline')}
purchase f1 2300.00 (LIS x1 2300.00) tax=300.00 2026-03-10      -> +8000 none>silver until 2028-03-01
purchase f2 3000.00 (NRT/long-haul x1 3000.00) 2026-05-02       -> +17500 silver>gold reward 5000 balance 30500
purchase f3 100.00 2027-06-01                                   -> +600 tier gold
tick 2028-02-29T23:59:59.999                                    -> tier gold unchanged
tick 2028-03-01T00:00                                           -> gold>silver
tick 2029-03-01T00:00                                           -> silver>none
`);
  });

  it('takes a status back with the flight that gave it, and the miles for it', () => {
    check(`${example('airline')}
purchase f1 2000.00 2026-03-10      -> +8000 none>silver
purchase f2 3000.00 2026-05-02      -> +15000 silver>gold reward 5000
return r1 of f2                     -> -15000 gold>silver reward -5000 balance 8000
`);
  });

  it('holds miles for a booking, and captures what it came to', () => {
    check(`${example('airline')}
purchase f1 2000.00 2026-03-10      -> +8000
hold h1 5000 2026-03-11             -> -5000 worth 40.00 balance 3000
capture c1 of h1 4500               -> +500 worth 36.00 balance 3500
`);
  });
});

describe('coffee', () => {
  it('earns by level, and spends at once', () => {
    check(`${example('coffee')}
purchase p1 100.00 2026-01-05       -> +1000 none>silver
purchase p2 10.00                   -> +125
`);
  });
});
