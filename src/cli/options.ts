/**
 * Every setting of the engine, in one table: flag, environment variable and key of the configuration file, with its unit,
 * default and a sentence. `--help` and the documentation are printed from it; what is not in it is refused by name.
 *
 * Precedence: flag, then environment, then file, then default.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { toError } from '../lib/assert.ts';
import {
  CACHE_MEMBERS_DEFAULT,
  CHECKPOINT_DELAY_MS,
  CHECKPOINT_EVENTS,
  PARTITIONS_DEFAULT,
  PARTITIONS_MAX,
  TICK_INTERVAL_MS,
} from '../limits.ts';
import { PREFIX_PATTERN } from '../wire/subjects.ts';

/** A mistake of whoever typed the command: shown without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface OptionBase {
  /** Key in the configuration file, and in `Settings`. */
  readonly key: string;
  readonly flag: string;
  readonly env: string;
  readonly help: string;
}

type Option =
  | (OptionBase & { readonly type: 'text'; readonly default: string; readonly pattern?: RegExp; readonly hint: string })
  | (OptionBase & {
      readonly type: 'number';
      readonly default: number;
      readonly min: number;
      readonly max: number;
      readonly unit: string;
    })
  | (OptionBase & { readonly type: 'switch'; readonly default: false });

const LOG_LEVELS = /^(trace|debug|info|warn|error|fatal|silent)$/;

export const START_OPTIONS = [
  {
    key: 'httpHost',
    flag: 'http-host',
    env: 'TIDEMARK_HTTP_HOST',
    type: 'text',
    default: '127.0.0.1',
    hint: 'HOST',
    help: 'Address to serve HTTP and WebSocket on.',
  },
  {
    key: 'httpPort',
    flag: 'http-port',
    env: 'TIDEMARK_HTTP_PORT',
    type: 'number',
    default: 8080,
    min: 0,
    max: 65_535,
    unit: 'port',
    help: 'Port to serve on; 0 picks a free one.',
  },
  {
    key: 'data',
    flag: 'data',
    env: 'TIDEMARK_DATA',
    type: 'text',
    default: './data',
    hint: 'FOLDER',
    help: 'Folder for everything the engine keeps. One engine a folder.',
  },
  {
    key: 'natsUrl',
    flag: 'nats-url',
    env: 'NATS_URL',
    type: 'text',
    default: '',
    hint: 'URL',
    help: 'NATS server to use. Empty: a private nats-server is started as a child.',
  },
  {
    key: 'natsServer',
    flag: 'nats-server',
    env: 'TIDEMARK_NATS_SERVER',
    type: 'text',
    default: 'nats-server',
    hint: 'PATH',
    help: 'nats-server binary for the private server.',
  },
  {
    key: 'program',
    flag: 'program',
    env: 'TIDEMARK_PROGRAM',
    type: 'text',
    default: '',
    hint: 'FILE',
    help: 'Loyalty program, YAML or JSON. Empty: the one in the log, or examples/coffee.yaml for a new log.',
  },
  {
    key: 'prefix',
    flag: 'prefix',
    env: 'TIDEMARK_PREFIX',
    type: 'text',
    default: 'loyalty',
    pattern: PREFIX_PATTERN,
    hint: 'NAME',
    help: 'Prefix of all NATS subjects: one for each tenant.',
  },
  {
    key: 'partitions',
    flag: 'partitions',
    env: 'TIDEMARK_PARTITIONS',
    type: 'number',
    default: PARTITIONS_DEFAULT,
    min: 1,
    max: PARTITIONS_MAX,
    unit: 'partitions',
    help: 'Partitions of the log. Fixed once the log exists.',
  },
  {
    key: 'workers',
    flag: 'workers',
    env: 'TIDEMARK_WORKERS',
    type: 'number',
    default: Math.min(8, availableParallelism()),
    min: 1,
    max: 64,
    unit: 'threads',
    help: 'Worker threads. May change between starts.',
  },
  {
    key: 'replicas',
    flag: 'replicas',
    env: 'TIDEMARK_REPLICAS',
    type: 'number',
    default: 1,
    min: 1,
    max: 5,
    unit: 'copies',
    help: 'Copies of the log in a NATS cluster.',
  },
  {
    key: 'logMaxBytes',
    flag: 'log-max-bytes',
    env: 'TIDEMARK_LOG_MAX_BYTES',
    type: 'number',
    default: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    help: 'Size at which the log takes no more events (callers get 503); 0 for no limit.',
  },
  {
    key: 'cacheMembers',
    flag: 'cache-members',
    env: 'TIDEMARK_CACHE_MEMBERS',
    type: 'number',
    default: CACHE_MEMBERS_DEFAULT,
    min: 1,
    max: 16_000_000,
    unit: 'members',
    help: 'Members kept in memory by each worker.',
  },
  {
    key: 'checkpointEvents',
    flag: 'checkpoint-events',
    env: 'TIDEMARK_CHECKPOINT_EVENTS',
    type: 'number',
    default: CHECKPOINT_EVENTS,
    min: 1,
    max: 10_000_000,
    unit: 'events',
    help: 'Events of a partition after which it is checkpointed.',
  },
  {
    key: 'checkpointDelayMs',
    flag: 'checkpoint-delay-ms',
    env: 'TIDEMARK_CHECKPOINT_DELAY_MS',
    type: 'number',
    default: CHECKPOINT_DELAY_MS,
    min: 1,
    max: 600_000,
    unit: 'ms',
    help: 'Time after which a partition is checkpointed, and the longest an effect waits; up to 30 s while it reads a backlog.',
  },
  {
    key: 'tickIntervalMs',
    flag: 'tick-interval-ms',
    env: 'TIDEMARK_TICK_INTERVAL_MS',
    type: 'number',
    default: TICK_INTERVAL_MS,
    min: 100,
    max: 86_400_000,
    unit: 'ms',
    help: 'How long a due timer may wait in a quiet partition. Raise it while history is imported, so that old levels end only once all of it is there.',
  },
  {
    key: 'fullLedger',
    flag: 'full-ledger',
    env: 'TIDEMARK_FULL_LEDGER',
    type: 'switch',
    default: false,
    help: 'Publish every accrual as an effect too.',
  },
  {
    key: 'demo',
    flag: 'demo',
    env: 'TIDEMARK_DEMO',
    type: 'switch',
    default: false,
    help: 'Add a gentle stream of made-up purchases.',
  },
  {
    key: 'demoRate',
    flag: 'demo-rate',
    env: 'TIDEMARK_DEMO_RATE',
    type: 'number',
    default: 20,
    min: 1,
    max: 10_000,
    unit: 'events/s',
    help: 'Rate of the demo stream.',
  },
  {
    key: 'logLevel',
    flag: 'log-level',
    env: 'TIDEMARK_LOG_LEVEL',
    type: 'text',
    default: 'info',
    pattern: LOG_LEVELS,
    hint: 'LEVEL',
    help: 'trace, debug, info, warn, error, fatal or silent.',
  },
] as const satisfies readonly Option[];

