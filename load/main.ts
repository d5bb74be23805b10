/** `npm run load [-- options]`: one canonical run without flags, a verdict and an exit code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LatencySummary } from './latency.ts';
import { type LoadOptions, type LoadProgress, type LoadReport, runLoad } from './run.ts';

const HELP = `Usage: npm run load -- [options]

Simulates a fleet of tills against a running engine, with watchers, and says whether it held.

Options:
  --url URL        Engine [default: the one running on ./data, else http://127.0.0.1:8080]
  --rate N         Events a second, open-loop [500]
  --seconds N      Length of the run [30]
  --members N      Members that shop, by Zipf [10000]
  --watchers N     WebSocket clients, on the busiest members [50]
  --seed N         Another fleet [1]
  --verify         Recompute every member with the oracle at the end
  --json FILE      Write the report there

Passes when every event was accepted, at 95 % of the rate at least, no watcher saw anything wrong, and the oracle agrees.
Exit codes: 0 pass, 1 fail, 2 not understood.
`;

const OPTIONS = {
  url: { type: 'string' },
  rate: { type: 'string', default: '500' },
  seconds: { type: 'string', default: '30' },
  members: { type: 'string', default: '10000' },
  watchers: { type: 'string', default: '50' },
  seed: { type: 'string', default: '1' },
  verify: { type: 'boolean', default: false },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS, strict: true });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const whole = (name: 'rate' | 'seconds' | 'members' | 'watchers' | 'seed', min: number): number => {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < min)
      throw new Error(`--${name}: expected a whole number from ${min} on, got ${values[name]}`);
    return number;
  };
  const options: LoadOptions = {
    url: values.url ?? runningUrl() ?? 'http://127.0.0.1:8080',
    eventsPerSecond: whole('rate', 1),
    seconds: whole('seconds', 1),
    members: whole('members', 1),
    watchers: whole('watchers', 0),
    seed: whole('seed', 0),
    verify: values.verify,
  };
  process.stderr.write(`${options.eventsPerSecond} events/s for ${options.seconds} s at ${options.url}\n`);
  const report = await runLoad(options, show);
  if (process.stderr.isTTY) process.stderr.write('\n');
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

/** One line that is rewritten on a terminal, a line a second elsewhere. */
function show({
  elapsedSeconds,
  sent,
  accepted,
  inFlight,
  errors,
  accepted50,
  accepted99,
  pushed99,
}: LoadProgress): void {
  const line =
    `${elapsedSeconds.toFixed(0).padStart(4)} s  sent ${sent}  accepted ${accepted}  in flight ${inFlight}  errors ${errors}  ` +
    `accepted p50 ${accepted50 ?? '-'} p99 ${accepted99 ?? '-'} ms  pushed p99 ${pushed99 ?? '-'} ms`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function verdict(report: LoadReport): string {
  const row = (name: string, { count, p50, p90, p99, p999, max }: LatencySummary): string =>
    `  ${name.padEnd(9)} ${count} measured; p50 ${p50 ?? '-'}  p90 ${p90 ?? '-'}  p99 ${p99 ?? '-'}  p99.9 ${p999 ?? '-'}  max ${max ?? '-'} ms\n`;
  return (
    `${report.pass ? 'PASS' : 'FAIL'}: ${report.accepted} of ${report.sent} events accepted, ${report.resent} of them resent, ${report.achievedPerSecond}/s\n` +
    row('accepted', report.latencyMs.accepted) +
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
