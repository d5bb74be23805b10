/**
 * One partition's turn: read, score, publish effects, checkpoint.
 *
 * The order makes it safe. Effects go out before the checkpoint that covers them, so a crash between the two repeats work
 * and never skips any; the repeat is silent, because the effects subject itself says how far it has come. The position is
 * written in the same transaction as the members, so no event is scored twice into the store. Nothing here reads a clock:
 * time is the log's, and when to checkpoint is for the caller to say.
 */

import { toError } from '../lib/assert.ts';
import { digestText, emptyDigest, parseDigest } from '../lib/hash.ts';
import { REJECTED_BYTES_MAX, TICK_MEMBERS_MAX } from '../limits.ts';
import type { EffectsWriter, LogMessage } from '../log/log.ts';
import type { WorkerCounters } from '../observe/counters.ts';
import { checkProgram, issuesText } from '../program/parse.ts';
import type { Program } from '../program/program.ts';
import { successionIssues } from '../program/succession.ts';
import type { Entry } from '../scoring/entry.ts';
import type { MemberEvent } from '../scoring/event.ts';
import type { Member } from '../scoring/member.ts';
import { OUTCOMES, type Outcome, type OutcomeCode, refusal, type TierChange } from '../scoring/outcome.ts';
import { pointsOf, restoredPoints } from '../scoring/points.ts';
import { recall } from '../scoring/recall.ts';
import { score } from '../scoring/score.ts';
import { settle } from '../scoring/settle.ts';
import { type HeldMember, MemberCache, newHeldMember } from '../store/member-cache.ts';
import type { PartitionStore, StoredPosition } from '../store/store.ts';
import { type Batch, decodeBatch, encodeBatch, type Malformed } from '../wire/batch.ts';
import { BEFORE_ALL_EFFECTS, entryEffect, tierEffect } from '../wire/effects.ts';
import { WireError } from '../wire/pack.ts';
import { partitionOf } from '../wire/subjects.ts';
import { EffectsQueue } from './effects-queue.ts';
import { messageFingerprint } from './position.ts';
import { Programs } from './programs.ts';

export interface PartitionOptions {
  readonly partition: number;
  /** Partitions of the stream. */
  readonly partitions: number;
  /** Identity of the log's history. */
  readonly epoch: string;
  readonly store: PartitionStore;
  readonly effects: EffectsWriter;
  /** Called before each retry while the log is away; rejects to give up. */
  readonly pause: () => Promise<void>;
  readonly counters: WorkerCounters;
  /** Members kept in memory beside the changed ones. */
  readonly cacheMembers: number;
  /** Every accrual as an effect too. */
  readonly fullLedger: boolean;
  readonly listener: PartitionListener;
}

/** Whoever wants to know what was scored, while it is scored: replies, live updates, the feed. */
export interface PartitionListener {
  /** A message is about to be scored. */
  begin(batch: Batch, message: LogMessage): void;
  /** After each event of the message; `held` is undefined when the event was refused and its member is unknown. */
  scored(
    event: MemberEvent | Malformed,
    outcome: Outcome,
    held: HeldMember | undefined,
    detail: string | undefined,
  ): void;
  /** Time alone has changed a member, and written this to its ledger. */
  settled(held: HeldMember, entries: readonly Entry[]): void;
  /** The message is done. */
  end(message: LogMessage): void;
}

/** `sequence` 0 stands for before the first message. */
interface Position {
  sequence: number;
  timestampMs: number;
  payload: Uint8Array | undefined;
  fingerprint: number;
}

export class Partition {
  readonly #options: PartitionOptions;
  readonly #members: MemberCache;
  readonly #effects: EffectsQueue;
  readonly #position: Position;
  readonly #programs: Programs;
  #checkpoint: Promise<void> | undefined;
  #nextDue: number;
  /** Events and payload bytes scored since the last checkpoint began. */
  eventsSince = 0;
  bytesSince = 0;

