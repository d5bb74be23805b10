/** A short load run against a real engine, with its verdict proven both ways. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoadOptions, runLoad } from '../../load/run.ts';
import { removeFolder, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';

const folder = temporaryFolder();
let engine: TestEngine;
const options = (url: string): LoadOptions => ({
  url,
  eventsPerSecond: 100,
  seconds: 3,
  members: 200,
  watchers: 5,
  waitScoredPercent: 20,
  seed: 7,
  verify: true,
});

beforeAll(async () => {
  engine = await startEngine(folder);
}, 90_000);

afterAll(async () => {
  await engine.stop();
  removeFolder(folder);
});

it('passes on an engine that does its work: all accepted, watchers right, oracle agrees', async () => {
  const report = await runLoad(options(engine.url()), () => {});
  expect(report.failureReasons).toEqual([]);
  expect(report.pass).toBe(true);
  expect(report.accepted).toBe(report.sent);
  expect(report.verified?.members).toBeGreaterThan(20);
  expect(report.latencyMs.pushed.count).toBeGreaterThan(0);
  expect(report.latencyMs.scored.count).toBeGreaterThan(20);
});

it('fails with a reason where there is no engine', async () => {
  const report = await runLoad(options('http://127.0.0.1:9'), () => {});
  expect(report.pass).toBe(false);
  expect(report.failureReasons[0]).toContain('cannot be reached');
});
