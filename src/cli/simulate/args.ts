/** The command line of `tidemark simulate`. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseInstant } from '../../gateway/instant.ts';
import { dayOfCivil } from '../../lib/calendar.ts';
import type { Zone } from '../../lib/zone.ts';
import { resolveSettings, type Settings, UsageError } from '../options.ts';

export const SIMULATE_HELP = `Usage: tidemark simulate --program FILE [options]

Says what a new version of the program would have made of the log, before it is put in force: members by level, who
moves where, points and what they cost, against the programs as they were. Nothing is changed: no member, no stream.
The engine may run: its log is read as far as it goes now.

Options:
  --program FILE   Program to try, YAML or JSON, with a higher version than the one in force
  --from WHEN      When it replaces whatever is in force, by the log's time: an instant (2026-01-01T09:00:00Z) or a
                   day of the program's time zone (2026-01-01) [default: the beginning of the log]
  --json           Print one JSON document: see docs/simulate.md
  --html FILE      Write a page with charts, which needs nothing but itself
  --data, --nats-url, --nats-server, --prefix, --partitions, --config   As for tidemark start

Exit codes: 0 done, 1 failed or interrupted, 2 the command or the program was not understood.
`;

export interface SimulateArgs {
  /** As it was typed; undefined for the beginning. */
  readonly from: string | undefined;
  readonly json: boolean;
  readonly htmlFile: string | undefined;
  readonly settings: Settings;
}

const OWN = { from: { type: 'string' }, html: { type: 'string' }, json: { type: 'boolean' } } as const;

/** Throws UsageError. */
export function parseSimulateArgs(args: readonly string[]): SimulateArgs {
  const { values, tokens } = parseArgs({ args: [...args], options: OWN, strict: false, tokens: true });
  const own = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option' || !Object.hasOwn(OWN, token.name)) continue;
    own.add(token.index);
    if (token.value !== undefined && !token.inlineValue) own.add(token.index + 1);
  }
  const settings = resolveSettings(
    args.filter((_, index) => !own.has(index)),
    process.env,
  );
  if (settings.program === '') throw new UsageError('Expected --program FILE. See tidemark simulate --help.');
  const { from, html, json } = values;
  for (const [name, value] of Object.entries({ from, html })) {
    if (typeof value === 'boolean') throw new UsageError(`--${name} needs a value. See tidemark simulate --help.`);
  }
  if (typeof html === 'string' && !existsSync(dirname(resolve(html)))) {
    throw new UsageError(`--html: there is no folder ${dirname(resolve(html))}.`);
  }
  return { from: textOf(from), json: json === true, htmlFile: textOf(html), settings };
}

function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Epoch ms; 0 for the beginning. Throws UsageError. */
export function fromMsOf(text: string | undefined, zone: Zone): number {
  if (text === undefined) return 0;
  const day = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const instant = parseInstant(day === null ? text : `${text}T00:00:00Z`);
  if (instant === undefined) {
    throw new UsageError(`--from: expected a day (2026-01-01) or an instant (2026-01-01T09:00:00Z), got "${text}"`);
  }
  if (day === null) return instant;
  const [, year = 0, month = 0, dayOfMonth = 0] = day.map(Number);
  return zone.startOfDay(dayOfCivil(year, month, dayOfMonth));
}
