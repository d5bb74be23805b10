/**
 * Updates on their way to whoever watches. A worker makes the JSON once; a gateway passes it on without parsing it.
 *
 * Bytes: version 1, eight bytes of the member's version (float64, big-endian), eight bytes of log time of the event (epoch
 * ms, float64), then the member's JSON (UTF-8). A client receives
 * `{"type":"snapshot"|"update","topic":..,"epoch":..,"version":..,"data":..}`.
 */
import { WireError } from './pack.ts';

const LIVE_VERSION = 1;
const HEAD_BYTES = 17;

export interface LiveUpdate {
  /** Stream sequence that last changed the member. */
  readonly version: number;
  /** When the log received the message that caused it, epoch ms. */
  readonly loggedAtMs: number;
  /** The member, as JSON text. */
  readonly json: string;
}

export function encodeLive({ version, loggedAtMs, json }: LiveUpdate): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + Buffer.byteLength(json));
  bytes[0] = LIVE_VERSION;
  bytes.writeDoubleBE(version, 1);
  bytes.writeDoubleBE(loggedAtMs, 9);
  bytes.write(json, HEAD_BYTES);
  return bytes;
}

/** Throws WireError. */
export function decodeLive(bytes: Uint8Array): LiveUpdate {
  if (bytes[0] !== LIVE_VERSION || bytes.length < HEAD_BYTES) throw new WireError('not a live update');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    version: buffer.readDoubleBE(1),
    loggedAtMs: buffer.readDoubleBE(9),
    json: buffer.toString('utf8', HEAD_BYTES),
  };
}

export type LiveFrameType = 'snapshot' | 'update';

/** One frame to a client. `data` is JSON text. */
export function liveFrame(type: LiveFrameType, topic: string, epoch: string, version: number, data: string): string {
  return `{"type":"${type}","topic":${JSON.stringify(topic)},"epoch":${JSON.stringify(epoch)},"version":${version},"data":${data}}`;
}
