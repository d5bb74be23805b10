/**
 * One client of the live view, and how much may wait in its socket. What it asked for is answered at once; updates to a
 * socket that is behind are not queued: its watches are marked, and once the socket has drained it gets the latest state of
 * each. A socket that asks and does not read is closed.
 */
import { SOCKET_BACKPRESSURE_BYTES_MAX, SOCKET_CONFLATE_BYTES } from '../limits.ts';
import { CLOSE_CODES, type CloseReason } from './close-codes.ts';
import type { Watch } from './live-topic.ts';
import type { GatewayCounters } from './ports.ts';
import type { Socket } from './uws.ts';

/** What is used of a WebSocket here. */
export type SocketPort = Pick<Socket, 'send' | 'getBufferedAmount' | 'cork' | 'end'>;

/** What `send` answers when the socket's own limit made it drop the frame. */
const DROPPED = 2;

export class LiveSocket {
  /** By topic name. */
  readonly watches = new Map<string, Watch>();
  /** Messages that made no sense since the last one that did. */
  errorsInARow = 0;
  readonly #ws: SocketPort;
  readonly #counters: GatewayCounters;
  /** Told when watches begin to wait for the socket to drain. */
  readonly #onDirty: (socket: LiveSocket) => void;
  readonly #dirty = new Set<Watch>();
  #open = true;

  constructor(ws: SocketPort, counters: GatewayCounters, onDirty: (socket: LiveSocket) => void) {
    this.#ws = ws;
    this.#counters = counters;
    this.#onDirty = onDirty;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Something the client asked for. */
  reply(frame: string | Buffer): void {
    if (!this.#open) return;
    if (!this.#send(frame)) this.close('slow');
  }

  /** Brings a watch up to date, now or when the socket has drained. */
  deliver(watch: Watch): void {
    if (!this.#open) return;
    const isBusy = watch.isServed && this.#ws.getBufferedAmount() > SOCKET_CONFLATE_BYTES;
    if (!isBusy) {
      if (!this.#sendLatest(watch)) this.close('slow');
      return;
    }
    if (!watch.topic.conflates) {
      this.#counters.framesDropped(1);
      return;
    }
    this.#counters.framesConflated(1);
    this.#dirty.add(watch);
    this.#onDirty(this);
  }

  /** The socket may have drained: sends the latest state of watches that wait, as far as it takes them. */
  flush(): void {
    if (!this.#open || this.#dirty.size === 0) return;
    let isDropped = false;
    this.#ws.cork(() => {
      for (const watch of this.#dirty) {
        if (isDropped || this.#ws.getBufferedAmount() > SOCKET_CONFLATE_BYTES) return;
        this.#dirty.delete(watch);
        isDropped = !this.#sendLatest(watch);
      }
    });
    if (isDropped) this.close('slow');
  }

  forget(watch: Watch): void {
    this.#dirty.delete(watch);
    this.watches.delete(watch.topic.name);
  }

  close(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#counters.socketClosed(reason);
    const { code, reason: text } = CLOSE_CODES[reason];
    this.#ws.end(code, text);
  }

  /** The socket is gone; nothing may touch it any more. */
  gone(): void {
    this.#open = false;
    this.#dirty.clear();
  }

  /** Brings a watch up to date. False: the socket is so full that the frame is lost. */
  #sendLatest(watch: Watch): boolean {
    const { isServed } = watch;
    const frame = watch.takeFrame();
    if (frame === undefined) return true;
    if (!this.#send(frame)) return false;
    const loggedAtMs = watch.topic.state?.loggedAtMs;
    // A first frame shows what was so already: how long ago that came about is no delay.
    if (isServed && loggedAtMs !== undefined) this.#counters.pushed(loggedAtMs);
    return true;
  }

  /** False: the socket is so full that the frame is lost. */
  #send(frame: string | Buffer): boolean {
    if (this.#ws.getBufferedAmount() > SOCKET_BACKPRESSURE_BYTES_MAX) return false;
    if (this.#ws.send(frame, false) === DROPPED) return false;
    this.#counters.framesSent(1);
    return true;
  }
}
