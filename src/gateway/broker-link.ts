/** Whether the broker can be reached, and who must hear when it is back. The connection itself belongs to someone else. */
import { errors, type NatsConnection, type Status } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';

export class BrokerLink {
  readonly nc: NatsConnection;
  readonly #statuses: AsyncIterator<Status>;
  readonly #onUp = new Set<() => void>();
  #up: boolean;

  constructor(nc: NatsConnection) {
    this.nc = nc;
    this.#up = !nc.isClosed();
    this.#statuses = nc.status()[Symbol.asyncIterator]();
    void this.#watch();
  }

  /** While the client reconnects it would keep what we ask and send it later, when nobody waits any more. */
  isUp(): boolean {
    return this.#up && this.nc.info !== undefined && !this.nc.isDraining();
  }

  /** Subscriptions are there again; what was published meanwhile was missed. */
  onUp(listener: () => void): void {
    this.#onUp.add(listener);
  }

  close(): void {
    this.#onUp.clear();
    void this.#statuses.return?.();
  }

  async #watch(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#statuses.next();
      if (done === true) break;
      if (value.type === 'disconnect' || value.type === 'close') this.#up = false;
      else if (value.type === 'reconnect') {
        this.#up = true;
        for (const listener of this.#onUp) listener();
      }
    }
    this.#up = false;
  }
}

/** What is wrong on the way to an answer: nobody is there, or nobody answered in time. undefined: something else. */
export function brokerTrouble(thrown: unknown): 'unreachable' | 'timeout' | undefined {
  const error = toError(thrown);
  // The client wraps what went wrong in a RequestError unless it timed out.
  const cause = error instanceof errors.RequestError && error.cause !== undefined ? error.cause : error;
  if (cause instanceof errors.TimeoutError) return 'timeout';
  const isUnreachable =
    cause instanceof errors.NoRespondersError ||
    cause instanceof errors.ClosedConnectionError ||
    cause instanceof errors.DrainingConnectionError;
  return isUnreachable ? 'unreachable' : undefined;
}
