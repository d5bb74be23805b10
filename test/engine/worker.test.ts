/** A worker that fails is started again with its partitions, and the other workers never notice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ProgramLog } from '../../src/cluster/program-log.ts';
import { Supervisor } from '../../src/cluster/supervisor.ts';
import { connectLog } from '../../src/log/connect.ts';
import { openJetStreamLog } from '../../src/log/jetstream-log.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { createLogger } from '../../src/observe/log.ts';
import { isSound, refold } from '../../src/partition/refold.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { openLmdbStore } from '../../src/store/lmdb-store.ts';
import { storePath } from '../../src/store/store-path.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { removeFolder, temporaryFolder } from '../helpers/engine.ts';
import { purchaseEvent } from '../helpers/events.ts';
import { startNatsServer } from '../helpers/nats-server.ts';
import { workerTemplate } from '../helpers/worker-template.ts';

const PARTITIONS = 2;
const PROGRAM = `
program: worker-test
version: 1
timezone: UTC
currency: USD
earn: { id: spend, points: 1, per: 1.00 }
returns: { unmatched: ignore, matchDays: 30 }`;

it('starts a failed worker again, once, while the other goes on', async () => {
  const nats = await startNatsServer();
  onTestFinished(() => nats.stop());
  const folder = temporaryFolder();
  onTestFinished(() => removeFolder(folder));
  const nc = await connectLog(nats.url, 'test');
  onTestFinished(() => nc.close());
  const { names, control } = await prepareTopology(nc, { prefix: 'loyalty', partitions: PARTITIONS, replicas: 1 });
  const { events: writer, reader } = await openJetStreamLog(nc, names);
  const parsed = parseProgram(PROGRAM);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  await new ProgramLog({ control, writer, partitions: PARTITIONS }).put(parsed.program);

  const fatal: Error[] = [];
  const supervisor = new Supervisor({
    workers: 2,
    logger: createLogger({ level: 'silent' }),
    onFatal: (error) => fatal.push(error),
    onTornDown: (error) => fatal.push(error),
    template: workerTemplate(nats.url, folder, PARTITIONS, { delayMs: 50 }),
  });
  supervisor.start();
  const read = (partition: number, what: 'sequence' | 'caughtUp'): number =>
    supervisor.ownerOf(partition).readPartition(partition, what);
  const until = async (reached: () => boolean): Promise<void> => {
    while (!reached()) await sleep(5);
  };
  let number = 0;
  const publish = (partition: number): Promise<number> => {
    number += 1;
    let id = number * 1_000;
    while (partitionOf(`m${id}`, PARTITIONS) !== partition) id += 1;
    const purchase = purchaseEvent({ id: `e${number}`, memberId: `m${id}` });
    return writer.publish(partition, encodeBatch([purchase]));
  };
  const scored = async (partition: number): Promise<void> => {
    const sequence = await publish(partition);
    await until(() => read(partition, 'sequence') >= sequence);
  };

  try {
    await until(() => read(0, 'caughtUp') === 1 && read(1, 'caughtUp') === 1);
    for (let round = 0; round < 20; round++) await Promise.all([scored(0), scored(1)]);

    supervisor.fail(0);
    await until(() => supervisor.restarts === 1);
    expect(read(0, 'caughtUp')).toBe(0);
    // Its partition is away, the other's is not: these would never end were it.
    const waiting = await publish(0);
    for (let round = 0; round < 20; round++) {
      await scored(1);
      expect(read(1, 'caughtUp')).toBe(1);
    }
    await until(() => read(0, 'caughtUp') === 1 && read(0, 'sequence') >= waiting);
    for (let round = 0; round < 20; round++) await Promise.all([scored(0), scored(1)]);
    expect(supervisor.restarts).toBe(1);

    supervisor.fail(1);
    await until(() => supervisor.restarts === 2);
    await scored(0);
    await scored(1);
    expect(supervisor.restarts).toBe(2);
  } finally {
    await supervisor.stop();
  }
  expect(fatal).toEqual([]);
  // What it had scored and not stored was scored again, and counted once.
  const { epoch } = await reader.state();
  let members = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const store = openLmdbStore(storePath(folder, partition));
    const result = await refold(partition, PARTITIONS, epoch, store, reader, new AbortController().signal);
    await store.close();
    expect(result).toSatisfy(isSound);
    members += result.members;
  }
  expect(members).toBe(number);
});
