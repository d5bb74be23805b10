/** Stopping does not wait for a worker's next try. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { Supervisor } from '../../src/cluster/supervisor.ts';
import { createLogger } from '../../src/observe/log.ts';
import { DEFAULT_CHECKPOINT_POLICY } from '../../src/partition/checkpoint-policy.ts';
import { removeFolder, temporaryFolder } from '../helpers/engine.ts';
import { freePort } from '../helpers/nats-server.ts';

/** The pause after so many is over three seconds. */
const RESTARTS = 4;

it('a worker that cannot start is not waited for', async () => {
  const storeFolder = temporaryFolder();
  onTestFinished(() => removeFolder(storeFolder));
  const supervisor = new Supervisor({
    workers: 1,
    logger: createLogger({ level: 'silent' }),
    onFatal: () => {},
    onTornDown: () => {},
    template: {
      partitionsTotal: 1,
      natsUrl: `nats://127.0.0.1:${await freePort()}`,
      prefix: 'loyalty',
      storeFolder,
      cacheMembers: 100,
      checkpoint: DEFAULT_CHECKPOINT_POLICY,
      tickIntervalMs: 1_000,
      fullLedger: false,
      logLevel: 'silent',
    },
  });
  supervisor.start();
  while (supervisor.restarts < RESTARTS) await sleep(5);
  const late = sleep(2_500, 'still waiting');
  expect(await Promise.race([supervisor.stop(), late])).toBeUndefined();
});
