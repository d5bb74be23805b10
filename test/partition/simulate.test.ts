/** A log folded as it is and with another program: who moves, what changes, and what does not. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reportOf, type SimulationReport } from '../../src/cli/simulate/report.ts';
import { must } from '../../src/lib/assert.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { Comparison, extentOf, simulatePartition } from '../../src/partition/simulate.ts';
import { FLOWS, noFlows, type Tally } from '../../src/partition/tally.ts';
import { checkProgram } from '../../src/program/parse.ts';
import type { Program } from '../../src/program/program.ts';
import type { LogEvent } from '../../src/scoring/event.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { partitionOf } from '../../src/wire/subjects.ts';
import { DAY_MS, programEvent, purchase, START_MS } from './harness.ts';

/** With a clock that only goes where it is told. */
class Till {
  nowMs = START_MS;
  readonly log = new MemoryLog(() => this.nowMs);
  readonly partitions: number;

  constructor(partitions = 1) {
    this.partitions = partitions;
  }

  /** One message a partition that has any of them; ticks go to all, and programs, which are messages of their own. */
  async send(...events: LogEvent[]): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) {
      const own = events.filter(
        (event) => !('memberId' in event) || partitionOf(event.memberId, this.partitions) === partition,
      );
      if (own.length > 0) await this.log.events.publish(partition, encodeBatch(own));
    }
  }

  later(days: number): void {
    this.nowMs += days * DAY_MS;
  }

  /** As `tidemark simulate` does. */
  async simulate(program: Program, fromMs = 0): Promise<Comparison> {
    const comparison = new Comparison(program);
    const extent = await extentOf(this.log.reader, this.partitions);
    const trial = { program, fromMs, extent };
    const { signal } = new AbortController();
    let heard = 0;
    for (let partition = 0; partition < this.partitions; partition++) {
      await simulatePartition(partition, trial, comparison, this.log.reader, signal, (count) => {
        heard += count;
      });
    }
    expect(heard).toBe(extent.messages);
    return comparison;
  }
}

function programOf(version: number, options: Readonly<Record<string, unknown>> = {}): Program {
  const event = programEvent(version, options);
  const checked = checkProgram(event.type === 'program' ? JSON.parse(event.document) : undefined);
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues));
  return checked.program;
}

const tiersFrom = (silver: number, gold: number, days = 7): Readonly<Record<string, unknown>> => ({
  tiers: {
    id: 'main',
    window: { days },
    levels: [
      { id: 'silver', from: silver },
      { id: 'gold', from: gold },
    ],
  },
});

/** `silver>gold 2`, and who stays as `gold=gold 1`. */
function moves({ moves: all }: Comparison, tierSet = 'main'): string[] {
  const lines = [...(all.get(tierSet) ?? [])].flatMap(([from, row]) =>
    [...row].map(([to, members]) => `${from || 'none'}${from === to ? '=' : '>'}${to || 'none'} ${members}`),
  );
  return lines.sort();
}

/** Of one wallet, what is not 0. */
function points(tally: Tally, wallet = 'points'): Record<string, number> {
  const flows = noFlows();
  for (const wallets of tally.months.values()) {
    for (const flow of FLOWS) flows[flow] += wallets.get(wallet)?.[flow] ?? 0;
  }
  const all = { ...flows, ...tally.balances.get(wallet) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== 0));
}

function everythingOf(tally: Tally): unknown {
  const { events, members, months, refusals, balances, levels } = tally;
  return { events, members, months, refusals, balances, levels };
}

