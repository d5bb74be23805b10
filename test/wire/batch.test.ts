/** What goes onto the log comes off it again; what is no event is set aside without harm to its neighbours. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AMOUNT_MAX,
  BATCH_BYTES_MAX,
  ID_BYTES_MAX,
  LABEL_BYTES_MAX,
  LEVEL_BYTES_MAX,
  LINES_PER_EVENT_MAX,
  NATS_PAYLOAD_BYTES_MAX,
  OCCURRED_AT_MIN_MS,
  POINTS_MAX,
  QUANTITY_MAX,
  REASON_BYTES_MAX,
  THRESHOLDS_MAX,
  WALLET_BYTES_MAX,
} from '../../src/limits.ts';
import { type Deductions, type LogEvent, type MemberEvent, NO_DEDUCTIONS, NOT_GIVEN } from '../../src/scoring/event.ts';
import { decodeBatch, encodeBatch, estimateBytes, type Malformed } from '../../src/wire/batch.ts';
import { pack, unpack, WireError } from '../../src/wire/pack.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';

/** Text of up to so many bytes, since a UTF-16 unit takes at most three. */
const text = (bytesMin: number, bytesMax: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'grapheme-ascii', minLength: bytesMin, maxLength: Math.min(bytesMax, 20) }),
    fc.string({ unit: 'binary', minLength: bytesMin, maxLength: Math.floor(bytesMax / 4) }),
  );
const id = text(1, ID_BYTES_MAX);
const label = text(0, LABEL_BYTES_MAX);
const amount = fc.integer({ min: 0, max: AMOUNT_MAX / LINES_PER_EVENT_MAX });
const given = fc.oneof(fc.constant(NOT_GIVEN), amount);
const quantity = fc.integer({ min: 1, max: QUANTITY_MAX });
const head = {
  id,
  memberId: id,
  occurredAt: fc.oneof(fc.constant(0), fc.integer({ min: OCCURRED_AT_MIN_MS, max: 8_640_000_000_000_000 })),
};
const place = { store: label, terminal: label };
const sale = { ...head, ...place, currency: fc.constantFrom('', 'USD') };
const wallet = text(0, WALLET_BYTES_MAX);
const points = fc.integer({ min: 1, max: POINTS_MAX });
const pointsOrAll = fc.oneof(fc.constant(NOT_GIVEN), points);
const pointsOrAmount = fc.oneof(
  fc.record({ points, amount: fc.constant(NOT_GIVEN) }),
  fc.record({ points: fc.constant(NOT_GIVEN), amount: fc.integer({ min: 1, max: AMOUNT_MAX }) }),
);
/** Fifths of a fifth of the amount, so that all of them are never more than it. */
const share = fc.nat({ max: 5 });
const shares = fc.record({ discount: share, paidWithPoints: share, tax: share, tip: share, giftCards: share });
const deductionsOf = (amount: number, { discount, paidWithPoints, tax, tip, giftCards }: Deductions): Deductions => {
  const part = (of: number): number => Math.floor((amount * of) / 25);
  return {
    discount: part(discount),
    paidWithPoints: part(paidWithPoints),
    tax: part(tax),
    tip: part(tip),
    giftCards: part(giftCards),
  };
};

const level = text(0, LEVEL_BYTES_MAX);
const thresholds = fc
  .uniqueArray(fc.record({ level: text(1, LEVEL_BYTES_MAX), from: amount }), {
    maxLength: 3,
    selector: (one) => one.level,
  })
  .map((all) => all.sort((one, other) => (one.level < other.level ? -1 : 1)));
const decision = { reason: text(1, REASON_BYTES_MAX), agent: text(1, LABEL_BYTES_MAX) };

