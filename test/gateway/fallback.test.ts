/** The plain JavaScript stand-in that takes over where uWebSockets.js has no binary. Must be chosen before it is loaded. */
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { IS_NATIVE } from '../../src/gateway/uws.ts';
import { member, purchase, type Rig, startRig, until } from './harness.ts';

vi.hoisted(() => {
  process.env['UWS_USE_FALLBACK'] = '1';
});

let rig: Rig;

beforeAll(async () => {
  rig = await startRig({ timings: { leaseRenewMs: 3_600_000, sweepMs: 10 } });
});

afterAll(async () => {
  await rig.stop();
  delete process.env['UWS_USE_FALLBACK'];
});

it('is what runs here', () => expect(IS_NATIVE).toBe(false));

it('serves HTTP: queries, bodies, errors, HEAD', async () => {
  rig.owner.members.set('a.b*c>', member('a.b*c>', 3));
  expect((await rig.api.get('/v1/members/a.b*c%3E?asOf=2026-11-22T10:15:00Z')).body).toEqual(member('a.b*c>', 3));
  expect((await rig.api.post('/v1/events?wait=scored', [purchase('a', '1'), purchase('b', '2')])).status).toBe(200);
  expect((await rig.api.post('/v1/events', '[1, 2')).status).toBe(400);
  expect((await rig.api.post('/v1/events', ' '.repeat(2_000_000))).status).toBe(413);
  expect((await rig.api.call('DELETE', '/healthz')).status).toBe(405);
  expect((await rig.api.get('/nowhere')).status).toBe(404);
  const head = await rig.api.call('HEAD', '/healthz');
  expect([head.status, head.text, head.headers.get('content-length')]).toEqual([200, '', '15']);
  // The stand-in reports the end of each request as an abort.
  expect(rig.counters.requests.filter(({ status }) => status === 499)).toEqual([]);
});

it('serves the live view, and a socket that was slow catches up without drain events', async () => {
  const padding = 'x'.repeat(100_000);
  const client = await rig.live();
  rig.owner.members.set('1', member('1', 1));
  client.say({ subscribe: 'member:1' });
  expect(await client.next()).toMatchObject({ type: 'snapshot', version: 1 });
  client.ws.pause();
  let version = 1;
  await until(() => {
    for (let count = 0; count < 20; count++) rig.owner.push(member('1', ++version, 1, padding));
    return rig.counters.conflated > 0;
  });
  client.ws.resume();
  await until(() => client.frames.at(-1)?.version === version);
  expect(client.frames.length).toBeLessThan(version);
});

it('survives a client that breaks the WebSocket protocol, and upgrades to other addresses', async () => {
  const upgrade = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
  const elsewhere = connectTcp(rig.gateway.port, '127.0.0.1', () => elsewhere.write(upgrade('/elsewhere')));
  await new Promise<void>((resolve) =>
    elsewhere
      .resume()
      .on('error', () => undefined)
      .on('close', () => resolve()),
  );
  const before = rig.counters.open;
  const socket = connectTcp(rig.gateway.port, '127.0.0.1', () => socket.write(upgrade('/v1/live')));
  const closed = new Promise<void>((resolve) =>
    socket
      .resume()
      .on('error', () => undefined)
      .on('close', () => resolve()),
  );
  await until(() => rig.counters.open === before + 1);
  // An unmasked frame with a reserved opcode.
  socket.write(Buffer.from([0xff, 0x01, 0x00]));
  await closed;
  await until(() => rig.counters.open === before);
  expect((await rig.api.get('/healthz')).status).toBe(200);
});
