/**
 * One process that owns one partition: the real Partition, kept going by the real PartitionRun, over the memory log and a memory
 * store. What it reads, its beats and its clock are given to it step by step. Whatever it asks of the outside passes a gate,
 * where it can be held up while others go on, and where it can die: nothing behind the gate happens then, ever.
 */
import type { Random } from '../../load/random.ts';
import { must, toError } from '../../src/lib/assert.ts';
import { Turns } from '../../src/lib/turns.ts';
import {
  EffectsConflict,
  type EffectsWriter,
  type EventReader,
  type EventWriter,
  type LogMessage,
  LogUnavailable,
} from '../../src/log/log.ts';
import type { MemoryLog } from '../../src/log/memory-log.ts';
import { allocateCounters, WorkerCounters } from '../../src/observe/counters.ts';
import { type Answering, answer } from '../../src/partition/answer.ts';
import { Audience, Feed } from '../../src/partition/audience.ts';
import { Partition, type PartitionListener } from '../../src/partition/partition.ts';
import { checkEffects, checkPosition, PositionMismatch } from '../../src/partition/position.ts';
import { PartitionRun } from '../../src/partition/run.ts';
import { type MemoryDisk, openMemoryStore } from '../../src/store/memory-store.ts';
import type { CheckpointWrite, PartitionStore } from '../../src/store/store.ts';
import { BEFORE_ALL_EFFECTS, decodeEffects, encodeEffects } from '../../src/wire/effects.ts';
import type { Answer, Query } from '../../src/wire/query.ts';
import { encodeQuery } from '../../src/wire/query.ts';
import { namesOf } from '../../src/wire/subjects.ts';
import { CommitFailed, type CrashPoint, type Mutation } from './faults.ts';
import { pick, type Scenario } from './scenario.ts';

/** A machine a partition can live on. */
export interface Home {
  readonly name: string;
  readonly partition: number;
  disk: MemoryDisk;
  /** Power losses before the message of a sequence was scored into this disk: tells it from a later one of that sequence. */
  era: Map<number, number>;
  /** Effects that this disk says were sent are gone. */
  hasLostEffects: boolean;
  owner: Owner | undefined;
}

/** What an owner needs of the simulation around it. */
export interface World {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly log: MemoryLog;
  readonly mutation: Mutation | undefined;
  /** False once things are to come to an end: nothing goes wrong any more. */
  readonly isHostile: boolean;
  /** Power losses so far. */
  readonly era: number;
  readonly nowMs: () => number;
  /** Whether the log still has what it had at that sequence in that era. */
  has(sequence: number, era: number): boolean;
  /** Whether the effects say nothing about events the log has lost, and none is missing that the disk says were sent. */
  effectsFit(home: Home): Promise<boolean>;
  /** Effects are about to be sent, up to this sequence of this era. */
  effectsSent(payload: Uint8Array, era: number): void;
  /** The rest of an operation whose process has died: it is carried out some time later. */
  landLater(operation: () => Promise<unknown>): void;
  note(home: Home, what: string): void;
  crashed(point: CrashPoint): void;
  /** The start was refused, rightly. */
  refused(home: Home, why: 'store' | 'effects'): void;
  suppressed(count: number): void;
  /** An owner has asked for a tick. */
  ticked(): void;
  /** A bug is found. */
  fail(problem: unknown): void;
}

interface Held {
  readonly point: CrashPoint;
  readonly go: () => void;
  /** What is under way while this is held. */
  readonly landing: (() => Promise<unknown>) | undefined;
}

/** Messages that have arrived and that the run waits for. */
interface Delivery {
  readonly messages: readonly LogMessage[];
  readonly go: () => void;
}

/** What a process that dies while it computes leaves behind. */
class Died extends Error {
  override readonly name = 'Died';
}

const TICK_INTERVAL_MS = 1_000;

const EFFECTS_POINTS: readonly CrashPoint[] = ['before-effects-publish', 'between-effects-messages'];

