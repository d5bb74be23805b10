/** `npm run bench [-- NAME ...] [-- --json] [-- --smoke]`. */
import { availableParallelism } from 'node:os';
import { type BenchResult, documentOf, type Size } from './harness.ts';
import { PIPELINES, pipelineBench } from './pipeline.ts';

const args = process.argv.slice(2);
const json = args.includes('--json');
const size: Size = args.includes('--smoke') ? 'smoke' : 'full';
const wanted = args.filter((arg) => !arg.startsWith('--'));
const say = (line: string): void => void process.stderr.write(`${line}\n`);
if (availableParallelism() < 2) say('warning: fewer than two cores; figures will say little');
const results: BenchResult[] = [];
const pipelines = PIPELINES.filter((name) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)));
results.push(...(await pipelineBench({ size, say }, pipelines)));
const document = documentOf(size, results);
process.stdout.write(
  json
    ? `${JSON.stringify(document)}\n`
    : `${results.map((r) => `${r.name} ${r.value} ${r.unit} ratio ${r.ratio ?? ''}`).join('\n')}\n`,
);
process.exit(0);
