/** Generated programs with counters and tier sets of every kind, and histories in which stores and categories differ. */
import fc from 'fast-check';
import type { Program } from '../../src/program/program.ts';
import { histories, type Size, type Step } from './generator.ts';
import { programOf } from './harness.ts';

type Json = Readonly<Record<string, unknown>>;

const CALENDARS = ['calendar-month', 'calendar-quarter', 'calendar-half-year', 'calendar-year'] as const;

const rolling = fc.oneof(fc.record({ days: fc.constantFrom(1, 7, 90) }), fc.record({ months: fc.constantFrom(1, 3) }));
const calendar = fc.constantFrom(...CALENDARS);
const fixed = fc.constantFrom(
  { from: '2026-03-25', through: '2026-05-10' },
  { from: '2011-12-01', through: '2012-02-29' },
  { from: '2006-10-01', through: '2007-01-15' },
);
const measures = ['spend', 'transactions', 'visits', 'points', 'categories', 'activity'] as const;
const MONEY = { spend: 100, points: 100, transactions: 3, visits: 3, categories: 2, activity: 3 };

/** Counters whose numbers a scan of the ledger can tell; of visits that are folded it cannot after a late return. */
export const counters: fc.Arbitrary<Json[]> = fc
  .array(
    fc
      .record({
        of: fc.constantFrom(...measures),
        window: fc.oneof(rolling, calendar, fixed, fc.constant('lifetime')),
      })
      .filter(({ of, window }) => !(of === 'visits' && window === 'lifetime')),
    { minLength: 1, maxLength: 5 },
  )
  .map((list) => list.map((counter, index) => ({ id: `c${index}`, ...counter })));

const span = fc.oneof(fc.record({ days: fc.constantFrom(1, 30) }), fc.record({ months: fc.constantFrom(1, 2) }));
const grace = fc.option(
  fc.oneof(
    fc.record({ days: fc.constantFrom(1, 10) }),
    fc.record({ months: fc.constant(1), through: fc.constantFrom('month', 'quarter') }),
  ),
  { nil: undefined },
);
const plus = fc.option(fc.constantFrom({ days: 7 }, { months: 1 }), { nil: undefined });

/** How levels begin and end: as long as they qualify, for a span, or by periods. */
const rules = (hasPeriod: boolean): fc.Arbitrary<Json> => {
  const down = fc.constantFrom('to-qualified', 'one-level');
  const ways: fc.Arbitrary<Json>[] = [
    fc.record({ grace }),
    fc.constant({ downgrade: 'none' }),
    fc.record({ grace: grace.filter((some) => some !== undefined), downgrade: down }),
    fc.record({ lasts: fc.record({ for: span }), grace, downgrade: down }),
  ];
  if (hasPeriod) {
    ways.push(
      fc.record({
        lasts: fc.record({ until: fc.constantFrom('period-end', 'next-period-end'), plus }),
        grace,
        downgrade: down,
      }),
      fc.record({
        starts: fc.constant('next-period'),
        lasts: fc.record({ until: fc.constant('next-period-end'), plus }),
      }),
    );
  }
  return fc.oneof(...ways);
};

const levelsOf = (size: number, entry: boolean): fc.Arbitrary<Json[]> =>
  fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }).map((steps) =>
    steps
      .sort((left, right) => left - right)
      .map((step, index) => ({
        id: `l${index}`,
        from: step * size,
        ...(entry ? { entry: { points: 10 + index } } : {}),
      })),
  );

interface SetOptions {
  readonly balance: boolean;
  readonly entry: boolean;
}

function setOf(id: string, list: readonly Json[], { balance, entry }: SetOptions): fc.Arbitrary<Json> {
  const counter = fc.constantFrom(...list).chain((chosen) => {
    const of = chosen['of'] as keyof typeof MONEY;
    return fc
      .record({
        levels: levelsOf(MONEY[of], entry),
        rest: rules(typeof chosen['window'] === 'string' && chosen['window'] !== 'lifetime'),
      })
      .map(({ levels, rest }) => ({ id, counter: chosen['id'], levels, ...rest }));
  });
  const points = fc
    .record({ levels: levelsOf(100, false), rest: rules(true) })
    .map(({ levels, rest }) => ({ id, balance: 'points', period: 'calendar-month', levels, ...rest }));
  const conditions = fc
    .record({ needs: fc.constantFrom('all', 'any'), rest: rules(true), sizes: fc.constantFrom([1, 2], [1, 1], [1, 3]) })
    .map(({ needs, rest, sizes }) => ({
      id,
      period: 'calendar-quarter',
      levels: sizes.map((size, index) => ({
        id: `l${index}`,
        when: {
          [needs]: list.map((one) => ({ counter: one['id'], from: size * MONEY[one['of'] as keyof typeof MONEY] })),
        },
      })),
      ...rest,
    }));
  return fc.oneof(counter, conditions, ...(balance ? [points] : []));
}

/** Versions 1, 2, ... of one program; sets are named alike in all of them, and may be missing. */
export function tierPrograms(
  count: number,
  options: SetOptions = { balance: true, entry: true },
): fc.Arbitrary<Program[]> {
  const version = counters.chain((list) =>
    fc.record({
      counters: fc.constant(list),
      tiers: fc
        .tuple(setOf('main', list, options), setOf('other', list, options))
        .chain((sets) => fc.constantFrom(sets, sets.slice(0, 1))),
      expiry: options.balance
        ? fc.constantFrom(undefined, { after: { days: 10 } }, { after: { months: 1 }, through: 'month' })
        : fc.constant(undefined),
    }),
  );
  return fc
    .record({
      timezone: fc.constantFrom('UTC', 'America/Sao_Paulo', 'Pacific/Apia'),
      versions: fc.array(version, { minLength: count, maxLength: count }),
    })
    .map(({ timezone, versions }) =>
      versions.map((rest, index) => printable({ ...rest, timezone, version: index + 1 })),
    );
}

function printable(document: Json): Program {
  const plain = JSON.parse(JSON.stringify(document)) as Json;
  return Object.assign(programOf(plain), { [fc.toStringMethod]: () => JSON.stringify(plain) });
}

/** As `levelsOf` names them. */
export const LEVELS = ['l0', 'l1', 'l2'];

/** Over a few stores and categories. */
export function visits(size: Size, from = 'e'): fc.Arbitrary<Step[]> {
  return histories(size, from).map((steps) =>
    steps.map((step, index) => {
      const { event } = step;
      if (event.type !== 'purchase') return step;
      const lines = event.lines.map((line, at) => ({
        ...line,
        category: ['', 'tea', 'food', 'toys'][(index + at) % 4] ?? '',
      }));
      // A resend is the same event again, and finds itself changed alike.
      return {
        ...step,
        event: { ...event, store: `s${event.amount % 3}`, lines: step.event === event ? lines : event.lines },
      };
    }),
  );
}
