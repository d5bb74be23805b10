/** Random small histories, of the kinds that real data rarely has: the engine's fold and the bookkeeper agree event by event. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Oracle } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { LATE_DAYS } from '../../src/limits.ts';
import type { Outcome } from '../../src/scoring/outcome.ts';
import { agreeOn, engineSays, oracleSays } from './agreement.ts';
import { Fold } from './fold.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2010, 9, 20, 11, 30);

const program = fc
  .record({
    timezone: fc.constantFrom('Europe/London', 'America/New_York', 'America/Sao_Paulo', 'Asia/Kathmandu', 'UTC'),
    // Three digits, two and none.
    currency: fc.constantFrom('KWD', 'USD', 'JPY'),
    enrolment: fc.constantFrom('implicit', 'implicit', 'implicit', 'required'),
    points: fc.integer({ min: 1, max: 12 }),
    per: fc.constantFrom(1, 2, 3, 7, 10),
    rounding: fc.constantFrom('floor', 'nearest', 'ceil'),
    window: fc.oneof(
      fc.constant('calendar-year'),
      fc.constantFrom(1, 7, 30, 365).map((days) => `{ days: ${days} }`),
      fc.constantFrom(1, 2, 12).map((months) => `{ months: ${months} }`),
    ),
    multipliers: fc.array(fc.constantFrom(1, 1.1, 1.25, 1.333, 1.5, 2, 3), { minLength: 3, maxLength: 3 }),
    firstFrom: fc.constantFrom(0, 0, 1, 20),
    hasTiers: fc.constantFrom(true, true, true, false),
    unmatched: fc.constantFrom('ignore', 'deduct', 'refuse'),
    matchDays: fc.constantFrom(1, 10, 60, 365),
    expiry: fc.oneof(
      { weight: 1, arbitrary: fc.constant('') },
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              'days: 0',
              'days: 1',
              'days: 20',
              'days: 90',
              'months: 0',
              'months: 1',
              'months: 5',
              'years: 1',
            ),
            fc.constantFrom('day', 'month', 'quarter', 'year'),
            fc.constantFrom('none', 'activity'),
          )
          .map(([after, through, renew]) => `expiry: { after: { ${after} }, through: ${through}, renew: ${renew} }`),
      },
      {
        weight: 1,
        arbitrary: fc
          .subarray(['01-01', '02-28', '02-29', '03-31', '06-30', '10-31', '12-31'], { minLength: 1 })
          .map((dates) => `expiry: { on: [${dates.join(', ')}] }`),
      },
    ),
  })
  .map((it) => {
    const [first = 1, second = 1, third = 1] = it.multipliers;
    const tiers = `
tiers:
  id: main
  window: ${it.window}
  levels:
    - { id: bronze, from: ${it.firstFrom}, multiplier: ${first} }
    - { id: silver, from: ${it.firstFrom + 30}, multiplier: ${second} }
    - { id: gold, from: ${it.firstFrom + 75}, multiplier: ${third} }`;
    return {
      minorUnits: { KWD: 1000, USD: 100, JPY: 1 }[it.currency] ?? 1,
      text: `
program: generated
version: 1
timezone: ${it.timezone}
currency: ${it.currency}
enrolment: ${it.enrolment}
earn: { id: spend, points: ${it.points}, per: ${it.per}, rounding: ${it.rounding} }
returns: { unmatched: ${it.unmatched}, matchDays: ${it.matchDays} }
${it.expiry}
${it.hasTiers ? tiers : ''}`,
    };
  });

// Few SKUs, so that lines, purchases and returns meet; amounts that no quantity divides.
const sku = fc.constantFrom('a', 'b', 'c');
const quantity = fc.integer({ min: 1, max: 4 });
/** Of 40 units of the currency, in thousandths of them. */
const share = fc.integer({ min: 0, max: 1000 });

const line = fc.record({ sku, quantity, share });
const returnLine = fc.record({ sku, quantity, refund: fc.option(share) });
const which = fc.nat(1_000_000);

/** One thing that happens, with purchases named by their place in the history so far. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('purchase'), lines: fc.array(line, { maxLength: 4 }), share }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('return'),
      kind: fc.constantFrom('whole', 'amount', 'goods', 'refund', 'lines', 'unnamed', 'unnamed', 'unnamed amount'),
      which,
      lines: fc.array(returnLine, { minLength: 1, maxLength: 3 }),
      share,
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('resend'), which, isChanged: fc.constantFrom(false, true) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('adjustment'), points: fc.integer({ min: -80, max: 80 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('enrolment') }) },
);

const history = fc.array(
  fc.record({
    step,
    memberId: fc.constantFrom('m', 'm', 'm', 'n'),
    gapMs: fc.oneof(
      fc.nat(3 * 60).map((minutes) => minutes * MINUTE_MS),
      fc.nat(60).map((days) => days * DAY_MS),
    ),
    // As late as the engine promises to look back.
    /** A tick before the event, somewhere in the gap. */
    tick: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    lateMs: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(90 * 24 * 60).map((minutes) => minutes * MINUTE_MS) },
    ),
  }),
  { minLength: 1, maxLength: 70, size: 'max' },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Turns a step into an event; undefined where there is nothing yet to return or resend. */
