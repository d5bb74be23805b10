/** The program every bench scores by: a rate, three levels, a rolling year. */
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

export function benchProgram(): Program {
  const parsed = parseProgram(BENCH_PROGRAM);
  if (!parsed.ok) throw new Error(issuesText('bench program', parsed.issues));
  return parsed.program;
}
