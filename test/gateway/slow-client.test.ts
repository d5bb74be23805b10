/** Sockets that do not read. Frames are large, so that the kernel's buffers fill before the test is old. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLOSE_CODES } from '../../src/gateway/close-codes.ts';
import { type LiveClient, member, names, type Rig, startRig, until } from './harness.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig({ timings: { leaseRenewMs: 3_600_000 } });
});

afterAll(() => rig.stop());

const PADDING = 'x'.repeat(100_000);
const UPDATES = 300;

const versionsOf = (client: LiveClient, topic: string): number[] =>
  client.frames.filter((frame) => frame.topic === topic).map(({ version }) => version ?? -1);

it('gets the latest state of each topic once it reads again, not a backlog', async () => {
  const [slow, quick] = [await rig.live(), await rig.live()];
  for (const id of ['a', 'b']) {
    rig.owner.members.set(id, member(id, 1));
    for (const client of [slow, quick]) client.say({ subscribe: `member:${id}` });
  }
  for (const client of [slow, quick]) await until(() => client.frames.length === 2);
  slow.ws.pause();
  for (let version = 2; version <= UPDATES; version++) {
    for (const id of ['a', 'b']) rig.owner.push(member(id, version, version, PADDING));
    // The quick client must not fall behind: the test's own thread serves all of them.
    await until(() => versionsOf(quick, 'member:b').at(-1) === version);
  }
  expect(rig.counters.conflated).toBeGreaterThan(0);
  slow.ws.resume();
  for (const id of ['a', 'b']) {
    await until(() => versionsOf(slow, `member:${id}`).at(-1) === UPDATES, 'the latest state');
    const versions = versionsOf(slow, `member:${id}`);
    expect(versions.length).toBeLessThan(UPDATES);
    expect(versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? 0))).toBe(true);
    expect(versionsOf(quick, `member:${id}`)).toEqual(Array.from({ length: UPDATES }, (_, index) => index + 1));
  }
  expect(rig.counters.closed).toEqual([]);
});

it('misses figures instead of holding them up', async () => {
  const [slow, quick] = [await rig.live(), await rig.live()];
  for (const client of [slow, quick]) {
    client.say({ subscribe: 'stats' });
    await client.next();
  }
  slow.ws.pause();
  const { conflated } = rig.counters;
  const figures = JSON.stringify({ padding: PADDING });
  for (let sent = 1; sent <= UPDATES; sent++) {
    rig.owner.nc.publish(names.stats, figures);
    await until(() => quick.frames.length === sent + 1);
  }
  expect(rig.counters.dropped).toBeGreaterThan(0);
  expect(rig.counters.conflated).toBe(conflated);
  slow.ws.resume();
  // It may miss the last one too, but not the one after it has caught up.
  await until(() => {
    rig.owner.nc.publish(names.stats, '{"last":true}');
    return slow.frames.some(({ data }) => JSON.stringify(data) === '{"last":true}');
  });
  expect(slow.frames.filter(({ data }) => JSON.stringify(data) !== '{"last":true}').length).toBeLessThan(UPDATES);
});

it('is closed if it keeps asking and never reads', async () => {
  rig.owner.members.set('big', member('big', 1, 1, PADDING));
  const client = await rig.live();
  client.say({ subscribe: 'member:big' });
  await client.next();
  client.ws.pause();
  await until(() => {
    client.say({ subscribe: 'member:big' });
    return rig.counters.closed.includes('slow');
  }, 'the close');
  client.ws.resume();
  expect(await client.closed).toEqual({ code: CLOSE_CODES.slow.code, reason: CLOSE_CODES.slow.reason });
});
