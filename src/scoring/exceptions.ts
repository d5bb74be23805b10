/**
 * Exceptions that an agent makes for one member and one tier set: a floor (a status match is one with an end), a ceiling, and
 * thresholds of the member's own. What a member qualifies for is judged as ever, by its own thresholds where there are some;
 * what it holds is that, raised to the floor and then capped by the ceiling. So neither of the two starts a term or a grace:
 * they end at their instant, and pay no entry points.
 *
 * Sets and levels are kept by name: one that a new program does not have makes the exception inert, not wrong.
 */
import { EXCEPTIONS_MAX } from '../limits.ts';
import type { Program } from '../program/program.ts';
import type { ExceptionEnd } from './entry.ts';
import type { ExceptionEvent } from './event.ts';
import { record } from './ledger.ts';
import type { Member } from './member.ts';

export interface Exception {
  /** Id of the event that made it. */
  readonly id: string;
  /** Id of the tier set; '' means the program's first. */
  readonly tier: string;
  /** Levels by name; '' for none. */
  readonly floor: string;
  readonly ceiling: string;
  readonly thresholds: readonly Threshold[];
  /** In force from here, included, epoch ms, */
  readonly since: number;
  /** to here, not included; Infinity for good. */
  readonly until: number;
  /** Its end is in the ledger. It is kept for purchases that arrive late. */
  readonly isClosed: boolean;
  readonly reason: string;
  readonly agent: string;
}

/** What a level takes of one member, whatever the program says: in the unit of what the level counts, minor units of spend. */
export interface Threshold {
  readonly level: string;
  /** >= 0. */
  readonly from: number;
}

export const NO_EXCEPTIONS: readonly Exception[] = [];
export const NO_THRESHOLDS: readonly Threshold[] = [];

export function isInForce({ since, until }: Exception, at: number): boolean {
  return since <= at && at < until;
}

/** Those of one tier set. `isFirst`: it is the program's first. */
export function exceptionsOf({ exceptions }: Member, tier: string, isFirst: boolean): readonly Exception[] {
  if (exceptions.length === 0) return exceptions;
  return exceptions.filter((exception) => exception.tier === tier || (isFirst && exception.tier === ''));
}

/** What is held by who qualifies for `rank`: ranks count from the lowest level, 0, and -1 is no level. */
export function heldRank(
  rank: number,
  exceptions: readonly Exception[],
  rankOf: (level: string) => number,
  at: number,
): number {
  let floor = -1;
  let ceiling = Infinity;
  for (const exception of exceptions) {
    if (!isInForce(exception, at)) continue;
    floor = Math.max(floor, rankOf(exception.floor));
    const highest = rankOf(exception.ceiling);
    if (highest >= 0) ceiling = Math.min(ceiling, highest);
  }
  return Math.min(Math.max(rank, floor), ceiling);
}

/** What a level takes at an instant: as the latest exception says that names it, or else as the program, `from`. */
export function thresholdAt(exceptions: readonly Exception[], level: string, from: number, at: number): number {
  let own = from;
  for (const exception of exceptions) {
    if (!isInForce(exception, at)) continue;
    for (const threshold of exception.thresholds) if (threshold.level === level) own = threshold.from;
  }
  return own;
}

/** The field that names a set or a level that the program does not have, or a threshold that is not one; undefined if none does. */
export function unknownField({ tiers, qualifying }: Program, event: ExceptionEvent): string | undefined {
  const sets = tiers === undefined ? (qualifying?.sets ?? []) : [tiers];
  const set = event.tier === '' ? sets[0] : sets.find(({ id }) => id === event.tier);
  if (set === undefined) return 'tier';
  for (const field of ['floor', 'ceiling'] as const) {
    if (event[field] !== '' && !set.levels.some(({ id }) => id === event[field])) return field;
  }
  for (const { level } of event.thresholds) {
    const found = set.levels.find(({ id }) => id === level);
    if (found === undefined || ('conditions' in found && found.conditions.length !== 1)) return `thresholds.${level}`;
  }
  return undefined;
}

/** Those that have not ended by an instant. */
export function openExceptions({ exceptions }: Member, by: number): readonly Exception[] {
  return exceptions.filter(({ isClosed, until }) => !isClosed && until > by);
}

export function addException(member: Member, event: ExceptionEvent, at: number): void {
  const { id, tier, floor, ceiling, thresholds, reason, agent } = event;
  const until = event.until === 0 ? Infinity : event.until;
  const added = { id, tier, floor, ceiling, thresholds, since: at, until, isClosed: false, reason, agent };
  // The oldest of those that are over make room.
  let surplus = member.exceptions.length + 1 - EXCEPTIONS_MAX;
  const kept = member.exceptions.filter(({ isClosed }) => {
    if (!isClosed || surplus <= 0) return true;
    surplus -= 1;
    return false;
  });
  member.exceptions = [...kept, added];
}

/** Ends one before its time, from an instant on. */
export function closeException(member: Member, id: string, at: number): void {
  member.exceptions = member.exceptions.map((exception) =>
    exception.id === id ? { ...exception, until: Math.max(exception.since, at), isClosed: true } : exception,
  );
}

/** When the first one ends; Infinity for never. */
export function nextExceptionEnd({ exceptions }: Member): number {
  let next = Infinity;
  for (const { isClosed, until } of exceptions) if (!isClosed && until < next) next = until;
  return next;
}

/** Writes down those whose time is over at an instant, in the order in which they were made. */
export function closeOver(program: Program, member: Member, at: number): ExceptionEnd[] {
  return member.exceptions
    .filter(({ isClosed, until }) => !isClosed && until <= at)
    .map(({ id, until }) => {
      const entry: ExceptionEnd = {
        kind: 'exception_end',
        eventId: '',
        occurredAt: 0,
        at,
        programVersion: program.version,
        originalId: id,
        reason: '',
        agent: '',
      };
      record(member, entry);
      closeException(member, id, until);
      return entry;
    });
}

/** Drops those that ended before an instant: no late purchase asks for them any more. */
export function forgetExceptions(member: Member, before: number): void {
  if (member.exceptions.some(({ isClosed, until }) => isClosed && until < before)) {
    member.exceptions = member.exceptions.filter(({ isClosed, until }) => !isClosed || until >= before);
  }
}
