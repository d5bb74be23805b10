/** Generated programs and small histories, of the kinds that real data rarely has, built so that they shrink to something readable. */
import fc from 'fast-check';
import type { PublicEvent, PublicPurchase } from '../../load/public-event.ts';

export interface History {
  readonly program: string;
  /** One after the other, since what has been `scored`, by event id, is what later moves are mostly about. */
  moves(scored: ReadonlySet<string>): Iterable<Move>;
}

export interface Move {
  /** The log's time of a tick before the event. */
  readonly tickAt: number | undefined;
  readonly event: PublicEvent;
  readonly receivedMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2010, 9, 20, 11, 30);

// --- Programs ---

/** Once in `times`; keys that are undefined are left out of the program. */
function oneIn<T>(times: number, value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

// Few SKUs, categories and stores, so that lines, purchases, returns and rules meet.
const SKUS = ['a', 'b', 'c'];
const CATEGORIES = ['tea', 'cake'];
const STORES = ['s1', 's2'];
const DATES = ['01-01', '02-28', '02-29', '03-31', '06-30', '10-31', '12-31'];
const WALLETS = ['points', 'cash', 'miles'];

const rounding = fc.constantFrom('floor', 'nearest', 'ceil');

const expiry = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      after: fc.constantFrom(
        { days: 0 },
        { days: 1 },
        { days: 20 },
        { days: 90 },
        { months: 0 },
        { months: 1 },
        { months: 5 },
        { years: 1 },
      ),
      through: fc.constantFrom('day', 'month', 'quarter', 'year'),
      renew: fc.constantFrom('none', 'activity'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ on: fc.subarray(DATES, { minLength: 1 }) }) },
);

const pending = fc.oneof(
  fc.record({ days: fc.constantFrom(1, 3, 14) }),
  fc.record({ months: fc.constantFrom(1, 2) }),
  fc.record({ on: fc.subarray(DATES, { minLength: 1 }) }),
  fc.constant({ until: 'confirmed' }),
);

const redeem = fc.record({
  points: fc.constantFrom(1, 3, 100),
  worth: fc.constantFrom(1, 2, 7),
  minimum: oneIn(5, fc.constantFrom(5, 20)),
  maximum: oneIn(5, fc.constantFrom(60, 100)),
  step: oneIn(5, fc.constantFrom(2, 10)),
  holdMinutes: fc.constantFrom(undefined, 60, 1_440, 43_200),
  automaticAt: oneIn(6, fc.constantFrom(25, 200)),
});

const wallet = fc.record({
  rounding: oneIn(2, rounding),
  rounded: oneIn(2, fc.constantFrom('rule', 'line', 'basket')),
  expiry: oneIn(2, expiry),
  pending: oneIn(3, pending),
  returns: oneIn(2, fc.constantFrom('unlimited', 'within-balance', 'only-pending')),
  spend: oneIn(2, fc.constantFrom('soonest', 'newest')),
  redeem: fc.option(redeem, { nil: undefined, freq: 7 }),
});

const rate = fc.oneof(
  { weight: 3, arbitrary: fc.record({ per: fc.constantFrom(1, 2, 3, 7, 10) }) },
  { weight: 1, arbitrary: fc.record({ each: fc.constantFrom('piece', 'line', 'purchase') }) },
);
const condition = fc.record({
  skus: oneIn(3, fc.subarray(SKUS, { minLength: 1 })),
  categories: oneIn(3, fc.subarray(CATEGORIES, { minLength: 1 })),
  stores: oneIn(3, fc.subarray(STORES, { minLength: 1 })),
  from: oneIn(3, fc.constantFrom(10, 30)),
  below: oneIn(3, fc.constantFrom(40, 80)),
});
const rule = fc
  .record({
    wallet: fc.nat(WALLETS.length),
    points: fc.integer({ min: 1, max: 12 }),
    rate,
    rounding: oneIn(2, rounding),
    when: oneIn(2, condition),
  })
  .map(({ rate, ...rest }) => ({ ...rest, ...rate }));

