/**
 * `tidemark start`: holds the data folder, runs a private nats-server if none is named, and keeps the engine process going.
 * The engine is a process of its own so that what no thread can survive (out of memory, a crash in native code) costs a
 * restart and not the service.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLogger, type Logger } from '../observe/log.ts';
import {
  clearRunning,
  type DataFolder,
  holdDataFolder,
  type RunningEngine,
  readRunning,
  writeRunning,
} from './data-folder.ts';
import type { FromEngine, ToEngine } from './engine-protocol.ts';
import { type NatsChild, startNatsChild, stopLeftover } from './nats-child.ts';
import { resolveSettings, type Settings } from './options.ts';

const RESTART_DELAY_MS = 200;
const RESTART_DELAY_MAX_MS = 10_000;
const SETTLED_AFTER_MS = 30_000;
/** An engine that does not drain in this time is ended; what it had not stored is scored again at the next start. */
const DRAIN_TIMEOUT_MS = 4_000;

export async function start(args: readonly string[]): Promise<number> {
  const settings = resolveSettings(args, process.env);
  const logger = createLogger({ level: settings.logLevel });
  const folder = holdDataFolder(settings.data);
  let nats: NatsChild | undefined;
  try {
    await endLeftovers(folder);
    const running: { -readonly [Key in keyof RunningEngine]: RunningEngine[Key] } = {
      launcherPid: process.pid,
      natsUrl: settings.natsUrl,
    };
    const note = (news: Partial<RunningEngine>): void => {
      Object.assign(running, news);
      writeRunning(folder.path, running);
    };
    if (settings.natsUrl === '') {
      nats = await startNatsChild({
        binary: settings.natsServer,
        folder: folder.nats,
        logger,
        onStart: (natsPid) => note({ natsPid }),
      });
      note({ natsUrl: nats.url });
    }
    const natsUrl = nats?.url ?? settings.natsUrl;
    return await keepEngine({ ...settings, natsUrl, data: folder.path }, nats?.pid, logger, note);
  } finally {
    await nats?.stop();
    clearRunning(folder.path);
    folder.release();
  }
}

/** A launcher that was killed leaves its engine, which ends by itself, and its nats-server, which does not. */
async function endLeftovers(folder: DataFolder): Promise<void> {
  const last = readRunning(folder.path);
  if (last === undefined) return;
  for (
    let waitedMs = 0;
    last.enginePid !== undefined && isAlive(last.enginePid) && waitedMs < DRAIN_TIMEOUT_MS;
    waitedMs += 50
  ) {
    await sleep(50);
  }
  await stopLeftover(last.natsPid, folder.nats);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves with the exit code once the engine has been asked to stop, or has said that it cannot run. */
async function keepEngine(
  settings: Settings,
  natsPid: (() => number | undefined) | undefined,
  logger: Logger,
  note: (news: Partial<RunningEngine>) => void,
): Promise<number> {
  let stopping = false;
  let child: ChildProcess | undefined;
  const stop = (): void => {
    stopping = true;
    const current = child;
    if (current === undefined) return;
    if (current.connected) current.send({ type: 'stop' } satisfies ToEngine);
    setTimeout(() => current.kill('SIGKILL'), DRAIN_TIMEOUT_MS).unref();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    let delayMs = RESTART_DELAY_MS;
    while (!stopping) {
      const startMs = performance.now();
      child = fork(fileURLToPath(import.meta.resolve('./engine-process.js')), [], { serialization: 'advanced' });
      if (child.pid !== undefined) note({ enginePid: child.pid });
      const ended = engineEnd(child, (httpUrl) => {
        note({ httpUrl });
        showUrls(httpUrl);
      });
      child.send({ type: 'start', settings, natsPid: natsPid?.() } satisfies ToEngine);
      const { code, signal, refused } = await ended;
      if (refused) return 1;
      if (stopping) return signal === null ? (code ?? 1) : 1;
      delayMs =
        performance.now() - startMs > SETTLED_AFTER_MS ? RESTART_DELAY_MS : Math.min(delayMs * 2, RESTART_DELAY_MAX_MS);
      logger.error({ component: 'start', code, signal, delayMs }, 'the engine ended and is started again');
      await sleep(delayMs);
    }
    return 0;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** Where to look, for whoever typed the command; programs read running.json. */
function showUrls(httpUrl: string): void {
  const live = `${httpUrl.replace(/^http/, 'ws')}/v1/live`;
  process.stdout.write(
    `\nTidemark is ready.\n  API       ${httpUrl}/openapi.json\n  Live      ${live}\n  Metrics   ${httpUrl}/metrics\n  Stop with Ctrl-C.\n\n`,
  );
}

interface EngineEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It said why it cannot run; starting it again would not help. */
  readonly refused: boolean;
}

function engineEnd(child: ChildProcess, onReady: (httpUrl: string) => void): Promise<EngineEnd> {
  let refused = false;
  child.on('message', (message: FromEngine) => {
    if (message.type === 'listening') onReady(message.url);
    else refused = true;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal, refused }));
  });
}
