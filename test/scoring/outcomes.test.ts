/** One refusal a test, in the order of precedence of outcome.ts, each against the refusal that stands next. */
import { expect, it } from 'vitest';
import { BALANCE_MAX } from '../../src/limits.ts';
import { type MemberEvent, NOT_GIVEN } from '../../src/scoring/event.ts';
import { encodeMember } from '../../src/wire/member-record.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';
import { Desk, firstWallet, programOf } from './harness.ts';
import { check } from './table.ts';

const SHOP = `
program: shop
version: 1
timezone: Europe/London
currency: GBP
earn: {id: base, points: 1, per: 1}
returns: {unmatched: refuse}
`;

it('duplicate: the same event gets the first answer, whatever has happened since', () => {
  check(`${SHOP}
---
purchase p1 120.00 2026-01-05     -> scored +120 balance 120
return r1 of p1 20.00 2026-01-06  -> scored -20 balance 100
resend p1                         -> duplicate +120 balance 100
resend r1                         -> duplicate -20 balance 100
adjust a1 +5 reason=sorry         -> scored +5 balance 105
resend a1                         -> duplicate +5 balance 105
enrol e1                          -> scored 0
resend e1                         -> duplicate 0
purchase p1 120.00 2026-01-05     -> duplicate +120 balance 105
`);
});

it('duplicate stands before occurred_in_future: a log clock that stepped back does not refuse a resend', () => {
  check(`${SHOP}
---
purchase p1 1.00 2026-01-05T12:05 now 2026-01-05T12:00 -> scored +1
resend p1 now 2026-01-05T11:00                         -> duplicate +1 balance 1
`);
});

it('occurred_in_future: five minutes ahead are tolerated, a millisecond more is not', () => {
  check(`${SHOP}
---
purchase p1 1.00 2026-01-05T12:05:00.000 now 2026-01-05T12:00 -> scored +1
purchase p2 1.00 2026-01-05T12:05:00.001 now 2026-01-05T12:00 -> occurred_in_future balance 1
; before: a conflict, a wrong currency
purchase p1 1.00 2026-01-05T12:06 now 2026-01-05T12:00               -> occurred_in_future
purchase p2 1.00 2026-01-05T12:06 now 2026-01-05T12:00 currency=USD -> occurred_in_future
`);
});

it('duplicate_with_different_content: names the first field that differs', () => {
  check(`${SHOP}
---
purchase p1 40.00 (A/tea x1 10.00, B/tea x2 30.00) 2026-01-05 store=s1 terminal=t1 -> scored +40
return r1 of p1 (A x1 4.00) 2026-01-06 store=s1                                   -> scored -4
adjust a1 +5 2026-01-07 reason=sorry agent=ann                                     -> scored +5
enrol e1 2026-01-08                                                                -> scored 0

adjust p1 +5 2026-01-05 -> duplicate_with_different_content type
enrol a1 2026-01-07     -> duplicate_with_different_content type
purchase p1 40.00 (A/tea x1 10.00, B/tea x2 30.00) 2026-01-04 store=s1 terminal=t1 -> duplicate_with_different_content occurredAt
purchase p1 40.00 (A/tea x1 10.00, B/tea x2 30.00) store=s1 terminal=t1 -> duplicate_with_different_content occurredAt
purchase p1 40.00 (A/tea x1 10.00, B/tea x2 30.00) 2026-01-05 store=s2 terminal=t1 -> duplicate_with_different_content store
purchase p1 40.00 (A/tea x1 10.00, B/tea x2 30.00) 2026-01-05 store=s1 terminal=t2 -> duplicate_with_different_content terminal
purchase p1 40.00 (A/tea x1 10.00, B/tea x2 30.00) 2026-01-05 store=s1 terminal=t1 currency=GBP -> duplicate_with_different_content currency
purchase p1 41.00 (A/tea x1 11.00, B/tea x2 30.00) 2026-01-05 store=s1 terminal=t1 -> duplicate_with_different_content amount
purchase p1 40.00 2026-01-05 store=s1 terminal=t1 -> duplicate_with_different_content lines
purchase p1 40.00 (A/tea x1 10.00, C/cup x2 30.00) 2026-01-05 store=s1 terminal=t1 -> duplicate_with_different_content lines[1].sku
purchase p1 40.00 (A/tea x1 10.00, B/cup x3 30.00) 2026-01-05 store=s1 terminal=t1 -> duplicate_with_different_content lines[1].category
purchase p1 40.00 (A/tea x1 10.00, B/tea x3 30.00) 2026-01-05 store=s1 terminal=t1 -> duplicate_with_different_content lines[1].quantity
purchase p1 40.00 (A/tea x1 11.00, B/tea x2 29.00) 2026-01-05 store=s1 terminal=t1 -> duplicate_with_different_content lines[0].amount
return r1 of p2 (A x1 4.00) 2026-01-06 store=s1 -> duplicate_with_different_content originalId
return r1 of p1 4.00 2026-01-06 store=s1        -> duplicate_with_different_content amount
return r1 of p1 (A x1) 2026-01-06 store=s1      -> duplicate_with_different_content lines[0].amount
return r1 of p1 (A x1 4.00) 2026-01-06          -> duplicate_with_different_content store
adjust a1 +6 2026-01-07 reason=sorry agent=ann  -> duplicate_with_different_content points
adjust a1 +5 2026-01-07 reason=oops agent=ann   -> duplicate_with_different_content reason
adjust a1 +5 2026-01-07 reason=sorry agent=bob  -> duplicate_with_different_content agent
enrol e1 2026-01-09                             -> duplicate_with_different_content occurredAt
; before: a wrong currency
purchase a1 1.00 2026-01-07 currency=USD        -> duplicate_with_different_content type
resend p1                                       -> duplicate +40 balance 41
`);
});