describe('the program that is in force', () => {
  it('makes no difference at all, whatever happened', async () => {
    const till = new Till(3);
    await till.send({ type: 'program', document: JSON.stringify(programOf(1).document) });
    for (let number = 0; number < 40; number++) {
      const memberId = `m${number % 7}`;
      const bought = purchase(memberId, number);
      const { id } = bought;
      await till.send(bought, { ...bought, id: `again-${id}`, type: 'return', originalId: id, amount: 100, lines: [] });
      if (number % 5 === 0) await till.send({ type: 'tick' });
      till.later(1);
    }
    await till.log.events.publish(1, Buffer.from('no batch'));
    const { before, after, moves: all } = await till.simulate(programOf(1));
    expect(everythingOf(after)).toEqual(everythingOf(before));
    expect(before.members).toBe(7);
    for (const [from, row] of must(all.get('main'))) expect([...row.keys()]).toEqual([from]);
    // Nothing is left of a purchase of nothing, which cannot be returned.
    expect([...before.refusals]).toEqual([['return_exceeds_original', 1]]);
  });

  it('and its like of another version make none either, though members are judged anew', async () => {
    const till = new Till();
    await till.send(programEvent(1));
    await till.send(purchase('m', 15));
    till.later(3);
    await till.send(programEvent(2));
    await till.send(purchase('m', 15));
    till.later(6);
    await till.send({ type: 'tick' });
    const { before, after } = await till.simulate(programOf(3));
    expect(everythingOf(after)).toEqual(everythingOf(before));
  });
});

describe('a higher threshold', () => {
  it('moves exactly the members between the two', async () => {
    const till = new Till(2);
    await till.send(programEvent());
    for (const [member, dollars] of Object.entries({ a: 9, b: 10, c: 14, d: 15, e: 19, f: 20, g: 30 })) {
      await till.send(purchase(member, dollars));
    }
    const result = await till.simulate(programOf(2, tiersFrom(15, 30)));
    expect(moves(result)).toEqual(['gold=gold 1', 'gold>silver 1', 'none=none 1', 'silver=silver 2', 'silver>none 2']);
    expect(points(result.after)).toEqual(points(result.before));
  });

  it('is judged of everybody at the end of the log, touched since or not', async () => {
    const till = new Till(2);
    await till.send(programEvent());
    await till.send(purchase('idle', 12), purchase('gone', 12));
    till.later(2);
    await till.send(purchase('idle', 12));
    till.later(5);
    // Of the other partition: the window of `gone` has lost its day by now, and no tick has said so.
    const other = ['x', 'y', 'z'].find((id) => partitionOf(id, 2) !== partitionOf('gone', 2));
    await till.send(purchase(must(other), 1));
    expect(moves(await till.simulate(programOf(2, tiersFrom(10, 12))))).toEqual(['none=none 2', 'silver>gold 1']);
  });
});

describe('another rate', () => {
  it('changes points by the month they were earned in, and what returns take', async () => {
    const till = new Till();
    const first = purchase('m', 20);
    await till.send(programEvent());
    await till.send(first);
    till.later(30);
    await till.send(purchase('m', 7));
    await till.send({ ...purchase('m', 0), type: 'return', originalId: first.id, amount: 500, lines: [] });
    const { before, after } = await till.simulate(programOf(2, { earn: { id: 'spend', points: 3, per: 1 } }));
    expect(points(before)).toEqual({ issued: 27, returned: 5, available: 22 });
    expect(points(after)).toEqual({ issued: 81, returned: 15, available: 66 });
    const issued = ({ months }: Tally): unknown[] =>
      [...months].map(([month, wallets]) => [month, wallets.get('points')?.issued]);
    expect(issued(after)).toEqual([
      ['2026-01', 60],
      ['2026-02', 21],
    ]);
    expect(issued(before)).toEqual([
      ['2026-01', 20],
      ['2026-02', 7],
    ]);
  });
});

