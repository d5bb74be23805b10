/**
 * What a marketer writes: the shape of a program file (YAML or JSON), with a sentence and an example for every option. The
 * reference in docs/program.md and the JSON Schema for editors are made of it (reference.ts); errors name the path and what
 * was expected there (parse.ts). Programs are stored in the order of the options here.
 */
import { z } from 'zod';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const CURRENCY = /^[A-Z]{3}$/;
const DATE = /^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/;
const FULL_DATE = /^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/;

/** What a pattern stands for, for error messages and the reference. */
export const PATTERNS: Readonly<Record<string, string>> = {
  [String(NAME)]: 'a lower-case name such as gold: letters, digits and dashes, at most 32',
  [String(CURRENCY)]: 'an ISO 4217 code such as USD',
  [String(DATE)]: 'a month and a day such as 06-30',
  [String(FULL_DATE)]: 'a date such as 2026-06-30',
};

/** Options that are lists, of which one alone may be written without the brackets. */
export const LISTS = ['earn'] as const;

const AMOUNT_MAX_UNITS = 10_000_000_000;

type Example<T extends z.ZodType> = z.input<NoInfer<T>>;

/** A value, what it means where it stands, and an example of it. */
function option<T extends z.ZodType>(value: T, description: string, example: Example<T>): T {
  return value.meta({ description, examples: [example] });
}

/** What leaving an option out means. It is not filled in: programs are stored as they were written. */
function otherwise<T extends z.ZodType>(value: T, meant: Example<T>): z.ZodOptional<T> {
  return value.optional().meta({ default: meant });
}

export type SectionId =
  | 'earn'
  | 'wallet'
  | 'expiry'
  | 'counter'
  | 'window'
  | 'tier-set'
  | 'level'
  | 'condition'
  | 'adjustments'
  | 'returns';

/** A part that has a section of the reference to itself, however many places it is used in. */
function section<T extends z.ZodType>(id: SectionId, title: string, description: string, value: T): T {
  return value.meta({ id, title, description });
}

const name = z
  .string()
  .regex(NAME)
  .meta({ id: 'name', title: 'name', description: PATTERNS[String(NAME)] });
const rounding = z.enum(['floor', 'nearest', 'ceil']);
const texts = z.array(z.string().min(1).max(128)).min(1).max(1_000);
const amount = z.number().nonnegative().max(AMOUNT_MAX_UNITS);
const dates = z.array(z.string().regex(DATE)).min(1).max(24);

const earnSchema = section(
  'earn',
  'Earn rules',
  'Each rule that applies gives its points, by `per` or by `each`.',
  z.strictObject({
    id: option(name, 'Name of the rule as receipts and ledgers show it.', 'spend'),
    wallet: option(name, 'Wallet that the points go to; the first if left out.', 'cash').optional(),
    points: option(z.int().min(1).max(1_000_000), 'Points for every `per` spent, or for `each`.', 10),
    per: option(
      z.number().positive().max(AMOUNT_MAX_UNITS),
      'Spend, in units of the currency, that earns `points`.',
      0.5,
    ).optional(),
    each: option(
      z.enum(['piece', 'line', 'purchase']),
      'Instead of `per`: `points` for each piece, line or purchase.',
      'piece',
    ).optional(),
    rounding: option(
      rounding,
      'How a fraction of a point is rounded; `nearest` is half up. Left out: as the wallet says. A wallet that rounds baskets does so by its own.',
      'nearest',
    ).optional(),
    when: option(
      z.strictObject({
        skus: option(texts, 'Only lines with one of these SKUs count.', ['A1', 'A2']).optional(),
        categories: option(texts, 'Only lines of one of these categories count.', ['coffee']).optional(),
        stores: option(texts, 'Only purchases in one of these stores.', ['s1', 's2']).optional(),
        from: option(
          amount,
          'Only purchases of which at least so much counts, in units of the currency.',
          50,
        ).optional(),
        below: option(
          amount,
          'Only purchases of which less than this counts, in units of the currency.',
          100,
        ).optional(),
      }),
      'When the rule applies. All that is given must hold.',
      { categories: ['coffee'], from: 50 },
    ).optional(),
  }),
);

const calendarSchema = z.enum(['calendar-month', 'calendar-quarter', 'calendar-half-year', 'calendar-year']);

