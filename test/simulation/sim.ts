/**
 * A whole engine in one thread: tills, a log, and owners of partitions that come, die and come again, with one seeded random
 * number generator that decides what happens next. Nothing here looks at a clock, so a seed is a story that repeats.
 */
import { Random } from '../../load/random.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { createMemoryDisk, type MemoryDisk } from '../../src/store/memory-store.ts';
import { decodeEffects } from '../../src/wire/effects.ts';
import type { Query } from '../../src/wire/query.ts';
import { checkPartition } from './checks.ts';
import type { CrashPoint, Mutation } from './faults.ts';
import { type Home, isExpectedOfTheLog, Owner, type World } from './owner.ts';
import { pick, type Scenario, scenarioOf } from './scenario.ts';
import { memberEvent, type Packet, Workload } from './workload.ts';

export interface Story {
  readonly seed: number;
  /** Fewer messages than the seed would have: what is left of it when a failure is made small. */
  readonly packets?: number;
  readonly mutation?: Mutation;
}

/** What has happened, so that a test can tell that it does happen. */
export interface Tally {
  readonly crashes: Map<CrashPoint, number>;
  events: number;
  resent: number;
  suppressed: number;
  redelivered: number;
  /** That owners have asked for. */
  ticks: number;
  effects: number;
  expired: number;
  holds: number;
  chunks: number;
  members: number;
  secondOwners: number;
  powerLosses: number;
  refusedStores: number;
  /** Because of effects that tell of lost events. */
  refusedEffects: number;
  /** Partitions built again because effects they had sent were lost. */
  resentEffects: number;
  readonly outcomes: Map<string, number>;
}

export function newTally(): Tally {
  return {
    crashes: new Map(),
    events: 0,
    resent: 0,
    suppressed: 0,
    redelivered: 0,
    ticks: 0,
    effects: 0,
    expired: 0,
    holds: 0,
    chunks: 0,
    members: 0,
    secondOwners: 0,
    powerLosses: 0,
    refusedStores: 0,
    refusedEffects: 0,
    resentEffects: 0,
    outcomes: new Map(),
  };
}

export class SimulationFailed extends Error {
  override readonly name = 'SimulationFailed';
}

const TRACE_LINES = 60;
/** Far more than any seed needs to come to an end. */
const LAST_STEPS_MAX = 20_000;
const RESENDS_WAITING_MAX = 20;
const REDELIVERED_MAX = 8;
const POWER_LOSS_EVENTS_MAX = 12;
const POWER_LOSS_EFFECTS_MAX = 3;

/** Throws SimulationFailed. */
export async function simulate(story: Story, tally: Tally = newTally()): Promise<void> {
  const simulation = new Simulation(story, tally);
  try {
    await simulation.run();
  } catch (error) {
    const again = `SIM_SEED=${story.seed}${story.packets === undefined ? '' : ` SIM_PACKETS=${story.packets}`}`;
    throw new SimulationFailed(
      `seed ${story.seed}: ${error instanceof Error ? error.message : String(error)}\n` +
        `run it alone with ${again} npx vitest run test/simulation\nthe end of it:\n${simulation.trace()}`,
      { cause: error },
    );
  }
}

class Simulation implements World {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly log: MemoryLog;
  readonly mutation: Mutation | undefined;
  readonly nowMs = (): number => this.#nowMs;
  isHostile = true;
  readonly #tally: Tally;
  readonly #workload: Workload;
  readonly #homes: Home[] = [];
  readonly #trace: string[] = [];
  /** Last sequence the log kept, by power loss. */
  readonly #kept: number[] = [];
  /** By the bytes of a message of effects: the era of the last event it covers. */
  readonly #eraOfEffects = new Map<string, number>();
  /** Partitions whose effects tell of events that are lost. */
  readonly #given = new Set<number>();
  #resends: Packet[] = [];
  #inFlight: (() => Promise<unknown>)[] = [];
  #sent = 0;
  #nowMs: number;
  #steps = 0;
  #problem: { readonly found: unknown } | undefined;

