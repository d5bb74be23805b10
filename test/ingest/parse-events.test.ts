import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INGEST_REFUSALS, parseEvents } from '../../src/ingest/parse-events.ts';
import { AMOUNT_MAX, EVENTS_PER_REQUEST_MAX, LINES_PER_EVENT_MAX, POINTS_MAX } from '../../src/limits.ts';
import { NO_DEDUCTIONS, NOT_GIVEN } from '../../src/scoring/event.ts';
import { decodeBatch, encodeBatch } from '../../src/wire/batch.ts';

const purchase = { id: 'p1', type: 'purchase', memberId: '42', amount: 1050 };
const refund = { id: 'r1', type: 'return', memberId: '42', originalId: 'p1' };
const adjustment = { id: 'a1', type: 'adjustment', memberId: '42', points: -5 };
const exception = { id: 'x1', type: 'exception', memberId: '42', reason: 'agreed', agent: 'ann' };
const redemption = { id: 's1', type: 'redemption', memberId: '42', points: 500 };
const capture = { id: 'k1', type: 'capture', memberId: '42', originalId: 'h1' };
const line = { sku: 'A1', category: 'coffee', quantity: 2, amount: 1050 };
const { amount: _, ...purchaseOfLines } = purchase;

function accepted(value: unknown, format?: 'json' | 'msgpack') {
  const { events, rejected } = parseEvents(value, format);
  expect(rejected).toEqual([]);
  return events[0];
}

function refused(value: unknown) {
  const { events, rejected } = parseEvents(value);
  expect(events).toEqual([]);
  expect(rejected).toHaveLength(1);
  return rejected[0];
}

