/**
 * uWebSockets.js, and what its plain JavaScript stand-in does otherwise. The package runs natively on the Node versions it
 * has binaries for and falls back to Node's own http and `ws` elsewhere. The stand-in covers only a part of the typed
 * interface (no `publish`, `getQuery`, `endWithoutBody`, `drain`, upgrade handlers or idle timeouts), so the gateway keeps
 * to what both have, and every difference left is dealt with here.
 */

import uWS, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  type WebSocket,
} from 'uWebSockets.js';
import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';

declare module 'uWebSockets.js' {
  interface TemplatedApp {
    /** Both implementations take all four; the published types leave this overload out. */
    listen(
      host: RecognizedString,
      port: number,
      options: number,
      cb: (listenSocket: us_listen_socket | false) => void,
    ): TemplatedApp;
  }
}

export type { HttpRequest, HttpResponse, TemplatedApp, WebSocket };
/** Open sockets carry nothing of ours: the stand-in has no user data. */
export type Socket = WebSocket<unknown>;
export type ListenSocket = us_listen_socket;

export const IS_NATIVE = 'getParts' in uWS;

/** Without it two processes may listen on one port and share its callers, which hides a mistake. */
const EXCLUSIVE_PORT = 1;

export function createApp(): TemplatedApp {
  return uWS.App();
}

/** `livePath` is where sockets are expected. */
export function listen(app: TemplatedApp, host: string, port: number, livePath: string): Promise<ListenSocket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, EXCLUSIVE_PORT, (listenSocket) => {
      if (listenSocket === false) {
        reject(new Error(`cannot listen on ${host}:${port}: the port is taken or the address is not ours`));
        return;
      }
      if (!IS_NATIVE) refuseOtherUpgrades(listenSocket, livePath);
      resolve(listenSocket);
    });
  });
}

export function stopListening(listenSocket: ListenSocket): void {
  uWS.us_listen_socket_close(listenSocket);
}

export interface RequestHead {
  /** Upper case. */
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly contentType: string;
  readonly contentEncoding: string;
  /** NaN if not given. */
  readonly contentLength: number;
}

/** Must run before the request handler returns: the request does not outlive it. */
export function readHead(req: HttpRequest): RequestHead {
  const url = req.getUrl();
  // Natively the query is not part of the URL; in the stand-in it is, and getQuery() throws.
  const cut = url.indexOf('?');
  const query = cut >= 0 ? url.slice(cut + 1) : IS_NATIVE ? (req.getQuery() ?? '') : '';
  const length = req.getHeader('content-length');
  return {
    method: req.getMethod().toUpperCase(),
    path: cut >= 0 ? url.slice(0, cut) : url,
    query,
    contentType: req.getHeader('content-type'),
    contentEncoding: req.getHeader('content-encoding'),
    contentLength: length === '' ? Number.NaN : Number(length),
  };
}

/** Answers a HEAD request. Native `endWithoutBody(length)` would leave the response unfinished, so the length is a header. */
export function endHead(res: HttpResponse, bodyBytes: number): void {
  res.writeHeader('Content-Length', String(bodyBytes));
  if (IS_NATIVE) res.endWithoutBody();
  else res.end();
}

/** Answers and closes the connection, whatever its client is still sending. */
export function endAndClose(res: HttpResponse, body: string): void {
  if (IS_NATIVE) {
    res.end(body, true);
  } else {
    // The stand-in would destroy the socket before the answer has left it.
    res.writeHeader('Connection', 'close');
    res.end(body);
  }
}

/** The stand-in throws, outside of any call of ours, when a client breaks the WebSocket protocol. Call in the open handler. */
export function survivesProtocolErrors(ws: Socket): void {
  if (IS_NATIVE) return;
  const inner: unknown = Reflect.get(ws, 'internalWs');
  if (!(inner instanceof EventEmitter)) return;
  // Its own listener is added right after the open handler; `ws` closes the socket by itself.
  queueMicrotask(() => inner.removeAllListeners('error').on('error', () => {}));
}

/** The stand-in leaves upgrades to any other address hanging, without a listener for their errors. */
function refuseOtherUpgrades(listenSocket: ListenSocket, livePath: string): void {
  const server: unknown = Reflect.get(listenSocket, 'http');
  if (!(server instanceof EventEmitter)) return;
  server.on('upgrade', (request: unknown, socket: unknown) => {
    const url = typeof request === 'object' && request !== null ? Reflect.get(request, 'url') : undefined;
    if (url !== livePath && socket instanceof Duplex) socket.on('error', () => {}).destroy();
  });
}
