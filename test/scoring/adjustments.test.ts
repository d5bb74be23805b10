/** What a program may ask of corrections by hand. */
import { it } from 'vitest';
import { check } from './table.ts';

const SHOP = `
program: shop
version: 1
timezone: UTC
currency: USD
earn: {id: base, points: 1, per: 1}
`;

it('a program that asks for nothing takes any adjustment, and keeps who approved it', () => {
  check(`${SHOP}
---
adjust a1 +1000000 2026-01-05                   -> +1000000
adjust a2 -5 2026-01-05 agent=ann approvedBy=ann -> -5
resend a2                                       -> duplicate -5
adjust a2 -5 2026-01-05 agent=ann approvedBy=bob -> duplicate_with_different_content approvedBy
`);
});

it('reason_required stands before approval_required, and wallet_not_found before both', () => {
  check(`${SHOP}adjustments: {reason: required, approvalAbove: 100}
---
adjust a1 +101 2026-01-05 wallet=cash           -> wallet_not_found wallet
adjust a1 +101 2026-01-05 agent=ann             -> reason_required reason
adjust a1 +101 2026-01-05 agent=ann reason=late -> approval_required approvedBy balance 0
adjust a1 +100 2026-01-05 agent=ann reason=late -> +100
`);
});

it('approval_required: above the amount, either way, by another agent than the one who made it', () => {
  check(`${SHOP}adjustments: {approvalAbove: 100}
---
adjust a1 -101 2026-01-05 agent=ann             -> approval_required approvedBy
adjust a1 -101 2026-01-05 agent=ann approvedBy=ann -> approval_required approvedBy
adjust a1 -101 2026-01-05 agent=ann approvedBy=bob -> -101
adjust a2 +101 2026-01-05 approvedBy=bob        -> +101
adjust a3 -100 2026-01-05                       -> -100
`);
  check(`${SHOP}adjustments: {approvalAbove: 0}
---
adjust a1 +1 2026-01-05                         -> approval_required approvedBy
`);
});
