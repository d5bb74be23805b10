/**
 * A gateway over a real broker, with a stand-in for the workers that speaks the wire contract: it answers queries, publishes
 * live updates and owner notices, and answers scored batches. What it says is set by the test.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { WebSocket } from 'ws';
import type { CloseReason } from '../../src/gateway/close-codes.ts';
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts';
import { openApiDocument } from '../../src/gateway/openapi.ts';
import type { GatewayCounters, GatewayDeps, GatewayLog } from '../../src/gateway/ports.ts';
import { Ingest, IngestOverloaded, IngestStopping } from '../../src/ingest/ingest.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { must } from '../../src/lib/assert.ts';
import { type EventWriter, LogUnavailable } from '../../src/log/log.ts';
import { decodeBatch } from '../../src/wire/batch.ts';
import type { LedgerEntryView } from '../../src/wire/ledger-view.ts';
import { encodeLive } from '../../src/wire/live.ts';
import type { MemberView } from '../../src/wire/member-view.ts';
import type { OutcomeView } from '../../src/wire/outcome-view.ts';
import { type Answer, decodeQuery, encodeAnswer, encodeOwner, encodeScored, type Query } from '../../src/wire/query.ts';
import { namesOf, partitionOf } from '../../src/wire/subjects.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

export const PARTITIONS = 4;
export const EPOCH = 'LOYALTY_EVENTS@1';
export const names = namesOf('loyalty');

const GIVE_UP_MS = 20_000;

/** Waits for something that will happen; fails only if it does not happen at all. */
export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`${what} did not come true`);
    await sleep(5);
  }
}

export class RecordedCounters implements GatewayCounters {
  readonly requests: { route: string; status: number }[] = [];
  readonly waits: boolean[] = [];
  readonly closed: CloseReason[] = [];
  /** When the log received what was pushed, epoch ms. */
  readonly pushes: number[] = [];
  open = 0;
  sent = 0;
  conflated = 0;
  dropped = 0;

  request(route: string, status: number): void {
    this.requests.push({ route, status });
  }
  scoredWait(_seconds: number, answered: boolean): void {
    this.waits.push(answered);
  }
  socketsOpen(count: number): void {
    this.open = count;
  }
  framesSent(count: number): void {
    this.sent += count;
  }
  framesConflated(count: number): void {
    this.conflated += count;
  }
  framesDropped(count: number): void {
    this.dropped += count;
  }
  socketClosed(reason: CloseReason): void {
    this.closed.push(reason);
  }
  pushed(loggedAtMs: number): void {
    this.pushes.push(loggedAtMs);
  }
}

export function member(id: string, version: number, available = version, padding = ''): MemberView {
  return {
    id,
    epoch: EPOCH,
    version,
    balances: { points: { available, pending: 0, held: 0, debt: 0 } },
    expiring: [],
    tiers: { main: { level: null, next: { level: 'silver', paths: [{ counter: 'spend', have: 1, need: 2 }] } } },
    counters: padding === '' ? { spend: 1 } : { spend: 1, [padding]: 1 },
  };
}

export function outcome(id: string, memberId: string): OutcomeView {
  return {
    id,
    code: 'scored',
    entries: [{ wallet: 'points', amount: 5, rule: 'base' }],
    tierChanges: [],
    member: member(memberId, 7),
  };
}

/** The workers, as the gateway sees them. */
export class FakeOwner {
  readonly members = new Map<string, MemberView>();
  readonly ledgers = new Map<string, readonly LedgerEntryView[]>();
  readonly queries: Query[] = [];
  epoch = EPOCH;
  /** Set: what it answers instead; null: nothing at all. */
  override: Answer | null | undefined;
  /** Whether batches that ask for outcomes get them. */
  answersScored = true;
  readonly replyTos: string[] = [];
  readonly nc: NatsConnection;
  #subscriptions: { unsubscribe(): void }[] = [];

  constructor(nc: NatsConnection) {
    this.nc = nc;
    nc.subscribe(names.allEvents, {
      callback: (_error, message) => this.#onBatch(message.data),
    });
    this.own();
  }

  /** Begins to answer queries. */
  own(): void {
    if (this.#subscriptions.length > 0) return;
    this.#subscriptions = Array.from({ length: PARTITIONS }, (_, partition) =>
      this.nc.subscribe(names.query(partition), {
        callback: (_error, message) => {
          const query = decodeQuery(message.data);
          this.queries.push(query);
          const answer = this.override === undefined ? this.#answer(query) : this.override;
          if (answer !== null) message.respond(encodeAnswer(answer));
        },
      }),
    );
  }

  disown(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions = [];
  }

  notice(memberId: string): void {
    this.nc.publish(names.owners, encodeOwner({ partition: partitionOf(memberId, PARTITIONS) }));
  }

