/** Our partition of a member is the one nats-server itself would choose: producers may let the server do the mapping. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectLog } from '../../src/log/connect.ts';
import { partitionOf, subjectToken } from '../../src/wire/subjects.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

let server: NatsServer;

beforeAll(async () => {
  server = await startNatsServer({ config: 'mappings { "in.*": "out.{{partition(64,1)}}.{{wildcard(1)}}" }' });
});
afterAll(() => server.stop());

it('agrees with the server for 2000 ids', async () => {
  const nc = await connectLog(server.url, 'mapping');
  const asciiId = fc.string({ minLength: 1, maxLength: 40 }).map(subjectToken);
  // Tokens may be any UTF-8 without dots, wildcards and blanks.
  const otherId = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .map((text) => text.replaceAll(/[\s.*>\p{C}]/gu, ''))
    .filter((text) => text !== '');
  const ids = [
    ...Array.from({ length: 600 }, (_, index) => String(index)),
    ...fc.sample(asciiId, { numRuns: 700, seed: 1 }),
    ...fc.sample(otherId, { numRuns: 700, seed: 2 }),
    'käse',
    '会员',
    '🙂',
  ];
  const subscription = nc.subscribe('out.>', { max: ids.length });
  for (const id of ids) nc.publish(`in.${id}`, id);
  let compared = 0;
  for await (const message of subscription) {
    const id = message.string();
    expect([id, message.subject]).toEqual([id, `out.${partitionOf(id, 64)}.${id}`]);
    compared += 1;
  }
  expect(compared).toBe(ids.length);
  await nc.close();
});
