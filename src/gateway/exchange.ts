/**
 * One HTTP request and its answer, over a response object that dies under us: after an abort or an end every call on it
 * throws, so nothing else in the gateway touches it.
 */
import { STATUS_CODES } from 'node:http';
import { BODY_BYTES_IN_FLIGHT_MAX, REQUEST_DISCARD_BYTES_MAX } from '../limits.ts';
import { Refusal } from './errors.ts';
import { endAndClose, endHead, type HttpResponse, type RequestHead } from './uws.ts';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Memory for bodies being received, shared by all requests. */
export class BodyBudget {
  #left = BODY_BYTES_IN_FLIGHT_MAX;

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** Memory set aside at once for a body of the announced length; the rest only as it arrives. */
const FIRST_ALLOCATION_BYTES = 64 * 1024;

export class Exchange {
  readonly head: RequestHead;
  readonly #res: HttpResponse;
  #over = false;
  #aborted = false;
  /** The client may still be sending; it will not be listened to. */
  #closeAfter = false;
  readonly #onAborted: (() => void)[] = [];

  constructor(res: HttpResponse, head: RequestHead) {
    this.#res = res;
    this.head = head;
    res.onAborted(() => {
      // The stand-in also reports the end of an answered request.
      if (this.#over) return;
      this.#over = true;
      this.#aborted = true;
      for (const listener of this.#onAborted) listener();
    });
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** Runs the listener once if the client goes away before it is answered. */
  onAborted(listener: () => void): void {
    if (this.#aborted) listener();
    else this.#onAborted.push(listener);
  }

  /**
   * The whole body; must be called before the request handler first awaits. One that is too long is read on for a while and
   * thrown away, since a client that is still sending would meet a closed connection before it reads the answer. After an
   * abort the promise resolves with what there is.
   */
  readBody(bytesMax: number, budget: BodyBudget): Promise<Uint8Array | Refusal> {
    const tooLarge = () => new Refusal('request_too_large', `expected at most ${bytesMax} bytes`);
    const declared = this.head.contentLength;
    if (declared > bytesMax + REQUEST_DISCARD_BYTES_MAX) {
      this.#closeAfter = true;
      return Promise.resolve(tooLarge());
    }
    return new Promise((resolve) => {
      let buffer = Buffer.alloc(0);
      let used = 0;
      let received = 0;
      let refusal: Refusal | undefined;
      let finished = false;
      const drop = () => {
        budget.give(buffer.length);
        buffer = Buffer.alloc(0);
        used = 0;
      };
      const finish = () => {
        if (finished) return;
        finished = true;
        const body = buffer.subarray(0, used);
        drop();
        resolve(refusal ?? body);
      };
      const grow = (needed: number): boolean => {
        const atFirst = declared > 0 ? Math.min(declared, FIRST_ALLOCATION_BYTES) : 0;
        const size = Math.min(bytesMax, Math.max(needed, buffer.length * 2, atFirst));
        if (!budget.take(size - buffer.length)) return false;
        const larger = Buffer.allocUnsafeSlow(size);
        buffer.copy(larger, 0, 0, used);
        buffer = larger;
        return true;
      };
      const refuse = (why: Refusal) => {
        refusal = why;
        drop();
      };
      this.onAborted(finish);
      this.#res.onData((chunk, isLast) => {
        if (finished) return;
        received += chunk.byteLength;
        if (refusal === undefined) {
          if (received > bytesMax) refuse(tooLarge());
          else if (received > buffer.length && !grow(received)) refuse(new Refusal('overloaded'));
          else {
            buffer.set(new Uint8Array(chunk), used);
            used = received;
          }
        }
        if (isLast) finish();
        else if (received > bytesMax + REQUEST_DISCARD_BYTES_MAX) {
          this.#closeAfter = true;
          finish();
        }
      });
    });
  }

  reply(reply: Reply, closeConnection: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const res = this.#res;
    res.cork(() => {
      res.writeStatus(`${reply.status} ${STATUS_CODES[reply.status] ?? 'Status'}`);
      res.writeHeader('Content-Type', reply.contentType);
      res.writeHeader('Cache-Control', 'no-store');
      res.writeHeader('X-Content-Type-Options', 'nosniff');
      for (const [name, value] of Object.entries(reply.headers ?? {})) res.writeHeader(name, value);
      if (this.head.method === 'HEAD') endHead(res, Buffer.byteLength(reply.body));
      else if (this.#closeAfter || closeConnection) endAndClose(res, reply.body);
      else res.end(reply.body);
    });
  }
}
