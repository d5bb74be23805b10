/**
 * The whole worker pipeline, durable: a backlog in JetStream, real worker threads, scoring, effects, checkpoints in LMDB.
 *
 *   backlog in nats-server --> N workers: read, decode, look up, fold, checkpoint --> LMDB
 *
 * The clock runs from the first event scored until every partition's last checkpoint is on disk. Ceilings: the same
 * messages through the same reader with nothing behind it, and the same with decoding.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startNatsChild } from '../src/cli/nats-child.ts';
import { ProgramLog } from '../src/cluster/program-log.ts';
import { Supervisor } from '../src/cluster/supervisor.ts';
import { TICK_INTERVAL_MS } from '../src/limits.ts';
import { connectLog } from '../src/log/connect.ts';
import { type JetStreamLog, openJetStreamLog } from '../src/log/jetstream-log.ts';
import { prepareTopology } from '../src/log/topology.ts';
import { createLogger } from '../src/observe/log.ts';
import { DEFAULT_CHECKPOINT_POLICY } from '../src/partition/checkpoint-policy.ts';
import { decodeBatch } from '../src/wire/batch.ts';
import { type Backlog, type BacklogShape, publishBacklog } from './backlog.ts';
import { type BenchContext, type BenchResult, expectEqual, result, type Size } from './harness.ts';
import { BENCH_PROGRAM, benchProgram, RICH_PROGRAM } from './program.ts';

const PARTITIONS = 64;
const POLL_MS = 2;

interface Drain {
  readonly workers: number;
  readonly eventsPerSecond: number;
  /** Of all threads of this process, an event: what a busy machine disturbs least. */
  readonly cpuMicroseconds: number;
}

export async function pipelineBench(
  context: BenchContext,
  names: readonly PipelineName[] = PIPELINES,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const name of names) results.push(await onePipeline(name, context));
  return results;
}

/** `pipeline.rich` is `pipeline.uniform` under a program with more to do. */
export const PIPELINES = ['pipeline.uniform', 'pipeline.rich', 'pipeline.zipf', 'pipeline.single'] as const;
export type PipelineName = (typeof PIPELINES)[number];

function shapeOf(name: PipelineName, size: Size): BacklogShape {
  const full = size === 'full';
  const members = full ? 1_000_000 : 2_000;
  const many = { members, partitions: PARTITIONS, events: full ? 4_000_000 : 20_000, batchEvents: 256 };
  if (name === 'pipeline.uniform' || name === 'pipeline.rich') return { ...many, spread: 'uniform' };
  if (name === 'pipeline.zipf') return { ...many, spread: 'zipf' };
  return { ...many, spread: 'uniform', events: full ? 500_000 : 5_000, batchEvents: 1 };
}

async function onePipeline(name: PipelineName, { size, say }: BenchContext): Promise<BenchResult> {
  const shape = shapeOf(name, size);
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const logger = createLogger({ level: 'warn' });
  const nats = await startNatsChild({
    binary: process.env['TIDEMARK_NATS_SERVER'] ?? 'nats-server',
    folder,
    logger,
    onStart: () => {},
  });
  try {
    const nc = await connectLog(nats.url, 'bench');
    const { names, control } = await prepareTopology(nc, { prefix: 'bench', partitions: PARTITIONS, replicas: 1 });
    const log = await openJetStreamLog(nc, names);
    await new ProgramLog({ control, writer: log.events, partitions: PARTITIONS }).put(
      benchProgram(name === 'pipeline.rich' ? RICH_PROGRAM : BENCH_PROGRAM),
    );
    const backlog = await publishBacklog(shape, log.events);
    say(
      `${name}: ${shape.events} events of ${shape.members} members in batches of ${shape.batchEvents}, ${(backlog.payloadBytes / shape.events).toFixed(0)} B each`,
    );

    const drains: Drain[] = [];
    for (const workers of [1, 2]) {
      const storeFolder = join(folder, `stores-${workers}`);
      const drain = await drainBacklog(workers, storeFolder, nats.url, log, backlog);
      rmSync(storeFolder, { recursive: true, force: true });
      say(
        `  ${workers} worker${workers === 1 ? '' : 's'}: ${Math.round(drain.eventsPerSecond)} events/s, ${drain.cpuMicroseconds.toFixed(2)} us of CPU an event`,
      );
      drains.push(drain);
    }
    const empty = await readOnly(log, backlog.events, false);
    const ceiling = await readOnly(log, backlog.events, true);
    say(`  one thread: reading alone ${Math.round(empty)} events/s, and decoding ${Math.round(ceiling)} events/s`);
    await nc.close();
    return result(name, Math.max(...drains.map(({ eventsPerSecond }) => eventsPerSecond)), 'events/s', ceiling);
  } finally {
    await nats.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function drainBacklog(
  workers: number,
  storeFolder: string,
  natsUrl: string,
  log: JetStreamLog,
  backlog: Backlog,
): Promise<Drain> {
  const fatal: Error[] = [];
  const supervisor = new Supervisor({
    workers,
    logger: createLogger({ level: 'warn' }),
    onFatal: (error) => fatal.push(error),
    onTornDown: (error) => fatal.push(error),
    template: {
      partitionsTotal: PARTITIONS,
      natsUrl,
      prefix: 'bench',
      storeFolder,
      cacheMembers: 1_000_000,
      checkpoint: DEFAULT_CHECKPOINT_POLICY,
      tickIntervalMs: TICK_INTERVAL_MS,
      fullLedger: false,
      logLevel: 'warn',
    },
  });
  const scored = (): number =>
    supervisor.counters.reduce((sum, counters) => sum + counters.readEvents('purchase', 'scored'), 0);
  supervisor.start();
  while (scored() === 0 && fatal.length === 0) await sleep(POLL_MS);
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  while (scored() < backlog.events && fatal.length === 0) await sleep(POLL_MS);
  await supervisor.stop();
  const seconds = (performance.now() - startMs) / 1000;
  if (fatal[0] !== undefined) throw fatal[0];
  const lag = (await log.reader.state()).lastSequence;
  expectEqual('events scored', scored(), backlog.events);
  expectEqual('restarts', supervisor.restarts, 0);
  const last = Math.max(
    ...supervisor.counters.flatMap((counters) =>
      Array.from({ length: PARTITIONS }, (_unused, partition) => counters.readPartition(partition, 'sequence')),
    ),
  );
  expectEqual('last sequence scored', last, lag);
  const points = supervisor.counters.reduce((sum, counters) => sum + counters.readScalar('points_accrued_total'), 0);
  if (points <= 0 || points > backlog.amount) throw new Error(`points ${points} for ${backlog.amount} spent`);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { workers, eventsPerSecond: backlog.events / seconds, cpuMicroseconds: (user + system) / backlog.events };
}

/** The reader with nothing behind it but, if asked, decoding: what one thread cannot beat. */
async function readOnly(log: JetStreamLog, events: number, decode: boolean): Promise<number> {
  const stop = new AbortController();
  let read = 0;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_unused, partition) => {
      const last = (await log.reader.lastOf(partition))?.sequence ?? 0;
      for await (const messages of log.reader.read(partition, 0, stop.signal)) {
        for (const { payload } of messages) if (decode) read += decodeBatch(payload).events.length;
        if ((messages.at(-1)?.sequence ?? 0) >= last) return;
      }
    }),
  );
  if (decode) expectEqual('events read', read, events + PARTITIONS);
  stop.abort();
  return events / ((performance.now() - startMs) / 1000);
}
