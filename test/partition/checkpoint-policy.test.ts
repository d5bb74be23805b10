import { expect, it } from 'vitest';
import {
  type CheckpointPolicy,
  checkpointDue,
  DEFAULT_CHECKPOINT_POLICY,
} from '../../src/partition/checkpoint-policy.ts';

const POLICY: CheckpointPolicy = {
  events: 10,
  bytes: 1_000,
  members: 5,
  delayMs: 50,
  backlogDelayMs: 500,
  eventsBehindMax: 20,
};
const NOTHING = { events: 0, bytes: 0, members: 0, waitedMs: 0, behind: false };

it.each([
  ['nothing unwritten', NOTHING, undefined],
  ['one event too few', { ...NOTHING, events: 9 }, undefined],
  ['as many events as a checkpoint covers', { ...NOTHING, events: 10 }, 'events'],
  ['one byte too few', { ...NOTHING, bytes: 999 }, undefined],
  ['as many bytes', { ...NOTHING, bytes: 1_000 }, 'bytes'],
  ['one changed member too few', { ...NOTHING, members: 4 }, undefined],
  ['as many changed members', { ...NOTHING, members: 5 }, 'members'],
  ['the same while behind, since they fill memory', { ...NOTHING, members: 5, behind: true }, 'members'],
  ['waiting for less than the delay', { ...NOTHING, events: 1, waitedMs: 49 }, undefined],
  ['waiting for the delay', { ...NOTHING, events: 1, waitedMs: 50 }, 'delay'],
  ['the same while behind', { ...NOTHING, events: 1, waitedMs: 50, behind: true }, undefined],
  ['waiting for the longer delay while behind', { ...NOTHING, events: 1, waitedMs: 500, behind: true }, 'delay'],
  ['events and bytes together', { ...NOTHING, events: 10, bytes: 1_000 }, 'events'],
])('%s', (_, unwritten, reason) => {
  expect(checkpointDue(POLICY, unwritten)).toBe(reason);
});

it('holds reading back only after more than a checkpoint has gathered', () => {
  const { events, eventsBehindMax, delayMs, backlogDelayMs } = DEFAULT_CHECKPOINT_POLICY;
  expect(eventsBehindMax).toBeGreaterThan(events);
  expect(backlogDelayMs).toBeGreaterThan(delayMs);
});
