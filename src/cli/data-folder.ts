/** The one folder that belongs to an engine: who holds it, and what is running from it. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from './options.ts';

export interface DataFolder {
  readonly path: string;
  /** A folder for each partition's store. */
  readonly stores: string;
  /** What the private nats-server keeps. */
  readonly nats: string;
  release(): void;
}

/** What runs from the folder, for other commands and for the next start. */
export interface RunningEngine {
  readonly launcherPid: number;
  readonly enginePid?: number;
  readonly natsPid?: number;
  readonly natsUrl: string;
  readonly httpUrl?: string;
}

interface Holder {
  readonly pid: number;
  /** Tells the process from a later one with the same pid; '' where the system does not say. */
  readonly started: string;
}

/** Takes the folder for this process. Throws UsageError while another holds it. */
export function holdDataFolder(folder: string): DataFolder {
  const path = resolve(folder);
  mkdirSync(path, { recursive: true });
  const lock = join(path, 'lock.json');
  const mine = JSON.stringify({ pid: process.pid, started: processStart(process.pid) } satisfies Holder);
  // Two tries: the second after a lock was found that a dead engine left behind.
  for (let attempt = 0; !createExclusive(lock, mine); attempt++) {
    const holder = readJson<Holder>(lock);
    if (holder !== undefined && isRunning(holder)) {
      throw new UsageError(
        `The data folder ${path} is in use by the engine with process id ${holder.pid}. Stop it, or use another folder with --data.`,
      );
    }
    if (attempt > 0) throw new UsageError(`The data folder ${path} is being taken by another engine. Try again.`);
    rmSync(lock, { force: true });
  }
  const stores = join(path, 'stores');
  const nats = join(path, 'nats');
  mkdirSync(stores, { recursive: true });
  mkdirSync(nats, { recursive: true });
  return { path, stores, nats, release: () => rmSync(lock, { force: true }) };
}

export function writeRunning(folder: string, running: RunningEngine): void {
  // Renamed into place, so that nobody reads half of it.
  const path = join(folder, 'running.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(running, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** What was last written; it may have ended since. */
export function readRunning(folder: string): RunningEngine | undefined {
  return readJson<RunningEngine>(join(folder, 'running.json'));
}

export function clearRunning(folder: string): void {
  rmSync(join(folder, 'running.json'), { force: true });
}

/** Is this pid a nats-server that serves this folder? Only then may it be stopped as left behind. */
export function isNatsOf(pid: number, natsFolder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(natsFolder);
  } catch {
    return false;
  }
}

function createExclusive(path: string, content: string): boolean {
  try {
    const file = openSync(path, 'wx');
    writeFileSync(file, content);
    closeSync(file);
    return true;
  } catch (error) {
    if (existsSync(path)) return false;
    throw error;
  }
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    // Not there, or cut off by a crash: both mean that nobody holds it.
    return undefined;
  }
}

function isRunning({ pid, started }: Holder): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return processStart(pid) === started;
}

/** When a process started, in the kernel's clock ticks, with the boot it was in; '' where there is no /proc. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The process name, field 2, may hold spaces; fields are counted after its closing bracket.
    return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}
