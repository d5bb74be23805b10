/**
 * Requests that wait until their events are scored. Each message that carries some of a request's events has a ticket, which
 * ends the subject the message names as `replyTo`; the owner sends the outcomes there, possibly before JetStream's
 * acknowledgement has reached us, and possibly twice (an owner that restarts). Late answers find no ticket and are dropped.
 */
import type { Subscription } from '@nats-io/transport-node';
import { toError } from '../lib/assert.ts';
import { QUERIES_IN_FLIGHT_MAX } from '../limits.ts';
import type { OutcomeView } from '../wire/outcome-view.ts';
import { decodeScored } from '../wire/query.ts';
import type { Names } from '../wire/subjects.ts';
import type { BrokerLink } from './broker-link.ts';
import type { GatewayLog } from './ports.ts';

interface Ticket {
  readonly wait: ScoredWait;
  /** Places in the request of the message's events, in the order of the message. */
  readonly eventIndexes: readonly number[];
}

export class ScoredWaits {
  readonly #names: Names;
  readonly #gatewayId: string;
  readonly #log: GatewayLog;
  readonly #subscription: Subscription;
  /** At most EVENTS_PER_REQUEST_MAX for each wait. */
  readonly #tickets = new Map<string, Ticket>();
  readonly #open = new Set<ScoredWait>();
  #nextTicket = 1;

  constructor(link: BrokerLink, names: Names, gatewayId: string, log: GatewayLog) {
    this.#names = names;
    this.#gatewayId = gatewayId;
    this.#log = log;
    this.#subscription = link.nc.subscribe(names.scored(gatewayId, '*'), {
      callback: (error, message) => {
        if (error === null) this.#onReply(message.subject, message.data);
      },
    });
  }

  /** A wait for the outcomes of so many events; undefined if too many wait already. Whoever opens a wait ends it. */
  open(events: number): ScoredWait | undefined {
    if (this.#open.size >= QUERIES_IN_FLIGHT_MAX) return undefined;
    const wait = new ScoredWait(events);
    this.#open.add(wait);
    return wait;
  }

  /** The subject for the outcomes of one message with these of the request's events. */
  replyTo(wait: ScoredWait, eventIndexes: readonly number[]): string {
    const ticket = String(this.#nextTicket++);
    if (this.#open.has(wait)) {
      this.#tickets.set(ticket, { wait, eventIndexes });
      wait.tickets.push(ticket);
    }
    return this.#names.scored(this.#gatewayId, ticket);
  }

  end(wait: ScoredWait): void {
    this.#open.delete(wait);
    for (const ticket of wait.tickets) this.#tickets.delete(ticket);
    wait.giveUp();
  }

  close(): void {
    this.#subscription.unsubscribe();
    for (const wait of this.#open) this.end(wait);
  }

  #onReply(subject: string, data: Uint8Array): void {
    const ticket = this.#tickets.get(subject.slice(subject.lastIndexOf('.') + 1));
    if (ticket === undefined) return;
    try {
      const { first = 0, outcomes } = decodeScored(data);
      ticket.wait.receive(ticket.eventIndexes.slice(first), outcomes);
    } catch (error) {
      this.#log.error({ err: toError(error) }, 'a scored answer cannot be read');
    }
  }
}

export class ScoredWait {
  /** Of the messages that carry its events; kept by ScoredWaits. */
  readonly tickets: string[] = [];
  readonly #outcomes: (OutcomeView | undefined)[];
  #missing: number;
  #over = false;
  #done: () => void = () => {};

  constructor(events: number) {
    this.#outcomes = new Array(events).fill(undefined);
    this.#missing = events;
  }

  receive(eventIndexes: readonly number[], outcomes: readonly OutcomeView[]): void {
    for (const [place, eventIndex] of eventIndexes.entries()) {
      const outcome = outcomes[place];
      if (outcome === undefined) continue;
      if (this.#outcomes[eventIndex] === undefined) this.#missing--;
      this.#outcomes[eventIndex] = outcome;
    }
    if (this.#missing === 0) this.#done();
  }

  giveUp(): void {
    this.#over = true;
    this.#done();
  }

  /** In the order of the request's events; undefined if some are still missing after `patienceMs`, or after giving up. */
  async outcomes(patienceMs: number): Promise<readonly OutcomeView[] | undefined> {
    if (this.#missing > 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, patienceMs));
        this.#done = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#missing > 0 ? undefined : this.#outcomes.filter((outcome) => outcome !== undefined);
  }
}
