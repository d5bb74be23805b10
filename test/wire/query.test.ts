/** Answers and replies stay within what a message may hold. */
import { expect, it } from 'vitest';
import { NATS_PAYLOAD_BYTES_MAX } from '../../src/limits.ts';
import type { OutcomeView } from '../../src/wire/outcome-view.ts';
import { decodeAnswer, decodeScored, encodeAnswer, scoredReplies } from '../../src/wire/query.ts';

function outcome(id: string, textBytes: number): OutcomeView {
  return { id, code: 'malformed', message: 'x'.repeat(textBytes), entries: [], tierChanges: [] };
}

it('outcomes of a large batch take several replies, which put together are all of them in order', () => {
  const outcomes = Array.from({ length: 256 }, (_unused, index) => outcome(`e${index}`, index * 100));
  const replies = scoredReplies(7, outcomes);
  expect(replies.length).toBeGreaterThan(2);
  const together: OutcomeView[] = [];
  for (const bytes of replies) {
    expect(bytes.length).toBeLessThan(NATS_PAYLOAD_BYTES_MAX);
    const { sequence, first, outcomes: part } = decodeScored(bytes);
    expect({ sequence, first }).toEqual({ sequence: 7, first: together.length });
    together.push(...part);
  }
  expect(together).toEqual(outcomes);
});

it('a small batch takes one reply', () => {
  expect(scoredReplies(7, [outcome('a', 1), outcome('b', 1)])).toHaveLength(1);
  expect(scoredReplies(7, [])).toEqual([]);
});

it('an answer too large for a message says so instead', () => {
  const outcomes = [outcome('a', NATS_PAYLOAD_BYTES_MAX)];
  const bytes = encodeAnswer({ ok: true, op: 'preview', outcomes });
  expect(bytes.length).toBeLessThan(1_000);
  expect(decodeAnswer(bytes)).toMatchObject({
    ok: false,
    code: 'failed',
    message: expect.stringContaining('ask for less'),
  });
});
