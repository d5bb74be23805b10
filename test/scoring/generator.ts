/** Generated programs and member histories, built so that they shrink to something a person can read. */
import fc from 'fast-check';
import type { Program } from '../../src/program/program.ts';
import {
  type ExceptionEvent,
  type MemberEvent,
  NOT_GIVEN,
  type Purchase,
  type PurchaseLine,
  type ReturnLine,
} from '../../src/scoring/event.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';
import { programOf } from './harness.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** An event as the log has it, and a moment between this event and the one before at which a tick may have come. */
export interface Step {
  readonly event: MemberEvent;
  readonly now: number;
  readonly tickAt: number;
}

const SKUS = ['A', 'B', 'C'];
const ZONES = [
  'UTC',
  'Europe/London',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
];

const window = fc.oneof(
  fc.record({ days: fc.constantFrom(1, 2, 30, 365) }),
  fc.record({ months: fc.constantFrom(1, 2, 12) }),
  fc.constant('calendar-year'),
);

const levels = fc
  .record({
    base: fc.boolean(),
    from: fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
    multipliers: fc.array(fc.constantFrom(1, 1.1, 1.5, 2), { minLength: 5, maxLength: 5 }),
  })
  .map(({ base, from, multipliers }) =>
    [...(base ? [0] : []), ...from.sort((left, right) => left - right)].map((threshold, index) => ({
      id: `level-${index}`,
      from: threshold,
      multiplier: multipliers[index] as number,
    })),
  );

const period = fc.oneof(
  fc.record({ days: fc.constantFrom(0, 1, 30, 90) }),
  fc.record({ months: fc.constantFrom(0, 1, 12) }),
  fc.record({ years: fc.constantFrom(0, 1) }),
);
const through = fc.constantFrom('day', 'month', 'quarter', 'year');

const EXPIRIES = {
  none: fc.constant(undefined),
  /** Points keep the last day they were given. */
  lasting: fc.oneof(
    fc.constant(undefined),
    fc.record({ after: period, through }),
    fc.record({
      on: fc.subarray(['01-01', '02-28', '02-29', '03-31', '06-30', '10-31', '12-31'], { minLength: 1 }),
    }),
  ),
  renewed: fc.record({ after: period, through, renew: fc.constant('activity') }),
};

const redeem = fc.record(
  {
    points: fc.constantFrom(1, 3, 100),
    worth: fc.constantFrom(0.01, 1),
    minimum: fc.constantFrom(1, 20),
    step: fc.constantFrom(1, 5),
    holdMinutes: fc.constantFrom(1, 600, 43_200),
  },
  { requiredKeys: ['points', 'worth', 'minimum', 'step', 'holdMinutes'] },
);

/** What a wallet adds to points that are there at once, for ever, and for nothing. */
const wallet = fc.record({
  pending: fc.option(
    fc.oneof(
      fc.record({ days: fc.constantFrom(1, 14, 60) }),
      fc.record({ months: fc.constantFrom(1, 3) }),
      fc.record({ on: fc.subarray(['01-01', '02-29', '07-01'], { minLength: 1 }) }),
      fc.constant({ until: 'confirmed' }),
    ),
    { nil: undefined },
  ),
  returns: fc.constantFrom('unlimited', 'within-balance', 'only-pending'),
  spend: fc.constantFrom('soonest', 'newest'),
  redeem,
  automaticAt: fc.option(fc.constantFrom(50, 500), { nil: undefined }),
});

export interface ProgramOptions {
  /** Levels multiply points. */
  readonly multipliers: boolean;
  readonly unmatched: readonly ('ignore' | 'deduct' | 'refuse')[];
  /** Any, unless said. */
  readonly expiry?: 'none' | 'lasting';
  /** What wallets do: anything, unless said; `unlimited` lets returns go into debt, and redeems nothing by itself. */
  readonly wallets?: 'unlimited';
}

