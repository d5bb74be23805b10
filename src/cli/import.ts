/**
 * `tidemark import`: sends a file of events to a running engine, a block at a time.
 *
 * A member's events must reach the log in the order of the file, so a block is split into lanes by member, each lane is one
 * request, and the next block begins when all lanes of this one are durable. How far that has come is written beside the
 * file after every block; a block that is sent twice is recognised event by event.
 */
import { createReadStream, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable, Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import cliProgress from 'cli-progress';
import { toError } from '../lib/assert.ts';
import { fnv1a32 } from '../lib/hash.ts';
import { EVENTS_PER_REQUEST_MAX, REQUEST_BYTES_MAX } from '../limits.ts';
import { readRunning } from './data-folder.ts';
import { UsageError } from './options.ts';

export const IMPORT_HELP = `Usage: tidemark import FILE [options]

Sends events to a running engine: JSON Lines, one event a line, plain or .gz; "-" reads standard input.
An interrupted import goes on where it stopped when it is started again; nothing counts twice.

Options:
  --url URL        Engine to send to [default: the one running on --data, else http://127.0.0.1:8080]
  --data FOLDER    Data folder of the engine [default ./data]
  --rejects FILE   Write lines that were refused there, with number and reason, as JSON Lines
  --restart        Begin at the first line though an earlier import was interrupted
  --json           Print the summary as JSON

Exit codes: 0 all lines accepted, 3 some refused, 1 the engine could not be reached.
`;

const SOME_REFUSED = 3;
/** Requests on the way at once. */
const LANES = 4;
const RETRY_MS = 500;
/** An engine that is away is waited for: it may be restarting. */
const GIVE_UP_AFTER_MS = 120_000;
const REJECTS_SHOWN = 10;
/** Room for brackets and commas. */
const LANE_BYTES_MAX = REQUEST_BYTES_MAX - 4 * EVENTS_PER_REQUEST_MAX;

interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

interface Reject {
  readonly line: number;
  readonly code: string;
  readonly message: string;
  readonly path: string;
}

interface Progress {
  /** Lines before and including this one are done. */
  readonly line: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Size of the file when it was begun: another file of the same name starts anew. */
  readonly fileBytes: number;
}

/** As `POST /v1/events` answers. */
interface EventsAnswer {
  readonly accepted?: readonly unknown[];
  readonly rejected?: readonly {
    readonly index: number;
    readonly code: string;
    readonly message: string;
    readonly path: string;
  }[];
  readonly error?: { readonly code: string; readonly message: string };
}

export async function importEvents(args: readonly string[]): Promise<number> {
  const { file, url, rejectsFile, restart, json } = parseImportArgs(args);
  const fromStdin = file === '-';
  const fileBytes = fromStdin ? 0 : sizeOf(file);
  const progressFile = `${resolve(file)}.import-progress.json`;
  if (restart && !fromStdin) rmSync(progressFile, { force: true });
  let progress = (fromStdin ? undefined : readProgress(progressFile, fileBytes)) ?? {
    line: 0,
    accepted: 0,
    rejected: 0,
    fileBytes,
  };
  if (progress.line > 0) process.stderr.write(`Going on after line ${progress.line} (--restart begins anew).\n`);

  const rejects: Reject[] = [];
  if (rejectsFile !== undefined && progress.line === 0) writeFileSync(rejectsFile, '');
  const bytesRead = { count: 0 };
  const bar = openBar(fileBytes);
  const startMs = performance.now();
  const startLine = progress.line;
  for await (const block of blocksOf(openLines(file, bytesRead), progress.line)) {
    const answers = await Promise.all(lanesOf(block).map((lane) => sendLane(url, lane)));
    const refused = answers.flatMap((answer) => answer.rejected).sort((left, right) => left.line - right.line);
    if (rejectsFile !== undefined && refused.length > 0) {
      writeFileSync(rejectsFile, refused.map((reject) => `${JSON.stringify(reject)}\n`).join(''), { flag: 'a' });
    }
    if (rejects.length < REJECTS_SHOWN) rejects.push(...refused.slice(0, REJECTS_SHOWN - rejects.length));
    progress = {
      fileBytes,
      line: (block.at(-1) as Line).number,
      accepted: progress.accepted + answers.reduce((sum, { accepted }) => sum + accepted, 0),
      rejected: progress.rejected + refused.length,
    };
    if (!fromStdin) writeProgress(progressFile, progress);
    const rate = Math.round((progress.line - startLine) / ((performance.now() - startMs) / 1000));
    bar.update(Math.min(bytesRead.count, fileBytes), { lines: progress.line, rate });
  }
  bar.stop();
  if (!fromStdin) rmSync(progressFile, { force: true });

  const seconds = (performance.now() - startMs) / 1000;
  const summary = {
    lines: progress.line,
    accepted: progress.accepted,
    rejected: progress.rejected,
    seconds: Number(seconds.toFixed(1)),
  };
  if (json) process.stdout.write(`${JSON.stringify({ ...summary, rejects })}\n`);
  else {
    process.stdout.write(
      `${summary.accepted} events accepted, ${summary.rejected} lines refused, in ${summary.seconds} s.\n`,
    );
    for (const { line, code, path, message } of rejects)
      process.stdout.write(`  line ${line}: ${code}: ${path === '' ? '' : `${path}: `}${message}\n`);
    if (progress.rejected > rejects.length)
      process.stdout.write(`  and ${progress.rejected - rejects.length} more; --rejects FILE keeps them all.\n`);
  }
  return progress.rejected > 0 ? SOME_REFUSED : 0;
}

interface ImportArgs {
  readonly file: string;
  readonly url: string;
  readonly rejectsFile: string | undefined;
  readonly restart: boolean;
  readonly json: boolean;
}

function parseImportArgs(args: readonly string[]): ImportArgs {
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

function sizeOf(file: string): number {
  return statSync(file).size;
}

function readProgress(path: string, fileBytes: number): Progress | undefined {
  if (!existsSync(path)) return undefined;
  const progress = JSON.parse(readFileSync(path, 'utf8')) as Progress;
  return progress.fileBytes === fileBytes ? progress : undefined;
}

/** Renamed into place, so that a crash leaves the old progress or the new, never half of one. */
function writeProgress(path: string, progress: Progress): void {
  writeFileSync(`${path}.new`, JSON.stringify(progress));
  renameSync(`${path}.new`, path);
}

/** Progress is counted in bytes of the file as it lies on disk, which are known beforehand even where it is compressed. */
function openLines(file: string, bytesRead: { count: number }): Readable {
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytesRead.count += chunk.length;
      done(null, chunk);
    },
  });
  const source = file === '-' ? process.stdin : createReadStream(file);
  const failOver = (error: Error): void => void counting.destroy(error);
  source.on('error', failOver).pipe(counting);
  if (!file.endsWith('.gz')) return counting;
  const gunzip = createGunzip();
  counting.on('error', (error) => gunzip.destroy(error));
  return counting.pipe(gunzip);
}

