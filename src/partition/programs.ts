/** The versions of the program that a partition has been told of: those that were, the one in force, and those to come. */
import { PROGRAMS_KEPT } from '../limits.ts';
import { checkProgram, issuesText } from '../program/parse.ts';
import type { Program } from '../program/program.ts';
import { succeed } from '../program/succession.ts';
import type { ProgramVersion, StoredPosition } from '../store/store.ts';

interface Announced extends ProgramVersion {
  readonly program: Program;
}

export class Programs {
  /** In force; it knows those before it. Undefined before the first. */
  current: Program | undefined;
  /** Documents of `current` and of those before it that are kept, oldest first. */
  #started: readonly ProgramVersion[] = [];
  /** Not yet in force, in the order in which they will be. */
  #coming: readonly Announced[] = [];
  /** For the store: another array whenever something is other than before. */
  versions: readonly ProgramVersion[] = [];

  static stored(position: StoredPosition | undefined): Programs {
    const programs = new Programs();
    const { program = '', programs: versions, timestampMs = 0 } = position ?? {};
    const known = versions ?? (program === '' ? [] : [{ document: program, since: 0 }]);
    for (const version of known) programs.#add({ ...version, program: compileStored(version.document) });
    while (programs.nextAt <= timestampMs) programs.startNext();
    programs.versions = known;
    return programs;
  }

  /** Of the program in force; '' before the first. */
  get document(): string {
    return this.#started.at(-1)?.document ?? '';
  }

  /** The version that any other must follow. */
  get newest(): Program | undefined {
    return this.#coming.at(-1)?.program ?? this.current;
  }

  isNewest(document: string): boolean {
    return (this.#coming.at(-1)?.document ?? this.document) === document;
  }

  /** When the next one is in force, epoch ms; Infinity when none is to come. */
  get nextAt(): number {
    return this.#coming[0]?.since ?? Infinity;
  }

  /** A version that is in force from the instant it names, but not before the version it follows; or from now on. */
  announce(document: string, program: Program, now: number): void {
    const before = this.#coming.at(-1)?.since ?? this.current?.since ?? 0;
    this.#add({
      document,
      program,
      since: Math.max(before, program.effectiveFrom === 0 ? now : program.effectiveFrom),
    });
  }

  startNext(): void {
    const [next, ...later] = this.#coming;
    if (next === undefined) return;
    this.#coming = later;
    this.current = succeed(this.current, next.program, next.since);
    const started = this.#started.filter(({ since }) => since < next.since);
    this.#started = [...started, { document: next.document, since: next.since }].slice(-PROGRAMS_KEPT);
    this.#remember();
  }

  #add(announced: Announced): void {
    this.#coming = [...this.#coming, announced];
    this.#remember();
  }

  #remember(): void {
    this.versions = [...this.#started, ...this.#coming.map(({ document, since }) => ({ document, since }))];
  }
}

function compileStored(document: string): Program {
  const result = checkProgram(JSON.parse(document) as unknown);
  if (!result.ok) throw new Error(`the stored program no longer compiles: ${issuesText('', result.issues)}`);
  return result.program;
}