const windowSchema = section(
  'window',
  'Windows',
  'What counts on a day, in whole days of the program time zone.',
  z.union([
    z.strictObject({
      days: option(z.int().min(1).max(3_660), 'What was done on that day and the days - 1 before.', 90),
    }),
    z.strictObject({
      months: option(z.int().min(1).max(120), 'What was done in so many months up to that day, day by day.', 12),
    }),
    z.strictObject({
      years: option(z.int().min(1).max(10), 'Years that begin on a day of the member, which `from` names.', 1),
      from: option(
        z.enum(['enrolment', 'tier-start']),
        'With `years`: the day of enrolment (without one, of the first event), or the day after a level began.',
        'enrolment',
      ),
    }),
    z.strictObject({
      from: option(z.string().regex(FULL_DATE), 'With `through`: first day of a promotion.', '2026-06-01'),
      through: option(
        z.string().regex(FULL_DATE),
        'Its last day. What is done in it counts until it is over.',
        '2026-06-30',
      ),
    }),
    option(
      z.enum(['lifetime', ...calendarSchema.options]),
      'What has been done since the month, quarter, half-year or year began, or ever.',
      'calendar-quarter',
    ),
  ]),
);

const counterSchema = section(
  'counter',
  'Counters',
  'What members qualify by. Tiers over spend alone need none.',
  z.strictObject({
    id: option(name, 'Name of the counter, as `counters` in a member shows it.', 'visits'),
    of: option(
      z.enum(['spend', 'transactions', 'visits', 'points', 'categories', 'activity']),
      'What is counted: visits are one a store and day, points those that purchases earn, categories different ones, activity purchases, redemptions, captures and enrolment.',
      'visits',
    ),
    window: option(windowSchema, 'What of that counts on a day.', { days: 90 }),
  }),
);

const conditionsSchema = z
  .array(
    section(
      'condition',
      'Conditions',
      'What one counter must have reached.',
      z.strictObject({
        counter: option(name, 'What is looked at: a counter, or `balance`.', 'visits'),
        from: option(amount, 'What it takes: units of the currency for spend, whole numbers otherwise.', 10),
      }),
    ),
  )
  .min(1)
  .max(10);

/** `all`, `any`, or `atLeast` with `of`: tiers.ts sees to that. */
const whenSchema = z.strictObject({
  all: option(conditionsSchema, 'All of these conditions.', [{ counter: 'visits', from: 10 }]).optional(),
  any: option(conditionsSchema, 'One of these conditions.', [{ counter: 'visits', from: 50 }]).optional(),
  atLeast: option(z.int().min(1).max(10), 'So many of the conditions in `of`.', 2).optional(),
  of: option(conditionsSchema, 'The conditions that `atLeast` chooses from.', [
    { counter: 'visits', from: 10 },
    { counter: 'year-spend', from: 500 },
  ]).optional(),
});

const levelSchema = section(
  'level',
  'Levels',
  'Lowest first. A member below the first holds none.',
  z.strictObject({
    id: option(name, 'Name of the level.', 'gold'),
    from: option(
      amount,
      'From which a member holds this level: spend in units of the currency, or what the set counts.',
      500,
    ).optional(),
    when: option(
      whenSchema,
      'Instead of `from`: conditions on several counters, as `all`, `any`, or `atLeast` with `of`.',
      {
        any: [
          { counter: 'visits', from: 50 },
          { counter: 'year-spend', from: 500 },
        ],
      },
    ).optional(),
    multiplier: option(
      z.number().min(1).max(100).multipleOf(0.001),
      'Points are multiplied by this on this level of the first set; up to three decimals.',
      1.5,
    ).default(1),
    entry: option(
      z.strictObject({
        points: option(z.int().min(1).max(1_000_000_000), 'So many points.', 100),
      }),
      'What reaching the level gives, or passing it on the way up; a return that undoes it takes it back. Not where the balance decides.',
      { points: 100 },
    ).optional(),
    benefits: option(z.array(z.string().min(1).max(200)).max(50), 'What the level offers, as members read it.', [
      'Lounge',
    ]).optional(),
  }),
);

const days = z.int().min(1).max(366);

