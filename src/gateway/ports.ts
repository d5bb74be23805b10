/** What the gateway needs from the rest of the engine, and what it reports to it. Put together in src/cli. */
import type { NatsConnection } from '@nats-io/transport-node';
import type { Ingest } from '../ingest/ingest.ts';
import type { parseEvents } from '../ingest/parse-events.ts';
import type { Names } from '../wire/subjects.ts';
import type { CloseReason } from './close-codes.ts';

/** The part of Ingest that the gateway uses. */
export type SubmitPort = Pick<Ingest, 'submit'>;

export interface ProgramIssue {
  readonly path: string;
  readonly message: string;
}

export type ProgramPut =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly reason: 'invalid'; readonly issues: readonly ProgramIssue[] }
  /** `version` is the one in force. */
  | { readonly ok: false; readonly reason: 'conflict'; readonly version: number };

export interface ProgramPort {
  /** undefined until one was published. */
  current(): Promise<{ readonly document: unknown; readonly version: number } | undefined>;
  /** YAML or JSON. Resolves when the program is in the log of every partition. */
  put(text: string): Promise<ProgramPut>;
}

export interface Health {
  readonly ready: boolean;
  readonly logConnected: boolean;
  readonly [detail: string]: unknown;
}

export interface GatewayLog {
  debug(detail: object, message: string): void;
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

export interface GatewayCounters {
  /** `route` is the pattern, not the address, so that labels stay few; status 499: the client went away first. */
  request(route: string, status: number, seconds: number): void;
  /** From accepting the events to having all outcomes, or to giving up. */
  scoredWait(seconds: number, answered: boolean): void;
  socketsOpen(count: number): void;
  framesSent(count: number): void;
  /** Updates not sent because the socket was busy; it gets the latest state later. */
  framesConflated(count: number): void;
  /** Frames a busy socket never gets, because the next one comes anyway. */
  framesDropped(count: number): void;
  socketClosed(reason: CloseReason): void;
  /** An update of a member was handed to a socket that watches it; the log received the event behind it then, epoch ms. */
  pushed(loggedAtMs: number): void;
}

/** Intervals; the defaults are in limits.ts. */
export interface GatewayTimings {
  readonly queryTimeoutMs: number;
  readonly leaseRenewMs: number;
  /** Pause before a member is asked for again after its owner could not be reached. */
  readonly askAgainMs: number;
  /** How often dirty sockets are looked at. */
  readonly sweepMs: number;
  /** How long `close` waits for running requests. */
  readonly closeDeadlineMs: number;
}

export interface GatewayDeps {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Stays the caller's: `close` leaves it open. */
  readonly nc: NatsConnection;
  readonly names: Names;
  readonly partitions: number;
  /** Identity of the log's history. */
  readonly epoch: string;
  readonly ingest: SubmitPort;
  readonly parse: typeof parseEvents;
  /** Whether what `ingest.submit` or `program` rejected with means that the log cannot be reached, is full or stops. */
  readonly isUnavailable: (error: unknown) => boolean;
  readonly renderMetrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly health: () => Health;
  readonly program: ProgramPort;
  readonly log: GatewayLog;
  readonly counters: GatewayCounters;
  readonly timings?: Partial<GatewayTimings>;
}
