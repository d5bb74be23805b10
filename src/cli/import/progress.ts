/**
 * How far an import has come, beside its file, and whether a later one may go on from there: only with the same lines, into
 * the same log. Lines that are sent twice do no harm; lines that are left out would.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Refused } from './refusals.ts';

export interface Progress {
  /** Lines up to and including this one are done. */
  readonly line: number;
  /** Hash of those lines. */
  readonly sentHash: string;
  readonly accepted: number;
  readonly refused: Refused;
  readonly origin: Origin;
}

/** What lines were sent from, and where to. */
export interface Origin {
  /** Identity of the log; another engine may write to the same one. */
  readonly epoch: string;
  readonly fileBytes: number;
  /** Epoch ms. */
  readonly fileModifiedMs: number;
  /** Where refused lines are kept, as an absolute path; '' for nowhere. */
  readonly rejectsFile: string;
}

export function originOf(file: string, epoch: string, rejectsFile: string | undefined): Origin {
  const { size, mtimeMs } = statSync(file);
  const rejects = rejectsFile === undefined ? '' : resolve(rejectsFile);
  return { epoch, fileBytes: size, fileModifiedMs: mtimeMs, rejectsFile: rejects };
}

/** What is not as it was when the progress was written. */
export function changedSince({ origin: before, refused }: Progress, now: Origin): string | undefined {
  if (before.epoch !== now.epoch) return 'the engine has another log';
  if (before.fileBytes !== now.fileBytes || before.fileModifiedMs !== now.fileModifiedMs) return 'the file has changed';
  if (before.rejectsFile !== now.rejectsFile) return 'refused lines are to be kept elsewhere';
  if (now.rejectsFile !== '' && sizeOf(now.rejectsFile) < refused.fileBytes) return 'refused lines are gone';
  return undefined;
}

export class ProgressFile {
  readonly #path: string;

  constructor(file: string) {
    this.#path = `${resolve(file)}.import-progress.json`;
  }

  /** Undefined if there is none that can be read. */
  read(): Progress | undefined {
    try {
      const progress = JSON.parse(readFileSync(this.#path, 'utf8')) as Progress;
      return progress.origin === undefined ? undefined : progress;
    } catch {
      return undefined;
    }
  }

  /** Renamed into place, so that a crash leaves the old progress or the new, never half of one. */
  write(progress: Progress): void {
    writeFileSync(`${this.#path}.new`, JSON.stringify(progress));
    renameSync(`${this.#path}.new`, this.#path);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
