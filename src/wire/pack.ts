/**
 * The binary form of everything we store or send: one version byte, then MessagePack without records, so that no structure
 * is shared between threads. Each shape has its own version and says below it what older ones looked like.
 */
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: false, int64AsType: 'number', mapsAsObjects: true });

export class WireError extends Error {
  override readonly name: string = 'WireError';
}

/** Something of ours that a newer engine has written: not to be guessed at, and not to be passed over. */
export class UnknownVersion extends WireError {
  override readonly name = 'UnknownVersion';

  constructor(what: string, version: unknown) {
    super(
      `${what} version ${String(version)} is not known here. A newer engine has written it: use that one, or a newer one.`,
    );
  }
}

export function pack(version: number, value: unknown): Uint8Array {
  const body = packr.pack(value);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = version;
  bytes.set(body, 1);
  return bytes;
}

/** Version and value. Throws WireError on bytes that are not ours; what the value is made of is for the caller to check. */
export function unpack(bytes: Uint8Array): { version: number; value: unknown } {
  const version = bytes[0];
  if (version === undefined) throw new WireError('no bytes');
  try {
    return { version, value: packr.unpack(bytes.subarray(1)) };
  } catch (error) {
    throw new WireError(`not MessagePack after version byte ${version}`, { cause: error });
  }
}

/** MessagePack from outside, without a version byte: the body of an HTTP request. Throws WireError. */
export function unpackForeign(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch (error) {
    throw new WireError('not MessagePack', { cause: error });
  }
}
