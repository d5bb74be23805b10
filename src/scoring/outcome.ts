/**
 * What became of an event. Codes are sentences; the table stands in order of precedence: an event that could be refused for
 * two reasons is refused for the one that stands first, and the ladders in score.ts check in this order.
 */
import type { Entry } from './entry.ts';

export const OUTCOMES = {
  scored: { refused: false, help: 'The event counted.' },
  duplicate: { refused: false, help: 'The same event had been scored before; the answer is the first one.' },
  malformed: { refused: true, help: 'The bytes are not an event. The message names the place.' },
  wrong_partition: { refused: true, help: 'The member belongs to another partition: the sender hashes differently.' },
  no_program: { refused: true, help: 'The partition had no program yet. Publish through an engine that has started.' },
  occurred_in_future: {
    refused: true,
    help: "The till's clock is ahead by more than the tolerance. Set it and resend.",
  },
  duplicate_with_different_content: {
    refused: true,
    help: 'The id was used before for something else; `field` names the first difference. Use a new id.',
  },
  currency_mismatch: { refused: true, help: 'The program counts one currency and this is another.' },
  too_late: { refused: true, help: 'The purchase arrives later than the program accepts.' },
  member_not_enrolled: { refused: true, help: 'The program asks for enrolment first.' },
  before_enrolment: { refused: true, help: 'The purchase was made too long before the member enrolled.' },
  already_enrolled: { refused: true, help: 'The member is enrolled.' },
  original_not_found: {
    refused: true,
    help: 'The member has no event with that originalId. It may still arrive: resend.',
  },
  original_not_a_purchase: { refused: true, help: 'Only purchases can be returned, voided or confirmed.' },
  original_not_a_redemption: { refused: true, help: 'Only redemptions and captures can be reversed.' },
  original_not_a_hold: { refused: true, help: 'Only authorisations can be captured or released.' },
  original_not_an_exception: { refused: true, help: 'Only exceptions can be ended.' },
  original_without_lines: { refused: true, help: 'The purchase has no lines; return it by amount or as a whole.' },
  line_not_in_original: { refused: true, help: 'The purchase has no line with that SKU.' },
  return_exceeds_original: { refused: true, help: 'More is returned than is left of the purchase.' },
  nothing_to_match: {
    refused: true,
    help: 'No purchase of these goods was found, and the program refuses such returns.',
  },
  purchase_settled: { refused: true, help: 'The purchase is settled and can be returned, but not voided.' },
  purchase_returned: { refused: true, help: 'Part of the purchase has come back, so it can no longer be voided.' },
  nothing_pending: { refused: true, help: 'Nothing that the purchase earned is waiting to be confirmed.' },
  hold_over: { refused: true, help: 'The hold was captured, released or has run out.' },
  capture_exceeds_hold: { refused: true, help: 'More is captured than is held.' },
  reversal_exceeds_redemption: { refused: true, help: 'More comes back than is left of what was spent.' },
  wallet_not_found: { refused: true, help: 'The program has no wallet of that name.' },
  wallet_not_redeemable: { refused: true, help: 'The program does not say what points of this wallet are worth.' },
  below_minimum: { refused: true, help: 'The program redeems no fewer points at once.' },
  above_maximum: { refused: true, help: 'The program redeems no more points at once.' },
  not_a_step: { refused: true, help: 'The program redeems points in steps only.' },
  insufficient_points: { refused: true, help: 'The member has fewer points to spend.' },
  too_many_holds: {
    refused: true,
    help: 'The member has as many holds open as there can be. Capture or release some.',
  },
  level_not_found: {
    refused: true,
    help: 'The tier set or the level is not there, or the level has several conditions, which no threshold can replace.',
  },
  exception_over: { refused: true, help: 'The exception has ended, or would end before it begins.' },
  too_many_exceptions: {
    refused: true,
    help: 'The member has as many exceptions as there can be at a time. End some.',
  },
  reason_required: { refused: true, help: 'The program asks for a reason with every adjustment.' },
  approval_required: {
    refused: true,
    help: 'So many points take the approval of a second agent, another than the one who made the adjustment.',
  },
  balance_out_of_range: { refused: true, help: 'The balance would pass the largest exact integer.' },
} as const;

export type OutcomeCode = keyof typeof OUTCOMES;

/** Levels by name, '' for none. */
export interface TierChange {
  /** Id of the tier set; '' for the program's first. */
  readonly set: string;
  readonly from: string;
  readonly to: string;
  readonly at: number;
}

export interface Outcome {
  readonly code: OutcomeCode;
  /** What was written to the ledger, now or (duplicate) the first time. Absent when refused. */
  readonly entry: Entry | undefined;
  /** Tier changes that became due before the event, and the one it caused, in order. */
  readonly tierChanges: readonly TierChange[];
  /** What time had done before the event: expirations, holds that ran out. In the ledger they stand before `entry`. */
  readonly before: readonly Entry[];
  /** What followed from it: points redeemed by themselves, or earned too late to be spent. They stand behind `entry`. */
  readonly after: readonly Entry[];
  /** Of duplicate_with_different_content: the first field that differs. */
  readonly field: string | undefined;
}

export const NO_TIER_CHANGES: readonly TierChange[] = [];
export const NO_ENTRIES: readonly Entry[] = [];

export function refusal(code: OutcomeCode, field?: string): Outcome {
  return withoutEffect(code, undefined, field);
}

export function duplicate(first: Entry): Outcome {
  return withoutEffect('duplicate', first, undefined);
}

function withoutEffect(code: OutcomeCode, entry: Entry | undefined, field: string | undefined): Outcome {
  return {
    code,
    entry,
    tierChanges: NO_TIER_CHANGES,
    before: NO_ENTRIES,
    after: NO_ENTRIES,
    field,
  };
}
