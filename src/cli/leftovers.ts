/** What a launcher that was killed leaves running from its folder: an engine, which ends by itself, and a nats-server, which may not. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DRAIN_TIMEOUT_MS } from '../limits.ts';
import { clearRunning, type DataFolder, readRunning } from './data-folder.ts';
import { stopLeftoverNats } from './nats-child.ts';
import { hasArgument, isAlive } from './processes.ts';

/** What the engine process is started with. */
export const ENGINE_FILE = fileURLToPath(new URL('./engine-process.js', import.meta.url));

const POLL_MS = 50;

/** Resolves when nothing runs from the folder any more; for its holder. A second server or engine beside them would spoil their files. */
export async function endLeftovers(folder: DataFolder): Promise<void> {
  const { enginePid, natsPid } = readRunning(folder.path) ?? {};
  if (enginePid !== undefined) await endEngine(enginePid);
  if (natsPid !== undefined) await stopLeftoverNats(natsPid, folder.nats);
  clearRunning(folder.path);
}

/** It has lost its launcher and drains. The pid may be another process's by now, which is not waited for. */
async function endEngine(pid: number): Promise<void> {
  const runs = (): boolean => isAlive(pid) && hasArgument(pid, basename(ENGINE_FILE));
  for (let waitedMs = 0; runs() && waitedMs < DRAIN_TIMEOUT_MS; waitedMs += POLL_MS) await sleep(POLL_MS);
  if (runs()) process.kill(pid, 'SIGKILL');
  while (runs()) await sleep(POLL_MS);
}