describe('what is taken', () => {
  it('fills in what was left out of a purchase', () => {
    expect(accepted(purchase)).toStrictEqual({
      type: 'purchase',
      id: 'p1',
      memberId: '42',
      occurredAt: 0,
      store: '',
      terminal: '',
      currency: '',
      amount: 1050,
      lines: [],
      deductions: NO_DEDUCTIONS,
      redemptionId: '',
    });
  });

  it('takes what of a purchase is no spend, and makes nothing of nothing', () => {
    expect(accepted({ ...purchase, discount: 50, tax: 1000, redemptionId: 's1' })).toMatchObject({
      deductions: { discount: 50, paidWithPoints: 0, tax: 1000, tip: 0, giftCards: 0 },
      redemptionId: 's1',
    });
    expect(accepted({ ...purchase, paidWithPoints: 1, tip: 2, giftCards: 3 })).toMatchObject({
      deductions: { discount: 0, paidWithPoints: 1, tax: 0, tip: 2, giftCards: 3 },
    });
    expect(accepted({ ...purchaseOfLines, lines: [line], tip: 1050 })).toMatchObject({ deductions: { tip: 1050 } });
    expect(accepted({ ...purchase, tax: -0 })).toStrictEqual(accepted(purchase));
    const [plain] = parseEvents(purchase).events;
    expect(plain?.type === 'purchase' && plain.deductions).toBe(NO_DEDUCTIONS);
  });

  it('takes the purchase of the contract', () => {
    const text = `{"id":"pos7-000123","type":"purchase","memberId":"42","occurredAt":"2026-11-22T10:15:00Z","store":"s1",
      "terminal":"t7","currency":"USD","lines":[{"sku":"A1","category":"coffee","quantity":2,"amount":1050}]}`;
    expect(accepted(JSON.parse(text))).toStrictEqual({
      type: 'purchase',
      id: 'pos7-000123',
      memberId: '42',
      occurredAt: Date.UTC(2026, 10, 22, 10, 15),
      store: 's1',
      terminal: 't7',
      currency: 'USD',
      amount: 1050,
      lines: [line],
      deductions: NO_DEDUCTIONS,
      redemptionId: '',
    });
  });

  it('sums the lines of a purchase that gives no amount', () => {
    const { category: __, ...plain } = line;
    expect(accepted({ ...purchaseOfLines, lines: [line, { ...plain, amount: 7 }] })).toMatchObject({
      amount: 1057,
      lines: [line, { sku: 'A1', category: '', quantity: 2, amount: 7 }],
    });
  });

  it('takes a return by name, by amount and by lines, each with or without the refund', () => {
    expect(accepted(refund)).toStrictEqual({
      type: 'return',
      id: 'r1',
      memberId: '42',
      occurredAt: 0,
      store: '',
      terminal: '',
      currency: '',
      originalId: 'p1',
      amount: -1,
      lines: [],
    });
    expect(accepted({ ...refund, amount: 0 })).toMatchObject({ amount: 0 });
    const lines = [
      { sku: 'A1', quantity: 1 },
      { sku: 'B', quantity: 2, amount: 300 },
    ];
    expect(accepted({ id: 'r', type: 'return', memberId: '42', lines })).toMatchObject({
      originalId: '',
      amount: -1,
      lines: [{ sku: 'A1', quantity: 1, amount: -1 }, lines[1]],
    });
  });

  it.each(['void', 'confirmation', 'release'])('takes a %s', (type) => {
    const event = { type, id: 'x1', memberId: '42', originalId: 'p1' };
    expect(accepted(event)).toStrictEqual({ ...event, occurredAt: 0 });
  });

  it.each(['redemption', 'authorisation'])('takes a %s of points or of an amount', (type) => {
    expect(accepted({ ...redemption, type })).toStrictEqual({
      type,
      id: 's1',
      memberId: '42',
      occurredAt: 0,
      store: '',
      terminal: '',
      wallet: '',
      points: 500,
      amount: NOT_GIVEN,
    });
    const { points: __, ...unsaid } = redemption;
    const of = { store: 's1', terminal: 't1', wallet: 'miles', amount: 1050 };
    expect(accepted({ ...unsaid, ...of, type })).toMatchObject({ ...of, points: NOT_GIVEN });
  });

  it.each(['capture', 'reversal'])('takes a %s of a part or of all', (type) => {
    expect(accepted({ ...capture, type })).toStrictEqual({ ...capture, type, occurredAt: 0, points: NOT_GIVEN });
    expect(accepted({ ...capture, type, points: 7 })).toMatchObject({ points: 7 });
  });

  it('takes adjustments and enrolments', () => {
    expect(accepted({ ...adjustment, reason: 'goodwill' })).toStrictEqual({
      type: 'adjustment',
      id: 'a1',
      memberId: '42',
      occurredAt: 0,
      wallet: '',
      points: -5,
      reason: 'goodwill',
      agent: '',
      approvedBy: '',
    });
    expect(accepted({ ...adjustment, approvedBy: 'bob' })).toMatchObject({ approvedBy: 'bob' });
    expect(accepted({ ...adjustment, wallet: 'miles', points: -1 })).toMatchObject({ wallet: 'miles', points: -1 });
    expect(accepted({ id: 'e', type: 'enrolment', memberId: '42' })).toStrictEqual({
      type: 'enrolment',
      id: 'e',
      memberId: '42',
      occurredAt: 0,
    });
  });

  it('takes exceptions and their ends; thresholds in the order of their names', () => {
    const thresholds = { silver: 5_000, gold: 20_000 };
    expect(accepted({ ...exception, thresholds, until: '2026-06-30T00:00:00Z' })).toStrictEqual({
      ...exception,
      occurredAt: 0,
      tier: '',
      floor: '',
      ceiling: '',
      thresholds: [
        { level: 'gold', from: 20_000 },
        { level: 'silver', from: 5_000 },
      ],
      until: Date.UTC(2026, 5, 30),
    });
    expect(accepted({ ...exception, tier: 'main', floor: 'gold', ceiling: 'black' })).toMatchObject({
      tier: 'main',
      floor: 'gold',
      ceiling: 'black',
      thresholds: [],
      until: 0,
    });
    const end = { ...exception, type: 'exception_end', originalId: 'x0' };
    expect(accepted(end)).toStrictEqual({ ...end, occurredAt: 0 });
  });

  it('keeps -0 out of the log', () => {
    const zero = accepted(JSON.parse('{"id":"p","type":"purchase","memberId":"m","amount":-0}'));
    expect(zero !== undefined && 'amount' in zero && Object.is(zero.amount, 0)).toBe(true);
    const lines = [{ ...line, amount: -0 }];
    expect(accepted({ ...purchaseOfLines, lines })).toStrictEqual(
      accepted({ ...purchase, amount: 0, lines: [{ ...line, amount: 0 }] }),
    );
  });

  it.each([
    ['2026-11-22T10:15:00Z', Date.UTC(2026, 10, 22, 10, 15)],
    ['2026-11-22t10:15:00z', Date.UTC(2026, 10, 22, 10, 15)],
    ['2026-11-22T10:15:00+02:00', Date.UTC(2026, 10, 22, 8, 15)],
    ['2026-11-22T00:15:00-05:30', Date.UTC(2026, 10, 22, 5, 45)],
    ['2026-11-22T10:15:00-00:00', Date.UTC(2026, 10, 22, 10, 15)],
    ['2026-11-22T10:15:00.5Z', Date.UTC(2026, 10, 22, 10, 15, 0, 500)],
    ['2026-11-22T10:15:00.123999Z', Date.UTC(2026, 10, 22, 10, 15, 0, 123)],
    ['2024-02-29T23:59:59Z', Date.UTC(2024, 1, 29, 23, 59, 59)],
    ['1980-01-01T00:00:00Z', Date.UTC(1980, 0, 1)],
  ])('reads %s', (occurredAt, instant) => {
    expect(accepted({ ...purchase, occurredAt })).toMatchObject({ occurredAt: instant });
  });

  it('takes epoch milliseconds in MessagePack only', () => {
    const occurredAt = Date.UTC(2026, 10, 22);
    expect(accepted({ ...purchase, occurredAt }, 'msgpack')).toMatchObject({ occurredAt });
    expect(refused({ ...purchase, occurredAt })).toMatchObject({ path: 'occurredAt' });
    expect(parseEvents({ ...purchase, occurredAt: 0 }, 'msgpack').rejected).toMatchObject([{ path: 'occurredAt' }]);
  });
});

