/**
 * Effects of one partition on their way out, each exactly once whatever crashes: those that the last message on the effects
 * subject already covers are dropped when a replay produces them again, and every message is appended only behind the one
 * that was last seen there.
 */
import { EFFECTS_BYTES_MAX } from '../limits.ts';
import { EffectsConflict, type EffectsWriter, type LogMessage, LogUnavailable } from '../log/log.ts';
import {
  BEFORE_ALL_EFFECTS,
  decodeEffects,
  EFFECTS_VERSION,
  type Effect,
  type EffectBody,
  type EffectPosition,
  encodeEffects,
  isAfter,
} from '../wire/effects.ts';
import { instantText } from '../wire/instant-text.ts';

export interface EffectsQueueOptions {
  readonly partition: number;
  readonly epoch: string;
  readonly writer: EffectsWriter;
  /** Called before each retry while the log is away; rejects to give up. */
  readonly pause: () => Promise<void>;
  /** The last effect of what the store has scored. */
  readonly asked: EffectPosition;
}

export class EffectsQueue {
  readonly #options: EffectsQueueOptions;
  #pending: Effect[] = [];
  #sequence = 0;
  #ordinal = 0;
  /** Nothing up to here needs to be sent. */
  #sent: EffectPosition = BEFORE_ALL_EFFECTS;
  /** The last effect that was asked for, whoever sent it. */
  #asked: EffectPosition;
  /** Sequence of the newest message on the effects subject. */
  #last = 0;
  suppressed = 0;

  private constructor(options: EffectsQueueOptions) {
    this.#options = options;
    this.#asked = options.asked;
  }

  /** Finds out what has been sent before. */
  static async open(options: EffectsQueueOptions): Promise<EffectsQueue> {
    const queue = new EffectsQueue(options);
    await queue.#lookUp();
    return queue;
  }

  /** Adds an effect of a message of the log; calls come in the order of the log. */
  push(of: LogMessage, body: EffectBody): void {
    this.leaveOut(of);
    const { sequence, timestampMs } = of;
    const effect: Effect = { sequence, ordinal: this.#ordinal, loggedAt: instantText(timestampMs), ...body };
    this.#asked = { sequence, ordinal: this.#ordinal };
    if (isAfter(effect, this.#sent)) this.#pending.push(effect);
    else this.suppressed += 1;
  }

  /** Counts an effect that the operator does not ask for: places must not move when he does. */
  leaveOut({ sequence }: LogMessage): void {
    if (sequence !== this.#sequence) {
      this.#sequence = sequence;
      this.#ordinal = 0;
    }
    this.#ordinal += 1;
  }

  /** The last effect of what was scored so far. An owner before may have sent more, of events that are still to come. */
  get asked(): EffectPosition {
    return this.#asked;
  }

  /** Takes what is pending, to be given to `publish`. */
  take(): Effect[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }

  /**
   * Resolves when all of them are on the effects subject, with how many were put there and not found there. Waits out a log
   * that is away.
   */
  async publish(effects: readonly Effect[]): Promise<number> {
    // Since they were queued, another owner may have been found to have sent them.
    let rest = this.#unsent(effects);
    let published = 0;
    while (rest.length > 0) {
      const count = fitting(rest);
      try {
        await this.#send(rest.slice(0, count));
        rest = rest.slice(count);
        published += count;
      } catch (error) {
        if (!(error instanceof EffectsConflict || error instanceof LogUnavailable)) throw error;
        // Either another owner wrote, or our own message arrived and its answer did not: the subject itself tells.
        await this.#options.pause();
        await this.#lookUp().catch(ignoreUnavailable);
        rest = this.#unsent(rest);
      }
    }
    this.suppressed += effects.length - published;
    return published;
  }

  #unsent(effects: readonly Effect[]): readonly Effect[] {
    return effects.filter((effect) => isAfter(effect, this.#sent));
  }

  async #send(effects: readonly Effect[]): Promise<void> {
    const { partition, epoch, writer } = this.#options;
    const { sequence, ordinal } = effects[effects.length - 1] as Effect;
    const to = { sequence, ordinal };
    const payload = encodeEffects({ version: EFFECTS_VERSION, partition, epoch, to, effects });
    this.#last = await writer.publish(partition, payload, this.#last);
    this.#sent = to;
  }

  async #lookUp(): Promise<void> {
    const { partition, epoch, writer } = this.#options;
    const message = await writer.lastOf(partition);
    if (message === undefined) return;
    this.#last = message.sequence;
    const last = decodeEffects(message.payload);
    // Effects of another history say nothing about this one.
    if (last.epoch === epoch && isAfter(last.to, this.#sent)) this.#sent = last.to;
  }
}

/** How many of the effects, from the first on, one message holds; at least one. */
function fitting(effects: readonly Effect[]): number {
  let bytes = 0;
  let count = 0;
  for (const effect of effects) {
    bytes += JSON.stringify(effect).length * 3;
    if (bytes > EFFECTS_BYTES_MAX && count > 0) break;
    count += 1;
  }
  return count;
}

function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof LogUnavailable)) throw error;
}
