/**
 * The log in memory, for the simulator and for tests: deterministic, with a clock of its owner, and able to do on purpose what
 * a broker does by accident. It keeps everything; whoever makes one decides how much is written to it.
 */
import { setMaxListeners } from 'node:events';
import { assert, must } from '../lib/assert.ts';
import { READ_MESSAGES_MAX } from '../limits.ts';
import {
  EffectsConflict,
  type EffectsWriter,
  type EventReader,
  type EventWriter,
  LogDiverged,
  type LogMessage,
  type LogState,
  LogUnavailable,
} from './log.ts';

/** What becomes of one publish: it succeeds; it fails and nothing is stored; it is stored but its author is not told. */
export type PublishFate = 'stored' | 'lost' | 'unacknowledged';

/** Everything that can go wrong with it. */
export interface LogFaults {
  /** Decides each publish; asked in the order of the calls. Absent: all are stored. */
  fateOf: ((stream: 'events' | 'effects', partition: number) => PublishFate) | undefined;
  /** Most messages of the reader's next array, 1 to READ_MESSAGES_MAX: arrays end where the network pleases. Absent: all there are. */
  arrayMessages: ((partition: number) => number) | undefined;
  /** How many of the newest messages a reader has been given come once more with its next array. Absent: none. */
  redelivered: ((partition: number) => number) | undefined;
  /** While unreachable, writing and asking fail at once, and readers wait. */
  setReachable(reachable: boolean): void;
  /**
   * Power is lost before the newest messages were on disk: they are gone from the end of each stream, and their sequences will
   * be given out again.
   */
  losePower(unsynced: { readonly events: number; readonly effects: number }): void;
  /** The streams are deleted and made anew: empty, with another epoch. */
  recreate(): void;
}

export class MemoryLog {
  readonly events: EventWriter;
  readonly effects: EffectsWriter;
  readonly reader: EventReader;
  /** What those who act on effects read. */
  readonly effectsReader: EventReader;
  readonly faults: LogFaults;

  /** `now` gives the messages their time, epoch ms. */
  constructor(now: () => number) {
    const network = new Network();
    const events = new Stream(now);
    const effects = new Stream(now);
    this.faults = new Faults(network, events, effects);
    this.events = new MemoryEventWriter(network, events, this.faults);
    this.effects = new MemoryEffectsWriter(network, effects, this.faults);
    this.reader = new MemoryReader(network, events, this.faults);
    this.effectsReader = new MemoryReader(network, effects, this.faults);
  }
}

interface Stored {
  readonly partition: number;
  readonly sequence: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** What all parts see alike: whether the log is there, and a bell for readers that wait. */
class Network {
  reachable = true;
  #waiting: (() => void)[] = [];

