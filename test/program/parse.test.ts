/** What a marketer reads when a program is wrong: where, what was expected, what was there. */
import { describe, expect, it } from 'vitest';
import { PROGRAM_BYTES_MAX } from '../../src/limits.ts';
import { checkProgram, issuesText, parseProgram, pathText } from '../../src/program/parse.ts';

const GOOD = {
  program: 'coffee',
  version: 1,
  timezone: 'Europe/London',
  currency: 'GBP',
  enrolment: 'implicit',
  earn: { id: 'base', points: 1, per: 0.5, rounding: 'floor' },
  tiers: {
    id: 'main',
    window: { days: 365 },
    levels: [
      { id: 'silver', from: 100, multiplier: 1.25 },
      { id: 'gold', from: 500.5, multiplier: 2 },
    ],
  },
  returns: { unmatched: 'deduct', matchDays: 90 },
};

/** GOOD with the value at a path such as `tiers.levels[1].from` replaced; undefined takes the option away. */
function withValue(path: string, value: unknown): unknown {
  const copy: unknown = structuredClone(GOOD);
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
  let target = copy as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) target = target[key] as Record<string, unknown>;
  const last = keys.at(-1) as string;
  if (value === undefined) delete target[last];
  else target[last] = value;
  return copy;
}

function errorsOf(document: unknown): string[] {
  const result = checkProgram(document);
  return result.ok ? [] : issuesText('', result.issues).split('\n');
}

it('the program that all of these are made from is in order', () => {
  expect(errorsOf(GOOD)).toEqual([]);
});

const NAME = 'expected a lower-case name such as gold: letters, digits and dashes, at most 32';

