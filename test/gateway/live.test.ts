import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CLOSE_CODES } from '../../src/gateway/close-codes.ts';
import { SOCKET_ERRORS_MAX, SOCKET_MESSAGE_BYTES_MAX, SUBSCRIPTIONS_PER_SOCKET_MAX } from '../../src/limits.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { EPOCH, type LiveClient, member, names, PARTITIONS, type Rig, startRig, until } from './harness.ts';

let rig: Rig;
const clients: LiveClient[] = [];

beforeAll(async () => {
  // Renewals come only when a test makes them: an hour is for ever here.
  rig = await startRig({ timings: { leaseRenewMs: 3_600_000, askAgainMs: 50, queryTimeoutMs: 1_000 } });
});

afterAll(() => rig.stop());

afterEach(async () => {
  rig.owner.override = undefined;
  rig.owner.epoch = EPOCH;
  rig.owner.own();
  await rig.owner.settle();
  for (const client of clients.splice(0)) client.kill();
  await until(() => rig.counters.open === 0);
});

async function join(): Promise<LiveClient> {
  const client = await rig.live();
  clients.push(client);
  return client;
}

/** Joins and has read the member's first frame. */
async function watcherOf(id: string, version: number): Promise<LiveClient> {
  rig.owner.members.set(id, member(id, version));
  const client = await join();
  client.say({ subscribe: `member:${id}` });
  expect(await client.next()).toMatchObject({ type: 'snapshot', version });
  return client;
}

describe('a watched member', () => {
  it('is shown as a snapshot, then with every change', async () => {
    const client = await watcherOf('m1', 5);
    expect(client.frames[0]).toEqual({
      type: 'snapshot',
      topic: 'member:m1',
      epoch: EPOCH,
      version: 5,
      data: member('m1', 5),
    });
    rig.counters.pushes.length = 0;
    rig.owner.push(member('m1', 6), 1_790_000_000_123.75);
    expect(await client.next()).toEqual({
      type: 'update',
      topic: 'member:m1',
      epoch: EPOCH,
      version: 6,
      data: member('m1', 6),
    });
    // Who comes later gets a state that is old, which is no slow push.
    const later = await join();
    later.say({ subscribe: 'member:m1' });
    expect(await later.next()).toMatchObject({ type: 'snapshot', version: 6 });
    expect(rig.counters.pushes).toEqual([1_790_000_000_123.75]);
  });

  it('is asked for once, however many watch it, and all see the same', async () => {
    const first = await watcherOf('m2', 1);
    const others = await Promise.all(Array.from({ length: 5 }, () => join()));
    for (const other of others) other.say({ subscribe: 'member:m2' });
    for (const other of others) expect(await other.next()).toMatchObject({ type: 'snapshot', version: 1 });
    expect(rig.owner.leasesAsked('m2')).toBe(1);
    rig.owner.push(member('m2', 2));
    for (const client of [first, ...others]) expect(await client.next()).toMatchObject({ type: 'update', version: 2 });
  });

  it('may have no events yet', async () => {
    const client = await join();
    client.say({ subscribe: 'member:later' });
    expect(await client.next()).toEqual({
      type: 'snapshot',
      topic: 'member:later',
      epoch: EPOCH,
      version: 0,
      data: null,
    });
    rig.owner.push(member('later', 3));
    expect(await client.next()).toMatchObject({ type: 'update', version: 3, data: { id: 'later' } });
    rig.owner.members.delete('later');
  });

  it('never goes back: old and repeated updates are not shown', async () => {
    const client = await watcherOf('m3', 10);
    for (const version of [9, 10, 12, 11, 12, 3, 14]) rig.owner.publish(member('m3', version));
    expect((await client.next()).version).toBe(12);
    expect((await client.next()).version).toBe(14);
    await client.expectQuiet();
  });

  it.each(['a.b*c>', 'Zoë 🦊', 'a b', '>', '*', 'x:y', 'ü'.repeat(64)])('may be called %j', async (id) => {
    const client = await watcherOf(id, 1);
    rig.owner.push(member(id, 2));
    expect(await client.next()).toMatchObject({ type: 'update', topic: `member:${id}`, version: 2 });
  });

  it('is let go with its last watcher', async () => {
    const first = await watcherOf('m4', 1);
    const second = await watcherOf('m4', 1);
    first.say({ unsubscribe: 'member:m4' });
    await first.expectQuiet();
    rig.owner.push(member('m4', 2));
    expect((await second.next()).version).toBe(2);
    await first.expectQuiet();
    second.kill();
    await until(() => rig.counters.open === 1);
    // Nobody watches, so an update goes nowhere and the next watcher asks anew.
    rig.owner.publish(member('m4', 99));
    await rig.owner.settle();
    const asked = rig.owner.leasesAsked('m4');
    const third = await watcherOf('m4', 3);
    expect(rig.owner.leasesAsked('m4')).toBe(asked + 1);
    expect(third.frames.length).toBe(1);
  });

  it('is not shown any more to a socket that unsubscribed', async () => {
    const client = await watcherOf('m5', 1);
    client.say({ unsubscribe: 'member:m5' });
    client.say({ unsubscribe: 'member:m5' });
    expect(await client.next()).toMatchObject({ type: 'error', code: 'not_subscribed', topic: 'member:m5' });
  });

  it('survives an update that cannot be read', async () => {
    const client = await watcherOf('m6', 1);
    rig.owner.nc.publish(names.live(partitionOf('m6', PARTITIONS), 'm6'), 'nonsense');
    rig.owner.push(member('m6', 2));
    expect((await client.next()).version).toBe(2);
  });
});

