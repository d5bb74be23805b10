/**
 * What must exist on the broker before anything runs: the stream of events, the stream of effects, and a bucket that records
 * how members are spread over partitions and which program is the latest. Any number of engines may prepare it at once: each
 * step either makes a thing or finds it made, and the record is written only by the first.
 */
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { PARTITIONS_MAX } from '../limits.ts';
import { type Names, namesOf, PREFIX_PATTERN } from '../wire/subjects.ts';

/** The broker's streams or records are not what this engine is configured for; the message names both and the way out. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
}

export interface TopologyOptions {
  readonly prefix: string;
  readonly partitions: number;
  /** Copies of every stream, of a cluster's servers. */
  readonly replicas: number;
  /** Bytes each of the two streams may hold; when full, writing is refused. Absent: no limit but the disk. */
  readonly maxBytes?: number;
}

export interface Topology {
  readonly names: Names;
  readonly partitions: number;
  readonly control: KV;
}

/** A program as it was last put in force. */
export interface StoredProgram {
  /** JSON text. */
  readonly document: string;
  readonly version: number;
  /** Whether every partition has it in its log; if not, whoever finds it finishes that. */
  readonly announced: boolean;
  /** Of the record; needed to write the next one. */
  readonly revision: number;
}

const HASH = 'fnv1a32';
const RECORD_VERSION = 1;
const TOPOLOGY_KEY = 'topology';
const PROGRAM_KEY = 'program';
/** Duplicates are found by event id in the member's own state; the broker's window only costs it memory. */
const DUPLICATE_WINDOW_MS = 1_000;
/** Of JetStream's numbers, those the client has no name for. */
const STREAM_NAME_IN_USE = 10058;
const SUBJECTS_OVERLAP = 10065;

/** Throws TopologyError if what exists does not fit. */
export async function prepareTopology(nc: NatsConnection, options: TopologyOptions): Promise<Topology> {
  const { prefix, partitions, replicas } = options;
  checkOptions(options);
  const names = namesOf(prefix);
  const manager = await jetstreamManager(nc);
  const control = await openControl(nc, prefix, replicas);
  await agreeOnPartitions(manager, control, names, partitions);
  await ensureStream(manager, eventsConfig(names, options), EVENTS_CHECKED);
  await ensureStream(manager, effectsConfig(names, options), EFFECTS_CHECKED);
  return { names, partitions, control };
}

/** What prepareTopology made earlier; makes nothing. Throws TopologyError if it is not there or does not fit. */
export async function findTopology(
  nc: NatsConnection,
  options: Pick<TopologyOptions, 'prefix' | 'partitions'>,
): Promise<Topology> {
  checkOptions(options);
  const { prefix, partitions } = options;
  const names = namesOf(prefix);
  const manager = await jetstreamManager(nc);
  for (const stream of [names.eventsStream, `KV_${names.controlBucket}`]) {
    if ((await streamConfigOf(manager, stream)) !== undefined) continue;
    throw new TopologyError(`there is no stream ${stream} on this server: no engine has used the prefix "${prefix}"`);
  }
  const control = await new Kvm(nc).open(names.controlBucket, { allow_direct: false });
  checkRecord(names, (await control.get(TOPOLOGY_KEY))?.string() ?? '', partitions);
  return { names, partitions, control };
}

/** The bucket with topology and program, made if missing. Reads are answered by its leader, so a write is seen at once. */
export async function openControl(nc: NatsConnection, prefix: string, replicas = 1): Promise<KV> {
  const open = () => new Kvm(nc).create(namesOf(prefix).controlBucket, { replicas, history: 8, allow_direct: false });
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    // Somebody made it, with other settings, between our look and our attempt: now it is there to be opened.
    if (error.code === STREAM_NAME_IN_USE) return await open();
    const bucket = namesOf(prefix).controlBucket;
    throw new TopologyError(`bucket ${bucket} cannot be made with ${replicas} replicas: ${error.message}`, {
      cause: error,
    });
  }
}

/** The latest program; undefined before the first. */
export async function readProgram(control: KV): Promise<StoredProgram | undefined> {
  const entry = await control.get(PROGRAM_KEY);
  if (entry === null || entry.operation !== 'PUT') return undefined;
  const record = recordOf(entry.string());
  const { document, version } = record ?? {};
  if (typeof document !== 'string' || typeof version !== 'number') {
    throw new TopologyError(
      `the program record in bucket ${entry.bucket} cannot be read: ${excerpt(entry.string())}. A newer engine may have written it.`,
    );
  }
  return { document, version, announced: record?.['announced'] !== false, revision: entry.revision };
}

/**
 * Replaces the program if the record is still the one that was read (`replaces` undefined: if there is none). The new revision,
 * or undefined if somebody else was faster.
 */
export async function writeProgram(
  control: KV,
  program: Omit<StoredProgram, 'revision'>,
  replaces: Pick<StoredProgram, 'revision'> | undefined,
): Promise<number | undefined> {
  const { document, version, announced } = program;
  const record = JSON.stringify({ recordVersion: RECORD_VERSION, version, announced, document });
  try {
    if (replaces === undefined) return await control.create(PROGRAM_KEY, record);
    return await control.update(PROGRAM_KEY, record, replaces.revision);
  } catch (error) {
    if (isWrongLastSequence(error)) return undefined;
    throw error;
  }
}

function checkOptions({ prefix, partitions }: Pick<TopologyOptions, 'prefix' | 'partitions'>): void {
  if (!PREFIX_PATTERN.test(prefix)) {
    throw new TopologyError(
      `prefix ${JSON.stringify(prefix)}: use a small letter, then up to 31 small letters, digits, - or _`,
    );
  }
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
    throw new TopologyError(`${partitions} partitions: expected a whole number from 1 to ${PARTITIONS_MAX}`);
  }
}