describe('every option', () => {
  it.each([
    ['program', 'Coffee Club', `program: ${NAME}, got "Coffee Club"`],
    ['program', '', `program: ${NAME}, got ""`],
    ['program', undefined, 'program: expected text, got nothing'],
    ['program', 7, 'program: expected text, got 7'],
    ['version', 0, 'version: expected at least 1, got 0'],
    ['version', 1.5, 'version: expected a whole number, got 1.5'],
    ['version', '2', 'version: expected a number, got "2"'],
    ['version', 1_000_001, 'version: expected at most 1000000, got 1000001'],
    ['timezone', 'Mars/Base', 'timezone: expected an IANA time zone such as Europe/London, got "Mars/Base"'],
    ['timezone', null, 'timezone: expected text, got null'],
    ['currency', 'gbp', 'currency: expected an ISO 4217 code such as USD, got "gbp"'],
    ['currency', 'XQZ', 'currency: expected an ISO 4217 code such as USD, got "XQZ"'],
    ['enrolment', 'maybe', 'enrolment: expected "implicit" or "required", got "maybe"'],
    ['earn', undefined, 'earn: expected a list, got nothing'],
    ['earn', 1, 'earn: expected options with values, got 1'],
    ['earn', [1], 'earn[0]: expected options with values, got 1'],
    ['earn', [], 'earn: expected a list of at least 1, got []'],
    ['earn', [GOOD.earn, GOOD.earn], 'earn[1].id: expected a name of its own, got "base" again'],
    ['earn.id', 'Base!', `earn.id: ${NAME}, got "Base!"`],
    ['earn.points', 0, 'earn.points: expected at least 1, got 0'],
    ['earn.points', 0.5, 'earn.points: expected a whole number, got 0.5'],
    ['earn.points', 1_000_001, 'earn.points: expected at most 1000000, got 1000001'],
    ['earn.per', 0, 'earn.per: expected more than 0, got 0'],
    ['earn.per', -1, 'earn.per: expected more than 0, got -1'],
    ['earn.per', 0.001, 'earn.per: expected at most 2 decimals, as GBP has, got 0.001'],
    ['earn.per', 10_000_000_001, 'earn.per: expected at most 10000000000, got 10000000001'],
    ['earn.per', Number.POSITIVE_INFINITY, 'earn.per: expected a number, got Infinity'],
    ['earn.per', Number.NaN, 'earn.per: expected a number, got NaN'],
    ['earn.per', '1', 'earn.per: expected a number, got "1"'],
    ['earn.per', undefined, 'earn: expected either per or each, got neither'],
    ['earn.each', 'line', 'earn: expected either per or each, got both'],
    ['earn.each', 'kilo', 'earn.each: expected "piece" or "line" or "purchase", got "kilo"'],
    ['earn.wallet', 'miles', 'earn.wallet: expected points, got "miles"'],
    ['earn.when', { sku: ['a'] }, 'earn.when: unknown option "sku"'],
    ['earn.when', { skus: [] }, 'earn.when.skus: expected a list of at least 1, got []'],
    ['earn.when', { from: 1.001 }, 'earn.when.from: expected at most 2 decimals, as GBP has, got 1.001'],
    ['earn.when', { from: 5, below: 5 }, 'earn.when.below: expected more than from, 5, got 5'],
    ['earnOn', 'net', 'earnOn: expected "gross" or "net-of-discounts" or "net-of-points", got "net"'],
    ['earn.rounding', 'down', 'earn.rounding: expected "floor" or "nearest" or "ceil", got "down"'],
    ['tiers', null, 'tiers: expected options with values, or a list of them, got null'],
    ['tiers.id', 'A', `tiers.id: ${NAME}, got "A"`],
    [
      'tiers.window',
      undefined,
      'tiers.window: expected a window such as {days: 365}, {months: 12} or calendar-year, got nothing',
    ],
    [
      'tiers.window',
      'year',
      'tiers.window: expected a window such as {days: 365}, {months: 12} or calendar-year, got "year"',
    ],
    [
      'tiers.window',
      { days: 3, months: 2 },
      'tiers.window: expected a window such as {days: 365}, {months: 12} or calendar-year, got {"days":3,"months":2}',
    ],
    ['tiers.window', { days: 0 }, 'tiers.window.days: expected at least 1, got 0'],
    ['tiers.window', { days: 3_661 }, 'tiers.window.days: expected at most 3660, got 3661'],
    ['tiers.window', { months: 121 }, 'tiers.window.months: expected at most 120, got 121'],
    ['tiers.levels', [], 'tiers.levels: expected a list of at least 1, got []'],
    ['tiers.levels', { id: 'gold' }, 'tiers.levels: expected a list, got {"id":"gold"}'],
    ['tiers.levels[1].id', 'Gold', `tiers.levels[1].id: ${NAME}, got "Gold"`],
    ['tiers.levels[1].id', 'silver', 'tiers.levels[1].id: expected a name of its own, got "silver" again'],
    ['tiers.levels[1].from', -1, 'tiers.levels[1].from: expected at least 0, got -1'],
    ['tiers.levels[1].from', '500', 'tiers.levels[1].from: expected a number, got "500"'],
    ['tiers.levels[1].from', 500.001, 'tiers.levels[1].from: expected at most 2 decimals, as GBP has, got 500.001'],
    [
      'tiers.levels[1].from',
      100,
      'tiers.levels[1].from: expected more than the level before it, silver, has, got 100: levels go from lowest to highest',
    ],
    ['tiers.levels[0].multiplier', 0.5, 'tiers.levels[0].multiplier: expected at least 1, got 0.5'],
    ['tiers.levels[0].multiplier', 101, 'tiers.levels[0].multiplier: expected at most 100, got 101'],
    ['tiers.levels[0].multiplier', 1.0005, 'tiers.levels[0].multiplier: expected a multiple of 0.001, got 1.0005'],
    ['expiry', null, 'expiry: expected options with values, got null'],
    ['expiry', {}, 'expiry: expected either after or on, got neither'],
    ['expiry', { after: { days: 1 }, on: ['06-30'] }, 'expiry: expected either after or on, got both'],
    ['expiry', { after: {} }, 'expiry.after: expected one of days, months and years, got 0'],
    ['expiry', { after: { days: 1, years: 1 } }, 'expiry.after: expected one of days, months and years, got 2'],
    ['expiry', { after: { days: -1 } }, 'expiry.after.days: expected at least 0, got -1'],
    ['expiry', { after: { days: 36_501 } }, 'expiry.after.days: expected at most 36500, got 36501'],
    ['expiry', { after: { months: 1.5 } }, 'expiry.after.months: expected a whole number, got 1.5'],
    ['expiry', { after: { weeks: 2 } }, 'expiry.after: unknown option "weeks"'],
    [
      'expiry',
      { after: { days: 1 }, through: 'week' },
      'expiry.through: expected "day" or "month" or "quarter" or "year", got "week"',
    ],
    ['expiry', { after: { days: 1 }, renew: 'always' }, 'expiry.renew: expected "none" or "activity", got "always"'],
    ['expiry', { on: [] }, 'expiry.on: expected a list of at least 1, got []'],
    ['expiry', { on: ['30-06'] }, 'expiry.on[0]: expected a month and a day such as 06-30, got "30-06"'],
    ['expiry', { on: ['06-30', '02-30'] }, 'expiry.on[1]: expected a date that there is, got "02-30"'],
    [
      'expiry',
      { on: ['06-30'], renew: 'activity' },
      'expiry.renew: expected nothing: it belongs to after, and these dates are fixed',
    ],
    ['wallets', [], 'wallets: expected a list of at least 1, got []'],
    ['wallets', [{ id: 'Miles' }], `wallets[0].id: ${NAME}, got "Miles"`],
    ['wallets', [{ id: 'a' }, { id: 'a' }], 'wallets[1].id: expected a name of its own, got "a" again'],
    [
      'wallets',
      [{ id: 'a', returns: 'none' }],
      'wallets[0].returns: expected "unlimited" or "within-balance" or "only-pending", got "none"',
    ],
    ['wallets', [{ id: 'a', spend: 'oldest' }], 'wallets[0].spend: expected "soonest" or "newest", got "oldest"'],
    [
      'wallets',
      [{ id: 'a', rounded: 'piece' }],
      'wallets[0].rounded: expected "rule" or "line" or "basket", got "piece"',
    ],
    ['wallets', [{ id: 'a', expiry: {} }], 'wallets[0].expiry: expected either after or on, got neither'],
    ['wallets', [{ id: 'a', pending: {} }], 'wallets[0].pending: expected one of days, months, on and until, got 0'],
    [
      'wallets',
      [{ id: 'a', pending: { days: 1, until: 'confirmed' } }],
      'wallets[0].pending: expected one of days, months, on and until, got 2',
    ],
    [
      'wallets',
      [{ id: 'a', pending: { on: ['02-30'] } }],
      'wallets[0].pending.on[0]: expected a date that there is, got "02-30"',
    ],
    [
      'wallets',
      [{ id: 'a', redeem: { points: 1, worth: 0.001 } }],
      'wallets[0].redeem.worth: expected at most 2 decimals, as GBP has, got 0.001',
    ],
    [
      'wallets',
      [{ id: 'a', redeem: { points: 1, worth: 1, minimum: 10, maximum: 9 } }],
      'wallets[0].redeem.maximum: expected at least the minimum, 10, got 9',
    ],
    [
      'wallets',
      [{ id: 'a', redeem: { points: 1, worth: 1, minimum: 5, maximum: 9, step: 10 } }],
      'wallets[0].redeem.step: expected a multiple of it from 5 to 9, got 10',
    ],
    ['returns.back', 'half', 'returns.back: expected "earned" or "proportional", got "half"'],
    ['returns.unmatched', 'allow', 'returns.unmatched: expected "ignore" or "deduct" or "refuse", got "allow"'],
    ['returns.matchDays', 0, 'returns.matchDays: expected at least 1, got 0'],
    ['returns.matchDays', 3_661, 'returns.matchDays: expected at most 3660, got 3661'],
    ['colour', 'red', 'unknown option "colour"'],
    ['earn.rate', 2, 'earn: unknown option "rate"'],
    ['tiers.levels[0].form', 2, 'tiers.levels[0]: unknown option "form"'],
    ['returns.window', 2, 'returns: unknown option "window"'],
  ])('%s = %j', (path, value, message) => {
    expect(errorsOf(withValue(path, value))).toEqual([message]);
  });

  it('names all that is wrong at once', () => {
    expect(errorsOf({ ...GOOD, version: 0, colour: 'red', color: 'red', earn: { id: 'base' } })).toEqual([
      'version: expected at least 1, got 0',
      'earn.points: expected a number, got nothing',
      'unknown options "colour", "color"',
    ]);
    expect(errorsOf({ ...GOOD, currency: 'XQZ', timezone: 'Mars' })).toHaveLength(2);
  });

  it('shows no more of a long value than helps', () => {
    const [message] = errorsOf({ ...GOOD, program: 'x'.repeat(500) });
    expect(message?.length).toBeLessThan(200);
    expect(message).toMatch(/\.\.\.$/);
  });
});

