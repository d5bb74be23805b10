/**
 * What a gateway asks a partition's owner, on `<prefix>.query.<p>`, as request and reply: JSON, versioned by `version`.
 * Asking for a member with `lease` also tells the owner that somebody watches: for LEASE_MS it sends the member's updates
 * on the live subject.
 */
import { NATS_PAYLOAD_BYTES_MAX, SCORED_REPLY_BYTES_MAX } from '../limits.ts';
import type { LogEvent } from '../scoring/event.ts';
import type { LedgerEntryView } from './ledger-view.ts';
import type { MemberView } from './member-view.ts';
import type { OutcomeView } from './outcome-view.ts';
import { WireError } from './pack.ts';

export const QUERY_VERSION = 1;

export type Query = MemberQuery | LedgerQuery | PreviewQuery;

export interface MemberQuery {
  readonly op: 'member';
  readonly memberId: string;
  /** Epoch ms to settle the answer to; absent: now. Before the member's last event it means the last event. */
  readonly asOf?: number;
  /** Send this member's updates for a while. */
  readonly lease: boolean;
}

export interface LedgerQuery {
  readonly op: 'ledger';
  readonly memberId: string;
  /** Entries before this index (from 0, oldest first); absent: from the newest. */
  readonly before?: number;
  readonly limit: number;
}

export interface PreviewQuery {
  readonly op: 'preview';
  /** Events of members of this partition, scored in order on copies, as they would be if they were sent now. */
  readonly events: readonly LogEvent[];
}

export type Answer =
  | { readonly ok: true; readonly op: 'member'; readonly member: MemberView | null; readonly epoch: string }
  | {
      readonly ok: true;
      readonly op: 'ledger';
      /** Newest first; null for an unknown member. */
      readonly entries: readonly LedgerEntryView[] | null;
      /** `before` of the next page; absent on the last. */
      readonly next?: number;
    }
  | { readonly ok: true; readonly op: 'preview'; readonly outcomes: readonly OutcomeView[] }
  | { readonly ok: false; readonly code: QueryRefusal; readonly message: string };

/** `not_ready`: the partition has no program yet or is catching up after a start. `too_many_leases`: LEASES_PER_PARTITION_MAX. */
export type QueryRefusal = 'bad_query' | 'not_ready' | 'too_many_leases' | 'failed';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeQuery(query: Query): Uint8Array {
  return encoder.encode(JSON.stringify({ version: QUERY_VERSION, query }));
}

/** Throws WireError. Gateways and workers trust each other's fields; the version is checked, the bytes are not hostile. */
export function decodeQuery(bytes: Uint8Array): Query {
  const { version, query } = parse(bytes) as { version?: number; query?: Query };
  if (version !== QUERY_VERSION || query === undefined) throw new WireError(`query version ${version} is not known`);
  return query;
}

/** An answer too large for a message becomes one that says so. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const bytes = encoder.encode(JSON.stringify({ version: QUERY_VERSION, answer }));
  if (bytes.length <= NATS_PAYLOAD_BYTES_MAX) return bytes;
  const message = `the answer takes ${bytes.length} bytes of ${NATS_PAYLOAD_BYTES_MAX}; ask for less at a time`;
  return encodeAnswer({ ok: false, code: 'failed', message });
}

/** Throws WireError. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const { version, answer } = parse(bytes) as { version?: number; answer?: Answer };
  if (version !== QUERY_VERSION || answer === undefined) throw new WireError(`answer version ${version} is not known`);
  return answer;
}

/** Outcomes of one batch, in the order of its events, to the `replyTo` of the batch. */
export interface ScoredReply {
  readonly sequence: number;
  /** Place in the batch of the first of these outcomes; absent: 0. The outcomes of a large batch take several replies. */
  readonly first?: number;
  readonly outcomes: readonly OutcomeView[];
}

/** The replies that carry a batch's outcomes. */
export function scoredReplies(sequence: number, outcomes: readonly OutcomeView[]): Uint8Array[] {
  const replies: Uint8Array[] = [];
  let first = 0;
  let bytes = 0;
  for (const [index, outcome] of outcomes.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(outcome));
    if (bytes < SCORED_REPLY_BYTES_MAX && index < outcomes.length - 1) continue;
    replies.push(encodeScored({ sequence, first, outcomes: outcomes.slice(first, index + 1) }));
    first = index + 1;
    bytes = 0;
  }
  return replies;
}

export function encodeScored(reply: ScoredReply): Uint8Array {
  return encoder.encode(JSON.stringify({ version: QUERY_VERSION, reply }));
}

/** Throws WireError. */
export function decodeScored(bytes: Uint8Array): ScoredReply {
  const { version, reply } = parse(bytes) as { version?: number; reply?: ScoredReply };
  if (version !== QUERY_VERSION || reply === undefined) throw new WireError(`scored version ${version} is not known`);
  return reply;
}

/** A worker owns this partition from now on: leases on it have to be taken again. On `<prefix>.owners`. */
export interface OwnerNotice {
  readonly partition: number;
}

export function encodeOwner(notice: OwnerNotice): Uint8Array {
  return encoder.encode(JSON.stringify({ version: QUERY_VERSION, notice }));
}

/** Throws WireError. */
export function decodeOwner(bytes: Uint8Array): OwnerNotice {
  const { version, notice } = parse(bytes) as { version?: number; notice?: OwnerNotice };
  if (version !== QUERY_VERSION || notice === undefined) throw new WireError(`owner version ${version} is not known`);
  return notice;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) ?? {};
  } catch (error) {
    throw new WireError('not JSON', { cause: error });
  }
}
