/**
 * A partition's state in an LMDB environment of its own: one folder, one writer, five named databases.
 *
 * The settings, measured with 8 environments of 125,000 members and checkpoints of 20,000 random ones:
 * - `useWritemap` takes a third off the time and the processor of a commit (134 against 213 ms). Its price: a full disk is not
 *   an error but a SIGBUS, which is why commit() looks at the free space first. The file is sparse, `du` shows its true size.
 * - `mapSize` is far more than a partition needs. lmdb would start small and double; but opening a store that another process
 *   has grown would then cut the file back under that process's feet. It costs addresses, neither memory nor disk.
 * - `overlappingSync` off: data reaches the disk before the page that points at it, so neither `kill -9` nor a power cut
 *   leaves a torn checkpoint. It would not be faster here: lmdb resolves a commit only after its sync either way.
 * - `eventTurnBatching` off: a checkpoint is the one batch we ask for and nothing else.
 * - `batchStartThreshold` out of reach: lmdb would begin to write a long batch while it is still being filled, and a thread
 *   terminated just then would leave the writer waiting for the rest, holding the write lock, for ever.
 * - Keys are encoded here. lmdb's own encoding has two forms for control characters, one for short and one for long keys,
 *   and so gives some pairs of ids the same key.
 */
import { statfsSync } from 'node:fs';
import { type Database, type DatabaseOptions, open, type RootDatabase, type RootDatabaseOptions } from 'lmdb';
import { assert, toError } from '../lib/assert.ts';
import { ID_BYTES_MAX, STORE_FREE_BYTES_MIN } from '../limits.ts';
import { pack, UnknownVersion, unpack, WireError } from '../wire/pack.ts';
import type { CheckpointWrite, Due, MemberWrite, PartitionStore, ProgramVersion, StoredPosition } from './store.ts';

const SETTINGS: RootDatabaseOptions & { readonly batchStartThreshold: number } = {
  encoding: 'binary',
  // Whatever the folder is called.
  noSubdir: false,
  useWritemap: true,
  mapSize: 64 * 1024 ** 3,
  overlappingSync: false,
  eventTurnBatching: false,
  batchStartThreshold: Number.MAX_SAFE_INTEGER,
};

export interface LmdbStoreOptions {
  /** Free bytes on the disk below which nothing is written. */
  readonly freeBytesMin?: number;
}

/** Makes the folder if there is none. */
export function openLmdbStore(path: string, options: LmdbStoreOptions = {}): PartitionStore {
  return new LmdbStore(path, options.freeBytesMin ?? STORE_FREE_BYTES_MIN);
}

class LmdbStore implements PartitionStore {
  readonly #path: string;
  readonly #freeBytesMin: number;
  readonly #environment: RootDatabase<Uint8Array, string>;
  readonly #databases: Databases;
  /** The commit under way. */
  #writing: Promise<void> | undefined;
  /** As they were last written. */
  #programs: readonly ProgramVersion[] | undefined;

  constructor(path: string, freeBytesMin: number) {
    this.#path = path;
    this.#freeBytesMin = freeBytesMin;
    this.#environment = open<Uint8Array, string>(path, SETTINGS);
    // In one transaction, since each database that is new would otherwise wait for the disk by itself.
    this.#databases = this.#environment.transactionSync(() => openDatabases(this.#environment));
  }

