/** Requests over kept-alive connections, as a fleet's tills make them. */
import { Agent, request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON. */
  readonly body: unknown;
}

const CONNECTIONS_MAX = 64;
const TIMEOUT_MS = 10_000;

export class HttpClient {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });

  constructor(url: string) {
    this.#url = url;
  }

  get(path: string): Promise<HttpAnswer> {
    return this.#request('GET', path, undefined);
  }

  post(path: string, body: unknown): Promise<HttpAnswer> {
    return this.#request('POST', path, JSON.stringify(body));
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(method: string, path: string, body: string | undefined): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(
        `${this.#url}${path}`,
        { method, agent: this.#agent, timeout: TIMEOUT_MS, headers },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            try {
              resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
