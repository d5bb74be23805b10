/**
 * What must be true of a partition in the end, however it came there: its stores and its effects are those of an owner that
 * was never interrupted, and its members have what the bookkeeper says.
 */
import { isDeepStrictEqual } from 'node:util';
import { Oracle, type OracleOutcome, type OracleWallet } from '../../load/oracle.ts';
import { digestText } from '../../src/lib/hash.ts';
import { EXPIRING_SHOWN_MAX } from '../../src/limits.ts';
import type { EventReader, LogMessage } from '../../src/log/log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { allocateCounters, WorkerCounters } from '../../src/observe/counters.ts';
import { viewAt } from '../../src/partition/audience.ts';
import { Partition, type PartitionListener } from '../../src/partition/partition.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import type { LogEvent } from '../../src/scoring/event.ts';
import { sumOfLots } from '../../src/scoring/lots.ts';
import type { Member } from '../../src/scoring/member.ts';
import { OUTCOMES, type Outcome } from '../../src/scoring/outcome.ts';
import { sumOfPending } from '../../src/scoring/pending.ts';
import { movedBy, pointsOf } from '../../src/scoring/points.ts';
import { recountDigest } from '../../src/store/member-cache.ts';
import { createMemoryDisk, openMemoryStore } from '../../src/store/memory-store.ts';
import type { PartitionStore } from '../../src/store/store.ts';
import { type Batch, encodeBatch, type Malformed } from '../../src/wire/batch.ts';
import { decodeEffects, type Effect, isAfter } from '../../src/wire/effects.ts';
import { passedIn } from '../load/agreement.ts';
import { EPOCH, type Home } from './owner.ts';
import type { Scenario } from './scenario.ts';
import type { Tally } from './sim.ts';
import type { Workload } from './workload.ts';

export interface Checked {
  readonly partition: number;
  readonly scenario: Scenario;
  readonly log: MemoryLog;
  readonly workload: Workload;
  /** On whose disks the partition is. */
  readonly homes: readonly Home[];
  readonly nowMs: number;
  readonly tally: Tally;
}

/** Throws an error that begins with the name of the check. */
export async function checkPartition(checked: Checked): Promise<void> {
  const { partition, scenario, log, homes, tally } = checked;
  const messages = await readAll(log.reader, partition);
  const calm = await foldCalmly(scenario, partition, messages);
  await checkEffects(checked, calm);
  for (const home of homes) {
    const store = openMemoryStore(home.disk);
    checkStore(`the ${home.name} disk of partition ${partition}`, store, calm.store);
  }
  await checkRepacked(scenario, partition, calm);
  await checkTicks(checked, calm);
  checkOutcomes(checked, messages, calm);
  tally.holds += calm.effects.filter(({ type }) => type === 'hold').length;
  tally.expired += calm.effects.filter(({ type }) => type === 'expiration').length;
  for (const outcome of calm.outcomes) tally.outcomes.set(outcome.code, (tally.outcomes.get(outcome.code) ?? 0) + 1);
  tally.events += calm.outcomes.length;
  tally.effects += calm.effects.length;
  tally.chunks += [...calm.store.chunks()].length;
  tally.members += [...calm.store.members()].length;
}

/** All messages of a partition. */
async function readAll(reader: EventReader, partition: number): Promise<LogMessage[]> {
  const last = await reader.lastOf(partition);
  const messages: LogMessage[] = [];
  if (last === undefined) return messages;
  const stop = new AbortController();
  for await (const some of reader.read(partition, 0, stop.signal)) {
    messages.push(...some);
    if (messages.at(-1)?.sequence === last.sequence) stop.abort();
  }
  return messages;
}

/** A partition as an owner leaves it that nothing happens to: no crash, no eviction, one checkpoint. */
interface Calm {
  readonly folded: Partition;
  readonly store: PartitionStore;
  readonly effects: readonly Effect[];
  /** Of every event but ticks and programs, in order. */
  readonly outcomes: readonly Outcome[];
  /** What counted, in order, ticks and programs included. */
  readonly counted: readonly Counted[];
}

interface Counted {
  readonly event: LogEvent;
  readonly timestampMs: number;
}

