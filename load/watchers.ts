/**
 * People who watch members live while the fleet buys. Each checks what it is shown: versions of a member never fall, and what
 * was accepted is shown by an update that is at least as new.
 */
import { WebSocket } from 'ws';
import type { Latencies } from './latency.ts';

interface Frame {
  readonly type: string;
  readonly version?: number;
  readonly data?: unknown;
  readonly message?: string;
}

interface Awaited {
  readonly sequence: number;
  readonly dueAtMs: number;
}

interface Shown {
  readonly version: number;
  readonly atMs: number;
}

/** Events of one member not yet seen in an update; more than this are counted as lost. */
const AWAITED_MAX = 10_000;
/** Updates remembered for events whose answer comes after them. */
const SHOWN_MAX = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;

export class Watcher {
  readonly memberId: string;
  readonly problems: string[] = [];
  #socket: WebSocket | undefined;
  #version = -1;
  #data: unknown = null;
  #awaited: Awaited[] = [];
  /** The latest, oldest first. */
  readonly #shown: Shown[] = [];
  readonly #pushed: Latencies;

  constructor(memberId: string, pushed: Latencies) {
    this.memberId = memberId;
    this.#pushed = pushed;
  }

  /** Resolves with the first snapshot. */
  open(url: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/live`, { handshakeTimeout: CONNECT_TIMEOUT_MS });
      this.#socket = socket;
      socket.on('open', () => socket.send(JSON.stringify({ subscribe: `member:${this.memberId}` })));
      socket.on('error', reject);
      socket.on('message', (bytes) => {
        this.#receive(JSON.parse(bytes.toString()) as Frame);
        resolve();
      });
    });
  }

  /** An event of this member is in the log at `sequence`; it was due at `dueAtMs` on this process's monotonic clock. */
  expect(sequence: number, dueAtMs: number): void {
    if (sequence <= this.#version) {
      // The update was faster than the answer; leaving it out would leave out the fastest.
      const shown = this.#shown.find(({ version }) => sequence <= version);
      if (shown !== undefined) this.#pushed.record(Math.max(0, shown.atMs - dueAtMs));
      return;
    }
    if (this.#awaited.length >= AWAITED_MAX) this.problems.push(`more than ${AWAITED_MAX} events were never shown`);
    else this.#awaited.push({ sequence, dueAtMs });
  }

  /** Sequences of events that no update has shown so far. */
  get awaited(): readonly number[] {
    return this.#awaited.map(({ sequence }) => sequence);
  }

  /** The member as last shown. */
  get seen(): { readonly version: number; readonly data: unknown } {
    return { version: this.#version, data: this.#data };
  }

  close(): void {
    this.#socket?.removeAllListeners('error').on('error', () => {});
    this.#socket?.close();
  }

  #receive({ type, version = 0, data, message }: Frame): void {
    if (type === 'error') {
      this.problems.push(`error frame: ${message}`);
      return;
    }
    if (type === 'update' && version <= this.#version)
      this.problems.push(`version ${version} came after ${this.#version}`);
    this.#version = version;
    this.#data = data;
    const nowMs = performance.now();
    this.#shown.push({ version, atMs: nowMs });
    if (this.#shown.length > SHOWN_MAX) this.#shown.shift();
    this.#awaited = this.#awaited.filter(({ sequence, dueAtMs }) => {
      if (sequence > version) return true;
      this.#pushed.record(nowMs - dueAtMs);
      return false;
    });
  }
}
