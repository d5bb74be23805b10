/** The command line of `tidemark import`. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { toError } from '../../lib/assert.ts';
import { readRunning } from '../data-folder.ts';
import { UsageError } from '../options.ts';

export const IMPORT_HELP = `Usage: tidemark import FILE [options]

Sends events to a running engine: JSON Lines, one event a line, plain or .gz; "-" reads standard input.
An interrupted import goes on where it stopped when it is started again with the same file and the same log;
else it begins at the first line. Nothing counts twice.

"Accepted" means that an event is in the log for good. It is scored afterwards: what the rules refuse then
(another currency, a duplicate id with different content) is not counted here. Each such event is a "rejected"
effect on PREFIX.effects.*, and counted by code in tidemark_events_total of /metrics.

Options:
  --url URL        Engine to send to [default: the one running on --data, else http://127.0.0.1:8080]
  --data FOLDER    Data folder of the engine [default ./data]
  --rejects FILE   Write lines that were not accepted there, with number and reason, as JSON Lines
  --restart        Begin at the first line though an earlier import was interrupted
  --json           Print the summary as JSON

Exit codes: 0 all lines accepted, 3 some not, 1 the engine could not be reached.
`;

export interface ImportArgs {
  readonly file: string;
  readonly url: string;
  readonly rejectsFile: string | undefined;
  readonly restart: boolean;
  readonly json: boolean;
}

/** Throws UsageError. */
export function parseImportArgs(args: readonly string[]): ImportArgs {
  let parsed: ReturnType<typeof parse>;
  const parse = () =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        data: { type: 'string', default: process.env['TIDEMARK_DATA'] ?? './data' },
        rejects: { type: 'string' },
        restart: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
  try {
    parsed = parse();
  } catch (error) {
    throw new UsageError(`${toError(error).message.split('. To specify')[0]}. See tidemark import --help.`);
  }
  const { values, positionals } = parsed;
  const [file] = positionals;
  if (file === undefined || positionals.length !== 1)
    throw new UsageError('Expected one FILE. See tidemark import --help.');
  if (file !== '-' && !existsSync(file)) throw new UsageError(`There is no file ${file}.`);
  const url = values.url ?? readRunning(values.data)?.httpUrl ?? 'http://127.0.0.1:8080';
  return { file, url, rejectsFile: values.rejects, restart: values.restart, json: values.json };
}
