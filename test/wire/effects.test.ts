import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Program } from '../../src/program/program.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import {
  BEFORE_ALL_EFFECTS,
  decodeEffects,
  type Effect,
  type EffectsMessage,
  encodeEffects,
  entryEffect,
  isAfter,
  tierEffect,
} from '../../src/wire/effects.ts';
import { ledgerEntryView } from '../../src/wire/ledger-view.ts';
import { movementsOf } from '../../src/wire/movements.ts';
import { WireError } from '../../src/wire/pack.ts';
import { histories, programs } from '../scoring/generator.ts';
import { Desk } from '../scoring/harness.ts';

const ANY = { multipliers: true, unmatched: ['ignore', 'deduct', 'refuse'] } as const;

describe('effects', () => {
  it('of any history decode to what was encoded', () => {
    fc.assert(
      fc.property(programs(1, ANY), histories({ maxLength: 20 }), ([program], steps) => {
        const desk = new Desk(program as Program);
        const effects: Effect[] = [];
        for (const [sequence, { event, now }] of steps.entries()) {
          const { entry, tierChanges } = desk.score(event, now);
          const body = entry && entryEffect(desk.member, entry);
          const changes = tierChanges.map((change) => tierEffect('42', 'main', change, event.id));
          for (const one of [...(body === undefined ? [] : [body]), ...changes]) {
            effects.push({ sequence, ordinal: effects.length + 1, loggedAt: new Date(now).toISOString(), ...one });
          }
        }
        const message: EffectsMessage = {
          version: 2,
          partition: 3,
          epoch: 'e',
          to: { sequence: steps.length, ordinal: effects.length },
          effects,
        };
        expect(decodeEffects(encodeEffects(message))).toEqual(JSON.parse(JSON.stringify(message)));
      }),
    );
  });

  it.each(['', 'null', '7', '{}', '{"version":3,"to":{}}', '{"version":1}', '{"version":2}', 'nonsense'])(
    'are not %j',
    (text) => {
      expect(() => decodeEffects(new TextEncoder().encode(text))).toThrow(WireError);
    },
  );

  it('come one after the other', () => {
    const first = { sequence: 5, ordinal: 2 };
    expect(isAfter(first, BEFORE_ALL_EFFECTS)).toBe(true);
    expect(isAfter({ sequence: 5, ordinal: 3 }, first)).toBe(true);
    expect(isAfter({ sequence: 6, ordinal: 1 }, first)).toBe(true);
    expect(isAfter(first, first)).toBe(false);
    expect(isAfter({ sequence: 4, ordinal: 9 }, first)).toBe(false);
  });
});

it('movements of an entry add up to its points, and none is minus nothing', () => {
  fc.assert(
    fc.property(programs(1, ANY), histories({ maxLength: 30 }), ([program], steps) => {
      const desk = new Desk(program as Program);
      for (const { event, now } of steps) desk.score(event, now);
      for (const entry of desk.entries()) {
        const movements = movementsOf(entry);
        const points = pointsOf(entry, 'points');
        expect(movements.reduce((sum, { amount }) => sum + amount, 0)).toBe(points);
        for (const { wallet } of movements) expect(wallet).toBe('points');
        for (const { amount } of movements) expect(Object.is(amount, -0)).toBe(false);
        const view = ledgerEntryView(entry);
        expect(view.points).toBe(points);
        expect(view.text).toContain(String(Math.abs(points) || ''));
      }
    }),
  );
});
