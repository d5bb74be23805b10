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
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tidemark-test-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export async function startEngine(data: string, args: readonly string[] = []): Promise<TestEngine> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build first, as npm test does`);
  const child = spawn('node', [MAIN, 'start', '--data', data, '--http-port', '0', ...args], { env: environment() });
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
      if (child.exitCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      await ended;
      return child.exitCode;
    },
  };
  await engine.ready();
  return engine;
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
export async function runVerb(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('node', [MAIN, ...args], { env: environment() });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  child.stdin.end();
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}
