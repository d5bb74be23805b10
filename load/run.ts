/**
 * One load run: a fleet sends to a running engine, watchers look on, and at the end there is a verdict.
 *
 * Arrivals are open-loop: every event goes at its scheduled instant, however long the ones before it take, and latency counts
 * from that instant, so a stall of the engine is seen by everything that was due during it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Arrival, FLAT_DAY, fleet, HOT_MEMBER, SHOP_DAY } from './fleet.ts';
import { HttpClient } from './http-client.ts';
import { Latencies, type LatencySummary } from './latency.ts';
import { Oracle } from './oracle.ts';
import type { PublicEvent } from './public-event.ts';
import { Watcher } from './watchers.ts';

export interface LoadOptions {
  readonly url: string;
  /** On average; the rush hour of a shop's day has almost three times as many. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
  /** The same traffic all the time; otherwise a shop's day from midnight to midnight is compressed into the run. */
  readonly flat: boolean;
  readonly members: number;
  readonly watchers: number;
  /** Of a hundred events, how many ask for their outcome and wait for it. */
  readonly waitScoredPercent: number;
  readonly seed: number;
  /** Recompute every member with the oracle at the end. */
  readonly verify: boolean;
}

export interface LoadReport {
  readonly options: LoadOptions;
  readonly sent: number;
  readonly accepted: number;
  readonly resent: number;
  /** By HTTP status, `rejected`, `unreachable` or `overflow`. */
  readonly errors: Readonly<Record<string, number>>;
  /** Accepted, over the time until the last answer. */
  readonly achievedPerSecond: number;
  /** To the durable acknowledgement, to the outcome where one was asked for, and to a watcher's socket. */
  readonly latencyMs: Readonly<Record<LatencyKind, LatencySummary>>;
  readonly watcherProblems: readonly string[];
  /** Members compared with the oracle, and what differed; absent without `verify`. */
  readonly verified?: { readonly members: number; readonly differences: readonly string[] };
  readonly pass: boolean;
  readonly failureReasons: readonly string[];
}

/** What a view on the terminal shows while the run goes on. */
export interface LoadProgress {
  readonly elapsedSeconds: number;
  readonly sent: number;
  readonly accepted: number;
  readonly inFlight: number;
  readonly errors: number;
  readonly latencyMs: Readonly<Record<LatencyKind, LatencySummary>>;
}

export type LatencyKind = 'accepted' | 'scored' | 'pushed';

/** Requests on the way at once; beyond it an arrival is counted as an overflow and not sent. */
const IN_FLIGHT_MAX = 2_000;
/** Share of the rate at which events were due that must have been accepted. */
const RATE_SHARE_MIN = 0.95;
const SETTLE_TIMEOUT_MS = 15_000;
const PROBLEMS_SHOWN = 10;

/** What the bookkeeper says after everything that was accepted. */
interface Booked {
  readonly oracle: Oracle;
  /** By member: the messages of the log that changed it. */
  readonly changes: ReadonlyMap<string, ReadonlySet<number>>;
}

interface Accepted {
  readonly event: PublicEvent;
  readonly sequence: number;
  /** Order of sending, for events of one message of the log. */
  readonly order: number;
}

