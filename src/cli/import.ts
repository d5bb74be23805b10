/**
 * `tidemark import`: sends a file of events to a running engine, a block at a time. The next block begins when all of this
 * one is durable. How far that has come is written beside the file after every block; a block that is sent twice is
 * recognised event by event.
 */
import { EVENTS_PER_REQUEST_MAX } from '../limits.ts';
import { type ImportArgs, parseImportArgs } from './import/args.ts';
import { LANES, sortIntoLanes } from './import/lanes.ts';
import { type Line, LineReader } from './import/lines.ts';
import { changedSince, type Origin, originOf, type Progress, ProgressFile } from './import/progress.ts';
import { type Refusal, Refusals } from './import/refusals.ts';
import { Target } from './import/target.ts';
import { openBar } from './progress-bar.ts';

const SOME_REFUSED = 3;
/** Lanes are not of one length; the longest should fit a request. */
const BLOCK_LINES = (LANES * EVENTS_PER_REQUEST_MAX) / 2;

export async function importEvents(args: readonly string[]): Promise<number> {
  const options = parseImportArgs(args);
  const { file, rejectsFile } = options;
  const target = new Target(options.url);
  const epoch = await target.epoch();
  const startMs = performance.now();
  const run = file === '-' ? undefined : { file: new ProgressFile(file), origin: originOf(file, epoch, rejectsFile) };
  const { lines, before } = await open(options, run?.file, run?.origin);

  const refusals = new Refusals(rejectsFile, before?.refused);
  let accepted = before?.accepted ?? 0;
  const fileBytes = run?.origin.fileBytes ?? 0;
  const format =
    fileBytes === 0 ? '{lines} lines  {rate}/s' : '{bar} {percentage}%  {lines} lines  {rate}/s  ETA {eta_formatted}';
  const bar = openBar(format, fileBytes, { lines: 0, rate: 0 });
  for await (const block of lines.blocks(BLOCK_LINES)) {
    const sent = await sendBlock(target, block);
    accepted += sent.accepted;
    refusals.add(sent.refusals);
    const { number: line, bytesRead } = lines;
    run?.file.write({ line, sentHash: lines.digest(), accepted, refused: refusals.refused, origin: run.origin });
    const rate = Math.round((line - (before?.line ?? 0)) / ((performance.now() - startMs) / 1000));
    bar.update(Math.min(bytesRead, fileBytes), { lines: line, rate });
  }
  bar.stop();
  if ((await target.epoch()) !== epoch) {
    throw new Error(
      'The engine has got another log since the import began. Run it again: it begins at the first line.',
    );
  }
  run?.file.remove();

  const seconds = Number(((performance.now() - startMs) / 1000).toFixed(1));
  const { count, first } = refusals.refused;
  if (options.json) {
    const summary = { lines: lines.number, accepted, rejected: count, seconds, rejects: first };
    process.stdout.write(`${JSON.stringify(summary)}\n`);
  } else process.stdout.write(summaryText(accepted, count, first, seconds));
  return count > 0 ? SOME_REFUSED : 0;
}

/** The file at the line to go on from, and what an earlier import has done before it. */
async function open(
  { file, restart }: ImportArgs,
  progressFile: ProgressFile | undefined,
  origin: Origin | undefined,
): Promise<{ lines: LineReader; before: Progress | undefined }> {
  const lines = new LineReader(file);
  const before = restart ? undefined : progressFile?.read();
  if (before === undefined || origin === undefined) return { lines, before: undefined };
  let changed = changedSince(before, origin);
  if (changed === undefined) {
    await lines.skipTo(before.line);
    if (lines.digest() !== before.sentHash) changed = 'the lines already sent have changed';
  }
  if (changed === undefined) {
    process.stderr.write(`Going on after line ${before.line} (--restart begins anew).\n`);
    return { lines, before };
  }
  lines.close();
  process.stderr.write(
    `An import of this file was interrupted after line ${before.line}, but since then ${changed}: ` +
      'beginning at the first line. Nothing counts twice.\n',
  );
  return { lines: new LineReader(file), before: undefined };
}

async function sendBlock(
  target: Target,
  block: readonly Line[],
): Promise<{ accepted: number; refusals: readonly Refusal[] }> {
  const { lanes, refusals: spoilt } = sortIntoLanes(block);
  const refusals = [...spoilt];
  let accepted = 0;
  await Promise.all(
    lanes.map(async (requests) => {
      for (const request of requests) {
        const sent = await target.send(request);
        accepted += sent.accepted;
        refusals.push(...sent.refusals);
      }
    }),
  );
  return { accepted, refusals: refusals.sort((left, right) => left.line - right.line) };
}

function summaryText(accepted: number, refused: number, first: readonly Refusal[], seconds: number): string {
  const text = [
    `${accepted} events accepted, ${refused} lines refused, in ${seconds} s.`,
    ...first.map(
      ({ line, code, path, message }) => `  line ${line}: ${code}: ${path === '' ? '' : `${path}: `}${message}`,
    ),
    ...(refused > first.length ? [`  and ${refused - first.length} more; --rejects FILE keeps them all.`] : []),
    'Accepted events are in the log for good; those that the rules refuse when they are scored are "rejected" effects.',
  ];
  return `${text.join('\n')}\n`;
}
