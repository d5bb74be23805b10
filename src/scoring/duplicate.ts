/** A known event id has come again: is it the same event, and if not, which field differs? */
import type { Entry } from './entry.ts';
import type { MemberEvent, PurchaseLine, ReturnLine } from './event.ts';
import type { Threshold } from './exceptions.ts';
import type { Member } from './member.ts';

/** The entry an event id left behind, among recent entries and the chunks recalled for it. */
export function findEntry(member: Member, eventId: string, fingerprint: number): Entry | undefined {
  return member.recent.find(eventId, fingerprint) ?? member.history?.find(eventId, fingerprint);
}

const TYPES: Readonly<Record<Entry['kind'], MemberEvent['type'] | undefined>> = {
  accrual: 'purchase',
  reversal: 'return',
  void: 'void',
  settlement: 'confirmation',
  redemption: 'redemption',
  hold: 'authorisation',
  capture: 'capture',
  release: 'release',
  redemption_reversal: 'reversal',
  adjustment: 'adjustment',
  exception: 'exception',
  exception_end: 'exception_end',
  enrolment: 'enrolment',
  expiration: undefined,
};

/** The first field, in the order of the event's shape, that is not what it was; undefined if all are. */
export function differingField(entry: Entry, event: MemberEvent): string | undefined {
  if (TYPES[entry.kind] !== event.type) return 'type';
  if (entry.occurredAt !== event.occurredAt) return 'occurredAt';
  switch (entry.kind) {
    case 'accrual':
      if (event.type !== 'purchase') return 'type';
      return (
        firstDifference(entry, event, ['store', 'terminal', 'currency', 'amount']) ??
        differingLine(entry.lines, event.lines) ??
        firstDifference(entry.deductions, event.deductions, DEDUCTIONS) ??
        firstDifference(entry, event, ['redemptionId'])
      );
    case 'reversal':
      if (event.type !== 'return') return 'type';
      return (
        firstDifference(entry, event, ['store', 'terminal', 'currency', 'originalId', 'amount']) ??
        differingLine(entry.lines, event.lines)
      );
    case 'redemption':
    case 'hold':
      if (event.type !== 'redemption' && event.type !== 'authorisation') return 'type';
      return (
        firstDifference(entry, event, ['store', 'terminal', 'wallet']) ??
        firstDifference(entry.asked, event, ['points', 'amount'])
      );
    case 'capture':
    case 'redemption_reversal':
      if (event.type !== 'capture' && event.type !== 'reversal') return 'type';
      return (
        firstDifference(entry, event, ['originalId']) ?? firstDifference({ points: entry.asked }, event, ['points'])
      );
    case 'void':
    case 'settlement':
    case 'release':
      if (event.type !== 'void' && event.type !== 'confirmation' && event.type !== 'release') return 'type';
      return firstDifference(entry, event, ['originalId']);
    case 'adjustment':
      return event.type === 'adjustment'
        ? firstDifference(entry, event, ['wallet', 'points', 'reason', 'agent', 'approvedBy'])
        : 'type';
    case 'exception':
      if (event.type !== 'exception') return 'type';
      return (
        firstDifference(entry, event, ['tier', 'floor', 'ceiling']) ??
        (isSame(entry.thresholds, event.thresholds) ? undefined : 'thresholds') ??
        firstDifference(entry, event, ['until', 'reason', 'agent'])
      );
    case 'exception_end':
      return event.type === 'exception_end' ? firstDifference(entry, event, ['originalId', 'reason', 'agent']) : 'type';
    case 'enrolment':
    case 'expiration':
      return undefined;
  }
}

const DEDUCTIONS = ['discount', 'paidWithPoints', 'tax', 'tip', 'giftCards'] as const;

function firstDifference<Is extends object, Key extends keyof Is & string>(
  was: { readonly [K in Key]: unknown },
  is: Is,
  keys: readonly Key[],
): Key | undefined {
  return keys.find((key) => was[key] !== is[key]);
}

function isSame(was: readonly Threshold[], is: readonly Threshold[]): boolean {
  return (
    was.length === is.length &&
    was.every(({ level, from }, index) => level === is[index]?.level && from === is[index]?.from)
  );
}

type Line = PurchaseLine | ReturnLine;

function differingLine(was: readonly Line[], is: readonly Line[]): string | undefined {
  if (was.length !== is.length) return 'lines';
  for (const [index, line] of is.entries()) {
    const before = was[index] as Line;
    const field =
      firstDifference(before, line, ['sku']) ??
      ('category' in before && 'category' in line ? firstDifference(before, line, ['category']) : undefined) ??
      firstDifference(before, line, ['quantity', 'amount']);
    if (field !== undefined) return `lines[${index}].${field}`;
  }
  return undefined;
}
