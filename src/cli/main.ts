#!/usr/bin/env node
/** `tidemark VERB`: finds the verb, shows help, turns mistakes into a sentence and an exit code. */
import { readFileSync } from 'node:fs';
import { EXPORT_HELP, exportMember } from './export.ts';
import { IMPORT_HELP } from './import/args.ts';
import { importEvents } from './import.ts';
import { optionsHelp, UsageError } from './options.ts';
import { SCHEMA_HELP, schema } from './schema.ts';
import { SIMULATE_HELP } from './simulate/args.ts';
import { simulate } from './simulate.ts';
import { start } from './start.ts';
import { VERIFY_HELP, verify } from './verify.ts';

interface Verb {
  readonly summary: string;
  readonly help: () => string;
  /** Resolves with the exit code. Throws UsageError. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const START_HELP = (): string => `Usage: tidemark start [options]

Starts the engine and keeps it going until Ctrl-C, which drains and stops it.
Settings come from flags, then the environment, then the file, then the default.

Options:
${optionsHelp()}
`;

const VERBS: Readonly<Record<string, Verb>> = {
  start: { summary: 'run the engine', help: START_HELP, run: start },
  import: { summary: 'send a file of events to a running engine', help: () => IMPORT_HELP, run: importEvents },
  export: { summary: 'write everything about a member', help: () => EXPORT_HELP, run: exportMember },
  verify: { summary: 'fold the log again and compare it with the stores', help: () => VERIFY_HELP, run: verify },
  simulate: { summary: 'try a new version of the program on the log', help: () => SIMULATE_HELP, run: simulate },
  schema: {
    summary: 'print what a program file may say, for editors and people',
    help: () => SCHEMA_HELP,
    run: schema,
  },
};

/** Exit codes: 0 done, 1 failed, 2 the command was not understood; verbs add their own. */
const FAILED = 1;
const NOT_UNDERSTOOD = 2;

function usage(): string {
  const verbs = Object.entries(VERBS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  return `Usage: tidemark VERB [options]\n\n${verbs.join('\n')}\n\ntidemark VERB --help explains a verb; tidemark --version says which one this is.\n`;
}

function version(): string {
  // From dist/src/cli/.
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(usage());
    return name === undefined ? NOT_UNDERSTOOD : 0;
  }
  if (name === '--version' || name === 'version') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw new UsageError(`Unknown verb "${name}".\n\n${usage()}`);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(verb.help());
    return 0;
  }
  return verb.run(args);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    const mistake = error instanceof UsageError;
    process.stderr.write(`${mistake ? error.message : (error.stack ?? error.message)}\n`);
    process.exit(mistake ? NOT_UNDERSTOOD : FAILED);
  },
);
