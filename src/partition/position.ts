/**
 * Does a store belong to the log it is about to be continued from? A position that does not fit is never skipped over: that
 * would lose or repeat purchases without a word. It is refused with what was found and what can be done.
 */
import { fingerprint, hashRecord } from '../lib/hash.ts';
import type { EventReader, LogState } from '../log/log.ts';
import type { StoredPosition } from '../store/store.ts';

export class PositionMismatch extends Error {
  override readonly name = 'PositionMismatch';
}

const REBUILD =
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
    throw new PositionMismatch(`Partition ${partition}: ${problem} ${REBUILD}`);
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
  if (sequence < state.firstSequence) return;
  const message = await reader.messageAt(sequence);
  if (message === undefined || messageFingerprint(message.payload) !== position.messageFingerprint) {
    refuse(
      `the log holds another message at sequence ${sequence} than the one the store has scored: it was written anew.`,
    );
  }
}

/** 53 bits that tell one message from another. */
export function messageFingerprint(payload: Uint8Array): number {
  const { high, low } = hashRecord(fingerprint('message'), payload, 0);
  return (high & 0x1f_ffff) * 0x1_0000_0000 + low;
}