const memberEvent: fc.Arbitrary<MemberEvent> = fc.oneof(
  fc
    .record({
      type: fc.constant('purchase' as const),
      ...sale,
      amount,
      lines: fc.array(fc.record({ sku: id, category: label, quantity, amount }), { maxLength: 5 }),
      deductions: fc.oneof(fc.constant(NO_DEDUCTIONS), shares),
      redemptionId: fc.oneof(fc.constant(''), id),
    })
    .map((event) => {
      const { lines, deductions } = event;
      const total = lines.length === 0 ? event.amount : lines.reduce((sum, line) => sum + line.amount, 0);
      return { ...event, amount: total, deductions: deductionsOf(total, deductions) };
    }),
  fc
    .record({
      type: fc.constant('return' as const),
      ...sale,
      originalId: id,
      amount: given,
      lines: fc.array(fc.record({ sku: id, quantity, amount: given }), { maxLength: 5 }),
    })
    .map((event) => (event.lines.length === 0 ? event : { ...event, amount: NOT_GIVEN })),
  fc.record({ type: fc.constantFrom('void', 'confirmation', 'release'), ...head, originalId: id }),
  fc.record({ type: fc.constantFrom('capture', 'reversal'), ...head, originalId: id, points: pointsOrAll }),
  fc
    .record({ type: fc.constantFrom('redemption', 'authorisation'), ...head, ...place, wallet, pointsOrAmount })
    .map(({ pointsOrAmount: given, ...event }) => ({ ...event, ...given })),
  fc.record({
    type: fc.constant('adjustment' as const),
    ...head,
    wallet,
    points: fc.integer({ min: -POINTS_MAX, max: POINTS_MAX }).filter((points) => points !== 0),
    reason: text(0, REASON_BYTES_MAX),
    agent: label,
    approvedBy: fc.oneof(fc.constant(''), label),
  }),
  fc.record({
    type: fc.constant('exception' as const),
    ...head,
    tier: level,
    floor: text(1, LEVEL_BYTES_MAX),
    ceiling: level,
    thresholds,
    until: head.occurredAt,
    ...decision,
  }),
  fc.record({ type: fc.constant('exception_end' as const), ...head, originalId: id, ...decision }),
  fc.record({ type: fc.constant('enrolment' as const), ...head }),
);
const logEvent: fc.Arbitrary<LogEvent> = fc.oneof(
  { weight: 5, arbitrary: memberEvent },
  { weight: 1, arbitrary: fc.constant<LogEvent>({ type: 'tick' }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('program' as const), document: fc.json() }) },
);

