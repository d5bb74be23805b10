/** What the schema says about itself: a sentence and an example for every option, for editors and for the reference. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { must } from '../../src/lib/assert.ts';
import { checkProgram } from '../../src/program/parse.ts';
import { programJsonSchema, programSections } from '../../src/program/reference.ts';
import { programSchema } from '../../src/program/schema.ts';
import { programOf } from '../scoring/harness.ts';

type Option = readonly [path: string, value: z.ZodType];

/** Every option as the schema reads it, with all that it may leave out. */
function optionsOf(type: unknown, path = ''): Option[] {
  if (type instanceof z.ZodOptional || type instanceof z.ZodDefault) return optionsOf(type.unwrap(), path);
  if (type instanceof z.ZodArray) return optionsOf(type.element, `${path}[]`);
  if (type instanceof z.ZodUnion) return type.options.flatMap((way) => optionsOf(way, path));
  if (!(type instanceof z.ZodObject)) return [];
  return Object.entries(type.shape as Record<string, z.ZodType>).flatMap(([key, value]): Option[] => {
    const at = path === '' ? key : `${path}.${key}`;
    return [[at, value], ...optionsOf(value, at)];
  });
}

interface Said {
  readonly description?: string | undefined;
  readonly examples?: readonly unknown[];
  /** What leaving it out means, where that is not filled in. */
  readonly default?: unknown;
}

/** Of the option as a value, without its being optional. */
function saidOf(value: z.ZodType): Said {
  if (!(value instanceof z.ZodOptional || value instanceof z.ZodDefault)) return value.meta() ?? {};
  return { ...saidOf(value.unwrap() as z.ZodType), ...value.meta() };
}

const options = optionsOf(programSchema);

describe('every option', () => {
  it('is looked at', () => {
    const some = ['late.beyond', 'earn[].when.skus', 'tiers[].levels[].when.of[].from', 'expiry.through'];
    expect(options.map(([path]) => path)).toEqual(expect.arrayContaining(some));
  });

  it.each(options)('%s has a sentence, and an example that it takes and that is not its default', (_, value) => {
    const { description, examples = [], default: otherwise = value.safeParse(undefined).data } = saidOf(value);
    expect(description).toMatch(/^[A-Z`].*\.$/);
    expect(examples).toHaveLength(1);
    expect(value.safeParse(examples[0]).error).toBeUndefined();
    expect(examples[0]).not.toEqual(otherwise);
  });
});

describe('a default that is not filled in', () => {
  const expiryOf = (written: object): unknown => {
    const [wallet] = programOf({ expiry: { after: { months: 1 }, ...written } }).wallets;
    const lastDays = [0, 100, 20_000].map((day) => wallet?.expiry?.lastDay(day));
    return { isRenewed: wallet?.expiry?.isRenewed, lastDays };
  };
  const setOf = (written: object): unknown => {
    const tiers = { id: 'main', window: 'calendar-year', lasts: { until: 'next-period-end' }, ...written };
    const { qualifying } = programOf({ tiers: { ...tiers, levels: [{ id: 'a', from: 1 }] } });
    return JSON.stringify(qualifying?.sets);
  };

  // Those that stand in several places are looked at in the last of them.
  const unfilled = new Map(
    options.filter(([, value]) => value.meta()?.['default'] !== undefined).map(([path, value]) => [value, path]),
  );

  it.each([...unfilled].map(([value, path]) => [path, saidOf(value)] as const))(
    '%s is what leaving it out means',
    (path, said) => {
      const compiled = path.startsWith('expiry.') ? expiryOf : setOf;
      const key = path.replace(/.*\./, '');
      expect(compiled({ [key]: said.default })).toEqual(compiled({}));
      expect(compiled({ [key]: said.examples?.[0] })).not.toEqual(compiled({}));
    },
  );
});

describe('the JSON Schema', () => {
  const isProgram = new Ajv({ validateFormats: false }).compile(programJsonSchema());
  const COFFEE = parse(readFileSync('examples/coffee.yaml', 'utf8')) as {
    readonly earn: object;
    readonly tiers: object;
  };
  const withLevel = (level: object): unknown => ({ ...COFFEE, tiers: { ...COFFEE.tiers, levels: [level] } });

  it.each(readdirSync('examples'))('takes examples/%s', (file) => {
    isProgram(parse(readFileSync(`examples/${file}`, 'utf8')));
    expect(isProgram.errors).toBeNull();
  });

  it.each(programSections().map(({ title, example }) => [title, example]))('takes the example of %s', (_, example) => {
    isProgram({ ...COFFEE, ...parse(example) });
    expect(isProgram.errors).toBeNull();
  });

  it.each([
    ['one earn rule', COFFEE, true],
    ['a list of earn rules', { ...COFFEE, earn: [COFFEE.earn] }, true],
    ['no earn rule', { ...COFFEE, earn: [] }, false],
    ['an option that there is not', { ...COFFEE, colour: 'red' }, false],
    ['a part of an option that there is not', { ...COFFEE, earn: { ...COFFEE.earn, rate: 2 } }, false],
    ['one tier set of a list', { ...COFFEE, tiers: [COFFEE.tiers] }, true],
    ['a multiplier that is no multiple in floating point', withLevel({ id: 'a', from: 1, multiplier: 1.005 }), true],
    ['a multiplier that is too small', withLevel({ id: 'a', from: 1, multiplier: 0.9 }), false],
    ['an expiry in words', { ...COFFEE, expiry: { after: { weeks: 1 } } }, false],
    ['a name in capitals', { ...COFFEE, program: 'Coffee' }, false],
  ])('of %s thinks what the engine thinks', (_, program, isRight) => {
    expect(isProgram(program)).toBe(isRight);
    expect(checkProgram(program).ok).toBe(isRight);
  });
});

describe('the reference', () => {
  const sections = programSections();

  it('describes once what is used in several places', () => {
    const places = Object.fromEntries(sections.map(({ title, places }) => [title, places]));
    expect(places).toMatchObject({
      Program: [],
      'Earn rules': ['earn'],
      'Points that expire': ['wallets[].expiry', 'expiry'],
      Windows: ['counters[].window', 'tiers.window'],
      Levels: ['tiers.levels[]'],
    });
  });

  it('takes values, bounds and defaults from the schema', () => {
    const rows = new Map(sections.flatMap(({ title, rows }) => rows.map((row) => [`${title}: ${row.path}`, row])));
    const row = (name: string): string[] => {
      const { values, otherwise, example } = must(rows.get(name));
      return [values, otherwise, example];
    };
    expect(row('Wallets: rounding')).toEqual(['`floor`, `nearest` or `ceil`', '`floor`', '`nearest`']);
    expect(row('Wallets: redeem.holdMinutes')).toEqual(['whole number, 1 to 43,200', '`15`', '`30`']);
    expect(row('Earn rules: per')).toEqual(['number, more than 0, at most 10,000,000,000', '', '`0.5`']);
    expect(row('Points that expire: through')[1]).toBe('`day`');
    expect(row('Windows: ')[0]).toMatch(/^`lifetime`, .* or `calendar-year`$/);
    expect(row('Tier sets: levels')[0]).toBe('list of 1 to 100, see [Levels](#levels)');
  });
});
