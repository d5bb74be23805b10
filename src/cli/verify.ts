/** `tidemark verify`: proves that the stores are what the log says, or names the members that are not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toError } from '../lib/assert.ts';
import type { EventReader } from '../log/log.ts';
import { incomparable, isSound, type RefoldResult, refold } from '../partition/refold.ts';
import { openLmdbStore } from '../store/lmdb-store.ts';
import type { PartitionStore } from '../store/store.ts';
import { storePath } from '../store/store-path.ts';
import type { DataFolder } from './data-folder.ts';
import { resolveSettings, type Settings } from './options.ts';
import { INTERRUPTED, untilInterrupted, withDataFolder, withLog } from './stored-log.ts';

export const VERIFY_HELP = `Usage: tidemark verify [options]

Folds the log again from its first event and compares every member with the stores.
The engine must be stopped. Nothing is changed: no store, no stream, no record.

Options:
  --json   Print one JSON document
  --data, --nats-url, --nats-server, --prefix, --partitions, --config   As for tidemark start

Exit codes: 0 all equal, 4 something differs or is missing.
`;

const DIFFERS = 4;

export async function verify(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const settings = resolveSettings(
    args.filter((arg) => arg !== '--json'),
    process.env,
  );
  const results = await untilInterrupted((stop) =>
    withDataFolder(settings, (folder, natsUrl) =>
      withLog(settings, natsUrl, 'tidemark-verify', ({ reader }) => verifyAll(settings, folder, reader, stop)),
    ),
  );
  if (results === undefined) return INTERRUPTED;
  report(results, json);
  return results.every(isSound) ? 0 : DIFFERS;
}

async function verifyAll(
  { partitions }: Settings,
  folder: DataFolder,
  reader: EventReader,
  stop: AbortSignal,
): Promise<RefoldResult[]> {
  const results: RefoldResult[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    results.push(await verifyPartition(partition, partitions, folder.stores, reader, stop));
    if (process.stderr.isTTY) process.stderr.write(`\r${partition + 1} of ${partitions} partitions`);
  }
  if (process.stderr.isTTY) process.stderr.write('\n');
  return results;
}

async function verifyPartition(
  partition: number,
  partitions: number,
  stores: string,
  reader: EventReader,
  stop: AbortSignal,
): Promise<RefoldResult> {
  const path = storePath(stores, partition);
  // Opening would make one.
  if (!existsSync(join(path, 'data.mdb'))) return incomparable(partition, `There is no store in ${path}.`);
  let store: PartitionStore;
  try {
    store = openLmdbStore(path);
  } catch (error) {
    return incomparable(partition, `The store in ${path} cannot be opened: ${toError(error).message}.`);
  }
  try {
    const { epoch } = await reader.state();
    return await refold(partition, partitions, epoch, store, reader, stop);
  } finally {
    await store.close();
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
  for (const result of wrong) process.stdout.write(`${problemText(result)}\n`);
  process.stdout.write(
    wrong.length === 0
      ? `${members} members in ${results.length} partitions are what the log says.\n`
      : `${wrong.length} of ${results.length} partitions differ from the log. To rebuild one, stop the engine, move its folder under stores away and start again.\n`,
  );
}

function problemText(result: RefoldResult): string {
  const { partition, problem, sequence, stored, recounted, refolded, differing, differingTotal } = result;
  return [
    ...(problem === undefined
      ? []
      : [problem.startsWith('Partition ') ? problem : `Partition ${partition}: ${problem}`]),
    ...(stored === refolded && recounted === refolded
      ? []
      : [
          `Partition ${partition}, up to sequence ${sequence}: the log gives digest ${refolded}, the checkpoint says ${stored}, its records give ${recounted}.`,
        ]),
    ...(differingTotal === 0
      ? []
      : [`Partition ${partition}, up to sequence ${sequence}: ${differingTotal} differences`]),
    ...differing.map(({ memberId, problem: what }) => `  member ${memberId}: ${what}`),
    ...(differingTotal > differing.length ? [`  and ${differingTotal - differing.length} more`] : []),
  ].join('\n');
}
