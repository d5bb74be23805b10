/** The references in docs/ say what the tables in the source say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { START_OPTIONS } from '../../src/cli/options.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { checkProgram } from '../../src/program/parse.ts';
import { programMarkdown } from '../../src/program/reference.ts';
import { OUTCOMES } from '../../src/scoring/outcome.ts';
import { EFFECT_TYPES } from '../../src/wire/effects.ts';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

/** `workers` defaults to what the machine has. */
const defaultText = (option: (typeof START_OPTIONS)[number]): string =>
  option.type === 'switch'
    ? 'off'
    : option.key === 'workers'
      ? 'one a core, at most 8'
      : option.default === ''
        ? 'empty'
        : String(option.default);

const valuesText = (option: (typeof START_OPTIONS)[number]): string =>
  option.type === 'number'
    ? `${option.min} to ${option.max} ${option.unit}`
    : option.type === 'switch'
      ? 'true or false'
      : 'text';

describe('docs/configuration.md', () => {
  it('has the row of every option and no other', () => {
    const rows = read('docs/configuration.md').match(/^\| `.*$/gm);
    expect(rows).toEqual(
      START_OPTIONS.map(
        (option) =>
          `| \`${option.key}\` | \`--${option.flag}\` | \`${option.env}\` | ${defaultText(option)} | ${valuesText(option)} | ${option.help} |`,
      ),
    );
  });
});

describe('docs/program.md', () => {
  const page = read('docs/program.md');

  it('has the options that the schema has: npm run docs writes them', () => {
    const [, written] = page.match(/<!-- From .*? -->\n\n(.*)\n\n<!-- End\. -->/s) ?? [];
    expect(written).toBe(programMarkdown());
  });

  it('has examples that compile', () => {
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
    expect(examples).toHaveLength(11);
    // The first is a whole program; the others leave out what all programs have.
    const whole = parse(examples[0] ?? '');
    for (const example of examples)
      expect(checkProgram({ ...whole, ...parse(example) }), example).toMatchObject({ ok: true });
  });
});

describe('docs/events.md', () => {
  it('has the row of every outcome, in its words', () => {
    const rows = read('docs/events.md')
      .split('## Outcomes')[1]
      ?.match(/^\| `.*$/gm);
    expect(rows).toEqual(Object.entries(OUTCOMES).map(([code, { help }]) => `| \`${code}\` | ${help} |`));
  });

  it('has examples that are events', () => {
    const examples = [...read('docs/events.md').matchAll(/^\{(.*\n?)*?.*\}$/gm)].map(
      ([text]) => JSON.parse(text) as { type: string },
    );
    expect(examples).toHaveLength(21);
    expect(new Set(examples.map(({ type }) => type)).size).toBe(13);
    expect(parseEvents(examples).rejected).toEqual([]);
  });
});

describe('docs/effects.md', () => {
  it('has the row of every type of effect and no other', () => {
    const rows = [...read('docs/effects.md').matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);
    expect(rows).toEqual(Object.keys(EFFECT_TYPES));
  });
});
