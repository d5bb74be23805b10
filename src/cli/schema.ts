/** `tidemark schema`: what a program file may say, for editors and for people. */
import { parseArgs } from 'node:util';
import { toError } from '../lib/assert.ts';
import { programJsonSchema, programMarkdown } from '../program/reference.ts';
import { UsageError } from './options.ts';

export const SCHEMA_HELP = `Usage: tidemark schema [--markdown]

Prints the JSON Schema of program files, by which editors complete and check them as they are written:

  tidemark schema > program.schema.json

and then, as the first line of a program beside it:

  # yaml-language-server: $schema=program.schema.json

Options:
  --markdown   Print the reference of all options instead, as in docs/program.md
`;

export async function schema(args: readonly string[]): Promise<number> {
  process.stdout.write(`${asksMarkdown(args) ? programMarkdown() : JSON.stringify(programJsonSchema(), null, 2)}\n`);
  return 0;
}

function asksMarkdown(args: readonly string[]): boolean {
  try {
    return parseArgs({ args: [...args], options: { markdown: { type: 'boolean', default: false } } }).values.markdown;
  } catch (error) {
    throw new UsageError(`${toError(error).message.split('. To specify')[0]}. See tidemark schema --help.`);
  }
}
