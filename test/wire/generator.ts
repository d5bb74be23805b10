/** Generated ledger entries of every kind, and wallets and holds, with anything in them that a record can say. */
import fc from 'fast-check';
import { NEVER } from '../../src/program/expiry.ts';
import { type AccrualTerms, type Award, EVERYTHING } from '../../src/program/program.ts';
import type {
  Accrual,
  AdjustmentEntry,
  CaptureEntry,
  EnrolmentEntry,
  Entry,
  ExceptionEnd,
  ExceptionEntry,
  Expiration,
  HoldEntry,
  RedemptionEntry,
  RedemptionReversal,
  ReleaseEntry,
  Reversal,
  Settlement,
  VoidEntry,
} from '../../src/scoring/entry.ts';
import { NO_DEDUCTIONS, NOT_GIVEN } from '../../src/scoring/event.ts';
import type { Exception } from '../../src/scoring/exceptions.ts';
import type { Hold } from '../../src/scoring/holds.ts';
import type { Lots } from '../../src/scoring/lots.ts';
import type { Wallet } from '../../src/scoring/wallet.ts';

/** The id whose characters are the bytes of another: as long, and read as bytes the same. */
function bytesOf(id: string): string {
  return Buffer.from(id).toString('latin1');
}

/** Of one and of several bytes a character, around the longest length that one byte holds, and of equal length either way. */
export const IDS = [
  ...['é', '店', 'ab店'].map(bytesOf),
  ...['', 'a', 'b', 'ab', 'ac', 'ba', 'é', 'è', '店', '🦊', 'a\u0000', 'ab店', '店ab'],
  ...[126, 127, 128, 129, 200].flatMap((length) => ['x'.repeat(length), `${'x'.repeat(length - 1)}y`]),
  ...[42, 43, 63, 64].flatMap((length) => ['é'.repeat(length), `${'é'.repeat(length - 1)}e`, '店'.repeat(length)]),
];

const PLAIN = { walletId: 'points', per: 'money', rounded: 'rule', back: 'earned' } as const;
const TERMS: readonly AccrualTerms[] = (['floor', 'nearest', 'ceil'] as const).flatMap((rounding, index) => {
  const terms = {
    ...PLAIN,
    programVersion: index + 1,
    ruleId: 'spend',
    rate: { points: 1 + index, perMinor: 100, rounding },
    levelId: ['', 'silver', 'gold'][index] ?? '',
    multiplierMilli: 1_000 + 250 * index,
  };
  return [
    terms,
    { ...terms, walletId: 'miles' },
    { ...terms, per: (['piece', 'line', 'purchase'] as const)[index] ?? 'piece' },
    { ...terms, rounded: (['line', 'basket', 'line'] as const)[index] ?? 'line' },
    { ...terms, back: 'proportional' as const },
  ];
});

const number = fc.oneof(fc.nat({ max: 200 }), fc.maxSafeNat());
const given = fc.oneof(fc.constant(NOT_GIVEN), fc.nat());
const label = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 8 }));
/** Most are in the wallet of a program that says nothing about wallets. */
const walletId = fc.constantFrom('points', 'points', 'points', 'miles', 'é');
const originalId = fc.constantFrom(...IDS);
/** Some longer than the slab has for one member, some longer than the writer. */
const long = fc
  .tuple(
    fc.constantFrom('r', 'é'),
    fc.constantFrom(0, 1, 20, 60, 100, 127, 128, 199, 200, 201, 500, 5_000, 33_000, 70_000),
  )
  .map(([letter, length]) => letter.repeat(length));
const head = fc
  .tuple(originalId, number, number, fc.constantFrom('unsaid', 'at', 'other'))
  .map(([eventId, at, other, when]) => ({ eventId, occurredAt: { unsaid: 0, at, other }[when], at }));
const day = fc.integer({ min: -1_000, max: 100_000_000 });
const points = fc.oneof(fc.nat({ max: 200 }), fc.nat());
const rareMark = fc.constantFrom(false, false, false, true);
const rarely = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat());

export const lots: fc.Arbitrary<Lots> = fc
  .array(
    fc
      .tuple(day, fc.oneof(fc.constant(NEVER), fc.nat({ max: 5_000 })), points)
      .map(([earned, span, open]) => [span === NEVER ? NEVER : earned + span, earned, open]),
    { maxLength: 4 },
  )
  // As they are kept: the soonest to expire first.
  .map((all) => all.sort(([one = 0], [other = 0]) => one - other).flat());
