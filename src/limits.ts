/**
 * Every bound of the engine and, below, the relations between them. A queue, cache, batch or buffer without a line here is
 * a bug. Operators can change those that `tidemark start --help` lists; these are the defaults and the hard edges.
 */
import { assert } from './lib/assert.ts';

// --- What a caller may send (contract: changing these breaks clients) ---

/** UTF-8 bytes of an event id, member id or SKU. */
export const ID_BYTES_MAX = 128;
/** UTF-8 bytes of a store, terminal, category, agent. */
export const LABEL_BYTES_MAX = 128;
/** UTF-8 bytes of a wallet's name. */
export const WALLET_BYTES_MAX = 32;
/** UTF-8 bytes of the name of a tier set or a level. */
export const LEVEL_BYTES_MAX = 32;
/** UTF-8 bytes of a free text such as an adjustment's reason. */
export const REASON_BYTES_MAX = 500;
export const LINES_PER_EVENT_MAX = 1_000;
export const EVENTS_PER_REQUEST_MAX = 1_000;
export const REQUEST_BYTES_MAX = 1_048_576;
/** Minor units of one event: ten billion dollars in cents. */
export const AMOUNT_MAX = 1_000_000_000_000;
export const QUANTITY_MAX = 1_000_000_000;
/** Points of one adjustment, either way, or of one redemption. */
export const POINTS_MAX = 1_000_000_000_000;
/** Points of one purchase; programs that could give more are refused. */
export const POINTS_PER_EVENT_MAX = 1_000_000_000_000_000;
/** Balances, debts and windows past this are refused, so that no sum ever loses a unit. */
export const BALANCE_MAX = 7_000_000_000_000_000;
/** How far ahead of the log's clock a till's clock may be. */
export const CLOCK_SKEW_MAX_MS = 5 * 60_000;
/** Earliest `occurredAt`: 1 January 1980; what is older is a till without a clock. */
export const OCCURRED_AT_MIN_MS = Date.UTC(1980, 0, 1);
/** A program's text as it is written to the log. */
export const PROGRAM_BYTES_MAX = 256 * 1024;

// --- The log ---

/** Fixed for the life of a stream. Far more than workers, so that partitions, not hashes, move. */
export const PARTITIONS_DEFAULT = 64;
export const PARTITIONS_MAX = 1_024;
/** Events of one stream message. */
export const BATCH_EVENTS_MAX = 256;
/** Payload bytes at which a batch is full. One event may be larger, up to a request. */
export const BATCH_BYTES_MAX = 128 * 1024;
/** How long an event may wait for company. */
export const BATCH_DELAY_MS = 1;
/** Batches published and not yet acknowledged, all partitions together. */
export const PUBLISHES_IN_FLIGHT_MAX = 512;
/** The same for one partition: enough to cover the way to the log and back while the next batch fills. */
export const PUBLISHES_IN_FLIGHT_PER_PARTITION_MAX = 8;
/** Events accepted from callers and not yet acknowledged by JetStream; beyond it callers get 503. */
export const INGEST_QUEUE_EVENTS_MAX = 100_000;
/** The same in bytes, as `estimateBytes` counts them. */
export const INGEST_QUEUE_BYTES_MAX = 64 * 1024 * 1024;
export const PUBLISH_TIMEOUT_MS = 5_000;
/** nats-server's default `max_payload`; a larger one is not needed. */
export const NATS_PAYLOAD_BYTES_MAX = 1_048_576;
/** Kept free in a message of events for what else counts as payload: the reply subject and NATS headers. */
export const MESSAGE_OVERHEAD_BYTES_MAX = 1_024;

// --- One partition ---

/** Messages a reader asks for at a time, a partition. */
export const READ_MESSAGES_MAX = 1_024;
/**
 * Bytes a reader asks for at a time, a partition. All partitions of a thread share a connection, so this times their number is
 * what an answer to a question may have to wait behind while a backlog is read. A larger message is asked for alone.
 */
