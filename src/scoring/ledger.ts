/** Writing down what happened to a member: into its recent entries, and those into a sealed chunk when there are enough. */
import { CHUNK_ENTRIES } from '../limits.ts';
import type { Entry } from './entry.ts';
import { History } from './history.ts';
import { IdIndex } from './id-index.ts';
import type { Member } from './member.ts';

/** `fingerprint` is that of the entry's event id. */
export function record(member: Member, entry: Entry, fingerprint: number): void {
  member.recent.append(entry, fingerprint);
  if (member.recent.count === CHUNK_ENTRIES) {
    member.history ??= new History(0, new IdIndex([]));
    member.history.seal(member.recent);
    member.recent = member.recent.empty();
  }
}
