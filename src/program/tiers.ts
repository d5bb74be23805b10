/**
 * Tier sets and what they count. A program with one set over the spend in one window, which is most of them, compiles to
 * `tiers` and is judged the short way (scoring/tiers.ts); anything else compiles to `qualifying` (scoring/standing.ts).
 */
import { LATE_DAYS } from '../limits.ts';
import type { ProgramIssue } from './compile.ts';
import { BALANCE, balanceCounter, compileCounters, implicitCounter } from './counters.ts';
import type { Condition, Counter, LevelSet, Qualifying, SetLevel, TierLevel, TierSet } from './program.ts';
import { type ProgramDocument, type WrittenLevel, type WrittenSet, writtenSets } from './schema.ts';
import { compileTerms } from './terms.ts';
import { compilePlainWindow } from './windows.ts';

/** An amount in units of the currency as minor units; what is wrong with it is reported at the path. */
export type ToMinor = (amount: number, path: string) => number;

export interface CompiledTiers {
  readonly tiers: TierSet | undefined;
  readonly qualifying: Qualifying | undefined;
}

export function compileTiers(document: ProgramDocument, minor: ToMinor, issues: ProgramIssue[]): CompiledTiers {
  const sets = writtenSets(document);
  const pathOf = (index: number): string => (Array.isArray(document.tiers) ? `tiers[${index}]` : 'tiers');
  sets.forEach((set, index) => {
    checkNames(sets, index, `${pathOf(index)}.id`, issues);
    checkNames(set.levels, -1, `${pathOf(index)}.levels`, issues);
  });
  const [only] = sets;
  if (document.counters === undefined && sets.length <= 1 && (only === undefined || isPlain(only))) {
    return { tiers: only && compilePlain(only, minor, pathOf(0), issues), qualifying: undefined };
  }
  const counters = compileCounters(document.counters ?? [], issues);
  const known = [...counters];
  const compiled = sets.map((set, index) =>
    compileSet(set, { isFirst: index === 0, known, minor, path: pathOf(index), issues }),
  );
  checkTierYears(counters, compiled, issues);
  return {
    tiers: undefined,
    qualifying: {
      counters: known.filter(({ of }) => of !== 'balance'),
      sets: compiled,
      usesBalance: known.some(({ of }) => of === 'balance'),
      measures: new Set(known.map(({ of }) => of)),
      lifetime: new Set(known.filter(({ window }) => window.kind === 'lifetime').map(({ of }) => of)),
      horizonDays: Math.max(LATE_DAYS, ...compiled.map(({ term }) => term?.daysMax ?? 0)),
    },
  };
}

function isPlain({ id: _id, window, levels, ...rest }: WrittenSet): boolean {
  const isBare = ({ from, when, entry, benefits }: WrittenLevel): boolean =>
    from !== undefined && when === undefined && entry === undefined && benefits === undefined;
  const hasOptions = Object.values(rest).some((value) => value !== undefined);
  return window !== undefined && compilePlainWindow(window) !== undefined && !hasOptions && levels.every(isBare);
}

function compilePlain(set: WrittenSet, minor: ToMinor, path: string, issues: ProgramIssue[]): TierSet {
  const levels: TierLevel[] = set.levels.map((level, index) => ({
    id: level.id,
    fromMinor: minor(level.from ?? 0, `${path}.levels[${index}].from`),
    multiplierMilli: multiplierOf(level),
  }));
  checkRising(set.levels, path, issues);
  const byId = new Map(levels.map((level) => [level.id, level]));
  return {
    id: set.id,
    levels,
    window: compilePlainWindow(set.window ?? 'calendar-year') as TierSet['window'],
    levelFor: (spendMinor) => {
      let index = levels.length - 1;
      while (index >= 0 && spendMinor < (levels[index] as TierLevel).fromMinor) index -= 1;
      return levels[index];
    },
    level: (id) => byId.get(id),
  };
}

interface SetContext {
  readonly isFirst: boolean;
  /** Counters so far; those that a set brings with it are added. */
  readonly known: Counter[];
  readonly minor: ToMinor;
  readonly path: string;
  readonly issues: ProgramIssue[];
}

function compileSet(set: WrittenSet, context: SetContext): LevelSet {
  const { path, issues } = context;
  const own = ownCounter(set, context);
  checkRising(set.levels, path, issues);
  const counters: Counter[] = [];
  const levels = set.levels.map((level, index) => compileLevel(level, index, own, { ...context, counters }));
  const usesBalance = counters.some(({ of }) => of === 'balance');
  if (usesBalance && levels.some(({ entryPoints }) => entryPoints > 0)) {
    issues.push({ path, message: 'expected no entry points: they would count for the very level that gives them' });
  }
  const ranks = new Map(levels.map(({ id }, index) => [id, index]));
  return {
    id: set.id,
    levels,
    counters,
    usesBalance,
    ...compileTerms(set, counters, path, issues),
    outlastsReturns: set.returns === 'at-period-end',
    rank: (id) => ranks.get(id) ?? -1,
  };
}

