import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../src/lib/turns.ts';

/** What an action is waiting for, to be ended by the test. */
interface Running {
  readonly number: number;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

/** Everything that can happen by itself has happened. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('turns', () => {
  it('are as many at once as allowed, first come first served, also when actions fail', async () => {
    const ask = fc.constant('ask' as const);
    const end = fc.record({ which: fc.nat({ max: 10 }), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.oneof(ask, end), { maxLength: 40 }),
        async (atOnce, steps) => {
          const turns = new Turns(atOnce);
          const running: Running[] = [];
          const begun: number[] = [];
          const over: string[] = [];
          const ended: string[] = [];
          let asked = 0;
          const take = (number: number): Promise<void> =>
            turns
              .take(() => {
                begun.push(number);
                return new Promise((resolve, reject) => running.push({ number, end: resolve, fail: reject }));
              })
              .then(
                () => void over.push(`${number} done`),
                (error: Error) => void over.push(`${number} ${error.message}`),
              );
          const all: Promise<void>[] = [];
          const finish = ({ number, end, fail }: Running, fails: boolean): void => {
            if (fails) fail(new Error('failed'));
            else end();
            ended.push(`${number} ${fails ? 'failed' : 'done'}`);
          };
          for (const step of steps) {
            if (step === 'ask') all.push(take(asked++));
            else {
              const [one] = running.splice(step.which % Math.max(1, running.length), 1);
              if (one !== undefined) finish(one, step.fails);
              if (step.fails) await quiet();
            }
            expect(running.length).toBeLessThanOrEqual(atOnce);
          }
          await quiet();
          // Nobody waits while there is room.
          expect(running.length).toBe(Math.min(atOnce, asked - ended.length));
          while (running.length > 0) {
            for (const one of running.splice(0)) finish(one, false);
            await quiet();
            expect(running.length).toBeLessThanOrEqual(atOnce);
          }
          await Promise.all(all);
          expect(begun).toEqual(Array.from({ length: asked }, (_, number) => number));
          // Each caller got what became of its own action.
          expect(over.sort()).toEqual(ended.sort());
        },
      ),
      { numRuns: 200 },
    );
  });

  it('are freed by an action that throws before it has begun to wait', async () => {
    const turns = new Turns(1);
    const thrown = turns.take(() => {
      throw new Error('at once');
    });
    let ran = false;
    const next = turns.take(async () => {
      ran = true;
    });
    await expect(thrown).rejects.toThrow('at once');
    await next;
    expect(ran).toBe(true);
  });

  it('begin at once when nobody is before', async () => {
    const turns = new Turns(1);
    let ran = false;
    const taken = turns.take(async () => {
      ran = true;
    });
    expect(ran).toBe(true);
    await taken;
  });
});
