/** Short load runs against a real engine, and against one that lies, so that the verdict is proven both ways. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type LoadOptions, type LoadReport, runLoad } from '../../load/run.ts';
import { removeFolder, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';

const folder = temporaryFolder();
let engine: TestEngine;
const options = (url: string): LoadOptions => ({
  url,
  eventsPerSecond: 100,
  seconds: 3,
  flat: false,
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

it.each([
  ['a wrong balance', /"available":(\d+)/, '"available":1$1', /was last shown with 1\d+ points, the oracle says \d+/],
  ['no update of what was accepted', /"version":\d+/g, '"version":1', /changes were never shown/],
])('fails when watchers are shown %s, though everybody says so', async (_, what, by, problem) => {
  const report = await throughLiar((said) => said.replace(what, by));
  expect(report.accepted).toBe(report.sent);
  expect(report.pass).toBe(false);
  expect(report.watcherProblems.join('\n')).toMatch(problem);
});

it('fails with a reason where there is no engine', async () => {
  const report = await runLoad(options('http://127.0.0.1:9'), () => {});
  expect(report.pass).toBe(false);
  expect(report.failureReasons[0]).toContain('cannot be reached');
});

/** A load run through a gateway that changes what the engine says of members, on sockets and in answers alike. */
async function throughLiar(lie: (said: string) => string): Promise<LoadReport> {
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '' } = request;
    const body = method === 'GET' ? {} : { body: await text(request), headers: { 'content-type': 'application/json' } };
    const answer = await fetch(`${engine.url()}${url}`, { method, ...body });
    const said = await answer.text();
    response.writeHead(answer.status).end(url.startsWith('/v1/members') ? lie(said) : said);
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    const upstream = new WebSocket(`${engine.url().replace('http', 'ws')}/v1/live`);
    const opened = once(upstream, 'open');
    socket.on('message', (said) => opened.then(() => upstream.send(String(said))));
    upstream.on('message', (said) => socket.send(lie(String(said))));
    socket.on('close', () => upstream.close());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    return await runLoad({ ...options(`http://127.0.0.1:${port}`), verify: false, waitScoredPercent: 0 }, () => {});
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
