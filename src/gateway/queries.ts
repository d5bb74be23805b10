/** Questions to the owners of partitions, a bounded number at a time; whatever goes wrong comes back as a refusal. */
import { toError } from '../lib/assert.ts';
import { QUERIES_IN_FLIGHT_MAX } from '../limits.ts';
import { type Answer, decodeAnswer, encodeQuery, type Query } from '../wire/query.ts';
import type { Names } from '../wire/subjects.ts';
import { type BrokerLink, brokerTrouble } from './broker-link.ts';
import { Refusal } from './errors.ts';
import type { GatewayLog } from './ports.ts';

export type AnswerTo<Op extends Query['op']> = Extract<Answer, { readonly ok: true; readonly op: Op }>;

export interface QueriesDeps {
  readonly link: BrokerLink;
  readonly names: Names;
  readonly timeoutMs: number;
  readonly log: GatewayLog;
}

export class Queries {
  readonly #deps: QueriesDeps;
  #inFlight = 0;

  constructor(deps: QueriesDeps) {
    this.#deps = deps;
  }

  async ask<Op extends Query['op']>(
    partition: number,
    query: Extract<Query, { readonly op: Op }>,
  ): Promise<AnswerTo<Op> | Refusal> {
    const { link, names, timeoutMs } = this.#deps;
    if (this.#inFlight >= QUERIES_IN_FLIGHT_MAX) return new Refusal('overloaded');
    if (!link.isUp()) return new Refusal('not_ready', 'The broker cannot be reached at the moment. Try again.');
    const payload = encodeQuery(query);
    if (payload.length > (link.nc.info?.max_payload ?? Number.POSITIVE_INFINITY)) {
      return new Refusal('request_too_large', 'The events of one member are too many for one preview. Send fewer.');
    }
    this.#inFlight++;
    try {
      const message = await link.nc.request(names.query(partition), payload, { timeout: timeoutMs });
      const answer = decodeAnswer(message.data);
      if (!answer.ok) return this.#refused(partition, query, answer.code, answer.message);
      if (answer.op === query.op) return answer as AnswerTo<Op>;
      return this.#broken(partition, query, new Error(`the answer is to ${answer.op}`));
    } catch (error) {
      return this.#failed(partition, query, toError(error));
    } finally {
      this.#inFlight--;
    }
  }

  #refused(partition: number, query: Query, code: Extract<Answer, { ok: false }>['code'], message: string): Refusal {
    switch (code) {
      case 'not_ready':
        return new Refusal('not_ready', message);
      case 'too_many_leases':
        return new Refusal('too_many_leases', message);
      case 'bad_query':
      case 'failed':
        return this.#broken(partition, query, new Error(`${code}: ${message}`));
    }
  }

  #failed(partition: number, query: Query, error: Error): Refusal {
    const trouble = brokerTrouble(error);
    if (trouble !== undefined) return new Refusal(trouble === 'timeout' ? 'query_timeout' : 'not_ready');
    return this.#broken(partition, query, error);
  }

  #broken(partition: number, { op }: Query, error: Error): Refusal {
    this.#deps.log.error({ err: error, partition, op }, 'a query failed');
    return new Refusal('internal', 'The owner of the member could not answer. The log of the server says more.');
  }
}
