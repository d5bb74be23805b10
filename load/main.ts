/** `npm run load [-- options]`: one canonical run without flags, a verdict and an exit code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LatencySummary } from './latency.ts';
import { type LoadOptions, type LoadReport, runLoad } from './run.ts';
import { openView } from './view.ts';

const HELP = `Usage: npm run load -- [options]

Simulates a fleet of tills against a running engine, with watchers, and says whether it held.

Options:
  --url URL        Engine [default: the one running on ./data, else http://127.0.0.1:8080]
  --rate N         Events a second on average, open-loop [500]
  --seconds N      Length of the run [30]
  --members N      Members that shop, by Zipf [10000]
  --watchers N     WebSocket clients, on the busiest members [50]
  --wait-scored N  Of a hundred events, how many wait for their outcome [10]
  --seed N         Another fleet [1]
  --flat           The same rate all the time [a shop's day, midnight to midnight, within the run]
  --no-verify      Compare only the watched members with the oracle [all of them]
  --json FILE      Write the report there

Passes when every event was accepted, at 95 % of the rate at least, every watcher was shown all changes and nothing wrong, and
the oracle agrees with what members have.
Exit codes: 0 pass, 1 fail, 2 not understood.
`;

const OPTIONS = {
  url: { type: 'string' },
  rate: { type: 'string', default: '500' },
  seconds: { type: 'string', default: '30' },
  members: { type: 'string', default: '10000' },
  watchers: { type: 'string', default: '50' },
  'wait-scored': { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  flat: { type: 'boolean', default: false },
  verify: { type: 'boolean', default: true },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS, strict: true, allowNegative: true });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  type Numeric = 'rate' | 'seconds' | 'members' | 'watchers' | 'wait-scored' | 'seed';
  const whole = (name: Numeric, min: number, max = Number.MAX_SAFE_INTEGER): number => {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < min || number > max)
      throw new Error(`--${name}: expected a whole number from ${min} on, got ${values[name]}`);
    return number;
  };
  const options: LoadOptions = {
    url: values.url ?? runningUrl() ?? 'http://127.0.0.1:8080',
    eventsPerSecond: whole('rate', 1),
    seconds: whole('seconds', 1),
    members: whole('members', 1),
    watchers: whole('watchers', 0),
    waitScoredPercent: whole('wait-scored', 0, 100),
    seed: whole('seed', 0),
    flat: values.flat,
    verify: values.verify,
  };
  process.stderr.write(`${options.eventsPerSecond} events/s for ${options.seconds} s at ${options.url}\n`);
  const report = await runLoad(options, openView(process.stderr, options));
  process.stdout.write(verdict(report));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.pass ? 0 : 1;
}

function runningUrl(): string | undefined {
  try {
    return (JSON.parse(readFileSync('./data/running.json', 'utf8')) as { httpUrl?: string }).httpUrl;
  } catch {
    return undefined;
  }
}

function verdict(report: LoadReport): string {
  const row = (name: string, { count, p50, p90, p99, p999, max }: LatencySummary): string =>
    `  ${name.padEnd(9)} ${count} measured; p50 ${p50 ?? '-'}  p90 ${p90 ?? '-'}  p99 ${p99 ?? '-'}  p99.9 ${p999 ?? '-'}  max ${max ?? '-'} ms\n`;
  return (
    `${report.pass ? 'PASS' : 'FAIL'}: ${report.accepted} of ${report.sent} events accepted, ${report.resent} of them resent, ${report.achievedPerSecond}/s\n` +
    row('accepted', report.latencyMs.accepted) +
    row('scored', report.latencyMs.scored) +
    row('pushed', report.latencyMs.pushed) +
    (report.verified === undefined ? '' : `  ${report.verified.members} members compared with the oracle\n`) +
    report.failureReasons.map((reason) => `  because ${reason}\n`).join('') +
    [...report.watcherProblems, ...(report.verified?.differences ?? [])].map((problem) => `    ${problem}\n`).join('')
  );
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  },
);