describe('resuming', () => {
  it('answers current to whoever has the latest state', async () => {
    await watcherOf('r1', 8);
    const client = await join();
    client.say({ subscribe: 'member:r1', epoch: EPOCH, version: 8 });
    expect(await client.next()).toEqual({ type: 'current', topic: 'member:r1', epoch: EPOCH, version: 8 });
    rig.owner.push(member('r1', 9));
    expect(await client.next()).toMatchObject({ type: 'update', version: 9 });
  });

  it('answers current also where nobody else watches', async () => {
    rig.owner.members.set('r2', member('r2', 4));
    const client = await join();
    client.say({ subscribe: 'member:r2', epoch: EPOCH, version: 4 });
    expect(await client.next()).toMatchObject({ type: 'current', version: 4 });
  });

  it('answers a snapshot to whoever is behind, or comes from another history', async () => {
    await watcherOf('r3', 8);
    const client = await join();
    client.say({ subscribe: 'member:r3', epoch: EPOCH, version: 7 });
    expect(await client.next()).toMatchObject({ type: 'snapshot', version: 8 });
    client.say({ subscribe: 'member:r3', epoch: 'another', version: 8 });
    expect(await client.next()).toMatchObject({ type: 'snapshot', version: 8 });
  });

  it('does not take a client back that is ahead of us: it asks again first', async () => {
    await watcherOf('r4', 8);
    // An update that this gateway never saw.
    rig.owner.members.set('r4', member('r4', 11));
    const client = await join();
    client.say({ subscribe: 'member:r4', epoch: EPOCH, version: 10 });
    expect(await client.next()).toMatchObject({ type: 'snapshot', version: 11 });
  });

  it('believes the owner if the client claims a version that never was', async () => {
    await watcherOf('r5', 8);
    const client = await join();
    client.say({ subscribe: 'member:r5', epoch: EPOCH, version: 1_000 });
    expect(await client.next()).toMatchObject({ type: 'snapshot', version: 8 });
    expect(rig.owner.leasesAsked('r5')).toBe(2);
  });
});