  async check(): Promise<void> {
    // An answer never comes within the call, as with a real broker.
    await Promise.resolve();
    if (!this.reachable) throw new LogUnavailable('the log is unreachable');
  }

  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  ring(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** Sequences run over all partitions, as in one JetStream stream. */
class Stream {
  /** The message of sequence n is at n - 1. */
  readonly messages: Stored[] = [];
  /** Of each partition, rising. */
  readonly #sequences = new Map<number, number[]>();
  readonly #now: () => number;
  incarnation = 1;

  constructor(now: () => number) {
    this.#now = now;
  }

  append(partition: number, payload: Uint8Array): number {
    const sequence = this.messages.length + 1;
    // A copy: the caller may use its buffer again.
    this.messages.push({ partition, sequence, timestampMs: this.#now(), payload: payload.slice() });
    this.sequencesOf(partition).push(sequence);
    return sequence;
  }

  sequencesOf(partition: number): number[] {
    let sequences = this.#sequences.get(partition);
    if (sequences === undefined) {
      sequences = [];
      this.#sequences.set(partition, sequences);
    }
    return sequences;
  }

  lastOf(partition: number): LogMessage | undefined {
    return this.messageAt(this.sequencesOf(partition).at(-1) ?? 0);
  }

  messageAt(sequence: number): LogMessage | undefined {
    const stored = this.messages[sequence - 1];
    return stored === undefined ? undefined : asMessage(stored, 0);
  }

  truncate(count: number): void {
    for (let lost = 0; lost < count; lost++) {
      const message = this.messages.pop();
      if (message === undefined) return;
      this.sequencesOf(message.partition).pop();
    }
  }

  recreate(): void {
    this.messages.length = 0;
    this.#sequences.clear();
    this.incarnation += 1;
  }
}

function asMessage({ sequence, timestampMs, payload }: Stored, pending: number): LogMessage {
  return { sequence, timestampMs, payload, pending };
}

class Faults implements LogFaults {
  fateOf: LogFaults['fateOf'];
  arrayMessages: LogFaults['arrayMessages'];
  redelivered: LogFaults['redelivered'];
  readonly #network: Network;
  readonly #events: Stream;
  readonly #effects: Stream;

  constructor(network: Network, events: Stream, effects: Stream) {
    this.#network = network;
    this.#events = events;
    this.#effects = effects;
  }

  setReachable(reachable: boolean): void {
    this.#network.reachable = reachable;
    this.#network.ring();
  }

  losePower(unsynced: { readonly events: number; readonly effects: number }): void {
    this.#events.truncate(unsynced.events);
    this.#effects.truncate(unsynced.effects);
    this.#network.ring();
  }

  recreate(): void {
    this.#events.recreate();
    this.#effects.recreate();
    this.#network.ring();
  }
}

class MemoryEventWriter implements EventWriter {
  readonly #network: Network;
  readonly #stream: Stream;
  readonly #faults: LogFaults;

  constructor(network: Network, stream: Stream, faults: LogFaults) {
    this.#network = network;
    this.#stream = stream;
    this.#faults = faults;
  }

  async publish(partition: number, payload: Uint8Array): Promise<number> {
    await this.#network.check();
    const fate = this.#faults.fateOf?.('events', partition) ?? 'stored';
    if (fate === 'lost') throw new LogUnavailable('the message was lost');
    const sequence = this.#stream.append(partition, payload);
    this.#network.ring();
    if (fate === 'unacknowledged') throw new LogUnavailable('the acknowledgement was lost');
    return sequence;
  }

  isConnected(): boolean {
    return this.#network.reachable;
  }
}

class MemoryEffectsWriter implements EffectsWriter {
  readonly #network: Network;
  readonly #stream: Stream;
  readonly #faults: LogFaults;

  constructor(network: Network, stream: Stream, faults: LogFaults) {
    this.#network = network;
    this.#stream = stream;
    this.#faults = faults;
  }

  async lastOf(partition: number): Promise<LogMessage | undefined> {
    await this.#network.check();
    return this.#stream.lastOf(partition);
  }

  async publish(partition: number, payload: Uint8Array, expectedLast: number): Promise<number> {
    await this.#network.check();
    const fate = this.#faults.fateOf?.('effects', partition) ?? 'stored';
    if (fate === 'lost') throw new LogUnavailable('the message was lost');
    const last = this.#stream.lastOf(partition)?.sequence ?? 0;
    if (last !== expectedLast) {
      throw new EffectsConflict(`partition ${partition}: the last effects are at ${last}, not at ${expectedLast}`);
    }
    const sequence = this.#stream.append(partition, payload);
    if (fate === 'unacknowledged') throw new LogUnavailable('the acknowledgement was lost');
    return sequence;
  }
}

class MemoryReader implements EventReader {
  readonly #network: Network;
  readonly #stream: Stream;
  readonly #faults: LogFaults;

  constructor(network: Network, stream: Stream, faults: LogFaults) {
    this.#network = network;
    this.#stream = stream;
    this.#faults = faults;
  }

  async *read(partition: number, afterSequence: number, stop: AbortSignal): AsyncGenerator<readonly LogMessage[]> {
    const stream = this.#stream;
    const { incarnation } = stream;
    const ring = () => this.#network.ring();
    setMaxListeners(0, stop);
    stop.addEventListener('abort', ring);
    let last = afterSequence;
    let lastStored = stream.messages[afterSequence - 1];
    /** Index into the partition's sequences of the first one after `last`. */
    let next = firstAfter(stream.sequencesOf(partition), afterSequence);
    try {
      while (!stop.aborted) {
        if (!this.#network.reachable) {
          await this.#network.change();
          continue;
        }
        if (stream.incarnation !== incarnation) throw new LogDiverged('the stream was made anew while it was read');
        if (last > stream.messages.length || stream.messages[last - 1] !== lastStored) {
          throw new LogDiverged(`partition ${partition}: read up to sequence ${last}, which the log no longer has`);
        }
        const sequences = stream.sequencesOf(partition);
        if (next >= sequences.length) {
          await this.#network.change();
          continue;
        }
        const most = this.#faults.arrayMessages?.(partition) ?? READ_MESSAGES_MAX;
        assert(most >= 1 && most <= READ_MESSAGES_MAX, () => `an array of ${most} messages`);
        const again = this.#faults.redelivered?.(partition) ?? 0;
        assert(again >= 0, () => `${again} messages once more`);
        const messages: LogMessage[] = [];
        let index = Math.max(0, next - again);
        for (; index < sequences.length && messages.length < most; index++) {
          const stored = must(stream.messages[(sequences[index] as number) - 1]);
          messages.push(asMessage(stored, sequences.length - index - 1));
        }
        if (index > next) {
          next = index;
          last = sequences[index - 1] as number;
          lastStored = stream.messages[last - 1];
        }
        yield messages;
      }
    } finally {
      stop.removeEventListener('abort', ring);
    }
  }

  async messageAt(sequence: number): Promise<LogMessage | undefined> {
    await this.#network.check();
    return this.#stream.messageAt(sequence);
  }

  async lastOf(partition: number): Promise<LogMessage | undefined> {
    await this.#network.check();
    return this.#stream.lastOf(partition);
  }

  async state(): Promise<LogState> {
    await this.#network.check();
    const { incarnation, messages } = this.#stream;
    return {
      epoch: `memory@${incarnation}`,
      firstSequence: Math.min(1, messages.length),
      lastSequence: messages.length,
    };
  }
}

function firstAfter(sequences: readonly number[], sequence: number): number {
  let low = 0;
  let high = sequences.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sequences[middle] as number) <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
