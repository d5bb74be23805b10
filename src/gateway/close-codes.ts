/** Why a live socket was closed by us, as its client sees it. What is not here is closed by the protocol itself (RFC 6455). */

export interface CloseCode {
  readonly code: number;
  /** At most 123 bytes. */
  readonly reason: string;
  /** Whether it makes sense to connect again (after a pause with some jitter). */
  readonly reconnect: boolean;
}

export const CLOSE_CODES = {
  going_away: { code: 1001, reason: 'server is shutting down', reconnect: true },
  too_many_sockets: { code: 1013, reason: 'too many connections, try again later', reconnect: true },
  too_many_errors: { code: 4000, reason: 'too many messages that make no sense', reconnect: false },
  slow: { code: 4001, reason: 'does not read fast enough', reconnect: true },
} as const satisfies Record<string, CloseCode>;

export type CloseReason = keyof typeof CLOSE_CODES;