  /** The member changes and its watchers are told. */
  push(view: MemberView, loggedAtMs = Date.now()): void {
    this.members.set(view.id, view);
    this.publish(view, loggedAtMs);
  }

  publish(view: MemberView, loggedAtMs = Date.now()): void {
    const bytes = encodeLive({ version: view.version, loggedAtMs, json: JSON.stringify(view) });
    this.nc.publish(names.live(partitionOf(view.id, PARTITIONS), view.id), bytes);
  }

  leasesAsked(memberId: string): number {
    return this.queries.filter((query) => query.op === 'member' && query.lease && query.memberId === memberId).length;
  }

  /** Everything asked so far has been answered and delivered to the other side. */
  async settle(): Promise<void> {
    await this.nc.flush();
  }

  #answer(query: Query): Answer {
    switch (query.op) {
      case 'member':
        return { ok: true, op: 'member', member: this.members.get(query.memberId) ?? null, epoch: this.epoch };
      case 'ledger': {
        const all = this.ledgers.get(query.memberId);
        if (all === undefined) return { ok: true, op: 'ledger', entries: null };
        const end = Math.min(query.before ?? all.length, all.length);
        const start = Math.max(0, end - query.limit);
        const entries = all.slice(start, end).reverse();
        return { ok: true, op: 'ledger', entries, ...(start > 0 ? { next: start } : {}) };
      }
      case 'preview':
        return {
          ok: true,
          op: 'preview',
          outcomes: query.events.map((event) =>
            'memberId' in event ? outcome(event.id, event.memberId) : outcome('', ''),
          ),
        };
    }
  }

  #onBatch(data: Uint8Array): void {
    const { replyTo, events } = decodeBatch(data);
    if (replyTo === '') return;
    this.replyTos.push(replyTo);
    if (!this.answersScored) return;
    const outcomes = events.map((event) => ('memberId' in event ? outcome(event.id, event.memberId) : outcome('', '')));
    // Twice, as an owner that restarts would.
    // In parts, as a large batch has them, and twice, as an owner that restarts sends them.
    for (let time = 0; time < 2; time++) {
      for (const [first, one] of outcomes.entries()) {
        this.nc.publish(replyTo, encodeScored({ sequence: 1, first, outcomes: [one] }));
      }
    }
  }
}

/** JetStream as Ingest wants it, without the engine's own writer: this is a test of the gateway. */
class PlainWriter implements EventWriter {
  readonly #nc: NatsConnection;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  async publish(partition: number, payload: Uint8Array): Promise<number> {
    try {
      return (await jetstream(this.#nc).publish(names.events(partition), payload, { timeout: 2_000 })).seq;
    } catch (error) {
      throw new LogUnavailable('not acknowledged', { cause: error });
    }
  }

  isConnected(): boolean {
    return this.#nc.info !== undefined;
  }
}

export interface Rig {
  readonly server: NatsServer;
  readonly gateway: Gateway;
  readonly owner: FakeOwner;
  readonly counters: RecordedCounters;
  readonly api: Api;
  /** What the gateway was started with. */
  readonly deps: GatewayDeps;
  /** What the gateway logged as errors. */
  readonly errors: string[];
  live(): Promise<LiveClient>;
  stop(): Promise<void>;
}

export type RigOptions = Partial<Pick<GatewayDeps, 'program' | 'health' | 'renderMetrics' | 'timings' | 'ingest'>>;

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const server = await startNatsServer();
  const gatewayNc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const ownerNc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const manager = await jetstreamManager(gatewayNc);
  await manager.streams.add({ name: names.eventsStream, subjects: [names.allEvents] });
  const owner = new FakeOwner(ownerNc);
  await ownerNc.flush();
  const counters = new RecordedCounters();
  const errors: string[] = [];
  const log: GatewayLog = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (detail, message) => errors.push(`${message} ${JSON.stringify(detail)}`),
  };
  const deps: GatewayDeps = {
    host: '127.0.0.1',
    port: 0,
    nc: gatewayNc,
    names,
    partitions: PARTITIONS,
    epoch: EPOCH,
    ingest: new Ingest({ writer: new PlainWriter(gatewayNc), partitions: PARTITIONS }),
    parse: parseEvents,
    isUnavailable: (error) =>
      error instanceof LogUnavailable || error instanceof IngestOverloaded || error instanceof IngestStopping,
    renderMetrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    health: () => ({ ready: true, logConnected: true, partitions: PARTITIONS }),
    program: { current: async () => undefined, put: async () => ({ ok: true, version: 1 }) },
    log,
    counters,
    ...options,
  };
  const gateway = await startGateway(deps);
  const clients: LiveClient[] = [];
  return {
    server,
    gateway,
    owner,
    counters,
    api: new Api(gateway.url),
    deps,
    errors,
    live: async () => {
      const client = new LiveClient(gateway.url);
      clients.push(client);
      await client.opened;
      return client;
    },
    stop: async () => {
      for (const client of clients) client.kill();
      await gateway.close();
      await Promise.all([gatewayNc.close(), ownerNc.close()]);
      await server.stop();
    },
  };
}

