/**
 * Backlogs to drain: purchases of many members, uniform or Zipf, in the batches that ingest would make of them. The
 * generator adds up what the right answer is: purchases and points of everybody together.
 */

import { Random, Zipf } from '../load/random.ts';
import type { EventWriter } from '../src/log/log.ts';
import { NO_DEDUCTIONS, type Purchase } from '../src/scoring/event.ts';
import { encodeBatch } from '../src/wire/batch.ts';
import { partitionOf } from '../src/wire/subjects.ts';
import { SEED } from './harness.ts';

export interface BacklogShape {
  readonly events: number;
  readonly members: number;
  readonly spread: 'uniform' | 'zipf';
  readonly batchEvents: number;
  readonly partitions: number;
}

export interface Backlog {
  readonly events: number;
  /** Spend of all members together, minor units. */
  readonly amount: number;
  readonly payloadBytes: number;
}

const PUBLISHES_IN_FLIGHT = 256;
/** Amounts are small enough that hardly anybody leaves the first level, as in a real shop. */
const AMOUNT_MAX = 2_000;

/** Writes the backlog to the log. */
export async function publishBacklog(shape: BacklogShape, writer: EventWriter): Promise<Backlog> {
  const { partitions, batchEvents } = shape;
  const open: Purchase[][] = Array.from({ length: partitions }, () => []);
  const inFlight = new Set<Promise<unknown>>();
  let amount = 0;
  let payloadBytes = 0;
  const send = async (partition: number): Promise<void> => {
    const payload = encodeBatch(open[partition] as Purchase[]);
    open[partition] = [];
    payloadBytes += payload.length;
    const publish = writer.publish(partition, payload).finally(() => inFlight.delete(publish));
    inFlight.add(publish);
    if (inFlight.size >= PUBLISHES_IN_FLIGHT) await Promise.race(inFlight);
  };
  for (const event of purchases(shape)) {
    amount += event.amount;
    const partition = partitionOf(event.memberId, partitions);
    const batch = open[partition] as Purchase[];
    batch.push(event);
    if (batch.length >= batchEvents) await send(partition);
  }
  for (const [partition, batch] of open.entries()) if (batch.length > 0) await send(partition);
  await Promise.all(inFlight);
  return { events: shape.events, amount, payloadBytes };
}

/** Purchases without lines, some 40 bytes each in a batch, a millisecond apart. */
export function* purchases({ events, members, spread }: BacklogShape): Generator<Purchase> {
  const random = new Random(SEED);
  const ranks = new Zipf(members, 1);
  const pick = spread === 'uniform' ? () => random.below(members) : () => ranks.rank(random);
  const startMs = Date.now() - events;
  for (let index = 0; index < events; index++) {
    yield {
      type: 'purchase',
      id: `p${index}`,
      memberId: `m${pick()}`,
      occurredAt: startMs + index,
      store: `s${index % 50}`,
      terminal: 't1',
      currency: 'GBP',
      amount: 1 + random.below(AMOUNT_MAX),
      lines: [],
      deductions: NO_DEDUCTIONS,
      redemptionId: '',
    };
  }
}