function eventOf(
  it: Step,
  id: string,
  memberId: string,
  at: number,
  unit: number,
  sent: readonly PublicEvent[],
): PublicEvent | undefined {
  const head = { id, memberId, occurredAt: new Date(at).toISOString() };
  const money = (thousandths: number): number => Math.floor((40 * unit * thousandths) / 1000);
  switch (it.type) {
    case 'purchase': {
      const lines = it.lines.map(({ sku, quantity, share }) => ({ sku, quantity, amount: money(share) }));
      return { ...head, type: 'purchase', ...(lines.length > 0 ? { lines } : { amount: money(it.share) }) };
    }
    case 'return': {
      const returnLines = it.lines.map(({ sku, quantity, refund }) => ({
        sku,
        quantity,
        ...(refund === null ? {} : { amount: money(refund) }),
      }));
      if (it.kind === 'unnamed') return { ...head, type: 'return', lines: returnLines };
      if (it.kind === 'unnamed amount') return { ...head, type: 'return', amount: money(it.share) };
      const mine = sent.filter((event) => event.memberId === memberId);
      const original = mine[it.which % mine.length];
      if (original === undefined) return { ...head, type: 'return', originalId: 'nobody' };
      const named = { ...head, type: 'return', originalId: original.id } as const;
      const first = 'lines' in original ? original.lines?.[it.which % original.lines.length] : undefined;
      if (it.kind === 'amount') return { ...named, amount: Math.floor(money(it.share) / 4) };
      if (it.kind === 'lines') return { ...named, lines: returnLines };
      if (it.kind === 'whole' || first === undefined) return named;
      // Mostly goods that are there, for what they cost or less.
      const quantity = 1 + (it.which % first.quantity);
      const refund = Math.floor(((first.amount ?? 0) * it.share) / 1000);
      if (it.kind === 'goods') return { ...named, lines: [{ sku: first.sku, quantity }] };
      return { ...named, lines: [{ sku: first.sku, quantity, amount: refund }] };
    }
    case 'resend': {
      const original = sent[it.which % sent.length];
      if (original === undefined || !it.isChanged) return original;
      return { ...original, occurredAt: new Date(Date.parse(original.occurredAt ?? '') + 1).toISOString() };
    }
    case 'adjustment':
      return it.points === 0 ? undefined : { ...head, type: 'adjustment', points: it.points };
    case 'enrolment':
      return { ...head, type: 'enrolment' };
  }
}

function kindsOf({ code, entry, before, after }: Outcome): string[] {
  const isReturn = code === 'scored' && (entry?.kind === 'reversal' || entry?.kind === 'void');
  const takes = isReturn ? entry.parts.flatMap((part) => part.takes) : [];
  return [
    ...before.map(({ kind }) => `${kind} before`),
    ...after.map(({ kind }) => `${kind} at once`),
    ...(takes.some(({ expired }) => expired > 0) ? ['returned after it expired'] : []),
  ];
}