export class Owner {
  readonly #world: World;
  readonly #home: Home;
  readonly #store: PartitionStore;
  #isEnded = false;
  #held: Held | undefined;
  #partition: Partition | undefined;
  #audience: Audience | undefined;
  #run: PartitionRun | undefined;
  #delivery: Delivery | undefined;
  /** Arrays that may come without another step: some arrive while the one before is still being dealt with. */
  #waved = 0;
  /** It dies once it has scored this sequence. */
  #lastSequence = Infinity;
  #isStopping = false;
  /** Messages of effects of the checkpoint under way. */
  #effectsMessages = 0;
  /** Of the mutation that writes the checkpoint first. */
  #deferred: Uint8Array[] = [];

  constructor(world: World, home: Home) {
    this.#world = world;
    this.#home = home;
    const store = openMemoryStore(home.disk, {
      beforeCommit: () => this.#beforeCommit(),
      afterCommit: () => this.#afterCommit(),
    });
    this.#store =
      world.mutation === undefined ? store : mutated(store, world.mutation, () => this.#reach('before-commit'));
    this.#open().catch((error) => this.#broken(error));
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get sequence(): number {
    return this.#partition?.sequence ?? 0;
  }

  /** Until nothing is left to do. */
  get isIdle(): boolean {
    const partition = this.#partition;
    return partition !== undefined && this.#delivery === undefined && !partition.checkpointing;
  }

  get nextDue(): number {
    return this.#partition?.nextDue ?? Infinity;
  }

  /** Does one of the things that can be done next, or dies doing it. */
  step(): void {
    const { random, scenario, isHostile } = this.#world;
    const isDying = isHostile && random.chance(scenario.rates.crash);
    const actions: (() => void)[] = [];
    if (this.#held !== undefined) actions.push(() => this.#release(isDying));
    if (this.#delivery !== undefined) actions.push(() => this.#deliver(isDying));
    if (this.#run !== undefined) actions.push(() => this.#beat(isDying));
    if (actions.length > 0) pick(random, actions)();
  }

  /** As a process that is told to: what it has goes to the disk, then it ends. */
  stop(): void {
    if (this.#run === undefined || this.#isStopping) return;
    this.#world.note(this.#home, 'stops');
    this.#isStopping = true;
    this.#run.stop();
  }

  /** Power is gone. */
  kill(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#held = undefined;
    this.#delivery = undefined;
    // Ends its reading; what it would do then is behind a gate.
    this.#run?.stop();
    this.#home.owner = undefined;
    this.#world.suppressed(this.#partition?.effectsSuppressed ?? 0);
  }

  /** Reads and trials must leave no trace. */
  query(query: Query): Answer | undefined {
    if (this.#partition === undefined || this.#audience === undefined) return undefined;
    const { nowMs } = this.#world;
    const context: Answering = { partition: this.#partition, audience: this.#audience, epoch: EPOCH, nowMs };
    return answer(context, encodeQuery(query));
  }

  async #open(): Promise<void> {
    const { scenario, log, random, mutation } = this.#world;
    const number = this.#home.partition;
    if (!(await this.#isAllowed())) return;
    const counters = new WorkerCounters(allocateCounters(scenario.partitions));
    const { nowMs } = this.#world;
    const audience = new Audience({
      partition: number,
      epoch: EPOCH,
      names: namesOf('simulated'),
      send: () => {},
      counters,
      feed: new Feed(() => {}, nowMs),
      nowMs,
    });
    const partition = await Partition.open({
      partition: number,
      partitions: scenario.partitions,
      epoch: EPOCH,
      store: this.#store,
      effects: this.#effects(mutation),
      pause: () => this.#reach('during-retry'),
      counters,
      cacheMembers: pick(random, scenario.cacheMembers),
      // Another operator, another wish.
      fullLedger: pick(random, scenario.fullLedger),
      listener: this.#mortal(audience),
    });
    const last = await log.reader.lastOf(number);
    if (this.#isEnded) return;
    if (mutation === 'redelivered-scored') takeGuardAway(partition);
    audience.attach(partition);
    this.#audience = audience;
    this.#partition = partition;
    this.#world.note(this.#home, `opened at ${partition.sequence}`);
    this.#run = new PartitionRun({
      partition,
      reader: this.#reader(),
      writer: this.#tickWriter(),
      policy: scenario.policy,
      checkpoints: new Turns(1),
      counters,
      catchUpTo: last?.sequence ?? 0,
      tickIntervalMs: TICK_INTERVAL_MS,
      clock: { wallMs: nowMs, monotonicMs: nowMs },
    });
    this.#run
      .run(() => {})
      .then(
        () => this.kill(),
        (error) => this.#broken(error),
      );
  }

  /** What the engine says of store, effects and log must be what we know of them. */
  async #isAllowed(): Promise<boolean> {
    const { log, mutation } = this.#world;
    const { partition, era } = this.#home;
    const state = await log.reader.state();
    const position = this.#store.position();
    const fits = position === undefined || this.#world.has(position.sequence, era.get(position.sequence) ?? 0);
    if (mutation === 'position-unchecked') return true;
    const isAccepted = await accepts(checkPosition(partition, position, state, log.reader));
    if (this.#isEnded) return false;
    if (isAccepted !== fits) {
      throw new Error(
        `position: the store is at ${position?.sequence}, the log ends at ${state.lastSequence}, ` +
          `and the start was ${isAccepted ? 'accepted' : 'refused'}`,
      );
    }
    if (!isAccepted) {
      this.#refused('store');
      return false;
    }
    return this.#areEffectsAllowed();
  }

  async #areEffectsAllowed(): Promise<boolean> {
    const { log } = this.#world;
    const { partition } = this.#home;
    const fit = await this.#world.effectsFit(this.#home);
    const areAccepted = await accepts(
      checkEffects(partition, this.#store.position(), log.effects, await log.reader.state(), log.reader),
    );
    if (this.#isEnded) return false;
    if (areAccepted !== fit) {
      throw new Error(
        `position: effects ${fit ? 'fit' : 'do not fit'}, and ${areAccepted ? 'were accepted' : 'were refused'}`,
      );
    }
    if (!areAccepted) this.#refused('effects');
    return areAccepted;
  }

  #refused(why: 'store' | 'effects'): void {
    this.kill();
    this.#world.refused(this.#home, why);
  }

  // --- What comes in ---

  #reader(): EventReader {
    const { reader } = this.#world.log;
    return {
      read: (partition, afterSequence, stop) => this.#read(partition, afterSequence, stop),
      messageAt: (sequence) => reader.messageAt(sequence),
      lastOf: (partition) => reader.lastOf(partition),
      state: () => reader.state(),
    };
  }

  async *#read(partition: number, afterSequence: number, stop: AbortSignal): AsyncGenerator<readonly LogMessage[]> {
    for await (const arrived of this.#world.log.reader.read(partition, afterSequence, stop)) {
      if (this.#lastSequence !== Infinity) this.#die('mid-batch-array');
      const messages = await this.#delivered(arrived, stop);
      if (stop.aborted) return;
      this.#checkHoldBack();
      for (const { sequence } of messages) {
        // One that came before is not scored again, or should not be: what the disk has of it is as old as it was.
        if (sequence > this.sequence) this.#home.era.set(sequence, this.#world.era);
      }
      yield messages;
    }
  }

  /** A run that goes on reading while its checkpoint cannot keep up fills its memory. */
  #checkHoldBack(): void {
    const { checkpointing, eventsSince } = must(this.#partition);
    if (!checkpointing || eventsSince < this.#world.scenario.policy.eventsBehindMax) return;
    this.#world.fail(new Error(`hold-back: ${eventsSince} events scored behind a checkpoint, and more is read`));
  }

  async #delivered(messages: readonly LogMessage[], stop: AbortSignal): Promise<readonly LogMessage[]> {
    if (this.#waved > 0) {
      this.#waved -= 1;
      return messages;
    }
    await new Promise<void>((resolve) => {
      this.#delivery = { messages, go: resolve };
      stop.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#delivery = undefined;
    return messages;
  }

  #deliver(isDying: boolean): void {
    const delivery = this.#delivery;
    const { random } = this.#world;
    if (delivery === undefined) return;
    if (isDying) {
      if (random.chance(0.3)) {
        this.#die('before-apply');
        return;
      }
      this.#lastSequence = pick(random, delivery.messages).sequence;
    } else if (random.chance(0.3)) {
      this.#waved = 1;
    }
    delivery.go();
  }

  /** What a timer does. */
  #beat(isDying: boolean): void {
    const wasCheckpointing = this.#partition?.checkpointing;
    this.#run?.beat().catch((error) => this.#broken(error));
    if (!isDying) return;
    if (wasCheckpointing === false && this.#partition?.checkpointing === true) this.#die('after-collect');
    else this.stop();
  }

  /** Tells of what is scored, and is where a process that scores can die. */
  #mortal(audience: Audience): PartitionListener {
    return {
      begin: (batch, message) => audience.begin(batch, message),
      scored: (event, outcome, held, detail) => audience.scored(event, outcome, held, detail),
      settled: (held) => audience.settled(held),
      end: (message) => {
        audience.end(message);
        if (message.sequence < this.#lastSequence || this.#isEnded) return;
        this.#die('mid-batch-array', message.sequence);
        throw new Died();
      },
    };
  }

  #tickWriter(): EventWriter {
    const { events } = this.#world.log;
    return {
      isConnected: () => events.isConnected(),
      publish: (partition, payload) => {
        if (this.#isEnded) return new Promise<never>(() => {});
        this.#world.ticked();
        return events.publish(partition, payload);
      },
    };
  }

  // --- What goes out ---

  /** An operation comes by. Resolves when it may go on. */
  #reach(point: CrashPoint, landing?: () => Promise<unknown>): Promise<void> {
    const { random, scenario } = this.#world;
    return new Promise((resolve) => {
      if (this.#isEnded) return;
      // Whoever waits for the log waits, lest it asks for ever.
      if (point !== 'during-retry' && !random.chance(scenario.rates.hold)) resolve();
      else if (this.#held === undefined) this.#held = { point, go: resolve, landing };
      else this.#world.fail(new Error(`at ${point} while still at ${this.#held.point}`));
    });
  }

  #release(isDying: boolean): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    if (!isDying) {
      held.go();
    } else if (held.landing !== undefined && this.#world.random.chance(0.4)) {
      this.#world.landLater(held.landing);
      this.#die('effects-in-flight');
    } else {
      this.#die(held.point);
    }
  }

  #die(point: CrashPoint, sequence = this.sequence): void {
    this.#world.note(this.#home, `dies ${point}, at ${sequence}`);
    this.#world.crashed(point);
    this.kill();
  }

  #broken(thrown: unknown): void {
    if (this.#isEnded) return;
    const error = toError(thrown);
    if (!(error instanceof LogUnavailable || error instanceof CommitFailed)) {
      this.#world.fail(error);
      return;
    }
    if (error instanceof CommitFailed) this.#world.note(this.#home, `breaks: ${error.message}`);
    this.kill();
  }

  #effects(mutation: Mutation | undefined): EffectsWriter {
    const { log } = this.#world;
    const publish: EffectsWriter['publish'] = async (partition, payload, expectedLast) => {
      const { sequence } = decodeEffects(payload).to;
      const send = (): Promise<number> => {
        this.#world.effectsSent(payload, this.#home.era.get(sequence) ?? 0);
        return mutation === 'effects-unconditional' || mutation === 'checkpoint-before-effects'
          ? log.effects.lastOf(partition).then((last) => log.effects.publish(partition, payload, last?.sequence ?? 0))
          : log.effects.publish(partition, payload, expectedLast);
      };
      if (mutation === 'checkpoint-before-effects') {
        this.#deferred.push(payload);
        return expectedLast;
      }
      const [before, between] = EFFECTS_POINTS as readonly [CrashPoint, CrashPoint];
      await this.#reach(this.#effectsMessages === 0 ? before : between, send);
      const stored = await send();
      this.#effectsMessages += 1;
      await this.#reach('after-effects-stored-before-ack');
      await this.#reach('after-effects-acked');
      return stored;
    };
    const lastOf: EffectsWriter['lastOf'] = async (partition) => {
      const last = await log.effects.lastOf(partition);
      await this.#reach('during-lookup');
      if (last === undefined || mutation !== 'effects-not-suppressed') return last;
      return { ...last, payload: encodeEffects({ ...decodeEffects(last.payload), to: BEFORE_ALL_EFFECTS }) };
    };
    return { publish, lastOf };
  }

  async #beforeCommit(): Promise<void> {
    await this.#reach('before-commit');
    const { random, scenario, isHostile } = this.#world;
    if (isHostile && random.chance(scenario.rates.commitFailure)) throw new CommitFailed('the disk is full');
  }

  async #afterCommit(): Promise<void> {
    this.#effectsMessages = 0;
    await this.#reach('after-commit-before-return');
    const { random, scenario, isHostile, log } = this.#world;
    for (const payload of this.#deferred.splice(0)) {
      const last = await log.effects.lastOf(this.#home.partition);
      await log.effects.publish(this.#home.partition, payload, last?.sequence ?? 0);
    }
    if (isHostile && random.chance(scenario.rates.commitFailure)) throw new CommitFailed('written, but nobody said so');
  }
}

/** What the memory log calls itself: it is never made anew here. */
export const EPOCH = 'memory@1';

async function accepts(check: Promise<void>): Promise<boolean> {
  try {
    await check;
    return true;
  } catch (error) {
    if (error instanceof PositionMismatch) return false;
    throw error;
  }
}

/** From now on it scores again what it has scored: its guard, which is the first to ask for a message's sequence, is deceived. */
function takeGuardAway(partition: Partition): void {
  const apply = partition.apply.bind(partition);
  partition.apply = (message) => {
    let isGuard = true;
    apply({
      ...message,
      get sequence() {
        const sequence = isGuard ? Infinity : message.sequence;
        isGuard = false;
        return sequence;
      },
    });
  };
}

/** Nobody is told of what a dead process had under way. */
export function isExpectedOfTheLog(error: unknown): boolean {
  return error instanceof LogUnavailable || error instanceof EffectsConflict;
}

function mutated(store: PartitionStore, mutation: Mutation, pause: () => Promise<void>): PartitionStore {
  const commit = async (checkpoint: CheckpointWrite): Promise<void> => {
    if (mutation === 'torn-checkpoint') {
      await store.commit({ ...checkpoint, position: store.position() ?? { ...checkpoint.position, sequence: 0 } });
      await pause();
      await store.commit({ ...checkpoint, members: [] });
    } else if (mutation === 'timers-left-behind') {
      const members = checkpoint.members.map((member) => ({ ...member, dueBefore: Infinity }));
      await store.commit({ ...checkpoint, members });
    } else {
      await store.commit(checkpoint);
    }
  };
  return {
    position: () => store.position(),
    member: (id) => store.member(id),
    chunk: (memberId, number) => store.chunk(memberId, number),
    idBlock: (memberId, level) => store.idBlock(memberId, level),
    due: (until) => store.due(until),
    nextDue: () => store.nextDue(),
    members: () => store.members(),
    chunks: () => store.chunks(),
    close: () => store.close(),
    commit,
  };
}