describe('a batch', () => {
  it('decodes to what was encoded, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(fc.array(logEvent, { maxLength: 20 }), fc.string(), (events, replyTo) => {
        const bytes = encodeBatch(events, replyTo);
        const batch = decodeBatch(bytes);
        expect(batch).toEqual({ replyTo, events });
        expect(encodeBatch(batch.events as LogEvent[], batch.replyTo)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it('says nothing of deductions, redemptions and wallets where there are none', () => {
    const plain = purchaseEvent({ deductions: { ...NO_DEDUCTIONS } });
    const bytes = encodeBatch([plain, adjustmentEvent({})]);
    expect(unpack(bytes).value).toEqual([
      '',
      [
        [0, 'p1', '42', 0, '', '', '', 100, []],
        [2, 'a1', '42', 0, 1, '', ''],
      ],
    ]);
    const [purchase] = decodeBatch(bytes).events;
    expect(purchase?.type === 'purchase' && purchase.deductions).toBe(NO_DEDUCTIONS);
  });

  it('that is none is refused as a whole', () => {
    const refused: [Uint8Array, string][] = [
      [new Uint8Array(0), 'no bytes'],
      [pack(9, ['', []]), 'batch version 9 is not known'],
      [pack(1, {}), 'a batch is [replyTo, events]'],
      [pack(1, ['', 'x']), 'a batch is [replyTo, events]'],
      [pack(1, [7, []]), 'a batch is [replyTo, events]'],
      [Uint8Array.of(1, 0x91), 'not MessagePack'],
      [Uint8Array.of(1, ...pack(1, ['', []]).subarray(1), 7), 'not MessagePack'],
    ];
    for (const [bytes, message] of refused) {
      expect(() => decodeBatch(bytes)).toThrow(WireError);
      expect(() => decodeBatch(bytes)).toThrow(message);
    }
  });

  it('of any bytes is decoded or refused, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeBatch(Uint8Array.of(1, ...bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('an event that is none', () => {
  const good: LogEvent = { type: 'enrolment', id: 'e1', memberId: '42', occurredAt: 0 };
  const goodFields = [3, 'e1', '42', 0];

  it.each([
    ['no array', 7, 'expected an event as an array'],
    ['an unknown code', [77, 'e1'], 'unknown event code'],
    ['no id', [3, '', '42', 0], 'id: expected 1 to 128 bytes of text, got 0'],
    ['an id of another type', [3, 7, '42', 0], 'id: expected text, got 7'],
    ['an instant before tills had clocks', [3, 'e1', '42', 1], 'occurredAt: expected an instant since 1980, got 1'],
    ['too few fields', [0, 'e1', '42', 0], 'store: expected text, got nothing'],
    ['half a line', [0, 'e1', '42', 0, '', '', '', 5, ['A', '', 1]], 'lines: expected a list of lines'],
    ['a sum that is none', [0, 'e1', '42', 0, '', '', '', 5, ['A', '', 1, 4]], 'amount: expected the sum of the lines'],
    ['a fraction', [2, 'e1', '42', 0, 1.5, '', ''], 'points: expected a whole number'],
    ['a program that is no text', [9, {}], 'expected a program document as text'],
    ['half a payment', [0, 'p1', '42', 0, '', '', '', 5, [], 1, 2], 'redemptionId: expected text, got nothing'],
    ['deductions past the amount', [0, 'p1', '42', 0, '', '', '', 5, [], 3, 0, 3, 0, 0, ''], 'tax: expected discount,'],
    ['a void of nothing', [4, 'v1', '42', 0, ''], 'originalId: expected 1 to 128 bytes of text, got 0'],
    ['a confirmation of nothing', [5, 'c1', '42', 0], 'originalId: expected text, got nothing'],
    ['points and an amount', [6, 'r1', '42', 0, '', '', '', 5, 5], 'points: expected either points or an amount'],
    ['no points to hold', [7, 'h1', '42', 0, '', '', '', 0, -1], 'points: expected a whole number from 1'],
    ['no points to capture', [10, 'k1', '42', 0, 'h1', 0], 'points: expected a whole number from 1'],
    ['a release of nothing', [11, 'l1', '42', 0], 'originalId: expected text'],
    ['a reversal without points', [12, 'b1', '42', 0, 'r1'], 'points: expected a whole number from 1'],
    ['a long wallet', [2, 'a1', '42', 0, 1, '', '', 'w'.repeat(33)], 'wallet: expected 0 to 32 bytes'],
  ])('%s', (_what, fields, message) => {
    const { events } = decodeBatch(pack(1, ['', [goodFields, fields, goodFields]]));
    expect(events[0]).toEqual(good);
    expect(events[2]).toEqual(good);
    const malformed = events[1] as Malformed;
    expect(malformed.type).toBe('malformed');
    expect(malformed.message).toContain(message);
    // Its bytes say all there was, for whoever looks into it.
    expect(unpack(malformed.bytes).value).toEqual(fields);
  });
});

describe('estimateBytes', () => {
  const bytesOf = (event: MemberEvent): number => encodeBatch([event]).length;

  it('is never less than an ASCII event takes, nor a third of any', () => {
    fc.assert(
      fc.property(memberEvent, (event) => {
        expect(bytesOf(event)).toBeLessThanOrEqual(3 * estimateBytes(event));
        if (
          /^[ -~]*$/.test(
            Object.values(event)
              .flatMap((value) => JSON.stringify(value))
              .join(''),
          )
        ) {
          expect(bytesOf(event)).toBeLessThanOrEqual(estimateBytes(event));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is enough for the longest texts and numbers', () => {
    const longest = 'x'.repeat(ID_BYTES_MAX);
    const ids = { id: longest, memberId: longest, occurredAt: 8_640_000_000_000_000 };
    const at = { store: longest, terminal: longest };
    const part = AMOUNT_MAX / 5;
    const deductions = { discount: part, paidWithPoints: part, tax: part, tip: part, giftCards: part };
    const spent = { ...ids, ...at, wallet: 'x'.repeat(WALLET_BYTES_MAX), points: POINTS_MAX, amount: NOT_GIVEN };
    const reason = 'x'.repeat(REASON_BYTES_MAX);
    const level = 'x'.repeat(LEVEL_BYTES_MAX);
    const thresholds = Array.from({ length: THRESHOLDS_MAX }, () => ({ level, from: AMOUNT_MAX }));
    const terms = { tier: level, floor: level, ceiling: level, thresholds };
    const events: MemberEvent[] = [
      purchaseEvent({ ...ids, ...at, currency: 'USD', amount: AMOUNT_MAX, deductions, redemptionId: longest }),
      { type: 'redemption', ...spent },
      { type: 'capture', ...ids, originalId: longest, points: POINTS_MAX },
      adjustmentEvent({
        ...ids,
        wallet: spent.wallet,
        points: -POINTS_MAX,
        reason,
        agent: longest,
        approvedBy: longest,
      }),
      { type: 'exception', ...ids, ...terms, until: ids.occurredAt, reason, agent: longest },
      { type: 'exception_end', ...ids, originalId: longest, reason, agent: longest },
    ];
    for (const event of events)
      expect([event.type, bytesOf(event) <= estimateBytes(event)]).toEqual([event.type, true]);
  });

  it('keeps a batch of the largest events within what the broker takes', () => {
    const wide = '\u{1f600}'.repeat(ID_BYTES_MAX / 4);
    const largest: MemberEvent = {
      type: 'purchase',
      id: wide,
      memberId: wide,
      occurredAt: 8_640_000_000_000_000,
      store: wide,
      terminal: wide,
      currency: 'USD',
      amount: LINES_PER_EVENT_MAX,
      lines: Array.from({ length: LINES_PER_EVENT_MAX }, () => {
        return { sku: wide, category: wide, quantity: QUANTITY_MAX, amount: 1 };
      }),
      deductions: { ...NO_DEDUCTIONS, tax: LINES_PER_EVENT_MAX },
      redemptionId: wide,
    };
    const batch: MemberEvent[] = [];
    let estimate = 0;
    // As the batcher does: an event joins while the batch is not yet full.
    while (estimate < BATCH_BYTES_MAX) {
      batch.push(largest);
      estimate += estimateBytes(largest);
    }
    expect(encodeBatch(batch).length).toBeLessThan(NATS_PAYLOAD_BYTES_MAX);
  });
});
