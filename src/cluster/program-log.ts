/**
 * Brings a program into the log. A change is an event in every partition, so that each scores what came before by the old
 * program and what comes after by the new one, now and in every replay.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EventWriter } from '../log/log.ts';
import { readProgram, type StoredProgram, type Topology, writeProgram } from '../log/topology.ts';
import type { ProgramIssue } from '../program/compile.ts';
import { checkProgram, issuesText } from '../program/parse.ts';
import type { Program } from '../program/program.ts';
import { successionIssues } from '../program/succession.ts';
import { encodeBatch } from '../wire/batch.ts';

export type ProgramChangeResult = { readonly ok: true; readonly version: number } | Refused;

/** The log has this version already, with another content, or a newer one, or a program that this one cannot follow. */
interface Refused {
  readonly ok: false;
  /** Version in the log. */
  readonly current: number;
  readonly message: string;
  /** What forbids it to follow, where it is not the version. */
  readonly issues?: readonly ProgramIssue[];
}

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

  /** The latest program, which every partition has in its log. */
  async current(): Promise<StoredProgram | undefined> {
    const { control } = this.#options;
    const current = await readProgram(control);
    if (current === undefined || current.announced) return current;
    // An engine ended, or the log went away, while it told the partitions. Telling some of them twice is harmless.
    await this.#announce(current.document);
    await writeProgram(control, { ...current, announced: true }, current);
    return this.current();
  }

  /** Resolves once every partition has the program in its log. Changes come one after the other. */
  put(program: Program): Promise<ProgramChangeResult> {
    const change = this.#change.then(() => this.#put(program));
    this.#change = change.catch(() => {});
    return change;
  }

  async #put(program: Program): Promise<ProgramChangeResult> {
    const { control } = this.#options;
    const { version } = program;
    const document = JSON.stringify(program.document);
    const current = await this.current();
    if (current !== undefined && isSame(current.document, program)) return { ok: true, version };
    const problem = current === undefined ? undefined : problemAfter(current, program);
    if (problem !== undefined) return problem;
    // The bucket first, as not announced: whatever happens from here on, no other document can take this version.
    const revision = await writeProgram(control, { document, version, announced: false }, current);
    // Another engine changed the program in the meantime: judge again by what it wrote.
    if (revision === undefined) return this.#put(program);
    await this.#announce(document);
    await writeProgram(control, { document, version, announced: true }, { revision });
    return { ok: true, version };
  }

  async #announce(document: string): Promise<void> {
    const { writer, partitions } = this.#options;
    const payload = encodeBatch([{ type: 'program', document }]);
    await Promise.all(Array.from({ length: partitions }, (_unused, partition) => writer.publish(partition, payload)));
  }
}

/** Whether a document says the same as a program, though it was written when there were fewer options to say it with. */
function isSame(written: string, { document }: Program): boolean {
  const checked = checkProgram(JSON.parse(written));
  return checked.ok && isDeepStrictEqual(checked.program.document, document);
}

/** Why the program cannot follow the one in the log. */
function problemAfter({ version: current, document: before }: StoredProgram, program: Program): Refused | undefined {
  const { version, document } = program;
  const refused = { ok: false, current } as const;
  if (current === version) {
    const message = `the program has changed but its version is still ${version}: give it a higher one`;
    return { ...refused, message };
  }
  if (current > version) {
    return { ...refused, message: `the log has version ${current} of the program, which is newer than ${version}` };
  }
  const checked = checkProgram(JSON.parse(before));
  const issues = checked.ok ? successionIssues(checked.program.document, document) : [];
  if (issues.length === 0) return undefined;
  return { ...refused, message: issuesText('the program cannot change so', issues), issues };
}