/** Versions 1, 2, ... of one program. */
export function programs(count: number, options: ProgramOptions): fc.Arbitrary<Program[]> {
  const version = fc.record({
    earn: fc.record({
      id: fc.constant('base'),
      points: fc.integer({ min: 1, max: 5 }),
      per: fc.constantFrom(0.03, 1, 7),
      rounding: fc.constantFrom('floor', 'nearest', 'ceil'),
    }),
    tiers: fc.record({ id: fc.constant('main'), window, levels }),
    expiry: options.expiry === undefined ? fc.oneof(EXPIRIES.lasting, EXPIRIES.renewed) : EXPIRIES[options.expiry],
    returns: fc.record({
      unmatched: fc.constantFrom(...options.unmatched),
      matchDays: fc.constantFrom(1, 30, 365),
      back: fc.constantFrom('earned', 'proportional'),
    }),
    // Every other program is written as before there were wallets.
    wallet: fc.option(wallet, { nil: undefined }),
  });
  return fc
    .record({
      timezone: fc.constantFrom(...ZONES),
      versions: fc.array(version, { minLength: count, maxLength: count }),
    })
    .map(({ timezone, versions }) =>
      versions.map(({ tiers, expiry, wallet, ...rest }, index) =>
        printable({
          ...rest,
          ...walletsOf(wallet, expiry, options.wallets),
          timezone,
          version: index + 1,
          tiers: options.multipliers
            ? tiers
            : { ...tiers, levels: tiers.levels.map((level) => ({ ...level, multiplier: 1 })) },
        }),
      ),
    );
}

type Wallet = typeof wallet extends fc.Arbitrary<infer W> ? W : never;

function walletsOf(wallet: Wallet | undefined, expiry: unknown, limited: ProgramOptions['wallets']): object {
  const expires = expiry === undefined ? {} : { expiry };
  if (wallet === undefined) return expires;
  const { pending, returns, spend, redeem, automaticAt } = wallet;
  const automatic = automaticAt === undefined || limited !== undefined ? {} : { automaticAt };
  const waits = pending === undefined ? {} : { pending };
  const policy = limited ?? returns;
  return {
    wallets: [{ id: 'points', spend, returns: policy, redeem: { ...redeem, ...automatic }, ...waits, ...expires }],
  };
}

/** A failure shows the document instead of the compiled program's closures. */
function printable(document: Readonly<Record<string, unknown>>): Program {
  return Object.assign(programOf(document), { [fc.toStringMethod]: () => JSON.stringify(document) });
}

const gap = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 * DAY_MS }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: HOUR_MS }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 400 * DAY_MS }) },
);
/** Runs of every property, in units of the usual number: `FUZZ_TIMES=50 npx vitest run test/scoring`. */
export const FUZZ_TIMES = Number(process.env['FUZZ_TIMES'] ?? 1);

/** How long before the log received it an event occurred; undefined: it did not say. */
const lag = fc.option(
  fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: -5 * 60_000, max: HOUR_MS }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 * DAY_MS }) },
  ),
  { nil: undefined },
);

const purchaseLine: fc.Arbitrary<PurchaseLine> = fc.record({
  sku: fc.constantFrom(...SKUS),
  category: fc.constantFrom('', 'tea'),
  quantity: fc.integer({ min: 1, max: 4 }),
  amount: fc.integer({ min: 0, max: 9_000 }),
});
const returnLine: fc.Arbitrary<ReturnLine> = fc.record({
  sku: fc.constantFrom(...SKUS),
  quantity: fc.integer({ min: 1, max: 3 }),
  amount: fc.oneof(fc.constant(NOT_GIVEN), fc.integer({ min: 0, max: 5_000 })),
});

/** How a purchase comes back. */
const returned = fc.oneof(
  fc.constant({ amount: NOT_GIVEN, lines: [] as ReturnLine[] }),
  fc.record({ amount: fc.integer({ min: 0, max: 9_000 }), lines: fc.constant<ReturnLine[]>([]) }),
  fc.record({
    amount: fc.constant(NOT_GIVEN),
    lines: fc.array(returnLine, { minLength: 1, maxLength: 3 }),
  }),
);

