/** `tidemark verify`: proves that the stores are what the log says, or names the members that are not. */
import { existsSync } from 'node:fs';
import { BrokerUnfit, connectLog } from '../log/connect.ts';
import { openJetStreamLog } from '../log/jetstream-log.ts';
import { prepareTopology, TopologyError } from '../log/topology.ts';
import { createLogger } from '../observe/log.ts';
import { isSound, type RefoldResult, refold } from '../partition/refold.ts';
import { openLmdbStore } from '../store/lmdb-store.ts';
import { storePath } from '../store/store-path.ts';
import { holdDataFolder } from './data-folder.ts';
import { type NatsChild, startNatsChild } from './nats-child.ts';
import { resolveSettings, type Settings, UsageError } from './options.ts';

export const VERIFY_HELP = `Usage: tidemark verify [options]

Folds the log again from its first event and compares every member with the stores.
The engine must be stopped. Nothing is changed.

Options:
  --json   Print one JSON document
  --data, --nats-url, --nats-server, --prefix, --partitions, --config   As for tidemark start

Exit codes: 0 all equal, 4 something differs.
`;

const DIFFERS = 4;

export async function verify(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const settings = resolveSettings(
    args.filter((arg) => arg !== '--json'),
    process.env,
  );
  if (!existsSync(settings.data)) throw new UsageError(`There is no data folder ${settings.data}.`);
  const folder = holdDataFolder(settings.data);
  let nats: NatsChild | undefined;
  try {
    if (settings.natsUrl === '') {
      const logger = createLogger({ level: 'error' });
      nats = await startNatsChild({ binary: settings.natsServer, folder: folder.nats, logger, onStart: () => {} });
    }
    const results = await verifyAll({ ...settings, natsUrl: nats?.url ?? settings.natsUrl }, folder.stores);
    report(results, json);
    return results.every(isSound) ? 0 : DIFFERS;
  } finally {
    await nats?.stop();
    folder.release();
  }
}

async function verifyAll(settings: Settings, stores: string): Promise<RefoldResult[]> {
  const nc = await connectLog(settings.natsUrl, 'tidemark-verify');
  try {
    const { names, partitions } = await prepareTopology(nc, settings);
    const { reader } = await openJetStreamLog(nc, names);
    const { epoch } = await reader.state();
    const results: RefoldResult[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const path = storePath(stores, partition);
      if (!existsSync(path)) continue;
      const store = openLmdbStore(path);
      const done = new AbortController();
      try {
        results.push(await refold(partition, partitions, epoch, store, reader, done.signal));
      } finally {
        done.abort();
        await store.close();
      }
      if (process.stderr.isTTY) process.stderr.write(`\r${partition + 1} of ${partitions} partitions`);
    }
    if (process.stderr.isTTY) process.stderr.write('\n');
    return results;
  } catch (error) {
    if (error instanceof TopologyError || error instanceof BrokerUnfit) throw new UsageError(error.message);
    throw error;
  } finally {
    await nc.close();
  }
}

function report(results: readonly RefoldResult[], json: boolean): void {
  const wrong = results.filter((result) => !isSound(result));
  const members = results.reduce((sum, result) => sum + result.members, 0);
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ sound: wrong.length === 0, partitions: results.length, members, results })}\n`,
    );
    return;
  }
  for (const { partition, sequence, stored, recounted, refolded, differing, differingTotal } of wrong) {
    process.stdout.write(
      `Partition ${partition}, up to sequence ${sequence}: the log gives digest ${refolded}, the checkpoint says ${stored}, its records give ${recounted}.\n`,
    );
    for (const { memberId, problem } of differing) process.stdout.write(`  member ${memberId}: ${problem}\n`);
    if (differingTotal > differing.length) process.stdout.write(`  and ${differingTotal - differing.length} more\n`);
  }
  process.stdout.write(
    wrong.length === 0
      ? `${members} members in ${results.length} partitions are what the log says.\n`
      : `${wrong.length} of ${results.length} partitions differ from the log. To rebuild one, stop the engine, move its folder under stores away and start again.\n`,
  );
}