const setSchema = section(
  'tier-set',
  'Tier sets',
  'A ladder of levels. What `from` of a level measures is said by `window`, `counter` or `balance`.',
  z.strictObject({
    id: option(name, 'Name of the tier set, as `tiers` in a member shows it.', 'main'),
    window: option(windowSchema, '`from` measures spend in this window.', { days: 365 }).optional(),
    counter: option(name, 'Instead of `window`: `from` measures this counter.', 'visits').optional(),
    balance: option(
      z.literal('points'),
      'Instead of `window`: `from` measures what can be spent.',
      'points',
    ).optional(),
    period: option(
      calendarSchema,
      'What begins and ends terms, where the counters of the set have no periods, or several.',
      'calendar-year',
    ).optional(),
    starts: otherwise(
      option(
        z.enum(['at-once', 'next-period']),
        'When a level that is reached begins: at once, or with the next period, so that each is decided by the one before.',
        'next-period',
      ),
      'at-once',
    ),
    lasts: option(
      z.strictObject({
        for: option(
          z.strictObject({
            days: option(z.int().min(1).max(3_660), 'Days after the one it began.', 30).optional(),
            months: option(z.int().min(1).max(120), 'Months after that day.', 6).optional(),
            years: option(z.int().min(1).max(10), 'Years after that day.', 1).optional(),
          }),
          'One of `days`, `months` and `years` from its first day.',
          { years: 1 },
        ).optional(),
        until: option(
          z.enum(['period-end', 'next-period-end']),
          'Instead of `for`: to the end of the period in which it was reached, or of the next.',
          'next-period-end',
        ).optional(),
        plus: option(
          z.strictObject({
            days: option(days, 'Days.', 7).optional(),
            months: option(z.int().min(1).max(12), 'Months.', 2).optional(),
          }),
          'So much longer than `until`, in `days` or `months`.',
          { months: 2 },
        ).optional(),
      }),
      'How long a level is held, whatever the counters say. Without it: as long as it qualifies.',
      { until: 'next-period-end', plus: { months: 2 } },
    ).optional(),
    downgrade: otherwise(
      option(
        z.enum(['to-qualified', 'one-level', 'none']),
        'Where a level that ends leads: to what qualifies, one level down and that for another term, or it never ends.',
        'one-level',
      ),
      'to-qualified',
    ),
    grace: option(
      z.strictObject({
        days: option(days, 'Days, the first being the one on which it was lost.', 10).optional(),
        months: option(z.int().min(1).max(24), 'Months from that day.', 1).optional(),
        through: option(
          z.enum(['month', 'quarter', 'year']),
          'The grace is extended to the end of its month, quarter or year.',
          'month',
        ).optional(),
      }),
      'How long a level is kept that no longer qualifies: `days` or `months`.',
      { months: 1, through: 'month' },
    ).optional(),
    returns: otherwise(
      option(
        z.enum(['at-once', 'at-period-end']),
        'When a return may cost a level: at once, as if the purchase had not been, or not before its term ends.',
        'at-period-end',
      ),
      'at-once',
    ),
    levels: option(z.array(levelSchema).min(1).max(100), 'Levels, lowest first.', [
      { id: 'silver', from: 100 },
      { id: 'gold', from: 500, multiplier: 1.5 },
    ]),
  }),
);

/** Either `after`, with what goes with it, or `on`: expiry.ts sees to that, since it can say so better than a union. */
const expirySchema = section(
  'expiry',
  'Points that expire',
  'The last day on which points can be spent: some time `after` they were earned, or `on` fixed dates.',
  z.strictObject({
    after: option(
      z.strictObject({
        days: option(
          z.int().min(0).max(36_500),
          'Days after the day they were earned; 0 is that day itself.',
          90,
        ).optional(),
        months: option(
          z.int().min(0).max(1_200),
          'Months after that day; 31 January + 1 month is the last day of February.',
          12,
        ).optional(),
        years: option(z.int().min(0).max(100), 'Years after that day.', 2).optional(),
      }),
      'One of `days`, `months` and `years` after the day they were earned.',
      { months: 12 },
    ).optional(),
    through: otherwise(
      option(
        z.enum(['day', 'month', 'quarter', 'year']),
        'The last day is extended to the end of its month, quarter or year.',
        'month',
      ),
      'day',
    ),
    renew: otherwise(
      option(
        z.enum(['none', 'activity']),
        '`activity`: a purchase gives all open points the last day of what it earns itself, if that is later.',
        'activity',
      ),
      'none',
    ),
    on: option(
      dates,
      'Instead of `after`: fixed last days, each year; points expire on the first one they meet, at the earliest on the day they were earned. `02-29` is the last day of February.',
      ['06-30', '12-31'],
    ).optional(),
  }),
);