describe('an instant from which it is in force', () => {
  const double = programOf(9, { earn: { id: 'spend', points: 2, per: 1 } });

  async function yearOfTwoPrograms(): Promise<Till> {
    const till = new Till(2);
    await till.send(programEvent(1));
    await till.send(purchase('a', 10), purchase('b', 10));
    till.later(10);
    await till.send(purchase('a', 10), purchase('b', 10));
    till.later(10);
    await till.send(programEvent(2, { earn: { id: 'spend', points: 5, per: 1 } }));
    await till.send(purchase('a', 10), purchase('b', 10));
    return till;
  }

  it('leaves what came before, and replaces every program after', async () => {
    const till = await yearOfTwoPrograms();
    const issuedFrom = async (days: number): Promise<unknown> => {
      const { before, after } = await till.simulate(double, START_MS + days * DAY_MS);
      expect(points(before)).toEqual({ issued: 140, available: 140 });
      return points(after)['issued'];
    };
    expect(await issuedFrom(-1)).toBe(120);
    expect(await issuedFrom(0)).toBe(120);
    expect(await issuedFrom(1)).toBe(20 + 80);
    expect(await issuedFrom(10)).toBe(20 + 80);
    expect(await issuedFrom(20)).toBe(40 + 40);
  });

  it('is met between two messages: what was due before fires by the old program, what was due after by the new', async () => {
    const wallets = (redeem: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
      wallets: [{ id: 'points', pending: { days: 3 }, redeem: { points: 1, worth: 1, ...redeem } }],
    });
    const till = new Till();
    await till.send(programEvent(1, wallets({ automaticAt: 10 })));
    await till.send(purchase('m', 10));
    till.later(6);
    await till.send(purchase('m', 1));
    const at = async (days: number): Promise<unknown> => {
      return points((await till.simulate(programOf(2, wallets({})), START_MS + days * DAY_MS)).after);
    };
    expect(await at(1)).toEqual({ issued: 11, available: 10, pending: 1 });
    expect(await at(5)).toEqual({ issued: 11, redeemed: 10, pending: 1 });
  });

  it('reaches partitions in which nothing happened since', async () => {
    const till = new Till(2);
    await till.send(programEvent());
    await till.send(purchase('a', 12));
    till.later(1);
    const other = must(['x', 'y', 'z'].find((id) => partitionOf(id, 2) !== partitionOf('a', 2)));
    await till.send(purchase(other, 1));
    const result = await till.simulate(programOf(2, tiersFrom(13, 20)), till.nowMs);
    expect(moves(result)).toEqual(['none=none 1', 'silver>none 1']);
  });
});

describe('refusals', () => {
  it('differ where the rules do, and so do members', async () => {
    const till = new Till();
    await till.send(programEvent());
    await till.send(purchase('a', 10), purchase('b', 10), purchase('b', 5));
    await till.send({ type: 'enrolment', id: 'e', memberId: 'b', occurredAt: 0 }, purchase('b', 1));
    const { before, after } = await till.simulate(programOf(2, { enrolment: 'required' }));
    expect([...before.refusals]).toEqual([]);
    expect([...after.refusals]).toEqual([['member_not_enrolled', 3]]);
    expect([before.members, after.members]).toEqual([2, 1]);
    expect([before.events, after.events]).toEqual([5, 5]);
    expect(points(after)).toEqual({ issued: 1, available: 1 });
  });
});

describe('points that were redeemed, held, adjusted or are pending', () => {
  it('add up to what is left of them, in both', async () => {
    const wallets = (days: number): Readonly<Record<string, unknown>> => ({
      wallets: [{ id: 'points', pending: { days }, redeem: { points: 100, worth: 1 } }],
      earn: { id: 'spend', points: 100, per: 1 },
    });
    const spend = { memberId: 'm', occurredAt: 0, store: '', terminal: '', wallet: '', amount: -1 };
    const till = new Till();
    await till.send(programEvent(1, wallets(1)));
    await till.send(purchase('m', 10));
    till.later(2);
    await till.send(
      purchase('m', 3),
      { ...spend, type: 'redemption', id: 'r1', points: 300 },
      { ...spend, type: 'authorisation', id: 'h1', points: 200 },
      { ...spend, type: 'authorisation', id: 'h2', points: 100 },
      { type: 'capture', id: 'c1', memberId: 'm', occurredAt: 0, originalId: 'h1', points: 150 },
      { type: 'reversal', id: 'v1', memberId: 'm', occurredAt: 0, originalId: 'r1', points: 120 },
      { ...spend, type: 'adjustment', id: 'a1', points: -40, reason: '', agent: '', approvedBy: '' },
    );
    const { before, after } = await till.simulate(programOf(2, wallets(30)));
    expect(points(before)).toEqual({
      issued: 1300,
      adjusted: -40,
      redeemed: 450,
      restored: 120,
      available: 530,
      pending: 300,
      held: 100,
    });
    // Nothing can be spent yet: only the adjustment happens.
    expect(points(after)).toEqual({ issued: 1300, adjusted: -40, pending: 1300, debt: 40 });
    for (const tally of [before, after]) {
      const all = { ...noFlows(), available: 0, pending: 0, held: 0, debt: 0, ...points(tally) };
      const came = all.issued + all.adjusted + all.restored - all.returned - all.redeemed - all.expired;
      expect(came).toBe(all.available + all.pending + all.held - all.debt);
    }
  });
});

