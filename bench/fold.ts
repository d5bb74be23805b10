/**
 * The fold alone: events in memory, members in memory, nothing read or written. Ceiling of a purchase: looking its member up.
 * Timed as CPU seconds of this process, which a busy machine disturbs less than the clock on the wall.
 */

import { fingerprint } from '../src/lib/hash.ts';
import type { Program } from '../src/program/program.ts';
import type { Adjustment, MemberEvent, Purchase, Return } from '../src/scoring/event.ts';
import { NOT_GIVEN } from '../src/scoring/event.ts';
import { sumOfLots } from '../src/scoring/lots.ts';
import type { Member } from '../src/scoring/member.ts';
import { score } from '../src/scoring/score.ts';
import { unstoredMember } from '../src/wire/member-record.ts';
import { purchases } from './backlog.ts';
import { type BenchContext, type BenchResult, expectEqual, result } from './harness.ts';
import { benchProgram, RICH_PROGRAM } from './program.ts';

const MEMBERS = 1_000;
/** Purchases a member makes before its members are made anew: a chunk is sealed on the way, as in life. */
const PURCHASES_EACH = 40;

export async function foldBench({ size }: BenchContext): Promise<BenchResult[]> {
  const rounds = size === 'full' ? 25 : 2;
  const plain = measure(benchProgram(), rounds);
  const rich = measure(benchProgram(RICH_PROGRAM), rounds);
  return [
    result('fold.purchase', plain.purchase, 'us', plain.lookUp),
    result('fold.return', plain.return, 'us'),
    result('fold.duplicate', plain.duplicate, 'us'),
    result('fold.adjustment', plain.adjustment, 'us'),
    result('fold.rich.purchase', rich.purchase, 'us', plain.purchase),
    result('fold.rich.return', rich.return, 'us', plain.return),
  ];
}

/** Microseconds each. */
function measure(program: Program, rounds: number): Readonly<Record<Kind, number>> {
  const bought = [
    ...purchases({
      events: MEMBERS * PURCHASES_EACH,
      members: MEMBERS,
      spread: 'uniform',
      batchEvents: 1,
      partitions: 1,
    }),
  ];
  const returned = bought.slice(-MEMBERS).map(returnOf);
  const adjusted = bought.slice(-MEMBERS).map(adjustmentOf);
  /** Of each round, since a round in which the machine was busy says nothing. */
  const seconds = { purchase: [], lookUp: [], return: [], duplicate: [], adjustment: [] } as Record<Kind, number[]>;
  const timed = (kind: Kind, action: () => void): void => {
    const before = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(before);
    seconds[kind].push((user + system) / 1e6);
  };
  for (let round = -1; round < rounds; round++) {
    // The first round warms up.
    if (round === 0) for (const rounds of Object.values(seconds)) rounds.length = 0;
    const members = new Map<string, Member>();
    const scoreAll = (events: readonly MemberEvent[], code: string): void => {
      for (const event of events) {
        const member = members.get(event.memberId) ?? added(members, event.memberId);
        if (score(program, member, event, Date.now()).code !== code) throw new Error(`${event.id} was not ${code}`);
      }
    };
    timed('purchase', () => scoreAll(bought, 'scored'));
    expectEqual('points of all members', total(members), expectedPoints(members));
    timed('lookUp', () => {
      let found = 0;
      for (const event of bought) if (members.get(event.memberId) !== undefined) found += 1;
      expectEqual('members found', found, bought.length);
    });
    const recent = returned.filter((event) => isRecent(members, event.originalId, event.memberId));
    timed('return', () => scoreAll(recent, 'scored'));
    timed('duplicate', () => scoreAll(recent, 'duplicate'));
    timed('adjustment', () => scoreAll(adjusted, 'scored'));
  }
  const each = (kind: Kind, count: number): number => (median(seconds[kind]) / count) * 1e6;
  return {
    purchase: each('purchase', bought.length),
    lookUp: each('lookUp', bought.length),
    return: each('return', returned.length),
    duplicate: each('duplicate', returned.length),
    adjustment: each('adjustment', adjusted.length),
  };
}

type Kind = 'purchase' | 'lookUp' | 'return' | 'duplicate' | 'adjustment';

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

function added(members: Map<string, Member>, id: string): Member {
  const member = unstoredMember(id);
  members.set(id, member);
  return member;
}

function total(members: ReadonlyMap<string, Member>): number {
  let sum = 0;
  for (const { wallets } of members.values()) for (const { balance } of wallets) sum += balance;
  return sum;
}

/** Lots are kept apart from the balance and must add up to it. */
function expectedPoints(members: ReadonlyMap<string, Member>): number {
  let sum = 0;
  for (const { wallets } of members.values()) for (const { lots } of wallets) sum += sumOfLots(lots);
  return sum;
}

/** What lies in a sealed chunk would have to be recalled from a store first. */
function isRecent(members: ReadonlyMap<string, Member>, eventId: string, memberId: string): boolean {
  return members.get(memberId)?.recent.find(eventId, fingerprint(eventId)) !== undefined;
}

function returnOf({ id, memberId, occurredAt, amount }: Purchase): Return {
  return {
    type: 'return',
    id: `r${id}`,
    memberId,
    occurredAt: occurredAt + 1,
    store: '',
    terminal: '',
    currency: '',
    originalId: id,
    amount: amount === 0 ? NOT_GIVEN : Math.ceil(amount / 2),
    lines: [],
  };
}

function adjustmentOf({ id, memberId, occurredAt }: Purchase): Adjustment {
  return {
    type: 'adjustment',
    id: `a${id}`,
    memberId,
    occurredAt: occurredAt + 2,
    wallet: '',
    points: 5,
    reason: 'bench',
    agent: '',
    approvedBy: '',
  };
}