const pendingSchema = z.strictObject({
  days: option(
    z.int().min(1).max(3_660),
    'Days after the day they were earned; they can be spent from the first instant of that day.',
    14,
  ).optional(),
  months: option(z.int().min(1).max(120), 'Months after that day.', 1).optional(),
  on: option(dates, 'From the next of these dates on, each year.', ['01-01', '07-01']).optional(),
  until: option(
    z.literal('confirmed'),
    'Once a confirmation has come, which ends any other wait too.',
    'confirmed',
  ).optional(),
});

const redeemSchema = z.strictObject({
  points: option(z.int().min(1).max(1_000_000), 'So many points are worth `worth`.', 100),
  worth: option(
    z.number().positive().max(AMOUNT_MAX_UNITS),
    'In units of the currency. Points are worth whole minor units, rounded down; money costs whole points, rounded up.',
    1,
  ),
  minimum: option(z.int().min(1).max(1_000_000_000), 'Fewest points of one redemption.', 500).default(1),
  maximum: option(z.int().min(1).max(1_000_000_000), 'Most points of one redemption.', 10_000).optional(),
  step: option(z.int().min(1).max(1_000_000), 'Points are redeemed in multiples of this.', 100).default(1),
  holdMinutes: option(
    z.int().min(1).max(43_200),
    'How long an authorisation holds points that are not captured.',
    30,
  ).default(15),
  automaticAt: option(
    z.int().min(1).max(1_000_000_000),
    'Whenever so many can be spent, as many multiples of it as there are are redeemed by themselves, by an event or by time, after levels have been judged.',
    100,
  ).optional(),
});

const walletSchema = section(
  'wallet',
  'Wallets',
  'Balances of their own. Wallets can be added, not taken away.',
  z.strictObject({
    id: option(name, 'Name of the wallet, as `balances` in a member shows it.', 'points'),
    rounding: option(
      rounding,
      'How a fraction of a point is rounded where the rule does not say; `nearest` is half up.',
      'nearest',
    ).default('floor'),
    rounded: option(
      z.enum(['rule', 'line', 'basket']),
      "What is rounded: each rule's points of a purchase, each line's, or the basket's, which rules then share by largest remainder.",
      'line',
    ).default('rule'),
    expiry: option(expirySchema, 'Until when points can be spent. Without it they do not expire.', {
      after: { months: 12 },
    }).optional(),
    pending: option(
      pendingSchema,
      'How long points wait, while goods may come back: one of `days`, `months`, `on` and `until`. Without it they can be spent at once.',
      { days: 14 },
    ).optional(),
    returns: option(
      z.enum(['unlimited', 'within-balance', 'only-pending']),
      'How far a return may take: into debt, down to nothing, or no more than what is pending.',
      'within-balance',
    ).default('unlimited'),
    spend: option(
      z.enum(['soonest', 'newest']),
      'Which points are spent first: the soonest to expire, then the oldest, or the newest.',
      'newest',
    ).default('soonest'),
    redeem: option(redeemSchema, 'What points are worth. Without it they cannot be redeemed.', {
      points: 100,
      worth: 1,
    }).optional(),
  }),
);

const lateSchema = z.strictObject({
  days: option(
    z.int().min(0).max(3_660),
    'A purchase received up to so many days after its own day counts as of its own time.',
    7,
  ),
  beyond: option(
    z.enum(['refuse', 'receipt', 'flag']),
    'One received later is refused, counts as of its receipt, or counts as of its own time and is flagged.',
    'receipt',
  ),
});

const returnsSchema = section(
  'returns',
  'Returns',
  'What becomes of points when goods come back; see also `returns` of wallets and tier sets.',
  z.strictObject({
    unmatched: option(
      z.enum(['ignore', 'deduct', 'refuse']),
      'What a return that names no purchase does with goods no purchase is found for: ignore them, deduct what they would earn today, or refuse the event.',
      'deduct',
    ).default('ignore'),
    matchDays: option(
      z.int().min(1).max(3_660),
      'How many days back a return that names no purchase looks for one.',
      90,
    ).default(365),
    back: option(
      z.enum(['earned', 'proportional']),
      'A return takes back what its goods earned, or the share that their price has in the purchase.',
      'proportional',
    ).default('earned'),
  }),
);

