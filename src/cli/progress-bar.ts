/** A bar on standard error while something long goes on; nothing where that is no terminal. */
import cliProgress from 'cli-progress';

/** `values` are what the format names in braces, beside what the bar knows itself. */
export function openBar(
  format: string,
  total: number,
  values: Readonly<Record<string, number>>,
): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar(
    { format, stream: process.stderr, hideCursor: true, noTTYOutput: false, etaBuffer: 50 },
    cliProgress.Presets.shades_classic,
  );
  bar.start(Math.max(1, total), 0, values);
  return bar;
}
