/**
 * One process that owns one partition: the real Partition over the memory log and a memory store, stepped by hand. Whatever
 * it asks of the outside passes a gate, where it can be held up while others go on, and where it can die: nothing behind the
 * gate happens then, ever.
 */
import type { Random } from '../../load/random.ts';
import { toError } from '../../src/lib/assert.ts';
import { EffectsConflict, type EffectsWriter, type LogMessage, LogUnavailable } from '../../src/log/log.ts';
import type { MemoryLog } from '../../src/log/memory-log.ts';
import { allocateCounters, WorkerCounters } from '../../src/observe/counters.ts';
import { type Answering, answer } from '../../src/partition/answer.ts';
import { Audience, Feed } from '../../src/partition/audience.ts';
import { checkpointDue } from '../../src/partition/checkpoint-policy.ts';
import { Partition } from '../../src/partition/partition.ts';
import { checkEffects, checkPosition, PositionMismatch } from '../../src/partition/position.ts';
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
  /** Whether the effects of a partition say nothing about events the log has lost. */
  effectsFit(partition: number): Promise<boolean>;
  /** Effects are about to be sent, up to this sequence of this era. */
  effectsSent(payload: Uint8Array, era: number): void;
  /** The rest of an operation whose process has died: it is carried out some time later. */
  landLater(operation: () => Promise<unknown>): void;
  note(home: Home, what: string): void;
  crashed(point: CrashPoint): void;
  /** The start was refused, rightly. */
  refused(home: Home, why: 'store' | 'effects'): void;
  suppressed(count: number): void;
  /** A bug is found. */
  fail(problem: unknown): void;
}

interface Held {
  readonly point: CrashPoint;
  readonly go: () => void;
  /** What is under way while this is held. */
  readonly landing: (() => Promise<unknown>) | undefined;
}

const EFFECTS_POINTS: readonly CrashPoint[] = ['before-effects-publish', 'between-effects-messages'];

export class Owner {
  readonly #world: World;
  readonly #home: Home;
  readonly #store: PartitionStore;
  readonly #end = new AbortController();
  #isEnded = false;
  #held: Held | undefined;
  #partition: Partition | undefined;
  #audience: Audience | undefined;
  #messages: AsyncIterator<readonly LogMessage[]> | undefined;
  #inbox: LogMessage[] = [];
  #isReading = false;
  #isStopping = false;
  #pending = 0;
  #unwrittenSinceMs = 0;
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
    return partition !== undefined && this.#inbox.length === 0 && !partition.checkpointing;
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
    if (this.#canApply()) actions.push(() => this.#apply(isDying));
    if (this.#isCheckpointDue()) actions.push(() => this.#checkpoint(isDying));
    if (actions.length > 0) pick(random, actions)();
    else if (isDying) this.#stop();
    if (!this.#isEnded) this.#read();
  }

  /** Writes what there is, though it is not due. */
  finish(): void {
    if (!this.#isEnded && this.isIdle) this.#checkpoint(false);
  }

  /** Power is gone. */
  kill(): void {
    this.#isEnded = true;
    this.#held = undefined;
    this.#inbox = [];
    this.#end.abort();
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
      fullLedger: scenario.fullLedger,
      listener: audience,
    });
    if (this.#isEnded) return;
    audience.attach(partition);
    this.#audience = audience;
    this.#partition = partition;
    this.#messages = log.reader.read(number, partition.sequence, this.#end.signal)[Symbol.asyncIterator]();
    this.#world.note(this.#home, `opened at ${partition.sequence}`);
    this.#read();
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
    const fit = await this.#world.effectsFit(partition);
    const areAccepted = await accepts(checkEffects(partition, log.effects, await log.reader.state(), log.reader));
    if (this.#isEnded) return false;
    if (areAccepted !== fit) {
      throw new Error(
        `position: effects ${fit ? 'fit' : 'tell of lost events'}, and ${areAccepted ? 'were accepted' : 'were refused'}`,
      );
    }
    if (!areAccepted) this.#refused('effects');
    return areAccepted;
  }

  #refused(why: 'store' | 'effects'): void {
    this.kill();
    this.#world.refused(this.#home, why);
  }

  #read(): void {
    const messages = this.#messages;
    if (messages === undefined || this.#isReading || this.#inbox.length > 0) return;
    this.#isReading = true;
    messages.next().then(
      (result) => {
        this.#isReading = false;
        if (result.done !== true && !this.#isEnded) this.#inbox = [...result.value];
      },
      (error) => this.#broken(error),
    );
  }

  #canApply(): boolean {
    const partition = this.#partition;
    if (partition === undefined || this.#inbox.length === 0 || this.#isStopping) return false;
    return !partition.checkpointing || partition.eventsSince < this.#world.scenario.policy.eventsBehindMax;
  }

  #apply(isDying: boolean): void {
    const { random, nowMs } = this.#world;
    const count = isDying ? random.below(this.#inbox.length) : this.#inbox.length;
    for (const message of this.#inbox.splice(0, count)) {
      this.#partition?.apply(message);
      this.#pending = message.pending;
      this.#home.era.set(message.sequence, this.#world.era);
    }
    if (this.#unwrittenSinceMs === 0) this.#unwrittenSinceMs = nowMs();
    if (isDying) this.#die(count === 0 ? 'before-apply' : 'mid-batch-array');
  }

  #isCheckpointDue(): boolean {
    const partition = this.#partition;
    if (partition === undefined || partition.checkpointing) return false;
    const unwritten = {
      events: partition.eventsSince,
      bytes: partition.bytesSince,
      members: partition.members.dirtyCount,
      waitedMs: this.#unwrittenSinceMs === 0 ? 0 : this.#world.nowMs() - this.#unwrittenSinceMs,
      behind: this.#pending > 0,
    };
    return checkpointDue(this.#world.scenario.policy, unwritten) !== undefined;
  }

  #checkpoint(isDying: boolean): void {
    this.#unwrittenSinceMs = 0;
    this.#effectsMessages = 0;
    this.#partition?.checkpoint().then(
      () => {
        if (!this.#isEnded && this.#isStopping) this.kill();
      },
      (error) => this.#broken(error),
    );
    if (isDying) this.#die('after-collect');
    // What is scored before anything was awaited belongs to the next checkpoint, too.
    else if (this.#canApply() && this.#world.random.chance(0.5)) this.#apply(false);
  }

  /** As a process that is told to: what it has goes to the disk, then it ends. */
  #stop(): void {
    if (this.#partition === undefined || this.#isStopping) return;
    this.#world.note(this.#home, 'stops');
    this.#isStopping = true;
    if (!this.#partition.checkpointing) this.#checkpoint(false);
  }

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

  #die(point: CrashPoint): void {
    this.#world.note(this.#home, `dies ${point}, at ${this.sequence}`);
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
