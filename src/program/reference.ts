/**
 * The reference of program files, made of their schema: the JSON Schema that editors check by, and the page that people read.
 * Each part of the schema that has a title is a section of the page; where else it is used, the page refers to it.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { must } from '../lib/assert.ts';
import { LISTS, PATTERNS, programSchema, type SectionId } from './schema.ts';
import { SECTION_EXAMPLES } from './section-examples.ts';

/** JSON Schema, draft 7, as far as the schema of programs makes use of it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
}

export interface OptionRow {
  /** From the section on, as in `when.from`; empty for what may stand in place of the section's options. */
  readonly path: string;
  /** What it may be, in words, as Markdown. */
  readonly values: string;
  /** As YAML; `required` where it cannot be left out, empty where leaving it out is no value. */
  readonly otherwise: string;
  /** As YAML. */
  readonly example: string;
  readonly meaning: string;
}

export interface Section {
  readonly title: string;
  readonly description: string;
  /** Where in a program it is used, as in `wallets[].expiry`. */
  readonly places: string[];
  /** A program that uses it, without what all programs have. */
  readonly example: string;
  readonly rows: OptionRow[];
}

/** Draft 7, since that is what editors know best. What depends on other options is left to the engine. */
export function programJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(programSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      // Checkers divide in floating point, by which 1.005 is no multiple of 0.001.
      delete jsonSchema.multipleOf;
    },
  }) as JsonSchema;
  const properties = { ...schema.properties };
  for (const key of LISTS) {
    const { description, examples, ...list } = must(properties[key]);
    properties[key] = { description: must(description), examples: must(examples), anyOf: [must(list.items), list] };
  }
  return { ...schema, properties };
}

/** In the order in which a reader of a program meets them. */
export function programSections(): Section[] {
  const schema = programJsonSchema();
  const { definitions = {} } = schema;
  const found = new Map<string, Section>();

  const visit = (id: string, part: JsonSchema, place: string): void => {
    const known = found.get(id);
    if (known !== undefined) {
      known.places.push(place);
      return;
    }
    const section: Section = {
      title: must(part.title),
      description: must(part.description),
      places: place === '' ? [] : [place],
      example: SECTION_EXAMPLES[id as SectionId | 'program'],
      rows: [],
    };
    found.set(id, section);
    for (const way of part.anyOf ?? [part]) {
      if (way.properties === undefined) section.rows.push(rowOf('', way, '', definitions));
      addRows(way, part.anyOf === undefined, '', section);
    }
  };

  const addRows = (part: JsonSchema, mayRequire: boolean, before: string, section: Section): void => {
    for (const [key, value] of Object.entries(part.properties ?? {})) {
      const path = joined(before, key);
      const isRequired = mayRequire && (part.required ?? []).includes(key);
      section.rows.push(rowOf(path, value, isRequired ? 'required' : '', definitions));
      addRows(value, true, path, section);
      const used = sectionIn(value, definitions);
      const place = joined(section.places[0] ?? '', path);
      if (used !== undefined) visit(used, must(definitions[used]), value.type === 'array' ? `${place}[]` : place);
    }
  };

  visit('program', schema, '');
  return [...found.values()];
}

function joined(before: string, key: string): string {
  return before === '' ? key : `${before}.${key}`;
}

type Definitions = NonNullable<JsonSchema['definitions']>;

function rowOf(path: string, value: JsonSchema, otherwise: string, definitions: Definitions): OptionRow {
  const isPlain = value.default !== undefined && typeof value.default !== 'object';
  return {
    path,
    values: valuesOf(value, definitions),
    otherwise: isPlain ? code(value.default) : otherwise,
    example: code(must(value.examples)[0]),
    meaning: must(value.description),
  };
}

/** The definition that a value, or each of a list, is one of. */
function definitionIn({ $ref, allOf, anyOf, items }: JsonSchema): string | undefined {
  const inside = allOf?.[0] ?? anyOf?.[0] ?? items;
  return $ref?.slice('#/definitions/'.length) ?? (inside && definitionIn(inside));
}

/** Definitions without options are plain values. */
function sectionIn(value: JsonSchema, definitions: Definitions): string | undefined {
  const id = definitionIn(value);
  const { properties, anyOf } = definitions[id ?? ''] ?? {};
  return properties === undefined && anyOf === undefined ? undefined : id;
}

function valuesOf(value: JsonSchema, definitions: Definitions): string {
  const section = sectionIn(value, definitions);
  const { title = '' } = definitions[section ?? definitionIn(value) ?? ''] ?? {};
  const see = `see [${title}](#${title.toLowerCase().replaceAll(' ', '-')})`;
  const { type, items, anyOf } = value;
  if (items !== undefined) {
    return `list of ${lengths(value)}${section === undefined ? `: ${valuesOf(items, definitions)}` : `, ${see}`}`;
  }
  if (anyOf !== undefined) return `one or a list of ${lengths(must(anyOf[1]))}, ${see}`;
  if (section !== undefined) return see;
  if (type === 'object') return 'options';
  if (title !== '') return title;
  if (value.enum !== undefined) return choice(value.enum.map(code));
  if (value.const !== undefined) return code(value.const);
  if (type === 'integer') return `whole number, ${bounds(value)}`;
  if (type === 'number') return `number, ${bounds(value)}`;
  if (value.format === 'date-time') return 'an instant';
  if (value.pattern !== undefined) return must(PATTERNS[`/${value.pattern}/`]);
  return value.maxLength === undefined ? 'text' : `text of at most ${value.maxLength} characters`;
}

function lengths({ minItems, maxItems = 0 }: JsonSchema): string {
  return minItems === undefined ? `at most ${maxItems}` : `${minItems} to ${grouped(maxItems)}`;
}

function bounds({ minimum, exclusiveMinimum, maximum = 0 }: JsonSchema): string {
  const most = grouped(maximum);
  return exclusiveMinimum === undefined ? `${minimum} to ${most}` : `more than ${exclusiveMinimum}, at most ${most}`;
}

function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

function choice(texts: readonly string[]): string {
  return [texts.slice(0, -1).join(', '), ...texts.slice(-1)].join(' or ');
}

function code(value: unknown): string {
  return `\`${stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()}\``;
}

/** The page, from its third level of headings down. */
export function programMarkdown(): string {
  const name = must(programJsonSchema().definitions?.['name']?.description);
  const words = `Where *options* belong, they are in the rows that go on with a dot; \`[]\` is each of a list. A *name* is ${name}.`;
  return [words, ...programSections().map(sectionMarkdown)].join('\n\n');
}

function sectionMarkdown({ title, description, places, example, rows }: Section): string {
  const where = places.length === 0 ? '' : ` Goes into ${places.map((place) => `\`${place}\``).join(', ')}.`;
  const table = rows.map(
    ({ path, values, otherwise, example, meaning }) =>
      `| ${path === '' ? '*instead of options*' : `\`${path}\``} | ${values} | ${otherwise} | ${example} | ${meaning} |`,
  );
  return `### ${title}

${description}${where}

\`\`\`yaml
${example.trim()}
\`\`\`

| option | may be | left out | example | meaning |
| --- | --- | --- | --- | --- |
${table.join('\n')}`;
}
