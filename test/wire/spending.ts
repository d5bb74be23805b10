/** A member of two wallets to whom all that there is happens: points wait, are spent, held, given back and expire. */
import { type MemberEvent, NOT_GIVEN } from '../../src/scoring/event.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';

/** Points wait for two weeks and are worth a hundredth; five miles are paid out. */
export const WALLETS = {
  wallets: [
    {
      id: 'points',
      pending: { days: 14 },
      expiry: { after: { months: 1 } },
      returns: 'within-balance',
      redeem: { points: 100, worth: 1, holdMinutes: 30 },
    },
    { id: 'miles', expiry: { after: { days: 2 } }, redeem: { points: 1, worth: 0.5, automaticAt: 5 } },
  ],
  earn: [
    { id: 'base', points: 10, per: 1 },
    { id: 'visit', wallet: 'miles', points: 3, each: 'purchase' },
  ],
};

export function spend(type: 'redemption' | 'authorisation', id: string, points: number): MemberEvent {
  const till = { store: 's1', terminal: 't1', wallet: '' };
  return { type, ...of(id), ...till, points, amount: NOT_GIVEN };
}

function of(id: string): { id: string; memberId: string; occurredAt: number } {
  return { id, memberId: '42', occurredAt: 0 };
}

const RETURNED = { store: 's1', terminal: '', currency: '', amount: 1_000, lines: [] };

/** Each with the day on which it happens. */
export const SPENDING: readonly (readonly [MemberEvent, number])[] = [
  [purchaseEvent({ id: 'p1', amount: 1_000 }), 0],
  [purchaseEvent({ id: 'p2', amount: 5_000 }), 1],
  [{ type: 'void', ...of('v1'), originalId: 'p2' }, 1],
  [purchaseEvent({ id: 'p3', amount: 5_000 }), 1],
  [{ type: 'confirmation', ...of('c1'), originalId: 'p3' }, 1],
  [spend('redemption', 's1', 100), 1],
  [spend('authorisation', 'h1', 150), 1],
  [spend('authorisation', 'h2', 50), 1],
  [spend('authorisation', 'h3', 7), 1],
  [{ type: 'capture', ...of('k1'), originalId: 'h1', points: 120 }, 1],
  [{ type: 'release', ...of('l1'), originalId: 'h2' }, 1],
  [{ type: 'reversal', ...of('b1'), originalId: 's1', points: 40 }, 1],
  [purchaseEvent({ id: 'p4', amount: 2_000, redemptionId: 'k1' }), 2],
  [{ type: 'return', ...of('r1'), originalId: 'p4', ...RETURNED }, 2],
  [adjustmentEvent({ id: 'a1', wallet: 'miles', points: 2 }), 50],
];
