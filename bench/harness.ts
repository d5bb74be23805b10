/**
 * What all benches share: two sizes (smoke: the bench itself is tested; full: the figures), a fixed seed, a result with the
 * ceiling it should approach, and a document that says on what machine and commit it was measured.
 *
 * Goals: every bench checks its own answer, so a fast wrong program has no figures. Non-goals: statistics over runs; run it
 * again, compare ratios.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';

export type Size = 'smoke' | 'full';

export interface BenchResult {
  /** As in `pipeline.uniform`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the same work costs without ours: decode only, an empty consumer, the bare broker. Same unit. */
  readonly ceiling?: number;
  /** value over ceiling, for rates and times alike. */
  readonly ratio?: number;
}

export interface BenchContext {
  readonly size: Size;
  /** A line for people; nothing in `--json`. */
  readonly say: (line: string) => void;
}

export type Bench = (context: BenchContext) => Promise<BenchResult[]>;

export interface BenchDocument {
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly node: string;
    readonly natsServer: string;
  };
  readonly commit: string;
  readonly size: Size;
  readonly results: readonly BenchResult[];
}

export const SEED = 42;

export function result(name: string, value: number, unit: string, ceiling?: number): BenchResult {
  const rounded = round(value);
  return ceiling === undefined
    ? { name, value: rounded, unit }
    : { name, value: rounded, unit, ceiling: round(ceiling), ratio: round(value / ceiling) };
}

/** Throws when a bench's answer is wrong: its figure must not be printed. */
export function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (!Object.is(found, expected)) throw new Error(`${what}: expected ${String(expected)}, found ${String(found)}`);
}

export function documentOf(size: Size, results: readonly BenchResult[]): BenchDocument {
  return {
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      natsServer: firstLine('nats-server', ['--version']),
    },
    commit: firstLine('git', ['rev-parse', '--short', 'HEAD']),
    size,
    results,
  };
}

function firstLine(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ?? '';
  } catch {
    return 'unknown';
  }
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