  constructor({ seed, packets, mutation }: Story, tally: Tally) {
    this.scenario = scenarioOf(seed, packets);
    this.random = new Random(seed + 0.5 * 2 ** 32);
    this.mutation = mutation;
    this.#tally = tally;
    this.#nowMs = this.scenario.startMs;
    this.#workload = new Workload(this.scenario, this.random);
    this.log = new MemoryLog(this.nowMs);
    const { lost, unacknowledged } = this.scenario.rates;
    this.log.faults.fateOf = () => {
      const roll = this.isHostile ? this.random.next() : 1;
      if (roll < lost) return 'lost';
      return roll < lost + unacknowledged ? 'unacknowledged' : 'stored';
    };
    this.log.faults.arrayMessages = () => 1 + this.random.below(6);
    this.log.faults.redelivered = () => {
      if (!this.isHostile || !this.random.chance(this.scenario.rates.redelivered)) return 0;
      this.#tally.redelivered += 1;
      return 1 + this.random.below(REDELIVERED_MAX);
    };
    for (let partition = 0; partition < this.scenario.partitions; partition++) this.#addHome(partition, 'first');
  }

  get era(): number {
    return this.#kept.length;
  }

  async run(): Promise<void> {
    // Now and then events are there before their program.
    for (const { partition } of this.#homes) {
      if (this.random.chance(0.9)) this.#resends.push(this.#workload.program(partition, 0));
    }
    while (this.#sent < this.scenario.packets) {
      this.#step();
      await this.#drain();
    }
    await this.#comeToAnEnd();
    for (let partition = 0; partition < this.scenario.partitions; partition++) {
      const homes = this.#homes.filter((home) => home.partition === partition && !this.#given.has(partition));
      if (homes.length === 0) continue;
      const checked = { partition, scenario: this.scenario, log: this.log, workload: this.#workload, homes };
      await checkPartition({ ...checked, nowMs: this.#nowMs, tally: this.#tally });
    }
  }

  trace(): string {
    return this.#trace.join('\n');
  }

  // --- What happens ---

  #step(): void {
    const { random } = this;
    const { unreachable, powerLoss, secondOwner } = this.scenario.rates;
    this.#steps += 1;
    if (random.chance(powerLoss)) this.#losePower();
    else if (random.chance(secondOwner)) this.#changeOwners();
    else if (random.chance(unreachable)) this.#setReachable(!this.log.events.isConnected());
    else if (random.chance(0.02)) this.#land();
    else if (random.chance(0.04)) this.#query(pick(random, this.#homes));
    else if (random.chance(0.03)) this.#tick(pick(random, this.#homes));
    else if (random.chance(0.35)) this.#produce();
    else this.#stepOwner(pick(random, this.#homes));
    // A log that is away for long is only waiting.
    if (!this.log.events.isConnected() && random.chance(0.05)) this.#setReachable(true);
  }

  #stepOwner(home: Home): void {
    if (home.owner !== undefined) home.owner.step();
    else if (!this.#given.has(home.partition)) home.owner = new Owner(this, home);
  }

  #produce(): void {
    const { random, scenario } = this;
    const isResend = this.#resends.length > 0 && (random.chance(0.4) || this.#resends.length > RESENDS_WAITING_MAX);
    if (isResend) {
      const [packet] = this.#resends.splice(random.below(this.#resends.length), 1);
      if (packet !== undefined) this.#publish(packet);
      return;
    }
    this.#sent += 1;
    const nextMs = this.#nowMs + 1 + Math.floor(random.exponential(scenario.spanMs / scenario.packets));
    // Never back: the log's clock tells a message from one that took its sequence later.
    this.#nowMs = Math.max(this.#nowMs, Math.min(nextMs, scenario.startMs + 1.1 * scenario.spanMs));
    this.#publish(this.#workload.packet(random.below(scenario.partitions), this.#nowMs));
  }

  /** A till sends until it has an answer: what it sends again may have been stored before. */
  #publish(packet: Packet): void {
    this.log.events.publish(packet.partition, packet.payload).then(
      () => {},
      (error) => {
        if (!(error instanceof LogUnavailable)) return this.fail(error);
        this.#tally.resent += 1;
        if (packet.contents.length > 1 && this.random.chance(0.3)) this.#resends.push(...this.#workload.alone(packet));
        else this.#resends.push(packet);
      },
    );
  }

