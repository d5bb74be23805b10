/**
 * One member and what a partition does around it: recall, score, store. `warm` never lets go of anything, `flushed` has every
 * sealed chunk stored and dropped after each event, `cold` also stores the member and reads it back: a cache of size none.
 */
import { checkProgram, issuesText } from '../../src/program/parse.ts';
import type { Program } from '../../src/program/program.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import type { MemberEvent } from '../../src/scoring/event.ts';
import type { Chunk, IdBlock } from '../../src/scoring/history.ts';
import { copyMember, type Member, newMember } from '../../src/scoring/member.ts';
import { OUTCOMES, type Outcome, type TierChange } from '../../src/scoring/outcome.ts';
import { recall } from '../../src/scoring/recall.ts';
import { score } from '../../src/scoring/score.ts';
import { settle } from '../../src/scoring/tiers.ts';
import {
  decodeChunk,
  decodeIdBlock,
  decodeMember,
  encodeChunk,
  encodeIdBlock,
  encodeMember,
} from '../../src/wire/member-record.ts';

export const MODES = ['warm', 'flushed', 'cold'] as const;
export type Mode = (typeof MODES)[number];

export class Desk {
  /** Set with `change`. */
  program: Program;
  member: Member;
  /** Chunks read back so far. */
  reads = 0;
  readonly #mode: Mode;
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(program: Program, mode: Mode = 'warm', memberId = '42') {
    this.program = program;
    this.#mode = mode;
    this.member = newMember(memberId);
  }

  score(event: MemberEvent, now: number): Outcome {
    recall(this.program, this.member, event, now, this.readChunk);
    const outcome = score(this.program, this.member, event, now);
    if (outcome.code === 'scored') this.member.version += 1;
    this.#store();
    return outcome;
  }

  /** Another program counts from here on; what was due before it fires by the old one. */
  change(program: Program, now: number): void {
    if (program === this.program) return;
    this.tick(now);
    this.program = program;
  }

  /** Fires the timers due by `now`, one edge at a time, as a tick does. */
  tick(now: number): TierChange[] {
    const changes: TierChange[] = [];
    while (this.member.due <= now) changes.push(...settle(this.program, this.member, this.member.due));
    this.#store();
    return changes;
  }

  /** The member as a reader at `now` sees it. */
  read(now: number): Member {
    const shown = copyMember(this.member);
    settle(this.program, shown, Math.max(now, shown.asOf));
    return shown;
  }

  /** The whole ledger, oldest first. */
  entries(): Entry[] {
    const { recent, history } = this.member;
    const entries: Entry[] = [];
    for (let number = 0; number < (history?.sealed ?? 0); number++) {
      entries.push(...(history?.recalled.get(number) ?? this.readChunk(this.member.id, number)).entries);
    }
    return [...entries, ...recent];
  }

  /** Everything a store would hold of the member, as text to compare. */
  records(): string {
    const { member } = this;
    const chunks = new Map(this.#chunks);
    for (const chunk of member.history?.recalled.values() ?? []) chunks.set(chunk.number, encodeChunk(chunk));
    const blocks = (member.history?.blocks ?? []).map((block) =>
      block === undefined ? '-' : hex(encodeIdBlock(block)),
    );
    return [
      hex(encodeMember(member)),
      ...[...chunks].sort(([left], [right]) => left - right).map(([number, bytes]) => `${number}: ${hex(bytes)}`),
      ...blocks,
    ].join('\n');
  }

  readonly readChunk = (_memberId: string, number: number): Chunk => {
    const bytes = this.#chunks.get(number);
    this.reads += 1;
    if (bytes === undefined) throw new Error(`chunk ${number} was asked for and never stored`);
    return decodeChunk(number, bytes);
  };

  #store(): void {
    const { history } = this.member;
    if (history !== undefined) {
      if (this.#mode !== 'warm') {
        for (const chunk of history.recalled.values()) {
          if (chunk.state === 'clean') continue;
          this.#chunks.set(chunk.number, encodeChunk(chunk));
          chunk.state = 'clean';
        }
      }
      history.forget();
      for (const level of history.dirtyLevels) {
        const block = history.blocks[level];
        if (block === undefined) this.#blocks.delete(level);
        else this.#blocks.set(level, encodeIdBlock(block));
      }
      history.dirtyLevels.clear();
    }
    if (this.#mode !== 'cold') return;
    const bytes = encodeMember(this.member);
    // The store reuses its buffers: what was decoded must not look into them later.
    const lent = Uint8Array.from(bytes);
    this.member = decodeMember(this.member.id, lent, () => this.#readBlocks());
    lent.fill(0xff);
  }

  #readBlocks(): (IdBlock | undefined)[] {
    const blocks: (IdBlock | undefined)[] = [];
    const levels = Math.max(-1, ...this.#blocks.keys());
    for (let level = 0; level <= levels; level++) {
      const bytes = this.#blocks.get(level);
      blocks.push(bytes === undefined ? undefined : decodeIdBlock(bytes));
    }
    return blocks;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function isRefused({ code }: Outcome): boolean {
  return OUTCOMES[code].refused;
}

/** A program from plain data, with what is always the same left out. */
export function programOf(options: Readonly<Record<string, unknown>>): Program {
  const document = {
    program: 'test',
    version: 1,
    timezone: 'UTC',
    currency: 'USD',
    earn: { id: 'base', points: 1, per: 1 },
    ...options,
  };
  const result = checkProgram(document);
  if (!result.ok) throw new Error(issuesText('', result.issues));
  return result.program;
}