type Op =
  | { readonly op: 'purchase'; readonly amount: number; readonly lines: readonly PurchaseLine[] }
  | { readonly op: 'return'; readonly of: number; readonly what: { amount: number; lines: ReturnLine[] } }
  | { readonly op: 'unnamed'; readonly what: { amount: number; lines: ReturnLine[] } }
  | { readonly op: 'adjust'; readonly points: number }
  | { readonly op: 'enrol' }
  | { readonly op: 'redeem' | 'hold'; readonly points: number }
  | { readonly op: 'capture' | 'reverse'; readonly of: number; readonly points: number }
  | { readonly op: 'release' | 'void' | 'confirm'; readonly of: number }
  | ({ readonly op: 'exception'; readonly lastsMs: number | undefined } & Pick<
      ExceptionEvent,
      'floor' | 'ceiling' | 'thresholds' | 'tier'
    >)
  | { readonly op: 'end'; readonly of: number }
  | { readonly op: 'resend'; readonly of: number };

const index = fc.nat({ max: 1_000 });

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('purchase' as const),
      amount: fc.integer({ min: 0, max: 20_000 }),
      lines: fc.array(purchaseLine, { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('return' as const), of: index, what: returned }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('unnamed' as const),
      what: fc.oneof(
        fc.record({
          amount: fc.constant(NOT_GIVEN),
          lines: fc.array(returnLine, { minLength: 1, maxLength: 3 }),
        }),
        fc.record({ amount: fc.integer({ min: 0, max: 9_000 }), lines: fc.constant<ReturnLine[]>([]) }),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('adjust' as const),
      points: fc.integer({ min: -300, max: 100 }).filter((points) => points !== 0),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ op: 'enrol' as const }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('resend' as const), of: index }) },
);

/** Points that are spent, held and given back, and purchases that are settled. */
const spending: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom('redeem' as const, 'hold' as const),
      points: fc.integer({ min: 1, max: 120 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constantFrom('capture' as const, 'reverse' as const),
      of: index,
      points: fc.oneof(fc.constant(NOT_GIVEN), fc.integer({ min: 1, max: 60 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom('release' as const, 'void' as const, 'confirm' as const), of: index }),
  },
);

/** Of the levels that programs name so, some of which are not there. */
const exceptional = (levels: readonly string[]): fc.Arbitrary<Op> => {
  const level = fc.constantFrom('', ...levels);
  const threshold = fc.record({ level: fc.constantFrom(...levels), from: fc.constantFrom(0, 1, 2, 500, 20_000) });
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('exception' as const),
        tier: fc.constantFrom('', 'main', 'other'),
        floor: level,
        ceiling: level,
        thresholds: fc.uniqueArray(threshold, { maxLength: 2, selector: (one) => one.level }),
        lastsMs: fc.option(fc.integer({ min: 1, max: 90 * DAY_MS }), { nil: undefined }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('end' as const), of: index }) },
  );
};

const moveOf = (ops: fc.Arbitrary<Op>) =>
  fc.record({ op: ops, gap, lag, tick: fc.double({ min: 0, max: 1, noNaN: true }) });
const move = moveOf(op);
const moveOrSpend = moveOf(fc.oneof({ weight: 2, arbitrary: op }, { weight: 1, arbitrary: spending }));

export interface Size {
  readonly minLength?: number;
  readonly maxLength: number;
  readonly spends?: boolean;
  /** Agents make exceptions, of these levels. */
  readonly excepts?: readonly string[];
}