  #tick({ partition, owner }: Home): void {
    if ((owner?.nextDue ?? Infinity) > this.#nowMs && this.random.chance(0.7)) return;
    this.#publish(this.#workload.tick(partition));
  }

  #query(home: Home): void {
    const { random, scenario } = this;
    const memberId = pick(random, scenario.members[home.partition] ?? []);
    const query = pick<() => Query>(random, [
      () => ({ op: 'member', memberId, lease: random.chance(0.5) }),
      () => ({ op: 'ledger', memberId, limit: 1 + random.below(100) }),
      () => ({ op: 'preview', events: this.#foretold(home.partition) }),
    ])();
    const given = home.owner?.query(query);
    if (given !== undefined && !given.ok && given.code !== 'not_ready') {
      this.fail(new Error(`query ${query.op}: ${given.code}, ${given.message}`));
    }
  }

  #foretold(partition: number) {
    const { contents } = this.#workload.packet(partition, this.#nowMs);
    return contents.flatMap((content) => (content.kind === 'event' ? [memberEvent(content.event)] : []));
  }

  #setReachable(isReachable: boolean): void {
    this.#noteAll(isReachable ? 'the log is back' : 'the log is away');
    this.log.faults.setReachable(isReachable);
  }

  #land(): void {
    const [operation] = this.#inFlight.splice(0, 1);
    operation?.().catch((error) => {
      if (!isExpectedOfTheLog(error)) this.fail(error);
    });
  }

  /** Another machine takes a partition and the one that had it does not know, or the one that had it comes back. */
  #changeOwners(): void {
    const home = pick(this.random, this.#homes);
    const others = this.#homes.filter(({ partition }) => partition === home.partition);
    if (others.length > 1) {
      this.note(home, 'is switched off');
      home.owner?.kill();
      return;
    }
    this.#tally.secondOwners += 1;
    const second = this.#addHome(home.partition, 'second');
    if (this.random.chance(0.5)) {
      second.disk = copyDisk(home.disk);
      second.era = new Map(home.era);
    }
    this.note(second, `at ${second.disk.position?.sequence ?? 0}`);
  }

  /** Log and engine are one machine here: what was not synced is gone, and so is every process. */
  #losePower(): void {
    for (const { owner } of this.#homes) owner?.kill();
    this.#inFlight = [];
    this.#tally.powerLosses += 1;
    this.#losing = this.random.below(POWER_LOSS_EVENTS_MAX + 1);
    // A clock goes on while there is no power.
    this.#nowMs += 1 + this.random.below(60_000);
  }

  /** Events to lose once what was under way is over. */
  #losing: number | undefined;

  async #loseTail(): Promise<void> {
    const events = this.#losing;
    if (events === undefined) return;
    this.#losing = undefined;
    this.log.faults.setReachable(true);
    const effects = this.random.below(POWER_LOSS_EFFECTS_MAX + 1);
    await this.#noteLostEffects(effects);
    this.log.faults.losePower({ events, effects });
    this.#kept.push((await this.log.reader.state()).lastSequence);
    this.#noteAll(
      `power is lost: ${events} events and ${effects} messages of effects; the log ends at ${this.#kept.at(-1)}`,
    );
    for (const home of this.#homes) {
      if (!home.hasLostEffects || (await this.log.effects.lastOf(home.partition)) !== undefined) continue;
      // Nobody can tell that from effects that an operator has dropped. Then the disk is lost, too.
      this.#rebuild(home);
    }
  }

  /** Which disks say that effects were sent that are about to be lost. */
  async #noteLostEffects(count: number): Promise<void> {
    const { lastSequence } = await this.log.effectsReader.state();
    for (let sequence = Math.max(1, lastSequence - count + 1); sequence <= lastSequence; sequence++) {
      const message = await this.log.effectsReader.messageAt(sequence);
      if (message === undefined) continue;
      const { partition, effects } = decodeEffects(message.payload);
      for (const home of this.#homes) {
        const isCovered = (effects[0]?.sequence ?? 0) <= (home.disk.position?.sequence ?? 0);
        if (home.partition === partition && isCovered) home.hasLostEffects = true;
      }
    }
  }

  // --- The end ---

  /** Nothing goes wrong any more; everybody gets to the end of the log, and writes it down. */
  async #comeToAnEnd(): Promise<void> {
    this.isHostile = false;
    this.log.faults.setReachable(true);
    while (this.#resends.length > 0 || this.#inFlight.length > 0) {
      this.#produce();
      this.#land();
      await this.#drain();
    }
    for (let partition = 0; partition < this.scenario.partitions; partition++) {
      this.#publish(this.#workload.tick(partition));
    }
    await this.#drain();
    for (let step = 0; !(await this.#isFinished()); step++) {
      if (step > LAST_STEPS_MAX) throw new Error('progress: no end in sight');
      const home = pick(this.random, this.#homes);
      this.#stepOwner(home);
      await this.#drain();
      const last = await this.log.reader.lastOf(home.partition);
      if (home.owner?.sequence === last?.sequence && !this.#isWritten(home, last?.sequence ?? 0)) home.owner?.stop();
      await this.#drain();
    }
    for (const { owner } of this.#homes) owner?.kill();
  }

  async #isFinished(): Promise<boolean> {
    for (const home of this.#homes) {
      if (this.#given.has(home.partition)) continue;
      const last = await this.log.reader.lastOf(home.partition);
      const isIdle = home.owner?.isIdle ?? false;
      if (!isIdle || !this.#isWritten(home, last?.sequence ?? 0)) return false;
    }
    return true;
  }

  #isWritten({ disk }: Home, last: number): boolean {
    return (disk.position?.sequence ?? 0) === last;
  }

  /** Everything that can happen by itself happens, up to the next gates. */
  async #drain(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#loseTail();
    if (this.#problem !== undefined) throw this.#problem.found;
  }

  // --- World ---

  has(sequence: number, era: number): boolean {
    return this.#kept.slice(era).every((kept) => sequence <= kept);
  }

  async effectsFit({ partition, hasLostEffects }: Home): Promise<boolean> {
    const last = await this.log.effects.lastOf(partition);
    if (last === undefined) return true;
    if (hasLostEffects) return false;
    return this.has(decodeEffects(last.payload).to.sequence, this.#eraOfEffects.get(keyOf(last.payload)) ?? 0);
  }

  effectsSent(payload: Uint8Array, era: number): void {
    this.#eraOfEffects.set(keyOf(payload), era);
  }

  landLater(operation: () => Promise<unknown>): void {
    this.#inFlight.push(operation);
  }

  crashed(point: CrashPoint): void {
    this.#tally.crashes.set(point, (this.#tally.crashes.get(point) ?? 0) + 1);
  }

  suppressed(count: number): void {
    this.#tally.suppressed += count;
  }

  ticked(): void {
    this.#tally.ticks += 1;
  }

  refused(home: Home, why: 'store' | 'effects'): void {
    this.note(home, `is refused because of its ${why}`);
    if (why === 'store') {
      // As the refusal says: the log is right, so the store is moved away and built again.
      this.#tally.refusedStores += 1;
      this.#rebuild(home);
    } else if (home.hasLostEffects) {
      // Likewise: what is missing is sent again.
      this.#tally.resentEffects += 1;
      this.#rebuild(home);
    } else {
      // Others have acted on what never was; that is for people to put right.
      this.#tally.refusedEffects += 1;
      this.#given.add(home.partition);
    }
  }

  #rebuild(home: Home): void {
    home.disk = createMemoryDisk();
    home.era = new Map();
    home.hasLostEffects = false;
  }

  note(home: Home, what: string): void {
    this.#noteAll(`partition ${home.partition}, ${home.name} owner ${what}`);
  }

  fail(problem: unknown): void {
    this.#problem ??= { found: problem };
  }

  #noteAll(what: string): void {
    this.#trace.push(`${this.#steps} ${new Date(this.#nowMs).toISOString()} ${what}`);
    if (this.#trace.length > TRACE_LINES) this.#trace.shift();
  }

  #addHome(partition: number, name: string): Home {
    const disk = createMemoryDisk();
    const home: Home = { name, partition, disk, era: new Map(), hasLostEffects: false, owner: undefined };
    this.#homes.push(home);
    return home;
  }
}

function copyDisk(disk: MemoryDisk): MemoryDisk {
  return structuredClone({ ...disk, owner: undefined });
}

function keyOf(payload: Uint8Array): string {
  return Buffer.from(payload).toString('latin1');
}
