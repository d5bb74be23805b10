/**
 * A worker: one thread, one broker connection, some partitions from log to store. It shares nothing with other workers but
 * the counters that the main thread reads.
 */
import type { MessagePort } from 'node:worker_threads';
import type { NatsConnection } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';
import { Turns } from '../lib/turns.ts';
import { CHECKPOINTS_AT_ONCE } from '../limits.ts';
import { connectLog } from '../log/connect.ts';
import { type JetStreamLog, openJetStreamLog } from '../log/jetstream-log.ts';
import type { LogState } from '../log/log.ts';
import { WorkerCounters } from '../observe/counters.ts';
import { createLogger, type Logger } from '../observe/log.ts';
import { watchThread } from '../observe/thread-health.ts';
import { answer } from '../partition/answer.ts';
import { Audience, Feed } from '../partition/audience.ts';
import { Partition } from '../partition/partition.ts';
import { checkEffects, checkPosition, PositionMismatch } from '../partition/position.ts';
import { PartitionRun } from '../partition/run.ts';
import { openLmdbStore } from '../store/lmdb-store.ts';
import { storePath } from '../store/store-path.ts';
import { UnknownVersion } from '../wire/pack.ts';
import { encodeAnswer, encodeOwner } from '../wire/query.ts';
import { type Names, namesOf } from '../wire/subjects.ts';
import type { FromWorker, ToWorker, WorkerAssignment, WorkerEnd } from './worker-protocol.ts';

const BEAT_MS = 50;
const RETRY_MS = 250;
const LEASE_SWEEP_MS = 5_000;

/** What every partition of the worker uses. */
interface Shared {
  readonly assignment: WorkerAssignment;
  readonly names: Names;
  readonly log: JetStreamLog;
  readonly state: LogState;
  readonly counters: WorkerCounters;
  readonly feed: Feed;
  readonly checkpoints: Turns;
  readonly logger: Logger;
  readonly send: (subject: string, payload: Uint8Array) => void;
  readonly stop: AbortSignal;
}

/** An error and the partition that met it. */
class PartitionFailure extends Error {
  readonly partition: number;
  readonly error: Error;

  constructor(partition: number, error: Error) {
    super(`partition ${partition}`, { cause: error });
    this.partition = partition;
    this.error = error;
  }
}

interface OwnedPartition {
  readonly number: number;
  readonly run: PartitionRun;
  readonly audience: Audience;
  /** Answers queries of this partition. */
  readonly answer: (payload: Uint8Array) => Uint8Array;
  readonly close: () => Promise<void>;
}

