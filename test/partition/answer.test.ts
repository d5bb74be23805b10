/** What a gateway is answered: reads, ledger pages over chunks wherever they are, and previews that come true. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../load/random.ts';
import { CHUNK_ENTRIES, LEASES_PER_PARTITION_MAX, LEDGER_PAGE_MAX } from '../../src/limits.ts';
import { answer } from '../../src/partition/answer.ts';
import type { MemberEvent } from '../../src/scoring/event.ts';
import type { LedgerEntryView } from '../../src/wire/ledger-view.ts';
import { encodeMember } from '../../src/wire/member-record.ts';
import type { OutcomeView } from '../../src/wire/outcome-view.ts';
import { type Answer, encodeQuery, type Query } from '../../src/wire/query.ts';
import { scenarioOf } from '../simulation/scenario.ts';
import { memberEvent, Workload } from '../simulation/workload.ts';
import { balanceOf, DAY_MS, Desk, EPOCH, gate, programEvent, purchase, START_MS } from './harness.ts';

async function open(given: Parameters<typeof Desk.open>[0] = {}): Promise<Desk> {
  const desk = await Desk.open(given);
  await desk.score([programEvent()]);
  return desk;
}

function ask(desk: Desk, query: Query): Answer {
  return answerTo(desk, encodeQuery(query));
}

function answerTo({ partition, audience, clock }: Desk, payload: Uint8Array): Answer {
  return answer({ partition, audience, epoch: EPOCH, nowMs: () => clock.nowMs }, payload);
}

describe('a question', () => {
  it('that makes no sense is answered so', async () => {
    const desk = await open();
    expect(answerTo(desk, Buffer.from('{'))).toMatchObject({ ok: false, code: 'bad_query' });
    expect(answerTo(desk, Buffer.from('{"version":9,"query":{}}'))).toMatchObject({ ok: false, code: 'bad_query' });
    expect(answerTo(desk, Buffer.from('{"version":1,"query":{"op":"sing"}}'))).toMatchObject({ code: 'bad_query' });
    expect(answerTo(desk, Buffer.from('{"version":1,"query":{"op":"preview"}}'))).toMatchObject({ code: 'failed' });
  });

  it('to a partition without a program has to wait', async () => {
    expect(ask(await Desk.open(), { op: 'member', memberId: 'm', lease: false })).toMatchObject({ code: 'not_ready' });
  });
});

describe('a member', () => {
  it('is shown as of now, or as of an instant', async () => {
    const desk = await open();
    await desk.score([purchase('m', 12)]);
    const query = { op: 'member', memberId: 'm', lease: false } as const;
    expect(ask(desk, query)).toMatchObject({
      ok: true,
      epoch: EPOCH,
      member: { tiers: { main: { level: 'silver' } } },
    });
    const later = ask(desk, { ...query, asOf: START_MS + 9 * DAY_MS });
    expect(later).toMatchObject({ member: { tiers: { main: { level: null } }, counters: { spend: 0 } } });
    desk.clock.nowMs += 9 * DAY_MS;
    expect(ask(desk, query)).toEqual(later);
    expect(desk.updates('m')).toEqual([]);
  });

  it('that nobody knows is null', async () => {
    const desk = await open();
    expect(ask(desk, { op: 'member', memberId: 'm', lease: false })).toEqual({
      ok: true,
      op: 'member',
      member: null,
      epoch: EPOCH,
    });
  });

  it('is watched from then on, known or not', async () => {
    const desk = await open();
    ask(desk, { op: 'member', memberId: 'm', lease: true });
    await desk.score([purchase('m', 1)]);
    expect(desk.updates('m')).toHaveLength(1);
    for (let number = 1; number < LEASES_PER_PARTITION_MAX; number++) desk.audience.lease(`m${number}`);
    expect(ask(desk, { op: 'member', memberId: 'n', lease: true })).toMatchObject({ code: 'too_many_leases' });
    expect(ask(desk, { op: 'member', memberId: 'n', lease: false })).toMatchObject({ ok: true, member: null });
  });
});

it('a preview of what goes back after it expired leaves no trace', async () => {
  const desk = await Desk.open();
  const bought = purchase('m', 10);
  await desk.score([programEvent(1, { expiry: { after: { days: 1 } } }), bought]);
  desk.clock.nowMs += 2 * DAY_MS;
  await desk.score([{ type: 'tick' }]);
  const sale = { store: '', terminal: '', currency: '', lines: [] };
  const head = { type: 'return', id: 'r', memberId: 'm', occurredAt: 0 } as const;
  const back = { ...head, ...sale, originalId: bought.id, amount: 400 };
  const outcomes = [{ code: 'scored', entries: [{ amount: -4 }, { amount: 4, rule: 'expiration' }] }];
  const member = desk.partition.members.get('m')?.member;
  const before = member && encodeMember(member);
  expect(ask(desk, { op: 'preview', events: [back] })).toMatchObject({ outcomes });
  expect(member && encodeMember(member)).toEqual(before);
});

describe('a ledger', () => {
  it('has what is due though no tick has come, as the balance has, and leaves the member as it was', async () => {
    const desk = await Desk.open();
    await desk.score([programEvent(1, { expiry: { after: { days: 1 } } })]);
    // One entry short of a chunk, which the expiration fills.
    await desk.score(Array.from({ length: CHUNK_ENTRIES - 1 }, () => purchase('m', 1)));
    const stored = desk.partition.members.get('m')?.member;
    const before = stored && encodeMember(stored);
    desk.clock.nowMs += 2 * DAY_MS;
    const read = (): Answer[] => [
      ask(desk, { op: 'member', memberId: 'm', lease: false }),
      ask(desk, { op: 'ledger', memberId: 'm', limit: 2 }),
      ask(desk, { op: 'ledger', memberId: 'm', limit: 2, before: CHUNK_ENTRIES - 1 }),
    ];
    const [member, ledger, older] = read();
    expect(member).toMatchObject({ member: { balances: { points: { available: 0 } } } });
    expect(ledger).toMatchObject({
      entries: [{ type: 'expiration', points: 1 - CHUNK_ENTRIES }, { type: 'accrual' }],
      next: CHUNK_ENTRIES - 2,
    });
    expect(older).toMatchObject({ entries: [{ type: 'accrual' }, { type: 'accrual' }] });
    expect(stored && encodeMember(stored)).toEqual(before);
    await desk.score([{ type: 'tick' }]);
    expect(read().slice(1)).toEqual([ledger, older]);
  });

  const PURCHASES = 2 * CHUNK_ENTRIES + 7;

  /** All pages, newest first. */
  function pages(desk: Desk, limit: number): LedgerEntryView[] {
    const entries: LedgerEntryView[] = [];
    let before: number | undefined;
    do {
      const page = ask(desk, { op: 'ledger', memberId: 'm', limit, ...(before === undefined ? {} : { before }) });
      if (!page.ok || page.op !== 'ledger' || page.entries === null) throw new Error(JSON.stringify(page));
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      entries.push(...page.entries);
      before = page.next;
    } while (before !== undefined);
    return entries;
  }

  it.each(['in memory', 'on its way to the store', 'in the store', 'read back'])('is paged, %s', async (where) => {
    const { passed, open: release } = gate();
    const desk = await open({ faults: { beforeCommit: () => passed } });
    const purchases = Array.from({ length: PURCHASES }, (_, number) => purchase('m', number));
    await desk.score(purchases);
    let shown = desk;
    if (where !== 'in memory') {
      const checkpoint = desk.partition.checkpoint();
      if (where !== 'on its way to the store') {
        release();
        await checkpoint;
      }
      const { log, disk, clock } = desk;
      if (where === 'read back') shown = await Desk.open({ log, disk, clock });
    }
    const expected = purchases.map(({ id }) => id).reverse();
    for (const limit of [1, 10, CHUNK_ENTRIES, PURCHASES, LEDGER_PAGE_MAX]) {
      expect(pages(shown, limit).map(({ eventId }) => eventId)).toEqual(expected);
    }
    expect(pages(shown, 10)[0]).toMatchObject({ type: 'accrual', points: PURCHASES - 1, programVersion: 1 });
  });

  it('shows a return on a purchase that was sealed long ago, before and after it is stored', async () => {
    const desk = await open();
    const [first, ...others] = Array.from({ length: CHUNK_ENTRIES + 1 }, () => purchase('m', 5));
    if (first === undefined) return expect.unreachable();
    await desk.score([first, ...others]);
    await desk.partition.checkpoint();
    const sale = { store: '', terminal: '', currency: '', amount: 200, lines: [] };
    await desk.score([{ ...sale, type: 'return', id: 'r', memberId: 'm', occurredAt: 0, originalId: first.id }]);
    expect(pages(desk, 50).at(-1)).toMatchObject({ eventId: first.id, returnedAmount: 200 });
    await desk.partition.checkpoint();
    expect(pages(desk, 50).at(-1)).toMatchObject({ eventId: first.id, returnedAmount: 200 });
  });

  it('of an unknown member is null, and a page has an end', async () => {
    const desk = await open();
    expect(ask(desk, { op: 'ledger', memberId: 'm', limit: 5 })).toEqual({ ok: true, op: 'ledger', entries: null });
    await desk.score([purchase('m', 1)]);
    const beyond = ask(desk, { op: 'ledger', memberId: 'm', before: 99, limit: 5 });
    expect(beyond).toMatchObject({ ok: true, entries: [{ points: 1 }] });
    expect(beyond).not.toHaveProperty('next');
    expect(ask(desk, { op: 'ledger', memberId: 'm', before: 0, limit: 5 })).toMatchObject({ entries: [] });
  });
});

