/** Thread entry: one Piscina task that runs until the worker is told to stop. */
import type { MessagePort } from 'node:worker_threads';
import { runWorker } from '../src/cluster/worker.ts';
import type { WorkerAssignment, WorkerEnd } from '../src/cluster/worker-protocol.ts';

export default function partitionWorker(task: { assignment: WorkerAssignment; port: MessagePort }): Promise<WorkerEnd> {
  return runWorker(task.assignment, task.port);
}
