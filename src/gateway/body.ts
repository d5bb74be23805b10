/** From the bytes of a request to a value: content types, UTF-8, JSON with the position of a mistake, MessagePack. */
import { unpackForeign, WireError } from '../wire/pack.ts';
import { Refusal } from './errors.ts';
import { jsonErrorPosition } from './json-position.ts';

export const EVENT_TYPES = ['application/json', 'application/msgpack', 'application/x-msgpack'];
export const PROGRAM_TYPES = ['application/yaml', 'application/json', 'application/x-yaml', 'text/yaml', 'text/plain'];

/** The media type if it is one of `types`; a request without one gets the first. */
export function mediaType(header: string, encoding: string, types: readonly string[]): string | Refusal {
  const [first = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase());
  const type = first === '' ? types[0] : types.find((known) => known === first);
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  const utf8 = charset === undefined || charset.replaceAll('"', '') === 'utf-8';
  const plain = encoding === '' || encoding === 'identity';
  if (type !== undefined && utf8 && plain) return type;
  return new Refusal('unsupported_media_type', `expected ${types.join(', ')}, in UTF-8 and not compressed`);
}

/** Decoded and unchecked. An object, so that it cannot be mistaken for a refusal. */
export interface Decoded {
  readonly value: unknown;
}

export function decodeValue(type: string, bytes: Uint8Array): Decoded | Refusal {
  if (type !== 'application/json') {
    try {
      return { value: unpackForeign(bytes) };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return new Refusal('bad_msgpack', 'expected one MessagePack value, complete and not too deeply nested');
    }
  }
  const text = decodeText(bytes);
  if (text instanceof Refusal) return text;
  try {
    return { value: JSON.parse(text) };
  } catch {
    const position = jsonErrorPosition(text);
    const what = position >= text.length ? 'the text ends too early' : `unexpected ${shown(text, position)}`;
    return new Refusal('bad_json', `not JSON: ${what} at position ${position}`);
  }
}

export function decodeText(bytes: Uint8Array): string | Refusal {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new Refusal('bad_json', 'not UTF-8');
  }
}

function shown(text: string, position: number): string {
  return JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0));
}