it('currency_mismatch: names the field; no currency means the one of the program', () => {
  check(`${SHOP}enrolment: required
---
; before: not enrolled
purchase p1 1.00 2026-01-05 currency=USD  -> currency_mismatch currency
enrol e1                                  -> scored 0
purchase p1 1.00 2026-01-05 currency=GBP  -> scored +1
purchase p2 1.00 2026-01-05               -> scored +1
; before: no such original
return r1 of zz 2026-01-05 currency=USD   -> currency_mismatch currency
return r1 of p1 2026-01-05 currency=GBP   -> scored -1
`);
});

it('member_not_enrolled: only where the program asks for it, and only for purchases', () => {
  check(`${SHOP}enrolment: required
---
purchase p1 1.00 2026-01-05 -> member_not_enrolled
adjust a1 +10               -> scored +10
purchase p1 1.00 2026-01-05 -> member_not_enrolled balance 10
enrol e1                    -> scored 0
purchase p1 1.00 2026-01-05 -> scored +1 balance 11
`);
  check(`${SHOP}
---
purchase p1 1.00 2026-01-05 -> scored +1
enrol e1                    -> scored 0
`);
});

it('already_enrolled: another enrolment is refused, the same one is a duplicate', () => {
  check(`${SHOP}
---
enrol e1 2026-01-05 -> scored 0
resend e1           -> duplicate 0
enrol e2 2026-01-06 -> already_enrolled
`);
});

it('original_not_found, original_not_a_purchase, original_without_lines', () => {
  check(`${SHOP}
---
return r1 of p1 2026-01-05        -> original_not_found originalId
purchase p1 10.00                 -> scored +10
return r1 of p1                   -> scored -10 balance 0
; the return before its purchase left no trace, so the same id could be sent again
return r2 of r1                   -> original_not_a_purchase originalId
adjust a1 +1                      -> scored +1
return r2 of a1 (A x1)            -> original_not_a_purchase originalId
return r2 of p1 (A x1)            -> original_without_lines
`);
});

it('line_not_in_original stands before return_exceeds_original, whichever line it is', () => {
  check(`${SHOP}
---
purchase p1 40.00 (A x1 10.00, B x2 30.00) 2026-01-05 -> scored +40
return r1 of p1 (A x2, C x1)  -> line_not_in_original lines[1]
return r1 of p1 (A x2, B x1)  -> return_exceeds_original lines[0]
return r1 of p1 (A x1, B x3)  -> return_exceeds_original lines[1]
return r1 of p1 (A x1, A x1)  -> return_exceeds_original lines[1]
return r1 of p1 40.01         -> return_exceeds_original amount
return r1 of p1 (A x1 40.01)  -> return_exceeds_original lines[0]
; none of them left a trace
return r1 of p1               -> scored -40 balance 0
return r2 of p1               -> return_exceeds_original amount
return r2 of p1 (A x1)        -> return_exceeds_original lines[0]
return r2 of p1 0.01          -> return_exceeds_original amount
`);
});

it('nothing_to_match: under `refuse`, a return that names no purchase must find all it brings', () => {
  check(`${SHOP}
---
purchase p1 40.00 (A x1 10.00, B x2 30.00) 2026-01-05 -> scored +40
return r1 (A x1, C x1)  -> nothing_to_match balance 40
return r1 (A x2)        -> nothing_to_match balance 40
return r1 5.00          -> nothing_to_match balance 40
return r1 (A x1)        -> scored -10 balance 30
`);
});

it('balance_out_of_range: stands last, and only refuses what would go further', () => {
  const purchase = purchaseEvent({ id: 'p1' });
  const adjustment = (points: number): MemberEvent => adjustmentEvent({ points });
  const returned = (originalId: string): MemberEvent => ({
    ...purchase,
    type: 'return',
    id: 'r1',
    originalId,
    amount: NOT_GIVEN,
  });
  const now = Date.UTC(2026, 0, 5);

  const full = new Desk(programOf({}));
  full.score({ ...purchase, id: 'p0' }, now);
  firstWallet(full.member).balance = BALANCE_MAX + 1;
  const before = encodeMember(full.member);
  expect(full.score(purchase, now).code).toBe('balance_out_of_range');
  expect(full.score(adjustment(1), now).code).toBe('balance_out_of_range');
  expect(encodeMember(full.member)).toEqual(before);
  expect(full.score(adjustment(-1), now).code).toBe('scored');
  expect(full.score(purchase, now).code).toBe('scored');

  const deep = new Desk(programOf({}));
  deep.score(purchase, now);
  firstWallet(deep.member).balance = -BALANCE_MAX - 1;
  expect(deep.score(returned('zz'), now).code).toBe('original_not_found');
  expect(deep.score(returned('p1'), now).code).toBe('balance_out_of_range');
  expect(deep.score(adjustment(-1), now).code).toBe('balance_out_of_range');
  expect(deep.score(adjustment(1), now).code).toBe('scored');
});
