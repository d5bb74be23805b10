/**
 * What is watched, and how far each watcher is. A topic has one latest state; frames are made of it once, however many
 * sockets they go to. A watch brings its socket from what was sent last to the latest state: snapshot, update, or nothing.
 */
import { type LiveFrameType, liveFrame } from '../wire/live.ts';
import type { LiveSocket } from './live-socket.ts';

/** A place in one unbroken history: versions of different epochs cannot be compared. */
export interface LivePosition {
  readonly epoch: string;
  readonly version: number;
}

export class TopicState implements LivePosition {
  readonly topic: string;
  readonly epoch: string;
  readonly version: number;
  /** JSON text. */
  readonly data: string;
  /** When the log received what made it so, epoch ms; undefined where that was not said. */
  readonly loggedAtMs: number | undefined;
  readonly #snapshotData: string;
  #update: Buffer | undefined;
  #snapshot: Buffer | undefined;

  /** `snapshotData`: what a new watcher gets, where that is not the latest update. */
  constructor(
    topic: string,
    { epoch, version }: LivePosition,
    data: string,
    { snapshotData = data, loggedAtMs }: { readonly snapshotData?: string; readonly loggedAtMs?: number } = {},
  ) {
    this.topic = topic;
    this.epoch = epoch;
    this.version = version;
    this.data = data;
    this.loggedAtMs = loggedAtMs;
    this.#snapshotData = snapshotData;
  }

  update(): Buffer {
    this.#update ??= this.#frame('update', this.data);
    return this.#update;
  }

  snapshot(): Buffer {
    this.#snapshot ??= this.#frame('snapshot', this.#snapshotData);
    return this.#snapshot;
  }

  /** For a client that has this state already. */
  current(): Buffer {
    const { topic, epoch, version } = this;
    return Buffer.from(JSON.stringify({ type: 'current', topic, epoch, version }));
  }

  #frame(type: LiveFrameType, data: string): Buffer {
    return Buffer.from(liveFrame(type, this.topic, this.epoch, this.version, data));
  }
}

export interface Topic {
  /** As clients write it. */
  readonly name: string;
  /** undefined until something is known. */
  readonly state: TopicState | undefined;
  readonly watches: Set<Watch>;
  /** False: a socket that is behind misses updates instead of getting the latest state later. */
  readonly conflates: boolean;
}

/** One socket's interest in one topic. */
export class Watch {
  readonly socket: LiveSocket;
  readonly topic: Topic;
  /** The client has been told that its first frame takes longer. */
  toldOfDelay = false;
  /** What the client says it has. */
  #resume: LivePosition | undefined;
  /** A client that is ahead of us waits, rather than go back, until we have asked again. */
  #believesResume = true;
  #sent: LivePosition | undefined;

  constructor(socket: LiveSocket, topic: Topic) {
    this.socket = socket;
    this.topic = topic;
  }

  /** The client subscribes, perhaps again: it gets a first frame. */
  start(resume: LivePosition | undefined): void {
    this.#resume = resume;
    this.#believesResume = true;
    this.#sent = undefined;
    this.toldOfDelay = false;
  }

  /** The client has got its first frame. */
  get isServed(): boolean {
    return this.#sent !== undefined;
  }

  /** The client has seen a later version than we know of. */
  get isAhead(): boolean {
    const { state } = this.topic;
    return (
      this.#sent === undefined &&
      this.#resume !== undefined &&
      state?.epoch === this.#resume.epoch &&
      state.version < this.#resume.version
    );
  }

  /** We know the latest state now, whatever the client says. */
  distrustResume(): void {
    this.#believesResume = false;
  }

  /** The frame that brings the client up to date, taken as sent; undefined if there is none. */
  takeFrame(): Buffer | undefined {
    const { state } = this.topic;
    if (state === undefined || (this.isAhead && this.#believesResume)) return undefined;
    const sent = this.#sent;
    if (sent?.epoch === state.epoch && sent.version >= state.version) return undefined;
    const resume = this.#resume;
    this.#sent = { epoch: state.epoch, version: state.version };
    if (sent === undefined && resume?.epoch === state.epoch && resume.version === state.version) return state.current();
    return sent?.epoch === state.epoch ? state.update() : state.snapshot();
  }
}