export interface Frame {
  readonly type: string;
  readonly topic?: string;
  readonly epoch?: string;
  readonly version?: number;
  readonly code?: string;
  readonly data?: unknown;
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'api', ...openApiDocument() });
const isServerFrame = ajv.compile({ $ref: 'api#/components/schemas/LiveServerFrame' });

/** Every frame it receives must be one the document describes. */
export class LiveClient {
  readonly ws: WebSocket;
  readonly frames: Frame[] = [];
  readonly opened: Promise<unknown>;
  readonly closed: Promise<{ code: number; reason: string }>;
  #read = 0;

  constructor(url: string) {
    this.ws = new WebSocket(`${url.replace('http', 'ws')}/v1/live`);
    this.ws.on('message', (data) => {
      const frame: unknown = JSON.parse(String(data));
      if (!isServerFrame(frame)) throw new Error(`not in the document: ${String(data)}`);
      this.frames.push(frame as Frame);
    });
    this.ws.on('error', () => undefined);
    this.opened = once(this.ws, 'open');
    this.closed = once(this.ws, 'close').then(([code, reason]) => ({ code: Number(code), reason: String(reason) }));
  }

  say(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next frame that was not read yet. */
  async next(): Promise<Frame> {
    await until(() => this.frames.length > this.#read, 'another frame');
    return must(this.frames[this.#read++]);
  }

  /** Nothing more came than was read, as far as the server has answered us. */
  async expectQuiet(): Promise<void> {
    this.say({ subscribe: 'nonsense' });
    const frame = await this.next();
    if (frame.code !== 'unknown_topic') throw new Error(`not quiet: ${JSON.stringify(frame)}`);
  }

  kill(): void {
    this.ws.terminate();
  }
}

interface Documented {
  readonly content?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
}

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Documented>> }>>>
  >;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** {} unless it is JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A client that takes no answer that the OpenAPI document does not describe. */
export class Api {
  readonly #url: string;
  readonly #document: unknown = openApiDocument();
  /** As in `get /healthz 200`. */
  readonly seen = new Set<string>();
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(url: string) {
    this.#url = url;
  }

  get paths(): Document['paths'] {
    return (this.#document as Document).paths;
  }

  get(path: string): Promise<ApiAnswer> {
    return this.call('GET', path);
  }

  post(path: string, value: unknown): Promise<ApiAnswer> {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    return this.call('POST', path, { body, headers: { 'content-type': 'application/json' } });
  }

  async call(method: string, path: string, init: RequestInit = {}): Promise<ApiAnswer> {
    const response = await fetch(this.#url + path, { ...init, method });
    const text = await response.text();
    const { status, headers } = response;
    const contentType = must(headers.get('content-type')).split(';')[0] as string;
    const body = contentType === 'application/json' && text !== '' ? JSON.parse(text) : {};
    this.#check(method.toLowerCase(), path.split('?')[0] as string, status, contentType, headers, body);
    return { status, headers, text, body };
  }

  #check(method: string, path: string, status: number, contentType: string, headers: Headers, body: unknown): void {
    const template = Object.keys(this.paths).find((key) =>
      new RegExp(`^${key.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    const operation = template === undefined ? undefined : this.paths[template]?.[method];
    if (template === undefined || operation === undefined) {
      if (status >= 400 && method !== 'head') this.#validate('#/components/schemas/Error', body);
      return;
    }
    const documented = operation.responses[String(status)];
    const key = `${method} ${template} ${status}`;
    if (documented === undefined) throw new Error(`${key} is not in the document: ${JSON.stringify(body)}`);
    if (documented.content?.[contentType] === undefined) throw new Error(`${key} has an undocumented ${contentType}`);
    for (const name of Object.keys(documented.headers ?? {})) {
      if (headers.get(name) === null) throw new Error(`${key} lacks the header ${name}`);
    }
    this.seen.add(key);
    if (contentType !== 'application/json') return;
    const pointer = [template, method, 'responses', String(status), 'content', contentType, 'schema'];
    const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    this.#validate(`#/paths/${escaped.join('/')}`, body);
  }

  #validate(pointer: string, body: unknown): void {
    const validate = this.#validators.get(pointer) ?? ajv.compile({ $ref: `api${pointer}` });
    this.#validators.set(pointer, validate);
    if (validate(body)) return;
    throw new Error(`not as documented at ${pointer}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`);
  }
}

export function purchase(id: string, memberId: string, amount = 1050): Record<string, unknown> {
  return { id, type: 'purchase', memberId, amount, currency: 'USD', store: 's1' };
}