async function foldCalmly(scenario: Scenario, partition: number, messages: readonly LogMessage[]): Promise<Calm> {
  const log = new MemoryLog(() => 0);
  const store = openMemoryStore(createMemoryDisk());
  const witness = new Witness();
  const folded = await Partition.open({
    partition,
    partitions: scenario.partitions,
    epoch: EPOCH,
    store,
    effects: log.effects,
    pause: async () => {},
    counters: new WorkerCounters(allocateCounters(scenario.partitions)),
    cacheMembers: 1_000,
    fullLedger: true,
    listener: witness,
  });
  for (const message of messages) folded.apply(message);
  if (messages.length > 0) await folded.checkpoint();
  const effects = (await readAll(log.effectsReader, partition)).flatMap(
    ({ payload }) => decodeEffects(payload).effects,
  );
  return { folded, store, effects, outcomes: witness.outcomes, counted: witness.counted };
}

/** Writes down what became of each event. */
class Witness implements PartitionListener {
  readonly outcomes: Outcome[] = [];
  readonly counted: Counted[] = [];
  #events: readonly (LogEvent | Malformed)[] = [];
  #outcomes: Outcome[] = [];

  begin({ events }: Batch): void {
    this.#events = events;
    this.#outcomes = [];
  }

  scored(_event: unknown, outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  settled(): void {}

  end({ timestampMs }: LogMessage): void {
    let next = 0;
    for (const event of this.#events) {
      const isControl = event.type === 'tick' || event.type === 'program';
      const hasCounted = isControl || this.#outcomes[next++]?.code === 'scored';
      if (hasCounted && event.type !== 'malformed') this.counted.push({ event, timestampMs });
    }
    this.outcomes.push(...this.#outcomes);
  }
}

// --- Effects: each once, in order, and nothing else ---

async function checkEffects({ partition, log, scenario }: Checked, calm: Calm): Promise<void> {
  const sent: Effect[] = [];
  for (const { payload } of await readAll(log.effectsReader, partition)) {
    const { to, effects, epoch } = decodeEffects(payload);
    const before = sent.at(-1);
    const last = effects.at(-1);
    if (epoch !== EPOCH || last === undefined || last.sequence !== to.sequence || last.ordinal !== to.ordinal) {
      throw new Error(`effects: a message of partition ${partition} says ${JSON.stringify(to)} and ends elsewhere`);
    }
    if (before !== undefined && !isAfter(to, before)) {
      throw new Error(`effects: a message of partition ${partition} goes back to ${JSON.stringify(to)}`);
    }
    sent.push(...effects);
  }
  const { fullLedger } = scenario;
  const isAsked = ({ type }: Effect): boolean => type !== 'accrual' || !fullLedger.includes(false);
  compareLists(`effects of partition ${partition}`, sent.filter(isAsked), calm.effects.filter(isAsked));
  // Owners that were asked for accruals have sent theirs, at the places where they belong; others none.
  const accruals = new Map(calm.effects.map((effect) => [`${effect.sequence}.${effect.ordinal}`, effect]));
  for (const effect of sent) {
    const expected = accruals.get(`${effect.sequence}.${effect.ordinal}`);
    if (fullLedger.includes(true) ? isDeepStrictEqual(effect, expected) : effect.type !== 'accrual') continue;
    throw new Error(`effects of partition ${partition}: ${text(effect)}, expected ${text(expected)}`);
  }
}

// --- Stores ---

function checkStore(which: string, store: PartitionStore, calm: PartitionStore): void {
  const { digest: stored, sequence } = store.position() ?? { digest: NO_DIGEST, sequence: 0 };
  const expected = calm.position() ?? { digest: NO_DIGEST, sequence: 0 };
  const recounted = digestText(recountDigest(store));
  if (sequence !== expected.sequence) throw new Error(`store: ${which} is at ${sequence}, not ${expected.sequence}`);
  compareLists(`members on ${which}`, membersIn(store), membersIn(calm));
  compareLists(`chunks on ${which}`, chunksIn(store), chunksIn(calm));
  compareLists(`timers on ${which}`, [...store.due(Infinity)], [...calm.due(Infinity)]);
  if (stored !== expected.digest || recounted !== expected.digest) {
    throw new Error(`digest: ${which} says ${stored}, its records ${recounted}, a calm run ${expected.digest}`);
  }
  const { program } = store.position() ?? { program: '' };
  if (program !== (calm.position()?.program ?? '')) throw new Error(`program: ${which} has another`);
}

const NO_DIGEST = '0000000000000000';
/** More levels than any member here has. */
const LEVELS = 8;

/** With the id index, which no digest covers. */
function membersIn(store: PartitionStore): unknown[] {
  const members = [...store.members()].map(({ id, bytes }) => ({
    id,
    bytes: hex(bytes),
    index: Array.from({ length: LEVELS }, (_, level) => hex(store.idBlock(id, level) ?? new Uint8Array())),
  }));
  return members.sort((left, right) => (left.id < right.id ? -1 : 1));
}

function chunksIn(store: PartitionStore): unknown[] {
  const chunks = [...store.chunks()].map(({ memberId, number, bytes }) => ({
    key: `${memberId} ${number}`,
    bytes: hex(bytes),
  }));
  return chunks.sort((left, right) => (left.key < right.key ? -1 : 1));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The same events in other messages, without those that did not count: the same members. */
async function checkRepacked(scenario: Scenario, partition: number, calm: Calm): Promise<void> {
  const messages = calm.counted.map(({ event, timestampMs }, index) => ({
    sequence: index + 1,
    timestampMs,
    payload: encodeBatch([event]),
    pending: 0,
  }));
  const { folded, outcomes } = await foldCalmly(scenario, partition, messages);
  const stray = outcomes.find(({ code }) => code !== 'scored');
  if (stray !== undefined) throw new Error(`repacked: what counted is ${stray.code} in a message of its own`);
  if (folded.digest !== calm.folded.digest) {
    throw new Error(`repacked: partition ${partition} is ${calm.folded.digest}, and ${folded.digest} event by event`);
  }
}

// --- Time ---

/** Whether a tick came or not: without any, and with one before every event, the same members once a tick has come. */
async function checkTicks({ scenario, partition, nowMs }: Checked, calm: Calm): Promise<void> {
  const digestWith = async (counted: readonly Counted[]): Promise<string> => {
    const last: Counted = { event: TICK, timestampMs: nowMs };
    const messages = [...counted, last].map(({ event, timestampMs }, index) => ({
      sequence: index + 1,
      timestampMs,
      payload: encodeBatch([event]),
      pending: 0,
    }));
    return (await foldCalmly(scenario, partition, messages)).folded.digest;
  };
  const tickless = calm.counted.filter(({ event }) => event.type !== 'tick');
  const ticking = tickless.flatMap(({ event, timestampMs }, index) => [
    { event: TICK, timestampMs: Math.floor(((tickless[index - 1]?.timestampMs ?? timestampMs) + timestampMs) / 2) },
    { event: TICK, timestampMs },
    { event, timestampMs },
  ]);
  const [without, withMany] = [await digestWith(tickless), await digestWith(ticking)];
  if (without !== withMany) throw new Error(`ticks: ${partition} is ${without} without ticks, ${withMany} with many`);
}

const TICK: LogEvent = { type: 'tick' };

// --- The bookkeeper ---

function checkOutcomes(checked: Checked, messages: readonly LogMessage[], calm: Calm): void {
  const { scenario, workload, partition, nowMs } = checked;
  const [program = ''] = scenario.programs;
  const oracle = scenario.isComparable ? new Oracle(program) : undefined;
  let version = 0;
  let next = 0;
  const expectOutcome = (what: string, code: string, expected?: OracleOutcome): void => {
    const outcome = calm.outcomes[next++];
    if (outcome === undefined) throw new Error(`outcome: none of ${what}`);
    const { entry } = outcome;
    if (outcome.code !== code) throw new Error(`outcome: ${what} is ${outcome.code}, expected ${code}`);
    if (expected === undefined) return;
    const moved = outcome.code === 'scored' && entry !== undefined ? [...movedBy(entry)] : [];
    const got = { points: Object.fromEntries(moved.filter(([, sum]) => sum !== 0)), passed: passedIn(outcome) };
    const { points, passed } = expected;
    if (!isDeepStrictEqual(got, { points, passed })) {
      throw new Error(`outcome: ${what} is ${JSON.stringify(got)}, expected ${JSON.stringify({ points, passed })}`);
    }
  };
  for (const { sequence, timestampMs, payload } of messages) {
    for (const content of workload.contentsOf(payload)) {
      if (content.kind === 'tick') {
        oracle?.tick(timestampMs);
        continue;
      }
      if (content.kind === 'program') {
        const { version: coming } = scenario.programs.includes(content.document) ? JSON.parse(content.document) : NONE;
        // What is due fires before a new program; where one can compare, they are all alike.
        if (version > 0 && coming > version) oracle?.tick(timestampMs);
        version = Math.max(version, coming);
      } else if (content.kind === 'malformed') {
        expectOutcome(`a malformed event of ${sequence}`, 'malformed');
      } else if (content.kind === 'foreign') {
        expectOutcome(`${content.event.id} of ${sequence}`, 'wrong_partition');
      } else if (version === 0) {
        expectOutcome(`${content.event.id} of ${sequence}`, 'no_program');
      } else if (oracle !== undefined) {
        const expected = oracle.apply(content.event, timestampMs);
        expectOutcome(`${JSON.stringify(content.event)} of ${sequence}`, expected.code, expected);
      } else {
        next += 1;
      }
    }
  }
  if (next !== calm.outcomes.length) throw new Error(`outcome: ${calm.outcomes.length} for ${next} events`);
  checkMembers(calm, oracle, partition, nowMs);
}

const NONE = { version: 0 };

function checkMembers(calm: Calm, oracle: Oracle | undefined, partition: number, nowMs: number): void {
  const { program, members } = calm.folded;
  const ids = [...calm.store.members()].map(({ id }) => id);
  if (oracle !== undefined)
    compareLists(`members of partition ${partition}`, [...ids].sort(), [...oracle.members()].sort());
  for (const id of ids) {
    const member = members.get(id)?.member;
    if (program === undefined || member === undefined) throw new Error(`member: ${id} is not there`);
    const ledger = entriesOf(calm.folded, member);
    for (const { id: walletId, balance, lots, pending } of member.wallets) {
      const open = sumOfLots(lots);
      if (open !== Math.max(0, balance)) throw new Error(`lots: ${id} has ${open} in lots of ${balance} ${walletId}`);
      const has = balance + sumOfPending(pending);
      const sum = ledger.reduce((total, entry) => total + pointsOf(entry, walletId), 0);
      if (sum !== has) throw new Error(`ledger: ${id} has ${has} ${walletId}, its entries add up to ${sum}`);
    }
    if (oracle === undefined) continue;
    const { balances, counters, tiers, expiring } = viewAt(program, member, EPOCH, nowMs);
    const expected = oracle.member(id, nowMs);
    const says = {
      balances,
      spend: counters['spend'] ?? 0,
      level: tiers['main']?.level ?? '',
      expiring: expiring.map(({ wallet, amount, at }) => {
        return { wallet, amount, day: program.zone.localDay(Date.parse(at)) - 1 };
      }),
    };
    const should = {
      balances: Object.fromEntries(
        Object.entries(expected?.wallets ?? {}).map(([walletId, { lots: _lots, ...balance }]) => [walletId, balance]),
      ),
      spend: expected?.spend,
      level: expected?.level,
      expiring: expiringOf(expected?.wallets ?? {}),
    };
    if (!isDeepStrictEqual(says, should)) {
      throw new Error(`bookkeeper: ${id} has ${JSON.stringify(says)}, expected ${JSON.stringify(should)}`);
    }
  }
}

/** The whole ledger, oldest first. */
function entriesOf({ members }: Partition, { id, history, recent }: Member): Entry[] {
  const sealed = Array.from({ length: history?.sealed ?? 0 }, (_, number) => members.readChunk(id, number));
  return [...sealed.flatMap(({ entries }) => entries.all()), ...recent.all()];
}

function expiringOf(
  wallets: Readonly<Record<string, OracleWallet>>,
): { wallet: string; amount: number; day: number }[] {
  const all = Object.entries(wallets).flatMap(([wallet, { lots }]) => {
    const days = [...new Set(lots.map(({ last }) => last))].filter((last) => last !== Infinity);
    return days.map((day) => ({
      wallet,
      amount: lots.filter(({ last }) => last === day).reduce((sum, { points }) => sum + points, 0),
      day,
    }));
  });
  return all.sort((one, other) => one.day - other.day).slice(0, EXPIRING_SHOWN_MAX);
}

function compareLists(what: string, got: readonly unknown[], expected: readonly unknown[]): void {
  for (let index = 0; index < Math.max(got.length, expected.length); index++) {
    if (isDeepStrictEqual(got[index], expected[index])) continue;
    throw new Error(
      `${what}: number ${index} of ${got.length} is ${text(got[index])}, expected of ${expected.length} ${text(expected[index])}`,
    );
  }
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 600);
}

export const OUTCOME_CODES = Object.keys(OUTCOMES);
