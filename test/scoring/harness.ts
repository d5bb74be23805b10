/**
 * One member and what a partition does around it: recall, score, store. `warm` never lets go of anything, `writing` has every
 * changed chunk on its way to the store while the next event is scored, `flushed` has it stored and dropped after each event,
 * `cold` also stores the member and reads it back: a cache of size none.
 */
import { checkProgram, issuesText } from '../../src/program/parse.ts';
import type { Program } from '../../src/program/program.ts';
import { succeed } from '../../src/program/succession.ts';
import type { Days } from '../../src/scoring/days.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import type { MemberEvent } from '../../src/scoring/event.ts';
import type { Chunk, History } from '../../src/scoring/history.ts';
import type { IdBlock } from '../../src/scoring/id-index.ts';
import type { Lots } from '../../src/scoring/lots.ts';
import { copyMember, type Member } from '../../src/scoring/member.ts';
import { OUTCOMES, type Outcome, type TierChange } from '../../src/scoring/outcome.ts';
import { recall } from '../../src/scoring/recall.ts';
import { score } from '../../src/scoring/score.ts';
import { settle } from '../../src/scoring/settle.ts';
import { newWallet, type Wallet } from '../../src/scoring/wallet.ts';
import {
  decodeChunk,
  decodeIdBlock,
  decodeMember,
  encodeChunk,
  encodeIdBlock,
  encodeMember,
  unstoredMember,
} from '../../src/wire/member-record.ts';

export const MODES = ['warm', 'writing', 'flushed', 'cold'] as const;
export type Mode = (typeof MODES)[number];

export class Desk {
  /** Set with `change`. */
  program: Program;
  member: Member;
  /** Chunks read back so far. */
  reads = 0;
  readonly #mode: Mode;
  readonly #chunks = new Map<number, Uint8Array>();
  #underWay = new Map<number, Uint8Array>();
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(program: Program, mode: Mode = 'warm', memberId = '42') {
    this.program = program;
    this.#mode = mode;
    this.member = unstoredMember(memberId);
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
    if (program.version === this.program.version) return;
    this.tick(now);
    this.program = succeed(this.program, program, now);
  }

  /** Fires the timers due by `now`, one edge at a time, as a tick does. */
  tick(now: number): { tierChanges: TierChange[]; entries: Entry[] } {
    const tierChanges: TierChange[] = [];
    const entries: Entry[] = [];
    while (this.member.due <= now) {
      const passed = settle(this.program, this.member, this.member.due);
      tierChanges.push(...passed.tierChanges);
      entries.push(...passed.entries);
    }
    this.#store();
    return { tierChanges, entries };
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
      entries.push(...(history?.chunk(number) ?? this.readChunk(this.member.id, number)).entries.all());
    }
    return [...entries, ...recent.all()];
  }

  /** Everything a store would hold of the member, as text to compare. */
  records(): string {
    const { member } = this;
    const chunks = new Map(this.#chunks);
    for (let number = 0; number < (member.history?.sealed ?? 0); number++) {
      const chunk = member.history?.chunk(number);
      if (chunk !== undefined) chunks.set(number, encodeChunk(chunk));
    }
    const blocks = (member.history?.index.blocks ?? []).map((block) =>
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
      if (this.#mode !== 'warm') this.#storeChunks(history);
      history.forget();
      const { blocks, dirtyLevels } = history.index;
      for (const level of dirtyLevels) {
        const block = blocks[level];
        if (block === undefined) this.#blocks.delete(level);
        else this.#blocks.set(level, encodeIdBlock(block));
      }
      dirtyLevels.clear();
    }
    if (this.#mode !== 'cold') return;
    const bytes = encodeMember(this.member);
    // The store reuses its buffers: what was decoded must not look into them later.
    const lent = Uint8Array.from(bytes);
    this.member = decodeMember(this.member.id, lent, () => this.#readBlocks());
    lent.fill(0xff);
  }

  #storeChunks(history: History): void {
    if (this.#mode === 'writing') {
      for (const [number, bytes] of this.#underWay) this.#chunks.set(number, bytes);
      history.stored();
      this.#underWay = new Map();
      for (const chunk of history.takeUnstored()) this.#underWay.set(chunk.number, encodeChunk(chunk));
    } else {
      for (const chunk of history.takeUnstored()) this.#chunks.set(chunk.number, encodeChunk(chunk));
      history.stored();
    }
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

/** Days as they read: each with its amount. */
export function pairsOf(days: Days): [number, number][] {
  return Array.from({ length: days.length / 2 }, (_, index) => [
    days[2 * index] as number,
    days[2 * index + 1] as number,
  ]);
}

/** Lots as they read, in the order in which they are spent. */
export function triplesOf(lots: Lots): { last: number; earned: number; open: number }[] {
  return Array.from({ length: lots.length / 3 }, (_, index) => {
    const [last = 0, earned = 0, open = 0] = lots.slice(3 * index);
    return { last, earned, open };
  });
}

/** The first of a member's wallets; an empty one of a member that has none yet. */
export function firstWallet({ wallets }: Member): Wallet {
  return wallets[0] ?? newWallet('points');
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
