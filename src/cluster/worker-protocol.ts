/** What the main thread and a worker say to each other. Events never pass here: only what to do, and how it ended. */
import type { CheckpointPolicy } from '../partition/checkpoint-policy.ts';

/** Given to a worker once, when its task starts. Plain data: it is cloned into the thread. */
export interface WorkerAssignment {
  readonly worker: number;
  readonly partitions: readonly number[];
  readonly partitionsTotal: number;
  readonly natsUrl: string;
  readonly prefix: string;
  /** Folder that holds one folder a partition. */
  readonly storeFolder: string;
  /** Members in memory, all partitions of this worker together. */
  readonly cacheMembers: number;
  readonly checkpoint: CheckpointPolicy;
  readonly tickIntervalMs: number;
  readonly fullLedger: boolean;
  readonly logLevel: string;
  readonly counters: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly type: 'stop' }
  /** Fail as a bug would: an error nobody catches. For tests and drills. */
  | { readonly type: 'fail' };

export type FromWorker = { readonly type: 'caughtUp' };

/**
 * How a worker's task ended in order: its stores are closed, and it may be started again. A thread that is torn down instead
 * rejects its task.
 */
export type WorkerEnd =
  | { readonly end: 'stopped' }
  /** `partition` is the one to blame, where one is. */
  | { readonly end: 'failed'; readonly error: Error; readonly partition?: number }
  /** A store does not fit the log. Nothing will change that but a person. */
  | { readonly end: 'refused'; readonly message: string };