it('points that expire are said once: of the program, or of each wallet', () => {
  const expiry = { after: { years: 1 } };
  expect(errorsOf({ ...GOOD, expiry })).toEqual([]);
  expect(errorsOf({ ...GOOD, wallets: [{ id: 'a', expiry }] })).toEqual([]);
  expect(errorsOf({ ...GOOD, wallets: [{ id: 'a' }], expiry })).toEqual([
    'expiry: expected nothing: each wallet has its own',
  ]);
});

describe('limits of what adds up', () => {
  it('a purchase can never earn more than stays exact', () => {
    const rich = (points: number, per: number, multiplier: number): unknown => ({
      ...GOOD,
      earn: { id: 'base', points, per },
      tiers: { ...GOOD.tiers, levels: [{ id: 'gold', from: 1, multiplier }] },
    });
    expect(errorsOf(rich(1_000, 0.01, 1))).toEqual([]);
    expect(errorsOf(rich(1_000, 0.01, 1.001))).toEqual([
      'earn.points: expected fewer points, got 1000: the largest purchase would pass what stays exact',
    ]);
    expect(errorsOf(rich(1_001, 0.01, 1))).toHaveLength(1);
    // Whichever rules apply to it.
    const rules = ['a', 'b'].map((id) => ({ id, points: 500, per: 0.01 }));
    expect(errorsOf({ ...GOOD, tiers: undefined, earn: rules })).toEqual([]);
    expect(errorsOf({ ...GOOD, tiers: undefined, earn: [...rules, { id: 'c', points: 1, each: 'purchase' }] })).toEqual(
      ['earn[2].points: expected fewer points, got 1: the largest purchase would pass what stays exact'],
    );
  });
});

