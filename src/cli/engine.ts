/** Where the parts of an engine are put together, and taken apart again in the order that loses nothing. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LagWatch } from '../cluster/lag.ts';
import { ProgramLog } from '../cluster/program-log.ts';
import { publishStats } from '../cluster/stats.ts';
import { Supervisor } from '../cluster/supervisor.ts';
import type { CloseReason } from '../gateway/close-codes.ts';
import { startGateway } from '../gateway/gateway.ts';
import type { GatewayCounters, ProgramPort } from '../gateway/ports.ts';
import type { BatchReason } from '../ingest/batch-policy.ts';
import { Ingest, IngestOverloaded, IngestStopping } from '../ingest/ingest.ts';
import { parseEvents } from '../ingest/parse-events.ts';
import { toError } from '../lib/assert.ts';
import { openBacklogReader } from '../log/backlog.ts';
import { BrokerUnfit, connectLog } from '../log/connect.ts';
import { openJetStreamLog } from '../log/jetstream-log.ts';
import { LogUnavailable } from '../log/log.ts';
import { prepareTopology, TopologyError } from '../log/topology.ts';
import { FineClock } from '../observe/fine-clock.ts';
import type { Logger } from '../observe/log.ts';
import { createMetrics, type EngineMetrics } from '../observe/metrics.ts';
import { DEFAULT_CHECKPOINT_POLICY } from '../partition/checkpoint-policy.ts';
import { issuesText, parseProgram } from '../program/parse.ts';
import { runDemo } from './demo.ts';
import type { Settings } from './options.ts';

export interface Engine {
  readonly url: string;
  /** Resolves when everything accepted is durable and everything scored is stored. */
  stop(): Promise<void>;
}

/** The engine cannot run as things are, and says why in words for whoever started it. */
export class EngineRefused extends Error {
  override readonly name = 'EngineRefused';
}

const EXAMPLE_PROGRAM = fileURLToPath(new URL('../../../examples/coffee.yaml', import.meta.url));
const READY_POLL_MS = 20;
const TORN_DOWN_EXIT_CODE = 70;

/** Resolves when the engine serves and every partition has caught up. `onFatal` hears what ends it later. */
export async function startEngine(
  settings: Settings,
  logger: Logger,
  onFatal: (error: Error) => void,
): Promise<Engine> {
  const startMs = performance.now();
  const log = logger.child({ component: 'engine' });
  const nc = await connectLog(settings.natsUrl, 'tidemark-engine').catch(refuseUnfit);
  const topology = await prepareTopology(nc, {
    prefix: settings.prefix,
    partitions: settings.partitions,
    replicas: settings.replicas,
    ...(settings.logMaxBytes === 0 ? {} : { maxBytes: settings.logMaxBytes }),
  }).catch(refuseUnfit);
  const { names, partitions, control } = topology;
  const jetStream = await openJetStreamLog(nc, names, (trouble) => log.warn(trouble));
  const { epoch } = await jetStream.reader.state();
  const programs = new ProgramLog({ control, writer: jetStream.events, partitions });
  await announceProgram(settings.program, programs, log);

  const storeFolder = join(settings.data, 'stores');
  mkdirSync(storeFolder, { recursive: true });
  const supervisor = new Supervisor({
    workers: Math.min(settings.workers, partitions),
    logger,
    onFatal,
    onTornDown: (error) => {
      log.fatal({ err: error }, 'a worker was torn down: this process ends, and the launcher starts it again');
      process.exit(TORN_DOWN_EXIT_CODE);
    },
    template: {
      partitionsTotal: partitions,
      natsUrl: settings.natsUrl,
      prefix: settings.prefix,
      storeFolder,
      cacheMembers: settings.cacheMembers,
      checkpoint: {
        ...DEFAULT_CHECKPOINT_POLICY,
        events: settings.checkpointEvents,
        delayMs: settings.checkpointDelayMs,
        backlogDelayMs: Math.max(DEFAULT_CHECKPOINT_POLICY.backlogDelayMs, settings.checkpointDelayMs),
        eventsBehindMax: 2 * settings.checkpointEvents,
      },
      tickIntervalMs: settings.tickIntervalMs,
      fullLedger: settings.fullLedger,
      logLevel: settings.logLevel,
    },
  });
  const lag = new LagWatch({
    partitions,
    backlog: await openBacklogReader(nc, names),
    scored: (partition) => supervisor.ownerOf(partition).readPartition(partition, 'sequence'),
    nowMs: Date.now,
  });
  const source = {
    partitions,
    lag,
    get counters() {
      return supervisor.counters;
    },
    get restarts() {
      return supervisor.restarts;
    },
    ownerOf: (partition: number) => supervisor.ownerOf(partition),
  };
  const metrics = createMetrics(source);
  const behind = (): number => {
    let count = 0;
    for (let partition = 0; partition < partitions; partition++) {
      if (source.ownerOf(partition).readPartition(partition, 'caughtUp') === 0) count += 1;
    }
    return count;
  };
  const isReady = (): boolean => behind() === 0 && jetStream.events.isConnected();

  supervisor.start();
  lag.start();
  const batchesOf = memo((reason: BatchReason) => metrics.batches.labels({ reason }));
  const ingest = new Ingest({
    writer: jetStream.events,
    partitions,
    onBatch: (reason, _events, payloadBytes) => {
      batchesOf(reason).inc();
      metrics.batchBytes.inc(payloadBytes);
    },
  });
  const gateway = await startGateway({
    host: settings.httpHost,
    port: settings.httpPort,
    nc,
    names,
    partitions,
    epoch,
    ingest,
    parse: parseEvents,
    isUnavailable: (error) =>
      error instanceof LogUnavailable || error instanceof IngestOverloaded || error instanceof IngestStopping,
    renderMetrics: () => metrics.render(),
    health: () => ({
      ready: isReady(),
      epoch,
      partitions,
      partitionsBehind: behind(),
      logConnected: jetStream.events.isConnected(),
    }),
    program: programPort(programs),
    log: logger.child({ component: 'gateway' }),
    counters: gatewayCounters(metrics),
  }).catch((error: Error) => {
    throw new EngineRefused(`Cannot serve on ${settings.httpHost}:${settings.httpPort}: ${error.message}`);
  });
  const stopStats = publishStats(source, isReady, (stats) => nc.publish(names.stats, JSON.stringify(stats)));

  while (!isReady()) await sleep(READY_POLL_MS);
  log.info(
    {
      url: gateway.url,
      partitions,
      workers: supervisor.counters.length,
      startedInMs: Math.round(performance.now() - startMs),
    },
    'ready',
  );
  const stopDemo = settings.demo ? runDemo(ingest, settings.demoRate, log) : undefined;
  return {
    url: gateway.url,
    // From the outside in: no new requests, what was taken into the log, what was read into the stores, then the broker.
    stop: async () => {
      stopDemo?.();
      stopStats();
      lag.stop();
      await gateway.close();
      await ingest.drain();
      await supervisor.stop();
      await nc.close();
      log.info('stopped');
    },
  };
}