const adjustmentsSchema = section(
  'adjustments',
  'Corrections by hand',
  'What an adjustment must say, or it is refused.',
  z.strictObject({
    reason: option(z.enum(['optional', 'required']), 'Whether it must say why, in `reason`.', 'required').default(
      'optional',
    ),
    approvalAbove: option(
      z.int().min(0).max(1_000_000_000_000),
      'One of more points than this, either way, must name a second agent in `approvedBy`. Without it none must.',
      10_000,
    ).optional(),
  }),
);

export const programSchema = z
  .strictObject({
    program: option(name, 'Name of the scheme. Stays for ever.', 'coffee'),
    version: option(z.int().min(1).max(1_000_000), 'Goes up with every change.', 2),
    effectiveFrom: option(
      z.iso.datetime({ offset: true }),
      'Instant from which this version is in force; at once if left out.',
      '2027-01-01T00:00:00-05:00',
    ).optional(),
    timezone: option(z.string(), 'IANA time zone in which days and years begin. Stays for ever.', 'Europe/London'),
    currency: option(z.string().regex(CURRENCY), 'The only currency purchases may have. Stays for ever.', 'USD'),
    enrolment: option(
      z.enum(['implicit', 'required']),
      '`implicit`: the first purchase makes a member; `required`: purchases of unknown members are refused.',
      'required',
    ).default('implicit'),
    enrolmentBufferHours: option(
      z.number().nonnegative().max(8_760),
      'With `enrolment: required`: purchases of so many hours before the enrolment count too; any, if left out.',
      3,
    ).optional(),
    late: option(lateSchema, 'Without it a purchase counts as of its own time, however late it arrives.', {
      days: 7,
      beyond: 'receipt',
    }).optional(),
    earn: option(z.array(earnSchema).min(1).max(500), 'What gives points.', [{ id: 'spend', points: 10, per: 1 }]),
    earnOn: option(
      z.enum(['gross', 'net-of-discounts', 'net-of-points']),
      'What of a purchase earns and qualifies, always without tax, tips and gift cards: all, what is left after discounts, or also without what was paid with points.',
      'net-of-discounts',
    ).default('net-of-points'),
    wallets: option(z.array(walletSchema).min(1).max(20), 'Balances. Without them there is one, `points`.', [
      { id: 'points' },
      { id: 'cash' },
    ]).optional(),
    counters: option(
      z.array(counterSchema).max(50),
      'What conditions and tier sets can look at, besides spend in a window of a set and the balance.',
      [{ id: 'visits', of: 'visits', window: 'calendar-quarter' }],
    ).optional(),
    tiers: option(
      z.union([setSchema, z.array(setSchema).min(1).max(20)]),
      'Ladders of levels. Without them there are no levels.',
      { id: 'main', window: { days: 365 }, levels: [{ id: 'gold', from: 500 }] },
    ).optional(),
    expiry: option(expirySchema, 'Of the points of a program without `wallets`. Without it they do not expire.', {
      after: { years: 1 },
    }).optional(),
    adjustments: option(adjustmentsSchema, 'What corrections by hand need.', { reason: 'required' }).optional(),
    returns: option(returnsSchema, 'What goods that come back take.', {
      unmatched: 'refuse',
      matchDays: 30,
    }).default({ unmatched: 'ignore', matchDays: 365, back: 'earned' }),
  })
  .meta({ title: 'Program', description: 'What all programs have, and where their parts go.' });

/** A program as written, defaults filled in. */
export type ProgramDocument = z.infer<typeof programSchema>;
export type WrittenWindow = z.infer<typeof windowSchema>;
export type WrittenCounter = z.infer<typeof counterSchema>;
export type WrittenSet = z.infer<typeof setSchema>;
export type WrittenLevel = z.infer<typeof levelSchema>;

/** The tier sets of a program, however many it has. */
export function writtenSets({ tiers }: Pick<ProgramDocument, 'tiers'>): readonly WrittenSet[] {
  if (tiers === undefined) return [];
  return Array.isArray(tiers) ? tiers : [tiers];
}
