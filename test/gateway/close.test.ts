import { connect as connectTcp } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startGateway } from '../../src/gateway/gateway.ts';
import { encodeScored } from '../../src/wire/query.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { member, names, outcome, PARTITIONS, purchase, type Rig, type RigOptions, startRig, until } from './harness.ts';

let rig: Rig;

afterEach(() => rig.stop());

async function start(options: RigOptions = {}): Promise<void> {
  rig = await startRig(options);
}

/** A request that waits until the owner answers. */
async function waitingRequest(query = ''): Promise<{ answer: Promise<{ status: number }>; replyTo: string }> {
  rig.owner.answersScored = false;
  const answer = rig.api.post(`/v1/events?wait=scored${query}`, purchase('w1', '1'));
  await until(() => rig.owner.replyTos.length === 1);
  return { answer, replyTo: String(rig.owner.replyTos[0]) };
}

it('lets running requests end, sends live clients elsewhere and takes nobody new', async () => {
  await start();
  const client = await rig.live();
  client.say({ subscribe: 'member:1' });
  await client.next();
  const { answer, replyTo } = await waitingRequest('&deadlineMs=30000');
  const closing = rig.gateway.close();
  expect(await client.closed).toEqual({ code: 1001, reason: 'server is shutting down' });
  await expect(fetch(`${rig.gateway.url}/healthz`)).rejects.toThrow();
  rig.owner.nc.publish(replyTo, encodeScored({ sequence: 1, outcomes: [outcome('w1', '1')] }));
  expect((await answer).status).toBe(200);
  await closing;
});

it('tells requests that still wait at the deadline', async () => {
  await start({ timings: { closeDeadlineMs: 50 } });
  const { answer } = await waitingRequest('&deadlineMs=30000');
  await rig.gateway.close();
  expect((await answer).status).toBe(504);
});

it('refuses what comes over connections that are open still', async () => {
  await start();
  const { answer, replyTo } = await waitingRequest('&deadlineMs=30000');
  const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  let text = '';
  const socket = connectTcp(rig.gateway.port, '127.0.0.1', () => socket.write(request));
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await until(() => text.includes('{"status":"ok"}'));
  text = '';
  const closing = rig.gateway.close();
  socket.write(request);
  await ended;
  expect(text).toMatch(/^HTTP\/1\.1 503 /);
  expect(text).toContain('shutting_down');
  rig.owner.nc.publish(replyTo, encodeScored({ sequence: 1, outcomes: [outcome('w1', '1')] }));
  expect((await answer).status).toBe(200);
  await closing;
});

it('lets go of every subscription but not of the connection, and may be asked twice', async () => {
  await start();
  rig.owner.members.set('1', member('1', 1));
  const client = await rig.live();
  for (const topic of ['member:1', 'stats', 'feed']) {
    client.say({ subscribe: topic });
    await client.next();
  }
  const { answer, replyTo } = await waitingRequest('&deadlineMs=1');
  await answer;
  const live = names.live(partitionOf('1', PARTITIONS), '1');
  const subjects = [names.stats, names.feed, names.owners, replyTo, live];
  await Promise.all([rig.gateway.close(), rig.gateway.close()]);
  await rig.deps.nc.flush();
  for (const subject of subjects) {
    // Nobody listens: the server says so itself.
    await expect(rig.owner.nc.request(subject, '', { timeout: 5_000 })).rejects.toThrow(/no responders/i);
  }
});

it('says so if it cannot listen', async () => {
  await start();
  await expect(startGateway({ ...rig.deps, port: rig.gateway.port })).rejects.toThrow(/cannot listen on 127\.0\.0\.1/);
});