function openBar(fileBytes: number): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar(
    {
      format:
        fileBytes === 0
          ? '{lines} lines  {rate}/s'
          : '{bar} {percentage}%  {lines} lines  {rate}/s  ETA {eta_formatted}',
      stream: process.stderr,
      hideCursor: true,
      noTTYOutput: false,
      etaBuffer: 50,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(Math.max(1, fileBytes), 0, { lines: 0, rate: 0 });
  return bar;
}

/** Lines after `doneLine`, as many at a time as the lanes can carry. Blank lines are passed over. */
async function* blocksOf(source: Readable, doneLine: number): AsyncGenerator<Line[]> {
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
  let block: Line[] = [];
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (number <= doneLine || text.trim() === '') continue;
    block.push({ number, text });
    if (block.length < LANES * (EVENTS_PER_REQUEST_MAX / 2)) continue;
    yield block;
    block = [];
  }
  if (block.length > 0) yield block;
}

/** Requests that may go at once: each member's lines are in one lane, in order. */
function lanesOf(block: readonly Line[]): Line[][] {
  const lanes: Line[][] = Array.from({ length: LANES }, () => []);
  for (const line of block) {
    const memberId = /"memberId"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(line.text)?.[1] ?? '';
    (lanes[fnv1a32(memberId) % LANES] as Line[]).push(line);
  }
  return lanes.filter((lane) => lane.length > 0);
}

interface LaneResult {
  readonly accepted: number;
  readonly rejected: readonly Reject[];
}

async function sendLane(url: string, lane: readonly Line[]): Promise<LaneResult> {
  const rejected: Reject[] = [];
  let accepted = 0;
  for (const part of requestsOf(lane, rejected)) {
    const answer = await post(url, `[${part.map(({ text }) => text).join(',')}]`);
    accepted += answer.accepted?.length ?? 0;
    for (const { index, code, message, path } of answer.rejected ?? []) {
      rejected.push({ line: part[index]?.number ?? 0, code, message, path });
    }
  }
  return { accepted, rejected };
}

/** Splits a lane by the limits of a request; lines that are no JSON are refused here, since they would spoil their neighbours. */
function requestsOf(lane: readonly Line[], rejected: Reject[]): Line[][] {
  const requests: Line[][] = [];
  let current: Line[] = [];
  let bytes = 0;
  for (const line of lane) {
    const lineBytes = Buffer.byteLength(line.text);
    const problem = lineBytes > LANE_BYTES_MAX ? 'the line is longer than a request may be' : jsonProblem(line.text);
    if (problem !== undefined) {
      rejected.push({ line: line.number, code: 'invalid_json', message: problem, path: '' });
      continue;
    }
    if (current.length >= EVENTS_PER_REQUEST_MAX || bytes + lineBytes > LANE_BYTES_MAX) {
      requests.push(current);
      current = [];
      bytes = 0;
    }
    current.push(line);
    bytes += lineBytes;
  }
  if (current.length > 0) requests.push(current);
  return requests;
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return toError(error).message;
  }
}

/** Sends until the engine takes it. A 400 is an answer too: it lists what is wrong with each event. */
async function post(url: string, body: string): Promise<EventsAnswer> {
  const startMs = performance.now();
  for (;;) {
    let problem: string;
    try {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const answer = (await response.json()) as EventsAnswer;
      if (answer.rejected !== undefined) return answer;
      problem = `${response.status} ${answer.error?.code}: ${answer.error?.message}`;
      if (response.status < 500) throw new UsageError(`The engine refused the request: ${problem}`);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      problem = toError(error).message;
    }
    if (performance.now() - startMs > GIVE_UP_AFTER_MS) {
      throw new Error(
        `The engine at ${url} did not take events for ${GIVE_UP_AFTER_MS / 1000} s (${problem}). Run the import again to go on.`,
      );
    }
    await sleep(RETRY_MS);
  }
}
