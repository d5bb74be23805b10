/** Counters: those that a program declares, and those that a tier set's own window or balance stands for. */
import type { ProgramIssue } from './compile.ts';
import type { Counter } from './program.ts';
import type { WrittenCounter, WrittenSet } from './schema.ts';
import { compileWindow } from './windows.ts';

/** As conditions name it: what can be spent. */
export const BALANCE = 'balance';

const BALANCE_COUNTER: Counter = { id: BALANCE, of: 'balance', window: compileWindow('lifetime', '', []) };

export function compileCounters(written: readonly WrittenCounter[], issues: ProgramIssue[]): Counter[] {
  written.forEach(({ id }, index) => {
    const isTaken = id === BALANCE || written.findIndex((other) => other.id === id) !== index;
    if (isTaken)
      issues.push({ path: `counters[${index}].id`, message: `expected a name of its own, got "${id}" again` });
  });
  return written.map(({ id, of, window }, index) => ({
    id,
    of,
    window: compileWindow(window, `counters[${index}].window`, issues),
  }));
}

/** What a set counts that names no counter: its balance, or spend in a window of its own, `spend` for the first set. */
export function implicitCounter(
  set: WrittenSet,
  isFirst: boolean,
  known: Counter[],
  path: string,
  issues: ProgramIssue[],
): Counter | undefined {
  if (set.balance !== undefined) return balanceCounter(known);
  if (set.window === undefined) return undefined;
  const id = isFirst ? 'spend' : `${set.id}-spend`;
  if (known.some((counter) => counter.id === id)) {
    issues.push({ path: `${path}.window`, message: `expected counter: ${id}, since there is one of that name` });
  }
  const counter: Counter = { id, of: 'spend', window: compileWindow(set.window, `${path}.window`, issues) };
  known.push(counter);
  return counter;
}

export function balanceCounter(known: Counter[]): Counter {
  if (!known.includes(BALANCE_COUNTER)) known.push(BALANCE_COUNTER);
  return BALANCE_COUNTER;
}
