/**
 * The OpenAPI 3.1 document of this gateway, served at `/openapi.json`. Errors come from the table in errors.ts and limits from
 * limits.ts; a test sends real requests to every operation and validates each answer against this document, and fails for a
 * documented answer that it never saw.
 */
import { INGEST_REFUSALS } from '../ingest/parse-events.ts';
import {
  EVENTS_PER_REQUEST_MAX,
  EXPIRING_SHOWN_MAX,
  LEDGER_PAGE_DEFAULT,
  LEDGER_PAGE_MAX,
  PROGRAM_BYTES_MAX,
  REQUEST_BYTES_MAX,
  SCORED_WAIT_DEFAULT_MS,
  SCORED_WAIT_MAX_MS,
} from '../limits.ts';
import { ENTRY_TYPES } from '../wire/ledger-view.ts';
import { OUTCOME_CODES } from '../wire/outcome-view.ts';
import { EVENT_TYPES, PROGRAM_TYPES } from './body.ts';
import { CLOSE_CODES } from './close-codes.ts';
import { ERRORS, type ErrorCode, LIVE_ERRORS } from './errors.ts';
import { eventSchemas } from './openapi-events.ts';
import { id, instant, type Json, list, nullableText, object, position, text, whole } from './openapi-parts.ts';

function ref(name: keyof typeof schemas): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function jsonContent(schema: Json, example?: unknown): Json {
  return { 'application/json': example === undefined ? { schema } : { schema, example } };
}

// --- Schemas ---

const counterPath = object(
  { counter: text, have: whole, need: whole, missing: whole, by: instant },
  ['missing', 'by'],
  {
    description: 'How far a counter is (minor units of spend), and when what is there begins to leave the window.',
  },
);

const needs = { oneOf: [{ enum: ['all', 'any'] }, whole], description: 'How many of the paths it takes.' };

const exceptionTerms = {
  tier: { ...text, description: "The tier set of an exception; absent for the program's first." },
  floor: { ...text, description: 'At least this level.' },
  ceiling: { ...text, description: 'At most this level.' },
  thresholds: { type: 'object', additionalProperties: whole, description: 'What levels take, minor units of spend.' },
};

