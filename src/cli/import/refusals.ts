/** The lines that were not taken: counted, the first of them kept to be shown, all of them written to a file if one is named. */
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';

export interface Refusal {
  readonly line: number;
  readonly code: string;
  readonly message: string;
  readonly path: string;
}

/** What progress says of them. */
export interface Refused {
  readonly count: number;
  readonly first: readonly Refusal[];
  /** Of the file that keeps them all. */
  readonly fileBytes: number;
}

const SHOWN_MAX = 10;
const NONE: Refused = { count: 0, first: [], fileBytes: 0 };

export class Refusals {
  readonly #file: string | undefined;
  #refused: Refused;

  /** Goes on after what was refused `before`; lines added later than that, by an import that was cut off, are taken away. */
  constructor(file: string | undefined, before: Refused = NONE) {
    this.#file = file;
    this.#refused = before;
    if (file === undefined) return;
    if (before.fileBytes === 0) writeFileSync(file, '');
    else truncateSync(file, before.fileBytes);
  }

  get refused(): Refused {
    return this.#refused;
  }

  add(refusals: readonly Refusal[]): void {
    if (refusals.length === 0) return;
    const { count, first, fileBytes } = this.#refused;
    const text = refusals.map((refusal) => `${JSON.stringify(refusal)}\n`).join('');
    if (this.#file !== undefined) appendFileSync(this.#file, text);
    this.#refused = {
      count: count + refusals.length,
      first: [...first, ...refusals].slice(0, SHOWN_MAX),
      fileBytes: fileBytes + Buffer.byteLength(text),
    };
  }
}