export const READ_BYTES_MAX = 256 * 1024;
/** Members kept hot in one worker, divided over its partitions. */
export const CACHE_MEMBERS_DEFAULT = 500_000;
/** A checkpoint is due at any of these. */
export const CHECKPOINT_EVENTS = 100_000;
export const CHECKPOINT_BYTES = 32 * 1024 * 1024;
/** Changed members that wait for a checkpoint in one partition: some half a kilobyte each. */
export const CHECKPOINT_MEMBERS = 20_000;
/** Partitions of one worker that write a checkpoint at the same time. */
export const CHECKPOINTS_AT_ONCE = 2;
export const CHECKPOINT_DELAY_MS = 500;
/** While a backlog is read, large and rare checkpoints write a hot member once instead of many times. */
export const CHECKPOINT_DELAY_BACKLOG_MS = 30_000;
/** Free bytes on the disk below which no checkpoint is written: a file that cannot grow would end the process. */
export const STORE_FREE_BYTES_MIN = 512 * 1024 * 1024;
/** Partitions whose backlog the main thread asks the log for at a time. */
export const LAG_LOOKS_AT_ONCE = 16;
/** Ticks of one partition are at least this far apart, and a due timer waits no longer than this. */
export const TICK_INTERVAL_MS = 1_000;
/** Members whose timers one tick fires: on 1 January all of them may be due, and a partition must not stand still for that. */
export const TICK_MEMBERS_MAX = 10_000;
/** Events scored while a checkpoint is being written; beyond it the partition stops reading. */
export const EVENTS_BEHIND_CHECKPOINT_MAX = 2 * CHECKPOINT_EVENTS;
/** One effects message. */
export const EFFECTS_BYTES_MAX = 512 * 1024;
/**
 * Movements that an effect, an outcome or a ledger entry shows one by one; a return of more purchases shows them added up by
 * rule. One takes at most a kilobyte, since an id of 128 bytes may be spelled in escapes.
 */
export const MOVEMENTS_SHOWN_MAX = 256;
/** Outcomes for a caller that waits, in one message. */
export const SCORED_REPLY_BYTES_MAX = 512 * 1024;
/** Original bytes repeated in a `rejected` effect; the log keeps all of them. */
export const REJECTED_BYTES_MAX = 64 * 1024;

// --- One member ---

/** Ledger entries in a member's own record; a full chunk of them moves to a key of its own. */
export const CHUNK_ENTRIES = 32;
/** Days of spend kept before a window's first day, for purchases that arrive late. */
export const LATE_DAYS = 92;
/** Local days of the longest window and the longest term a program can have: as far as a level can be told in advance. */
export const WINDOW_DAYS_MAX = 3_720;
/** Phases of a tier set that a return or a late purchase can still change: two a day for LATE_DAYS fit. */
export const PHASES_MAX = 256;
/** Visits, and categories of a day, that a member's counters remember. */
export const TALLIES_MAX = 16_384;
/** Days earned, before the newest that has expired, whose expired points are remembered for a return not to charge again. */
export const EXPIRED_DAYS_KEPT = 730;
/** Versions of a program that are kept for purchases that arrive late. */
export const PROGRAMS_KEPT = 16;
/** Holds a member has open at a time. */
export const HOLDS_MAX = 64;
/** Exceptions of a member: those in force, and the latest of those that have ended. */
export const EXCEPTIONS_MAX = 16;
/** Thresholds that one exception sets. */
export const THRESHOLDS_MAX = 20;
/** Of the expiries to come, the soonest that are shown. */
export const EXPIRING_SHOWN_MAX = 12;
/** Latest ledger entries a return that names no purchase is matched against. */
export const RETURN_MATCH_ENTRIES_MAX = 2_048;

// --- The gateway ---

