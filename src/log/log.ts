/**
 * The log as the rest of the engine knows it: a stream of partitions that is read in order from a position of our own, and
 * a second one for effects. Implementations: jetstream-log.ts, memory-log.ts; one suite runs against both.
 */

export interface LogMessage {
  readonly sequence: number;
  /** When the log received it, epoch ms: the log's own time. */
  readonly timestampMs: number;
  /**
   * What that time has below a millisecond, 0 up to 1, for measuring how long things take; nothing that is decided may depend
   * on it. Absent where it was not asked for.
   */
  readonly fractionMs?: number;
  readonly payload: Uint8Array;
  /** Messages of this partition after this one, as the log knew when it sent this one. 0 where that was not counted. */
  readonly pending: number;
}

/** Writes batches of events. */
export interface EventWriter {
  /**
   * Resolves with the sequence once the message is durable. Rejects with LogUnavailable when that cannot be known, and at
   * once while the log cannot be reached: nothing is kept to be sent later. How many are in flight is for the caller to bound.
   */
  publish(partition: number, payload: Uint8Array): Promise<number>;
  /** False while the log cannot be reached. */
  isConnected(): boolean;
}

/** Reads one partition in order. */
export interface EventReader {
  /**
   * Messages from the first sequence after `afterSequence` on, without end: at the tail it waits. A lost connection is
   * survived, and may bring messages again that have been read; iteration ends only when `stop` is aborted, and throws when
   * the log refuses for good.
   */
  read(partition: number, afterSequence: number, stop: AbortSignal): AsyncIterable<readonly LogMessage[]>;
  /** The message at a sequence; undefined if it is not (or no longer) there. */
  messageAt(sequence: number): Promise<LogMessage | undefined>;
  /** The newest message of a partition; undefined if there is none. */
  lastOf(partition: number): Promise<LogMessage | undefined>;
  /** What the stream is and holds. */
  state(): Promise<LogState>;
}

export interface LogState {
  /** Identity of one unbroken history: name and creation of the stream. */
  readonly epoch: string;
  /** First and last sequence that is there; last is 0 for a log never written to. */
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** The effects of one partition: written by its owner, one message at a time. */
export interface EffectsWriter {
  lastOf(partition: number): Promise<LogMessage | undefined>;
  /**
   * Appends if the partition's newest message is still `expectedLast` (0 for none), and resolves with the new sequence.
   * Rejects with EffectsConflict if it is another, and with LogUnavailable when it cannot be known whether it was written.
   */
  publish(partition: number, payload: Uint8Array, expectedLast: number): Promise<number>;
}

/** The log cannot be reached or did not answer: whether the message was stored is unknown. Safe to send again. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/**
 * The log is not the one that was being read: made anew, deleted, or its tail was lost and written again. Going on would skip
 * or repeat events in silence.
 */
export class LogDiverged extends Error {
  override readonly name = 'LogDiverged';
}

/** Somebody else has written effects for this partition. */
export class EffectsConflict extends Error {
  override readonly name = 'EffectsConflict';
}
