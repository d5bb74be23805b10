/** A private nats-server: started, watched, started again if it dies, stopped last. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../lib/free-port.ts';
import { NATS_PAYLOAD_BYTES_MAX } from '../limits.ts';
import type { Logger } from '../observe/log.ts';
import { UsageError } from './options.ts';
import { hasArgument, isAlive } from './processes.ts';

const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 3_000;
const RESTART_DELAY_MS = 250;

export const INSTALL_HINT =
  'Install it (Debian: apt-get install nats-server; macOS: brew install nats-server; ' +
  'Go: go install github.com/nats-io/nats-server/v2@latest), name it with --nats-server, or use a running server with NATS_URL.';

export interface NatsChild {
  readonly url: string;
  pid(): number | undefined;
  stop(): Promise<void>;
}

export interface NatsChildOptions {
  readonly binary: string;
  readonly folder: string;
  readonly logger: Logger;
  /** Called with the pid of every server process started, before it serves. */
  readonly onStart: (pid: number) => void;
}

/** Resolves when the server takes connections. Throws UsageError if the binary is missing. */
export async function startNatsChild({ binary, folder, logger, onStart }: NatsChildOptions): Promise<NatsChild> {
  const port = await freePort('127.0.0.1');
  const config = configOf(folder);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    config,
    [
      `listen: 127.0.0.1:${port}`,
      `max_payload: ${NATS_PAYLOAD_BYTES_MAX}`,
      `jetstream { store_dir: ${JSON.stringify(join(folder, 'jetstream'))} }`,
      `log_file: ${JSON.stringify(join(folder, 'nats-server.log'))}`,
      'logfile_size_limit: 16MB',
      '',
    ].join('\n'),
  );
  let child: ChildProcess;
  let stopping = false;

  const launch = async (): Promise<void> => {
    // Its own process group: Ctrl-C on the terminal must reach it last, through us, when the engine has drained.
    child = spawn(binary, ['--config', config], { stdio: 'ignore', detached: true });
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'ENOENT' ? new UsageError(`nats-server was not found as "${binary}". ${INSTALL_HINT}`) : error,
        ),
      );
      child.once('exit', (code) =>
        reject(new Error(`nats-server ended with code ${code}; see ${folder}/nats-server.log`)),
      );
    });
    // At once: were we killed while it starts, nobody else would know of it.
    if (child.pid !== undefined) onStart(child.pid);
    try {
      await Promise.race([failed, reachable(port)]);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    child.removeAllListeners('exit');
    child.once('exit', (code, signal) => {
      if (stopping) return;
      logger.error({ component: 'nats', code, signal }, 'nats-server ended and is started again');
      void restart();
    });
  };
  const restart = async (): Promise<void> => {
    while (!stopping) {
      await sleep(RESTART_DELAY_MS);
      try {
        await launch();
        return;
      } catch (error) {
        logger.error({ component: 'nats', err: error }, 'nats-server could not be started');
      }
    }
  };

  await launch();
  return {
    url: `nats://127.0.0.1:${port}`,
    pid: () => child.pid,
    stop: async () => {
      stopping = true;
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) await stopProcess(child.pid);
    },
  };
}

/** Ends a server that a killed launcher left behind on the same folder; the pid may be another process's by now. */
export async function stopLeftoverNats(pid: number, folder: string): Promise<void> {
  if (hasArgument(pid, configOf(folder))) await stopProcess(pid);
}

function configOf(folder: string): string {
  return join(folder, 'nats.conf');
}

async function stopProcess(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGTERM');
  for (let waitedMs = 0; isAlive(pid) && waitedMs < STOP_TIMEOUT_MS; waitedMs += 20) await sleep(20);
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await sleep(20);
}

async function reachable(port: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_TIMEOUT_MS; waitedMs += 25) {
    if (await connects(port)) return;
    await sleep(25);
  }
  throw new Error(`nats-server did not take connections on port ${port} within ${START_TIMEOUT_MS / 1000} s`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
