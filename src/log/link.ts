/**
 * Whether a connection is up, and who must hear when that changes. The client keeps what is published while it reconnects
 * and sends it afterwards; whoever must not have that asks `isUp()` first.
 */
import type { NatsConnection } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';
import { LogUnavailable } from './log.ts';

export interface LinkListener {
  /** The connection was lost; what was on its way may or may not have arrived. */
  down?(): void;
  /** It is back, with all subscriptions; whatever the server kept for this connection in memory may be gone. */
  up?(): void;
}

export class Link {
  readonly nc: NatsConnection;
  #up = true;
  readonly #listeners = new Set<LinkListener>();

  constructor(nc: NatsConnection) {
    this.nc = nc;
    void this.#watch();
  }

  /**
   * The client's own view (`info` is cleared before it dials) covers the moment between a loss and our hearing of it; the
   * status events cover the rest.
   */
  isUp(): boolean {
    return this.#up && this.nc.info !== undefined && !this.nc.isDraining();
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: LinkListener): void {
    this.#listeners.delete(listener);
  }

  /**
   * The answer to a request; rejects with LogUnavailable at once when the connection is down or gets lost, instead of after
   * the client's timeout. `request` itself may reject with what the broker answered.
   */
  async ask<T>(request: () => Promise<T>): Promise<T> {
    if (!this.isUp()) throw new LogUnavailable('NATS is not connected');
    const listener: LinkListener = {};
    const lost = new Promise<never>((_resolve, reject) => {
      listener.down = () => reject(new LogUnavailable('the connection to NATS was lost before an answer came'));
    });
    this.listen(listener);
    try {
      return await Promise.race([request(), lost]);
    } finally {
      this.unlisten(listener);
    }
  }

  /** As `ask`, for requests where every failure means that the log could not answer. */
  async askLog<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await this.ask(request);
    } catch (error) {
      if (error instanceof LogUnavailable) throw error;
      throw new LogUnavailable(`${what}: ${toError(error).message}`, { cause: error });
    }
  }

  /** Ends with the connection: the client closes the status iterator then. */
  async #watch(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect' || status.type === 'close') this.#turn(false);
      else if (status.type === 'reconnect') this.#turn(true);
    }
    this.#turn(false);
  }

  #turn(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    for (const listener of [...this.#listeners]) {
      if (up) listener.up?.();
      else listener.down?.();
    }
  }
}
