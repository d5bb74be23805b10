import { errors } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { member, purchase, type Rig, startRig, until } from './harness.ts';

let rig: Rig;
const broker = { isSlow: false };

beforeAll(async () => {
  rig = await startRig({
    timings: { leaseRenewMs: 3_600_000, askAgainMs: 50, queryTimeoutMs: 1_000 },
    program: {
      current: async () => {
        if (broker.isSlow) throw new errors.TimeoutError();
        return undefined;
      },
      put: async () => {
        throw new errors.TimeoutError();
      },
    },
  });
});

afterAll(() => rig.stop());

const codeOf = (body: Readonly<Record<string, unknown>>): unknown =>
  (body['error'] as { code?: unknown } | undefined)?.code;

it('answers 503 while the broker is away, heals live views when it is back, and takes events again', async () => {
  rig.owner.members.set('1', member('1', 1));
  const client = await rig.live();
  client.say({ subscribe: 'member:1' });
  expect(await client.next()).toMatchObject({ type: 'snapshot', version: 1 });

  await rig.server.kill();
  await until(() => rig.owner.nc.info === undefined);
  for (const path of ['/v1/events', '/v1/events?wait=scored']) {
    await until(() => rig.owner.nc.info === undefined);
    const { status, body, headers } = await rig.api.post(path, [purchase('down', '1')]);
    expect([status, codeOf(body), headers.get('retry-after')]).toEqual([503, 'log_unavailable', '1']);
    expect(body['accepted']).toBeUndefined();
  }
  for (const path of ['/v1/members/1', '/v1/members/1/ledger']) {
    const { status, body, headers } = await rig.api.get(path);
    expect([status, codeOf(body), headers.get('retry-after')]).toEqual([503, 'not_ready', '1']);
  }
  expect((await rig.api.post('/v1/preview', purchase('down', '1'))).status).toBe(503);
  expect((await rig.api.get('/healthz')).status).toBe(200);

  // Changed while nobody could be told.
  rig.owner.members.set('1', member('1', 7));
  await rig.server.restart();
  await until(() => rig.owner.nc.info !== undefined);
  expect(await client.next()).toMatchObject({ type: 'update', version: 7 });
  rig.owner.push(member('1', 8));
  expect(await client.next()).toMatchObject({ type: 'update', version: 8 });
  expect((await rig.api.post('/v1/events?wait=scored', [purchase('up', '1')])).status).toBe(200);
});

it('does not claim that events are stored when the broker stalls', async () => {
  await rig.server.pause();
  const { status, body } = await rig.api.post('/v1/events', [purchase('stalled', '1')]);
  rig.server.resume();
  expect([status, codeOf(body)]).toEqual([503, 'log_unavailable']);
  expect(String((body['error'] as { message: string }).message)).toContain('Resend the whole request');
});

it('answers 503 when the program cannot be read or written in time', async () => {
  broker.isSlow = true;
  const read = await rig.api.get('/v1/program');
  expect([read.status, codeOf(read.body)]).toEqual([503, 'not_ready']);
  const written = await rig.api.call('PUT', '/v1/program', { body: 'x', headers: { 'content-type': 'text/yaml' } });
  expect([written.status, codeOf(written.body)]).toEqual([503, 'log_unavailable']);
});

it('has seen the answers that http.test.ts cannot', () => {
  expect(rig.api.seen).toContain('post /v1/events 503');
  expect(rig.api.seen).toContain('get /v1/program 503');
});