it('the fold agrees with the bookkeeper, event by event', { timeout: 120_000 }, () => {
  const codes = new Map<string, number>();
  fc.assert(
    fc.property(program, history, fc.nat(800), fc.boolean(), ({ text, minorUnits }, steps, afterDays, isCold) => {
      const fold = new Fold(text, isCold);
      const oracle = new Oracle(text);
      const sent: PublicEvent[] = [];
      const scored = new Set<string>();
      let now = START_MS;
      for (const [index, { step, memberId, gapMs, lateMs, tick }] of steps.entries()) {
        if (tick !== null) for (const one of [fold, oracle]) one.tick(now + Math.floor(gapMs * tick));
        now += gapMs;
        const event = eventOf(step, `e${index}`, memberId, now - lateMs, minorUnits, sent);
        if (event === undefined) continue;
        // What was refused counts when it is sent again, and may by then be later than the engine looks back.
        const isTooLate = now - Date.parse(event.occurredAt ?? '') > LATE_DAYS * DAY_MS;
        if (isTooLate && !scored.has(event.id)) continue;
        const outcome = agreeOn(fold, oracle, event, now);
        const { code } = outcome;
        if (code === 'scored') scored.add(event.id);
        for (const kind of [code, ...kindsOf(outcome)]) codes.set(kind, (codes.get(kind) ?? 0) + 1);
        if (step.type !== 'resend') sent.push(event);
      }
      for (const memberId of ['m', 'n']) {
        const later = now + afterDays * DAY_MS;
        expect(engineSays(fold, memberId, later), 'later').toEqual(oracleSays(oracle, memberId, later));
      }
    }),
    // Shrinking a long history takes minutes; what there is by then is short enough to read.
    { numRuns: Number(process.env['FC_RUNS'] ?? 400), interruptAfterTimeLimit: 90_000 },
  );
  // A generator that no longer reaches a kind of outcome would agree on nothing.
  for (const code of [
    'scored',
    'duplicate',
    'duplicate_with_different_content',
    'member_not_enrolled',
    'already_enrolled',
    'original_not_found',
    'original_not_a_purchase',
    'original_without_lines',
    'line_not_in_original',
    'return_exceeds_original',
    'nothing_to_match',
    'expiration before',
    'expiration at once',
    'returned after it expired',
  ]) {
    expect(codes.get(code) ?? 0, code).toBeGreaterThan(0);
  }
});

/** Histories that were found above and had shown a mistake, made readable. Days are of 2011; `late` ones arrive on `now`. */
const FOUND: Readonly<
  Record<string, { window?: string; unmatched?: string; events: readonly PublicEvent[]; now?: string }>
> = {
  'a late purchase of last year meets the whole of last year': {
    window: 'calendar-year',
    now: '2012-01-20',
    events: [
      bought('spring', '2011-03-01', ['a', 1, 40_00]),
      bought('january', '2012-01-05', ['a', 1, 1_00]),
      bought('late', '2011-12-20', ['a', 1, 10_00]),
    ],
  },
  'goods that came back for less leave no money for others to take': {
    events: [
      bought('p', '2011-03-01', ['a', 1, 40_00], ['a', 1, 5_00]),
      returned('r1', '2011-03-02', { originalId: 'p', lines: [{ sku: 'a', quantity: 1, amount: 10_00 }] }),
      returned('r2', '2011-03-03', { lines: [{ sku: 'a', quantity: 1 }] }),
    ],
  },
  'what a late return takes back does not decide what its unmatched goods cost': {
    unmatched: 'deduct',
    now: '2011-03-05',
    events: [
      bought('p', '2011-03-01', ['a', 1, 40_00]),
      bought('q', '2011-03-04', ['b', 1, 1_00]),
      returned('late', '2011-03-02', { lines: [{ sku: 'a', quantity: 2, amount: 20_00 }] }),
    ],
  },
  'a return reaches back over sealed chunks for its last piece': {
    events: [
      bought('first', '2011-03-01', ['a', 1, 10_00]),
      ...Array.from({ length: 35 }, (_, index) => bought(`b${index}`, '2011-03-02', ['b', 1, 10])),
      bought('second', '2011-03-03', ['a', 1, 20_00]),
      ...Array.from({ length: 35 }, (_, index) => bought(`c${index}`, '2011-03-04', ['b', 1, 10])),
      returned('r', '2011-03-05', { lines: [{ sku: 'a', quantity: 2 }] }),
    ],
  },
};

function bought(
  id: string,
  day: string,
  ...goods: readonly [sku: string, quantity: number, amount: number][]
): PublicEvent {
  const lines = goods.map(([sku, quantity, amount]) => ({ sku, quantity, amount }));
  return { id, memberId: 'm', occurredAt: `${day}T12:00:00Z`, type: 'purchase', lines };
}

function returned(id: string, day: string, what: Partial<Extract<PublicEvent, { type: 'return' }>>): PublicEvent {
  return { id, memberId: 'm', occurredAt: `${day}T12:00:00Z`, type: 'return', ...what };
}

it.each(Object.entries(FOUND))(
  'found before: %s',
  (_, { window = '{ days: 30 }', unmatched = 'ignore', events, now }) => {
    const text = `
program: found
version: 1
timezone: UTC
currency: USD
earn: { id: spend, points: 1, per: 1 }
tiers:
  id: main
  window: ${window}
  levels:
    - { id: bronze, from: 0 }
    - { id: silver, from: 30, multiplier: 2 }
returns: { unmatched: ${unmatched} }`;
    const fold = new Fold(text, true);
    const oracle = new Oracle(text);
    for (const event of events) {
      const at = Date.parse(event.occurredAt ?? '');
      const receivedMs = event.id === 'late' ? Date.parse(now ?? '') : at;
      expect(agreeOn(fold, oracle, event, receivedMs).code).toBe('scored');
    }
  },
);
