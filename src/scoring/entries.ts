/**
 * A run of ledger entries, oldest first, as the fold uses it. Members are kept by the million and their entries hardly ever
 * looked at again, so whoever keeps them may pack them (wire/packed-entries.ts): what is handed out is a copy, and a change
 * to it counts once it has been put back with `replace`.
 */
import type { Entry } from './entry.ts';

export interface Entries {
  readonly count: number;
  /** `fingerprint` is that of the event id. */
  append(entry: Entry, fingerprint: number): void;
  find(eventId: string, fingerprint: number): Entry | undefined;
  /** Puts an entry in the place of the one with its event id. Returns false if there is none. */
  replace(entry: Entry, fingerprint: number): boolean;
  all(): Entry[];
  /** Of the event ids, in order. */
  fingerprints(): Float64Array;
  /** A run of the same kind without entries. */
  empty(): Entries;
  copy(): Entries;
}
