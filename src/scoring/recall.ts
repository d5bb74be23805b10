/**
 * What the fold will want to look at, fetched before it runs, so that the fold itself reads nothing. Most events need
 * nothing: only resends, returns, and nothing else, reach back past a member's recent entries.
 */
import { fingerprint } from '../lib/hash.ts';
import type { Program } from '../program/program.ts';
import { findEntry } from './duplicate.ts';
import type { Entry } from './entry.ts';
import { effectiveAt, type MemberEvent, type Return } from './event.ts';
import { type Chunk, type History, oldestMatchedChunk } from './history.ts';
import type { Member } from './member.ts';
import { matchable } from './returns.ts';

/** Brings one sealed chunk of a member. */
export type ReadChunk = (memberId: string, number: number) => Chunk;

export function recall(program: Program, member: Member, event: MemberEvent, now: number, readChunk: ReadChunk): void {
  const { history } = member;
  if (history === undefined) return;
  recallId(member.id, history, event.id, readChunk);
  if (!('originalId' in event)) return;
  if (event.originalId !== '') {
    recallId(member.id, history, event.originalId, readChunk);
    const original = findEntry(member, event.originalId, fingerprint(event.originalId));
    if (original !== undefined) recallPayment(member, history, original, readChunk);
  } else if (event.type === 'return') {
    recallGoods(program, member, history, event, effectiveAt(event, now), readChunk);
  }
}

/** The redemption that paid for a part of a purchase. */
function recallPayment(member: Member, history: History, entry: Entry, readChunk: ReadChunk): void {
  if (entry.kind !== 'accrual' || entry.redemptionId === '') return;
  recallId(member.id, history, entry.redemptionId, readChunk);
}

function recallId(memberId: string, history: History, eventId: string, readChunk: ReadChunk): void {
  for (const number of history.index.chunksWith(fingerprint(eventId))) bring(memberId, history, number, readChunk);
}

/** Newest chunks first, until they hold as many of each returned SKU as come back, or the bound is reached. */
function recallGoods(
  program: Program,
  member: Member,
  history: History,
  event: Return,
  at: number,
  readChunk: ReadChunk,
): void {
  const missing = new Map<string, number>();
  for (const { sku, quantity } of event.lines) missing.set(sku, (missing.get(sku) ?? 0) + quantity);
  const look = (entries: readonly Entry[]): void => {
    for (const entry of entries) {
      if (!matchable(program, entry, at)) continue;
      recallPayment(member, history, entry, readChunk);
      for (const line of entry.lines) {
        const rest = (missing.get(line.sku) ?? 0) - (line.quantity - line.returnedQuantity);
        if (rest > 0) missing.set(line.sku, rest);
        else missing.delete(line.sku);
      }
    }
  };
  look(member.recent.all());
  for (let number = history.sealed - 1; number >= oldestMatchedChunk(history) && missing.size > 0; number--) {
    look(bring(member.id, history, number, readChunk).entries.all());
  }
}

function bring(memberId: string, history: History, number: number, readChunk: ReadChunk): Chunk {
  const known = history.chunk(number);
  if (known !== undefined) return known;
  const chunk = readChunk(memberId, number);
  history.recall(chunk);
  return chunk;
}
