/** Reads a program file: YAML or JSON text to a compiled program, or errors a marketer can act on. */
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { toError } from '../lib/assert.ts';
import { PROGRAM_BYTES_MAX } from '../limits.ts';
import { type CompileResult, compileProgram, type ProgramIssue } from './compile.ts';
import { LISTS, PATTERNS, programSchema } from './schema.ts';

/** `text` is YAML, of which JSON is a part. */
export function parseProgram(text: string): CompileResult {
  if (Buffer.byteLength(text) > PROGRAM_BYTES_MAX) {
    return refused('', `expected at most ${PROGRAM_BYTES_MAX} bytes`);
  }
  const yaml = parseDocument(text, { prettyErrors: true });
  const [syntaxError] = yaml.errors;
  if (syntaxError !== undefined) return refused('', `not valid YAML: ${syntaxError.message}`);
  try {
    return checkProgram(yaml.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    // Aliases that nothing anchors, or that unfold without end.
    return refused('', `not valid YAML: ${toError(error).message}`);
  }
}

/** `value` is a program as plain data, from anywhere. */
export function checkProgram(value: unknown): CompileResult {
  const { document, lone } = withLists(value);
  const checked = programSchema.safeParse(document, { error: expected });
  const result: CompileResult = checked.success
    ? compileProgram(checked.data)
    : {
        ok: false,
        issues: checked.error.issues.flatMap((issue) => issuesOf(issue, [])),
      };
  if (result.ok) return result;
  return { ok: false, issues: result.issues.map(({ path, message }) => ({ path: asWritten(path, lone), message })) };
}

function withLists(value: unknown): { document: unknown; lone: readonly string[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { document: value, lone: [] };
  const document: Record<string, unknown> = { ...value };
  const lone = LISTS.filter((key) => document[key] !== undefined && !Array.isArray(document[key]));
  for (const key of lone) document[key] = [document[key]];
  return { document, lone };
}

function asWritten(path: string, lone: readonly string[]): string {
  for (const key of lone) if (path.startsWith(`${key}[0]`)) return key + path.slice(`${key}[0]`.length);
  return path;
}

/** Where a value is wrong in only one of the ways it may be written, that one's issues say more than that there are several. */
function issuesOf(issue: z.core.$ZodIssue, before: readonly PropertyKey[]): ProgramIssue[] {
  const path = [...before, ...issue.path];
  if (issue.code === 'invalid_union') {
    const near = issue.errors.filter((way) => way.every((inner) => inner.path.length > 0));
    if (near.length === 1) return (near[0] ?? []).flatMap((inner) => issuesOf(inner, path));
  }
  return [{ path: pathText(path), message: issue.message }];
}

/** As one text, a line an issue: `examples/coffee.yaml: tiers.levels[1].from: expected a number, got a string`. */
export function issuesText(file: string, issues: readonly ProgramIssue[]): string {
  return issues.map(({ path, message }) => [file, path, message].filter((part) => part !== '').join(': ')).join('\n');
}

function refused(path: string, message: string): CompileResult {
  return { ok: false, issues: [{ path, message }] };
}

export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${String(part)}`;
  return text;
}

type RawIssue = Parameters<
  Exclude<NonNullable<Parameters<typeof programSchema.safeParse>[1]>['error'], string | undefined>
>[0];

/** One shape for every message: what was expected, then what was there. */
function expected(issue: RawIssue): string | undefined {
  const got = shown(issue.input);
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${NOUNS[issue.expected] ?? issue.expected}, got ${got}`;
    case 'invalid_format':
      return `expected ${PATTERNS[issue['pattern'] as string] ?? issue.format}, got ${got}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}, got ${got}`;
    case 'unrecognized_keys':
      return `unknown ${issue.keys.length === 1 ? 'option' : 'options'} ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    case 'too_small':
      return `expected ${listOf(issue.origin)}${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, got ${got}`;
    case 'too_big':
      return `expected ${listOf(issue.origin)}at most ${issue.maximum}, got ${got}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}, got ${got}`;
    case 'invalid_union':
      return issue.path?.at(-1) === 'tiers'
        ? `expected options with values, or a list of them, got ${got}`
        : `expected a window such as {days: 365}, {months: 12} or calendar-year, got ${got}`;
    default:
      return undefined;
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  object: 'options with values',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
};

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text =
    typeof value === 'object' ? JSON.stringify(value) : typeof value === 'string' ? `"${value}"` : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function listOf(origin: string): string {
  return origin === 'array' ? 'a list of ' : '';
}
