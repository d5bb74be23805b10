/** A real nats-server of its own for one test file: free port, own temporary folder, can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** Holds the configuration and JetStream's files. */
  readonly folder: string;
  /** Ends the process; its port and files stay reserved for `restart`. SIGKILL is a crash, SIGTERM an orderly end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** The same server again: same port, same files. Kills it first if it runs. */
  restart(): Promise<void>;
  /** Freezes the process, as a stalled machine would; resolves once it does nothing any more. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface NatsServerOptions {
  /** More lines for the configuration file. */
  readonly config?: string;
  readonly jetstream?: boolean;
}

const STARTED_WITHIN_MS = 20_000;

export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-nats-'));
  const port = await freePort();
  const configFile = join(folder, 'nats.conf');
  const storeFolder = join(folder, 'jetstream');
  const jetstream = `jetstream { store_dir: ${JSON.stringify(storeFolder)}, max_file_store: 4GB, max_memory_store: 256MB }`;
  const lines = [`listen: "127.0.0.1:${port}"`, options.jetstream === false ? '' : jetstream, options.config ?? ''];
  await writeFile(configFile, lines.join('\n'));

  let child: ChildProcess | undefined;
  const killNow = () => child?.kill('SIGKILL');
  process.on('exit', killNow);

  async function start(): Promise<void> {
    const output: string[] = [];
    const started = spawn('nats-server', ['--config', configFile], { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    started.stderr.on('data', (chunk) => output.push(String(chunk)));
    started.once('error', (error) => output.push(`cannot run nats-server: ${error.message}`));
    const deadline = Date.now() + STARTED_WITHIN_MS;
    while (!(await answers(port))) {
      if (started.exitCode !== null || started.pid === undefined || Date.now() > deadline) {
        started.kill('SIGKILL');
        throw new Error(`nats-server did not start on port ${port}:\n${output.join('')}`);
      }
      await sleep(20);
    }
    output.length = 0;
    started.stderr.removeAllListeners('data').resume();
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  }

  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    folder,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    pause: async () => {
      child?.kill('SIGSTOP');
      while (!(await isStopped(child?.pid))) await sleep(5);
    },
    resume: () => child?.kill('SIGCONT'),
    stop: async () => {
      await kill();
      process.off('exit', killNow);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port for a TCP server');
  return address.port;
}

/** The signal reaches the process's threads one after the other. */
async function isStopped(pid: number | undefined): Promise<boolean> {
  const tasks = `/proc/${pid}/task`;
  if (pid === undefined || !existsSync(tasks)) return true;
  const states = await Promise.all(
    (await readdir(tasks)).map(async (task) => readFile(join(tasks, task, 'stat'), 'utf8')),
  );
  return states.every((state) => state.slice(state.lastIndexOf(')') + 2).startsWith('T'));
}

/** The server greets whoever connects with an INFO line, once JetStream has recovered its files. */
async function answers(port: number): Promise<boolean> {
  const socket: Socket = connect(port, '127.0.0.1');
  try {
    const [greeting] = await once(socket, 'data', { signal: AbortSignal.timeout(1_000) });
    return String(greeting).startsWith('INFO');
  } catch {
    return false;
  } finally {
    socket.on('error', () => {}).destroy();
  }
}