/** What `from` measures. */
function ownCounter(set: WrittenSet, context: SetContext): Counter | undefined {
  const { path, issues, known } = context;
  const given = [set.window, set.counter, set.balance].filter((way) => way !== undefined).length;
  if (given > 1) issues.push({ path, message: `expected one of window, counter and balance, got ${given}` });
  if (given === 0) {
    const index = set.levels.findIndex(({ from }) => from !== undefined);
    if (index < 0) return undefined;
    const message = 'expected a window such as {days: 365}, {months: 12} or calendar-year, got nothing';
    issues.push({ path: `${path}.window`, message });
    return undefined;
  }
  if (set.counter !== undefined) return findCounter(set.counter, `${path}.counter`, context);
  return implicitCounter(set, context.isFirst, known, path, issues);
}

/** Of a set whose levels are compiled. */
interface LevelContext extends SetContext {
  /** Those that its levels ask for, so far. */
  readonly counters: Counter[];
}

function compileLevel(level: WrittenLevel, index: number, own: Counter | undefined, context: LevelContext): SetLevel {
  const path = `${context.path}.levels[${index}]`;
  const { issues } = context;
  if (!context.isFirst && level.multiplier !== 1) {
    issues.push({ path: `${path}.multiplier`, message: 'expected nothing: only the first tier set multiplies points' });
  }
  return {
    id: level.id,
    ...conditionsOf(level, path, own, context),
    multiplierMilli: multiplierOf(level),
    entryPoints: level.entry?.points ?? 0,
    benefits: level.benefits ?? [],
  };
}

function conditionsOf(
  { from, when }: WrittenLevel,
  path: string,
  own: Counter | undefined,
  context: LevelContext,
): Pick<SetLevel, 'conditions' | 'needed'> {
  const { counters, issues } = context;
  const condition = (counter: Counter | undefined, amount: number, at: string): Condition[] => {
    if (counter === undefined) return [];
    if (!counters.includes(counter)) counters.push(counter);
    return [{ counter, index: counters.indexOf(counter), from: amountOf(counter, amount, at, context) }];
  };
  if ((from === undefined) === (when === undefined)) {
    const got = from === undefined ? 'neither' : 'both';
    issues.push({ path, message: `expected either from or when, got ${got}` });
    return { conditions: [], needed: 0 };
  }
  if (from !== undefined) return { conditions: condition(own, from, `${path}.from`), needed: 1 };
  const { all, any, atLeast, of } = when ?? {};
  const ways = [all, any, of].filter((way) => way !== undefined);
  if (ways.length !== 1 || (of === undefined) !== (atLeast === undefined)) {
    issues.push({ path: `${path}.when`, message: 'expected one of all, any, and atLeast with of' });
  }
  const key = all !== undefined ? 'all' : any !== undefined ? 'any' : 'of';
  const conditions = (ways[0] ?? []).flatMap((written, index) => {
    const at = `${path}.when.${key}[${index}]`;
    return condition(findCounter(written.counter, `${at}.counter`, context), written.from, `${at}.from`);
  });
  const needed = all !== undefined ? conditions.length : any !== undefined ? 1 : (atLeast ?? 1);
  if (needed > Math.max(1, conditions.length)) {
    const message = `expected at most ${conditions.length}, as there are conditions, got ${needed}`;
    issues.push({ path: `${path}.when.atLeast`, message });
  }
  return { conditions, needed };
}

function amountOf({ of, id }: Counter, amount: number, path: string, { minor, issues }: SetContext): number {
  if (of === 'spend') return minor(amount, path);
  if (!Number.isInteger(amount)) {
    issues.push({ path, message: `expected a whole number, as ${id} counts, got ${amount}` });
  }
  return amount;
}

function findCounter(id: string, path: string, { known, issues }: SetContext): Counter | undefined {
  const found = id === BALANCE ? balanceCounter(known) : known.find((counter) => counter.id === id);
  if (found === undefined) issues.push({ path, message: `expected the id of a counter, got "${id}"` });
  return found;
}

function multiplierOf({ multiplier }: WrittenLevel): number {
  return Math.round(multiplier * 1000);
}

/** Of levels that say only `from`; conditions are asked from the highest level down, and need no order. */
function checkRising(levels: readonly WrittenLevel[], path: string, issues: ProgramIssue[]): void {
  levels.forEach((level, index) => {
    const below = levels[index - 1];
    if (below?.from === undefined || level.from === undefined || level.from > below.from) return;
    issues.push({
      path: `${path}.levels[${index}].from`,
      message: `expected more than the level before it, ${below.id}, has, got ${level.from}: levels go from lowest to highest`,
    });
  });
}

/** `at` is the one to look at, -1 for all of a list. */
function checkNames(named: readonly { readonly id: string }[], at: number, path: string, issues: ProgramIssue[]): void {
  named.forEach(({ id }, index) => {
    if (at >= 0 && index !== at) return;
    if (named.findIndex((other) => other.id === id) === index) return;
    const where = at >= 0 ? path : `${path}[${index}].id`;
    issues.push({ path: where, message: `expected a name of its own, got "${id}" again` });
  });
}

/** Years from the start of a level are the years of one set, whose levels it is that start. */
function checkTierYears(counters: readonly Counter[], sets: readonly LevelSet[], issues: ProgramIssue[]): void {
  counters.forEach((counter, index) => {
    if (counter.window.anchor !== 'tier-start') return;
    const users = sets.filter((set) => set.counters.includes(counter));
    if (users.length === 1 && users[0]?.term?.kind === 'span') return;
    issues.push({
      path: `counters[${index}].window.from`,
      message: 'expected one tier set to use this counter, with lasts.for: its levels are what starts the years',
    });
  });
}
