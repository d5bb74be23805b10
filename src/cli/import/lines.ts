/** Reads a file of events line by line, and keeps a hash of what it has read: whether those lines are still the same later. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { EVENTS_PER_REQUEST_MAX, REQUEST_BYTES_MAX } from '../../limits.ts';

/** With room for brackets and commas, of which a request has no more than events. */
export const LINE_BYTES_MAX = REQUEST_BYTES_MAX - 4 * EVENTS_PER_REQUEST_MAX;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** Why it cannot be sent; the text is empty then. */
  readonly problem?: string;
}

const NEWLINE = 0x0a;

export class LineReader {
  readonly #source: Readable;
  readonly #lines: AsyncGenerator<Line>;
  readonly #hash = createHash('sha256');
  #number = 0;
  #bytesRead = 0;

  /** `-` reads the standard input; a name that ends in .gz is unpacked. */
  constructor(file: string) {
    this.#source = this.#open(file);
    this.#lines = this.#split();
  }

  /** Lines read so far. */
  get number(): number {
    return this.#number;
  }

  /** Bytes of the file as it lies on the disk, which are known beforehand even where it is compressed. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Hash of all lines read so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Reads up to and including that line, or to the end. */
  async skipTo(number: number): Promise<void> {
    while (this.#number < number && (await this.#lines.next()).done !== true);
  }

  /** The lines that follow, so many at a time. Blank ones are passed over. */
  async *blocks(size: number): AsyncGenerator<Line[]> {
    let block: Line[] = [];
    for await (const line of this.#lines) {
      if (line.problem === undefined && line.text.trim() === '') continue;
      block.push(line);
      if (block.length < size) continue;
      yield block;
      block = [];
    }
    if (block.length > 0) yield block;
  }

  close(): void {
    this.#source.destroy();
  }

  #open(file: string): Readable {
    const counting = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#bytesRead += chunk.length;
        done(null, chunk);
      },
    });
    const source = file === '-' ? process.stdin : createReadStream(file);
    source.on('error', (error: Error) => counting.destroy(error)).pipe(counting);
    if (!file.endsWith('.gz')) return counting;
    const gunzip = createGunzip();
    counting.on('error', (error) => gunzip.destroy(error));
    return counting.pipe(gunzip);
  }

  /** At newlines only: what else Unicode takes for the end of a line may stand in a JSON string. */
  async *#split(): AsyncGenerator<Line> {
    let pieces: Buffer[] = [];
    let bytes = 0;
    const take = (piece: Buffer): void => {
      this.#hash.update(piece);
      bytes += piece.length;
      if (bytes <= LINE_BYTES_MAX) pieces.push(piece);
      else pieces = [];
    };
    const end = (): Line => {
      this.#number += 1;
      const line = lineOf(this.#number, bytes, Buffer.concat(pieces));
      pieces = [];
      bytes = 0;
      return line;
    };
    for await (const chunk of this.#source as AsyncIterable<Buffer>) {
      let start = 0;
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, start)) {
        take(chunk.subarray(start, at));
        this.#hash.update('\n');
        start = at + 1;
        yield end();
      }
      take(chunk.subarray(start));
    }
    if (bytes > 0) yield end();
  }
}

/** Takes a byte order mark off, as some programs begin a file with one. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function lineOf(number: number, bytes: number, kept: Buffer): Line {
  if (bytes > LINE_BYTES_MAX) {
    return { number, text: '', problem: `the line has ${bytes} bytes, a request takes at most ${LINE_BYTES_MAX}` };
  }
  try {
    return { number, text: utf8.decode(kept) };
  } catch {
    return { number, text: '', problem: 'the line is not UTF-8' };
  }
}