const schemas = {
  ...eventSchemas,
  Accepted: object({ id, partition: position, sequence: { type: 'integer', minimum: 1 } }, [], {
    description: 'Where the event is in the log.',
  }),
  Rejected: object(
    {
      index: { ...position, description: 'Place in the request, from 0.' },
      id: { ...text, description: 'Empty if the event has none.' },
      code: { type: 'string', enum: Object.keys(INGEST_REFUSALS) },
      message: text,
      path: { ...text, description: 'The field, as in `lines[3].amount`; empty for the event as a whole.' },
    },
    [],
    { description: 'An event that was not taken.' },
  ),
  Movement: object(
    {
      wallet: text,
      amount: whole,
      rule: {
        ...text,
        description:
          'The earn rule, `tier:<level>` for what a multiplier added, `redemption`, `hold`, `release`, `adjustment` or ' +
          '`expiration`; in a reversal, `expiration` gives back what had expired before and cannot be taken again, and ' +
          "`forgiven` what the wallet's policy leaves to the member.",
      },
      originalId: { ...text, description: 'The purchase, redemption or authorisation it came from.' },
    },
    ['originalId'],
  ),
  Expiring: object({ wallet: text, amount: whole, at: instant }, [], {
    description: 'Points that expire, have expired or can be spent, at an instant.',
  }),
  Paid: object({ wallet: text, points: whole, amount: whole, until: instant }, ['until'], {
    description: 'Points, the minor units they pay and, of an authorisation, when the hold is over.',
  }),
  Member: object(
    {
      id,
      epoch: { ...text, description: 'Identity of the history that `version` counts in.' },
      version: { ...position, description: 'Log sequence that last changed the member.' },
      enrolledAt: instant,
      balances: {
        type: 'object',
        description: 'By wallet.',
        additionalProperties: object({ available: whole, pending: whole, held: whole, debt: whole }),
      },
      expiring: list(
        { $ref: '#/components/schemas/Expiring' },
        { description: `The next expiries, soonest first, at most ${EXPIRING_SHOWN_MAX}.` },
      ),
      pending: list(
        { $ref: '#/components/schemas/Expiring' },
        { description: 'What can be spent next of what is pending, by wallet.' },
      ),
      holds: list(object({ id, wallet: text, points: whole, until: instant }), {
        description: 'Points set aside, each with the id of its authorisation and the instant at which it is over.',
      }),
      exceptions: list(
        object({ id, ...exceptionTerms, until: instant, reason: text, agent: text }, [
          ...Object.keys(exceptionTerms),
          'until',
        ]),
        {
          description: 'Exceptions in force, each with the id of the event that made it.',
        },
      ),
      tiers: {
        type: 'object',
        description: 'By tier set.',
        additionalProperties: object(
          {
            level: { ...nullableText, description: 'null below the first level.' },
            since: instant,
            until: { ...instant, description: 'When the level ends if nothing more is bought.' },
            projected: { ...nullableText, description: 'What is held from `until` on.' },
            upcoming: object({ level: text, at: instant }, [], { description: 'A level that begins later.' }),
            next: object({ level: text, needs, paths: list(counterPath) }, ['needs']),
            keep: list(counterPath, { description: 'What is missing to hold the level past `until`.' }),
            keepNeeds: needs,
            benefits: list(text),
          },
          ['since', 'until', 'projected', 'upcoming', 'next', 'keep', 'keepNeeds', 'benefits'],
        ),
      },
      counters: { type: 'object', additionalProperties: { type: 'number' } },
    },
    ['enrolledAt', 'pending', 'holds', 'exceptions'],
  ),
  Outcome: object(
    {
      id: text,
      code: { type: 'string', enum: OUTCOME_CODES, description: 'Whether it counted, or why not.' },
      message: text,
      field: { ...text, description: 'The field to blame, where there is one.' },
      entries: list({ $ref: '#/components/schemas/Movement' }),
      tierChanges: list(object({ tier: text, from: nullableText, to: nullableText, at: instant }, ['tier'])),
      rewards: list(
        { $ref: '#/components/schemas/Movement' },
        { description: 'Points for reaching levels, and those taken back.' },
      ),
      expired: list(
        { $ref: '#/components/schemas/Expiring' },
        { description: 'What expired before the event counted or, earned too late, at once.' },
      ),
      paid: { $ref: '#/components/schemas/Paid', description: 'Of a redemption, an authorisation or a capture.' },
      redeemed: list(
        { $ref: '#/components/schemas/Paid' },
        { description: 'What wallets redeemed by themselves after the event.' },
      ),
      late: { const: true, description: 'The purchase came later than the program accepts without a mark.' },
      member: { $ref: '#/components/schemas/Member', description: 'The member after the event.' },
    },
    ['message', 'field', 'rewards', 'expired', 'paid', 'redeemed', 'late', 'member'],
    { description: 'What became of one event.' },
  ),
  LedgerEntry: object(
    {
      eventId: { ...text, description: 'Absent for what time causes, and for what wallets redeem by themselves.' },
      type: { type: 'string', enum: ENTRY_TYPES },
      at: instant,
      programVersion: whole,
      points: { ...whole, description: 'What it moved in the wallet of its first movement.' },
      movements: list({ $ref: '#/components/schemas/Movement' }),
      text: { ...text, description: 'The entry in words.' },
      amount: { ...whole, description: 'Minor units of the purchase, or of what came back.' },
      returnedAmount: whole,
      late: { const: true, description: 'The purchase came later than the program accepts without a mark.' },
      store: text,
      originalId: { ...text, description: 'The purchase, redemption, authorisation or exception that it is about.' },
      worth: { ...whole, description: 'Minor units that the points pay.' },
      until: { ...instant, description: 'Of a hold or an exception: when it is over.' },
      reason: text,
      agent: text,
      approvedBy: { ...text, description: 'Of an adjustment: the second agent.' },
      ...exceptionTerms,
      earned: list(object({ day: { type: 'string', format: 'date' }, amount: whole }), {
        description: 'Of an expiration: its points by the local day they were earned.',
      }),
    },
    [
      'eventId',
      'amount',
      'returnedAmount',
      'late',
      'store',
      'originalId',
      'worth',
      'until',
      'reason',
      'agent',
      'approvedBy',
      ...Object.keys(exceptionTerms),
      'earned',
    ],
  ),
  Error: object({
    error: object({ code: { type: 'string', enum: Object.keys(ERRORS) }, message: text, path: text }, ['path']),
  }),
  LiveClientMessage: {
    description: 'A bare topic as a JSON string means the same as subscribing to it.',
    oneOf: [
      object({ subscribe: text }),
      object({ subscribe: text, epoch: text, version: position }, [], { description: 'Resumes.' }),
      object({ unsubscribe: text }),
      text,
    ],
  },
  LiveServerFrame: {
    oneOf: [
      object({
        type: { type: 'string', enum: ['snapshot', 'update'] },
        topic: text,
        epoch: text,
        version: position,
        data: { description: 'A member (null for one without events), the figures of the engine, or a feed item.' },
      }),
      object({ type: { const: 'current' }, topic: text, epoch: text, version: position }, [], {
        description: 'The client has the latest state already.',
      }),
      object(
        {
          type: { const: 'error' },
          code: { type: 'string', enum: [...new Set([...Object.keys(LIVE_ERRORS), ...Object.keys(ERRORS)])] },
          message: text,
          topic: text,
        },
        ['topic'],
      ),
    ],
  },
} satisfies Record<string, Json>;