  private constructor(options: PartitionOptions, stored: StoredPosition | undefined, effects: EffectsQueue) {
    this.#options = options;
    this.#effects = effects;
    const digest = stored === undefined ? emptyDigest() : parseDigest(stored.digest);
    this.#members = new MemberCache(options.store, options.cacheMembers, digest);
    this.#position = {
      sequence: stored?.sequence ?? 0,
      timestampMs: stored?.timestampMs ?? 0,
      payload: undefined,
      fingerprint: stored?.messageFingerprint ?? 0,
    };
    this.#programs = Programs.stored(stored);
    this.#nextDue = options.store.nextDue();
  }

  /** Continues where the store ends. The caller has checked that the position fits the log. */
  static async open(options: PartitionOptions): Promise<Partition> {
    const { partition, epoch, effects: writer, pause } = options;
    const stored = options.store.position();
    const asked = stored?.effects ?? BEFORE_ALL_EFFECTS;
    const effects = await EffectsQueue.open({ partition, epoch, writer, pause, asked });
    return new Partition(options, stored, effects);
  }

  get number(): number {
    return this.#options.partition;
  }

  /** Last sequence scored. */
  get sequence(): number {
    return this.#position.sequence;
  }

  /** Log time of the last message scored, epoch ms; 0 before the first. */
  get timestampMs(): number {
    return this.#position.timestampMs;
  }

  /** No timer is due before this instant and no program waits for an earlier one, epoch ms. */
  get nextDue(): number {
    return Math.min(this.#nextDue, this.#programs.nextAt);
  }

  get program(): Program | undefined {
    return this.#programs.current;
  }

  get members(): MemberCache {
    return this.#members;
  }

  /** Digest over all members as of the last checkpoint begun. */
  get digest(): string {
    return digestText(this.#members.digest);
  }

  /** Effects that had been published before the start and were not published again. */
  get effectsSuppressed(): number {
    return this.#effects.suppressed;
  }

  get checkpointing(): boolean {
    return this.#checkpoint !== undefined;
  }

  /** Scores one message. A message at or before the position has been scored and is passed over. */
  apply(message: LogMessage, content = contentOf(message)): void {
    if (message.sequence <= this.#position.sequence) return;
    const { listener, counters } = this.#options;
    if (content instanceof WireError) {
      counters.event('malformed', 'malformed');
      this.#reject(message, 'malformed', content.message, undefined, message.payload, undefined);
    } else {
      while (this.#programs.nextAt <= message.timestampMs) this.#startProgram(message);
      listener.begin(content, message);
      for (const event of content.events) {
        switch (event.type) {
          case 'tick':
            this.#tick(message);
            break;
          case 'program':
            this.#changeProgram(event.document, message);
            break;
          case 'malformed':
            this.#finish(event, refusal('malformed'), undefined, message, event.message);
            break;
          default:
            this.#score(event, message);
        }
      }
      listener.end(message);
      counters.observe('batch_events', content.events.length);
      this.eventsSince += content.events.length;
    }
    this.bytesSince += message.payload.length;
    this.#position.sequence = message.sequence;
    this.#position.timestampMs = message.timestampMs;
    this.#position.payload = message.payload;
  }

  /** Puts a program in force between two messages, at an instant. For trials: in the log, a program is an event. */
  replaceProgram(document: string, atMs: number): void {
    const { sequence } = this.#position;
    this.#changeProgram(document, { sequence, timestampMs: atMs, payload: NO_BYTES, pending: 0 });
  }

  #score(event: MemberEvent, message: LogMessage): void {
    const program = this.#programs.current;
    if (partitionOf(event.memberId, this.#options.partitions) !== this.#options.partition) {
      this.#finish(event, refusal('wrong_partition'), undefined, message, undefined);
      return;
    }
    if (program === undefined) {
      this.#finish(event, refusal('no_program'), undefined, message, undefined);
      return;
    }
    const known = this.#members.get(event.memberId);
    const held = known ?? newHeldMember(event.memberId);
    const { member } = held;
    const history = member.history;
    if (history !== undefined) recall(program, member, event, message.timestampMs, this.#members.readChunk);
    const outcome = score(program, member, event, message.timestampMs);
    if (history !== undefined) history.forget();
    if (outcome.code === 'scored') {
      member.version = message.sequence;
      this.#members.changed(held);
      if (member.due < this.#nextDue) this.#nextDue = member.due;
      for (const entry of outcome.before) this.#count(entry);
      this.#count(outcome.entry);
      for (const entry of outcome.after) this.#count(entry);
    }
    this.#finish(event, outcome, outcome.code === 'scored' ? held : known, message, undefined);
  }

  /** Counts an event, tells the listener and queues its effects. */
  #finish(
    event: MemberEvent | Malformed,
    outcome: Outcome,
    held: HeldMember | undefined,
    message: LogMessage,
    detail: string | undefined,
  ): void {
    const { counters, listener } = this.#options;
    counters.event(event.type, outcome.code);
    listener.scored(event, outcome, held, detail);
    if (OUTCOMES[outcome.code].refused) {
      const bytes = event.type === 'malformed' ? event.bytes : encodeBatch([event]);
      const of = event.type === 'malformed' ? undefined : event;
      this.#reject(message, outcome.code, detail ?? OUTCOMES[outcome.code].help, outcome.field, bytes, of);
      return;
    }
    if (outcome.code !== 'scored' || held === undefined || event.type === 'malformed') return;
    const { entry, tierChanges, before, after } = outcome;
    for (const one of before) this.#entryEffect(message, held.member, one);
    if (entry !== undefined) this.#entryEffect(message, held.member, entry);
    for (const one of after) this.#entryEffect(message, held.member, one);
    if (tierChanges.length > 0) this.#tierEffects(message, event.memberId, tierChanges, event.id);
  }

  #reject(
    of: LogMessage,
    code: OutcomeCode,
    message: string,
    field: string | undefined,
    bytes: Uint8Array,
    event: MemberEvent | undefined,
  ): void {
    this.#effects.push(of, {
      type: 'rejected',
      code,
      message,
      ...(field === undefined ? {} : { field }),
      ...(event === undefined ? {} : { memberId: event.memberId, eventId: event.id }),
      bytes: Buffer.from(bytes.subarray(0, REJECTED_BYTES_MAX)).toString('base64'),
      bytesTotal: bytes.length,
    });
  }

  #entryEffect(message: LogMessage, member: Member, entry: Entry): void {
    if (entry.kind === 'accrual' && !this.#options.fullLedger) {
      this.#effects.leaveOut(message);
      return;
    }
    const effect = entryEffect(member, entry);
    if (effect !== undefined) this.#effects.push(message, effect);
  }

  #tierEffects(
    message: LogMessage,
    memberId: string,
    changes: readonly TierChange[],
    eventId: string | undefined,
  ): void {
    const { tiers, qualifying } = this.program ?? {};
    const [first = tiers, ...others] = qualifying?.sets ?? [];
    for (const change of changes) {
      // A set that the program no longer has is left without a level.
      const set = change.set === '' ? first : others.find(({ id }) => id === change.set);
      if (change.set === '' && set === undefined) continue;
      const rank = (id: string): number => set?.levels.findIndex((level) => level.id === id) ?? -1;
      this.#options.counters.add(rank(change.to) > rank(change.from) ? 'tier_ups_total' : 'tier_downs_total', 1);
      this.#effects.push(message, tierEffect(memberId, set?.id ?? change.set, change, eventId));
    }
  }

  #count(entry: Entry | undefined): void {
    if (entry === undefined || entry.kind === 'enrolment') return;
    const { counters } = this.#options;
    const walletId = this.program?.wallets[0]?.id ?? '';
    const points = pointsOf(entry, walletId);
    switch (entry.kind) {
      case 'accrual':
        counters.add('points_accrued_total', points);
        return;
      case 'reversal':
      case 'void': {
        const restored = restoredPoints(entry.parts, walletId);
        const taken = restored - points;
        counters.add('points_restored_total', restored);
        // What is left of a purchase can be rounded to more than there was, and counters only go up.
        counters.add(taken < 0 ? 'points_accrued_total' : 'points_reversed_total', Math.abs(taken));
        return;
      }
      case 'redemption':
        counters.add('points_redeemed_total', -points);
        return;
      case 'capture':
        if (entry.walletId === walletId) counters.add('points_redeemed_total', entry.points);
        return;
      case 'redemption_reversal':
        counters.add('points_restored_total', points);
        return;
      case 'adjustment':
        counters.add(points > 0 ? 'points_adjusted_up_total' : 'points_adjusted_down_total', Math.abs(points));
        return;
      case 'expiration':
        counters.add('points_expired_total', -points);
        return;
      // What moves between what can be spent and what cannot yet is neither issued nor spent.
      case 'settlement':
      case 'hold':
      case 'release':
        return;
    }
  }

  #tick(message: LogMessage): void {
    this.#options.counters.event('tick', 'scored');
    if (this.program !== undefined) this.#fireTimers(this.program, message, message.timestampMs);
  }

  /** Those that are due by then, in order of time and member, TICK_MEMBERS_MAX at most. Returns how many members. */
  #fireTimers(program: Program, message: LogMessage, until: number): number {
    const { listener } = this.#options;
    const due = this.#dueMembers(until);
    for (const { memberId } of due) {
      const held = this.#members.get(memberId);
      if (held === undefined) continue;
      const { member } = held;
      // Settled edge by edge and no further, so that a late tick and a punctual one leave the same state.
      while (member.due <= until) {
        const { tierChanges, entries } = settle(program, member, member.due);
        if (tierChanges.length > 0) this.#tierEffects(message, memberId, tierChanges, undefined);
        for (const entry of entries) {
          this.#count(entry);
          this.#entryEffect(message, member, entry);
        }
        member.version = message.sequence;
        this.#members.changed(held);
        listener.settled(held, entries);
      }
    }
    this.#findNextDue();
    return due.length;
  }

  #findNextDue(): void {
    this.#nextDue = this.#options.store.nextDue();
    for (const member of this.#members.unstored()) this.#nextDue = Math.min(this.#nextDue, member.due);
  }

  /**
   * The earliest, as many as one tick fires; if there are more, they are still due and ask for another. The store's timers may
   * be old for members that changed since; those are asked themselves.
   */
  #dueMembers(until: number): { readonly due: number; readonly memberId: string }[] {
    const due = new Map<string, number>();
    const unstored = this.#members.unstoredCount;
    for (const { at, memberId } of this.#options.store.due(until)) {
      due.set(memberId, at);
      if (due.size >= TICK_MEMBERS_MAX + unstored) break;
    }
    for (const member of this.#members.unstored()) {
      if (member.due <= until) due.set(member.id, member.due);
      else due.delete(member.id);
    }
    return [...due]
      .map(([memberId, at]) => ({ memberId, due: at }))
      .sort((left, right) => left.due - right.due || (left.memberId < right.memberId ? -1 : 1))
      .slice(0, TICK_MEMBERS_MAX);
  }

  #changeProgram(document: string, message: LogMessage): void {
    const { counters } = this.#options;
    const result = checkProgram(parseJson(document));
    if (!result.ok) {
      counters.event('program', 'malformed');
      const problem = issuesText('', result.issues);
      this.#reject(message, 'malformed', problem, undefined, Buffer.from(document), undefined);
      return;
    }
    counters.event('program', 'scored');
    const { newest } = this.#programs;
    // Again: an engine was interrupted while it told all partitions. Older: it was slow, and a newer program overtook it.
    if (this.#programs.isNewest(document) || result.program.version < (newest?.version ?? 0)) return;
    const issues = newest === undefined ? [] : successionIssues(newest.document, result.program.document);
    if (issues.length > 0) {
      this.#reject(message, 'malformed', issuesText('', issues), undefined, Buffer.from(document), undefined);
      return;
    }
    this.#programs.announce(document, result.program, message.timestampMs);
    while (this.#programs.nextAt <= message.timestampMs) this.#startProgram(message);
  }

  /** What was due before it fires by the old one, whether or not a tick came in time: all of it, not a tick's worth. */
  #startProgram(message: LogMessage): void {
    const { current, nextAt } = this.#programs;
    if (current !== undefined) while (this.#fireTimers(current, message, nextAt) === TICK_MEMBERS_MAX);
    this.#programs.startNext();
  }

  /**
   * Publishes the effects and stores everything up to the position. One at a time: a call during another gives that one's
   * promise. Events may be scored meanwhile; they belong to the next. After one that failed there is no next: what it had
   * taken would be missing from the store.
   */
  checkpoint(): Promise<void> {
    this.#checkpoint ??= this.#writeCheckpoint().then(() => {
      this.#checkpoint = undefined;
    });
    return this.#checkpoint;
  }

  async #writeCheckpoint(): Promise<void> {
    const { store, counters } = this.#options;
    // Effects, members and position are taken in one go, before anything is awaited, so that they are of one moment.
    const effects = this.#effects.take();
    const members = this.#members.collect();
    const position = this.#storedPosition();
    this.eventsSince = 0;
    this.bytesSince = 0;
    const published = await this.#effects.publish(effects);
    await store.commit({ position, members });
    this.#members.committed();
    // Timers that have fired are gone from the store only now; until then they look due, and another tick would be asked for.
    if (this.#nextDue <= this.#position.timestampMs) this.#findNextDue();
    counters.add('effects_total', published);
    counters.add('checkpoint_members_total', members.length);
  }

  #storedPosition(): StoredPosition {
    const position = this.#position;
    if (position.payload !== undefined) {
      position.fingerprint = messageFingerprint(position.payload);
      position.payload = undefined;
    }
    return {
      epoch: this.#options.epoch,
      sequence: position.sequence,
      messageFingerprint: position.fingerprint,
      timestampMs: position.timestampMs,
      digest: this.digest,
      program: this.#programs.document,
      programs: this.#programs.versions,
      effects: this.#effects.asked,
    };
  }
}

const NO_BYTES = new Uint8Array();

/** What a message holds, or why it cannot be read. */
export function contentOf({ payload }: LogMessage): Batch | WireError {
  try {
    return decodeBatch(payload);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return `not JSON: ${toError(error).message}`;
  }
}
