/** What is said of a worker that fails: which partition is to blame, where one is. */
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { Supervisor } from '../../src/cluster/supervisor.ts';
import { connectLog } from '../../src/log/connect.ts';
import { prepareTopology } from '../../src/log/topology.ts';
import { storePath } from '../../src/store/store-path.ts';
import { removeFolder, temporaryFolder } from '../helpers/engine.ts';
import { startNatsServer } from '../helpers/nats-server.ts';
import { workerTemplate } from '../helpers/worker-template.ts';

const PARTITIONS = 3;
const BROKEN = 1;

it('names the partition, and none where the worker itself failed', async () => {
  const nats = await startNatsServer();
  onTestFinished(() => nats.stop());
  const folder = temporaryFolder();
  onTestFinished(() => removeFolder(folder));
  const nc = await connectLog(nats.url, 'test');
  await prepareTopology(nc, { prefix: 'loyalty', partitions: PARTITIONS, replicas: 1 });
  await nc.close();
  // A file where its folder should be.
  writeFileSync(storePath(folder, BROKEN), '');

  const lines: { readonly msg: string; readonly partition?: number }[] = [];
  const fatal: Error[] = [];
  const supervisor = new Supervisor({
    workers: 1,
    logger: pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line)) }),
    onFatal: (error) => fatal.push(error),
    onTornDown: (error) => fatal.push(error),
    template: workerTemplate(nats.url, folder, PARTITIONS),
  });
  const failures = () => lines.filter(({ msg }) => msg === 'worker failed and is started again');
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await sleep(5);
  };
  supervisor.start();
  try {
    await until(() => failures().length > 0);
    expect(failures()[0]).toMatchObject({ component: 'supervisor', worker: 0, partition: BROKEN });
    rmSync(storePath(folder, BROKEN));
    await until(() => supervisor.ownerOf(BROKEN).readPartition(BROKEN, 'caughtUp') === 1);
    const before = failures().length;
    supervisor.fail(0);
    await until(() => failures().length > before);
    expect(failures().at(-1)).not.toHaveProperty('partition');
  } finally {
    await supervisor.stop();
  }
  expect(fatal).toEqual([]);
});