describe('text', () => {
  const YAML = `
program: coffee
version: 1
timezone: Europe/London
currency: GBP
earn: {id: base, points: 1, per: 0.5}
`;
  const errors = (text: string): string => {
    const result = parseProgram(text);
    return result.ok ? '' : issuesText('coffee.yaml', result.issues);
  };

  it('may be YAML or JSON', () => {
    expect(errors(YAML)).toBe('');
    expect(errors(JSON.stringify(GOOD))).toBe('');
  });

  it('says where the YAML is broken', () => {
    expect(errors(`${YAML}version: 2\n`)).toMatch(/^coffee\.yaml: not valid YAML: Map keys must be unique at line 7/);
    expect(errors('earn: {id: base')).toMatch(/^coffee\.yaml: not valid YAML: .* at line 1/);
    expect(errors(`${YAML}---\n${YAML}`)).toMatch(/^coffee\.yaml: not valid YAML: Source contains multiple documents/);
  });

  it('says where an option is wrong, file first', () => {
    expect(errors(YAML.replace('points: 1', 'points: one'))).toBe(
      'coffee.yaml: earn.points: expected a number, got "one"',
    );
    expect(errors('')).toBe('coffee.yaml: expected options with values, got null');
    expect(errors('- program')).toBe('coffee.yaml: expected options with values, got ["program"]');
  });

  it('refuses, and does not throw on, aliases that lead nowhere, round or without end', () => {
    expect(errors(YAML.replace('coffee', '*nowhere'))).toMatch(/not valid YAML: Unresolved alias/);
    expect(errors('program: &a [*a]')).toMatch(/not valid YAML/);
    const bomb = [
      'a: &a [1,1,1,1,1,1,1,1]',
      ...'bcdefgh'.split('').map((key, index) => {
        const before = 'abcdefgh'[index];
        return `${key}: &${key} [${Array(8).fill(`*${before}`).join(',')}]`;
      }),
    ].join('\n');
    expect(errors(bomb)).toMatch(/not valid YAML: Excessive alias count/);
  });

  it('has a limit', () => {
    expect(errors(`${YAML}# ${'x'.repeat(PROGRAM_BYTES_MAX)}`)).toBe(
      `coffee.yaml: expected at most ${PROGRAM_BYTES_MAX} bytes`,
    );
  });
});

it('paths read as they are written in a program', () => {
  expect(pathText(['tiers', 'levels', 1, 'from'])).toBe('tiers.levels[1].from');
  expect(pathText([])).toBe('');
});