describe('owners come and go', () => {
  it('renews at once on an owner notice, and shows what was missed', async () => {
    const client = await watcherOf('o1', 1);
    rig.owner.members.set('o1', member('o1', 5));
    rig.owner.notice('o1');
    expect(await client.next()).toMatchObject({ type: 'update', version: 5 });
    rig.owner.notice('o1');
    await until(() => rig.owner.leasesAsked('o1') === 3);
    await rig.owner.settle();
    // The same version again is nothing new.
    await client.expectQuiet();
  });

  it('leaves the members of other partitions alone', async () => {
    await watcherOf('o2', 1);
    const elsewhere = ['1', '2', '3', '4', '5'].find(
      (id) => partitionOf(id, PARTITIONS) !== partitionOf('o2', PARTITIONS),
    );
    await watcherOf(String(elsewhere), 1);
    const asked = rig.owner.leasesAsked(String(elsewhere));
    rig.owner.notice('o2');
    await until(() => rig.owner.leasesAsked('o2') === 2);
    expect(rig.owner.leasesAsked(String(elsewhere))).toBe(asked);
  });

  it('starts over with a snapshot when the history is another one', async () => {
    const client = await watcherOf('o3', 900);
    rig.owner.epoch = 'LOYALTY_EVENTS@2';
    rig.owner.members.set('o3', { ...member('o3', 4), epoch: 'LOYALTY_EVENTS@2' });
    rig.owner.notice('o3');
    expect(await client.next()).toMatchObject({ type: 'snapshot', epoch: 'LOYALTY_EVENTS@2', version: 4 });
    rig.owner.push({ ...member('o3', 5), epoch: 'LOYALTY_EVENTS@2' });
    expect(await client.next()).toMatchObject({ type: 'update', epoch: 'LOYALTY_EVENTS@2', version: 5 });
  });

  it('tells a watcher once that it has to wait, and shows the member when it can', async () => {
    rig.owner.disown();
    await rig.owner.settle();
    rig.owner.members.set('o4', member('o4', 2));
    const client = await join();
    client.say({ subscribe: 'member:o4' });
    expect(await client.next()).toMatchObject({ type: 'error', code: 'not_ready', topic: 'member:o4' });
    rig.owner.own();
    expect(await client.next()).toMatchObject({ type: 'snapshot', version: 2 });
    expect(client.frames.length).toBe(2);
  });

  it('gives a topic up that nobody can lease', async () => {
    rig.owner.override = { ok: false, code: 'too_many_leases', message: 'full' };
    const client = await join();
    client.say({ subscribe: 'member:o5' });
    expect(await client.next()).toMatchObject({ type: 'error', code: 'too_many_leases', topic: 'member:o5' });
    client.say({ unsubscribe: 'member:o5' });
    expect(await client.next()).toMatchObject({ code: 'not_subscribed' });
    rig.owner.override = undefined;
    client.say({ subscribe: 'member:o5' });
    expect(await client.next()).toMatchObject({ type: 'snapshot', version: 0 });
  });

  it('survives a notice that cannot be read', async () => {
    rig.owner.nc.publish(names.owners, 'nonsense');
    await watcherOf('o6', 1);
  });
});

describe('stats and feed', () => {
  it('greets with the latest figures and goes on with the next', async () => {
    const first = await join();
    first.say('"stats"');
    expect(await first.next()).toMatchObject({ type: 'snapshot', topic: 'stats', version: 0, data: null });
    rig.owner.nc.publish(names.stats, '{"eventsTotal":1}');
    expect(await first.next()).toMatchObject({ type: 'update', topic: 'stats', version: 1, data: { eventsTotal: 1 } });
    const second = await join();
    second.say({ subscribe: 'stats' });
    const snapshot = await second.next();
    expect(snapshot).toMatchObject({ type: 'snapshot', version: 1, data: { eventsTotal: 1 } });
    second.say({ subscribe: 'stats', epoch: snapshot.epoch, version: 1 });
    expect(await second.next()).toMatchObject({ type: 'current', version: 1 });
    second.say({ subscribe: 'stats', epoch: snapshot.epoch, version: 50 });
    expect(await second.next()).toMatchObject({ type: 'snapshot', version: 1 });
  });

  it('asks for the feed while somebody watches it', async () => {
    let interest = 0;
    const subscription = rig.owner.nc.subscribe(names.feedInterest, {
      callback: () => {
        interest++;
      },
    });
    await rig.owner.settle();
    rig.owner.nc.publish(names.feed, '{"memberId":"unseen"}');
    await rig.owner.settle();
    const first = await join();
    first.say({ subscribe: 'feed' });
    expect(await first.next()).toMatchObject({ type: 'snapshot', topic: 'feed', data: null });
    await until(() => interest === 1);
    rig.owner.nc.publish(names.feed, '{"memberId":"1"}');
    expect(await first.next()).toMatchObject({ type: 'update', data: { memberId: '1' } });
    const second = await join();
    second.say({ subscribe: 'feed' });
    expect(await second.next()).toMatchObject({ type: 'snapshot', data: null });
    first.say({ unsubscribe: 'feed' });
    second.say({ unsubscribe: 'feed' });
    await first.expectQuiet();
    await second.expectQuiet();
    rig.owner.nc.publish(names.feed, '{"memberId":"2"}');
    await rig.owner.settle();
    await first.expectQuiet();
    subscription.unsubscribe();
  });
});

