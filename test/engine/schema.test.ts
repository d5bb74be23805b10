/** `tidemark schema`: the schema on standard output, for an editor or for a reader. */
import { expect, it } from 'vitest';
import { programJsonSchema, programMarkdown } from '../../src/program/reference.ts';
import { runVerb } from '../helpers/engine.ts';

it('prints the JSON Schema of programs', async () => {
  const { code, stdout } = await runVerb(['schema']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(programJsonSchema());
});

it('prints the reference of all options', async () => {
  expect(await runVerb(['schema', '--markdown'])).toMatchObject({ code: 0, stdout: `${programMarkdown()}\n` });
});

it('refuses what it does not know', async () => {
  const { code, stderr } = await runVerb(['schema', '--html']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--html.* See tidemark schema --help\.\n$/);
});
