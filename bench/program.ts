/** The programs that benches score by: a plain one, with a rate, three levels and a rolling year; and one with more to do. */
import { issuesText, parseProgram } from '../src/program/parse.ts';
import type { Program } from '../src/program/program.ts';

export const BENCH_PROGRAM = `
program: bench
version: 1
timezone: Europe/London
currency: GBP
earn: { id: base, points: 1, per: 1 }
tiers:
  id: main
  window: { days: 365 }
  levels:
    - { id: bronze, from: 0 }
    - { id: silver, from: 500, multiplier: 1.25 }
    - { id: gold, from: 2000, multiplier: 1.5 }
`;

/** Expiry, points that wait, redemption, a second wallet, a rolling tier with grace, and what returns may take. */
export const RICH_PROGRAM = `
program: bench
version: 1
timezone: Europe/London
currency: GBP
wallets:
  - { id: points, expiry: { after: { months: 12 }, through: month }, redeem: { points: 100, worth: 1.00 } }
  - { id: cash, pending: { days: 14 }, returns: within-balance }
earn:
  - { id: base, points: 1, per: 1 }
  - { id: back, wallet: cash, points: 2, per: 1 }
tiers:
  id: main
  window: { days: 365 }
  grace: { months: 1, through: month }
  levels:
    - { id: bronze, from: 0 }
    - { id: silver, from: 500, multiplier: 1.25 }
    - { id: gold, from: 2000, multiplier: 1.5 }
`;

export function benchProgram(text = BENCH_PROGRAM): Program {
  const parsed = parseProgram(text);
  if (!parsed.ok) throw new Error(issuesText('bench program', parsed.issues));
  return parsed.program;
}
