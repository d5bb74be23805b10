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

const earnSchema = z.strictObject({
  id: name.describe('Name of the rule as receipts and ledgers show it.'),
  points: z.int().min(1).max(1_000_000).describe('Points for every `per` spent.'),
  per: z.number().positive().max(AMOUNT_MAX_UNITS).describe('Spend, in units of the currency, that earns `points`.'),
  rounding: rounding.default('floor'),
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
});

export const programSchema = z.strictObject({
  program: name.describe('Name of the scheme.'),
  version: z.int().min(1).max(1_000_000).describe('Goes up with every change.'),
  timezone: z.string().describe('IANA time zone in which days and years begin, such as Europe/London.'),
  currency: z.string().regex(CURRENCY).describe('The only currency purchases may have.'),
  enrolment: z
    .enum(['implicit', 'required'])
    .default('implicit')
    .describe('implicit: the first purchase makes a member; required: purchases of unknown members are refused.'),
  earn: earnSchema,
  counters: z.array(counterSchema).max(50).optional().describe('What members qualify by, besides what tiers count.'),
  tiers: tiersSchema.optional(),
  expiry: expirySchema.optional(),
  returns: returnsSchema.default({ unmatched: 'ignore', matchDays: 365 }),
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