const window = fc.oneof(
  fc.constant('calendar-year'),
  fc.record({ days: fc.constantFrom(1, 7, 30, 365) }),
  fc.record({ months: fc.constantFrom(1, 2, 12) }),
);
const tiers = fc
  .record({
    window,
    multipliers: fc.array(fc.constantFrom(1, 1.1, 1.25, 1.333, 1.5, 2, 3), { minLength: 3, maxLength: 3 }),
    from: fc.constantFrom(0, 0, 1, 20),
  })
  .map(({ window, multipliers: [first, second, third], from }) => ({
    id: 'main',
    window,
    levels: [
      { id: 'bronze', from, multiplier: first },
      { id: 'silver', from: from + 30, multiplier: second },
      { id: 'gold', from: from + 75, multiplier: third },
    ],
  }));

/** With and without wallets of its own. */
const earning = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      earn: fc.record({ points: fc.integer({ min: 1, max: 12 }), per: fc.constantFrom(1, 2, 3, 7, 10), rounding }),
      expiry: fc.option(expiry, { nil: undefined, freq: 3 }),
    }),
  },
  {
    weight: 7,
    arbitrary: fc
      .record({
        wallets: fc.array(wallet, { minLength: 1, maxLength: WALLETS.length }),
        earn: fc.array(rule, { minLength: 1, maxLength: 4 }),
      })
      .map(({ wallets, earn }) => ({
        wallets: wallets.map((options, index) => ({ id: WALLETS[index], ...options })),
        earn: earn.map(({ wallet, rounding, ...rest }) => ({
          ...rest,
          wallet: wallet === 0 ? undefined : WALLETS[wallet % wallets.length],
          // Baskets are rounded as the wallet says.
          rounding: wallets[wallet % wallets.length]?.rounded === 'basket' ? undefined : rounding,
        })),
      })),
  },
);

const program = fc
  .record({
    program: fc.constant('generated'),
    version: fc.constant(1),
    timezone: fc.constantFrom('Europe/London', 'America/New_York', 'America/Sao_Paulo', 'Asia/Kathmandu', 'UTC'),
    // Three digits, two and none.
    currency: fc.constantFrom('KWD', 'USD', 'JPY'),
    enrolment: fc.constantFrom(...Array(7).fill('implicit'), 'required'),
    earnOn: oneIn(2, fc.constantFrom('gross', 'net-of-discounts', 'net-of-points')),
    earning,
    tiers: fc.option(tiers, { nil: undefined, freq: 4 }),
    returns: fc.record({
      unmatched: fc.constantFrom('ignore', 'deduct', 'refuse'),
      matchDays: fc.constantFrom(1, 10, 60, 365),
      back: oneIn(2, fc.constantFrom('earned', 'proportional')),
    }),
  })
  .map(({ earning: { earn, ...wallets }, ...rest }) => ({
    ...rest,
    ...wallets,
    earn: [earn].flat().map((one, index) => ({ id: `rule-${index}`, ...one })),
  }));

// --- What happens ---

// Amounts that no quantity divides: of 40 units of the currency, in thousandths of them.
const share = fc.integer({ min: 0, max: 1000 });
const quantity = fc.integer({ min: 1, max: 4 });
const line = fc.record({
  sku: fc.constantFrom(...SKUS),
  category: oneIn(2, fc.constantFrom(...CATEGORIES)),
  quantity,
  share,
});
const returnLine = fc.record({ sku: fc.constantFrom(...SKUS), quantity, refund: fc.option(share) });
/** A place in the history so far. */
const which = fc.nat(1_000_000);
const points = fc.oneof(fc.constantFrom(1, 2, 5, 10), fc.integer({ min: 1, max: 40 }));