describe('clients that make no sense', () => {
  it.each([
    ['{', 'bad_message'],
    ['{}', 'bad_message'],
    ['null', 'bad_message'],
    ['[]', 'bad_message'],
    ['{"subscribe":7}', 'bad_message'],
    ['{"subscribe":"stats","unsubscribe":"stats"}', 'bad_message'],
    ['{"subscribe":"member:1","version":3}', 'bad_message'],
    ['{"subscribe":"member:1","epoch":3,"version":3}', 'bad_message'],
    ['{"subscribe":"members:1"}', 'unknown_topic'],
    ['{"subscribe":"__proto__"}', 'unknown_topic'],
    ['{"subscribe":"member:"}', 'bad_member_id'],
    ['{"subscribe":"member:\\ud800"}', 'bad_member_id'],
    [`{"subscribe":"member:${'ü'.repeat(65)}"}`, 'bad_member_id'],
    ['{"unsubscribe":"member:1"}', 'not_subscribed'],
  ])('are told so: %s', async (text, code) => {
    const client = await join();
    client.say(text);
    expect(await client.next()).toMatchObject({ type: 'error', code });
  });

  it('are told so for binary messages', async () => {
    const client = await join();
    client.ws.send(Buffer.from('"stats"'));
    expect(await client.next()).toMatchObject({ code: 'bad_message' });
  });

  it('are closed if they go on, but not for one mistake now and then', async () => {
    const client = await join();
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < SOCKET_ERRORS_MAX - 1; index++) client.say('{');
      client.say('"stats"');
    }
    await until(() => client.frames.length === 2 * SOCKET_ERRORS_MAX);
    for (let index = 0; index < SOCKET_ERRORS_MAX; index++) client.say('{');
    const { code, reason } = CLOSE_CODES.too_many_errors;
    expect(await client.closed).toEqual({ code, reason });
    expect(rig.counters.closed.at(-1)).toBe('too_many_errors');
  });

  it('may watch only so many topics', async () => {
    const client = await join();
    for (let index = 0; index < SUBSCRIPTIONS_PER_SOCKET_MAX; index++) client.say({ subscribe: `member:s${index}` });
    await until(() => client.frames.length === SUBSCRIPTIONS_PER_SOCKET_MAX);
    client.say({ subscribe: 'stats' });
    await until(() => client.frames.length === SUBSCRIPTIONS_PER_SOCKET_MAX + 1);
    expect(client.frames.at(-1)).toMatchObject({ code: 'too_many_subscriptions', topic: 'stats' });
    client.say({ subscribe: 'member:s0' });
    client.say({ unsubscribe: 'member:s1' });
    client.say({ subscribe: 'stats' });
    await until(() => client.frames.length === SUBSCRIPTIONS_PER_SOCKET_MAX + 3);
    expect(client.frames.slice(-2).map(({ type }) => type)).toEqual(['snapshot', 'snapshot']);
  });

  it('are closed for a message that is too long', async () => {
    const client = await join();
    client.say(' '.repeat(SOCKET_MESSAGE_BYTES_MAX + 1));
    expect((await client.closed).code).toBeGreaterThanOrEqual(1006);
    await watcherOf('still', 1);
  });
});
