import { afterAll, beforeAll, expect, it } from 'vitest';
import { member, type Rig, startRig, until } from './harness.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig({ timings: { leaseRenewMs: 50 } });
});

afterAll(() => rig.stop());

it('renews a lease for as long as somebody watches, and shows what was lost on the way', async () => {
  rig.owner.members.set('1', member('1', 1));
  const client = await rig.live();
  client.say({ subscribe: 'member:1' });
  expect(await client.next()).toMatchObject({ type: 'snapshot', version: 1 });
  await until(() => rig.owner.leasesAsked('1') >= 4);
  // The same version again and again is nothing new.
  expect(client.frames.length).toBe(1);
  rig.owner.members.set('1', member('1', 2));
  expect(await client.next()).toMatchObject({ type: 'update', version: 2 });
  client.say({ unsubscribe: 'member:1' });
  await client.expectQuiet();
  await rig.owner.settle();
  const asked = rig.owner.leasesAsked('1');
  rig.owner.members.set('2', member('2', 1));
  client.say({ subscribe: 'member:2' });
  await until(() => rig.owner.leasesAsked('2') >= 4);
  // One question may have been on its way when it unsubscribed.
  expect(rig.owner.leasesAsked('1')).toBeLessThanOrEqual(asked + 1);
});
