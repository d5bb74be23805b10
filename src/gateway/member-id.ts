/** Which texts can be a member id, wherever a caller names one. */
import { ID_BYTES_MAX } from '../limits.ts';

/** Half of a surrogate pair: text that has no UTF-8, so it can be neither hashed nor made a subject. */
const LONE_SURROGATE = /\p{Cs}/u;

export function isMemberId(text: string): boolean {
  return text !== '' && !LONE_SURROGATE.test(text) && Buffer.byteLength(text) <= ID_BYTES_MAX;
}