export async function runLoad(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<LoadReport> {
  const client = new HttpClient(options.url);
  try {
    return await new Run(options, client, onProgress).run();
  } finally {
    client.close();
  }
}

class Run {
  readonly #options: LoadOptions;
  readonly #client: HttpClient;
  readonly #onProgress: (progress: LoadProgress) => void;
  readonly #latencies: Readonly<Record<LatencyKind, Latencies>> = {
    accepted: new Latencies(),
    scored: new Latencies(),
    pushed: new Latencies(),
  };
  readonly #errors = new Map<string, number>();
  readonly #log: Accepted[] = [];
  readonly #watchers = new Map<string, Watcher>();
  #sent = 0;
  #resent = 0;
  #inFlight = 0;
  /** Until the last answer. */
  #tookMs = 0;
  #answeredAtMs = 0;
  /** Begins ids of events and members, so that an engine with a history can be used. */
  readonly #prefix = `load-${Date.now().toString(36)}`;

  constructor(options: LoadOptions, client: HttpClient, onProgress: (progress: LoadProgress) => void) {
    this.#options = options;
    this.#client = client;
    this.#onProgress = onProgress;
  }

  async run(): Promise<LoadReport> {
    const reasons: string[] = [];
    try {
      await this.#openWatchers();
      await this.#send();
    } catch (error) {
      reasons.push(`the engine cannot be reached: ${reasonOf(error)}`);
    }
    const booked = reasons.length === 0 ? await this.#book() : undefined;
    const watcherProblems = booked === undefined ? [] : await this.#checkWatchers(booked);
    for (const watcher of this.#watchers.values()) watcher.close();
    const verified = this.#options.verify && booked !== undefined ? await this.#verify(booked) : undefined;

    const accepted = this.#log.length;
    const failed = this.#sent - accepted;
    const { seconds } = this.#options;
    const achievedPerSecond = accepted / Math.max(seconds, this.#tookMs / 1000);
    const duePerSecond = this.#sent / seconds;
    if (failed > 0) reasons.push(`${failed} of ${this.#sent} events were not accepted`);
    if (reasons.length === 0 && achievedPerSecond < RATE_SHARE_MIN * duePerSecond) {
      reasons.push(`${achievedPerSecond.toFixed(0)} events/s of ${duePerSecond.toFixed(0)} were accepted`);
    }
    if (watcherProblems.length > 0) reasons.push(`watchers saw ${watcherProblems.length} problems`);
    if (verified !== undefined && verified.differences.length > 0) {
      reasons.push(`${verified.differences.length} members are not what the oracle says`);
    }
    return {
      options: this.#options,
      sent: this.#sent,
      accepted,
      resent: this.#resent,
      errors: Object.fromEntries(this.#errors),
      achievedPerSecond: Math.round(achievedPerSecond),
      latencyMs: this.#latencySummaries(),
      watcherProblems: watcherProblems.slice(0, PROBLEMS_SHOWN),
      ...(verified === undefined
        ? {}
        : { verified: { ...verified, differences: verified.differences.slice(0, PROBLEMS_SHOWN) } }),
      pass: reasons.length === 0,
      failureReasons: reasons,
    };
  }

  /** The hot member and the next ranks: those that buy most are watched most. */
  async #openWatchers(): Promise<void> {
    const ids = [
      HOT_MEMBER,
      ...Array.from({ length: this.#options.watchers - 1 }, (_unused, index) => `m${index + 1}`),
    ];
    for (const id of ids.slice(0, this.#options.watchers)) {
      const memberId = this.#memberId(id);
      this.#watchers.set(memberId, new Watcher(memberId, this.#latencies.pushed));
    }
    await Promise.all([...this.#watchers.values()].map((watcher) => watcher.open(this.#options.url)));
  }

  async #send(): Promise<void> {
    const { eventsPerSecond, members, seconds, seed, flat } = this.#options;
    const startMs = performance.now();
    const arrivals = fleet({
      seed,
      idPrefix: this.#prefix,
      eventsPerSecond,
      members,
      dayCurve: flat ? FLAT_DAY : SHOP_DAY,
      dayMs: seconds * 1000,
      startHour: 0,
      startMs: Date.now(),
    });
    let nextReportMs = 0;
    for (const arrival of arrivals) {
      if (arrival.dueMs >= seconds * 1000) break;
      for (
        let waitMs = arrival.dueMs - (performance.now() - startMs);
        waitMs > 0;
        waitMs = arrival.dueMs - (performance.now() - startMs)
      ) {
        await sleep(Math.min(waitMs, 1000));
        const elapsedMs = performance.now() - startMs;
        if (elapsedMs < nextReportMs) continue;
        nextReportMs = elapsedMs + 1000;
        this.#report(elapsedMs / 1000);
      }
      this.#sent += 1;
      if (arrival.isResend) this.#resent += 1;
      if (this.#inFlight >= IN_FLIGHT_MAX) this.#fail('overflow');
      else void this.#sendOne(arrival, startMs + arrival.dueMs, this.#sent);
    }
    for (let waitedMs = 0; this.#inFlight > 0 && waitedMs < SETTLE_TIMEOUT_MS; waitedMs += 20) await sleep(20);
    this.#tookMs = this.#answeredAtMs - startMs;
    this.#report(seconds);
  }

  async #sendOne(arrival: Arrival, dueAtMs: number, order: number): Promise<void> {
    this.#inFlight += 1;
    const event = { ...arrival.event, memberId: this.#memberId(arrival.event.memberId) };
    try {
      // Spread evenly, and independent of what the event is.
      const waits = (order * 61) % 100 < this.#options.waitScoredPercent;
      const { status, body } = await this.#client.post(waits ? '/v1/events?wait=scored' : '/v1/events', event);
      const { accepted = [] } = body as { accepted?: { sequence: number }[] };
      const [placed] = accepted;
      if (status !== (waits ? 200 : 202) || placed === undefined) {
        this.#fail(status === 202 || status === 200 ? 'rejected' : `${status}`);
        return;
      }
      this.#latencies[waits ? 'scored' : 'accepted'].record(performance.now() - dueAtMs);
      this.#answeredAtMs = performance.now();
      this.#log.push({ event, sequence: placed.sequence, order });
      if (!arrival.isResend && event.type === 'purchase')
        this.#watchers.get(event.memberId)?.expect(placed.sequence, dueAtMs);
    } catch {
      this.#fail('unreachable');
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Folds what was accepted, in the order of the log, by the independent bookkeeper. */
  async #book(): Promise<Booked> {
    const { body } = await this.#client.get('/v1/program');
    const oracle = new Oracle(JSON.stringify((body as { document?: unknown }).document));
    const changes = new Map<string, Set<number>>();
    this.#log.sort((left, right) => left.sequence - right.sequence || left.order - right.order);
    for (const { event, sequence } of this.#log) {
      if (oracle.apply(event, Date.now()).code !== 'scored') continue;
      const sequences = changes.get(event.memberId) ?? new Set();
      changes.set(event.memberId, sequences.add(sequence));
    }
    return { oracle, changes };
  }

  /** Each watcher must have been shown everything, and last what the member is and what the bookkeeper says. */
  async #checkWatchers({ oracle, changes }: Booked): Promise<string[]> {
    const problems: string[] = [];
    for (const watcher of this.#watchers.values()) {
      const { memberId } = watcher;
      const problem = (what: string): unknown => problems.push(`${memberId}: ${what}`);
      watcher.problems.forEach(problem);
      if (!(await this.#within(() => this.#isCurrent(watcher)))) {
        problem(`was last shown at version ${watcher.seen.version}, which is not what it is now`);
      }
      // What was refused changes nothing and need not be shown.
      const unseen = watcher.awaited.filter((sequence) => changes.get(memberId)?.has(sequence) === true);
      if (unseen.length > 0) problem(`${unseen.length} changes were never shown, the first of them ${unseen[0]}`);
      const shown = balancesText(((watcher.seen.data ?? {}) as MemberJson).balances);
      const booked = balancesText(oracle.member(memberId, Date.now())?.wallets);
      if (shown !== booked) problem(`was last shown with ${shown}, the oracle says ${booked}`);
    }
    return problems;
  }

  async #isCurrent({ memberId, seen }: Watcher): Promise<boolean> {
    const { status, body } = await this.#client.get(`/v1/members/${encodeURIComponent(memberId)}`);
    if (status === 404) return seen.version === 0;
    return isDeepStrictEqual([seen.version, seen.data], [versionOf(body), body]);
  }

  async #within(isSo: () => Promise<boolean>): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < SETTLE_TIMEOUT_MS; waitedMs += 100) {
      if (await isSo()) return true;
      await sleep(100);
    }
    return isSo();
  }

  /** Compares every member with the bookkeeper. */
  async #verify({ oracle }: Booked): Promise<{ members: number; differences: string[] }> {
    const differences: string[] = [];
    let members = 0;
    for (const id of oracle.members()) {
      members += 1;
      const asOfMs = Date.now();
      const answer = await this.#client.get(
        `/v1/members/${encodeURIComponent(id)}?asOf=${new Date(asOfMs).toISOString()}`,
      );
      const expected = oracle.member(id, asOfMs);
      const found = summaryOf(answer.body as MemberJson);
      const { wallets, spend = 0, level = '' } = expected ?? {};
      const wanted = { balances: balancesText(wallets), spend, level };
      if (JSON.stringify(found) !== JSON.stringify(wanted)) {
        differences.push(`${id}: engine ${JSON.stringify(found)}, oracle ${JSON.stringify(wanted)}`);
      }
    }
    return { members, differences };
  }

  #memberId(id: string): string {
    return `${this.#prefix}-${id}`;
  }

  #fail(code: string): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  #report(elapsedSeconds: number): void {
    this.#onProgress({
      elapsedSeconds,
      sent: this.#sent,
      accepted: this.#log.length,
      inFlight: this.#inFlight,
      errors: [...this.#errors.values()].reduce((sum, count) => sum + count, 0),
      latencyMs: this.#latencySummaries(),
    });
  }

  #latencySummaries(): Record<LatencyKind, LatencySummary> {
    const { accepted, scored, pushed } = this.#latencies;
    return { accepted: accepted.summary(), scored: scored.summary(), pushed: pushed.summary() };
  }
}

function versionOf(body: unknown): number {
  return (body as { version: number }).version;
}

interface Balance {
  readonly available: number;
  readonly pending: number;
  readonly held: number;
  readonly debt: number;
}

interface MemberJson {
  readonly balances?: Readonly<Record<string, Balance>>;
  readonly counters?: { readonly spend?: number };
  readonly tiers?: Readonly<Record<string, { readonly level: string | null }>>;
}

function summaryOf({ balances, counters, tiers }: MemberJson): { balances: string; spend: number; level: string } {
  const [tier] = Object.values(tiers ?? {});
  return { balances: balancesText(balances), spend: counters?.spend ?? 0, level: tier?.level ?? '' };
}

/** One text for the engine's JSON and the bookkeeper's; a debt is below 0. */
function balancesText(balances: Readonly<Record<string, Balance>> = {}): string {
  const texts = Object.entries(balances).map(([wallet, { available, pending, held, debt }]) => [
    `${available - debt} ${wallet}`,
    pending > 0 && `${pending} pending`,
    held > 0 && `${held} held`,
  ]);
  return texts.map((parts) => parts.filter(Boolean).join(', ')).join('; ') || 'no points';
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
