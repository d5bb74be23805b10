/** The one folder that belongs to an engine: what is where in it, and what is running from it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { toError } from '../lib/assert.ts';
import { lockFolder } from './folder-lock.ts';
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

/** Takes the folder for this process. Throws UsageError while another holds it. */
export async function holdDataFolder(folder: string): Promise<DataFolder> {
  const path = resolve(folder);
  const release = await take(path);
  return { path, stores: join(path, 'stores'), nats: join(path, 'nats'), release };
}

async function take(path: string): Promise<() => void> {
  try {
    mkdirSync(path, { recursive: true });
    return await lockFolder(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The data folder ${path} cannot be used: ${toError(error).message}`);
  }
}

export function writeRunning(folder: string, running: RunningEngine): void {
  // Renamed into place, so that nobody reads half of it.
  const path = join(folder, 'running.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(running, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

/** What was last written; it may have ended since. */
export function readRunning(folder: string): RunningEngine | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8')) as RunningEngine;
  } catch {
    return undefined;
  }
}

export function clearRunning(folder: string): void {
  rmSync(join(folder, 'running.json'), { force: true });
}
