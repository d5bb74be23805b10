/** Batches and member records to bytes and back. Ceiling of a batch: JSON of the same events. */
import type { Member } from '../src/scoring/member.ts';
import { score } from '../src/scoring/score.ts';
import { decodeBatch, encodeBatch } from '../src/wire/batch.ts';
import { decodeMember, encodeMember, unstoredMember } from '../src/wire/member-record.ts';
import { purchases } from './backlog.ts';
import { type BenchContext, type BenchResult, expectEqual, result } from './harness.ts';
import { benchProgram } from './program.ts';

const BATCH = 256;
const ENTRIES = 8;

export async function codecBench({ size }: BenchContext): Promise<BenchResult[]> {
  const rounds = size === 'full' ? 2_000 : 20;
  const program = benchProgram();
  const events = [...purchases({ events: BATCH, members: BATCH, spread: 'uniform', batchEvents: 1, partitions: 1 })];
  const batch = encodeBatch(events);
  const json = JSON.stringify(events);
  const member = unstoredMember('m1');
  for (const event of events.slice(0, ENTRIES)) score(program, member, { ...event, memberId: 'm1' }, Date.now());
  const record = encodeMember(member);
  expectEqual('events decoded', decodeBatch(batch).events.length, BATCH);
  expectEqual('member decoded', balanceOf(decodeMember('m1', record, () => [])), balanceOf(member));
  const perEvent = (action: () => unknown): number => microseconds(rounds, action) / BATCH;
  return [
    result(
      'codec.batch.decode',
      perEvent(() => decodeBatch(batch)),
      'us',
      perEvent(() => JSON.parse(json)),
    ),
    result(
      'codec.batch.encode',
      perEvent(() => encodeBatch(events)),
      'us',
      perEvent(() => JSON.stringify(events)),
    ),
    result(
      'codec.member.encode',
      microseconds(rounds * 10, () => encodeMember(member)),
      'us',
    ),
    result(
      'codec.member.decode',
      microseconds(rounds * 10, () => decodeMember('m1', record, () => [])),
      'us',
    ),
  ];
}

function balanceOf({ wallets }: Member): number | undefined {
  return wallets[0]?.balance;
}

/** CPU time of one call, after as many to warm up. */
function microseconds(rounds: number, action: () => unknown): number {
  for (let round = 0; round < rounds; round++) action();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / rounds;
}
