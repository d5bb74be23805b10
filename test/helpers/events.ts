/** Events of which a test says only what matters to it: of member 42, when the log receives them. */
import { type Adjustment, NO_DEDUCTIONS, type Purchase } from '../../src/scoring/event.ts';

export function purchaseEvent(given: Partial<Purchase>): Purchase {
  return {
    type: 'purchase',
    id: 'p1',
    memberId: '42',
    occurredAt: 0,
    store: '',
    terminal: '',
    currency: '',
    amount: 100,
    lines: [],
    deductions: NO_DEDUCTIONS,
    redemptionId: '',
    ...given,
  };
}

export function adjustmentEvent(given: Partial<Adjustment>): Adjustment {
  return {
    type: 'adjustment',
    id: 'a1',
    memberId: '42',
    occurredAt: 0,
    wallet: '',
    points: 1,
    reason: '',
    agent: '',
    approvedBy: '',
    ...given,
  };
}
