/** The engine that takes the events: which log it writes to, and sending until it has taken them. One that is away is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { toError } from '../../lib/assert.ts';
import { UsageError } from '../options.ts';
import type { Request } from './lanes.ts';
import type { Refusal } from './refusals.ts';

const RETRY_MS = 500;
/** It may be restarting. */
const GIVE_UP_AFTER_MS = 120_000;

export interface Sent {
  readonly accepted: number;
  readonly refusals: readonly Refusal[];
}

/** As `POST /v1/events` and `GET /readyz` answer. */
interface Answer {
  readonly accepted?: readonly unknown[];
  readonly rejected?: readonly {
    readonly index: number;
    readonly code: string;
    readonly message: string;
    readonly path: string;
  }[];
  readonly epoch?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export class Target {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Identity of the log that the engine writes to. */
  async epoch(): Promise<string> {
    return this.#ask('/readyz', {}, ({ epoch }) => epoch);
  }

  /** Resolves when all of the request is durable, but for what is refused. */
  async send(request: Request): Promise<Sent> {
    const body = `[${request.map(({ text }) => text).join(',')}]`;
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    // A 400 is an answer too: it lists what is wrong with each event.
    return this.#ask('/v1/events', init, ({ accepted, rejected }) => {
      const refusals = rejected?.map(({ index, code, message, path }) => {
        return { line: request[index]?.number ?? 0, code, message, path };
      });
      return refusals && { accepted: accepted?.length ?? 0, refusals };
    });
  }

  /** Asks until `pick` finds in the answer what was asked for. */
  async #ask<T>(path: string, init: RequestInit, pick: (answer: Answer) => T | undefined): Promise<T> {
    const startMs = performance.now();
    for (;;) {
      let problem: string;
      try {
        const response = await fetch(`${this.#url}${path}`, init);
        const answer = (await response.json()) as Answer;
        const picked = pick(answer);
        if (picked !== undefined) return picked;
        problem = `${path} answers ${response.status} ${answer.error?.code ?? ''}: ${answer.error?.message ?? 'something else'}`;
        if (response.status < 500) throw new UsageError(`The engine at ${this.#url} does not take this: ${problem}`);
      } catch (error) {
        if (error instanceof UsageError) throw error;
        problem = toError(error).message;
      }
      if (performance.now() - startMs > GIVE_UP_AFTER_MS) {
        throw new Error(
          `The engine at ${this.#url} did not answer for ${GIVE_UP_AFTER_MS / 1000} s (${problem}). Run the import again to go on.`,
        );
      }
      await sleep(RETRY_MS);
    }
  }
}
