/**
 * Brings a program into the log. A change is an event in every partition, so that each scores what came before by the old
 * program and what comes after by the new one, now and in every replay.
 */
import type { EventWriter } from '../log/log.ts';
import { readProgram, type Topology, writeProgram } from '../log/topology.ts';
import type { Program } from '../program/program.ts';
import { encodeBatch } from '../wire/batch.ts';

export type ProgramChangeResult =
  | { readonly ok: true; readonly version: number }
  /** The log has this version already, with another content, or a newer one. */
  | { readonly ok: false; readonly current: number; readonly message: string };

export interface ProgramLogOptions {
  readonly control: Topology['control'];
  readonly writer: EventWriter;
  readonly partitions: number;
}

export class ProgramLog {
  readonly #options: ProgramLogOptions;
  #change: Promise<unknown> = Promise.resolve();

  constructor(options: ProgramLogOptions) {
    this.#options = options;
  }

  async current(): Promise<{ readonly document: string; readonly version: number } | undefined> {
    return readProgram(this.#options.control);
  }

  /** Resolves once every partition has the program in its log. Changes come one after the other. */
  put(program: Program): Promise<ProgramChangeResult> {
    const change = this.#change.then(() => this.#put(program));
    this.#change = change.catch(() => {});
    return change;
  }

  async #put(program: Program): Promise<ProgramChangeResult> {
    const { control, writer, partitions } = this.#options;
    const document = JSON.stringify(program.document);
    const current = await readProgram(control);
    if (current !== undefined && current.version >= program.version) {
      if (current.document === document) return { ok: true, version: current.version };
      const message =
        current.version === program.version
          ? `the program has changed but its version is still ${program.version}: give it a higher one`
          : `the log has version ${current.version} of the program, which is newer than ${program.version}`;
      return { ok: false, current: current.version, message };
    }
    // The log first: were the bucket written first and the rest lost, some partitions would never hear of it. Announcing a
    // version twice is harmless.
    const payload = encodeBatch([{ type: 'program', document }]);
    await Promise.all(Array.from({ length: partitions }, (_unused, partition) => writer.publish(partition, payload)));
    const written = await writeProgram(control, { document, version: program.version }, current);
    // Another engine changed the program in the meantime: judge again by what it wrote.
    return written === undefined ? this.#put(program) : { ok: true, version: program.version };
  }
}