describe('the report', () => {
  const levels = (...named: [string, number][]): Readonly<Record<string, unknown>> => ({
    tiers: { id: 'main', window: { days: 7 }, levels: named.map(([id, from]) => ({ id, from })) },
  });

  async function reportFor(options: Readonly<Record<string, unknown>>): Promise<SimulationReport> {
    const till = new Till();
    await till.send(programEvent());
    for (const [member, dollars] of Object.entries({ a: 5, b: 12, c: 25 })) await till.send(purchase(member, dollars));
    const program = programOf(2, options);
    const trial = { program, fromMs: 0, extent: await extentOf(till.log.reader, 1) };
    return reportOf(await till.simulate(program), programOf(1), trial, 1);
  }

  it.each([
    ['one level more', levels(['bronze', 5], ['silver', 10], ['gold', 20]), 'none bronze silver gold', [1, 0, 2]],
    ['a level less', levels(['gold', 10]), 'none silver gold', [1, 0, 2]],
    ['other names', levels(['one', 10], ['two', 20]), 'none silver gold one two', [0, 0, 1]],
    ['a level between', levels(['silver', 10], ['amber', 15], ['gold', 30]), 'none silver amber gold', [0, 1, 2]],
    ['no levels', { tiers: undefined }, 'none silver gold', [0, 2, 1]],
  ])('knows up from down with %s', async (_what, options, named, moving) => {
    const [main] = (await reportFor(options)).tiers;
    expect(main?.levels.map(({ level }) => level ?? 'none').join(' ')).toBe(named);
    expect([main?.up, main?.down, main?.stay]).toEqual(moving);
  });

  it('has what points cost by the rate of each program, and nothing where neither has one', async () => {
    expect((await reportFor({ version: 2 })).cost).toBeUndefined();
    const redeem = { points: 10, worth: 1 };
    expect((await reportFor({ wallets: [{ id: 'points', redeem }] })).cost).toMatchObject({
      currency: 'USD',
      issued: { before: 0, after: 420 },
      outstanding: { before: 0, after: 420 },
    });
  });
});

describe('docs/simulate.md', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../docs/simulate.md'), 'utf8');

  async function exampleReport(): Promise<SimulationReport> {
    const options = (minimum: number): Readonly<Record<string, unknown>> => ({
      wallets: [{ id: 'points', redeem: { points: 10, worth: 1, minimum } }],
    });
    const redemption = { type: 'redemption', occurredAt: 0, store: '', terminal: '', wallet: '', amount: -1 } as const;
    const till = new Till(2);
    await till.send(programEvent(1, { ...options(1), ...tiersFrom(10, 20, 365) }));
    await till.send(purchase('ana', 12), purchase('ben', 25));
    till.later(30);
    await till.send({ ...redemption, id: 'r1', memberId: 'ben', points: 15 }, purchase('cem', 18), purchase('dan', 8));
    const [current, program] = [programOf(1, options(1)), programOf(2, { ...options(20), ...tiersFrom(15, 20, 365) })];
    const trial = { program, fromMs: 0, extent: await extentOf(till.log.reader, 2) };
    return reportOf(await till.simulate(program), current, trial, 0.02);
  }

  it('has the report of a small log as its example', async () => {
    const [, example = ''] = docs.match(/```json\n(.*?)```/s) ?? [];
    expect(JSON.parse(example)).toEqual(await exampleReport());
  });

  it('has the row of every field and no other', async () => {
    const rows = [...docs.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]);
    expect(rows).toEqual([...new Set(paths(await exampleReport(), ''))]);
  });
});

/** Of all fields; before, after and difference count as one. */
function paths(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one) => paths(one, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [path];
  const { before: _, after: __, difference, ...rest } = value as Record<string, unknown>;
  const own = difference === undefined ? value : rest;
  const nested = Object.entries(own).flatMap(([key, one]) => paths(one, path === '' ? key : `${path}.${key}`));
  return difference === undefined ? nested : [...nested, path];
}
