/** Writing down what happened to a member: into its recent entries, and those into a sealed chunk when there are enough. */
import { fingerprint } from '../lib/hash.ts';
import { CHUNK_ENTRIES } from '../limits.ts';
import type { Entry } from './entry.ts';
import { History } from './history.ts';
import { IdIndex } from './id-index.ts';
import type { Member } from './member.ts';

/** What no event caused has no id. */
const NO_ID = fingerprint('');

/** `print` is the fingerprint of the entry's event id. */
export function record(member: Member, entry: Entry, print = NO_ID): void {
  member.recent.append(entry, print);
  if (member.recent.count === CHUNK_ENTRIES) {
    member.history ??= new History(0, new IdIndex([]));
    member.history.seal(member.recent);
    member.recent = member.recent.empty();
  }
}

/** Puts back an entry that has changed since it was written: something was counted on it. */
export function rewrite(member: Member, entry: Entry): void {
  if (!member.recent.replace(entry, fingerprint(entry.eventId))) member.history?.replace(entry);
}
