/**
 * What a marketer writes: the shape of a program file (YAML or JSON) with a sentence for every option. The sentences are
 * the documentation; errors name the path and what was expected there (see parse.ts).
 */
import { z } from 'zod';

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const CURRENCY = /^[A-Z]{3}$/;
const DATE = /^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/;
const FULL_DATE = /^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/;

/** What a pattern stands for, for error messages. */
export const PATTERNS: Readonly<Record<string, string>> = {
  [String(NAME)]: 'a lower-case name such as gold: letters, digits and dashes, at most 32',
  [String(CURRENCY)]: 'an ISO 4217 code such as USD',
  [String(DATE)]: 'a month and a day such as 06-30',
  [String(FULL_DATE)]: 'a date such as 2026-06-30',
};

const AMOUNT_MAX_UNITS = 10_000_000_000;

const name = z.string().regex(NAME);

const rounding = z
  .enum(['floor', 'nearest', 'ceil'])
  .describe('How a fraction of a point is rounded: floor (default), nearest (half up) or ceil.');

const list = (what: string) => z.array(z.string().min(1).max(128)).min(1).max(1_000).describe(what);

const money = (what: string) => z.number().nonnegative().max(AMOUNT_MAX_UNITS).describe(what);

const conditionSchema = z
  .strictObject({
    skus: list('Only lines with one of these SKUs count.').optional(),
    categories: list('Only lines of one of these categories count.').optional(),
    stores: list('Only purchases in one of these stores.').optional(),
    from: money('Only purchases of which at least so much counts, in units of the currency.').optional(),
    below: money('Only purchases of which less than this counts.').optional(),
  })
  .describe('When the rule applies. All that is given must hold.');

const earnSchema = z.strictObject({
  id: name.describe('Name of the rule as receipts and ledgers show it.'),
  wallet: name.optional().describe('Wallet that the points go to; the first if left out.'),
  points: z.int().min(1).max(1_000_000).describe('Points for every `per` spent, or for `each`.'),
  per: z
    .number()
    .positive()
    .max(AMOUNT_MAX_UNITS)
    .optional()
    .describe('Spend, in units of the currency, that earns `points`.'),
  each: z
    .enum(['piece', 'line', 'purchase'])
    .optional()
    .describe('Instead of `per`: `points` for each piece, line or purchase.'),
  rounding: rounding.optional(),
  when: conditionSchema.optional(),
});

const calendarSchema = z.enum(['calendar-month', 'calendar-quarter', 'calendar-half-year', 'calendar-year']);

const windowSchema = z
  .union([
    z
      .strictObject({ days: z.int().min(1).max(3_660) })
      .describe('A rolling window: the purchase day and the days - 1 before.'),
    z.strictObject({ months: z.int().min(1).max(120) }).describe('A rolling window of calendar months, day by day.'),
    z
      .strictObject({
        years: z.int().min(1).max(10).describe('Years that begin on a day of the member.'),
        from: z
          .enum(['enrolment', 'tier-start'])
          .describe('Which: the day of enrolment (without one, of the first event), or the day the level began.'),
      })
      .describe('Years from a day of the member.'),
    z
      .strictObject({
        from: z.string().regex(FULL_DATE).describe('First day of a promotion.'),
        through: z.string().regex(FULL_DATE).describe('Its last day. What is done counts until it is over.'),
      })
      .describe('A fixed period.'),
    z.enum(['lifetime', ...calendarSchema.options]).describe('Since 1 January, say, or ever.'),
  ])
  .describe('What counts, in whole days of the program time zone.');

const counterSchema = z.strictObject({
  id: name.describe('Name of the counter, as `counters` in a member shows it.'),
  of: z
    .enum(['spend', 'transactions', 'visits', 'points', 'categories', 'activity'])
    .describe(
      'What is counted: spend, transactions, visits (one a store and day), points earned with purchases, distinct categories, or activity of any kind.',
    ),
  window: windowSchema,
});

const from = z.number().nonnegative().max(AMOUNT_MAX_UNITS);

const conditionsSchema = z
  .array(
    z.strictObject({
      counter: name.describe('What is looked at: a counter, or `balance`.'),
      from: from.describe('What it takes: units of the currency for spend, plain numbers otherwise.'),
    }),
  )
  .min(1)
  .max(10);

/** `all`, `any`, or `atLeast` with `of`: tiers.ts sees to that. */
const whenSchema = z.strictObject({
  all: conditionsSchema.optional().describe('All of these conditions.'),
  any: conditionsSchema.optional().describe('One of them.'),
  atLeast: z.int().min(1).max(10).optional().describe('So many of the conditions in `of`.'),
  of: conditionsSchema.optional().describe('The conditions `atLeast` chooses from.'),
});

