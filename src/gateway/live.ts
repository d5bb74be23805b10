/** The live WebSocket: who is connected, what they ask for, and when sockets that were busy are looked at again. */
import { toError } from '../lib/assert.ts';
import {
  SOCKET_BACKPRESSURE_BYTES_MAX,
  SOCKET_ERRORS_MAX,
  SOCKET_IDLE_S,
  SOCKET_MESSAGE_BYTES_MAX,
  SOCKETS_MAX,
  SUBSCRIPTIONS_PER_SOCKET_MAX,
} from '../limits.ts';
import type { BroadcastTopics } from './broadcast-topics.ts';
import { LIVE_ERRORS, type LiveErrorCode } from './errors.ts';
import { errorFrame, type LiveMessage, parseLiveMessage } from './live-messages.ts';
import { LiveSocket } from './live-socket.ts';
import type { Watch } from './live-topic.ts';
import { isMemberId } from './member-id.ts';
import { MEMBER_TOPIC_PREFIX, type MemberTopics } from './member-topics.ts';
import type { GatewayCounters, GatewayLog } from './ports.ts';
import { type Socket, survivesProtocolErrors, type TemplatedApp } from './uws.ts';

export interface LiveDeps {
  readonly members: MemberTopics;
  readonly broadcasts: BroadcastTopics;
  readonly counters: GatewayCounters;
  readonly log: GatewayLog;
  readonly sweepMs: number;
}

export class Live {
  readonly #deps: LiveDeps;
  readonly #sockets = new Map<Socket, LiveSocket>();
  /** Busy sockets with something to send. A drain event flushes them; the sweep is for where there are none. */
  readonly #dirty = new Set<LiveSocket>();
  readonly #sweeper: NodeJS.Timeout;
  #closing = false;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
    this.#sweeper = setInterval(() => this.#sweep(), deps.sweepMs);
  }

  attach(app: TemplatedApp, path: string): void {
    app.ws<unknown>(path, {
      maxPayloadLength: SOCKET_MESSAGE_BYTES_MAX,
      // Ours acts first; this one only keeps room for a last frame and the close.
      maxBackpressure: 4 * SOCKET_BACKPRESSURE_BYTES_MAX,
      idleTimeout: SOCKET_IDLE_S,
      sendPingsAutomatically: true,
      open: (ws) => this.#onOpen(ws),
      message: (ws, message, isBinary) => this.#onMessage(ws, message, isBinary),
      drain: (ws) => this.#sockets.get(ws)?.flush(),
      close: (ws) => this.#onClose(ws),
    });
  }

  /** Tells all clients to go elsewhere. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#sweeper);
    for (const socket of [...this.#sockets.values()]) socket.close('going_away');
  }

  #onOpen(ws: Socket): void {
    survivesProtocolErrors(ws);
    const socket = new LiveSocket(ws, this.#deps.counters, (dirty) => this.#dirty.add(dirty));
    if (this.#closing || this.#sockets.size >= SOCKETS_MAX) {
      socket.close(this.#closing ? 'going_away' : 'too_many_sockets');
      return;
    }
    this.#sockets.set(ws, socket);
    this.#deps.counters.socketsOpen(this.#sockets.size);
  }

  #onClose(ws: Socket): void {
    const socket = this.#sockets.get(ws);
    if (socket === undefined) return;
    socket.gone();
    this.#sockets.delete(ws);
    this.#dirty.delete(socket);
    for (const watch of [...socket.watches.values()]) this.#unwatch(watch);
    this.#deps.counters.socketsOpen(this.#sockets.size);
  }

  #onMessage(ws: Socket, bytes: ArrayBuffer, isBinary: boolean): void {
    const socket = this.#sockets.get(ws);
    if (socket?.isOpen !== true) return;
    try {
      const message = isBinary ? undefined : parseLiveMessage(Buffer.from(bytes).toString());
      const mistake = message === undefined ? 'bad_message' : this.#obey(socket, message);
      if (mistake === undefined) socket.errorsInARow = 0;
      else this.#onMistake(socket, mistake, message?.topic);
    } catch (error) {
      this.#deps.log.error({ err: toError(error) }, 'a live message failed');
      socket.reply(errorFrame('internal', 'A defect on our side; the log of the server says more.'));
    }
  }

  /** What is wrong with the message; undefined if it was obeyed. */
  #obey(socket: LiveSocket, message: LiveMessage): LiveErrorCode | undefined {
    const { topic } = message;
    const watch = socket.watches.get(topic);
    if (message.type === 'unsubscribe') {
      if (watch === undefined) return 'not_subscribed';
      this.#unwatch(watch);
      return undefined;
    }
    const { members, broadcasts } = this.#deps;
    const isMember = topic.startsWith(MEMBER_TOPIC_PREFIX);
    if (!isMember && !broadcasts.has(topic)) return 'unknown_topic';
    const memberId = topic.slice(MEMBER_TOPIC_PREFIX.length);
    if (isMember && !isMemberId(memberId)) return 'bad_member_id';
    if (watch === undefined && socket.watches.size >= SUBSCRIPTIONS_PER_SOCKET_MAX) return 'too_many_subscriptions';
    if (isMember) members.watch(socket, memberId, message.resume);
    else broadcasts.watch(socket, topic, message.resume);
    return undefined;
  }

  #onMistake(socket: LiveSocket, code: LiveErrorCode, topic: string | undefined): void {
    socket.errorsInARow++;
    socket.reply(errorFrame(code, LIVE_ERRORS[code], topic));
    if (socket.errorsInARow >= SOCKET_ERRORS_MAX) socket.close('too_many_errors');
  }

  #unwatch(watch: Watch): void {
    const { members, broadcasts } = this.#deps;
    if (broadcasts.has(watch.topic.name)) broadcasts.unwatch(watch);
    else members.unwatch(watch);
  }

  #sweep(): void {
    for (const socket of this.#dirty) {
      socket.flush();
      if (!socket.isDirty) this.#dirty.delete(socket);
    }
  }
}
