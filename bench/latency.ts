/**
 * Latency at a fixed open-loop rate, from the instant an event was due:
 *
 *   due -> publish -> JetStream -> worker -> scored reply          latency.scored
 *                                         -> gateway -> WebSocket  latency.push
 *   due -> publish -> JetStream -> reader                          latency.bare, in the same run
 *
 * Publisher, gateway, sockets and the bare reader share this process; workers and broker do not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Latencies } from '../load/latency.ts';
import { startEngine } from '../src/cli/engine.ts';
import { startNatsChild } from '../src/cli/nats-child.ts';
import { resolveSettings } from '../src/cli/options.ts';
import { connectLog } from '../src/log/connect.ts';
import { type JetStreamLog, openJetStreamLog } from '../src/log/jetstream-log.ts';
import { prepareTopology } from '../src/log/topology.ts';
import { createLogger } from '../src/observe/log.ts';
import { NO_DEDUCTIONS } from '../src/scoring/event.ts';
import { encodeBatch } from '../src/wire/batch.ts';
import { decodeScored } from '../src/wire/query.ts';
import { namesOf, partitionOf } from '../src/wire/subjects.ts';
import { type BenchContext, type BenchResult, expectEqual, result } from './harness.ts';

const MEMBERS = 200;
const SOCKETS = 10;
const PARTITIONS = 64;
const WARM_UP_SECONDS = 2;
/** One event in so many asks for its outcome. */
const ASKED_EVERY = 10;
const SETTLE_MS = 2_000;