type OptionOf<Key> = Extract<(typeof START_OPTIONS)[number], { key: Key }>;
type Keys = (typeof START_OPTIONS)[number]['key'];

export type Settings = {
  readonly [Key in Keys]: OptionOf<Key>['type'] extends 'text'
    ? string
    : OptionOf<Key>['type'] extends 'number'
      ? number
      : boolean;
};

/** Throws UsageError, naming what is wrong and where it was said. */
export function resolveSettings(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Settings {
  const flags = parseFlags(args);
  const file = typeof flags['config'] === 'string' ? readConfigFile(flags['config']) : {};
  const settings: Record<string, string | number | boolean> = {};
  for (const option of START_OPTIONS) {
    const { flag, env: variable, key } = option;
    const given = env[variable];
    if (flags[flag] !== undefined) settings[key] = convert(option, flags[flag], `--${flag}`);
    else if (given !== undefined && given !== '') settings[key] = convert(option, given, variable);
    else if (file[key] !== undefined)
      settings[key] = convert(option, file[key], `${key} in ${String(flags['config'])}`);
    else settings[key] = option.default;
  }
  return settings as Settings;
}

function parseFlags(args: readonly string[]): Readonly<Record<string, unknown>> {
  const options: Record<string, { type: 'string' | 'boolean' }> = { config: { type: 'string' } };
  for (const { flag, type } of START_OPTIONS) options[flag] = { type: type === 'switch' ? 'boolean' : 'string' };
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${toError(error).message.split('. To specify')[0]}. See tidemark start --help.`);
  }
}

function readConfigFile(path: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseYaml(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    throw new UsageError(`Cannot read the configuration file ${path}: ${toError(error).message}`);
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw new UsageError(`${path}: expected keys and values`);
  const known = new Set<string>(START_OPTIONS.map(({ key }) => key));
  const unknown = Object.keys(value as object).filter((key) => !known.has(key));
  if (unknown.length > 0)
    throw new UsageError(`${path}: unknown ${unknown.length === 1 ? 'key' : 'keys'} ${unknown.join(', ')}`);
  return value as Readonly<Record<string, unknown>>;
}

function convert(option: Option, value: unknown, where: string): string | number | boolean {
  const refuse = (expected: string): never => {
    throw new UsageError(`${where}: expected ${expected}, got ${JSON.stringify(value)}`);
  };
  switch (option.type) {
    case 'text': {
      const text = typeof value === 'string' ? value : refuse('text');
      return option.pattern === undefined || option.pattern.test(text)
        ? text
        : refuse(`text like ${option.pattern.source}`);
    }
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const { min, max, unit } = option;
      if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
      return refuse(`a whole number of ${unit} from ${min} to ${max}`);
    }
    case 'switch':
      if (value === true || value === 'true' || value === '1') return true;
      if (value === false || value === 'false' || value === '0') return false;
      return refuse('true or false');
  }
}

/** The option table as text for a terminal. */
export function optionsHelp(): string {
  const rows = START_OPTIONS.map((option) => {
    const value = option.type === 'switch' ? '' : ` ${option.type === 'number' ? 'N' : option.hint}`;
    const unit = option.type === 'number' && option.unit !== 'port' ? ` ${option.unit}` : '';
    const fallback = option.type === 'switch' ? 'off' : option.default === '' ? 'empty' : `${option.default}`;
    return { left: `--${option.flag}${value}`, right: `${option.help} [${option.env}; default ${fallback}${unit}]` };
  });
  rows.unshift({
    left: '--config FILE',
    right: 'YAML file with any of these settings, by the names in docs/configuration.md.',
  });
  const width = Math.max(...rows.map(({ left }) => left.length));
  return rows.map(({ left, right }) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