describe('what is refused', () => {
  it.each<[string, unknown, string, string]>([
    // a misspelt or foreign field
    [
      'unknown_field',
      { ...purchase, ammount: 5 },
      'ammount',
      '"ammount" is not a field of purchase events, which have id,',
    ],
    ['unknown_field', { ...purchase, points: 5 }, 'points', '"points" is not a field of purchase events'],
    ['unknown_field', { ...adjustment, store: 's' }, 'store', 'is not a field of adjustment events'],
    ['unknown_field', { ...purchase, deductions: {} }, 'deductions', 'is not a field of purchase events'],
    ['unknown_field', { ...refund, tax: 1 }, 'tax', 'is not a field of return events'],
    ['unknown_field', { ...redemption, currency: 'USD' }, 'currency', 'is not a field of redemption events'],
    ['unknown_field', { ...capture, type: 'void', points: 1 }, 'points', 'is not a field of void events'],
    ['unknown_field', { ...capture, amount: 1 }, 'amount', 'is not a field of capture events'],
    ['unknown_field', { ...purchase, lines: [line, { ...line, price: 1 }] }, 'lines[1].price', 'purchase lines'],
    ['unknown_field', { ...refund, lines: [line] }, 'lines[0].category', 'return lines, which have sku, quantity'],
    [
      'unknown_field',
      JSON.parse('{"id":"p","type":"purchase","__proto__":{"memberId":"m"}}'),
      '__proto__',
      'not a field',
    ],
    ['unknown_field', { ...purchase, constructor: 1 }, 'constructor', 'not a field'],
    ['unknown_field', { ...exception, floor: 'gold', level: 'gold' }, 'level', 'not a field of exception events'],
    // an exception that says nothing, or not why
    ['invalid_event', exception, 'floor', 'expected a floor, a ceiling or thresholds, got none of them'],
    ['invalid_event', { ...exception, floor: 'gold', reason: '' }, 'reason', 'expected 1 to 500 bytes of text'],
    ['invalid_event', { ...exception, floor: 'gold', agent: undefined }, 'agent', 'expected text, got nothing'],
    ['invalid_event', { ...exception, floor: 'x'.repeat(33) }, 'floor', 'expected 0 to 32 bytes of text'],
    ['invalid_event', { ...exception, thresholds: {} }, 'floor', 'got none of them'],
    [
      'invalid_event',
      { ...exception, thresholds: [{ level: 'gold', from: 5 }] },
      'thresholds',
      'expected at most 20 thresholds by level',
    ],
    ['invalid_event', { ...exception, thresholds: { gold: -1 } }, 'thresholds.gold', 'expected a whole number from 0'],
    ['invalid_event', { ...exception, thresholds: { gold: '5' } }, 'thresholds.gold', 'got "5"'],
    ['invalid_event', { ...exception, thresholds: { '': 5 } }, 'thresholds', 'expected 1 to 32 bytes of text'],
    [
      'invalid_event',
      { ...exception, thresholds: { '\ud800': 5 } },
      'thresholds[0].level',
      'expected well-formed Unicode',
    ],
    ['invalid_event', { ...exception, floor: 'gold', until: 'soon' }, 'until', 'expected an instant with offset'],
    ['invalid_event', { ...exception, floor: 'gold', until: '1970-01-01T00:00:00Z' }, 'until', 'since 1980'],
    ['unknown_field', { ...purchase, ['x'.repeat(1e6)]: 1 }, 'x'.repeat(40), 'not a field'],
    // no id
    ['id_missing', { type: 'purchase', memberId: '42', amount: 1 }, 'id', 'makes a resend harmless'],
    ['id_missing', { ...purchase, id: '' }, 'id', 'makes a resend harmless'],
    ['id_missing', {}, 'id', 'makes a resend harmless'],
    // no event at all
    ['invalid_event', null, '', 'expected an event as an object, got null'],
    ['invalid_event', 7, '', 'expected an event as an object, got 7'],
    ['invalid_event', [[purchase]], '', 'expected an event as an object, got a list'],
    ['invalid_event', new Date(0), '', 'expected an event as an object'],
    ['invalid_event', new Uint8Array(1e6), '', 'expected an event as an object'],
    ['invalid_event', new Map([['id', 'p1']]), '', 'expected an event as an object'],
    // types
    [
      'invalid_event',
      { ...purchase, type: 'refund' },
      'type',
      'expected purchase, return, void, confirmation, redemption, authorisation, capture, release, reversal, adjustment, ' +
        'exception, exception_end or enrolment, got "refund"',
    ],
    ['invalid_event', { ...purchase, type: 'tick' }, 'type', 'expected purchase'],
    ['invalid_event', { ...purchase, type: 'toString' }, 'type', 'expected purchase'],
    ['invalid_event', { ...purchase, type: '__proto__' }, 'type', 'expected purchase'],
    ['invalid_event', { ...purchase, type: { toString: null } }, 'type', 'expected purchase'],
    ['invalid_event', { id: 'x' }, 'type', 'got nothing'],
    // texts
    ['invalid_event', { ...purchase, id: 12 }, 'id', 'expected text, got 12'],
    ['invalid_event', { ...purchase, id: 'x'.repeat(1e6) }, 'id', 'expected 1 to 128 bytes of text, got 1000000'],
    ['invalid_event', { ...purchase, memberId: '\u20ac'.repeat(43) }, 'memberId', 'got 129'],
    ['invalid_event', { ...purchase, memberId: undefined }, 'memberId', 'expected text, got nothing'],
    ['invalid_event', { ...purchase, memberId: '' }, 'memberId', 'expected 1 to 128 bytes'],
    ['invalid_event', { ...purchase, store: null }, 'store', 'expected text, got null'],
    ['invalid_event', { ...purchase, currency: 'EURO' }, 'currency', 'expected an ISO 4217 code'],
    ['invalid_event', { ...adjustment, reason: 'x'.repeat(501) }, 'reason', 'got 501'],
    ['invalid_event', { ...purchase, memberId: 'a\ud800b' }, 'memberId', 'well-formed Unicode'],
    ['invalid_event', { ...purchase, store: '\udc00' }, 'store', 'well-formed Unicode'],
    [
      'invalid_event',
      { ...purchaseOfLines, lines: [line, { ...line, sku: '\ud83d' }] },
      'lines[1].sku',
      'well-formed Unicode',
    ],
    ['invalid_event', { ...purchase, memberId: 'caf\ufffd' }, 'memberId', 'U+FFFD'],
    ['invalid_event', { ...purchase, redemptionId: 'caf\ufffd' }, 'redemptionId', 'U+FFFD'],
    [
      'invalid_event',
      { ...purchase, redemptionId: 'x'.repeat(129) },
      'redemptionId',
      '0 to 128 bytes of text, got 129',
    ],
    ['invalid_event', { ...purchase, redemptionId: null }, 'redemptionId', 'expected text, got null'],
    ['invalid_event', { ...capture, originalId: undefined }, 'originalId', 'expected text, got nothing'],
    ['invalid_event', { ...capture, originalId: '' }, 'originalId', '1 to 128 bytes of text, got 0'],
    ['invalid_event', { ...capture, type: 'void', originalId: 7 }, 'originalId', 'expected text, got 7'],
    ['invalid_event', { ...redemption, wallet: 'w'.repeat(33) }, 'wallet', '0 to 32 bytes of text, got 33'],
    ['invalid_event', { ...redemption, wallet: '\ud800' }, 'wallet', 'well-formed Unicode'],
    ['invalid_event', { ...redemption, terminal: 5 }, 'terminal', 'expected text, got 5'],
    ['invalid_event', { ...adjustment, wallet: 1 }, 'wallet', 'expected text, got 1'],
    // amounts
    ['invalid_event', purchaseOfLines, 'amount', 'or lines, whose amounts'],
    [
      'invalid_event',
      { ...purchase, amount: 10.5 },
      'amount',
      'expected a whole number from 0 to 1000000000000, got 10.5',
    ],
    ['invalid_event', { ...purchase, amount: -1 }, 'amount', 'got -1'],
    ['invalid_event', { ...purchase, amount: '1050' }, 'amount', 'got "1050"'],
    ['invalid_event', { ...purchase, amount: Number.NaN }, 'amount', 'got NaN'],
    ['invalid_event', { ...purchase, amount: JSON.parse('1e400') }, 'amount', 'got Infinity'],
    ['invalid_event', { ...purchase, amount: 5n }, 'amount', 'got bigint'],
    ['invalid_event', { ...purchase, amount: null, lines: [line] }, 'amount', 'got null'],
    ['invalid_event', { ...purchase, amount: AMOUNT_MAX + 1 }, 'amount', 'expected a whole number'],
    [
      'invalid_event',
      { ...purchase, amount: 1, lines: [line] },
      'amount',
      'expected the sum of the lines, 1050, got 1',
    ],
    ['invalid_event', { ...adjustment, points: 0 }, 'points', 'got 0'],
    // what a purchase is not
    ['invalid_event', { ...purchase, discount: -1 }, 'discount', 'expected a whole number from 0'],
    ['invalid_event', { ...purchase, paidWithPoints: null }, 'paidWithPoints', 'got null'],
    ['invalid_event', { ...purchase, tax: 1.5 }, 'tax', 'got 1.5'],
    ['invalid_event', { ...purchase, tip: '1' }, 'tip', 'got "1"'],
    ['invalid_event', { ...purchase, giftCards: Number.NaN }, 'giftCards', 'got NaN'],
    ['invalid_event', { ...purchase, discount: 1051 }, 'discount', 'at most the amount, 1050, got 1051'],
    [
      'invalid_event',
      { ...purchase, discount: 1000, tax: 51 },
      'tax',
      'expected discount, paidWithPoints, tax, tip and giftCards to add up to at most',
    ],
    // points to spend
    ['invalid_event', { ...redemption, points: 0 }, 'points', 'expected a whole number from 1 to 1000000000000, got 0'],
    ['invalid_event', { ...redemption, points: POINTS_MAX + 1 }, 'points', 'expected a whole number'],
    ['invalid_event', { ...redemption, points: undefined, amount: 0 }, 'amount', 'got 0'],
    [
      'invalid_event',
      { ...redemption, points: undefined },
      'points',
      'either points or an amount of money, got neither',
    ],
    ['invalid_event', { ...redemption, amount: 5 }, 'points', 'either points or an amount of money, got both'],
    ['invalid_event', { ...redemption, type: 'authorisation', amount: 5 }, 'points', 'got both'],
    ['invalid_event', { ...capture, points: 0 }, 'points', 'expected a whole number from 1'],
    ['invalid_event', { ...capture, type: 'reversal', points: '5' }, 'points', 'got "5"'],
    ['invalid_event', { id: 'a', type: 'adjustment', memberId: 'm' }, 'points', 'got nothing'],
    // the stand-in for "not given" cannot be given
    ['invalid_event', { ...refund, amount: -1 }, 'amount', 'expected a whole number from 0'],
    ['invalid_event', { ...redemption, amount: -1 }, 'amount', 'got -1'],
    ['invalid_event', { ...redemption, points: -1, amount: 5 }, 'points', 'expected a whole number from 1'],
    ['invalid_event', { ...redemption, type: 'authorisation', amount: -1 }, 'amount', 'got -1'],
    ['invalid_event', { ...capture, points: -1 }, 'points', 'got -1'],
    ['invalid_event', { ...capture, type: 'reversal', points: -1 }, 'points', 'got -1'],
    ['invalid_event', { ...refund, lines: [{ sku: 'A', quantity: 1, amount: -1 }] }, 'lines[0].amount', 'got -1'],
    // lines
    ['invalid_event', { ...purchase, lines: {} }, 'lines', 'expected a list of lines'],
    ['invalid_event', { ...purchase, lines: null }, 'lines', 'expected a list of lines'],
    ['invalid_event', { ...purchaseOfLines, lines: [] }, 'amount', 'got nothing'],
    ['invalid_event', { ...purchase, lines: [null] }, 'lines[0]', 'expected a line as an object, got null'],
    ['invalid_event', { ...purchase, lines: [[line]] }, 'lines[0]', 'got a list'],
    ['invalid_event', { ...purchaseOfLines, lines: [line, {}] }, 'lines[1].sku', 'got nothing'],
    [
      'invalid_event',
      { ...purchaseOfLines, lines: [line, { sku: 'B', quantity: 1 }] },
      'lines[1].amount',
      'got nothing',
    ],
    ['invalid_event', { ...purchaseOfLines, lines: [{ ...line, quantity: 0 }] }, 'lines[0].quantity', 'got 0'],
    ['invalid_event', { ...purchaseOfLines, lines: [{ ...line, amount: -4 }] }, 'lines[0].amount', 'got -4'],
    [
      'invalid_event',
      { ...purchaseOfLines, lines: Array(LINES_PER_EVENT_MAX + 1).fill(line) },
      'lines',
      'at most 1000 lines',
    ],
    // a return of nothing
    ['invalid_event', { id: 'r', type: 'return', memberId: 'm' }, 'originalId', 'expected a purchase to return'],
  ])('%s: %#', (code, value, path, message) => {
    const refusal = refused(value);
    expect(refusal).toMatchObject({ index: 0, code, path });
    expect(refusal?.message).toContain(message);
    expect(refusal?.message.length).toBeLessThan(300);
  });

  it.each([
    '2026-11-22',
    '2026-11-22T10:15:00',
    '2026-11-22 10:15:00Z',
    '2026-11-22T10:15Z',
    '2026-02-30T10:15:00Z',
    '2023-02-29T10:15:00Z',
    '2026-13-01T10:15:00Z',
    '2026-00-01T10:15:00Z',
    '2026-01-00T10:15:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T10:60:00Z',
    '2026-11-22T23:59:60Z',
    '2026-11-22T10:15:00.Z',
    '2026-11-22T10:15:00+24:00',
    '2026-11-22T10:15:00+0200',
    '2026-11-22T10:15:00+02:60',
    ' 2026-11-22T10:15:00Z',
    '2026-11-22T10:15:00Z\n',
    '\u0662026-11-22T10:15:00Z',
    '1970-01-01T00:00:00Z',
    '0099-01-01T00:00:00Z',
    '1979-12-31T23:59:59.999Z',
    `2026-11-22T10:15:00.${'1'.repeat(100_000)}Z`,
    '',
    null,
    true,
    1_790_000_000,
    1_790_000_000_000,
    Number.NaN,
  ])('the instant %j', (occurredAt) => {
    const { code, path, message } = refused({ ...purchase, occurredAt }) ?? {};
    expect([code, path]).toEqual(['invalid_event', 'occurredAt']);
    expect(message).toMatch(/^expected an instant (with offset|since 1980)/);
  });

  it('tells which of several it was, and takes the others in order', () => {
    const { events, rejected } = parseEvents([
      purchase,
      { ...purchase, id: 'p2', amount: 'x' },
      5,
      { ...purchase, id: 'p3' },
    ]);
    expect(events.map(({ id }) => id)).toEqual(['p1', 'p3']);
    expect(rejected).toMatchObject([
      { index: 1, id: 'p2', path: 'amount' },
      { index: 2, id: '', path: '' },
    ]);
  });

  it('lets two events with one id pass: which is the duplicate is for the fold to say', () => {
    expect(parseEvents([purchase, purchase]).events).toHaveLength(2);
  });

  it('takes the largest request and nothing of a larger one', () => {
    expect(parseEvents(Array(EVENTS_PER_REQUEST_MAX).fill(purchase)).events).toHaveLength(EVENTS_PER_REQUEST_MAX);
    const { events, rejected } = parseEvents(Array(EVENTS_PER_REQUEST_MAX + 1).fill(purchase));
    expect(events).toEqual([]);
    expect(rejected).toMatchObject([{ index: EVENTS_PER_REQUEST_MAX, code: 'too_many_events' }]);
    expect(parseEvents([])).toEqual({ events: [], rejected: [] });
  });

  it('looks no deeper than it must', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    expect(refused({ ...purchase, store: deep })).toMatchObject({ path: 'store' });
    expect(refused({ ...purchase, lines: deep })).toMatchObject({ path: 'lines[0]' });
  });
});

