/** The bounds that are too high to reach in a test, made low. */
import { connect as connectTcp, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CLOSE_CODES } from '../../src/gateway/close-codes.ts';
import { LiveClient, purchase, type Rig, startRig, until } from './harness.ts';

vi.mock('../../src/limits.ts', async (original: () => Promise<object>) => ({
  ...(await original()),
  QUERIES_IN_FLIGHT_MAX: 2,
  SOCKETS_MAX: 2,
  BODY_BYTES_IN_FLIGHT_MAX: 100_000,
}));

let rig: Rig;

beforeAll(async () => {
  rig = await startRig({ timings: { queryTimeoutMs: 2_000, leaseRenewMs: 3_600_000 } });
});

afterAll(() => rig.stop());

const codeOf = (body: Readonly<Record<string, unknown>>): unknown =>
  (body['error'] as { code?: unknown } | undefined)?.code;

it('refuses questions when too many wait for an answer', async () => {
  rig.owner.override = null;
  const answers = await Promise.all(Array.from({ length: 5 }, () => rig.api.get('/v1/members/1')));
  expect(answers.map(({ body }) => codeOf(body)).sort()).toEqual([
    ...new Array(3).fill('overloaded'),
    ...new Array(2).fill('query_timeout'),
  ]);
  rig.owner.override = undefined;
  expect(codeOf((await rig.api.get('/v1/members/1')).body)).toBe('member_not_found');
});

it('refuses to wait for scores when too many do', async () => {
  rig.owner.answersScored = false;
  const post = (id: string) => rig.api.post('/v1/events?wait=scored&deadlineMs=2000', purchase(id, '1'));
  const waiting = [post('a'), post('b')];
  await until(() => rig.owner.replyTos.length === 2);
  const refused = await post('c');
  expect([refused.status, codeOf(refused.body), refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
  // It was refused before anything was stored.
  expect(rig.owner.replyTos.length).toBe(2);
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(504);
  rig.owner.answersScored = true;
  expect((await post('d')).status).toBe(200);
});

it('turns sockets away when there are too many, and takes new ones when some have left', async () => {
  const first = await rig.live();
  await rig.live();
  const third = new LiveClient(rig.gateway.url);
  const { code, reason } = CLOSE_CODES.too_many_sockets;
  expect(await third.closed).toEqual({ code, reason });
  expect(rig.counters.open).toBe(2);
  first.kill();
  await until(() => rig.counters.open === 1);
  const fourth = await rig.live();
  fourth.say('"stats"');
  expect(await fourth.next()).toMatchObject({ type: 'snapshot' });
});

it('refuses bodies when too many are being received, and takes them when the others are done or gone', async () => {
  const head = 'POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n';
  const slow: Socket = connectTcp(rig.gateway.port, '127.0.0.1');
  await new Promise<void>((resolve) => slow.write(head + ' '.repeat(60_000), () => resolve()));
  const text = JSON.stringify(purchase('big', '1')) + ' '.repeat(60_000);
  let answer = await rig.api.post('/v1/events', text);
  // The slow body may not have reached the server yet.
  for (; answer.status === 202; answer = await rig.api.post('/v1/events', text));
  expect([answer.status, codeOf(answer.body)]).toEqual([503, 'overloaded']);
  slow.destroy();
  for (; answer.status === 503; answer = await rig.api.post('/v1/events', text));
  expect(answer.status).toBe(202);
});