/** Requests of one gateway waiting for an answer from the workers. */
export const QUERIES_IN_FLIGHT_MAX = 10_000;
export const QUERY_TIMEOUT_MS = 2_000;
/** How long `wait=scored` waits unless the caller says. */
export const SCORED_WAIT_DEFAULT_MS = 2_000;
export const SCORED_WAIT_MAX_MS = 30_000;
export const LEDGER_PAGE_DEFAULT = 50;
export const LEDGER_PAGE_MAX = 500;
export const SOCKETS_MAX = 50_000;
export const SUBSCRIPTIONS_PER_SOCKET_MAX = 100;
/** Watched members of one partition, all gateways together. */
export const LEASES_PER_PARTITION_MAX = 20_000;
/** Bytes waiting in one socket above which its topics are conflated instead of sent. */
export const SOCKET_CONFLATE_BYTES = 64 * 1024;
/** Bytes waiting in one socket above which it is closed. */
export const SOCKET_BACKPRESSURE_BYTES_MAX = 1_048_576;
export const SOCKET_MESSAGE_BYTES_MAX = 16 * 1024;
/** Messages in a row that make no sense before a socket is closed. */
export const SOCKET_ERRORS_MAX = 20;
/** A socket that answers no ping for this long is closed. */
export const SOCKET_IDLE_S = 60;
/** Bytes of a request past its limit that are read and thrown away, so that its sender gets to read the refusal. */
export const REQUEST_DISCARD_BYTES_MAX = 8 * REQUEST_BYTES_MAX;
/** Bytes of request bodies being received, all callers together; beyond it callers get 503. */
export const BODY_BYTES_IN_FLIGHT_MAX = 256 * 1024 * 1024;
/** Leases being asked for or renewed at a time. */
export const LEASE_ASKS_IN_FLIGHT_MAX = 256;
/** A lease of interest in a member lives this long unless renewed. */
export const LEASE_MS = 30_000;
export const LEASE_RENEW_MS = 10_000;
/** Feed items a worker sends a second, at most. */
export const FEED_ITEMS_PER_SECOND = 20;

// --- Stopping ---

/** How long a gateway that closes waits for requests under way. */
export const GATEWAY_CLOSE_MS = 2_000;
/** Then, for telling those that still wait that it has closed. */
export const GATEWAY_LAST_ANSWERS_MS = 100;
/** An engine that has not drained in this time is ended; what it had not stored is scored again at the next start. */
export const DRAIN_TIMEOUT_MS = 4_000;

// --- Relations ---

assert(
  BATCH_BYTES_MAX + REQUEST_BYTES_MAX / 2 < NATS_PAYLOAD_BYTES_MAX,
  'a full batch and its largest event fit a message',
);
assert(PUBLISHES_IN_FLIGHT_PER_PARTITION_MAX <= PUBLISHES_IN_FLIGHT_MAX, 'one partition alone fits the global bound');
assert(EVENTS_PER_REQUEST_MAX < INGEST_QUEUE_EVENTS_MAX, 'an empty queue takes the largest request');
assert(READ_BYTES_MAX >= BATCH_BYTES_MAX, 'a reader that asks by bytes gets any full batch');
assert(BATCH_EVENTS_MAX < CHECKPOINT_EVENTS, 'a checkpoint covers at least one batch');
assert(
  EFFECTS_BYTES_MAX + 2 * REJECTED_BYTES_MAX < NATS_PAYLOAD_BYTES_MAX,
  'one effect past the limit, its bytes in base64, still fits an effects message',
);
assert(LEASE_RENEW_MS * 2 < LEASE_MS, 'one lost renewal does not end a lease');
assert(LEASE_ASKS_IN_FLIGHT_MAX * 4 < QUERIES_IN_FLIGHT_MAX, 'renewing leases leaves room for readers');
assert(MOVEMENTS_SHOWN_MAX * 1024 < EFFECTS_BYTES_MAX, 'the largest effect fits an effects message');
assert(
  SCORED_REPLY_BYTES_MAX + MOVEMENTS_SHOWN_MAX * 1024 < NATS_PAYLOAD_BYTES_MAX,
  'one outcome past the limit still fits a reply',
);
assert(SOCKET_CONFLATE_BYTES * 2 < SOCKET_BACKPRESSURE_BYTES_MAX, 'a slow socket is conflated before it is closed');
assert(
  BALANCE_MAX + POINTS_PER_EVENT_MAX < Number.MAX_SAFE_INTEGER,
  'one more event on the largest balance stays exact',
);
assert(BALANCE_MAX + AMOUNT_MAX < Number.MAX_SAFE_INTEGER, 'one more purchase in the fullest window stays exact');
assert(2 * LATE_DAYS < PHASES_MAX, 'a level that lasts a day can be judged anew as far as events may be late');
assert(RETURN_MATCH_ENTRIES_MAX % CHUNK_ENTRIES === 0, 'returns look back over whole chunks');
assert(CHUNK_ENTRIES >= 8, 'sealing a chunk must stay rare beside scoring an event');
assert(
  GATEWAY_CLOSE_MS + GATEWAY_LAST_ANSWERS_MS + 1_000 < DRAIN_TIMEOUT_MS,
  'a client that lingers leaves the workers time to store what they have scored',
);