describe('for any input', () => {
  // Half-right events reach further into the checks than arbitrary values do.
  const text = fc.oneof(
    { weight: 18, arbitrary: fc.string({ maxLength: 20 }) },
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constant('\ud800'),
  );
  const number = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 10_000 }) },
    fc.maxSafeInteger(),
    fc.double(),
    fc.constant(-0),
    fc.constant(-1),
  );
  const instant = fc.oneof(
    fc
      .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((at) => at.toISOString()),
    text,
  );
  const odd = fc.oneof({ weight: 9, arbitrary: text }, { weight: 1, arbitrary: fc.anything() });
  const lines = fc.array(
    fc.record(
      { sku: fc.oneof(text, odd), category: text, quantity: fc.integer({ min: 1, max: 5 }), amount: number },
      { requiredKeys: ['sku', 'quantity'] },
    ),
    { maxLength: 4 },
  );
  const SALE = ['store', 'terminal', 'currency', 'amount', 'lines'];
  const SPEND = ['store', 'terminal', 'wallet', 'points', 'amount'];
  const FIELDS: Readonly<Record<string, readonly string[]>> = {
    purchase: [...SALE, 'discount', 'tax', 'tip', 'redemptionId'],
    return: [...SALE, 'originalId'],
    void: ['originalId'],
    confirmation: ['originalId'],
    redemption: SPEND,
    authorisation: SPEND,
    capture: ['originalId', 'points'],
    release: ['originalId'],
    reversal: ['originalId', 'points'],
    adjustment: ['wallet', 'points', 'reason', 'agent', 'approvedBy'],
    exception: ['tier', 'floor', 'ceiling', 'thresholds', 'until', 'reason', 'agent'],
    exception_end: ['originalId', 'reason', 'agent'],
    enrolment: [],
  };
  const nearlyEvent = fc
    .record(
      {
        id: fc.oneof(fc.string({ minLength: 1, maxLength: 128 }), odd),
        type: fc.constantFrom(...Object.keys(FIELDS)),
        memberId: fc.oneof(fc.string({ minLength: 1, maxLength: 128 }), odd),
        occurredAt: instant,
        store: odd,
        terminal: text,
        currency: fc.constantFrom('USD', 'EUR', '', 'EURO'),
        amount: number,
        lines,
        originalId: text,
        points: number,
        reason: odd,
        agent: text,
        wallet: fc.string({ maxLength: 33 }),
        discount: fc.nat({ max: 100 }),
        tax: fc.oneof(fc.nat({ max: 100 }), number),
        tip: fc.nat({ max: 100 }),
        redemptionId: text,
        approvedBy: text,
        tier: text,
        floor: text,
        ceiling: odd,
        thresholds: fc.dictionary(text, number, { maxKeys: 3 }),
        until: instant,
      },
      { requiredKeys: ['id', 'type', 'memberId'] },
    )
    .map((value) => {
      // Without the fields of other types, so that a good part is accepted.
      const known = ['id', 'type', 'memberId', 'occurredAt', ...(FIELDS[value.type] ?? [])];
      return Object.fromEntries(Object.entries(value).filter(([field]) => known.includes(field)));
    });

  const request = fc.array(fc.oneof({ weight: 3, arbitrary: nearlyEvent }, fc.anything()), { maxLength: 5 });

  it('never throws, answers every event once, and what it takes comes back from the log unchanged', () => {
    const taken = new Set<string>();
    fc.assert(
      fc.property(request, (values) => {
        const { events, rejected } = parseEvents(values);
        expect(events.length + rejected.length).toBe(values.length);
        for (const { code, id, message } of rejected) {
          expect(INGEST_REFUSALS).toHaveProperty(code);
          expect(id.length).toBeLessThanOrEqual(128);
          expect(message.length).toBeLessThan(300);
        }
        expect(decodeBatch(encodeBatch(events))).toStrictEqual({ replyTo: '', events });
        for (const { type } of events) taken.add(type);
      }),
      { numRuns: 3_000, verbose: 1 },
    );
    expect([...taken].sort()).toEqual(Object.keys(FIELDS).sort());
  });

  it('never throws on what fast-check thinks of as JSON', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseEvents(value)));
  });
});
