/** For each section of the reference a program that uses it; what all programs have is in the first alone. */
import type { SectionId } from './schema.ts';

export const SECTION_EXAMPLES: Readonly<Record<SectionId | 'program', string>> = {
  program: `
program: coffee
version: 2
effectiveFrom: 2027-01-01T00:00:00-05:00
timezone: America/New_York
currency: USD
enrolment: required
late: { days: 7, beyond: receipt }
earn: { id: spend, points: 10, per: 1.00 }
`,
  earn: `
earn:
  - { id: spend, points: 10, per: 1.00 }
  - { id: beans, points: 50, each: piece, when: { categories: [beans] } }
  - { id: large-basket, points: 100, each: purchase, when: { from: 50.00 } }
`,
  wallet: `
wallets:
  - id: points
    expiry: { after: { months: 12 }, through: month }
    redeem: { points: 100, worth: 1.00, minimum: 500, step: 100 }
  - id: cash
    rounding: nearest
    pending: { days: 14 }
    returns: within-balance
earn:
  - { id: spend, points: 10, per: 1.00 }
  - { id: cashback, wallet: cash, points: 1, per: 1.00 }
`,
  expiry: `
expiry: { after: { months: 12 }, through: month, renew: activity }
`,
  counter: `
counters:
  - { id: visits, of: visits, window: { days: 90 } }
  - { id: quarter-spend, of: spend, window: calendar-quarter }
`,
  window: `
counters:
  - { id: ninety-days, of: visits, window: { days: 90 } }
  - { id: twelve-months, of: spend, window: { months: 12 } }
  - { id: member-year, of: spend, window: { years: 1, from: enrolment } }
  - { id: june, of: transactions, window: { from: 2026-06-01, through: 2026-06-30 } }
  - { id: ever, of: categories, window: lifetime }
`,
  'tier-set': `
tiers:
  id: main
  window: calendar-year
  lasts: { until: next-period-end, plus: { months: 2 } }
  downgrade: one-level
  levels:
    - { id: silver, from: 500.00 }
    - { id: gold, from: 2000.00 }
`,
  level: `
tiers:
  id: main
  window: { days: 365 }
  levels:
    - { id: silver, from: 500.00, multiplier: 1.25 }
    - { id: gold, from: 2000.00, multiplier: 1.5, entry: { points: 500 }, benefits: [Lounge] }
`,
  condition: `
counters:
  - { id: visits, of: visits, window: calendar-year }
  - { id: year-spend, of: spend, window: calendar-year }
tiers:
  id: main
  levels:
    - { id: silver, when: { any: [{ counter: visits, from: 20 }, { counter: year-spend, from: 500.00 }] } }
    - { id: gold, when: { all: [{ counter: visits, from: 40 }, { counter: year-spend, from: 2000.00 }] } }
`,
  adjustments: `
adjustments: { reason: required, approvalAbove: 10000 }
`,
  returns: `
returns: { unmatched: deduct, matchDays: 90 }
`,
};