const days = fc.array(fc.tuple(fc.integer(), number), { maxLength: 6 }).map((all) => all.flat());

const terms: fc.Arbitrary<AccrualTerms> = fc.oneof(
  fc.constantFrom(...TERMS),
  fc.constantFrom(...TERMS).map((terms) => ({ ...terms })),
);
const award: fc.Arbitrary<Award> = fc.record({
  terms,
  lines: fc.oneof(fc.constant(EVERYTHING), fc.uniqueArray(fc.nat({ max: 300 }), { minLength: 1, maxLength: 3 })),
});
const accrualLine = fc.record({
  sku: label,
  category: label,
  quantity: fc.nat(),
  amount: fc.nat(),
  returnedQuantity: fc.nat(),
  returnedAmount: fc.nat(),
});
const deductions = fc.record({ discount: rarely, paidWithPoints: rarely, tax: rarely, tip: rarely, giftCards: rarely });
/** Half of them of one rule for all money, of which nothing more is to say if the rule is plain. */
export const accrual: fc.Arbitrary<Accrual> = fc
  .tuple(
    head,
    fc.record({ store: label, terminal: label, currency: label, amount: number }),
    fc.oneof(
      terms.map((terms) => ({ deductions: NO_DEDUCTIONS, redemptionId: '', awards: [{ terms, lines: EVERYTHING }] })),
      fc.record({ deductions, redemptionId: label, awards: fc.array(award, { maxLength: 3 }) }),
    ),
    fc.record({ notCounted: rarely, programVersion: fc.nat(), confirmed: rareMark, late: rareMark }),
    fc.record({ lines: fc.array(accrualLine, { maxLength: 4 }), returnedAmount: number }),
  )
  .map(([head, sale, { awards, ...rest }, { notCounted, programVersion, ...marks }, { lines, returnedAmount }]) => ({
    kind: 'accrual',
    ...head,
    ...sale,
    ...rest,
    counted: Math.max(0, sale.amount - notCounted),
    // The program that a rule is of.
    programVersion: awards[0]?.terms.programVersion ?? programVersion,
    lines,
    awards,
    returnedAmount,
    ...marks,
  }));

const take = fc.record({
  walletId,
  ruleId: label,
  base: fc.integer(),
  levelId: label,
  bonus: fc.integer(),
  expired: rarely,
  forgiven: rarely,
});
const restored = fc.record({ walletId, redemptionId: originalId, points });
const parts = fc.array(
  fc.record({
    originalId: label,
    amount: fc.nat(),
    takes: fc.oneof(
      { weight: 3, arbitrary: take.map((one) => [{ ...one, walletId: 'points', forgiven: 0 }]) },
      fc.array(take, { maxLength: 3 }),
    ),
    restored: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, restored),
  }),
  { maxLength: 3 },
);
const reversal = fc
  .tuple(
    head,
    fc.record({
      programVersion: fc.nat(),
      store: label,
      terminal: label,
      currency: label,
      originalId,
      amount: given,
      lines: fc.array(fc.record({ sku: label, quantity: fc.nat(), amount: given }), { maxLength: 3 }),
      parts,
    }),
  )
  .map(([head, rest]): Reversal => ({ kind: 'reversal', ...head, ...rest }));
const voided = fc
  .tuple(head, fc.record({ programVersion: fc.nat(), originalId, parts }))
  .map(([head, rest]): VoidEntry => ({ kind: 'void', ...head, ...rest }));
const settlement = fc
  .tuple(
    head,
    fc.record({
      programVersion: fc.nat(),
      originalId,
      moved: fc.array(fc.record({ walletId, points: number }), { maxLength: 3 }),
    }),
  )
  .map(([head, rest]): Settlement => ({ kind: 'settlement', ...head, ...rest }));

const payment = fc.record({
  programVersion: fc.nat(),
  walletId,
  points: number,
  worth: number,
  store: label,
  terminal: label,
  wallet: label,
  asked: fc.record({ points: given, amount: given }),
});
const redemption = fc
  .tuple(head, payment, fc.record({ taken: lots, reversed: number }))
  .map(([head, payment, rest]): RedemptionEntry => ({ kind: 'redemption', ...head, ...payment, ...rest }));
