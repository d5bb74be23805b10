/** What an engine says of itself: every figure is made to move, and read as an operator reads it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { on, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { PublicEvent } from '../../load/public-event.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { type BrokerProxy, startBrokerProxy } from '../helpers/broker-proxy.ts';
import { removeFolder, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { getMember, postScored } from '../helpers/engine-api.ts';
import { freePort, type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

const PARTITIONS = 4;
const WITHIN_MS = 30_000;

let nats: NatsServer;
let proxy: BrokerProxy;
let engine: TestEngine;
const folder = temporaryFolder();

beforeAll(async () => {
  nats = await startNatsServer();
  proxy = await startBrokerProxy(nats.url);
  const counts = ['--partitions', `${PARTITIONS}`, '--workers', '2', '--checkpoint-delay-ms', '1000'];
  engine = await startEngine(folder, [...counts, '--nats-url', proxy.url, '--log-level', 'debug']);
}, 90_000);

afterAll(async () => {
  proxy.release();
  await engine.stop();
  await proxy.stop();
  await nats.stop();
  removeFolder(folder);
});

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

class Scrape {
  readonly samples: readonly Sample[];

  constructor(text: string) {
    this.samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, name, labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
        if (name === undefined) throw new Error(`no sample: ${line}`);
        const pairs = [...(labels ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]);
        return { name, labels: Object.fromEntries(pairs) as Labels, value: Number(value) };
      });
  }

  /** Sum over all that have these labels; `otherwise`, or a failure, when there are none. */
  read(name: string, labels: Labels = {}, otherwise?: number): number {
    const found = this.samples.filter(
      (sample) =>
        sample.name === `tidemark_${name}` &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
    if (found.length === 0 && otherwise !== undefined) return otherwise;
    if (found.length === 0) throw new Error(`no tidemark_${name} with ${JSON.stringify(labels)}`);
    return found.reduce((sum, { value }) => sum + value, 0);
  }
}

async function scrape(): Promise<Scrape> {
  const response = await fetch(`${engine.url()}/metrics`);
  return new Scrape(await response.text());
}

/** The first scrape of which it is so. */
async function scraped(what: string, isSo: (now: Scrape) => boolean): Promise<Scrape> {
  const giveUpAt = performance.now() + WITHIN_MS;
  for (;;) {
    const now = await scrape();
    if (isSo(now)) return now;
    if (performance.now() > giveUpAt) throw new Error(`${what} did not come true`);
    await sleep(50);
  }
}

let numbers = 0;
function purchase(memberId: string, amount: number): PublicEvent & { readonly type: 'purchase' } {
  numbers += 1;
  return { id: `p${numbers}`, type: 'purchase', memberId, currency: 'USD', amount };
}

