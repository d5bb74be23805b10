/**
 * Do a store and the effects sent so far belong to the log they are about to be continued from? A position that does not fit
 * is never skipped over: that would lose or repeat purchases, or effects, without a word. It is refused with what was found
 * and what can be done.
 */
import { fingerprint, hashRecord } from '../lib/hash.ts';
import type { EffectsWriter, EventReader, LogState } from '../log/log.ts';
import type { StoredPosition } from '../store/store.ts';
import { decodeEffects, isAfter } from '../wire/effects.ts';
import { instantText } from '../wire/instant-text.ts';

export class PositionMismatch extends Error {
  override readonly name = 'PositionMismatch';
}

const REBUILD_STORE =
  'If the log is right, stop the engine, move the store folder away and start again: it is rebuilt from the log. ' +
  'If the store is right, restore the log it belongs to.';

/** Resolves if reading may go on after `position`. Throws PositionMismatch. */
export async function checkPosition(
  partition: number,
  position: StoredPosition | undefined,
  state: LogState,
  reader: EventReader,
): Promise<void> {
  const refuse = (problem: string): never => {
    throw new PositionMismatch(`Partition ${partition}: ${problem} ${REBUILD_STORE}`);
  };
  if (position === undefined) {
    if (state.firstSequence > 1) {
      refuse(
        `the store is empty, and the log begins only at sequence ${state.firstSequence}: what was before is gone.`,
      );
    }
    return;
  }
  const { sequence } = position;
  if (position.epoch !== state.epoch) {
    refuse(`the store belongs to the log "${position.epoch}", but this one is "${state.epoch}".`);
  }
  if (sequence > state.lastSequence) {
    refuse(
      `the store is at sequence ${sequence}, but the log ends at ${state.lastSequence}: the log has lost its end.`,
    );
  }
  if (sequence + 1 < state.firstSequence) {
    refuse(
      `the store is at sequence ${sequence}, but the log begins at ${state.firstSequence}: what is between is gone.`,
    );
  }
  // Nothing was there yet when it was written, or what it points at has been dropped and all that follows is there.
  if (sequence === 0 || sequence < state.firstSequence) return;
  const message = await reader.messageAt(sequence);
  const isScored =
    message?.timestampMs === position.timestampMs &&
    messageFingerprint(message.payload) === position.messageFingerprint;
  if (!isScored) {
    refuse(
      `the log holds another message at sequence ${sequence} than the one the store has scored: it was written anew.`,
    );
  }
}

const REMOVE_EFFECTS =
  'If the log is right, remove the newest messages of this partition from the effects stream, down to the last one that ' +
  'covers nothing beyond the place where the log was cut off, and tell those who have acted on them. If the effects are ' +
  'right, restore the log they belong to.';

const RESEND_EFFECTS =
  'What is missing has reached nobody who reads later. Restore the effects stream; or stop the engine and move the store ' +
  'folder away: the partition is then scored again from the log, and sends what the stream does not have.';

/**
 * Resolves if no effect was sent of an event that the log has lost since, and none is lost that the store counts as sent. An
 * empty stream tells nothing, since an operator may have old effects dropped. Throws PositionMismatch.
 */
export async function checkEffects(
  partition: number,
  position: StoredPosition | undefined,
  effects: EffectsWriter,
  state: LogState,
  reader: EventReader,
): Promise<void> {
  const newest = await effects.lastOf(partition);
  if (newest === undefined) return;
  const { epoch, to, effects: sent } = decodeEffects(newest.payload);
  if (epoch !== state.epoch) return;
  const known = position?.effects;
  if (known !== undefined && isAfter(known, to)) {
    throw new PositionMismatch(
      `Partition ${partition}: effects were sent up to ${known.sequence}.${known.ordinal}, but the effects stream ends at ` +
        `${to.sequence}.${to.ordinal}: it has lost its end. ${RESEND_EFFECTS}`,
    );
  }
  if (to.sequence < state.firstSequence) return;
  const message = await reader.messageAt(to.sequence);
  const loggedAt = sent.at(-1)?.loggedAt;
  // The events after that one would be taken for those whose effects have been sent.
  if (message !== undefined && instantText(message.timestampMs) === loggedAt) return;
  const found = message === undefined ? `ends at ${state.lastSequence}` : 'holds another message there';
  throw new PositionMismatch(
    `Partition ${partition}: effects have been sent up to sequence ${to.sequence}, but the log ${found}: ` +
      `it has lost its end. ${REMOVE_EFFECTS}`,
  );
}

/** 53 bits that tell one message from another. */
export function messageFingerprint(payload: Uint8Array): number {
  const { high, low } = hashRecord(fingerprint('message'), payload, 0);
  return (high & 0x1f_ffff) * 0x1_0000_0000 + low;
}