/** One thing that happens, with what it is about named by its place. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('purchase'),
      lines: fc.array(line, { maxLength: 4 }),
      share,
      store: oneIn(2, fc.constantFrom(...STORES)),
      deductions: oneIn(3, fc.array(fc.oneof(fc.constant(0), share), { minLength: 5, maxLength: 5 })),
      paidBy: oneIn(2, which),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('return'),
      kind: fc.constantFrom('whole', 'amount', 'goods', 'refund', 'lines', 'unnamed', 'unnamed', 'unnamed amount'),
      which,
      lines: fc.array(returnLine, { minLength: 1, maxLength: 3 }),
      share,
      store: oneIn(2, fc.constantFrom(...STORES)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('void', 'confirmation', 'confirmation'), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom('redemption', 'authorisation', 'authorisation'),
      points,
      amount: oneIn(4, share),
      wallet: which,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom('capture', 'reversal'), which, points: oneIn(2, points) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('release'), which }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('resend'), which, isChanged: fc.constantFrom(false, true) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('adjustment'),
      points: fc.integer({ min: -80, max: 80 }).filter((points) => points !== 0),
      wallet: which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('enrolment') }) },
);

const happening = fc.record({
  step,
  memberId: fc.constantFrom('m', 'm', 'm', 'm', 'm', 'n'),
  gapMs: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 0, 1, 15, 60).map((minutes) => minutes * MINUTE_MS) },
    { weight: 1, arbitrary: fc.nat(12 * 60).map((minutes) => minutes * MINUTE_MS) },
    { weight: 1, arbitrary: fc.nat(60).map((days) => days * DAY_MS) },
  ),
  /** A tick before the event, somewhere in the gap. */
  tick: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  // From a till's clock that is ahead to as late as the engine promises to look back.
  lateMs: fc.oneof(
    { weight: 10, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat(5).map((minutes) => -minutes * MINUTE_MS) },
    { weight: 1, arbitrary: fc.nat(60).map((minutes) => minutes * MINUTE_MS) },
    { weight: 1, arbitrary: fc.nat(90 * 24 * 60).map((minutes) => minutes * MINUTE_MS) },
  ),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** Of two members. */
export const histories: fc.Arbitrary<History> = fc
  .record({
    program,
    happenings: fc.array(happening, { minLength: 1, maxLength: 70, size: 'max' }),
    hasTicks: fc.constantFrom(true, true, false),
  })
  .map(({ program, happenings, hasTicks }) => {
    const text = JSON.stringify(program);
    const shop = {
      hasTicks,
      unit: { KWD: 1000, USD: 100, JPY: 1 }[program.currency] ?? 1,
      walletIds: 'wallets' in program ? program.wallets.map(({ id = '' }) => id) : [],
    };
    return {
      program: text,
      moves: (scored) => movesOf(happenings, shop, scored),
      [fc.toStringMethod]: () => `${text}\n${happenings.map((one) => JSON.stringify(one)).join('\n')}`,
    };
  });

interface Shop {
  /** Without them, time passes only where something else happens. */
  readonly hasTicks: boolean;
  /** Minor units of one of the currency. */
  readonly unit: number;
  readonly walletIds: readonly string[];
}

function* movesOf(happenings: readonly Happening[], shop: Shop, scored: ReadonlySet<string>): Generator<Move> {
  const sent: PublicEvent[] = [];
  let now = START_MS;
  for (const [index, { step, memberId, gapMs, lateMs, tick }] of happenings.entries()) {
    const tickAt = tick === null || !shop.hasTicks ? undefined : now + Math.floor(gapMs * tick);
    now += gapMs;
    const head = { id: `e${index}`, memberId, occurredAt: new Date(now - lateMs).toISOString() };
    const event = step.type === 'resend' ? resent(step, sent) : eventOf(step, head, shop, sent, scored);
    if (event === undefined) continue;
    if (step.type !== 'resend') sent.push(event);
    yield { tickAt, event, receivedMs: now };
  }
}

type Of<T extends Step['type']> = Extract<Step, { type: T }>;

function resent({ which, isChanged }: Of<'resend'>, sent: readonly PublicEvent[]): PublicEvent | undefined {
  const original = sent[which % sent.length];
  if (original === undefined || !isChanged) return original;
  return { ...original, occurredAt: new Date(Date.parse(original.occurredAt ?? '') + 1).toISOString() };
}

type Head = Readonly<Record<'id' | 'memberId' | 'occurredAt', string>>;