function postOnly(events: readonly PublicEvent[]): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${engine.url()}/v1/events`, { method: 'POST', headers, body: JSON.stringify(events) });
}

async function watcherOf(...topics: string[]): Promise<WebSocket> {
  const socket = new WebSocket(`${engine.url().replace('http', 'ws')}/v1/live`);
  await once(socket, 'open');
  for (const topic of topics) {
    socket.send(JSON.stringify({ subscribe: topic }));
    await once(socket, 'message');
  }
  return socket;
}

describe('/metrics', () => {
  it('has events by type and outcome, points, tier changes, rejections, effects, and times', async () => {
    const before = await scrape();
    const bought = purchase('m', 60_000);
    await postScored(engine.url(), bought);
    await postScored(engine.url(), [
      bought,
      { id: 'r1', type: 'return', memberId: 'm', originalId: bought.id, amount: 59_000 },
      { id: 'a1', type: 'adjustment', memberId: 'm', points: 7 },
      { id: 'a2', type: 'adjustment', memberId: 'm', points: -3 },
      { ...purchase('m', 100), currency: 'EUR' },
    ]);
    const now = await scraped('a checkpoint', (then) => then.read('effects_total') >= before.read('effects_total') + 6);
    const grown = (name: string, labels: Labels = {}): number => now.read(name, labels) - before.read(name, labels, 0);
    expect({
      scored: grown('events_total', { type: 'purchase', outcome: 'scored' }),
      duplicates: grown('events_total', { type: 'purchase', outcome: 'duplicate' }),
      returns: grown('events_total', { type: 'return', outcome: 'scored' }),
      adjustments: grown('events_total', { type: 'adjustment', outcome: 'scored' }),
      mismatches: grown('events_total', { type: 'purchase', outcome: 'currency_mismatch' }),
      rejected: grown('rejected_events_total', { outcome: 'currency_mismatch' }),
      rejectedOtherwise: grown('rejected_events_total', { outcome: 'malformed' }),
    }).toEqual({
      scored: 1,
      duplicates: 1,
      returns: 1,
      adjustments: 2,
      mismatches: 1,
      rejected: 1,
      rejectedOtherwise: 0,
    });
    expect(grown('points_accrued_total')).toBeGreaterThan(0);
    expect(grown('points_reversed_total')).toBeGreaterThan(0);
    expect(grown('points_adjusted_up_total')).toBe(7);
    expect(grown('points_adjusted_down_total')).toBe(3);
    expect(grown('tier_ups_total')).toBe(1);
    expect(grown('tier_downs_total')).toBe(1);
    // A return, two adjustments, up and down a level, a rejection.
    expect(grown('effects_total')).toBe(6);
    expect(now.read('effects_suppressed_total')).toBe(0);
    for (const histogram of ['batch_events', 'fold_seconds', 'publish_to_scored_seconds']) {
      expect(grown(`${histogram}_count`), histogram).toBeGreaterThan(0);
      expect(grown(`${histogram}_sum`), histogram).toBeGreaterThan(0);
    }
    expect(grown('fold_seconds_count')).toBe(6);
    expect(grown('publish_to_scored_seconds_count')).toBe(6);
    // No message takes a microsecond through a broker: times are not cut to milliseconds.
    expect(grown('publish_to_scored_seconds_bucket', { le: '0.000001' })).toBe(0);
    expect(grown('http_requests_total', { status: '200' })).toBeGreaterThan(0);
  });

  it('has members changed and not yet stored, and checkpoints by their reason', async () => {
    const before = await scraped('everything stored', (now) => now.read('dirty_members') === 0);
    // Until a look falls between a change and its checkpoint, half a second later.
    let dirty = 0;
    while (dirty === 0) {
      await postScored(
        engine.url(),
        ['x', 'y', 'z'].map((member) => purchase(member, 100)),
      );
      dirty = (await scrape()).read('dirty_members');
    }
    expect(dirty).toBeLessThanOrEqual(3);
    const after = await scraped('everything stored', (now) => now.read('dirty_members') === 0);
    const grown = (name: string, labels: Labels = {}): number => after.read(name, labels) - before.read(name, labels);
    expect(grown('checkpoints_total', { reason: 'delay' })).toBeGreaterThan(0);
    expect(grown('checkpoints_total')).toBe(grown('checkpoint_seconds_count'));
    expect(grown('checkpoint_seconds_sum')).toBeGreaterThan(0);
    expect(grown('checkpoint_members_total')).toBeGreaterThanOrEqual(3);
    const partition = partitionOf('x', PARTITIONS);
    expect(engine.output()).toMatch(
      new RegExp(`"partition":${partition},"sequence":\\d+,"reason":"delay".*"checkpoint"`),
    );
  });

  it('has members found in memory, and those that were not', async () => {
    const before = await scrape();
    await postScored(engine.url(), purchase('new', 100));
    await postScored(engine.url(), purchase('new', 100));
    const read = (name: string) => (now: Scrape) => now.read(name) - before.read(name);
    await scraped('a hit', (now) => read('cache_hits_total')(now) === 1 && read('cache_misses_total')(now) === 1);
  });

  it('has what closed the batches', async () => {
    const burst = Array.from({ length: 1_000 }, () => purchase('burst', 100));
    for (let call = 0; call < 3; call++) await Promise.all(Array.from({ length: 8 }, () => postOnly(burst)));
    await Promise.all(Array.from({ length: 20 }, () => postScored(engine.url(), purchase('burst', 100))));
    const now = await scrape();
    for (const reason of ['idle', 'count', 'alone']) {
      expect(now.read('ingest_batches_total', { reason }), reason).toBeGreaterThan(0);
    }
    expect(now.read('ingest_batch_bytes_total')).toBeGreaterThan(0);
    expect(now.read('batch_events_bucket', { le: '256' })).toBeGreaterThan(
      now.read('batch_events_bucket', { le: '128' }),
    );
  });

  it('has event loops and garbage collections of the main thread and of each worker', async () => {
    const counts = (now: Scrape): number[] =>
      ['0', '1'].flatMap((worker) => [
        now.read('worker_event_loop_delay_seconds_count', { worker }),
        now.read('worker_gc_seconds_count', { worker, kind: 'minor' }),
      ]);
    const giveUpAt = performance.now() + WITHIN_MS;
    while (counts(await scrape()).some((count) => count === 0) && performance.now() < giveUpAt) {
      await postOnly(Array.from({ length: 1_000 }, (_unused, index) => purchase(`gc${index}`, 100)));
    }
    const now = await scrape();
    for (const count of counts(now)) expect(count).toBeGreaterThan(0);
    expect(now.read('worker_event_loop_delay_seconds_sum')).toBeGreaterThan(0);
    expect(now.read('worker_gc_seconds_sum')).toBeGreaterThan(0);
    // That of the main thread is since the scrape before.
    await scraped('a delay', (then) => then.read('nodejs_eventloop_lag_mean_seconds') > 0);
    expect(now.read('nodejs_gc_duration_seconds_count')).toBeGreaterThan(0);
  }, 60_000);

  it('has clients, watched members, pushes, and what a slow client misses', async () => {
    expect((await scrape()).read('websocket_clients')).toBe(0);
    const socket = await watcherOf('member:watched', 'stats');
    try {
      const joined = await scrape();
      expect([joined.read('websocket_clients'), joined.read('leases')]).toEqual([1, 1]);
      await postScored(engine.url(), purchase('watched', 100));
      const pushed = await scraped('a push', (now) => now.read('publish_to_push_seconds_count') > 0);
      expect(pushed.read('publish_to_push_seconds_sum')).toBeGreaterThan(0);
      expect(pushed.read('publish_to_push_seconds_bucket', { le: '0.000001' })).toBe(0);
      expect(pushed.read('live_updates_total')).toBe(1);
      expect(pushed.read('websocket_frames_dropped_total')).toBe(0);

      // It asks until its socket is busy, which the updates of the member tell, and reads nothing.
      socket.pause();
      let now = pushed;
      while (now.read('websocket_frames_conflated_total') === 0) {
        const frames = now.read('websocket_frames_total');
        for (let ask = 0; ask < 400; ask++) socket.send('{"subscribe":"stats"}');
        await scraped('the answers', (then) => then.read('websocket_frames_total') >= frames + 400);
        await postScored(engine.url(), purchase('watched', 100));
        now = await scrape();
      }
    } finally {
      socket.terminate();
    }
    await scraped('the client gone', (now) => now.read('websocket_clients') === 0);
  }, 60_000);

  it('has how far each partition is behind, also while a worker hears nothing', async () => {
    const [member, other] = ['lagging', 'another'];
    await postScored(engine.url(), [purchase(member, 100), purchase(other, 100)]);
    const lagging = { partition: `${partitionOf(member, PARTITIONS)}` };
    const rest = Array.from({ length: PARTITIONS }, (_unused, partition) => ({ partition: `${partition}` })).filter(
      ({ partition }) => Number(partition) % 2 !== Number(lagging.partition) % 2,
    );
    await scraped('no lag', (now) => now.read('lag_messages') === 0);
    proxy.hold(`tidemark-worker-${Number(lagging.partition) % 2}`);
    for (let message = 0; message < 3; message++) await postOnly([purchase(member, 100)]);
    const behind = await scraped('lag', (now) => now.read('lag_messages', lagging) === 3);
    const seconds = behind.read('lag_seconds', lagging);
    expect(seconds).toBeGreaterThan(0);
    for (const labels of rest) expect(behind.read('lag_messages', labels)).toBe(0);
    await scraped('more lag', (now) => now.read('lag_seconds', lagging) > seconds);
    const socket = await watcherOf('stats');
    // The first figures may be a second old.
    for await (const [frame] of on(socket, 'message')) {
      if ((JSON.parse(String(frame)) as { data: { lagMessages: number } }).data.lagMessages === 3) break;
    }
    socket.terminate();
    proxy.release();
    await scraped('no lag', (now) => now.read('lag_messages') === 0 && now.read('lag_seconds') === 0);
    await expect.poll(() => getMember(engine.url(), member)).toMatchObject({ counters: { spend: 400 } });
  }, 60_000);
});

const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;

describe.skipIf(!hasPrometheus)('a Prometheus (skipped where the binary is not installed)', () => {
  let prometheus: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const config = join(folder, 'prometheus.yml');
    const target = new URL(engine.url()).host;
    const job = `{ job_name: tidemark, static_configs: [{ targets: ["${target}"] }] }`;
    writeFileSync(config, `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs: [${job}]\n`);
    const address = `127.0.0.1:${await freePort()}`;
    const storage = `--storage.tsdb.path=${join(folder, 'prometheus')}`;
    const args = [`--config.file=${config}`, storage, `--web.listen-address=${address}`];
    prometheus = spawn('prometheus', args, { stdio: 'ignore' });
    url = `http://${address}`;
  });

  afterAll(async () => {
    prometheus.kill('SIGKILL');
    if (prometheus.exitCode === null && prometheus.signalCode === null) await once(prometheus, 'exit');
  });

  /** The value of a query once it has one. */
  async function answer(query: string): Promise<number> {
    const giveUpAt = performance.now() + WITHIN_MS;
    while (performance.now() < giveUpAt) {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => undefined);
      if (response?.ok === true) {
        const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
        const value = Number(data.result[0]?.value[1] ?? Number.NaN);
        if (!Number.isNaN(value)) return value;
      }
      await sleep(100);
    }
    throw new Error(`${query} has no answer`);
  }

  it('scrapes the engine and answers from it', async () => {
    expect(await answer('up{job="tidemark"}')).toBe(1);
    const purchases = (await scrape()).read('events_total', { type: 'purchase', outcome: 'scored' });
    const counted = 'sum(tidemark_events_total{type="purchase",outcome="scored"})';
    await expect.poll(() => answer(counted), { timeout: 10_000 }).toBe(purchases);
    expect(await answer('count(tidemark_lag_seconds)')).toBe(PARTITIONS);
    const quantile = 'histogram_quantile(0.5, sum by (le) (tidemark_publish_to_scored_seconds_bucket))';
    expect(await answer(quantile)).toBeGreaterThan(0);
    const perWorker = 'count(sum by (worker) (tidemark_worker_event_loop_delay_seconds_count))';
    expect(await answer(perWorker)).toBe(2);
  }, 60_000);
});
