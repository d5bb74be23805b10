/** Random small histories, of the kinds that real data rarely has: the engine's fold and the bookkeeper agree event by event. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Oracle } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { LATE_DAYS } from '../../src/limits.ts';
import type { Outcome } from '../../src/scoring/outcome.ts';
import { FUZZ_TIMES } from '../scoring/generator.ts';
import { agreeOn, engineSays, oracleSays } from './agreement.ts';
import { Fold } from './fold.ts';
import { histories } from './histories.ts';

const DAY_MS = 86_400_000;

function kindsOf({ code, entry, before, after }: Outcome): string[] {
  const isReturn = code === 'scored' && (entry?.kind === 'reversal' || entry?.kind === 'void');
  const takes = isReturn ? entry.parts.flatMap((part) => part.takes) : [];
  return [
    entry === undefined || code === 'duplicate' ? code : `${code} ${entry.kind}`,
    ...before.map(({ kind }) => `${kind} before`),
    ...after.map(({ kind }) => `${kind} at once`),
    ...(takes.some(({ expired }) => expired > 0) ? ['returned after it expired'] : []),
    ...(takes.some(({ forgiven }) => forgiven > 0) ? ['points left to the member'] : []),
    ...(isReturn && entry.parts.some(({ restored }) => restored !== undefined) ? ['points that paid came back'] : []),
  ];
}

it('the fold agrees with the bookkeeper, event by event', { timeout: 120_000 + 60_000 * FUZZ_TIMES }, () => {
  const kinds = new Map<string, number>();
  fc.assert(
    fc.property(histories, fc.nat(800), fc.boolean(), (history, afterDays, isCold) => {
      const fold = new Fold(history.program, isCold);
      const oracle = new Oracle(history.program);
      const scored = new Set<string>();
      let now = 0;
      for (const { tickAt, event, receivedMs } of history.moves(scored)) {
        now = receivedMs;
        if (tickAt !== undefined) for (const one of [fold, oracle]) one.tick(tickAt);
        // What was refused counts when it is sent again, and may by then be later than the engine looks back.
        const isTooLate = receivedMs - Date.parse(event.occurredAt ?? '') > LATE_DAYS * DAY_MS;
        if (isTooLate && !scored.has(event.id)) continue;
        const outcome = agreeOn(fold, oracle, event, receivedMs);
        if (outcome.code === 'scored') scored.add(event.id);
        for (const kind of kindsOf(outcome)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
      const later = now + afterDays * DAY_MS;
      for (const memberId of ['m', 'n']) {
        expect(engineSays(fold, memberId, later), 'later').toEqual(oracleSays(oracle, memberId, later));
      }
    }),
    // Shrinking a long history takes minutes; what there is by then is short enough to read.
    { numRuns: 800 * FUZZ_TIMES, interruptAfterTimeLimit: 90_000 * FUZZ_TIMES },
  );
  // A generator that no longer reaches a kind of outcome would agree on nothing.
  for (const kind of [
    'scored accrual',
    'scored reversal',
    'scored void',
    'scored settlement',
    'scored redemption',
    'scored hold',
    'scored capture',
    'scored release',
    'scored redemption_reversal',
    'scored adjustment',
    'scored enrolment',
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
    'purchase_settled',
    'purchase_returned',
    'nothing_pending',
    'original_not_a_redemption',
    'original_not_a_hold',
    'hold_over',
    'capture_exceeds_hold',
    'reversal_exceeds_redemption',
    'wallet_not_found',
    'wallet_not_redeemable',
    'below_minimum',
    'above_maximum',
    'not_a_step',
    'insufficient_points',
    'expiration before',
    'expiration at once',
    'settlement before',
    'settlement at once',
    'release before',
    'release at once',
    'redemption before',
    'redemption at once',
    'points that paid came back',
    'points left to the member',
    'returned after it expired',
  ]) {
    expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(0);
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
