/** What a run looks like while it goes on: a block that is redrawn on a terminal, a line now and then elsewhere. */
import type { WriteStream } from 'node:tty';
import type { LatencyKind, LoadOptions, LoadProgress } from './run.ts';

/** Seconds that the bars show. */
const HISTORY = 40;
const BARS = '\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588';
const KINDS: readonly LatencyKind[] = ['accepted', 'scored', 'pushed'];

type Output = Pick<WriteStream, 'write' | 'isTTY'>;

/** Returns what takes the progress, once a second. */
export function openView(output: Output, options: LoadOptions): (progress: LoadProgress) => void {
  const rates: number[] = [];
  let before: LoadProgress | undefined;
  let drawn = 0;
  return (progress) => {
    const seconds = progress.elapsedSeconds - (before?.elapsedSeconds ?? 0);
    if (seconds > 0) rates.push((progress.accepted - (before?.accepted ?? 0)) / seconds);
    before = progress;
    if (!output.isTTY) {
      output.write(`${plainLine(progress)}\n`);
      return;
    }
    const lines = block(progress, options, rates.slice(-HISTORY));
    output.write(`${drawn === 0 ? '' : `\x1b[${drawn}A`}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    drawn = lines.length;
  };
}

function plainLine({ elapsedSeconds, sent, accepted, inFlight, errors, latencyMs }: LoadProgress): string {
  const latencies = KINDS.map(
    (kind) => `${kind} p50 ${latencyMs[kind].p50 ?? '-'} p99 ${latencyMs[kind].p99 ?? '-'} ms`,
  );
  return `${elapsedSeconds.toFixed(0)} s  sent ${sent}  accepted ${accepted}  in flight ${inFlight}  errors ${errors}  ${latencies.join('  ')}`;
}

function block(progress: LoadProgress, options: LoadOptions, rates: readonly number[]): string[] {
  const { elapsedSeconds, sent, accepted, inFlight, errors, latencyMs } = progress;
  const done = Math.min(1, elapsedSeconds / options.seconds);
  const width = 30;
  const filled = Math.round(done * width);
  const rate = rates.at(-1) ?? 0;
  return [
    `  [${'='.repeat(filled)}${' '.repeat(width - filled)}] ${elapsedSeconds.toFixed(0)} of ${options.seconds} s`,
    `  ${Math.round(rate)} events/s, ${options.eventsPerSecond} on average  ${bars(rates)}`,
    `  sent ${sent}   accepted ${accepted}   in flight ${inFlight}   errors ${errors}`,
    `  ${'ms'.padEnd(10)}${['p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => name.padStart(9)).join('')}`,
    ...KINDS.map((kind) => {
      const { p50, p90, p99, p999, max } = latencyMs[kind];
      return `  ${kind.padEnd(10)}${[p50, p90, p99, p999, max].map((value) => `${value ?? '-'}`.padStart(9)).join('')}`;
    }),
  ];
}

/** A column a second, full at the highest of them. */
function bars(rates: readonly number[]): string {
  const full = Math.max(1, ...rates);
  return rates.map((rate) => BARS[Math.min(BARS.length - 1, Math.floor((rate / full) * BARS.length))] ?? ' ').join('');
}
