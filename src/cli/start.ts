/**
 * `tidemark start`: holds the data folder, runs a private nats-server if none is named, and keeps the engine process going.
 * The engine is a process of its own so that what no thread can survive (out of memory, a crash in native code) costs a
 * restart and not the service.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { DRAIN_TIMEOUT_MS } from '../limits.ts';
import { createLogger, type Logger } from '../observe/log.ts';
import { clearRunning, holdDataFolder, type RunningEngine, writeRunning } from './data-folder.ts';
import type { FromEngine, ToEngine } from './engine-protocol.ts';
import { ENGINE_FILE, endLeftovers } from './leftovers.ts';
import { type NatsChild, startNatsChild } from './nats-child.ts';
import { resolveSettings, type Settings } from './options.ts';

const RESTART_DELAY_MS = 200;
const RESTART_DELAY_MAX_MS = 10_000;

export async function start(args: readonly string[]): Promise<number> {
  const settings = resolveSettings(args, process.env);
  const logger = createLogger({ level: settings.logLevel });
  const folder = await holdDataFolder(settings.data);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  let nats: NatsChild | undefined;
  let engine: ChildProcess | undefined;
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
        onStart: (natsPid) => {
          note({ natsPid });
          if (engine !== undefined) tell(engine, { type: 'nats', pid: natsPid });
        },
      });
      note({ natsUrl: nats.url });
    }
    const natsUrl = nats?.url ?? settings.natsUrl;
    return await keepEngine({ ...settings, natsUrl, data: folder.path }, logger, stop.signal, note, (child) => {
      engine = child;
      const natsPid = nats?.pid();
      if (natsPid !== undefined) tell(child, { type: 'nats', pid: natsPid });
    });
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await nats?.stop();
    clearRunning(folder.path);
    folder.release();
  }
}

/** Resolves with the exit code once the engine has been asked to stop, or has said that it cannot run. */
async function keepEngine(
  settings: Settings,
  logger: Logger,
  stop: AbortSignal,
  note: (news: Partial<RunningEngine>) => void,
  onStart: (child: ChildProcess) => void,
): Promise<number> {
  let { httpPort } = settings;
  let delayMs = RESTART_DELAY_MS;
  while (!stop.aborted) {
    let served = false;
    const child = fork(ENGINE_FILE, [], { serialization: 'advanced' });
    const ended = engineEnd(child, (httpUrl) => {
      served = true;
      // A port that the system chose stays the engine's: its callers know no other.
      httpPort = Number(new URL(httpUrl).port);
      note({ httpUrl });
    });
    if (child.pid !== undefined) note({ enginePid: child.pid });
    onStart(child);
    tell(child, { type: 'start', settings: { ...settings, httpPort } });
    const end = (): void => {
      tell(child, { type: 'stop' });
      setTimeout(() => child.kill('SIGKILL'), DRAIN_TIMEOUT_MS).unref();
    };
    stop.addEventListener('abort', end);
    const { code, signal, refused } = await ended;
    stop.removeEventListener('abort', end);
    if (refused) return 1;
    if (stop.aborted) return signal === null ? (code ?? 1) : 1;
    // One that served until it crashed is missed at once; one that does not get that far would only fail again.
    if (served) delayMs = RESTART_DELAY_MS;
    logger.error({ component: 'start', code, signal, delayMs }, 'the engine ended and is started again');
    await sleep(delayMs, undefined, { signal: stop }).catch(() => {});
    delayMs = Math.min(2 * delayMs, RESTART_DELAY_MAX_MS);
  }
  return 0;
}

/** A process that is ending hears nothing any more, which is for its exit to say. */
function tell(child: ChildProcess, message: ToEngine): void {
  if (child.connected) child.send(message, () => {});
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
