/** `POST /v1/events` and `POST /v1/preview`: events into the log, or only what they would do. */
import type { ParsedEvents } from '../ingest/parse-events.ts';
import {
  BATCH_EVENTS_MAX,
  EVENTS_PER_REQUEST_MAX,
  REQUEST_BYTES_MAX,
  SCORED_WAIT_DEFAULT_MS,
  SCORED_WAIT_MAX_MS,
} from '../limits.ts';
import type { OutcomeView } from '../wire/outcome-view.ts';
import { partitionOf } from '../wire/subjects.ts';
import { decodeValue, EVENT_TYPES } from './body.ts';
import { Refusal } from './errors.ts';
import { type Answer, type Call, json, type Route } from './http.ts';
import type { GatewayCounters, GatewayDeps, SubmitPort } from './ports.ts';
import type { Queries } from './queries.ts';
import type { ScoredWaits } from './scored-waits.ts';

type MemberEvent = ParsedEvents['events'][number];

export interface EventsApiDeps {
  readonly ingest: SubmitPort;
  readonly parse: GatewayDeps['parse'];
  readonly isUnavailable: GatewayDeps['isUnavailable'];
  readonly queries: Queries;
  readonly waits: ScoredWaits;
  readonly partitions: number;
  readonly counters: GatewayCounters;
}

export function eventRoutes(deps: EventsApiDeps): Route[] {
  const body = { bytesMax: REQUEST_BYTES_MAX, types: EVENT_TYPES };
  return [
    { path: '/v1/events', methods: { POST: { body, handle: (call) => postEvents(deps, call) } } },
    { path: '/v1/preview', methods: { POST: { body, handle: (call) => preview(deps, call) } } },
  ];
}

async function postEvents(deps: EventsApiDeps, call: Call): Promise<Answer> {
  const patienceMs = patienceOf(call.query);
  if (patienceMs instanceof Refusal) return patienceMs;
  const parsed = readEvents(deps, call, { accepted: [] });
  if (parsed instanceof Refusal) return parsed;
  if (patienceMs !== undefined) return postAndWait(deps, call, parsed, patienceMs);
  try {
    const accepted = await deps.ingest.submit(parsed.events);
    return json(202, { accepted, rejected: parsed.rejected });
  } catch (error) {
    return notStored(deps, error);
  }
}

async function postAndWait(
  deps: EventsApiDeps,
  call: Call,
  { events, rejected }: ParsedEvents,
  patienceMs: number,
): Promise<Answer> {
  const { ingest, waits, counters } = deps;
  const wait = waits.open(events.length);
  if (wait === undefined) return new Refusal('overloaded');
  const startedAt = performance.now();
  call.onAborted(() => wait.giveUp());
  try {
    const accepted = await ingest.submit(events, {
      replyTo: (_partition, eventIndexes) => waits.replyTo(wait, eventIndexes),
    });
    const outcomes = await wait.outcomes(patienceMs - (performance.now() - startedAt));
    counters.scoredWait((performance.now() - startedAt) / 1000, outcomes !== undefined);
    if (outcomes !== undefined) return json(200, { accepted, outcomes, rejected });
    return new Refusal('scored_timeout', undefined, { beside: { accepted, rejected } });
  } catch (error) {
    return notStored(deps, error);
  } finally {
    waits.end(wait);
  }
}

/** How long the caller waits for outcomes; undefined: it does not. */
function patienceOf(query: URLSearchParams): number | Refusal | undefined {
  const wait = query.get('wait');
  const deadline = query.get('deadlineMs');
  if (wait === null && deadline === null) return undefined;
  if (wait !== 'scored') {
    return new Refusal('bad_parameter', 'expected wait=scored, alone or with deadlineMs', { path: 'wait' });
  }
  if (deadline === null) return SCORED_WAIT_DEFAULT_MS;
  const patienceMs = /^\d{1,9}$/.test(deadline) ? Number(deadline) : 0;
  if (patienceMs >= 1 && patienceMs <= SCORED_WAIT_MAX_MS) return patienceMs;
  const message = `expected a whole number of milliseconds from 1 to ${SCORED_WAIT_MAX_MS}`;
  return new Refusal('bad_parameter', message, { path: 'deadlineMs' });
}

/** The events that are in order. `noneYet` stands in the body of a refusal where results would. */
function readEvents(
  deps: EventsApiDeps,
  call: Call,
  noneYet: Readonly<Record<string, unknown>>,
): ParsedEvents | Refusal {
  const decoded = decodeValue(call.contentType, call.body);
  if (decoded instanceof Refusal) return decoded;
  const count = Array.isArray(decoded.value) ? decoded.value.length : 1;
  if (count === 0) return new Refusal('no_events');
  if (count > EVENTS_PER_REQUEST_MAX) {
    return new Refusal('too_many_events', `expected at most ${EVENTS_PER_REQUEST_MAX} events, got ${count}`);
  }
  const parsed = deps.parse(decoded.value, call.contentType === 'application/json' ? 'json' : 'msgpack');
  if (parsed.events.length > 0) return parsed;
  return new Refusal('nothing_acceptable', undefined, { beside: { ...noneYet, rejected: parsed.rejected } });
}

function notStored({ isUnavailable }: EventsApiDeps, error: unknown): Refusal {
  if (isUnavailable(error)) return new Refusal('log_unavailable');
  throw error;
}

async function preview(deps: EventsApiDeps, call: Call): Promise<Answer> {
  const parsed = readEvents(deps, call, { outcomes: [] });
  if (parsed instanceof Refusal) return parsed;
  const asks = previewAsks(parsed.events, deps.partitions);
  const answers = await Promise.all(
    asks.map(({ partition, items }) =>
      deps.queries.ask<'preview'>(partition, { op: 'preview', events: items.map(({ event }) => event) }),
    ),
  );
  const outcomes: (OutcomeView | undefined)[] = new Array(parsed.events.length);
  for (const [number, answer] of answers.entries()) {
    if (answer instanceof Refusal) return answer;
    for (const [place, item] of (asks[number]?.items ?? []).entries()) outcomes[item.index] = answer.outcomes[place];
  }
  if (outcomes.includes(undefined)) throw new Error('an owner answered a preview with too few outcomes');
  return json(200, { outcomes, rejected: parsed.rejected });
}

interface PreviewAsk {
  readonly partition: number;
  readonly items: { readonly event: MemberEvent; readonly index: number }[];
}

/**
 * Members do not depend on each other, but the events of one do and must be previewed together. So whole members are put
 * together until a question is as large as a batch may be, which keeps its answer within a message.
 */
function previewAsks(events: readonly MemberEvent[], partitions: number): PreviewAsk[] {
  const byMember = new Map<string, PreviewAsk['items']>();
  for (const [index, event] of events.entries()) {
    const items = byMember.get(event.memberId);
    if (items === undefined) byMember.set(event.memberId, [{ event, index }]);
    else items.push({ event, index });
  }
  const asks: PreviewAsk[] = [];
  const open = new Map<number, PreviewAsk>();
  for (const [memberId, items] of byMember) {
    const partition = partitionOf(memberId, partitions);
    const last = open.get(partition);
    if (last !== undefined && last.items.length + items.length <= BATCH_EVENTS_MAX) {
      last.items.push(...items);
    } else {
      const ask = { partition, items: [...items] };
      asks.push(ask);
      open.set(partition, ask);
    }
  }
  return asks;
}