function refuseUnfit(error: unknown): never {
  if (error instanceof TopologyError || error instanceof BrokerUnfit) throw new EngineRefused(error.message);
  throw error;
}

/** The program named on the command line, if it is newer than the log's; an example if there is neither. */
async function announceProgram(file: string, programs: ProgramLog, log: Logger): Promise<void> {
  const current = await programs.current();
  if (file === '' && current !== undefined) {
    log.info({ version: current.version }, 'program from the log');
    return;
  }
  const path = file === '' ? EXAMPLE_PROGRAM : file;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new EngineRefused(`Cannot read the program: ${toError(error).message}`);
  }
  const parsed = parseProgram(text);
  if (!parsed.ok) throw new EngineRefused(issuesText(path, parsed.issues));
  const result = await programs.put(parsed.program);
  if (result.ok) log.info({ program: parsed.program.name, version: result.version, path }, 'program');
  else if (result.current > parsed.program.version) log.warn({ path }, `${result.message}; the log's is used`);
  else throw new EngineRefused(`${path}: ${result.message}`);
}

function programPort(programs: ProgramLog): ProgramPort {
  return {
    current: async () => {
      const current = await programs.current();
      return current === undefined ? undefined : { document: JSON.parse(current.document), version: current.version };
    },
    put: async (text) => {
      const parsed = parseProgram(text);
      if (!parsed.ok) return { ok: false, reason: 'invalid', issues: parsed.issues };
      const result = await programs.put(parsed.program);
      if (result.ok) return result;
      if (result.issues !== undefined) return { ok: false, reason: 'invalid', issues: result.issues };
      return { ok: false, reason: 'conflict', version: result.current };
    },
  };
}

function gatewayCounters(metrics: EngineMetrics): GatewayCounters {
  const clock = new FineClock();
  const requestsOf = memo((route: string) =>
    memo((status: number) => metrics.requests.labels({ route, status: `${status}` })),
  );
  const requestSecondsOf = memo((route: string) => metrics.requestSeconds.labels({ route }));
  const waitsOf = memo((result: 'answered' | 'timed_out') => metrics.scoredWaits.labels({ result }));
  const closedOf = memo((reason: CloseReason) => metrics.socketsClosed.labels({ reason }));
  return {
    request: (route, status, seconds) => {
      requestsOf(route)(status).inc();
      requestSecondsOf(route).observe(seconds);
    },
    scoredWait: (seconds, answered) => {
      waitsOf(answered ? 'answered' : 'timed_out').inc();
      if (answered) metrics.scoredWaitSeconds.observe(seconds);
    },
    socketsOpen: (count) => metrics.socketsOpen.set(count),
    framesSent: (count) => metrics.framesSent.inc(count),
    framesConflated: (count) => metrics.framesConflated.inc(count),
    framesDropped: (count) => metrics.framesDropped.inc(count),
    socketClosed: (reason) => closedOf(reason).inc(),
    pushed: (loggedAtMs) => metrics.pushSeconds.observe(Math.max(0, clock.nowMs() - loggedAtMs) / 1000),
  };
}

/** What is made for a key is kept, for keys that are few: prom-client's bound labels are for that. */
function memo<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}
