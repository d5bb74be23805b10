/** Earn rules, from what is written to the terms that a purchase is scored and kept with. */
import type { Rounding } from '../lib/integer.ts';
import { AMOUNT_MAX, LINES_PER_EVENT_MAX, POINTS_PER_EVENT_MAX, QUANTITY_MAX } from '../limits.ts';
import type { ProgramIssue } from './compile.ts';
import {
  type AccrualTerms,
  type Award,
  type EarnCondition,
  type EarnRule,
  type EarnRules,
  EVERYTHING,
} from './program.ts';
import type { ProgramDocument } from './schema.ts';
import { POINTS_WALLET } from './wallets.ts';

type Written = ProgramDocument['earn'][number];
type Minor = (amount: number, path: string) => number;

export function compileEarn(
  document: ProgramDocument,
  levels: readonly { readonly id: string; readonly multiplierMilli: number }[],
  minor: Minor,
  issues: ProgramIssue[],
): EarnRules {
  const rules = document.earn.map((written, index): EarnRule => {
    const path = `earn[${index}]`;
    if (document.earn.findIndex(({ id }) => id === written.id) !== index) {
      issues.push({ path: `${path}.id`, message: `expected a name of its own, got "${written.id}" again` });
    }
    const plain = termsOf(document, written, path, minor, issues);
    const terms = new Map([['', plain]]);
    for (const { id: levelId, multiplierMilli } of levels) terms.set(levelId, { ...plain, levelId, multiplierMilli });
    return { when: compileCondition(written.when, `${path}.when`, minor, issues), terms };
  });
  checkSize(document, rules, issues);
  return {
    rules,
    always: rules.every(({ when }) => when === undefined) ? awardsByLevel(rules) : undefined,
    countsPieces: document.earn.some(({ each }) => each === 'piece'),
  };
}

function termsOf(
  document: ProgramDocument,
  written: Written,
  path: string,
  minor: Minor,
  issues: ProgramIssue[],
): AccrualTerms {
  const { id, points, per, each } = written;
  if ((per === undefined) === (each === undefined)) {
    issues.push({ path, message: `expected either per or each, got ${per === undefined ? 'neither' : 'both'}` });
  }
  const wallets = document.wallets ?? [];
  const wallet = wallets.find((candidate) => candidate.id === written.wallet) ?? wallets[0];
  const known = wallets.length === 0 ? [POINTS_WALLET] : wallets.map((candidate) => candidate.id);
  if (written.wallet !== undefined && !known.includes(written.wallet)) {
    issues.push({ path: `${path}.wallet`, message: `expected ${known.join(' or ')}, got "${written.wallet}"` });
  }
  // A basket's fraction is none of a single rule's.
  if (wallet?.rounded === 'basket' && (written.rounding ?? wallet.rounding) !== wallet.rounding) {
    issues.push({
      path: `${path}.rounding`,
      message: `expected ${wallet.rounding}, as ${wallet.id} rounds its baskets, got ${written.rounding}`,
    });
  }
  return {
    programVersion: document.version,
    ruleId: id,
    walletId: wallet?.id ?? POINTS_WALLET,
    rate: {
      points,
      perMinor: per === undefined ? 1 : minor(per, `${path}.per`),
      rounding: roundingOf(document, written),
    },
    per: per === undefined ? (each ?? 'purchase') : 'money',
    rounded: wallet?.rounded ?? 'rule',
    back: document.returns.back,
    levelId: '',
    multiplierMilli: 1000,
  };
}

/** As the rule says, or else its wallet. */
export function roundingOf({ wallets = [] }: ProgramDocument, { rounding, wallet }: Written): Rounding {
  return rounding ?? (wallets.find(({ id }) => id === wallet) ?? wallets[0])?.rounding ?? 'floor';
}

function compileCondition(
  written: Written['when'],
  path: string,
  minor: Minor,
  issues: ProgramIssue[],
): EarnCondition | undefined {
  if (written === undefined) return undefined;
  const { skus, categories, stores, from, below } = written;
  if (from !== undefined && below !== undefined && below <= from) {
    issues.push({ path: `${path}.below`, message: `expected more than from, ${from}, got ${below}` });
  }
  return {
    skus: skus && new Set(skus),
    categories: categories && new Set(categories),
    stores: stores && new Set(stores),
    fromMinor: from === undefined ? 0 : minor(from, `${path}.from`),
    belowMinor: below === undefined ? Infinity : minor(below, `${path}.below`),
  };
}

/** Arrays made once: a purchase under such rules keeps what it was given and makes none. */
function awardsByLevel(rules: readonly EarnRule[]): Map<string, readonly Award[]> {
  const levelIds = [...(rules[0]?.terms.keys() ?? [])];
  return new Map(
    levelIds.map((levelId) => [
      levelId,
      rules.map(({ terms }) => ({ terms: terms.get(levelId) as AccrualTerms, lines: EVERYTHING })),
    ]),
  );
}

/** What stays exact is bounded for a purchase as a whole, whichever of the rules apply to it; more pieces than this the fold refuses. */
function checkSize(document: ProgramDocument, rules: readonly EarnRule[], issues: ProgramIssue[]): void {
  const multiplier = Math.max(1, ...[...(rules[0]?.terms.values() ?? [])].map((terms) => terms.multiplierMilli / 1000));
  const largest = { money: AMOUNT_MAX, piece: QUANTITY_MAX, line: LINES_PER_EVENT_MAX, purchase: 1 };
  let total = 0;
  for (const [index, { terms }] of rules.entries()) {
    const { rate, per } = terms.get('') as AccrualTerms;
    if (rate.perMinor === 0) continue;
    total += (rate.points * multiplier * largest[per]) / rate.perMinor;
    if (total <= POINTS_PER_EVENT_MAX) continue;
    issues.push({
      path: `earn[${index}].points`,
      message: `expected fewer points, got ${document.earn[index]?.points}: the largest purchase would pass what stays exact`,
    });
    return;
  }
}
