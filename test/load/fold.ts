/** The engine's fold over a map of members, for events in public JSON: what a worker does, without log, store and thread. */
import type { PublicEvent } from '../../load/public-event.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { parseProgram } from '../../src/program/parse.ts';
import type { Program } from '../../src/program/program.ts';
import { effectiveAt, type MemberEvent } from '../../src/scoring/event.ts';
import type { Chunk } from '../../src/scoring/history.ts';
import { copyMember, type Member } from '../../src/scoring/member.ts';
import type { Outcome } from '../../src/scoring/outcome.ts';
import { recall } from '../../src/scoring/recall.ts';
import { score } from '../../src/scoring/score.ts';
import { settle } from '../../src/scoring/settle.ts';
import { decodeChunk, decodeMember, encodeChunk, encodeMember, unstoredMember } from '../../src/wire/member-record.ts';

export class Fold {
  readonly program: Program;
  readonly members = new Map<string, Member>();
  readonly #chunks = new Map<string, Uint8Array>();
  readonly #isCold: boolean;

  /** `isCold`: every event finds its member as bytes, as if it had been evicted after the one before. */
  constructor(programText: string, isCold = false) {
    const parsed = parseProgram(programText);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    this.program = parsed.program;
    this.#isCold = isCold;
  }

  apply(publicEvent: PublicEvent, receivedMs?: number): Outcome {
    const event = memberEvent(publicEvent);
    const now = receivedMs ?? effectiveAt(event, 0);
    const member = this.members.get(event.memberId) ?? unstoredMember(event.memberId);
    recall(this.program, member, event, now, (id, number) => this.#readChunk(id, number));
    const outcome = score(this.program, member, event, now);
    this.#store(member);
    return outcome;
  }

  /** Fires what is due, one instant at a time, as a tick does. */
  tick(now: number): void {
    for (const id of [...this.members.keys()]) {
      for (let member = this.members.get(id); member !== undefined && member.due <= now; ) {
        settle(this.program, member, member.due);
        this.#store(member);
        member = this.members.get(id);
      }
    }
  }

  /** The member as it reads at an instant. */
  at(id: string, asOfMs: number): Member | undefined {
    const member = this.members.get(id);
    if (member === undefined || member.asOf === 0) return undefined;
    const copy = copyMember(member);
    settle(this.program, copy, asOfMs);
    return copy;
  }

  #readChunk(memberId: string, number: number): Chunk {
    const bytes = this.#chunks.get(`${memberId} ${number}`);
    if (bytes === undefined) throw new Error(`member ${memberId} has no chunk ${number}`);
    return decodeChunk(number, bytes);
  }

  #store(member: Member): void {
    const { history } = member;
    for (const chunk of history?.takeUnstored() ?? []) {
      this.#chunks.set(`${member.id} ${chunk.number}`, encodeChunk(chunk));
    }
    history?.stored();
    history?.forget();
    if (!this.#isCold) {
      this.members.set(member.id, member);
      return;
    }
    const blocks = history?.index.blocks ?? [];
    this.members.set(
      member.id,
      decodeMember(member.id, encodeMember(member), () => blocks),
    );
  }
}

function memberEvent(publicEvent: PublicEvent): MemberEvent {
  const { events, rejected } = parseEvents(publicEvent);
  const [event] = events;
  if (event === undefined) throw new Error(`${JSON.stringify(publicEvent)}: ${JSON.stringify(rejected)}`);
  return event;
}
