import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FineClock } from '../../src/observe/fine-clock.ts';

const START_MS = 1_790_000_000_000;
/** A number of today's milliseconds has no smaller steps. */
const STEP_MS = 2 ** -12;

it('knows fractions of a millisecond', () => {
  let monotonicMs = 50;
  const clock = new FineClock(
    () => START_MS,
    () => monotonicMs,
  );
  monotonicMs += 0.25;
  expect(clock.nowMs()).toBe(START_MS + 0.25);
});

it('stays within the millisecond of the wall clock, whatever steps the clocks make', () => {
  const step = fc.record({
    wall: fc.double({ min: -5_000, max: 5_000, noNaN: true }),
    monotonic: fc.double({ min: 0, max: 100, noNaN: true }),
  });
  const property = fc.property(fc.array(step, { minLength: 1 }), (steps) => {
    const now = { wall: START_MS, monotonic: 1 };
    const clock = new FineClock(
      () => Math.floor(now.wall),
      () => now.monotonic,
    );
    for (const { wall, monotonic } of steps) {
      now.wall += wall;
      now.monotonic += monotonic;
      const fineMs = clock.nowMs();
      expect(fineMs).toBeGreaterThanOrEqual(Math.floor(now.wall));
      expect(fineMs).toBeLessThanOrEqual(Math.floor(now.wall) + 1);
    }
  });
  fc.assert(property);
});

it('finds the fraction it began at', () => {
  // Begun late in a millisecond, it first takes that for its beginning.
  const now = { wall: START_MS + 0.9, monotonic: 1 };
  const clock = new FineClock(
    () => Math.floor(now.wall),
    () => now.monotonic,
  );
  for (let reading = 0; reading < 1_000; reading++) {
    now.wall += 0.13;
    now.monotonic += 0.13;
    clock.nowMs();
  }
  expect(Math.abs(clock.nowMs() - now.wall)).toBeLessThan(0.02 + 10 * STEP_MS);
});
