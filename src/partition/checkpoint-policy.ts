/** When a checkpoint is due. Its reasons are words, so that an operator can see why it happened. */
import {
  CHECKPOINT_BYTES,
  CHECKPOINT_DELAY_BACKLOG_MS,
  CHECKPOINT_DELAY_MS,
  CHECKPOINT_EVENTS,
  CHECKPOINT_MEMBERS,
  EVENTS_BEHIND_CHECKPOINT_MAX,
} from '../limits.ts';
import type { CheckpointReason } from '../observe/counters.ts';

export interface CheckpointPolicy {
  readonly events: number;
  readonly bytes: number;
  /** Changed members, which stay in memory until they are written, whatever the cache may hold. */
  readonly members: number;
  readonly delayMs: number;
  /** Instead of `delayMs` while the partition is behind: fewer and larger checkpoints write a hot member once, not often. */
  readonly backlogDelayMs: number;
  /** Events scored while one checkpoint is still being written; beyond it reading waits. */
  readonly eventsBehindMax: number;
}

export const DEFAULT_CHECKPOINT_POLICY: CheckpointPolicy = {
  events: CHECKPOINT_EVENTS,
  bytes: CHECKPOINT_BYTES,
  members: CHECKPOINT_MEMBERS,
  delayMs: CHECKPOINT_DELAY_MS,
  backlogDelayMs: CHECKPOINT_DELAY_BACKLOG_MS,
  eventsBehindMax: EVENTS_BEHIND_CHECKPOINT_MAX,
};

export interface Unwritten {
  readonly events: number;
  readonly bytes: number;
  readonly members: number;
  /** How long the oldest of them has waited. */
  readonly waitedMs: number;
  readonly behind: boolean;
}

export function checkpointDue(policy: CheckpointPolicy, unwritten: Unwritten): CheckpointReason | undefined {
  if (unwritten.events >= policy.events) return 'events';
  if (unwritten.bytes >= policy.bytes) return 'bytes';
  if (unwritten.members >= policy.members) return 'members';
  if (unwritten.waitedMs >= (unwritten.behind ? policy.backlogDelayMs : policy.delayMs)) return 'delay';
  return undefined;
}
