/** A real engine, started as a user starts it: the launcher, its nats-server and its workers, on a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const MAIN = 'dist/src/cli/main.js';
const READY_WITHIN_MS = 60_000;

export interface Running {
  readonly launcherPid: number;
  readonly enginePid: number;
  readonly natsPid: number;
  readonly natsUrl: string;
  readonly httpUrl: string;
}

export type Env = Readonly<Record<string, string>>;

export interface Verb {
  readonly child: ChildProcess;
  readonly ended: Promise<VerbEnd>;
}

export interface VerbEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestEngine {
  readonly data: string;
  /** What runs now; other after a restart. */
  running(): Running;
  url(): string;
  /** Everything written so far, both streams. */
  output(): string;
  /** Resolves once /readyz says so. */
  ready(): Promise<void>;
  /** As Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** As `kill -9` of the launcher does. */
  kill(): Promise<void>;
}

/** A launcher that outlived a failed test goes with the test process; its engine and nats-server follow it. */
const launchers = new Set<ChildProcess>();
process.on('exit', () => {
  for (const launcher of launchers) launcher.kill('SIGKILL');
});

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tidemark-test-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export async function startEngine(data: string, args: readonly string[] = [], env: Env = {}): Promise<TestEngine> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build first, as npm test does`);
  const child = spawn('node', [MAIN, 'start', '--data', data, '--http-port', '0', ...args], {
    env: { ...environment(), ...env },
  });
  launchers.add(child);
  child.once('exit', () => launchers.delete(child));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const engine: TestEngine = {
    data,
    running: () => JSON.parse(readFileSync(join(data, 'running.json'), 'utf8')) as Running,
    url: () => engine.running().httpUrl,
    output: () => output,
    ready: () => untilReady(engine, child),
    stop: async () => {
      await end(child, 'SIGINT');
      return child.exitCode;
    },
    kill: () => end(child, 'SIGKILL'),
  };
  await engine.ready();
  return engine;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

async function untilReady(engine: TestEngine, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await isReady(engine))) {
    if (child.exitCode !== null) throw new Error(`the engine ended with code ${child.exitCode}:\n${engine.output()}`);
    if (Date.now() > deadline) throw new Error(`the engine was not ready in time:\n${engine.output()}`);
    await sleep(50);
  }
}

async function isReady(engine: TestEngine): Promise<boolean> {
  try {
    return (await fetch(`${engine.url()}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Ours, less what would change how an engine starts. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEMARK_') && name !== 'NATS_URL');
  return Object.fromEntries(kept);
}

/** Runs a verb to its end. */
export async function runVerb(args: readonly string[], env: Env = {}): Promise<VerbEnd> {
  const { child, ended } = startVerb(args, env);
  child.stdin?.end();
  return ended;
}

/** Starts a verb, for those who talk to it meanwhile. */
export function startVerb(args: readonly string[], env: Env = {}): Verb {
  const child = spawn('node', [MAIN, ...args], { env: { ...environment(), ...env } });
  launchers.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  // A verb that ends without reading its input is no failure of ours.
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(() => {
    launchers.delete(child);
    return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
  });
  return { child, ended };
}
