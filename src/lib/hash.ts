/** The three hashes we use. None is cryptographic; each says what it is for. */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

const utf8 = new TextEncoder();

/** FNV-1a over UTF-8, as NATS hashes a subject token for `{{partition(n,1)}}`. Unsigned 32 bits. */
export function fnv1a32(text: string): number {
  let hash = FNV_OFFSET;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return fnv1a32Bytes(utf8.encode(text));
    hash = Math.imul(hash ^ code, FNV_PRIME);
  }
  return hash >>> 0;
}

function fnv1a32Bytes(bytes: Uint8Array): number {
  let hash = FNV_OFFSET;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/** 53 bits of a string: two multiplicative lanes over its UTF-16 units. A hint where to look, never a proof of equality. */
export function fingerprint(text: string): number {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  high = mix(high ^ (low >>> 15));
  low = mix(low ^ (high >>> 13));
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
}

function mix(lane: number): number {
  lane = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  lane = Math.imul(lane ^ (lane >>> 13), 0xc2b2ae35);
  return lane ^ (lane >>> 16);
}

/**
 * A sum of record hashes: the same set of records gives the same digest in whatever order they were written, and one
 * record can be replaced without reading the others. Two independent 32-bit lanes.
 */
export interface Digest {
  high: number;
  low: number;
}

export function emptyDigest(): Digest {
  return { high: 0, low: 0 };
}

export function copyDigest(digest: Digest): Digest {
  return { high: digest.high, low: digest.low };
}

/** Adds a record's hash to the digest, or takes it out. */
export function addToDigest(digest: Digest, hash: Digest, sign: 1 | -1): void {
  digest.high = (digest.high + sign * hash.high) >>> 0;
  digest.low = (digest.low + sign * hash.low) >>> 0;
}

/** Hash of one record's bytes from `start` on, salted with its key's fingerprint so that two members cannot swap records unnoticed. */
export function hashRecord(salt: number, bytes: Uint8Array, start: number): Digest {
  const end = bytes.length;
  let high = (salt / 0x1_0000_0000) | 0;
  let low = salt | 0;
  let index = start;
  // Four bytes a step: one multiply a word a lane instead of one a byte.
  for (; index + 4 <= end; index += 4) {
    const word =
      (bytes[index] as number) |
      ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) |
      ((bytes[index + 3] as number) << 24);
    high = Math.imul(high ^ word, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(low ^ word, 0x5f356495);
    low ^= low >>> 13;
  }
  for (; index < end; index++) {
    high = Math.imul(high ^ (bytes[index] as number), 0x9e3779b1);
    low = Math.imul(low ^ (bytes[index] as number), 0x5f356495);
  }
  return { high: mix(high ^ (end - start)) >>> 0, low: mix(low + end - start) >>> 0 };
}

export function parseDigest(text: string): Digest {
  return { high: Number.parseInt(text.slice(0, 8), 16), low: Number.parseInt(text.slice(8), 16) };
}

export function digestText(digest: Digest): string {
  return digest.high.toString(16).padStart(8, '0') + digest.low.toString(16).padStart(8, '0');
}