/** Writes down the number of partitions, or checks that it is the one written down. */
async function agreeOnPartitions(
  manager: JetStreamManager,
  control: KV,
  names: Names,
  partitions: number,
): Promise<void> {
  const written = await control.get(TOPOLOGY_KEY);
  if (written === null || written.operation !== 'PUT') {
    const events = await storedMessages(manager, names.eventsStream);
    if (events > 0) {
      throw new TopologyError(
        `stream ${names.eventsStream} holds ${events} messages, but bucket ${names.controlBucket} does not say how many partitions it was made with. ` +
          `Put {"recordVersion":${RECORD_VERSION},"partitions":<number>,"hash":"${HASH}"} back under the key "${TOPOLOGY_KEY}", or choose another prefix.`,
      );
    }
    const record = JSON.stringify({ recordVersion: RECORD_VERSION, partitions, hash: HASH });
    try {
      await control.create(TOPOLOGY_KEY, record);
      return;
    } catch (error) {
      // Another engine was faster; what it wrote is checked like any other.
      if (!isWrongLastSequence(error)) throw error;
    }
  }
  checkRecord(names, (await control.get(TOPOLOGY_KEY))?.string() ?? '', partitions);
}

/** `text`: what the bucket says. */
function checkRecord(names: Names, text: string, partitions: number): void {
  const found = recordOf(text);
  if (found === undefined || found['recordVersion'] !== RECORD_VERSION || found['hash'] !== HASH) {
    throw new TopologyError(
      `bucket ${names.controlBucket} has the topology ${excerpt(text)}, which this engine does not know: expected recordVersion ${RECORD_VERSION} and hash ${HASH}. A newer engine may have made it.`,
    );
  }
  if (found['partitions'] !== partitions) {
    throw new TopologyError(
      `stream ${names.eventsStream} was made with ${found['partitions']} partitions, this engine is configured for ${partitions}: ` +
        `members would be looked for in the wrong partitions. Configure ${found['partitions']} partitions, or choose another prefix to start a new log.`,
    );
  }
}

async function storedMessages(manager: JetStreamManager, stream: string): Promise<number> {
  try {
    return (await manager.streams.info(stream)).state.messages;
  } catch (error) {
    if (codeOf(error) === JetStreamApiCodes.StreamNotFound) return 0;
    throw error;
  }
}

type OurStreamConfig = Partial<StreamConfig> & { name: string; subjects: string[] };

function eventsConfig({ eventsStream, allEvents }: Names, options: TopologyOptions): OurStreamConfig {
  return { ...streamConfig(eventsStream, allEvents, options), max_age: 0, max_msgs_per_subject: -1 };
}

function effectsConfig({ effectsStream, allEffects }: Names, options: TopologyOptions): OurStreamConfig {
  return streamConfig(effectsStream, allEffects, options);
}

function streamConfig(name: string, subject: string, { replicas, maxBytes }: TopologyOptions): OurStreamConfig {
  return {
    name,
    subjects: [subject],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    // A full log refuses the newest message, so that its sender knows; it never drops what nobody has read.
    discard: DiscardPolicy.New,
    num_replicas: replicas,
    max_bytes: maxBytes ?? -1,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    allow_direct: true,
  };
}

/** An operator may tune the rest. Effects may be dropped when old: the engine itself needs only each partition's newest. */
const EFFECTS_CHECKED = ['retention', 'storage', 'subjects'] as const;
const EVENTS_CHECKED = [...EFFECTS_CHECKED, 'discard', 'max_age', 'max_msgs_per_subject'] as const;

async function ensureStream(
  manager: JetStreamManager,
  wanted: OurStreamConfig,
  checked: readonly (keyof StreamConfig)[],
): Promise<void> {
  const found = (await streamConfigOf(manager, wanted.name)) ?? (await addStream(manager, wanted));
  const differences = checked
    .filter((key) => String(found[key]) !== String(wanted[key]))
    .map((key) => `${key} is ${String(found[key])}, expected ${String(wanted[key])}`);
  if (differences.length === 0) return;
  throw new TopologyError(
    `stream ${wanted.name} exists but is not what this engine needs: ${differences.join('; ')}. ` +
      'Change it with the nats tool, or choose another prefix.',
  );
}

async function streamConfigOf(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (codeOf(error) === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  }
}

/** The stream's configuration: what we asked for, or what another engine made of the name a moment before. */
async function addStream(manager: JetStreamManager, wanted: OurStreamConfig): Promise<StreamConfig> {
  try {
    return (await manager.streams.add(wanted)).config;
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    const made = codeOf(error) === STREAM_NAME_IN_USE ? await streamConfigOf(manager, wanted.name) : undefined;
    if (made !== undefined) return made;
    const advice =
      codeOf(error) === SUBJECTS_OVERLAP
        ? `Another stream already takes ${wanted.subjects.join(', ')}: remove it, or choose another prefix.`
        : `Wanted: ${wanted.num_replicas} replicas, at most ${wanted.max_bytes} bytes (-1: no limit).`;
    throw new TopologyError(`stream ${wanted.name} cannot be made: ${error.message}. ${advice}`, {
      cause: error,
    });
  }
}

function recordOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

function isWrongLastSequence(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === JetStreamApiCodes.StreamWrongLastSequence || code === JetStreamApiCodes.StreamWrongLastSequenceUnknown
  );
}
