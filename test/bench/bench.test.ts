/** Every bench runs small, checks its own answer, and gives the figures it promises. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { BenchDocument } from '../../bench/harness.ts';

const run = promisify(execFile);
const PROMISED = [
  'fold.purchase',
  'fold.rich.purchase',
  'codec.batch.decode',
  'store.checkpoint',
  'pipeline.uniform',
  'pipeline.rich',
  'pipeline.zipf',
  'pipeline.single',
  'latency.push.p50',
  'latency.push.p99',
  'latency.bare.p50',
  'latency.bare.p99',
];

it('measures everything it promises, small', { timeout: 180_000 }, async () => {
  const { stdout } = await run('node', ['dist/bench/main.js', '--smoke', '--json'], { maxBuffer: 1_000_000 });
  const document = JSON.parse(stdout) as BenchDocument;
  expect(document).toMatchObject({ size: 'smoke', machine: { node: process.version }, commit: expect.any(String) });
  const byName = new Map(document.results.map((result) => [result.name, result]));
  for (const name of PROMISED) expect(byName.get(name)?.value, name).toBeGreaterThan(0);
  for (const { ratio, ceiling } of document.results) expect(ratio === undefined).toBe(ceiling === undefined);
});

it('refuses options it does not know', async () => {
  await expect(run('node', ['dist/bench/main.js', '--fast'])).rejects.toMatchObject({ code: 1 });
});