function eventOf(
  it: Exclude<Step, { type: 'resend' }>,
  head: Head,
  { unit, walletIds }: Shop,
  sent: readonly PublicEvent[],
  scored: ReadonlySet<string>,
): PublicEvent {
  const mine = sent.filter(({ memberId }) => memberId === head.memberId);
  /** Mostly of the types asked for, and scored. */
  const named = (which: number, ...types: PublicEvent['type'][]): PublicEvent | undefined => {
    const fitting = mine.filter(({ id, type }) => types.includes(type) && scored.has(id));
    // Whoever spends goes on with that.
    const latest = types.includes('purchase') ? fitting : fitting.slice(-3);
    const from = which % 16 === 0 || fitting.length === 0 ? mine : latest;
    return from[which % from.length];
  };
  /** The first one, its name left out, is the one that is asked for most. */
  const walletOf = (which: number): string | undefined =>
    which % 16 === 15 ? 'none' : [undefined, undefined, ...walletIds][which % (2 + walletIds.length)];
  const idOf = (event: PublicEvent | undefined): string => event?.id ?? 'nobody';
  switch (it.type) {
    case 'purchase':
      return purchase(it, head, unit, it.paidBy === undefined ? undefined : named(it.paidBy, 'redemption', 'capture'));
    case 'return':
      return returned(it, head, unit, named(it.which, 'purchase'));
    case 'void':
    case 'confirmation':
      return { ...head, type: it.type, originalId: idOf(named(it.which, 'purchase')) };
    case 'redemption':
    case 'authorisation': {
      const { type, points } = it;
      const amount = it.amount === undefined ? undefined : Math.max(1, Math.floor(money(it.amount, unit) / 20));
      return {
        ...head,
        type,
        ...given({ wallet: walletOf(it.wallet) }),
        ...(amount === undefined ? { points } : { amount }),
      };
    }
    case 'capture':
    case 'reversal': {
      const originals = it.type === 'capture' ? (['authorisation'] as const) : (['redemption', 'capture'] as const);
      return {
        ...head,
        type: it.type,
        originalId: idOf(named(it.which, ...originals)),
        ...given({ points: it.points }),
      };
    }
    case 'release':
      return { ...head, type: 'release', originalId: idOf(named(it.which, 'authorisation')) };
    case 'adjustment':
      return { ...head, type: 'adjustment', points: it.points, ...given({ wallet: walletOf(it.wallet) }) };
    case 'enrolment':
      return { ...head, type: 'enrolment' };
  }
}

function purchase(
  { lines, share, store, deductions = [] }: Of<'purchase'>,
  head: Head,
  unit: number,
  paidBy: PublicEvent | undefined,
): PublicPurchase {
  const goods = lines.map(({ share, ...line }) => ({ ...given(line), amount: money(share, unit) }));
  const amount = goods.length === 0 ? money(share, unit) : goods.reduce((sum, line) => sum + line.amount, 0);
  let rest = amount;
  // Each a share of what the ones before have left, the first ones small.
  const [discount, paidWithPoints, tax, tip, giftCards] = deductions.map((thousandths, index) => {
    const taken = Math.floor((rest * thousandths) / (index === 4 ? 1_000 : 3_000));
    rest -= taken;
    return taken;
  });
  return {
    ...head,
    type: 'purchase',
    ...(goods.length === 0 ? { amount } : { lines: goods }),
    ...given({ store, discount, paidWithPoints, tax, tip, giftCards, redemptionId: paidBy?.id }),
  };
}

function returned(
  { kind, which, lines, share, store }: Of<'return'>,
  head: Head,
  unit: number,
  original: PublicEvent | undefined,
): PublicEvent {
  const event = { ...head, type: 'return', ...given({ store }) } as const;
  const goods = lines.map(({ sku, quantity, refund }) => ({
    sku,
    quantity,
    ...(refund === null ? {} : { amount: money(refund, unit) }),
  }));
  if (kind === 'unnamed') return { ...event, lines: goods };
  if (kind === 'unnamed amount') return { ...event, amount: money(share, unit) };
  const named = { ...event, originalId: original?.id ?? 'nobody' };
  if (kind === 'amount') return { ...named, amount: Math.floor(money(share, unit) / 4) };
  if (kind === 'lines') return { ...named, lines: goods };
  const first =
    original !== undefined && 'lines' in original ? original.lines?.[which % original.lines.length] : undefined;
  if (kind === 'whole' || first === undefined) return named;
  // Mostly goods that are there, for what they cost or less.
  const quantity = 1 + (which % first.quantity);
  const refund = Math.floor(((first.amount ?? 0) * share) / 1000);
  if (kind === 'goods') return { ...named, lines: [{ sku: first.sku, quantity }] };
  return { ...named, lines: [{ sku: first.sku, quantity, amount: refund }] };
}

function money(thousandths: number, unit: number): number {
  return Math.floor((40 * unit * thousandths) / 1000);
}

/** Without the fields that are undefined: an event either has a field or has not. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
