/** What a gateway asks a partition's owner. Reads and trials only: everything here works on copies. */

import { toError } from '../lib/assert.ts';
import { CHUNK_ENTRIES, LEDGER_PAGE_MAX } from '../limits.ts';
import type { Program } from '../program/program.ts';
import type { Entries } from '../scoring/entries.ts';
import type { Entry } from '../scoring/entry.ts';
import type { LogEvent, MemberEvent } from '../scoring/event.ts';
import { copyMember, type Member } from '../scoring/member.ts';
import { recall } from '../scoring/recall.ts';
import { score } from '../scoring/score.ts';
import { settle } from '../scoring/settle.ts';
import { ledgerEntryView } from '../wire/ledger-view.ts';
import { unstoredMember } from '../wire/member-record.ts';
import { outcomeView } from '../wire/outcome-view.ts';
import {
  type Answer,
  decodeQuery,
  type LedgerQuery,
  type MemberQuery,
  type PreviewQuery,
  type Query,
} from '../wire/query.ts';
import { type Audience, viewAt } from './audience.ts';
import type { Partition } from './partition.ts';

export interface Answering {
  readonly partition: Partition;
  readonly audience: Audience;
  readonly epoch: string;
  readonly nowMs: () => number;
}

/** Never throws: what goes wrong is an answer too. */
export function answer(context: Answering, payload: Uint8Array): Answer {
  let query: Query;
  try {
    query = decodeQuery(payload);
  } catch (error) {
    return { ok: false, code: 'bad_query', message: toError(error).message };
  }
  const { program } = context.partition;
  if (program === undefined) return { ok: false, code: 'not_ready', message: 'the partition has no program yet' };
  try {
    switch (query.op) {
      case 'member':
        return answerMember(context, program, query);
      case 'ledger':
        return answerLedger(context, program, query);
      case 'preview':
        return answerPreview(context, program, query);
      default:
        return { ok: false, code: 'bad_query', message: 'unknown op' };
    }
  } catch (error) {
    return { ok: false, code: 'failed', message: toError(error).message };
  }
}

function answerMember(context: Answering, program: Program, query: MemberQuery): Answer {
  const { partition, audience, epoch, nowMs } = context;
  if (query.lease && !audience.lease(query.memberId)) {
    return { ok: false, code: 'too_many_leases', message: 'too many members of this partition are watched' };
  }
  const held = partition.members.get(query.memberId);
  const member = held === undefined ? null : viewAt(program, held.member, epoch, query.asOf ?? nowMs());
  return { ok: true, op: 'member', member, epoch };
}

function answerLedger(
  { partition, nowMs }: Answering,
  program: Program,
  { memberId, before, limit }: LedgerQuery,
): Answer {
  const stored = partition.members.get(memberId)?.member;
  if (stored === undefined) return { ok: true, op: 'ledger', entries: null };
  const member = settledTo(program, stored, nowMs());
  const total = (member.history?.sealed ?? 0) * CHUNK_ENTRIES + member.recent.count;
  const end = Math.min(before ?? total, total);
  const start = Math.max(0, end - Math.min(limit, LEDGER_PAGE_MAX));
  const entries = [];
  const read = entryReader(partition, member);
  for (let index = end - 1; index >= start; index--) entries.push(ledgerEntryView(read(index)));
  return { ok: true, op: 'ledger', entries, ...(start > 0 ? { next: start } : {}) };
}

/** With what is due by then, though no tick has come yet: ledger and balance are read as one. */
function settledTo(program: Program, member: Member, atMs: number): Member {
  if (member.due > atMs) return member;
  const copy = copyMember(member);
  settle(program, copy, atMs);
  return copy;
}

/** Entries by index, oldest first, a chunk at a time. */
function entryReader(partition: Partition, member: Member): (index: number) => Entry {
  const sealed = member.history?.sealed ?? 0;
  let current: { readonly number: number; readonly entries: readonly Entry[] } | undefined;
  const read = (number: number): Entries => {
    if (number === sealed) return member.recent;
    // A chunk that waits for its checkpoint is newer in memory than in the store.
    return (member.history?.chunk(number) ?? partition.members.readChunk(member.id, number)).entries;
  };
  return (index) => {
    const number = Math.floor(index / CHUNK_ENTRIES);
    if (current?.number !== number) current = { number, entries: read(number).all() };
    return current.entries[index % CHUNK_ENTRIES] as Entry;
  };
}

/** Scores the events on copies, one after the other, as if the log had received them now. */
function answerPreview({ partition, epoch, nowMs }: Answering, program: Program, { events }: PreviewQuery): Answer {
  const at = nowMs();
  const copies = new Map<string, Member>();
  const outcomes = events.filter(isMemberEvent).map((event) => {
    const known = copies.get(event.memberId) ?? copyOf(partition, event.memberId);
    const member = known ?? unstoredMember(event.memberId);
    recall(program, member, event, at, partition.members.readChunk);
    const outcome = score(program, member, event, at);
    if (outcome.code === 'scored') copies.set(event.memberId, member);
    const exists = known !== undefined || outcome.code === 'scored';
    return outcomeView(event, outcome, undefined, exists ? viewAt(program, member, epoch, at) : undefined);
  });
  return { ok: true, op: 'preview', outcomes };
}

function copyOf(partition: Partition, memberId: string): Member | undefined {
  const held = partition.members.get(memberId);
  return held === undefined ? undefined : copyMember(held.member);
}

function isMemberEvent(event: LogEvent): event is MemberEvent {
  return event.type !== 'tick' && event.type !== 'program';
}
