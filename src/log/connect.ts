/** The way to the broker: one connection a thread, kept for ever once it was made. */
import { jetstreamManager } from '@nats-io/jetstream';
import { type ConnectionOptions, connect, errors, type NatsConnection } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';
import { NATS_PAYLOAD_BYTES_MAX } from '../limits.ts';
import { LogUnavailable } from './log.ts';

/** Pull requests with heartbeats and named ephemeral consumers are reliable from here on. */
const SERVER_VERSION_MIN = [2, 9, 4] as const;

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_WAIT_MIN_MS = 100;
const RECONNECT_WAIT_MAX_MS = 500;
/** A peer that vanished without a word is noticed after three of these. */
const PING_INTERVAL_MS = 10_000;

/** The broker is there but cannot carry the log; the message says what to do about it. */
export class BrokerUnfit extends Error {
  override readonly name = 'BrokerUnfit';
}

/**
 * Connects to `url`, one or several `nats://[user:password@]host:port` separated by commas; `name` shows in the server's
 * connection list. Rejects with LogUnavailable if nobody answers, with BrokerUnfit if the server cannot do what we need.
 */
export async function connectLog(url: string, name: string): Promise<NatsConnection> {
  const nc = await dial(url, name);
  try {
    await checkServer(nc, withoutCredentials(url));
  } catch (error) {
    await nc.close();
    throw error;
  }
  return nc;
}

async function dial(url: string, name: string): Promise<NatsConnection> {
  const { servers, ...credentials } = parseUrls(url);
  try {
    return await connect({
      ...credentials,
      servers,
      name,
      // One Error object with a stack for each request costs more than the request.
      noAsyncTraces: true,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: reconnectDelayMs,
    });
  } catch (error) {
    const at = withoutCredentials(url);
    const reason = toError(error).message;
    throw new LogUnavailable(
      `cannot connect to NATS at ${at}: ${reason}. Start nats-server with JetStream there (nats-server -js), or set NATS_URL to where it runs.`,
      { cause: error },
    );
  }
}

/** Spread out, so that a restarted server does not meet all its clients in the same instant. */
function reconnectDelayMs(): number {
  return RECONNECT_WAIT_MIN_MS + Math.floor(Math.random() * (RECONNECT_WAIT_MAX_MS - RECONNECT_WAIT_MIN_MS));
}

async function checkServer(nc: NatsConnection, at: string): Promise<void> {
  const info = nc.info;
  if (info === undefined) throw new LogUnavailable(`NATS at ${at} closed the connection at once`);
  if (isOlder(info.version)) {
    throw new BrokerUnfit(
      `NATS at ${at} is version ${info.version}; ${SERVER_VERSION_MIN.join('.')} or newer is needed. Upgrade nats-server.`,
    );
  }
  if (info.max_payload < NATS_PAYLOAD_BYTES_MAX) {
    throw new BrokerUnfit(
      `NATS at ${at} takes messages of ${info.max_payload} bytes; ${NATS_PAYLOAD_BYTES_MAX} are needed. Set max_payload in its configuration.`,
    );
  }
  try {
    await jetstreamManager(nc);
  } catch (error) {
    if (error instanceof errors.TimeoutError) {
      throw new LogUnavailable(`JetStream at ${at} does not answer; a cluster may still be choosing its leader`, {
        cause: error,
      });
    }
    throw new BrokerUnfit(
      `NATS at ${at} does not offer JetStream to this account (${toError(error).message}). Start nats-server with -js, or enable jetstream in its configuration.`,
      { cause: error },
    );
  }
}

function isOlder(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, needed] of SERVER_VERSION_MIN.entries()) {
    const part = parts[index] ?? 0;
    if (part !== needed) return !(part > needed);
  }
  return false;
}

/** The client ignores a user in a URL, so we take it out and hand it over. */
function parseUrls(urls: string): Pick<ConnectionOptions, 'user' | 'pass' | 'token'> & { servers: string[] } {
  const parts = urls.split(',').map((url) => url.trim());
  const credentials = parts.map((url) => /^(?:\w+:\/\/)?([^@/]+)@/.exec(url)?.[1]).find((found) => found !== undefined);
  const servers = parts.map(withoutCredentials);
  if (credentials === undefined) return { servers };
  const [user, pass] = credentials.split(':').map(decodeURIComponent);
  if (user === undefined || pass === undefined) return { servers, token: decodeURIComponent(credentials) };
  return { servers, user, pass };
}

function withoutCredentials(urls: string): string {
  return urls.replaceAll(/[^,@/\s]+@/g, '');
}
