/** Routing: which handler answers a request, with its body read, its errors in one shape and its time counted. */
import { toError } from '../lib/assert.ts';
import { mediaType } from './body.ts';
import { ERRORS, RETRY_AFTER_S, Refusal } from './errors.ts';
import { BodyBudget, Exchange, type Reply } from './exchange.ts';
import type { GatewayCounters, GatewayLog } from './ports.ts';
import { type HttpRequest, type HttpResponse, type RequestHead, readHead } from './uws.ts';

export interface Call {
  /** What stands in the braces of the route's path, decoded. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  /** One of the operation's `types`. */
  readonly contentType: string;
  /** Empty unless the operation takes one. */
  readonly body: Uint8Array;
  /** Runs the listener once if the client goes away before it is answered. */
  onAborted(listener: () => void): void;
}

export type Answer = Reply | Refusal;

export interface Operation {
  /** Absent: a body is ignored. */
  readonly body?: { readonly bytesMax: number; readonly types: readonly string[] };
  handle(call: Call): Answer | Promise<Answer>;
}

export interface Route {
  /** As in OpenAPI: `/v1/members/{id}`. Also the label in metrics. */
  readonly path: string;
  readonly methods: Readonly<Partial<Record<'GET' | 'POST' | 'PUT', Operation>>>;
}

export function json(status: number, value: unknown): Reply {
  return { status, contentType: 'application/json', body: JSON.stringify(value) };
}

interface Matched {
  readonly route: string;
  readonly found: { readonly operation: Operation; readonly params: readonly string[] } | Refusal;
}

/** A request that its client gave up. */
const ABORTED_STATUS = 499;

export class HttpServer {
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[];
  readonly #counters: GatewayCounters;
  readonly #log: GatewayLog;
  readonly #budget = new BodyBudget();
  #running = 0;
  #closing = false;
  #whenIdle: (() => void) | undefined;

  constructor(routes: readonly Route[], counters: GatewayCounters, log: GatewayLog) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }));
    this.#counters = counters;
    this.#log = log;
  }

  /** The request handler of the app: everything of the request is read before the first await. */
  readonly accept = (res: HttpResponse, req: HttpRequest): void => {
    const startedAt = performance.now();
    const exchange = new Exchange(res, readHead(req));
    const { route, found } = this.#closing
      ? { route: 'closing', found: new Refusal('shutting_down') }
      : this.#match(exchange.head);
    this.#running++;
    void this.#answer(exchange, found).then((answer) => {
      const reply = answer instanceof Refusal ? replyOf(answer) : answer;
      exchange.reply(reply, this.#closing);
      const status = exchange.aborted ? ABORTED_STATUS : reply.status;
      this.#counters.request(route, status, (performance.now() - startedAt) / 1000);
      if (--this.#running === 0) this.#whenIdle?.();
    });
  };

  /** Refuses new requests and resolves when the running ones are answered, or at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#closing = true;
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Never rejects. */
  async #answer(exchange: Exchange, found: Matched['found']): Promise<Answer> {
    try {
      if (found instanceof Refusal) return found;
      return await this.#run(exchange, found.operation, found.params);
    } catch (error) {
      this.#log.error({ err: toError(error), path: exchange.head.path }, 'a request failed');
      return new Refusal('internal');
    }
  }

  async #run(exchange: Exchange, operation: Operation, params: readonly string[]): Promise<Answer> {
    const { head } = exchange;
    let contentType = '';
    let body: Uint8Array = new Uint8Array(0);
    if (operation.body !== undefined) {
      const type = mediaType(head.contentType, head.contentEncoding, operation.body.types);
      if (type instanceof Refusal) return type;
      contentType = type;
      const read = await exchange.readBody(operation.body.bytesMax, this.#budget);
      if (read instanceof Refusal) return read;
      // Nobody waits for the answer, and half a body must not be taken for a whole one.
      if (exchange.aborted) return new Refusal('internal');
      body = read;
    }
    const query = new URLSearchParams(head.query);
    return operation.handle({
      params,
      query,
      contentType,
      body,
      onAborted: (listener) => exchange.onAborted(listener),
    });
  }

  #match({ method, path }: RequestHead): Matched {
    const parts = path.split('/');
    for (const { route, segments } of this.#routes) {
      const params = paramsOf(segments, parts);
      if (params === undefined) continue;
      if (params instanceof Refusal) return { route: route.path, found: params };
      const { methods } = route;
      const operation =
        method === 'HEAD' ? methods.GET : Object.hasOwn(methods, method) ? methods[method as 'GET'] : undefined;
      if (operation !== undefined) return { route: route.path, found: { operation, params } };
      const allowed = Object.keys(methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
      const headers = { Allow: allowed.join(', ') };
      const message = `${route.path} takes ${allowed.join(', ')}`;
      return { route: route.path, found: new Refusal('method_not_allowed', message, { headers }) };
    }
    return { route: 'unknown', found: new Refusal('not_found') };
  }
}

/** undefined if the path is another; a refusal if what stands in the braces is not percent-encoded UTF-8. */
function paramsOf(segments: readonly string[], parts: readonly string[]): readonly string[] | Refusal | undefined {
  if (segments.length !== parts.length) return undefined;
  const encoded: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? '';
    if (segment.startsWith('{')) encoded.push(part);
    else if (segment !== part) return undefined;
  }
  try {
    return encoded.map((part) => decodeURIComponent(part));
  } catch {
    return new Refusal('bad_member_id', 'expected percent-encoded UTF-8');
  }
}

function replyOf(refusal: Refusal): Reply {
  const { status } = ERRORS[refusal.code];
  const retry = status === 503 ? { 'Retry-After': String(RETRY_AFTER_S) } : {};
  return {
    status,
    contentType: 'application/json',
    body: refusal.body(),
    headers: { ...retry, ...refusal.detail.headers },
  };
}