/** Runs until told to stop or until something breaks; either way what it holds is closed before it says how it ended. */
export async function runWorker(assignment: WorkerAssignment, port: MessagePort): Promise<WorkerEnd> {
  const stop = new AbortController();
  const failed = new Promise<never>((_resolve, reject) => {
    port.on('message', (message: ToWorker) => {
      if (message.type === 'stop') stop.abort();
      else setImmediate(() => fail('told to fail'));
    });
    // What nobody catches would tear the thread down with its stores open, and their locks would stay taken.
    process.on('uncaughtException', reject);
    process.on('unhandledRejection', reject);
  });
  const logger = createLogger({ level: assignment.logLevel }).child({ component: 'worker', worker: assignment.worker });
  const counters = new WorkerCounters(assignment.counters);
  const names = namesOf(assignment.prefix);
  let connection: NatsConnection | undefined;
  const owned: OwnedPartition[] = [];
  const timers: NodeJS.Timeout[] = [];
  let unwatch = (): void => {};
  try {
    unwatch = watchThread(counters);
    const nc = await connectLog(assignment.natsUrl, `tidemark-worker-${assignment.worker}`);
    connection = nc;
    const log = await openJetStreamLog(nc, names, (trouble) => logger.warn(trouble));
    // Answers and updates are for those who look now: one that cannot be sent is asked for again or overtaken.
    const send = (subject: string, payload: Uint8Array): void => {
      try {
        nc.publish(subject, payload);
      } catch (error) {
        logger.warn({ err: toError(error), subject }, 'cannot send');
      }
    };
    const feed = new Feed((item) => send(names.feed, Buffer.from(JSON.stringify(item))), Date.now);
    const shared: Shared = {
      assignment,
      names,
      log,
      state: await log.reader.state(),
      counters,
      feed,
      checkpoints: new Turns(CHECKPOINTS_AT_ONCE),
      logger,
      send,
      stop: stop.signal,
    };
    const opened = await Promise.allSettled(
      assignment.partitions.map((partition) => openPartition(partition, shared).catch(blame(partition))),
    );
    for (const result of opened) if (result.status === 'fulfilled') owned.push(result.value);
    const refusal = opened.find((result) => result.status === 'rejected');
    if (refusal !== undefined) throw toError(refusal.reason);

    nc.subscribe(names.feedInterest, { callback: () => feed.want() });
    for (const [index, partition] of assignment.partitions.entries()) {
      const { answer: answerQuery } = owned[index] as OwnedPartition;
      nc.subscribe(names.query(partition), {
        callback: (_error, message) => {
          send(message.reply ?? '', answerQuery(message.data));
        },
      });
      send(names.owners, encodeOwner({ partition }));
    }
    let behind = owned.length;
    const onCaughtUp = (): void => {
      behind -= 1;
      if (behind === 0) port.postMessage({ type: 'caughtUp' } satisfies FromWorker);
    };
    const running = owned.map(({ number, run }) => run.run(onCaughtUp).catch(blame(number)));
    const broken = new Promise<never>((_resolve, reject) => {
      timers.push(
        setInterval(() => {
          for (const { number, run } of owned) run.beat().catch(blame(number)).catch(reject);
        }, BEAT_MS),
        setInterval(() => {
          for (const { audience } of owned) audience.expireLeases();
        }, LEASE_SWEEP_MS),
      );
    });
    stop.signal.addEventListener('abort', () => {
      for (const { run } of owned) run.stop();
    });
    if (stop.signal.aborted) for (const { run } of owned) run.stop();
    await Promise.race([Promise.all(running), failed, broken]);
    return { end: 'stopped' };
  } catch (thrown) {
    const error = thrown instanceof PartitionFailure ? thrown.error : toError(thrown);
    if (error instanceof PositionMismatch || error instanceof UnknownVersion) {
      return { end: 'refused', message: error.message };
    }
    return { end: 'failed', error, ...(thrown instanceof PartitionFailure ? { partition: thrown.partition } : {}) };
  } finally {
    stop.abort();
    for (const timer of timers) clearInterval(timer);
    unwatch();
    await Promise.allSettled(owned.map(({ close }) => close()));
    await connection?.close();
    port.removeAllListeners('message');
    process.removeAllListeners('uncaughtException');
    process.removeAllListeners('unhandledRejection');
  }
}

function blame(partition: number): (error: unknown) => never {
  return (error) => {
    throw new PartitionFailure(partition, toError(error));
  };
}

function fail(message: string): never {
  throw new Error(message);
}

async function openPartition(partition: number, shared: Shared): Promise<OwnedPartition> {
  const { assignment, names, log, state, counters, feed, checkpoints, logger, send, stop } = shared;
  const { epoch } = state;
  const store = openLmdbStore(storePath(assignment.storeFolder, partition));
  try {
    await checkPosition(partition, store.position(), state, log.reader);
    await checkEffects(partition, store.position(), log.effects, state, log.reader);
    const audience = new Audience({ partition, epoch, names, send, counters, feed, nowMs: Date.now });
    const scored = await Partition.open({
      partition,
      partitions: assignment.partitionsTotal,
      epoch,
      store,
      effects: log.effects,
      pause: () => pause(stop),
      counters,
      cacheMembers: Math.max(1, Math.floor(assignment.cacheMembers / assignment.partitions.length)),
      fullLedger: assignment.fullLedger,
      listener: audience,
    });
    audience.attach(scored);
    const last = await log.reader.lastOf(partition);
    const run = new PartitionRun({
      partition: scored,
      reader: log.reader,
      writer: log.events,
      policy: assignment.checkpoint,
      checkpoints,
      counters,
      catchUpTo: last?.sequence ?? 0,
      tickIntervalMs: assignment.tickIntervalMs,
      logger,
    });
    logger.debug({ partition, sequence: scored.sequence }, 'partition opened');
    return {
      number: partition,
      run,
      audience,
      answer: (payload) => encodeAnswer(answer({ partition: scored, audience, epoch, nowMs: Date.now }, payload)),
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Between two tries while the broker is away. Rejects once the worker stops, so that stopping does not wait for a broker. */
function pause(stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      stop.removeEventListener('abort', aborted);
      resolve();
    };
    const timer = setTimeout(done, RETRY_MS);
    const aborted = (): void => {
      clearTimeout(timer);
      reject(new Error('stopped while the log was away; what was not checkpointed will be scored again'));
    };
    if (stop.aborted) aborted();
    else stop.addEventListener('abort', aborted, { once: true });
  });
}
