import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/gateway/errors.ts';
import { openApiDocument } from '../../src/gateway/openapi.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import type { MemberEvent } from '../../src/scoring/event.ts';
import { ENTRY_TYPES, ledgerEntryView } from '../../src/wire/ledger-view.ts';
import { memberView } from '../../src/wire/member-view.ts';
import { outcomeView } from '../../src/wire/outcome-view.ts';
import { adjustmentEvent } from '../helpers/events.ts';
import { Desk, programOf } from '../scoring/harness.ts';
import { SPENDING, WALLETS } from '../wire/spending.ts';

const START_MS = Date.UTC(2026, 0, 5, 12);
const DAY_MS = 86_400_000;
const document: unknown = JSON.parse(JSON.stringify(openApiDocument()));
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'api', ...openApiDocument() });

const agreed = { memberId: '42', occurredAt: 0, reason: 'agreed', agent: 'ann' };
/** After SPENDING, each with its day. */
const DECISIONS: readonly (readonly [MemberEvent, number])[] = [
  [
    {
      ...agreed,
      type: 'exception',
      id: 'x1',
      tier: 'main',
      floor: 'silver',
      ceiling: 'gold',
      thresholds: [{ level: 'gold', from: 20_000 }],
      until: START_MS + 90 * DAY_MS,
    },
    60,
  ],
  [{ ...agreed, type: 'exception_end', id: 'n1', originalId: 'x1' }, 61],
  [adjustmentEvent({ id: 'a2', approvedBy: 'bob' }), 62],
];
/** What they show. */
const DECIDED = ['exceptions', 'tier', 'floor', 'ceiling', 'thresholds', 'approvedBy'];

interface Found {
  readonly pointer: string;
  readonly value: unknown;
}

