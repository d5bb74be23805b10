/** `npm run bench [-- NAME ...] [-- --json] [-- --smoke]`: runs the benches whose names begin so, or all of them. */
import { availableParallelism } from 'node:os';
import { checkpointBench } from './checkpoint.ts';
import { codecBench } from './codec.ts';
import { foldBench } from './fold.ts';
import { type Bench, type BenchContext, type BenchResult, documentOf, type Size } from './harness.ts';
import { latencyBench } from './latency.ts';
import { PIPELINES, pipelineBench } from './pipeline.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  fold: foldBench,
  codec: codecBench,
  store: checkpointBench,
  ...Object.fromEntries(PIPELINES.map((name) => [name, (context: BenchContext) => pipelineBench(context, [name])])),
  latency: latencyBench,
};

/** Workers, gateway and broker beside each other. */
const CORES_WANTED = 2;

async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const size: Size = args.includes('--smoke') ? 'smoke' : 'full';
  const unknown = args.filter((arg) => arg.startsWith('--') && arg !== '--json' && arg !== '--smoke');
  if (unknown.length > 0)
    throw new Error(
      `unknown option ${unknown.join(', ')}; known are --json, --smoke and names: ${Object.keys(BENCHES).join(', ')}`,
    );
  const wanted = args.filter((arg) => !arg.startsWith('--'));
  const absent = wanted.filter((prefix) => !Object.keys(BENCHES).some((name) => name.startsWith(prefix)));
  if (absent.length > 0) {
    throw new Error(`no bench is called ${absent.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`);
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  if (availableParallelism() < CORES_WANTED) say(`warning: ${CORES_WANTED} cores are wanted; these figures say little`);
  const results: BenchResult[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (wanted.length > 0 && !wanted.some((prefix) => name.startsWith(prefix))) continue;
    const measured = await bench({ size, say });
    results.push(...measured);
    if (!json) for (const one of measured) process.stdout.write(`${line(one)}\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify(documentOf(size, results))}\n`);
}

function line({ name, value, unit, ceiling, ratio }: BenchResult): string {
  const beside = ceiling === undefined ? '' : `   ceiling ${ceiling}, ratio ${ratio}`;
  return `${name.padEnd(22)} ${`${value}`.padStart(10)} ${unit}${beside}`;
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  },
);
