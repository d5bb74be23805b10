/** What tests ask of a running engine over HTTP, and of its folder once it has stopped. */
import { join } from 'node:path';
import type { PublicEvent } from '../../load/public-event.ts';
import { startNatsChild } from '../../src/cli/nats-child.ts';
import { createLogger } from '../../src/observe/log.ts';
import type { MemberView } from '../../src/wire/member-view.ts';
import type { OutcomeView } from '../../src/wire/outcome-view.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { runVerb } from './engine.ts';

/** Sends events and waits until they are scored. */
export async function postScored(url: string, events: PublicEvent | readonly PublicEvent[]): Promise<OutcomeView[]> {
  const response = await fetch(`${url}/v1/events?wait=scored&deadlineMs=30000`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return ((await response.json()) as { outcomes: OutcomeView[] }).outcomes;
}

/** Undefined for a member that nobody knows. */
export async function getMember(url: string, id: string, asOfMs?: number): Promise<MemberView | undefined> {
  const query = asOfMs === undefined ? '' : `?asOf=${new Date(asOfMs).toISOString()}`;
  const response = await fetch(`${url}/v1/members/${encodeURIComponent(id)}${query}`);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`member ${id}: ${response.status} ${await response.text()}`);
  return (await response.json()) as MemberView;
}

/** Points of a member; negative is debt, undefined for a member that nobody knows. */
export async function balanceOf(url: string, id: string): Promise<number | undefined> {
  const points = (await getMember(url, id))?.balances['points'];
  return points === undefined ? undefined : points.available - points.debt;
}

/** Many requests, a few at a time. */
export async function forEachOf<T>(items: Iterable<T>, use: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await use(next.value);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

/**
 * Resolves when all that was durable at the time of the call has been scored: one event in each partition that waits for its
 * outcome. They are the same in every run, and count nothing.
 */
export async function allScored(url: string, partitions: number): Promise<void> {
  const last = new Map<number, PublicEvent>();
  for (let number = 0; last.size < partitions; number++) {
    const id = `last-${number}`;
    const occurredAt = '2026-01-01T00:00:00Z';
    last.set(partitionOf(id, partitions), { id, type: 'purchase', memberId: id, occurredAt, amount: 0 });
  }
  await postScored(url, [...last.values()]);
}

/** As `tidemark verify --json` prints it. */
export interface VerifyReport {
  readonly sound: boolean;
  readonly members: number;
  readonly results: readonly {
    readonly partition: number;
    readonly problem?: string;
    readonly stored: string;
    readonly differing: readonly { readonly memberId: string; readonly problem: string }[];
  }[];
}

export async function verify(data: string, partitions: number): Promise<{ code: number | null; report: VerifyReport }> {
  const { code, stdout, stderr } = await runVerb(['verify', '--data', data, '--partitions', `${partitions}`, '--json']);
  if (stdout === '') throw new Error(`verify printed no report and ended with code ${code}:\n${stderr}`);
  return { code, report: JSON.parse(stdout) as VerifyReport };
}

/** What each partition's store says that it holds. */
export function digestsOf({ results }: VerifyReport): string[] {
  return results.map(({ partition, stored }) => `${partition}: ${stored}`);
}

/** Runs the private nats-server of a stopped engine's folder. */
export async function withLogOf<T>(data: string, use: (natsUrl: string) => Promise<T>): Promise<T> {
  const nats = await startNatsChild({
    binary: 'nats-server',
    folder: join(data, 'nats'),
    logger: createLogger({ level: 'silent' }),
    onStart: () => {},
  });
  try {
    return await use(nats.url);
  } finally {
    await nats.stop();
  }
}
