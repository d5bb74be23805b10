/**
 * A partition's durable state. Reads are synchronous, since the fold waits for them; writes come as one checkpoint, which is
 * there wholly or not at all. Who writes it: the partition's owner and nobody else.
 *
 * Bytes that are read are for decoding at once, since a store may share memory between them. Bytes that are written must stay
 * as they are until `commit` resolves, and only then may the next one begin.
 */

export interface PartitionStore {
  /** The last checkpoint; undefined for a new store. */
  position(): StoredPosition | undefined;
  member(id: string): Uint8Array | undefined;
  chunk(memberId: string, number: number): Uint8Array | undefined;
  /** Blocks of a member's id index by level; absent levels are undefined. */
  idBlock(memberId: string, level: number): Uint8Array | undefined;
  /** Members whose timer is at or before `until`, earliest first, then by id. */
  due(until: number): Iterable<Due>;
  /** The earliest timer; Infinity when there is none. */
  nextDue(): number;
  /** Writes all of it in one transaction. Resolves once a crash of this process cannot lose it. */
  commit(checkpoint: CheckpointWrite): Promise<void>;
  /** Every member with its record, in an order of the store's own. */
  members(): Iterable<{ readonly id: string; readonly bytes: Uint8Array }>;
  /** Every sealed chunk. */
  chunks(): Iterable<{ readonly memberId: string; readonly number: number; readonly bytes: Uint8Array }>;
  /** Waits for writes under way. */
  close(): Promise<void>;
}

export interface Due {
  readonly at: number;
  readonly memberId: string;
}

/** How far this store has come in which history; written with every checkpoint. */
export interface StoredPosition {
  /** Identity of the stream: a stream made anew under the same name has another. */
  readonly epoch: string;
  /** Last stream sequence whose events are in this store. */
  readonly sequence: number;
  /** Fingerprint of that message, to notice a log that was rolled back and written anew. */
  readonly messageFingerprint: number;
  /** Log time of that message, epoch ms. */
  readonly timestampMs: number;
  /** Hex digest over all member records and chunks. */
  readonly digest: string;
  /** Program in force, as its JSON document; '' before the first. */
  readonly program: string;
  /** All versions that are kept, those to come included, oldest first; absent in positions stored before they were. */
  readonly programs?: readonly ProgramVersion[];
  /** Last effect known to have been sent; absent in positions stored before this was kept. */
  readonly effects?: { readonly sequence: number; readonly ordinal: number };
}

export interface ProgramVersion {
  readonly document: string;
  /** From when it is in force, epoch ms. */
  readonly since: number;
}

export interface CheckpointWrite {
  readonly position: StoredPosition;
  readonly members: readonly MemberWrite[];
}

export interface MemberWrite {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly chunks: readonly { readonly number: number; readonly bytes: Uint8Array }[];
  /** `bytes` undefined: the level is empty now. */
  readonly idBlocks: readonly { readonly level: number; readonly bytes: Uint8Array | undefined }[];
  /** Timer to take away and to set; Infinity for none. Equal: leave it alone. */
  readonly dueBefore: number;
  readonly due: number;
}