const levelSchema = z.strictObject({
  id: name.describe('Name of the level.'),
  from: from
    .optional()
    .describe(
      'From which a member holds this level: spend in units of the currency, or what the set counts. Else `when`.',
    ),
  when: whenSchema.optional().describe('Conditions on several counters, instead of `from`.'),
  multiplier: z
    .number()
    .min(1)
    .max(100)
    .multipleOf(0.001)
    .default(1)
    .describe('Points are multiplied by this on this level; up to three decimals. Of the first set alone.'),
  entry: z
    .strictObject({ points: z.int().min(1).max(1_000_000_000).describe('Points for reaching the level.') })
    .optional()
    .describe('What reaching the level gives; a return that undoes it takes it back.'),
  benefits: z
    .array(z.string().min(1).max(200))
    .max(50)
    .optional()
    .describe('What the level offers, as members read it.'),
});

const spanSchema = z.strictObject({
  days: z.int().min(1).max(3_660).optional(),
  months: z.int().min(1).max(120).optional(),
  years: z.int().min(1).max(10).optional(),
});

const setSchema = z.strictObject({
  id: name.describe('Name of the tier set, as `tiers` in a member shows it.'),
  window: windowSchema.optional(),
  counter: name.optional().describe('Instead of `window`: the counter that `from` measures.'),
  balance: z.literal('points').optional().describe('Instead of `window`: `from` measures what can be spent.'),
  period: calendarSchema.optional().describe('What starts and ends terms, where no counter of the set has periods.'),
  starts: z.enum(['at-once', 'next-period']).optional().describe('When a level that is reached begins.'),
  lasts: z
    .strictObject({
      for: spanSchema.optional().describe('So long from its first day.'),
      until: z.enum(['period-end', 'next-period-end']).optional().describe('To the end of the period, or of the next.'),
      plus: z
        .strictObject({ days: z.int().min(1).max(366).optional(), months: z.int().min(1).max(12).optional() })
        .optional()
        .describe('So much longer than `until`.'),
    })
    .optional()
    .describe('How long a level is held at least. Without it: as long as it qualifies.'),
  downgrade: z
    .enum(['to-qualified', 'one-level', 'none'])
    .optional()
    .describe('Where a level that ends leads: to what qualifies, one level down, or it does not end.'),
  grace: z
    .strictObject({
      days: z.int().min(1).max(366).optional(),
      months: z.int().min(1).max(24).optional(),
      through: z.enum(['month', 'quarter', 'year']).optional(),
    })
    .optional()
    .describe('How long a level is kept after it no longer qualifies.'),
  returns: z
    .enum(['at-once', 'at-period-end'])
    .optional()
    .describe('When a return may cost a level: at once, or not before its term ends.'),
  levels: z.array(levelSchema).min(1).max(100).describe('Levels, lowest first. A member below the first holds none.'),
});

const tiersSchema = z
  .union([setSchema, z.array(setSchema).min(1).max(20)])
  .describe('One tier set, or a list of them.');

/** Either `after`, with what goes with it, or `on`: compile.ts sees to that, since it can say so better than a union. */
const expirySchema = z.strictObject({
  after: z
    .strictObject({
      days: z.int().min(0).max(36_500).optional().describe('Days after the day they were earned.'),
      months: z.int().min(0).max(1_200).optional().describe('Months after it; 31 January + 1 month is 28 February.'),
      years: z.int().min(0).max(100).optional().describe('Years after it.'),
    })
    .optional()
    .describe(
      'The last day on which points can be spent: {days: 90}, {months: 12} or {years: 2} after they were earned.',
    ),
  through: z
    .enum(['day', 'month', 'quarter', 'year'])
    .optional()
    .describe('To the end of what the last day is extended: day (default), month, quarter or year.'),
  renew: z
    .enum(['none', 'activity'])
    .optional()
    .describe('activity: a purchase renews all points, as if they were earned on its day; none (default).'),
  on: z
    .array(z.string().regex(DATE))
    .min(1)
    .max(24)
    .optional()
    .describe('Fixed last days, each year; 02-29 is the last day of February.'),
});

const pendingSchema = z
  .strictObject({
    days: z
      .int()
      .min(1)
      .max(3_660)
      .optional()
      .describe('Points can be spent so many days after the day they were earned,'),
    months: z.int().min(1).max(120).optional().describe('or months after it,'),
    on: z
      .array(z.string().regex(DATE))
      .min(1)
      .max(24)
      .optional()
      .describe('or from the next of these dates on, each year,'),
    until: z.literal('confirmed').optional().describe('or once a confirmation has come.'),
  })
  .describe('Points wait until goods can no longer come back. A confirmation ends any wait.');

