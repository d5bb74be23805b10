/** How a message on the broker becomes one of ours. */
import type { JetStreamManager, MsgRequest } from '@nats-io/jetstream';
import { assert } from '../lib/assert.ts';
import type { Link } from './link.ts';
import type { LogMessage } from './log.ts';

/** What JetStream says about a delivered message in its reply subject. */
export interface Delivery {
  readonly sequence: number;
  /** Counts up by one with each message a consumer sends: a gap is a lost message. */
  readonly deliverySequence: number;
  readonly timestampMs: number;
  /** What the timestamp has below a millisecond: 0 up to 1. */
  readonly fractionMs: number;
  readonly pending: number;
}

const DOT = 46;
/** Digits of a nanosecond timestamp that are below a millisecond. */
const BELOW_MS_DIGITS = 6;
/** Where the tokens of the reply subject being parsed begin; the one past the last token is there too. */
const starts = new Int32Array(16);

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<delivery sequence>.<ns>.<pending>`; newer servers put domain and account
 * before the stream and may add a token at the end. Undefined for anything else.
 */
export function deliveryOf(reply: string): Delivery | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined;
  let tokens = 1;
  for (let index = 0; index < reply.length && tokens < 15; index++) {
    if (reply.charCodeAt(index) === DOT) starts[tokens++] = index + 1;
  }
  starts[tokens] = reply.length + 1;
  if (tokens !== 9 && tokens < 11) return undefined;
  const first = tokens === 9 ? 5 : 7;
  return {
    sequence: integerAt(reply, first, 0),
    deliverySequence: integerAt(reply, first + 1, 0),
    // Nanoseconds do not fit a number; whole milliseconds are their leading digits.
    timestampMs: integerAt(reply, first + 2, BELOW_MS_DIGITS),
    fractionMs: fractionAt(reply, first + 2),
    pending: integerAt(reply, first + 3, 0),
  };
}

function integerAt(text: string, token: number, digitsDropped: number): number {
  const end = (starts[token + 1] as number) - 1 - digitsDropped;
  let value = 0;
  for (let index = starts[token] as number; index < end; index++) value = value * 10 + (text.charCodeAt(index) - 48);
  return value;
}

/** The last digits of a nanosecond timestamp, in milliseconds. */
function fractionAt(text: string, token: number): number {
  const end = (starts[token + 1] as number) - 1;
  let value = 0;
  for (let index = end - BELOW_MS_DIGITS; index < end; index++) value = value * 10 + (text.charCodeAt(index) - 48);
  return value / 10 ** BELOW_MS_DIGITS;
}

/**
 * One stored message; undefined if it is not there. It is the stream's leader that answers: a direct get may be served by a
 * replica that is behind, and then a message that is there would look lost.
 */
export async function storedMessage(
  link: Link,
  manager: JetStreamManager,
  stream: string,
  query: MsgRequest,
): Promise<LogMessage | undefined> {
  const stored = await link.askLog(`cannot read from stream ${stream}`, () =>
    manager.streams.getMessage(stream, query),
  );
  if (stored === null) return undefined;
  const timestampMs = Date.parse(stored.timestamp);
  assert(Number.isInteger(timestampMs), () => `${stored.timestamp} is no time`);
  return { sequence: stored.seq, timestampMs, payload: stored.data, pending: 0 };
}
