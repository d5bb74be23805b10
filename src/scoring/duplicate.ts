/** A known event id has come again: is it the same event, and if not, which field differs? */
import type { Entry } from './entry.ts';
import type { MemberEvent, PurchaseLine, ReturnLine } from './event.ts';
import type { Member } from './member.ts';

/** The entry an event id left behind, among recent entries and the chunks recalled for it. */
export function findEntry(member: Member, eventId: string, fingerprint: number): Entry | undefined {
  return member.recent.find(eventId, fingerprint) ?? member.history?.find(eventId, fingerprint);
}

const TYPES: Readonly<Record<Entry['kind'], MemberEvent['type'] | undefined>> = {
  accrual: 'purchase',
  reversal: 'return',
  adjustment: 'adjustment',
  enrolment: 'enrolment',
  expiration: undefined,
};

/** The first field, in the order of the event's shape, that is not what it was; undefined if all are. */
export function differingField(entry: Entry, event: MemberEvent): string | undefined {
  if (TYPES[entry.kind] !== event.type) return 'type';
  if (entry.occurredAt !== event.occurredAt) return 'occurredAt';
  if (entry.kind === 'accrual' && event.type === 'purchase') {
    return (
      firstDifference(entry, event, ['store', 'terminal', 'currency', 'amount']) ??
      differingLine(entry.lines, event.lines)
    );
  }
  if (entry.kind === 'reversal' && event.type === 'return') {
    return (
      firstDifference(entry, event, ['store', 'terminal', 'currency', 'originalId', 'amount']) ??
      differingLine(entry.lines, event.lines)
    );
  }
  if (entry.kind === 'adjustment' && event.type === 'adjustment') {
    return firstDifference(entry, event, ['points', 'reason', 'agent']);
  }
  return undefined;
}

function firstDifference<Is extends object, Key extends keyof Is & string>(
  was: { readonly [K in Key]: unknown },
  is: Is,
  keys: readonly Key[],
): Key | undefined {
  return keys.find((key) => was[key] !== is[key]);
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
