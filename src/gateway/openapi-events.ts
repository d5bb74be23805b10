/** The part of the OpenAPI document that says what an event is. Limits come from limits.ts; a test compares it with the parser. */
import {
  AMOUNT_MAX,
  LEVEL_BYTES_MAX,
  LINES_PER_EVENT_MAX,
  POINTS_MAX,
  QUANTITY_MAX,
  REASON_BYTES_MAX,
  THRESHOLDS_MAX,
  WALLET_BYTES_MAX,
} from '../limits.ts';
import { id, instant, type Json, label, list, object } from './openapi-parts.ts';

const head = {
  id: { ...id, description: 'Chosen by the sender and the same in every resend: that makes a resend harmless.' },
  memberId: id,
  occurredAt: { ...instant, description: 'When it happened at the till, RFC 3339; absent: when it was received.' },
};
const place = { store: label, terminal: label };
const sale = { ...head, ...place, currency: { type: 'string', pattern: '^([A-Z]{3})?$' } };
const money = { type: 'integer', minimum: 0, maximum: AMOUNT_MAX, description: 'Minor units, such as cents.' };
const quantity = { type: 'integer', minimum: 1, maximum: QUANTITY_MAX };
const points = { type: 'integer', minimum: 1, maximum: POINTS_MAX };
const level = { type: 'string', maxLength: LEVEL_BYTES_MAX };
const decision = {
  reason: { type: 'string', minLength: 1, maxLength: REASON_BYTES_MAX },
  agent: { ...label, minLength: 1, description: 'Who decided it.' },
};
const wallet = { type: 'string', maxLength: WALLET_BYTES_MAX, description: "Absent: the program's first." };

/** An event about another one. `more`: what it may say beside. */
function about(original: string, type: string, description: string, more: Json = {}): Json {
  const originalId = { ...id, description: `The id of the ${original}.` };
  const properties = { type: { const: type }, ...head, originalId, ...more };
  return object(properties, ['occurredAt', ...Object.keys(more)], { description });
}

function spend(type: string, description: string): Json {
  const amount = {
    ...money,
    minimum: 1,
    description: "Minor units to pay at the wallet's rate, rounded up to a point.",
  };
  const how = { ...place, wallet, points, amount };
  const properties = { type: { const: type }, ...head, ...how };
  const oneOf = [{ required: ['points'] }, { required: ['amount'] }];
  return object(properties, ['occurredAt', ...Object.keys(how)], { description, oneOf });
}

const deductions = {
  discount: { ...money, description: 'Coupons and basket discounts.' },
  paidWithPoints: { ...money, description: 'What was paid with points.' },
  tax: money,
  tip: money,
  giftCards: { ...money, description: 'Gift cards bought.' },
};

const schemas = {
  Purchase: object(
    {
      type: { const: 'purchase' },
      ...sale,
      amount: { ...money, description: 'Total in minor units; with lines, their sum.' },
      lines: list(object({ sku: id, category: label, quantity, amount: money }, ['category']), {
        maxItems: LINES_PER_EVENT_MAX,
        description: "`amount` is the line's total, not the price of one.",
      }),
      ...deductions,
      redemptionId: {
        ...id,
        minLength: 0,
        description: 'The redemption that paid a part; its points come back with the goods.',
      },
    },
    ['occurredAt', ...Object.keys(place), 'currency', 'amount', 'lines', ...Object.keys(deductions), 'redemptionId'],
    {
      description:
        '`discount`, `paidWithPoints`, `tax`, `tip` and `giftCards` are parts of the amount, together at most all of it.',
    },
  ),
  Return: object(
    {
      type: { const: 'return' },
      ...sale,
      originalId: { ...id, minLength: 0, description: 'The id of the purchase.' },
      amount: { ...money, description: 'Refund, where no lines are given; absent: the whole purchase.' },
      lines: list(object({ sku: id, quantity, amount: money }, ['amount']), { maxItems: LINES_PER_EVENT_MAX }),
    },
    ['occurredAt', 'store', 'terminal', 'currency', 'originalId', 'amount', 'lines'],
  ),
  Void: about('purchase', 'void', 'Cancels a purchase that is not settled.'),
  Confirmation: about('purchase', 'confirmation', 'Makes the pending points of a purchase available.'),
  Redemption: spend('redemption', 'Spends points at once.'),
  Authorisation: spend('authorisation', 'Holds points until they are captured, released or its time runs out.'),
  Capture: about('authorisation', 'capture', 'Spends points that are held and releases the rest of them.', {
    points: { ...points, description: 'Absent: all that is held.' },
  }),
  Release: about('authorisation', 'release', 'Gives back points that are held.'),
  Reversal: about('redemption or the capture', 'reversal', 'Gives back spent points, with the expiry they had.', {
    points: { ...points, description: 'Absent: all that has not come back.' },
  }),
  Adjustment: object(
    {
      type: { const: 'adjustment' },
      ...head,
      wallet,
      points: { type: 'integer', minimum: -POINTS_MAX, maximum: POINTS_MAX, not: { const: 0 } },
      reason: { type: 'string', maxLength: REASON_BYTES_MAX },
      agent: { ...label, description: 'Who made it; absent for a system.' },
      approvedBy: { ...label, description: 'A second agent, where the program asks for one.' },
    },
    ['occurredAt', 'wallet', 'reason', 'agent', 'approvedBy'],
  ),
  Exception: object(
    {
      type: { const: 'exception' },
      ...head,
      tier: { ...level, description: "The tier set; absent: the program's first." },
      floor: { ...level, description: 'At least this level.' },
      ceiling: { ...level, description: 'At most this level.' },
      thresholds: {
        type: 'object',
        maxProperties: THRESHOLDS_MAX,
        propertyNames: { minLength: 1, maxLength: LEVEL_BYTES_MAX },
        additionalProperties: { ...money, description: 'Minor units where spend is counted.' },
        description: 'By level, what it takes instead of what the program says.',
      },
      until: { ...instant, description: 'When it is over; absent: it is for good.' },
      ...decision,
    },
    ['occurredAt', 'tier', 'floor', 'ceiling', 'thresholds', 'until'],
    {
      description: 'A floor, a ceiling or thresholds of its own for one member; at least one of them.',
      anyOf: [
        { properties: { floor: { minLength: 1 } }, required: ['floor'] },
        { properties: { ceiling: { minLength: 1 } }, required: ['ceiling'] },
        { properties: { thresholds: { minProperties: 1 } }, required: ['thresholds'] },
      ],
    },
  ),
  ExceptionEnd: object(
    {
      type: { const: 'exception_end' },
      ...head,
      originalId: { ...id, description: 'The id of the exception.' },
      ...decision,
    },
    ['occurredAt'],
    { description: 'Ends an exception before its time.' },
  ),
  Enrolment: object({ type: { const: 'enrolment' }, ...head }, ['occurredAt']),
} satisfies Record<string, Json>;

/** A type of event is its schema's name in small letters: `ExceptionEnd` is of `exception_end`. */
const references = Object.keys(schemas).map(
  (name) => [name.replaceAll(/\B[A-Z]/g, '_$&').toLowerCase(), `#/components/schemas/${name}`] as const,
);

export const eventSchemas = {
  ...schemas,
  Event: {
    oneOf: references.map(([, $ref]) => ({ $ref })),
    discriminator: { propertyName: 'type', mapping: Object.fromEntries(references) },
  },
};
