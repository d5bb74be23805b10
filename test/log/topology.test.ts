/** Streams and records on the broker: made once by whoever comes first, and refused with reasons when they do not fit. */
import { type JetStreamManager, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectLog } from '../../src/log/connect.ts';
import { openControl, prepareTopology, readProgram, TopologyError, writeProgram } from '../../src/log/topology.ts';
import { namesOf } from '../../src/wire/subjects.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

let server: NatsServer;
let nc: NatsConnection;
let manager: JetStreamManager;
let tests = 0;
/** A new one for each test. */
let prefix: string;

beforeAll(async () => {
  server = await startNatsServer();
  nc = await connectLog(server.url, 'topology');
  manager = await jetstreamManager(nc);
});
afterAll(async () => {
  await nc.close();
  await server.stop();
});
beforeEach(() => {
  prefix = `topology${++tests}`;
});

function prepare(partitions = 64) {
  return prepareTopology(nc, { prefix, partitions, replicas: 1 });
}

async function refusalOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => expect.unreachable('it was not refused'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TopologyError);
  return String(error);
}

describe('prepareTopology', () => {
  it('makes both streams and the record, and finds them made the next time', async () => {
    const { names, partitions } = await prepare();
    expect(partitions).toBe(64);
    const events = await manager.streams.info(names.eventsStream);
    expect(events.config).toMatchObject({
      subjects: [`${prefix}.events.*`],
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      num_replicas: 1,
      allow_direct: true,
      max_bytes: -1,
    });
    const effects = await manager.streams.info(names.effectsStream);
    expect(effects.config.subjects).toEqual([`${prefix}.effects.*`]);

    await prepare();
    expect((await manager.streams.info(names.eventsStream)).created).toBe(events.created);
  });

  it('limits the size of streams when asked to', async () => {
    const { names } = await prepareTopology(nc, { prefix, partitions: 1, replicas: 1, maxBytes: 1_000_000 });
    expect((await manager.streams.info(names.eventsStream)).config.max_bytes).toBe(1_000_000);
  });

  it('may be done by many engines at once', async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => connectLog(server.url, 'other')));
    const topologies = await Promise.all(
      others.map((other, index) =>
        // Even with settings that differ, where that does no harm.
        prepareTopology(other, { prefix, partitions: 16, replicas: 1, maxBytes: 1_000_000 + (index % 2) }),
      ),
    );
    expect(topologies.map(({ partitions }) => partitions)).toEqual(others.map(() => 16));
    for (const other of others) await other.close();
  });

  it('lets only one of two partition counts win', async () => {
    const attempts = await Promise.allSettled([8, 16, 8, 16].map((partitions) => prepare(partitions)));
    const won = new Set(attempts.flatMap((each) => (each.status === 'fulfilled' ? [each.value.partitions] : [])));
    expect(won.size).toBe(1);
    expect(attempts.filter(({ status }) => status === 'rejected')).toHaveLength(2);
  });

  it('refuses another number of partitions than the log was made with', async () => {
    await prepare(64);
    const refusal = await refusalOf(prepare(32));
    expect(refusal).toContain('was made with 64 partitions, this engine is configured for 32');
    expect(refusal).toContain('Configure 64 partitions');
  });

  it('refuses a log with messages and without a record', async () => {
    const { names, control } = await prepare(64);
    await nc.request(names.events(3), 'x');
    await control.delete('topology');
    const refusal = await refusalOf(prepare(64));
    expect(refusal).toContain(`stream ${names.eventsStream} holds 1 messages`);
    expect(refusal).toContain('how many partitions');
  });

  it('writes the record again while the log is still empty', async () => {
    const { control } = await prepare(64);
    await control.delete('topology');
    await prepare(32);
    expect(await refusalOf(prepare(64))).toContain('was made with 32 partitions');
  });

  it.each([
    'not JSON',
    '{"recordVersion":2,"partitions":64,"hash":"fnv1a32"}',
    '{"recordVersion":1,"partitions":64,"hash":"murmur"}',
  ])('refuses the record %s', async (record) => {
    const { control } = await prepare(64);
    await control.put('topology', record);
    expect(await refusalOf(prepare(64))).toContain(record);
  });

  it.each([
    ['retention is workqueue, expected limits', { retention: RetentionPolicy.Workqueue }],
    ['storage is memory, expected file', { storage: StorageType.Memory }],
    ['max_age is 60000000000, expected 0', { max_age: 60_000_000_000 }],
    ['discard is old, expected new', {}],
  ])('refuses a stream under our name: %s', async (difference, config) => {
    const names = namesOf(prefix);
    await manager.streams.add({ name: names.eventsStream, subjects: [names.allEvents], ...config });
    const refusal = await refusalOf(prepare());
    expect(refusal).toContain(`stream ${names.eventsStream} exists but is not what this engine needs`);
    expect(refusal).toContain(difference);
  });

  it('refuses a stream under our name with other subjects', async () => {
    const names = namesOf(prefix);
    await manager.streams.add({ name: names.effectsStream, subjects: ['something.else', 'and.more'] });
    const refusal = await refusalOf(prepare());
    expect(refusal).toContain(`subjects is something.else,and.more, expected ${prefix}.effects.*`);
    await manager.streams.delete(names.effectsStream);
  });

  it('refuses when another stream takes our subjects', async () => {
    await manager.streams.add({ name: `GREEDY_${tests}`, subjects: [`${prefix}.>`] });
    expect(await refusalOf(prepare())).toContain(`Another stream already takes ${prefix}.events.*`);
  });

  it('refuses more replicas than there are servers', async () => {
    const attempt = prepareTopology(nc, { prefix, partitions: 1, replicas: 3 });
    expect(await refusalOf(attempt)).toContain('replicas');
  });

  it.each([
    ['Loyalty', 64],
    ['a.b', 64],
    ['fine', 0],
    ['fine', 1.5],
    ['fine', 100_000],
  ])('refuses prefix %s with %d partitions before it touches anything', async (bad, partitions) => {
    await refusalOf(prepareTopology(nc, { prefix: bad, partitions, replicas: 1 }));
    const buckets = [];
    for await (const status of new Kvm(nc).list()) buckets.push(status.bucket);
    expect(buckets).not.toContain(`${bad}-control`);
  });
});

describe('the program record', () => {
  it('is read as it was written', async () => {
    const control = await openControl(nc, prefix);
    expect(await readProgram(control)).toBeUndefined();
    const revision = await writeProgram(control, { document: '{"a":"ü"}', version: 1, announced: true }, undefined);
    expect(await readProgram(control)).toEqual({ document: '{"a":"ü"}', version: 1, announced: true, revision });
  });

  it('is replaced only by whoever read the latest', async () => {
    const control = await openControl(nc, prefix);
    await writeProgram(control, { document: '1', version: 1, announced: true }, undefined);
    expect(await writeProgram(control, { document: '1b', version: 1, announced: true }, undefined)).toBeUndefined();

    const read = await readProgram(control);
    expect(await writeProgram(control, { document: '2', version: 2, announced: true }, read)).toBeGreaterThan(
      read?.revision ?? 0,
    );
    expect(await writeProgram(control, { document: '2b', version: 2, announced: true }, read)).toBeUndefined();
    expect(await readProgram(control)).toMatchObject({ document: '2', version: 2 });
  });

  it('is an error when it cannot be understood', async () => {
    const control = await openControl(nc, prefix);
    await control.put('program', '{"something":1}');
    expect(await refusalOf(readProgram(control))).toContain('{"something":1}');
  });
});
