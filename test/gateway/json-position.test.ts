import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonErrorPosition } from '../../src/gateway/json-position.ts';

/** What JSON.parse says about a text that it refuses: its position, where it names one. */
function verdict(text: string): { ok: boolean; position: number | undefined } {
  try {
    JSON.parse(text);
    return { ok: true, position: undefined };
  } catch (error) {
    const { message } = error as Error;
    // Escapes and numbers it names by the character within, we by where they begin.
    const found = /at position (\d+)/.exec(message);
    return { ok: false, position: found === null ? undefined : Number(found[1]) };
  }
}

describe('where a text stops being JSON', () => {
  it.each([
    ['', 0],
    ['   ', 3],
    ['{', 1],
    ['{"a"', 4],
    ['{"a" 1}', 5],
    ['{"a":1,}', 7],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['[1}', 2],
    ['nul', 0],
    ['01', 1],
    ['1 2', 2],
    ['"a\nb"', 2],
    ['"\\u12"', 1],
    ['{"a":"b\\x"}', 7],
    ['[1 "a', 3],
    ['[1, "Zoë", x]', 11],
  ])('%j: %i', (text, position) => expect(jsonErrorPosition(text)).toBe(position));

  it.each(['x', '\\\\', '\\u0041', 'ü', '\u007f'])('ends for a long unterminated string of %j', (part) => {
    // A pattern that backtracks would take longer than any test run.
    const text = `[1, "${part.repeat(150_000)}`;
    expect(jsonErrorPosition(text)).toBe(text.length);
  });

  it('agrees with JSON.parse wherever that names a position', () => {
    const broken = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('', ',', ':', '{', '}', '[', ']', '"', '1', 'x', ' ', '\\', 'true'))
      .map(([text, at, inserted]) => {
        const cut = at % (text.length + 1);
        return inserted === '' ? text.slice(0, cut) : text.slice(0, cut) + inserted + text.slice(cut);
      });
    fc.assert(
      fc.property(broken, (text) => {
        const { ok, position } = verdict(text);
        fc.pre(!ok);
        const ours = jsonErrorPosition(text);
        expect(ours).toBeGreaterThanOrEqual(0);
        expect(ours).toBeLessThanOrEqual(text.length);
        // JSON.parse points into a broken escape or number, we to where it begins.
        if (position !== undefined) expect(ours).toBeLessThanOrEqual(position);
        // What stands before it can still become JSON: nothing there is refused earlier.
        expect(jsonErrorPosition(text.slice(0, ours))).toBe(ours);
      }),
      { numRuns: 2_000 },
    );
  });
});