  position(): StoredPosition | undefined {
    const bytes = read(this.#databases.meta, POSITION_KEY);
    if (bytes === undefined) return undefined;
    const programs = read(this.#databases.meta, PROGRAMS_KEY);
    const position = decodePosition(bytes);
    return programs === undefined ? position : { ...position, programs: decodePrograms(programs) };
  }

  member(id: string): Uint8Array | undefined {
    return read(this.#databases.members, id);
  }

  chunk(memberId: string, number: number): Uint8Array | undefined {
    return read(this.#databases.chunks, [memberId, number]);
  }

  idBlock(memberId: string, level: number): Uint8Array | undefined {
    return read(this.#databases.idBlocks, [memberId, level]);
  }

  *due(until: number): Generator<Due> {
    for (const [at, memberId] of this.#databases.timers.getKeys({ start: [0, ''] })) {
      if (at > until) return;
      yield { at, memberId };
    }
  }

  nextDue(): number {
    for (const { at } of this.due(Infinity)) return at;
    return Infinity;
  }

  async commit(checkpoint: CheckpointWrite): Promise<void> {
    // A second one would not know of the first one's failure and put its position after a gap.
    assert(this.#writing === undefined, 'a store writes one checkpoint at a time');
    for (const member of checkpoint.members) checkKeys(member);
    this.#checkFreeSpace();
    this.#writing = this.#write(checkpoint);
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
  }

  *members(): Generator<{ id: string; bytes: Uint8Array }> {
    for (const { key, value } of this.#databases.members.getRange({ start: '' })) yield { id: key, bytes: value };
  }

  *chunks(): Generator<{ memberId: string; number: number; bytes: Uint8Array }> {
    for (const { key, value } of this.#databases.chunks.getRange({ start: ['', 0] })) {
      const [memberId, number] = key;
      yield { memberId, number, bytes: value };
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#writing]);
    await this.#environment.close();
  }

  /** The batch is written by another thread; the values must stay as they are until it is. */
  async #write({ position, members }: CheckpointWrite): Promise<void> {
    const { meta } = this.#databases;
    // They are large, and hardly ever others than before.
    const isOther = position.programs !== undefined && position.programs !== this.#programs;
    const programs = isOther ? encodePrograms(position.programs) : undefined;
    try {
      await this.#environment.batch(() => {
        for (const member of members) this.#writeMember(member);
        void meta.put(POSITION_KEY, encodePosition(position));
        if (programs !== undefined) void meta.put(PROGRAMS_KEY, programs);
      });
      this.#programs = position.programs;
    } catch (error) {
      throw new Error(`cannot write to ${this.#path}`, { cause: await reasonOf(error) });
    }
  }

  /** Throws nothing: lmdb would commit the batch up to there. */
  #writeMember({ id, bytes, chunks, idBlocks, dueBefore, due }: MemberWrite): void {
    const databases = this.#databases;
    void databases.members.put(id, bytes);
    for (const chunk of chunks) void databases.chunks.put([id, chunk.number], chunk.bytes);
    for (const block of idBlocks) {
      if (block.bytes === undefined) void databases.idBlocks.remove([id, block.level]);
      else void databases.idBlocks.put([id, block.level], block.bytes);
    }
    if (due === dueBefore) return;
    if (dueBefore !== Infinity) void databases.timers.remove([dueBefore, id]);
    if (due !== Infinity) void databases.timers.put([due, id], NOTHING);
  }

  #checkFreeSpace(): void {
    const { bavail, bsize } = statfsSync(this.#path);
    const freeBytes = bavail * bsize;
    if (freeBytes >= this.#freeBytesMin) return;
    throw new Error(`cannot write to ${this.#path}: ${freeBytes} bytes are free, ${this.#freeBytesMin} are asked for`);
  }
}

const NOTHING = new Uint8Array(0);

/** What lmdb's key encoders take for granted; checked before the batch, where a throw does no harm. */
function checkKeys({ id, dueBefore, due }: MemberWrite): void {
  assert(id.length > 0 && id.length <= ID_BYTES_MAX, () => `a member id of ${id.length} characters is no key`);
  assert(dueBefore >= 0 && due >= 0, () => `timers of member ${id} at ${dueBefore} and ${due}`);
}

/** lmdb rejects with an error that holds a promise, itself about to be rejected, of the reason. */
async function reasonOf(error: unknown): Promise<Error> {
  try {
    if (error instanceof Error && 'commitError' in error) await error.commitError;
  } catch (reason) {
    return toError(reason);
  }
  return toError(error);
}

// --- Databases and their keys ---

type NumberedKey = [memberId: string, number: number];
type TimerKey = [at: number, memberId: string];

interface Databases {
  readonly members: Database<Uint8Array, string>;
  readonly chunks: Database<Uint8Array, NumberedKey>;
  readonly idBlocks: Database<Uint8Array, NumberedKey>;
  readonly timers: Database<Uint8Array, TimerKey>;
  readonly meta: Database<Uint8Array, string>;
}

function openDatabases(environment: RootDatabase<Uint8Array, string>): Databases {
  return {
    members: environment.openDB('members', keyedBy(idKeys)),
    chunks: environment.openDB('chunks', keyedBy(numberedKeys)),
    idBlocks: environment.openDB('ids', keyedBy(numberedKeys)),
    timers: environment.openDB('timers', keyedBy(timerKeys)),
    meta: environment.openDB('meta', keyedBy(idKeys)),
  };
}

interface KeyEncoder<Key> {
  /** Returns where the key ends. */
  writeKey(key: Key, target: Buffer, start: number): number;
  readKey(source: Buffer, start: number, end: number): Key;
}

function keyedBy<Key>(keyEncoder: KeyEncoder<Key>): DatabaseOptions & { readonly keyEncoder: KeyEncoder<Key> } {
  return { encoding: 'binary', keyEncoder };
}

const idKeys: KeyEncoder<string> = {
  writeKey: (id, target, start) => start + target.write(id, start),
  readKey: (source, start, end) => source.toString('utf8', start, end),
};

/** The number comes last and has a fixed width, so ids need no terminator. */
const numberedKeys: KeyEncoder<NumberedKey> = {
  writeKey: ([memberId, number], target, start) => target.writeUInt32BE(number, start + target.write(memberId, start)),
  readKey: (source, start, end) => [source.toString('utf8', start, end - 4), source.readUInt32BE(end - 4)],
};

/** Doubles from 0 on sort by their big-endian bytes, and UTF-8 sorts by code points. */
const timerKeys: KeyEncoder<TimerKey> = {
  writeKey: ([at, memberId], target, start) => {
    const afterTime = target.writeDoubleBE(at, start);
    return afterTime + target.write(memberId, afterTime);
  },
  readKey: (source, start, end) => [source.readDoubleBE(start), source.toString('utf8', start + 8, end)],
};

// --- Values ---

const SLAB_BYTES = 64 * 1024;
/** Larger values get memory of their own. */
const SLAB_VALUE_BYTES_MAX = 4 * 1024;

let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

/**
 * lmdb reads into one buffer that the next read overwrites, so a value is copied out of it. Small ones go into a shared slab,
 * which takes a third off the time of a read; as the slab lives as long as any of them, they are for decoding, not for keeping.
 */
function read<Key extends string | NumberedKey>(database: Database<Uint8Array, Key>, key: Key): Uint8Array | undefined {
  const shared = database.getBinaryFast(key);
  if (shared === undefined) return undefined;
  // lmdb overrides `length` with that of the value; methods would see all of its buffer.
  const value = new Uint8Array(shared.buffer, shared.byteOffset, shared.length);
  if (value.length > SLAB_VALUE_BYTES_MAX) return value.slice();
  if (slabUsed + value.length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  slab.set(value, slabUsed);
  const copy = slab.subarray(slabUsed, slabUsed + value.length);
  slabUsed += value.length;
  return copy;
}

/** [epoch, sequence, messageFingerprint, timestampMs, digest, program, effects sequence, effects ordinal]; version 1 ends before the effects. */
const POSITION_VERSION = 2;
const POSITION_KEY = 'position';

const PROGRAMS_VERSION = 1;
const PROGRAMS_KEY = 'programs';

function encodePrograms(programs: readonly ProgramVersion[]): Uint8Array {
  return pack(
    PROGRAMS_VERSION,
    programs.map(({ document, since }) => [document, since]),
  );
}

function decodePrograms(bytes: Uint8Array): ProgramVersion[] {
  const { version, value } = unpack(bytes);
  if (version !== PROGRAMS_VERSION) throw new UnknownVersion('stored programs', version);
  if (!Array.isArray(value)) throw new WireError('stored programs are a list');
  return value.map((entry: unknown) => {
    const [document, since] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof document !== 'string' || typeof since !== 'number') {
      throw new WireError('a stored program is [document, since]');
    }
    return { document, since };
  });
}

function encodePosition(position: StoredPosition): Uint8Array {
  const { epoch, sequence, messageFingerprint, timestampMs, digest, program, effects } = position;
  const sent = effects === undefined ? [] : [effects.sequence, effects.ordinal];
  return pack(POSITION_VERSION, [epoch, sequence, messageFingerprint, timestampMs, digest, program, ...sent]);
}

function decodePosition(bytes: Uint8Array): StoredPosition {
  const { version, value } = unpack(bytes);
  if (version !== 1 && version !== POSITION_VERSION) throw new UnknownVersion('stored position', version);
  if (!Array.isArray(value)) throw new WireError('a stored position is a list');
  const [epoch, sequence, messageFingerprint, timestampMs, digest, program, sentSequence, sentOrdinal] =
    value as unknown[];
  if (
    typeof epoch !== 'string' ||
    typeof sequence !== 'number' ||
    typeof messageFingerprint !== 'number' ||
    typeof timestampMs !== 'number' ||
    typeof digest !== 'string' ||
    typeof program !== 'string'
  ) {
    throw new WireError('a stored position is [epoch, sequence, messageFingerprint, timestampMs, digest, program]');
  }
  const position = { epoch, sequence, messageFingerprint, timestampMs, digest, program };
  if (typeof sentSequence !== 'number' || typeof sentOrdinal !== 'number') return position;
  return { ...position, effects: { sequence: sentSequence, ordinal: sentOrdinal } };
}