const redeemSchema = z.strictObject({
  points: z.int().min(1).max(1_000_000).describe('So many points are worth `worth`.'),
  worth: z.number().positive().max(AMOUNT_MAX_UNITS).describe('In units of the currency.'),
  minimum: z.int().min(1).max(1_000_000_000).default(1).describe('Fewest points of one redemption.'),
  maximum: z.int().min(1).max(1_000_000_000).optional().describe('Most points of one redemption.'),
  step: z.int().min(1).max(1_000_000).default(1).describe('Points are redeemed in multiples of this.'),
  holdMinutes: z
    .int()
    .min(1)
    .max(43_200)
    .default(15)
    .describe('How long an authorisation holds points that are not captured.'),
  automaticAt: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe('Redeems by itself whenever so many points can be spent, after levels have been judged.'),
});

const walletSchema = z.strictObject({
  id: name.describe('Name of the wallet, as `balances` in a member shows it.'),
  rounding: rounding.default('floor'),
  rounded: z
    .enum(['rule', 'line', 'basket'])
    .default('rule')
    .describe(
      "What is rounded: each rule's points of a purchase (default), each line's, or the basket's, which rules then share by largest remainder.",
    ),
  expiry: expirySchema.optional(),
  pending: pendingSchema.optional(),
  returns: z
    .enum(['unlimited', 'within-balance', 'only-pending'])
    .default('unlimited')
    .describe(
      'How far a return may take: into debt (unlimited, default), down to nothing (within-balance), or no more than what is pending (only-pending).',
    ),
  spend: z
    .enum(['soonest', 'newest'])
    .default('soonest')
    .describe('Which points are spent first: the soonest to expire, then the oldest (default), or the newest.'),
  redeem: redeemSchema.optional().describe('What points are worth. Without it they cannot be redeemed.'),
});

const lateSchema = z.strictObject({
  days: z
    .int()
    .min(0)
    .max(3_660)
    .describe('A purchase received up to so many days after its own day counts as of its own time.'),
  beyond: z
    .enum(['refuse', 'receipt', 'flag'])
    .describe('One received later is refused, counts as of its receipt, or counts as of its own time and is flagged.'),
});

const returnsSchema = z.strictObject({
  unmatched: z
    .enum(['ignore', 'deduct', 'refuse'])
    .default('ignore')
    .describe(
      'What a return that names no purchase does with goods no purchase is found for: ignore them, deduct what they would earn today, or refuse the event.',
    ),
  matchDays: z
    .int()
    .min(1)
    .max(3_660)
    .default(365)
    .describe('How many days back a return that names no purchase looks for one.'),
  back: z
    .enum(['earned', 'proportional'])
    .default('earned')
    .describe(
      'A return takes back what its goods earned (default), or the share that their price has in the purchase.',
    ),
});

export const programSchema = z.strictObject({
  program: name.describe('Name of the scheme.'),
  version: z.int().min(1).max(1_000_000).describe('Goes up with every change.'),
  effectiveFrom: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Instant from which this version is in force, as in 2027-01-01T00:00:00-05:00; at once if left out.'),
  timezone: z.string().describe('IANA time zone in which days and years begin, such as Europe/London.'),
  currency: z.string().regex(CURRENCY).describe('The only currency purchases may have.'),
  enrolment: z
    .enum(['implicit', 'required'])
    .default('implicit')
    .describe('implicit: the first purchase makes a member; required: purchases of unknown members are refused.'),
  enrolmentBufferHours: z
    .number()
    .nonnegative()
    .max(8_760)
    .optional()
    .describe('With required: purchases of so many hours before the enrolment count too; any, if left out.'),
  late: lateSchema.optional().describe('Without it a purchase counts as of its own time, however late it arrives.'),
  earn: z
    .array(earnSchema)
    .min(1)
    .max(500)
    .describe('One rule or a list of rules. Each that applies gives its points.'),
  earnOn: z
    .enum(['gross', 'net-of-discounts', 'net-of-points'])
    .default('net-of-points')
    .describe(
      'What of a purchase earns and qualifies, always without tax, tips and gift cards: all (gross), what is left after discounts, or also without what was paid with points (default).',
    ),
  wallets: z
    .array(walletSchema)
    .min(1)
    .max(20)
    .optional()
    .describe('Balances of their own. Without them there is one, `points`.'),
  counters: z.array(counterSchema).max(50).optional().describe('What members qualify by, besides what tiers count.'),
  tiers: tiersSchema.optional(),
  expiry: expirySchema.optional().describe('Of the points of a program without `wallets`.'),
  returns: returnsSchema.default({ unmatched: 'ignore', matchDays: 365, back: 'earned' }),
});

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
