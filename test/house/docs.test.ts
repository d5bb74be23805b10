/** The references in docs/ say what the tables in the source say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { START_OPTIONS } from '../../src/cli/options.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { programSchema } from '../../src/program/schema.ts';
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

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

function optionPaths(schema: JsonSchema, path: string): string[] {
  const named = Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    optionPaths(value, path === '' ? key : `${path}.${key}`),
  );
  const inside = [
    ...(schema.items === undefined ? [] : optionPaths(schema.items, `${path}[]`)),
    ...(schema.anyOf ?? []).flatMap((variant) => optionPaths(variant, path)),
  ];
  const found = new Set([...named, ...inside]);
  return found.size === 0 ? [path] : [...found];
}

describe('docs/program.md', () => {
  it('has the row of every option of the schema and no other', () => {
    const all = optionPaths(z.toJSONSchema(programSchema, { io: 'input' }) as JsonSchema, '');
    // One tier set and a list of them have the same options.
    const paths = [...new Set(all.map((path) => path.replace(/^tiers\[\]/, 'tiers')))];
    const rows = [...read('docs/program.md').matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
    // A row that ends in dots stands for all options below it, which are described elsewhere.
    const rest = rows.filter((row) => row.endsWith('…')).map((row) => row.slice(0, -1));
    const described = paths.filter((path) => !rest.some((prefix) => path.startsWith(prefix)));
    expect(rows.filter((row) => !row.endsWith('…')).toSorted()).toEqual(described.toSorted());
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
    expect(examples).toHaveLength(17);
    expect(new Set(examples.map(({ type }) => type)).size).toBe(11);
    expect(parseEvents(examples).rejected).toEqual([]);
  });
});

describe('docs/effects.md', () => {
  it('has the row of every type of effect and no other', () => {
    const rows = [...read('docs/effects.md').matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);
    expect(rows).toEqual(Object.keys(EFFECT_TYPES));
  });
});
