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