describe('a preview', () => {
  it('scores on copies, one event after the other', async () => {
    const desk = await open();
    await desk.score([purchase('m', 6)]);
    const [next, refused] = [purchase('m', 6), purchase('n', 1, { currency: 'EUR' })];
    const events = [next, next, refused, { type: 'tick' } as const];
    const previewed = ask(desk, { op: 'preview', events });
    expect(previewed).toMatchObject({
      outcomes: [
        { code: 'scored', member: { balances: { points: { available: 12 } }, tiers: { main: { level: 'silver' } } } },
        { code: 'duplicate', member: { balances: { points: { available: 12 } } } },
        { code: 'currency_mismatch' },
      ],
    });
    expect(balanceOf(desk, 'm')).toBe(6);
    expect(desk.partition.members.get('n')).toBeUndefined();
    expect(ask(desk, { op: 'preview', events })).toEqual(previewed);
  });

  it.each(Array.from({ length: 10 }, (_, index) => index + 1))('comes true, seed %i', async (seed) => {
    const scenario = { ...scenarioOf(seed), isBulky: false };
    const random = new Random(seed);
    const workload = new Workload(scenario, random);
    const desk = await Desk.open({ options: { partitions: scenario.partitions, cacheMembers: 1 } });
    for (const event of scenario.programs.slice(0, 1)) await desk.score([{ type: 'program', document: event }]);
    for (let number = 0; number < 100; number++) {
      desk.clock.nowMs += random.below(3 * DAY_MS);
      const { contents } = workload.packet(0, desk.clock.nowMs);
      const events: MemberEvent[] = contents.flatMap((content) =>
        content.kind === 'event' ? [memberEvent(content.event)] : [],
      );
      if (events.length === 0) continue;
      const previewed = ask(desk, { op: 'preview', events });
      if (!previewed.ok || previewed.op !== 'preview') throw new Error(JSON.stringify(previewed));
      await desk.score(events, `inbox ${number}`);
      const [reply] = desk.replies(`inbox ${number}`);
      expect(previewed.outcomes.map(withoutVersion)).toEqual(reply?.outcomes.map(withoutVersion));
      if (random.chance(0.1)) await desk.partition.checkpoint();
    }
  });
});

/** The version of a member is that of the log, which a preview has not. */
function withoutVersion({ member, ...outcome }: OutcomeView): unknown {
  return { ...outcome, member: member === undefined ? undefined : { ...member, version: 0 } };
}
