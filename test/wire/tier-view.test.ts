/** Progress as clients get it: every path, what is missing on each and by when; and a standing as it is stored. */
import { describe, expect, it } from 'vitest';
import { NO_DEDUCTIONS, type Purchase } from '../../src/scoring/event.ts';
import { decodeMember, encodeMember } from '../../src/wire/member-record.ts';
import { memberView } from '../../src/wire/member-view.ts';
import { outcomeView } from '../../src/wire/outcome-view.ts';
import { Desk, programOf } from '../scoring/harness.ts';

const NOON = Date.UTC(2026, 0, 5, 12);
const PROGRAM = {
  counters: [
    { id: 'spent', of: 'spend', window: 'calendar-year' },
    { id: 'visits', of: 'visits', window: { days: 30 } },
  ],
  tiers: [
    {
      id: 'main',
      lasts: { until: 'next-period-end' },
      levels: [
        { id: 'silver', when: { any: [{ counter: 'spent', from: 100 }] }, entry: { points: 5 }, benefits: ['Lounge'] },
        {
          id: 'gold',
          when: {
            any: [
              { counter: 'spent', from: 5_000 },
              { counter: 'visits', from: 10 },
            ],
          },
        },
      ],
    },
    { id: 'local', counter: 'visits', levels: [{ id: 'friend', from: 1 }] },
  ],
};

function purchase(id: string, amount: number): Purchase {
  const head = { type: 'purchase', id, memberId: '42', occurredAt: NOON, store: 's1' } as const;
  return { ...head, terminal: '', currency: '', amount, lines: [], deductions: NO_DEDUCTIONS, redemptionId: '' };
}

describe('a member of several sets', () => {
  it('sees every path to the next level, and what it takes to stay', () => {
    const desk = new Desk(programOf(PROGRAM));
    const event = purchase('p1', 400_000);
    const outcome = desk.score(event, NOON);
    const view = memberView(desk.program, desk.member, 'e');
    expect(view.counters).toEqual({ spent: 400_000, visits: 1 });
    expect(view.tiers['main']).toEqual({
      level: 'silver',
      since: '2026-01-05T12:00:00.000Z',
      until: '2028-01-01T00:00:00.000Z',
      projected: null,
      next: {
        level: 'gold',
        needs: 'any',
        paths: [
          { counter: 'spent', have: 400_000, need: 500_000, missing: 100_000, by: '2027-01-01T00:00:00.000Z' },
          { counter: 'visits', have: 1, need: 10, missing: 9, by: '2026-02-04T00:00:00.000Z' },
        ],
      },
      keep: [{ counter: 'spent', have: 0, need: 10_000, missing: 10_000, by: '2028-01-01T00:00:00.000Z' }],
      keepNeeds: 'all',
      benefits: ['Lounge'],
    });
    expect(view.tiers['local']).toMatchObject({ level: 'friend', until: '2026-02-04T00:00:00.000Z', projected: null });
    expect(outcomeView(event, outcome, undefined, undefined)).toMatchObject({
      tierChanges: [
        { from: null, to: 'silver', at: '2026-01-05T12:00:00.000Z' },
        { tier: 'local', from: null, to: 'friend', at: '2026-01-05T12:00:00.000Z' },
      ],
      rewards: [{ wallet: 'points', amount: 5, rule: 'adjustment' }],
    });
  });

  it('is stored whole', () => {
    const desk = new Desk(programOf(PROGRAM));
    desk.score(purchase('p1', 400_000), NOON);
    const bytes = encodeMember(desk.member);
    expect(bytes[0]).toBe(3);
    const { standing } = decodeMember('42', bytes, () => []);
    expect(standing).toEqual(desk.member.standing);
    // A program that asks for no more than spend writes what it always wrote.
    const plain = new Desk(programOf({}));
    plain.score(purchase('p1', 400_000), NOON);
    expect(encodeMember(plain.member)[0]).toBe(1);
  });
});
