/**
 * Everything the gateway refuses, as a table: the code callers may rely on, the HTTP status, and what to do about it. The
 * OpenAPI document is made from this table too. A refusal is a value that handlers return; what they throw is a defect and
 * becomes `internal`.
 */

export const ERRORS = {
  bad_json: { status: 400, help: 'The body is not JSON in UTF-8. The message names the position.' },
  bad_msgpack: { status: 400, help: 'The body is not MessagePack.' },
  bad_parameter: { status: 400, help: 'A query parameter is not valid; `path` names it.' },
  bad_member_id: { status: 400, help: 'A member id is 1 to 128 bytes of UTF-8, percent-encoded in a path.' },
  no_events: { status: 400, help: 'Send one event or a list with at least one.' },
  nothing_acceptable: {
    status: 400,
    help: 'No event of the request is valid; `rejected` says what is wrong with each.',
  },
  not_found: { status: 404, help: 'There is no such address. See /openapi.json.' },
  member_not_found: { status: 404, help: 'The member has no events yet.' },
  program_not_found: { status: 404, help: 'No program was published yet. PUT one.' },
  method_not_allowed: { status: 405, help: 'The address exists but not with this method; see the Allow header.' },
  program_version_not_higher: {
    status: 409,
    help: 'A program with this version or a higher one is in force. Raise `version` and send it again.',
  },
  too_many_events: { status: 413, help: 'Send the events in several requests.' },
  request_too_large: { status: 413, help: 'Send the content in several requests.' },
  unsupported_media_type: { status: 415, help: 'Use one of the content types the message lists.' },
  program_invalid: { status: 422, help: 'The program has mistakes; `issues` lists them by path.' },
  upgrade_required: { status: 426, help: 'This address speaks WebSocket.' },
  internal: { status: 500, help: 'A defect or a broken part on our side; the log of the server says more.' },
  log_unavailable: {
    status: 503,
    help: 'The log could not confirm that the events are stored. Resend the whole request: what was stored is recognised by its id.',
  },
  not_ready: { status: 503, help: 'Nobody answers for the member at the moment: a worker starts or moves. Try again.' },
  overloaded: { status: 503, help: 'Too much is waiting for an answer already. Try again a little later.' },
  too_many_leases: { status: 503, help: 'Too many members of this partition are watched already.' },
  shutting_down: { status: 503, help: 'This server is about to end. Try again; another one answers.' },
  query_timeout: { status: 504, help: 'The owner of the member did not answer in time. Try again.' },
  scored_timeout: {
    status: 504,
    help: 'The events are safely in the log (`accepted`) and will be scored; only the answer is late. Resending them is harmless and answers again.',
  },
} as const satisfies Record<string, { status: number; help: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** Mistakes of a live client. Error frames carry these and, where a member cannot be shown, the codes above. */
export const LIVE_ERRORS = {
  bad_message: 'Send {"subscribe": topic}, with epoch and version to resume, or {"unsubscribe": topic}, as text.',
  unknown_topic: 'Topics are member:<id>, stats and feed.',
  bad_member_id: ERRORS.bad_member_id.help,
  not_subscribed: 'The socket does not watch this topic.',
  too_many_subscriptions: 'The socket watches as many topics as it may. Unsubscribe from one or open another socket.',
} as const satisfies Record<string, string>;

export type LiveErrorCode = keyof typeof LIVE_ERRORS;

/** Seconds after which a caller that got 503 may try again. */
export const RETRY_AFTER_S = 1;

export interface RefusalDetail {
  /** Which parameter or field is to blame. */
  readonly path?: string;
  /** More fields for the body, beside `error`. */
  readonly beside?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: RefusalDetail;

  constructor(code: ErrorCode, message: string = ERRORS[code].help, detail: RefusalDetail = {}) {
    this.code = code;
    this.message = message;
    this.detail = detail;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The one shape of all errors. */
  body(): string {
    const { path, beside } = this.detail;
    return JSON.stringify({
      error: { code: this.code, message: this.message, ...(path === undefined ? {} : { path }) },
      ...beside,
    });
  }
}