/** `from` keeps ids apart where two histories are joined. */
export function histories(size: Size, from = 'e'): fc.Arbitrary<Step[]> {
  const plain = size.spends === false ? move : moveOrSpend;
  const moves =
    size.excepts === undefined
      ? plain
      : fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: moveOf(exceptional(size.excepts)) });
  return fc
    .record({
      // Around changes of clocks, year ends and leap days of several zones.
      start: fc.constantFrom(
        Date.UTC(2006, 9, 20),
        Date.UTC(2011, 11, 20),
        Date.UTC(2023, 11, 20),
        Date.UTC(2026, 2, 20),
      ),
      moves: fc.array(moves, {
        minLength: size.minLength ?? 0,
        maxLength: size.maxLength,
        size: 'max',
      }),
    })
    .map(({ start, moves }) => stepsOf(start, moves, from));
}

type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

function stepsOf(start: number, moves: readonly Move[], from: string): Step[] {
  let now = start;
  const steps: Step[] = [];
  const purchases: string[] = [];
  const holds: string[] = [];
  const spent: string[] = [];
  const exceptions: string[] = [];
  const oneOf = (ids: readonly string[], of: number): string => ids[of % ids.length] ?? 'none';
  for (const [number, { op, gap, lag, tick }] of moves.entries()) {
    const before = now;
    now += gap;
    const occurredAt = lag === undefined ? 0 : now - lag;
    const head = { id: `${from}${number}`, memberId: '42', occurredAt };
    const sale = { store: 's1', terminal: '', currency: '' };
    const till = { store: 's1', terminal: '', wallet: '' };
    let event: MemberEvent | undefined;
    switch (op.op) {
      case 'purchase':
        purchases.push(head.id);
        event = purchaseEvent({ ...head, ...sale, ...goodsOf(op) });
        break;
      case 'return':
        event = {
          ...head,
          ...sale,
          type: 'return',
          originalId: oneOf(purchases, op.of),
          ...op.what,
        };
        break;
      case 'unnamed':
        event = { ...head, ...sale, type: 'return', originalId: '', ...op.what };
        break;
      case 'adjust':
        event = adjustmentEvent({ ...head, points: op.points, reason: 'because' });
        break;
      case 'enrol':
        event = { ...head, type: 'enrolment' };
        break;
      case 'redeem':
        spent.push(head.id);
        event = { ...head, ...till, type: 'redemption', points: op.points, amount: NOT_GIVEN };
        break;
      case 'hold':
        holds.push(head.id);
        event = { ...head, ...till, type: 'authorisation', points: op.points, amount: NOT_GIVEN };
        break;
      case 'capture':
        spent.push(head.id);
        event = { ...head, type: 'capture', originalId: oneOf(holds, op.of), points: op.points };
        break;
      case 'reverse':
        event = { ...head, type: 'reversal', originalId: oneOf(spent, op.of), points: op.points };
        break;
      case 'release':
        event = { ...head, type: 'release', originalId: oneOf(holds, op.of) };
        break;
      case 'void':
        event = { ...head, type: 'void', originalId: oneOf(purchases, op.of) };
        break;
      case 'confirm':
        event = { ...head, type: 'confirmation', originalId: oneOf(purchases, op.of) };
        break;
      case 'exception': {
        exceptions.push(head.id);
        const { tier, floor, ceiling, thresholds, lastsMs } = op;
        const until = lastsMs === undefined ? 0 : now + lastsMs;
        event = { ...head, ...DECISION, type: 'exception', tier, floor, ceiling, thresholds, until };
        break;
      }
      case 'end':
        event = { ...head, ...DECISION, type: 'exception_end', originalId: oneOf(exceptions, op.of) };
        break;
      case 'resend':
        event = steps[op.of % steps.length]?.event;
        break;
    }
    if (event !== undefined) steps.push({ event, now, tickAt: before + Math.floor((now - before) * tick) });
  }
  return steps;
}

const DECISION = { reason: 'agreed', agent: 'ann' };

type Goods = Pick<Purchase, 'amount' | 'lines'>;

function goodsOf({ amount, lines }: Goods): Goods {
  const total = lines.length === 0 ? amount : lines.reduce((sum, line) => sum + line.amount, 0);
  return { amount: total, lines };
}
