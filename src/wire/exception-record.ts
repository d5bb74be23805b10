/** Exceptions as bytes (bytes.ts): what one says, in its ledger entry and with its member; and those of a member. */
import { type Exception, NO_THRESHOLDS, type Threshold } from '../scoring/exceptions.ts';
import type { Member } from '../scoring/member.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

/** An `until` of 0 is none. */
type Terms = Pick<Exception, 'tier' | 'floor' | 'ceiling' | 'thresholds' | 'until' | 'reason' | 'agent'>;

export function writeTermsOfException(out: ByteWriter, terms: Terms): void {
  out.text(terms.tier);
  out.text(terms.floor);
  out.text(terms.ceiling);
  out.uint(terms.thresholds.length);
  for (const { level, from } of terms.thresholds) {
    out.text(level);
    out.uint(from);
  }
  out.uint(terms.until);
  out.text(terms.reason);
  out.text(terms.agent);
}

export function readTermsOfException(from: ByteReader): Terms {
  return {
    tier: from.text(),
    floor: from.text(),
    ceiling: from.text(),
    thresholds: readThresholds(from),
    until: from.uint(),
    reason: from.text(),
    agent: from.text(),
  };
}

function readThresholds(from: ByteReader): readonly Threshold[] {
  const count = from.uint();
  if (count === 0) return NO_THRESHOLDS;
  return Array.from({ length: count }, () => ({ level: from.text(), from: from.uint() }));
}

/** With the levels that they make of those its sets have come to, set by set. */
export function writeExceptions(out: ByteWriter, { exceptions, standing }: Member): void {
  out.uint(exceptions.length);
  for (const exception of exceptions) {
    const { id, since, until, isClosed } = exception;
    out.text(id);
    out.uint(since);
    out.byte(isClosed ? 1 : 0);
    writeTermsOfException(out, { ...exception, until: until === Infinity ? 0 : until });
  }
  for (const { level } of standing?.sets ?? []) out.text(level);
}

/** The member's standing must have been read. */
export function readExceptions(from: ByteReader, member: Member): void {
  member.exceptions = Array.from({ length: from.uint() }, (): Exception => {
    const id = from.text();
    const since = from.uint();
    const isClosed = from.uint() === 1;
    const { tier, floor, ceiling, thresholds, until, reason, agent } = readTermsOfException(from);
    return { id, tier, floor, ceiling, thresholds, since, until: until || Infinity, isClosed, reason, agent };
  });
  for (const set of member.standing?.sets ?? []) set.level = from.text();
}
