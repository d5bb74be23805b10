/**
 * One process at a time has a data folder. Whoever wants it first puts a lock file under a name of its own there, whole, and
 * then looks for those of others: if one may be alive, it takes its own away again. Of two that come at once each may give
 * way to the other, and tries again; but never do both stay, since the later look sees both files. No name is used twice, so
 * removing what a dead process left behind cannot hit somebody who has come since.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from './options.ts';
import { bootId, isAlive, processStart } from './processes.ts';

const LOCK = /^lock-.+\.json$/;
/** Tries against others that come at the same time; each waits up to this long. */
const TRIES = 6;
const PAUSE_MS_MAX = 100;

interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
  /** Containers on one machine have pids of their own, and mostly host names too. */
  readonly host: string;
}

/** Resolves with what gives the folder back. Throws UsageError while another process has it, or may have it. */
export async function lockFolder(folder: string): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    const name = `lock-${randomUUID()}.json`;
    const path = join(folder, name);
    writeHolder(path, { pid: process.pid, started: processStart(process.pid), boot: bootId(), host: hostname() });
    const release = (): void => rmSync(path, { force: true });
    const rival = findRival(folder, name);
    if (rival === undefined) return release;
    release();
    if (attempt === TRIES) throw new UsageError(rival);
    await sleep(Math.random() * PAUSE_MS_MAX);
  }
}

/** Why the folder cannot be had. Locks of processes that are gone are removed. */
function findRival(folder: string, mine: string): string | undefined {
  for (const name of readdirSync(folder)) {
    if (name === mine || !LOCK.test(name)) continue;
    const path = join(folder, name);
    const holder = readHolder(path);
    if (holder !== undefined && holder.host !== hostname()) {
      return (
        `The data folder ${folder} was taken by process ${holder.pid} on the host (or in the container) "${holder.host}", ` +
        `which cannot be looked at from here. If it runs no more, remove ${path} and try again.`
      );
    }
    if (holder !== undefined && isRunning(holder)) {
      return `The data folder ${folder} is in use by the engine with process id ${holder.pid}. Stop it, or use another folder with --data.`;
    }
    rmSync(path, { force: true });
  }
  return undefined;
}

/** For one of this host. */
function isRunning({ pid, started, boot }: Holder): boolean {
  return boot === bootId() && isAlive(pid) && processStart(pid) === started;
}

/** Renamed into place, so that nobody finds half of it. */
function writeHolder(path: string, holder: Holder): void {
  writeFileSync(`${path}.new`, JSON.stringify(holder));
  renameSync(`${path}.new`, path);
}

/** Undefined if it has been given back since, or was lost with the power: both mean that nobody holds it. */
function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}