// --- Examples ---

const EXAMPLE_PURCHASE = {
  id: 'pos7-000123',
  type: 'purchase',
  memberId: '42',
  occurredAt: '2026-11-22T10:15:00Z',
  store: 's1',
  terminal: 't7',
  currency: 'USD',
  lines: [{ sku: 'A1', category: 'coffee', quantity: 2, amount: 1050 }],
};
const EXAMPLE_MEMBER = {
  id: '42',
  epoch: 'LOYALTY_EVENTS@2026-11-01T08:00:00Z',
  version: 1234,
  balances: { points: { available: 420, pending: 0, held: 0, debt: 0 } },
  expiring: [{ wallet: 'points', amount: 40, at: '2027-01-01T00:00:00.000Z' }],
  tiers: {
    main: {
      level: 'silver',
      since: '2026-03-02T09:30:00.000Z',
      next: { level: 'gold', paths: [{ counter: 'spend', have: 82000, need: 100000 }] },
    },
  },
  counters: { spend: 82000 },
};
const EXAMPLE_OUTCOME = {
  id: 'pos7-000123',
  code: 'scored',
  entries: [{ wallet: 'points', amount: 10, rule: 'base' }],
  tierChanges: [],
  member: EXAMPLE_MEMBER,
};
const EXAMPLE_ACCEPTED = { id: 'pos7-000123', partition: 17, sequence: 1234 };
const EXAMPLE_REJECTED = {
  index: 1,
  id: 'pos7-000124',
  code: 'invalid_event',
  message: 'expected a whole number from 0 to 1000000000000, got -5',
  path: 'amount',
};
const EXAMPLE_LEDGER_ENTRY = {
  eventId: 'pos7-000123',
  type: 'accrual',
  at: '2026-11-22T10:15:00.000Z',
  programVersion: 1,
  points: 10,
  movements: [{ wallet: 'points', amount: 10, rule: 'base' }],
  text: 'Earned 10 points by rule base',
  amount: 1050,
  returnedAmount: 0,
  store: 's1',
};

// --- Operations ---

/** Anybody may meet these. */
const ALWAYS: readonly ErrorCode[] = ['internal', 'shutting_down'];
const ASKS_OWNER: readonly ErrorCode[] = ['overloaded', 'not_ready', 'query_timeout'];
const TAKES_BODY: readonly ErrorCode[] = ['request_too_large', 'unsupported_media_type', 'overloaded'];
const TAKES_EVENTS: readonly ErrorCode[] = [
  ...TAKES_BODY,
  'bad_json',
  'bad_msgpack',
  'no_events',
  'nothing_acceptable',
  'too_many_events',
];

/** Answers for errors, a status each. `beside`: what else may stand in the body of a status. */
function errorAnswers(codes: readonly ErrorCode[], beside: Readonly<Record<number, Json>> = {}): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...codes, ...ALWAYS])) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const answers = [...byStatus].map(([status, codesOfStatus]): [string, Json] => {
    const more = beside[status] ?? {};
    const error = object({ code: { type: 'string', enum: codesOfStatus }, message: text, path: text }, ['path']);
    const schema = object({ error, ...more }, Object.keys(more));
    const [first = 'internal'] = codesOfStatus;
    return [
      String(status),
      {
        description: codesOfStatus.map((code) => `\`${code}\`: ${ERRORS[code].help}`).join('\n\n'),
        ...(status === 503 ? { headers: { 'Retry-After': { schema: whole, description: 'Seconds.' } } } : {}),
        content: jsonContent(schema, { error: { code: first, message: ERRORS[first].help } }),
      },
    ];
  });
  return Object.fromEntries(answers);
}