export async function latencyBench({ size, say }: BenchContext): Promise<BenchResult[]> {
  const [eventsPerSecond, seconds] = size === 'full' ? [5_000, 20] : [200, 1];
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  const logger = createLogger({ level: 'error' });
  const nats = await startNatsChild({
    binary: process.env['TIDEMARK_NATS_SERVER'] ?? 'nats-server',
    folder,
    logger,
    onStart: () => {},
  });
  const data = join(folder, 'data');
  const settings = resolveSettings(
    ['--data', data, '--http-port', '0', '--nats-url', nats.url, '--log-level', 'error'],
    {},
  );
  const engine = await startEngine(settings, logger, (error) => {
    throw error;
  });
  const nc = await connectLog(nats.url, 'bench');
  try {
    const log = await openJetStreamLog(nc, namesOf(settings.prefix));
    await prepareTopology(nc, { prefix: 'bare', partitions: 1, replicas: 1 });
    const bareLog = await openJetStreamLog(nc, namesOf('bare'));
    const run = new LatencyRun(engine.url, log, bareLog);
    nc.subscribe('bench.scored.*', { callback: (_error, message) => run.scored(message.subject, message.data) });
    await run.open();
    await run.send(eventsPerSecond, WARM_UP_SECONDS);
    run.forget();
    await run.send(eventsPerSecond, seconds);
    await sleep(SETTLE_MS);
    run.check();
    const [push, scored, bare] = [run.pushMs.summary(), run.scoredMs.summary(), run.bareMs.summary()];
    say(`latency at ${eventsPerSecond}/s: ${push.count} pushed, ${scored.count} replies, ${bare.count} bare`);
    run.close();
    const results: BenchResult[] = [];
    for (const [name, summary] of [
      ['push', push],
      ['scored', scored],
    ] as const) {
      results.push(result(`latency.${name}.p50`, summary.p50 ?? Number.NaN, 'ms', bare.p50 ?? Number.NaN));
      results.push(result(`latency.${name}.p99`, summary.p99 ?? Number.NaN, 'ms', bare.p99 ?? Number.NaN));
    }
    results.push(
      result('latency.bare.p50', bare.p50 ?? Number.NaN, 'ms'),
      result('latency.bare.p99', bare.p99 ?? Number.NaN, 'ms'),
    );
    return results;
  } finally {
    await nc.close();
    await engine.stop();
    await nats.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

class LatencyRun {
  readonly #url: string;
  readonly #log: JetStreamLog;
  readonly #bare: JetStreamLog;
  pushMs = new Latencies();
  scoredMs = new Latencies();
  bareMs = new Latencies();
  readonly #sockets: WebSocket[] = [];
  /** By member: when its events not yet shown were due, and their sequences. */
  readonly #awaited = new Map<string, { sequence: number; dueMs: number }[]>();
  readonly #versions = new Map<string, number>();
  readonly #dueOfTicket = new Map<number, number>();
  readonly #stop = new AbortController();
  #sent = 0;

  constructor(url: string, log: JetStreamLog, bare: JetStreamLog) {
    this.#url = url.replace(/^http/, 'ws');
    this.#log = log;
    this.#bare = bare;
  }

  async open(): Promise<void> {
    const perSocket = MEMBERS / SOCKETS;
    await Promise.all(
      Array.from({ length: SOCKETS }, (_unused, index) => this.#openSocket(index * perSocket, (index + 1) * perSocket)),
    );
    void this.#readBare();
  }

  #openSocket(first: number, end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${this.#url}/v1/live`);
      this.#sockets.push(socket);
      let snapshots = 0;
      socket.on('error', reject);
      socket.on('open', () => {
        for (let member = first; member < end; member++)
          socket.send(JSON.stringify({ subscribe: `member:m${member}` }));
      });
      socket.on('message', (bytes) => {
        const text = bytes.toString();
        if (text.startsWith('{"type":"snapshot"')) {
          snapshots += 1;
          if (snapshots === end - first) resolve();
          return;
        }
        // The head of the frame is enough; parsing all of it would be the client's cost, not ours.
        const found = /"topic":"member:(m\d+)".*?"version":(\d+)/.exec(text);
        if (found !== null) this.#shown(found[1] as string, Number(found[2]));
      });
    });
  }

  #shown(member: string, version: number): void {
    const nowMs = performance.now();
    this.#versions.set(member, version);
    const awaited = this.#awaited.get(member) ?? [];
    this.#awaited.set(
      member,
      awaited.filter(({ sequence, dueMs }) => {
        if (sequence > version) return true;
        this.pushMs.record(nowMs - dueMs);
        return false;
      }),
    );
  }

  scored(subject: string, bytes: Uint8Array): void {
    const ticket = Number(subject.slice(subject.lastIndexOf('.') + 1));
    const dueMs = this.#dueOfTicket.get(ticket);
    if (dueMs === undefined) return;
    this.scoredMs.record(performance.now() - dueMs);
    this.#dueOfTicket.delete(ticket);
    expectEqual('outcome', decodeScored(bytes).outcomes[0]?.code, 'scored');
  }

  async send(eventsPerSecond: number, seconds: number): Promise<void> {
    const startMs = performance.now();
    for (let index = 0; index < eventsPerSecond * seconds; index++) {
      const dueMs = startMs + (index * 1000) / eventsPerSecond;
      while (performance.now() < dueMs) await sleep(1);
      this.#sent += 1;
      void this.#sendOne(this.#sent, dueMs);
    }
  }

  async #sendOne(number: number, dueMs: number): Promise<void> {
    const member = `m${number % MEMBERS}`;
    const asked = number % ASKED_EVERY === 0;
    if (asked) this.#dueOfTicket.set(number, dueMs);
    const event = {
      type: 'purchase',
      id: `p${number}`,
      memberId: member,
      occurredAt: Date.now(),
      store: 's1',
      terminal: 't1',
      currency: '',
      amount: 100,
      lines: [],
      deductions: NO_DEDUCTIONS,
      redemptionId: '',
    } as const;
    const payload = encodeBatch([event], asked ? `bench.scored.${number}` : '');
    // Its due time travels in the bare message itself: eight bytes in front of the same payload.
    const bare = Buffer.alloc(8 + payload.length);
    bare.writeDoubleBE(dueMs);
    bare.set(payload, 8);
    const [sequence] = await Promise.all([
      this.#log.events.publish(partitionOf(member, PARTITIONS), payload),
      this.#bare.events.publish(0, bare),
    ]);
    if (sequence <= (this.#versions.get(member) ?? 0)) this.pushMs.record(performance.now() - dueMs);
    else this.#awaited.set(member, [...(this.#awaited.get(member) ?? []), { sequence, dueMs }]);
  }

  async #readBare(): Promise<void> {
    for await (const messages of this.#bare.reader.read(0, 0, this.#stop.signal)) {
      const nowMs = performance.now();
      for (const { payload } of messages) {
        this.bareMs.record(nowMs - Buffer.from(payload.buffer, payload.byteOffset, 8).readDoubleBE());
      }
    }
  }

  forget(): void {
    this.pushMs = new Latencies();
    this.scoredMs = new Latencies();
    this.bareMs = new Latencies();
  }

  /** Everything sent has been shown, and everybody who asked was answered. */
  check(): void {
    expectEqual(
      'events not shown',
      [...this.#awaited.values()].reduce((sum, { length }) => sum + length, 0),
      0,
    );
    expectEqual('replies missing', this.#dueOfTicket.size, 0);
  }

  close(): void {
    this.#stop.abort();
    for (const socket of this.#sockets) socket.terminate();
  }
}
