/** What can be known of other processes: whether one runs, since when, and as what. Linux says all of it, others only the first. */
import { readFileSync } from 'node:fs';

/** One that has ended but was not collected by its parent counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return statOf(pid)?.state !== 'Z';
}

/** In the kernel's clock ticks since it booted: tells a process from a later one with the same pid. '' where nobody says. */
export function processStart(pid: number): string {
  return statOf(pid)?.started ?? '';
}

/** Another after each start of the machine, and the same in all its containers; '' where nobody says. */
export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** Was the process started with an argument that ends so? */
export function hasArgument(pid: number, end: string): boolean {
  return (
    readText(`/proc/${pid}/cmdline`)
      ?.split('\0')
      .some((argument) => argument.endsWith(end)) ?? false
  );
}

function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The process name, field 2, may hold spaces; fields are counted after its closing bracket.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && { state: fields[0] ?? '', started: fields[19] ?? '' };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