function eventsBody(): Json {
  const schema = {
    oneOf: [ref('Event'), list(ref('Event'), { minItems: 1, maxItems: EVENTS_PER_REQUEST_MAX })],
  };
  const description =
    `One event or up to ${EVENTS_PER_REQUEST_MAX}, at most ${REQUEST_BYTES_MAX} bytes. ` +
    'In MessagePack `occurredAt` may also be epoch milliseconds.';
  const content = EVENT_TYPES.map((type) => [
    type,
    type === 'application/json' ? { schema, example: EXAMPLE_PURCHASE } : { schema },
  ]);
  return { required: true, description, content: Object.fromEntries(content) };
}

const memberIdParameter = { name: 'id', in: 'path', required: true, schema: id, description: 'Percent-encoded.' };

function query(name: string, schema: Json, description: string): Json {
  return { name, in: 'query', required: false, schema, description };
}

const rejectedList = list(ref('Rejected'));

function paths(): Json {
  return {
    '/v1/events': {
      post: {
        operationId: 'postEvents',
        summary: 'Adds events to the log',
        parameters: [
          query('wait', { type: 'string', enum: ['scored'] }, 'Answer with the outcomes too.'),
          query(
            'deadlineMs',
            { type: 'integer', minimum: 1, maximum: SCORED_WAIT_MAX_MS, default: SCORED_WAIT_DEFAULT_MS },
            'How long to wait for them; only with `wait`.',
          ),
        ],
        requestBody: eventsBody(),
        responses: {
          200: {
            description: 'With `wait=scored`: outcomes in the order of the accepted events.',
            content: jsonContent(
              object({ accepted: list(ref('Accepted')), outcomes: list(ref('Outcome')), rejected: rejectedList }),
              { accepted: [EXAMPLE_ACCEPTED], outcomes: [EXAMPLE_OUTCOME], rejected: [] },
            ),
          },
          202: {
            description: 'The accepted events are durable in the log.',
            content: jsonContent(object({ accepted: list(ref('Accepted')), rejected: rejectedList }), {
              accepted: [EXAMPLE_ACCEPTED],
              rejected: [EXAMPLE_REJECTED],
            }),
          },
          ...errorAnswers([...TAKES_EVENTS, 'bad_parameter', 'log_unavailable', 'scored_timeout'], {
            400: { accepted: list(ref('Accepted'), { maxItems: 0 }), rejected: rejectedList },
            504: { accepted: list(ref('Accepted')), rejected: rejectedList },
          }),
        },
      },
    },
    '/v1/preview': {
      post: {
        operationId: 'preview',
        summary: 'What events would do, without doing it',
        requestBody: eventsBody(),
        responses: {
          200: {
            description: 'Outcomes in the order of the events, without the rejected ones.',
            content: jsonContent(object({ outcomes: list(ref('Outcome')), rejected: rejectedList }), {
              outcomes: [EXAMPLE_OUTCOME],
              rejected: [],
            }),
          },
          ...errorAnswers([...TAKES_EVENTS, ...ASKS_OWNER], {
            400: { outcomes: list(ref('Outcome'), { maxItems: 0 }), rejected: rejectedList },
          }),
        },
      },
    },
    '/v1/members/{id}': {
      get: {
        operationId: 'getMember',
        summary: 'A member as of now or of another instant',
        parameters: [memberIdParameter, query('asOf', instant, 'Settle the answer to this instant instead of now.')],
        responses: {
          200: { description: 'The member.', content: jsonContent(ref('Member'), EXAMPLE_MEMBER) },
          ...errorAnswers([...ASKS_OWNER, 'bad_member_id', 'bad_parameter', 'member_not_found']),
        },
      },
    },
    '/v1/members/{id}/ledger': {
      get: {
        operationId: 'getLedger',
        summary: "A member's entries, newest first",
        parameters: [
          memberIdParameter,
          query(
            'limit',
            { type: 'integer', minimum: 1, maximum: LEDGER_PAGE_MAX, default: LEDGER_PAGE_DEFAULT },
            'Entries a page.',
          ),
          query('cursor', text, '`next` of the page before.'),
        ],
        responses: {
          200: {
            description: 'A page; without `next` it is the last.',
            content: jsonContent(object({ entries: list(ref('LedgerEntry')), next: text }, ['next']), {
              entries: [EXAMPLE_LEDGER_ENTRY],
              next: '51',
            }),
          },
          ...errorAnswers([...ASKS_OWNER, 'bad_member_id', 'bad_parameter', 'member_not_found']),
        },
      },
    },
    '/v1/program': {
      get: {
        operationId: 'getProgram',
        summary: 'The program in force',
        responses: {
          200: {
            description: 'The document as it was published, defaults filled in.',
            content: jsonContent(object({ version: { type: 'integer', minimum: 1 }, document: { type: 'object' } }), {
              version: 1,
              document: { program: 'coffee', version: 1 },
            }),
          },
          ...errorAnswers(['program_not_found', 'not_ready']),
        },
      },
      put: {
        operationId: 'putProgram',
        summary: 'Publishes a new version of the program',
        requestBody: {
          required: true,
          description: `YAML or JSON, at most ${PROGRAM_BYTES_MAX} bytes.`,
          content: Object.fromEntries(PROGRAM_TYPES.map((type) => [type, { schema: {} }])),
        },
        responses: {
          202: {
            description: 'It is in the log; each partition scores with it from there on.',
            content: jsonContent(object({ version: { type: 'integer', minimum: 1 } }), { version: 2 }),
          },
          ...errorAnswers(
            [...TAKES_BODY, 'bad_json', 'program_version_not_higher', 'program_invalid', 'log_unavailable'],
            { 422: { issues: list(object({ path: text, message: text })) } },
          ),
        },
      },
    },
    '/v1/live': {
      get: {
        operationId: 'live',
        summary: 'Live view over WebSocket',
        description: liveDescription(),
        responses: {
          101: { description: 'From here on text frames: LiveClientMessage in, LiveServerFrame out.' },
          ...errorAnswers(['upgrade_required']),
        },
      },
    },
    '/healthz': {
      get: {
        operationId: 'healthz',
        summary: 'The process is alive',
        responses: {
          200: { description: 'It is.', content: jsonContent(object({ status: { const: 'ok' } }), { status: 'ok' }) },
          ...errorAnswers([]),
        },
      },
    },
    '/readyz': {
      get: {
        operationId: 'readyz',
        summary: 'Every owned partition is caught up',
        responses: {
          200: {
            description: 'It is; the details vary.',
            content: jsonContent({ type: 'object', properties: { ready: { const: true } }, required: ['ready'] }),
          },
          ...errorAnswers(['not_ready']),
          503: {
            description: 'Not yet; the details say why.',
            headers: { 'Retry-After': { schema: whole, description: 'Seconds.' } },
            content: jsonContent({
              type: 'object',
              properties: {
                error: object({ code: { type: 'string', enum: ['not_ready', 'shutting_down'] }, message: text }),
                ready: { const: false },
              },
              required: ['error'],
            }),
          },
        },
      },
    },
    '/metrics': {
      get: {
        operationId: 'metrics',
        summary: 'Prometheus metrics',
        responses: {
          200: { description: 'In the text format.', content: { 'text/plain': { schema: text } } },
          ...errorAnswers([]),
        },
      },
    },
    '/openapi.json': {
      get: {
        operationId: 'openApi',
        summary: 'This document',
        responses: {
          200: {
            description: 'OpenAPI 3.1.',
            content: jsonContent({
              type: 'object',
              properties: { openapi: { type: 'string', pattern: '^3\\.1\\.' } },
              required: ['openapi', 'info', 'paths', 'components'],
            }),
          },
          ...errorAnswers([]),
        },
      },
    },
  };
}

function liveDescription(): string {
  const codes = Object.values(CLOSE_CODES).map(
    ({ code, reason, reconnect }) =>
      `- ${code}: ${reason}; ${reconnect ? 'connect again after a pause' : 'do not retry'}`,
  );
  return [
    'Topics are `member:<id>`, `stats` and `feed`. A client sends `{"subscribe":"member:42"}` and gets a snapshot, then an',
    'update whenever the member changes. Updates hold the whole member; versions only rise, and a client that reads slowly',
    'skips states but always gets the latest. To resume after a reconnect it sends the last `epoch` and `version` along and',
    'gets `current` if nothing has changed, else a snapshot. A member without events has version 0 and data null.',
    '',
    'Close codes:',
    ...codes,
  ].join('\n');
}

export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidemark',
      version: '1',
      description:
        'Real-time loyalty scoring. Money is integer minor units, points are integers, instants are RFC 3339. All errors ' +
        'have one shape, `{"error":{"code","message","path"?}}`. An unknown address answers 404 `not_found`, a wrong ' +
        'method 405 `method_not_allowed` with Allow. HEAD works wherever GET does.',
    },
    paths: paths(),
    components: { schemas },
  };
}
