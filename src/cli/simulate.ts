/** `tidemark simulate`: what a change of program would do, before it is put in force. Folds the log again, and changes nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { toError } from '../lib/assert.ts';
import type { EventReader } from '../log/log.ts';
import { readProgram, type Topology } from '../log/topology.ts';
import { Comparison, extentOf, type LogExtent, simulatePartition, type Trial } from '../partition/simulate.ts';
import { checkProgram, issuesText, parseProgram } from '../program/parse.ts';
import type { Program } from '../program/program.ts';
import { successionIssues } from '../program/succession.ts';
import { instantText } from '../wire/instant-text.ts';
import { readRunning } from './data-folder.ts';
import { type Settings, UsageError } from './options.ts';
import { isAlive } from './processes.ts';
import { openBar } from './progress-bar.ts';
import { fromMsOf, parseSimulateArgs } from './simulate/args.ts';
import { reportPage } from './simulate/html.ts';
import { reportOf, type SimulationReport } from './simulate/report.ts';
import { reportText } from './simulate/table.ts';
import { INTERRUPTED, type StoredLog, untilInterrupted, withDataFolder, withLog } from './stored-log.ts';

export async function simulate(args: readonly string[]): Promise<number> {
  const { from, json, htmlFile, settings } = parseSimulateArgs(args);
  const program = readProgramFile(settings.program);
  const fromMs = fromMsOf(from, program.zone);
  const report = await untilInterrupted((stop) =>
    withAnyLog(settings, (log) => simulateAll(settings, program, fromMs, log, stop)),
  );
  if (report === undefined) return INTERRUPTED;
  if (htmlFile !== undefined) writeFileSync(htmlFile, reportPage(report));
  const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : reportText(report, colour));
  return 0;
}

function readProgramFile(path: string): Program {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read the program: ${toError(error).message}`);
  }
  const parsed = parseProgram(text);
  if (!parsed.ok) throw new UsageError(issuesText(path, parsed.issues));
  return parsed.program;
}

/** The log on the server that is named, or that the engine on the data folder uses, or else in the folder. */
function withAnyLog<T>(settings: Settings, use: (log: StoredLog) => Promise<T>): Promise<T> {
  const natsUrl = settings.natsUrl === '' ? natsUrlOfRunning(settings.data) : settings.natsUrl;
  const connect = (url: string): Promise<T> => withLog(settings, url, 'tidemark-simulate', use);
  return natsUrl === '' ? withDataFolder(settings, (_folder, url) => connect(url)) : connect(natsUrl);
}

/** '' where none runs. */
function natsUrlOfRunning(data: string): string {
  const running = readRunning(data);
  return running !== undefined && isAlive(running.launcherPid) ? running.natsUrl : '';
}

async function simulateAll(
  { program: file, partitions }: Settings,
  program: Program,
  fromMs: number,
  { reader, control }: StoredLog,
  stop: AbortSignal,
): Promise<SimulationReport> {
  const current = await programInForce(control);
  const issues = successionIssues(current.document, program.document);
  if (issues.length > 0) throw new UsageError(issuesText(file, issues));
  const extent = await extentOf(reader, partitions);
  checkExtent(extent, fromMs);
  const startMs = performance.now();
  const trial = { program, fromMs, extent };
  const comparison = await foldAll(trial, reader, stop);
  return reportOf(comparison, current, trial, (performance.now() - startMs) / 1000);
}

async function programInForce(control: Topology['control']): Promise<Program> {
  const stored = await readProgram(control);
  if (stored === undefined) throw new UsageError('The log has no program yet: nothing could be compared.');
  const checked = checkProgram(JSON.parse(stored.document));
  if (!checked.ok) throw new UsageError(issuesText('The program in force', checked.issues));
  return checked.program;
}

function checkExtent({ messages, firstSequence, lastMs }: LogExtent, fromMs: number): void {
  if (messages === 0) throw new UsageError('There is nothing in the log yet.');
  if (firstSequence > 1) {
    throw new UsageError(
      `The log begins only at sequence ${firstSequence}: what was before is gone, and members cannot be worked out again.`,
    );
  }
  if (fromMs > lastMs) throw new UsageError(`--from: the log ends before that, at ${instantText(lastMs)}.`);
}

async function foldAll(trial: Trial, reader: EventReader, stop: AbortSignal): Promise<Comparison> {
  const comparison = new Comparison(trial.program);
  const { messages, ends } = trial.extent;
  const startMs = performance.now();
  const bar = openBar('{bar} {percentage}%  {value} messages  {rate} events/s  ETA {eta_formatted}', messages, {
    rate: 0,
  });
  try {
    for (let partition = 0; partition < ends.length; partition++) {
      await simulatePartition(partition, trial, comparison, reader, stop, (count) => {
        const rate = Math.round((comparison.before.events * 1000) / (performance.now() - startMs));
        bar.increment(count, { rate });
      });
    }
  } finally {
    bar.stop();
  }
  return comparison;
}
