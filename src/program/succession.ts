/** One program after another: what a new version may not change, and which version counts for what happened when. */
import { PROGRAMS_KEPT } from '../limits.ts';
import type { ProgramIssue } from './compile.ts';
import type { Program } from './program.ts';
import type { ProgramDocument } from './schema.ts';
import { POINTS_WALLET } from './wallets.ts';

/**
 * What forbids `next` to take the place of `previous`. Days, windows and lots already counted are in the old time zone and
 * currency, so neither can change in the life of a program.
 */
export function successionIssues(previous: ProgramDocument, next: ProgramDocument): ProgramIssue[] {
  const issues: ProgramIssue[] = [];
  if (next.version <= previous.version) {
    issues.push({ path: 'version', message: `expected more than ${previous.version}, got ${next.version}` });
  }
  for (const path of ['program', 'currency', 'timezone'] as const) {
    if (next[path] === previous[path]) continue;
    issues.push({
      path,
      message: `expected "${previous[path]}" as in version ${previous.version}, got "${next[path]}"`,
    });
  }
  const walletIds = walletsOf(next);
  for (const id of walletsOf(previous)) {
    if (walletIds.includes(id)) continue;
    issues.push({
      path: 'wallets',
      message: `expected "${id}" as in version ${previous.version}: members own what is in it`,
    });
  }
  return issues;
}

function walletsOf({ wallets }: ProgramDocument): readonly string[] {
  return wallets?.map(({ id }) => id) ?? [POINTS_WALLET];
}

/** `next` in the place of `previous` from an instant on, epoch ms. One that was in force for no time is passed over. */
export function succeed(previous: Program | undefined, next: Program, since: number): Program {
  const earlier = previous !== undefined && previous.since >= since ? previous.earlier : previous;
  return { ...next, since, earlier: earlier && shortened(earlier, PROGRAMS_KEPT - 1) };
}

function shortened(program: Program, versions: number): Program {
  if (program.earlier === undefined) return program;
  return { ...program, earlier: versions <= 1 ? undefined : shortened(program.earlier, versions - 1) };
}

/** The version in force at an instant; the oldest that is known for what was before. */
export function programAt(program: Program, at: number): Program {
  let inForce = program;
  while (at < inForce.since && inForce.earlier !== undefined) inForce = inForce.earlier;
  return inForce;
}
