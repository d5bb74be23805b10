/** The log for verbs that only read it: on a NATS server, or in the data folder of an engine that is stopped. */
import { existsSync } from 'node:fs';
import { BrokerUnfit, connectLog } from '../log/connect.ts';
import { openJetStreamLog } from '../log/jetstream-log.ts';
import { type EventReader, LogUnavailable } from '../log/log.ts';
import { findTopology, type Topology, TopologyError } from '../log/topology.ts';
import { createLogger } from '../observe/log.ts';
import { clearRunning, type DataFolder, holdDataFolder, writeRunning } from './data-folder.ts';
import { endLeftovers } from './leftovers.ts';
import { type NatsChild, startNatsChild } from './nats-child.ts';
import { type Settings, UsageError } from './options.ts';

/** Holds the data folder while `use` runs, and with it the folder's private nats-server unless another is named. */
export async function withDataFolder<T>(
  settings: Settings,
  use: (folder: DataFolder, natsUrl: string) => Promise<T>,
): Promise<T> {
  if (!existsSync(settings.data)) throw new UsageError(`There is no data folder ${settings.data}.`);
  const folder = await holdDataFolder(settings.data);
  let nats: NatsChild | undefined;
  try {
    await endLeftovers(folder);
    if (settings.natsUrl === '') nats = await startNats(settings, folder);
    return await use(folder, nats?.url ?? settings.natsUrl);
  } finally {
    await nats?.stop();
    clearRunning(folder.path);
    folder.release();
  }
}

function startNats({ natsServer }: Settings, folder: DataFolder): Promise<NatsChild> {
  if (!existsSync(folder.nats)) {
    throw new UsageError(`There is no log in ${folder.nats}. If it is on a NATS server, name that with --nats-url.`);
  }
  return startNatsChild({
    binary: natsServer,
    folder: folder.nats,
    logger: createLogger({ level: 'error' }),
    // Whoever comes after us, were we killed, must find it.
    onStart: (natsPid) => writeRunning(folder.path, { launcherPid: process.pid, natsPid, natsUrl: '' }),
  });
}

export interface StoredLog {
  readonly reader: EventReader;
  readonly control: Topology['control'];
}

/** Makes nothing on the server. `name` shows in its list of connections. */
export async function withLog<T>(
  settings: Settings,
  natsUrl: string,
  name: string,
  use: (log: StoredLog) => Promise<T>,
): Promise<T> {
  const nc = await connectLog(natsUrl, name).catch(refuse);
  try {
    const { names, control } = await findTopology(nc, settings).catch(refuse);
    const { reader } = await openJetStreamLog(nc, names);
    return await use({ reader, control });
  } finally {
    await nc.close();
  }
}

function refuse(error: unknown): never {
  const isTold = error instanceof TopologyError || error instanceof BrokerUnfit || error instanceof LogUnavailable;
  throw isTold ? new UsageError(error.message) : error;
}

/** Ctrl-C stops `use` in order. Undefined where that came before its end. */
export async function untilInterrupted<T>(use: (stop: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return await use(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.stderr.write('Interrupted: nothing was found out.\n');
    return undefined;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Exit code of what was interrupted. */
export const INTERRUPTED = 1;