const hold = fc
  .tuple(head, payment, number)
  .map(([head, payment, until]): HoldEntry => ({ kind: 'hold', ...head, ...payment, until }));
const capture = fc
  .tuple(
    head,
    fc.record({
      programVersion: fc.nat(),
      walletId,
      originalId,
      asked: given,
      points: number,
      worth: number,
      released: number,
      taken: lots,
      reversed: number,
    }),
  )
  .map(([head, rest]): CaptureEntry => ({ kind: 'capture', ...head, ...rest }));
const release = fc
  .tuple(head, fc.record({ programVersion: fc.nat(), walletId, originalId, points: number }))
  .map(([head, rest]): ReleaseEntry => ({ kind: 'release', ...head, ...rest }));
const redemptionReversal = fc
  .tuple(head, fc.record({ programVersion: fc.nat(), originalId, asked: given, restored }))
  .map(([head, rest]): RedemptionReversal => ({ kind: 'redemption_reversal', ...head, ...rest }));
const adjustment = fc
  .tuple(
    head,
    fc.record({
      programVersion: fc.nat(),
      walletId,
      wallet: fc.constantFrom('', '', 'points', 'miles'),
      points: fc.integer(),
      reason: long,
      agent: label,
      approvedBy: fc.constantFrom('', '', 'bob'),
    }),
  )
  .map(([head, rest]): AdjustmentEntry => ({ kind: 'adjustment', ...head, ...rest }));
const exceptionTerms = fc.record({
  tier: label,
  floor: label,
  ceiling: label,
  thresholds: fc.array(fc.record({ level: label, from: number }), { maxLength: 3 }),
  reason: long,
  agent: label,
});
const exception = fc
  .tuple(head, exceptionTerms, fc.record({ programVersion: fc.nat(), until: number }))
  .map(([head, terms, rest]): ExceptionEntry => ({ kind: 'exception', ...head, ...terms, ...rest }));
const exceptionEnd = fc
  .tuple(head, fc.record({ programVersion: fc.nat(), originalId, reason: long, agent: label }))
  .map(([head, rest]): ExceptionEnd => ({ kind: 'exception_end', ...head, ...rest }));
const enrolment = fc
  .tuple(head, fc.nat())
  .map(([head, programVersion]): EnrolmentEntry => ({ kind: 'enrolment', ...head, programVersion }));
const expiration = fc
  .tuple(head, fc.record({ programVersion: fc.nat(), walletId, earned: days }))
  .map(([head, rest]): Expiration => ({ kind: 'expiration', ...head, ...rest }));

const KINDS: { readonly [Kind in Entry['kind']]: fc.Arbitrary<Extract<Entry, { kind: Kind }>> } = {
  accrual,
  reversal,
  void: voided,
  settlement,
  redemption,
  hold,
  capture,
  release,
  redemption_reversal: redemptionReversal,
  adjustment,
  exception,
  exception_end: exceptionEnd,
  enrolment,
  expiration,
};
export const entry: fc.Arbitrary<Entry> = fc.oneof(...Object.values(KINDS));

/** Day available, last day, day earned, points. */
const pending = fc
  .array(fc.tuple(fc.oneof(day, fc.constant(NEVER)), fc.oneof(day, fc.constant(NEVER)), day, points), { maxLength: 3 })
  .map((all) => all.flat());

/** With something in it: an empty one is not kept. */
export function wallet(id: string): fc.Arbitrary<Wallet> {
  return fc
    .record({ id: fc.constant(id), balance: fc.integer(), lots, pending, expired: days })
    .filter(({ balance }) => balance !== 0);
}

export const holds: fc.Arbitrary<readonly Hold[]> = fc.array(
  fc.record({ id: originalId, walletId, until: number, taken: lots }),
  { maxLength: 3 },
);

export const exceptions: fc.Arbitrary<readonly Exception[]> = fc.array(
  fc
    .tuple(exceptionTerms, fc.record({ id: originalId, since: number, isClosed: rareMark }))
    .chain(([terms, rest]) =>
      fc.oneof(fc.constant(Infinity), fc.integer({ min: 1 })).map((until) => ({ ...rest, ...terms, until })),
    ),
  { maxLength: 3 },
);
