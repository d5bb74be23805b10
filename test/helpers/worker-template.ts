/** Workers as small tests want them: quiet, with a little cache, on a log called `loyalty`. */
import type { WorkerTemplate } from '../../src/cluster/supervisor.ts';
import { type CheckpointPolicy, DEFAULT_CHECKPOINT_POLICY } from '../../src/partition/checkpoint-policy.ts';

export function workerTemplate(
  natsUrl: string,
  storeFolder: string,
  partitionsTotal: number,
  checkpoint: Partial<CheckpointPolicy> = {},
): WorkerTemplate {
  return {
    partitionsTotal,
    natsUrl,
    prefix: 'loyalty',
    storeFolder,
    cacheMembers: 100,
    checkpoint: { ...DEFAULT_CHECKPOINT_POLICY, ...checkpoint },
    tickIntervalMs: 1_000,
    fullLedger: false,
    logLevel: 'silent',
  };
}
