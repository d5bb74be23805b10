/**
 * HTTP and the live WebSocket on one port. The gateway knows the workers only by their NATS subjects, so it can run in their
 * process or anywhere else; it keeps no state that a client could miss after talking to another one.
 */
import { randomUUID } from 'node:crypto';
import { freePort } from '../lib/free-port.ts';
import { GATEWAY_CLOSE_MS, GATEWAY_LAST_ANSWERS_MS, LEASE_RENEW_MS, QUERY_TIMEOUT_MS } from '../limits.ts';
import { BroadcastTopics } from './broadcast-topics.ts';
import { BrokerLink } from './broker-link.ts';
import { eventRoutes } from './events-api.ts';
import { HttpServer } from './http.ts';
import { Live } from './live.ts';
import { MemberTopics } from './member-topics.ts';
import { memberRoutes } from './members-api.ts';
import type { GatewayDeps, GatewayTimings } from './ports.ts';
import { programRoutes } from './program-api.ts';
import { Queries } from './queries.ts';
import { ScoredWaits } from './scored-waits.ts';
import { LIVE_PATH, systemRoutes } from './system-api.ts';
import { createApp, listen, stopListening } from './uws.ts';

export interface Gateway {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops listening, sends live clients elsewhere, lets running requests end and lets go of all subscriptions. The NATS
   * connection stays open.
   */
  close(): Promise<void>;
}

const DEFAULT_TIMINGS: GatewayTimings = {
  queryTimeoutMs: QUERY_TIMEOUT_MS,
  leaseRenewMs: LEASE_RENEW_MS,
  askAgainMs: 1_000,
  sweepMs: 100,
  closeDeadlineMs: GATEWAY_CLOSE_MS,
};

/** Rejects if it cannot listen. */
export async function startGateway(deps: GatewayDeps): Promise<Gateway> {
  const { nc, names, partitions, epoch, ingest, parse, isUnavailable, program, log, counters } = deps;
  const timings = { ...DEFAULT_TIMINGS, ...deps.timings };
  const gatewayId = randomUUID();
  const app = createApp();

  const link = new BrokerLink(nc);
  const queries = new Queries({ link, names, timeoutMs: timings.queryTimeoutMs, log });
  const waits = new ScoredWaits(link, names, gatewayId, log);
  const members = new MemberTopics({ link, names, partitions, epoch, queries, timings, log });
  const broadcasts = new BroadcastTopics({ link, names, gatewayId, leaseRenewMs: timings.leaseRenewMs });
  const live = new Live({ members, broadcasts, counters, log, sweepMs: timings.sweepMs });
  const letGo = () => {
    live.close();
    members.close();
    broadcasts.close();
    waits.close();
    link.close();
  };

  const routes = [
    ...eventRoutes({ ingest, parse, isUnavailable, queries, waits, partitions, counters }),
    ...memberRoutes({ queries, partitions }),
    ...programRoutes({ program, isUnavailable }),
    ...systemRoutes(deps),
  ];
  const http = new HttpServer(routes, counters, log);
  live.attach(app, LIVE_PATH);
  app.any('/*', http.accept);

  try {
    // The stand-in cannot say which port it was given, so we choose one ourselves.
    const port = deps.port === 0 ? await freePort(deps.host) : deps.port;
    const listenSocket = await listen(app, deps.host, port, LIVE_PATH);
    const url = `http://${deps.host.includes(':') ? `[${deps.host}]` : deps.host}:${port}`;
    log.info({ url }, 'gateway listens');
    let closed: Promise<void> | undefined;
    const close = async () => {
      stopListening(listenSocket);
      live.close();
      await http.drain(timings.closeDeadlineMs);
      letGo();
      await http.drain(GATEWAY_LAST_ANSWERS_MS);
      log.info({ url }, 'gateway closed');
    };
    return {
      url,
      port,
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    letGo();
    throw error;
  }
}
