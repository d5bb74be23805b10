/**
 * Owns the workers: which has which partitions, and what happens when one ends. A worker that fails is started again with
 * the partitions it had, while the others go on; a store that does not fit its log ends the engine, because starting again
 * would not help.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { toError } from '../lib/assert.ts';
import { allocateCounters, type PartitionCell, WorkerCounters } from '../observe/counters.ts';
import type { Logger } from '../observe/log.ts';
import type { FromWorker, ToWorker, WorkerAssignment, WorkerEnd } from './worker-protocol.ts';
import { workerFile } from './worker-url.ts';

export type WorkerTemplate = Omit<WorkerAssignment, 'worker' | 'partitions' | 'counters'>;

export interface SupervisorOptions {
  readonly workers: number;
  readonly template: WorkerTemplate;
  readonly logger: Logger;
  /** Something that no restart mends. Called once. */
  readonly onFatal: (error: Error) => void;
  /**
   * A thread ended without closing its stores (out of memory, most likely). LMDB's locks may be left taken, which only the end
   * of the process undoes. Called once a thread.
   */
  readonly onTornDown: (error: Error) => void;
}

/** Not reserved: the cache's bound decides how much of it is used. */
const OLD_GENERATION_MIB_MAX = 8_192;
const RESTART_DELAY_MS = 200;
const RESTART_DELAY_MAX_MS = 5_000;
/** A worker that ran this long is no longer in a loop of failures. */
const SETTLED_AFTER_MS = 30_000;

/** Of a partition: what is gone with its worker. */
const WORKER_CELLS: readonly PartitionCell[] = ['caughtUp', 'dirtyMembers', 'leases'];

interface WorkerSlot {
  readonly assignment: WorkerAssignment;
  readonly counters: WorkerCounters;
  port: MessagePort | undefined;
  ended: Promise<void>;
  restarts: number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #pool: Piscina;
  readonly #slots: WorkerSlot[];
  readonly #stop = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { workers, template } = options;
    this.#pool = new Piscina({
      filename: workerFile(),
      minThreads: workers,
      maxThreads: workers,
      maxQueue: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Workers have sockets and timers of their own, which stand still while a thread waits in Atomics.wait.
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: {
        maxOldGenerationSizeMb: OLD_GENERATION_MIB_MAX,
      },
    });
    this.#slots = Array.from({ length: workers }, (_unused, worker) => {
      const shared = allocateCounters(template.partitionsTotal);
      const assignment = { ...template, worker, partitions: partitionsOf(worker, workers, template), counters: shared };
      return {
        assignment,
        counters: new WorkerCounters(shared),
        port: undefined,
        ended: Promise.resolve(),
        restarts: 0,
      };
    });
  }

  start(): void {
    for (const slot of this.#slots) slot.ended = this.#keep(slot);
  }

  /** Resolves when every worker has scored and stored all it had read. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { port } of this.#slots) port?.postMessage({ type: 'stop' } satisfies ToWorker);
    await Promise.all(this.#slots.map(({ ended }) => ended));
    await this.#pool.destroy();
  }

  /** Makes a worker fail as a bug would. */
  fail(worker: number): void {
    this.#slots[worker]?.port?.postMessage({ type: 'fail' } satisfies ToWorker);
  }

  get counters(): readonly WorkerCounters[] {
    return this.#slots.map(({ counters }) => counters);
  }

  get restarts(): number {
    return this.#slots.reduce((sum, { restarts }) => sum + restarts, 0);
  }

  /** The counters of the worker that owns a partition. */
  ownerOf(partition: number): WorkerCounters {
    return (this.#slots[partition % this.#slots.length] as WorkerSlot).counters;
  }

  async #keep(slot: WorkerSlot): Promise<void> {
    const { logger, onFatal, onTornDown } = this.#options;
    const log = logger.child({ component: 'supervisor', worker: slot.assignment.worker });
    let delayMs = RESTART_DELAY_MS;
    while (!this.#stop.signal.aborted) {
      const startMs = performance.now();
      let end: WorkerEnd;
      try {
        end = await this.#run(slot);
      } catch (error) {
        onTornDown(toError(error));
        return;
      }
      if (end.end === 'refused') {
        onFatal(new Error(end.message));
        return;
      }
      if (end.end === 'stopped') continue;
      const { error, partition } = end;
      if (this.#stop.signal.aborted) {
        log.warn(
          { err: error, partition },
          'worker could not store the last it scored; that is scored again at the next start',
        );
        return;
      }
      slot.restarts += 1;
      for (const owned of slot.assignment.partitions) {
        for (const cell of WORKER_CELLS) slot.counters.setPartition(owned, cell, 0);
      }
      const settled = performance.now() - startMs > SETTLED_AFTER_MS;
      delayMs = settled ? RESTART_DELAY_MS : Math.min(delayMs * 2, RESTART_DELAY_MAX_MS);
      log.error({ err: error, partition, delayMs }, 'worker failed and is started again');
      await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  async #run(slot: WorkerSlot): Promise<WorkerEnd> {
    const { port1, port2 } = new MessageChannel();
    slot.port = port1;
    port1.on('message', (message: FromWorker) => {
      if (message.type === 'caughtUp') {
        this.#options.logger.info({ component: 'supervisor', worker: slot.assignment.worker }, 'worker caught up');
      }
    });
    // Sent before the task has begun, it waits in the port.
    if (this.#stop.signal.aborted) port1.postMessage({ type: 'stop' } satisfies ToWorker);
    try {
      const task = { assignment: slot.assignment, port: port2 };
      return (await this.#pool.run(task, { transferList: [port2] })) as WorkerEnd;
    } finally {
      slot.port = undefined;
      port1.close();
    }
  }
}

function partitionsOf(worker: number, workers: number, { partitionsTotal }: WorkerTemplate): number[] {
  const partitions: number[] = [];
  for (let partition = worker; partition < partitionsTotal; partition += workers) partitions.push(partition);
  return partitions;
}