/** Everything in the document under a key of this name, with its place. */
function allNamed(name: string, value: unknown = document, pointer = ''): Found[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const place = `${pointer}/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
    return [...(key === name ? [{ pointer: place, value: child }] : []), ...allNamed(name, child, place)];
  });
}

describe('the OpenAPI document', () => {
  it('has only references that lead somewhere', () => {
    const schemas = (document as { components: { schemas: Record<string, unknown> } }).components.schemas;
    const refs = allNamed('$ref');
    expect(refs.length).toBeGreaterThan(10);
    for (const { value } of refs)
      expect(Object.keys(schemas)).toContain(String(value).replace('#/components/schemas/', ''));
  });

  it('has examples that are as it says', () => {
    const examples = allNamed('example');
    expect(examples.length).toBeGreaterThan(10);
    for (const { pointer, value } of examples) {
      const validate = ajv.compile({ $ref: `api#${pointer.replace(/\/example$/, '/schema')}` });
      expect([pointer, validate(value), validate.errors]).toEqual([pointer, true, null]);
    }
  });

  it('names every error of the table that HTTP can answer', () => {
    const named = new Set(allNamed('enum').flatMap(({ value }) => value as string[]));
    expect(Object.keys(ERRORS).filter((code) => !named.has(code))).toEqual([]);
  });

  it('has a schema for every type of event', () => {
    const [mapping] = allNamed('mapping').map(({ value }) => Object.keys(value as object));
    const { message = '' } = parseEvents({ id: 'e', type: 'tick', memberId: 'm' }).rejected[0] ?? {};
    expect(message).toContain(`expected ${mapping?.slice(0, -1).join(', ')} or ${mapping?.at(-1)}, got`);
  });

  it('and the engine agree on what a member, an outcome and a ledger are', () => {
    const levels = [
      { id: 'silver', from: 100 },
      { id: 'gold', from: 500 },
    ];
    const desk = new Desk(programOf({ ...WALLETS, tiers: { id: 'main', window: { days: 30 }, levels } }));
    const expectValid = (name: string, value: unknown): void => {
      const validate = ajv.getSchema(`api#/components/schemas/${name}`);
      expect([value, validate?.(value), validate?.errors]).toEqual([value, true, null]);
    };
    const seen = new Set<string>();
    for (const [event, day] of [...SPENDING, ...DECISIONS]) {
      const now = START_MS + day * DAY_MS;
      const outcome = desk.score(event, now);
      const view = outcomeView(event, outcome, undefined, memberView(desk.program, desk.read(now), 'e'));
      expectValid('Outcome', view);
      for (const key of [...Object.keys(view), ...Object.keys(view.member ?? {})]) seen.add(key);
    }
    for (const entry of desk.entries()) {
      const view = ledgerEntryView(entry);
      expectValid('LedgerEntry', view);
      for (const key of [...Object.keys(view), view.type]) seen.add(key);
    }
    // What was not shown was not compared.
    for (const key of [
      'paid',
      'redeemed',
      'expired',
      'pending',
      'holds',
      'worth',
      'until',
      'earned',
      ...DECIDED,
      ...ENTRY_TYPES,
    ]) {
      if (key !== 'enrolment') expect(seen, key).toContain(key);
    }
  });

  it('and the engine agree on what an event is', () => {
    const isEvent = ajv.compile({ $ref: 'api#/components/schemas/Event' });
    const head = { id: 'e', memberId: 'm' };
    const by = { reason: 'r', agent: 'a' };
    const line = { sku: 'A', quantity: 1, amount: 5 };
    const events = [
      { ...head, type: 'purchase', amount: 5 },
      { ...head, type: 'purchase', lines: [{ ...line, category: 'c' }] },
      { ...head, type: 'purchase', amount: -1 },
      { ...head, type: 'purchase', amount: 1.5 },
      { ...head, type: 'purchase', amount: 5, total: 5 },
      { ...head, type: 'purchase', lines: [{ ...line, quantity: 0 }] },
      { ...head, type: 'return', originalId: 'p' },
      { ...head, type: 'return', lines: [{ sku: 'A', quantity: 1 }], occurredAt: '2026-11-22T10:15:00Z' },
      { ...head, type: 'purchase', amount: 5, discount: 1, paidWithPoints: 1, tax: 1, tip: 1, giftCards: 1 },
      { ...head, type: 'purchase', amount: 5, redemptionId: 's' },
      { ...head, type: 'purchase', amount: 5, tax: -1 },
      { ...head, type: 'return', originalId: 'p', tax: 1 },
      { ...head, type: 'void', originalId: 'p' },
      { ...head, type: 'void' },
      { ...head, type: 'void', originalId: 'p', points: 5 },
      { ...head, type: 'confirmation', originalId: 'p' },
      { ...head, type: 'redemption', points: 5, store: 's', terminal: 't', wallet: 'w' },
      { ...head, type: 'redemption', amount: 5 },
      { ...head, type: 'redemption', points: 5, amount: 5 },
      { ...head, type: 'redemption' },
      { ...head, type: 'redemption', points: 0 },
      { ...head, type: 'redemption', amount: 0 },
      { ...head, type: 'redemption', amount: 5, currency: 'USD' },
      { ...head, type: 'redemption', points: 5, wallet: 'w'.repeat(33) },
      { ...head, type: 'authorisation', points: 5 },
      { ...head, type: 'capture', originalId: 'h' },
      { ...head, type: 'capture', originalId: 'h', points: 5 },
      { ...head, type: 'capture', originalId: 'h', points: -1 },
      { ...head, type: 'capture', points: 5 },
      { ...head, type: 'release', originalId: 'h' },
      { ...head, type: 'release', originalId: '' },
      { ...head, type: 'reversal', originalId: 's', points: 5 },
      { ...head, type: 'adjustment', points: -5, reason: 'r', agent: 'a' },
      { ...head, type: 'adjustment', points: -1, wallet: 'w' },
      { ...head, type: 'adjustment', points: 0 },
      { ...head, type: 'adjustment' },
      { ...head, type: 'adjustment', points: 5, agent: 'ann', approvedBy: 'bob' },
      {
        ...head,
        ...by,
        type: 'exception',
        floor: 'gold',
        ceiling: 'gold',
        tier: 'main',
        until: '2026-11-22T10:15:00Z',
      },
      { ...head, ...by, type: 'exception', thresholds: { gold: 5 } },
      { ...head, ...by, type: 'exception', thresholds: { gold: -5 } },
      { ...head, ...by, type: 'exception', thresholds: {} },
      { ...head, ...by, type: 'exception', floor: '' },
      { ...head, ...by, type: 'exception', floor: 'x'.repeat(33) },
      { ...head, ...by, type: 'exception' },
      { ...head, ...by, type: 'exception', agent: '', floor: 'gold' },
      { ...head, type: 'exception', floor: 'gold' },
      { ...head, ...by, type: 'exception_end', originalId: 'x' },
      { ...head, type: 'exception_end', originalId: 'x' },
      { ...head, ...by, type: 'exception_end' },
      { ...head, type: 'enrolment' },
      { ...head, type: 'tick' },
      { id: 'e', type: 'enrolment' },
      { ...head, id: '', type: 'enrolment' },
      { ...head, id: 7, type: 'enrolment' },
    ];
    for (const event of events)
      expect([event, isEvent(event)]).toEqual([event, parseEvents(event).events.length === 1]);
  });
});
