/**
 * A small language for what the engine does to one member, so that a reviewer reads behaviour. YAML programs first, each
 * followed by a line `---`, then lines of `event -> what came of it`:
 *
 *   purchase p1 120.00 2026-01-05                     occurred then; a date alone means noon in the program's zone
 *   purchase p2 40.00 (A x1 10.00, B/drinks x2 30.00) with lines: SKU, category, quantity, amount; no date: now
 *   purchase p3 1.00 2026-01-05 now 2026-02-01        the log received it later (its clock never goes back by itself)
 *   return r1 of p2 | of p2 5.00 | of p2 (A x1) | of p2 (A x1 8.00) | (A x1) | 5.00
 *   purchase p4 50.00 discount=10.00 tax=2.00 tip=1.00 giftCards=5.00 paid=3.00 by=r1    what of it is no spend
 *   adjust a1 -50 reason=goodwill agent=ann approvedBy=bob wallet=cash
 *   redeem r1 100 | worth 5.00           points, or money paid with points
 *   hold h1 100 | worth 5.00
 *   capture c1 of h1 | of h1 40
 *   release l1 of h1
 *   reverse v1 of r1 | of r1 40
 *   void v1 of p1
 *   confirm f1 of p1
 *   exception x1 2026-01-05 floor=gold ceiling=gold tier=main silver:50.00 until=2026-06-30   `silver:50.00` is a threshold
 *   end n1 of x1                                      an exception before its time
 *   enrol e1
 *   resend p1                                         the same bytes again
 *   repeat 40 purchase f# 1.00 2026-01-05             forty events, f1 to f40; what is shown is the last one's
 *   tick 2027-01-06                                   the log's clock moves on and timers fire
 *   read 2027-01-06                                   what a reader sees at that time
 *   program 2                                         from here on the second program counts
 *   ; a remark
 *
 * After the arrow, any of: the code (`scored` unless said) with its field, points (+120), `balance 120`, `pending 10`,
 * `held 5`, of another wallet than the first `+12:cash`, `balance:cash 12`; `worth 5.00`, what points paid; `redeemed 100`, what
 * a wallet redeemed by itself; `rules base:40,tea:10`; `late yes`; `released h1:5`, a hold that ran out; `ended x1`, an exception whose time is over; `exceptions x1,x2`, those in force; `tier gold` or `tier none`, `spend 120.00` (in the window), `since`, `due`, `until` an instant, `lots 2026-01-05:120,...`,
 * `expires 2026-02-01:120,...` or `expires never`, what comes next; `expired 2026-02-01:120,...`, what expired on the line;
 * `next gold 120.00/500.00`, `keep 80.00/100.00`, and tier changes `none>silver`. Of a tier set that is not the first:
 * `tier:partner blue`, `until:partner ...`, `partner:none>blue`. Where sets count more than spend, paths are
 * `next gold any:spend=80.00/100.00,visits=2/3`; `counter:visits 2`, `projected silver` (after `until`), `upcoming gold@2026-04-01`
 * and `reward 50`, the points of the line for reaching levels. What is said is checked, in every mode
 * (harness.ts); and that the ledger adds up to the balance and the lots to what can be spent, on every line.
 */
import { expect } from 'vitest';
import { civilOfDay } from '../../src/lib/calendar.ts';
import { currencyDigits } from '../../src/lib/currency.ts';
import { issuesText, parseProgram } from '../../src/program/parse.ts';
import type { Program } from '../../src/program/program.ts';
import type { Entry } from '../../src/scoring/entry.ts';
import { type MemberEvent, NO_DEDUCTIONS, NOT_GIVEN } from '../../src/scoring/event.ts';
import { sumOfLots } from '../../src/scoring/lots.ts';
import type { Member } from '../../src/scoring/member.ts';
import { OUTCOMES, type Outcome, type TierChange } from '../../src/scoring/outcome.ts';
import { sumOfPending } from '../../src/scoring/pending.ts';
import { pointsOf } from '../../src/scoring/points.ts';
import type { Wallet } from '../../src/scoring/wallet.ts';
import { balancesOf, memberView } from '../../src/wire/member-view.ts';
import { movementsOf } from '../../src/wire/movements.ts';
import type { Needs, PathView } from '../../src/wire/tier-view.ts';
import { adjustmentEvent, purchaseEvent } from '../helpers/events.ts';
import { Desk, MODES, type Mode, triplesOf } from './harness.ts';

/** Runs the table in every mode and compares it with itself, and what the modes would store with each other. */
export function check(text: string): void {
  const parts = text.split(/^---$/m);
  const programs = parts.slice(0, -1).map(readProgram);
  const lines = tidy(parts.at(-1) ?? '');
  let records: string | undefined;
  for (const mode of MODES) {
    const run = new TableRun(programs, mode);
    const shown = lines.split('\n').map((line) => run.line(line));
    expect(shown.join('\n'), `mode ${mode}`).toBe(lines);
    records ??= run.records();
    expect(run.records(), `mode ${mode}`).toBe(records);
  }
}

function tidy(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/(^|\s);.*$/, '')
        .trim()
        .replace(/\s+/g, ' '),
    )
    .filter((line) => line !== '')
    .join('\n');
}

function readProgram(text: string): Program {
  const result = parseProgram(text);
  if (!result.ok) throw new Error(issuesText('program', result.issues));
  return result.program;
}

/** What a line can show, by the word that asks for it. */
interface Shown {
  readonly member: Member;
  readonly changes: readonly TierChange[];
  /** What time did, and what followed from the event. */
  readonly passed: readonly Entry[];
  readonly outcome: Outcome | undefined;
}

class TableRun {
  readonly #programs: readonly Program[];
  readonly #desk: Desk;
  readonly #sent = new Map<string, MemberEvent>();
  #now = 0;

  constructor(programs: readonly Program[], mode: Mode) {
    this.#programs = programs;
    this.#desk = new Desk(programs[0] as Program, mode);
  }

  records(): string {
    return this.#desk.records();
  }

  /** Does what the line says and returns it with what really came of it. */
  line(line: string): string {
    const [left = '', right] = line.split(' -> ');
    const shown = this.#do(left);
    this.#addUp();
    return right === undefined ? left : `${left} -> ${this.#show(shown, right)}`;
  }

  #addUp(): void {
    const { member } = this.#desk;
    const entries = this.#desk.entries();
    for (const { id, balance, lots, pending } of member.wallets) {
      const moved = entries.reduce((sum, entry) => sum + pointsOf(entry, id), 0);
      expect(moved).toBe(balance + sumOfPending(pending));
      expect(sumOfLots(lots)).toBe(Math.max(0, balance));
    }
  }

  #do(text: string): Shown {
    const [verb, ...rest] = text.split(' ');
    switch (verb) {
      case 'program': {
        this.#desk.change(this.#programs[Number(rest[0]) - 1] as Program, this.#now);
        return { member: this.#asItIs(), changes: [], passed: [], outcome: undefined };
      }
      case 'tick': {
        this.#now = this.#instant(rest[0] as string);
        const { tierChanges, entries } = this.#desk.tick(this.#now);
        return { member: this.#asItIs(), changes: tierChanges, passed: entries, outcome: undefined };
      }
      case 'read':
        this.#now = Math.max(this.#now, this.#instant(rest[0] as string));
        return { member: this.#desk.read(this.#now), changes: [], passed: [], outcome: undefined };
      case 'repeat': {
        const [times, ...line] = rest;
        let shown: Shown | undefined;
        for (let index = 1; index <= Number(times); index++)
          shown = this.#do(line.join(' ').replaceAll('#', String(index)));
        return shown as Shown;
      }
      case 'resend': {
        const event = this.#sent.get(rest[0] as string);
        if (event === undefined) throw new Error(`nothing was sent as ${rest[0]}`);
        if (rest[1] === 'now') this.#now = this.#instant(rest[2] as string);
        return this.#score(event);
      }
      default:
        return this.#score(this.#event(text));
    }
  }

  #score(event: MemberEvent): Shown {
    const outcome = this.#desk.score(event, this.#now);
    if (outcome.code === 'scored') this.#sent.set(event.id, event);
    const { tierChanges: changes, before, after } = outcome;
    return { member: this.#asItIs(), changes, passed: [...before, ...after], outcome };
  }

  /** With the window worked out, which a member fresh from the store has not. */
  #asItIs(): Member {
    return this.#desk.read(this.#desk.member.asOf);
  }

  #event(text: string): MemberEvent {
    const lines = (/\(([^)]*)\)/.exec(text)?.[1] ?? '').split(',').map((line) => line.trim().split(' '));
    const goods = lines.filter(([sku]) => sku !== '');
    const options: Record<string, string> = {};
    const words: string[] = [];
    for (const word of text.replace(/\([^)]*\)/, '').split(' ')) {
      const [key, value] = word.split('=');
      if (value !== undefined) options[key as string] = value;
      else if (word !== '') words.push(word);
    }
    const receivedAt = after(words, 'now');
    const originalId = after(words, 'of') ?? '';
    const date = words.findIndex((word) => /^\d{4}-\d\d-\d\d/.test(word));
    const occurredAt = date < 0 ? 0 : this.#instant(words.splice(date, 1)[0] as string);
    this.#now = receivedAt === undefined ? Math.max(this.#now, occurredAt) : this.#instant(receivedAt);
    const worth = after(words, 'worth');
    const [type, id, amount] = words;
    const head = { id: id as string, memberId: '42', occurredAt };
    const { store = '', terminal = '', currency = '', reason = '', agent = '', approvedBy = '', wallet = '' } = options;
    const asked = {
      points: amount === undefined ? NOT_GIVEN : Number(amount),
      amount: worth === undefined ? NOT_GIVEN : this.#minor(worth),
    };
    switch (type) {
      case 'purchase': {
        const detailed = goods.map(([sku = '', quantity = '', paid = '']) => {
          const [name = '', category = ''] = sku.split('/');
          return { sku: name, category, quantity: Number(quantity.slice(1)), amount: this.#minor(paid) };
        });
        const sum = detailed.reduce((total, line) => total + line.amount, 0);
        const total = amount === undefined ? sum : this.#minor(amount);
        const deductions = this.#deductions(options);
        const redemptionId = options['by'] ?? '';
        const sale = { store, terminal, currency, amount: total, lines: detailed };
        return purchaseEvent({ ...head, ...sale, deductions, redemptionId });
      }
      case 'return': {
        const detailed = goods.map(([sku = '', quantity = '', refund]) => {
          return { sku, quantity: Number(quantity.slice(1)), amount: this.#minor(refund) };
        });
        return { ...head, type, store, terminal, currency, originalId, amount: this.#minor(amount), lines: detailed };
      }
      case 'adjust':
        return adjustmentEvent({ ...head, points: Number(amount), reason, agent, approvedBy, wallet });
      case 'redeem':
        return { ...head, type: 'redemption', store, terminal, wallet, ...asked };
      case 'hold':
        return { ...head, type: 'authorisation', store, terminal, wallet, ...asked };
      case 'capture':
        return { ...head, type, originalId, points: asked.points };
      case 'reverse':
        return { ...head, type: 'reversal', originalId, points: asked.points };
      case 'release':
      case 'void':
        return { ...head, type, originalId };
      case 'confirm':
        return { ...head, type: 'confirmation', originalId };
      case 'exception': {
        const { tier = '', floor = '', ceiling = '', until } = options;
        const thresholds = words.flatMap((word) => {
          const [level = '', from] = word.split(':');
          return from === undefined ? [] : [{ level, from: this.#amountFor(tier, level, from) }];
        });
        const over = until === undefined ? 0 : this.#instant(until);
        return { ...head, type, tier, floor, ceiling, thresholds, until: over, reason: 'agreed', agent: 'ann' };
      }
      case 'end':
        return { ...head, type: 'exception_end', originalId, reason: 'agreed', agent: 'ann' };
      case 'enrol':
        return { ...head, type: 'enrolment' };
      default:
        throw new Error(`"${text}" is no line of the table language`);
    }
  }

  /** Money, unless what the level counts is not. */
  #amountFor(tier: string, level: string, text: string): number {
    const { qualifying } = this.#desk.program;
    const set = qualifying?.sets.find(({ id }, index) => id === tier || (tier === '' && index === 0));
    const counter = set?.levels.find(({ id }) => id === level)?.conditions[0]?.counter;
    return counter === undefined || counter.of === 'spend' ? this.#minor(text) : Number(text);
  }

  #deductions({ discount, tax, tip, giftCards, paid }: Record<string, string>): typeof NO_DEDUCTIONS {
    const given = { discount, paidWithPoints: paid, tax, tip, giftCards };
    if (Object.values(given).every((text) => text === undefined)) return NO_DEDUCTIONS;
    const minor = (text: string | undefined): number => (text === undefined ? 0 : this.#minor(text));
    return {
      discount: minor(discount),
      paidWithPoints: minor(paid),
      tax: minor(tax),
      tip: minor(tip),
      giftCards: minor(giftCards),
    };
  }

  /** `wanted` with every value replaced by the real one. */
  #show({ member, changes, passed, outcome }: Shown, wanted: string): string {
    const { program } = this.#desk;
    const words = wanted.split(' ');
    const result: string[] = [];
    const code = outcome?.code ?? 'scored';
    const saysCode = (words[0] as string) in OUTCOMES;
    if (saysCode || code !== 'scored') {
      result.push(code);
      if (outcome?.field !== undefined) result.push(outcome.field);
    }
    const shownChanges = changes.map(
      ({ set, from, to }) => `${set === '' ? '' : `${set}:`}${from || 'none'}>${to || 'none'}`,
    );
    // Fields stand after the code; everything else is a word and its value.
    let index = saysCode ? 1 : 0;
    if (saysCode && words[index] !== undefined && words[index] === outcome?.field) index += 1;
    for (; index < words.length; index++) {
      const word = words[index] as string;
      const value = this.#passedOf(word, passed, outcome) ?? this.#valueOf(word, program, member);
      if (value !== undefined) {
        result.push(word, value);
        index += value.split(' ').length;
      } else if (word.includes('>')) {
        result.push(shownChanges.shift() ?? '(no change)');
      } else if (/^[+-]?\d+(:.+)?$/.test(word)) {
        const walletId = word.split(':')[1];
        const points = outcome?.entry && signed(pointsOf(outcome.entry, walletId ?? firstWallet(program)));
        result.push(points === undefined ? '(no entry)' : walletId === undefined ? points : `${points}:${walletId}`);
      } else if (word === 'unchanged') {
        result.push(changes.length === 0 ? word : '(changed)');
      } else if (!OUTCOMES[code].refused) {
        result.push(`?${word}`);
      }
    }
    // Changes that happened and were not expected must show wherever changes are spoken of.
    if (wanted.includes('>')) result.push(...shownChanges);
    return result.join(' ');
  }

  #valueOf(said: string, program: Program, member: Member): string | undefined {
    const [word = '', of] = said.split(':');
    const first = program.tiers?.id ?? program.qualifying?.sets[0]?.id ?? '';
    const whole = () => memberView(program, member, 'e');
    const view = () => whole().tiers[of ?? first];
    const walletId = of ?? firstWallet(program);
    const wallet = member.wallets.find(({ id }) => id === walletId) as Wallet;
    switch (word) {
      case 'balance':
        return String(wallet.balance);
      case 'pending':
      case 'held':
        return String(balancesOf(member, [walletId])[walletId]?.[word]);
      case 'tier':
        return (of === undefined ? member.levelId : view()?.level) || 'none';
      case 'counter':
        return this.#counted(of ?? '', whole().counters[of ?? ''] ?? 0);
      case 'exceptions':
        return (whole().exceptions ?? []).map(({ id }) => id).join(',') || 'none';
      case 'projected':
        return view()?.projected ?? 'none';
      case 'upcoming': {
        const upcoming = view()?.upcoming;
        return upcoming === undefined ? 'none' : `${upcoming.level}@${this.#instantText(Date.parse(upcoming.at))}`;
      }
      case 'spend':
        return this.#money(member.windowSpend);
      case 'since':
        return this.#instantText(member.levelSince);
      case 'due':
        return member.due === Infinity ? 'never' : this.#instantText(member.due);
      case 'lots':
        return (
          triplesOf(wallet.lots)
            .map(({ earned, open }) => `${dayText(earned)}:${open}`)
            .join(',') || 'none'
        );
      case 'expires':
        return (
          memberView(program, member, 'e')
            .expiring.map(({ amount, at }) => `${this.#instantText(Date.parse(at))}:${amount}`)
            .join(',') || 'never'
        );
      case 'until': {
        const until = view()?.until;
        return until === undefined ? 'never' : this.#instantText(Date.parse(until));
      }
      case 'next': {
        const next = view()?.next;
        return next === undefined ? 'none' : `${next.level} ${this.#path(next.paths, next.needs)}`;
      }
      case 'keep':
        return this.#path(view()?.keep ?? [], view()?.keepNeeds);
      default:
        return undefined;
    }
  }

  #passedOf(word: string, passed: readonly Entry[], outcome: Outcome | undefined): string | undefined {
    const list = (shown: readonly string[]): string => shown.join(',') || 'none';
    switch (word) {
      case 'expired':
        return list(
          passed.flatMap((entry) =>
            entry.kind === 'expiration' ? [`${this.#instantText(entry.at)}:${-pointsOf(entry, entry.walletId)}`] : [],
          ),
        );
      case 'redeemed':
        return list(passed.flatMap((entry) => (entry.kind === 'redemption' ? [`${entry.points}`] : [])));
      case 'ended':
        return list(passed.flatMap((entry) => (entry.kind === 'exception_end' ? [entry.originalId] : [])));
      case 'released':
        return list(
          passed.flatMap((entry) => (entry.kind === 'release' ? [`${entry.originalId}:${entry.points}`] : [])),
        );
      case 'worth':
        return outcome?.entry !== undefined && 'worth' in outcome.entry ? this.#money(outcome.entry.worth) : 'none';
      case 'reward':
        return String(passed.reduce((sum, entry) => sum + (entry.kind === 'adjustment' ? entry.points : 0), 0));
      case 'late':
        return outcome?.entry?.kind === 'accrual' && outcome.entry.late ? 'yes' : 'no';
      case 'rules':
        return list(
          outcome?.entry === undefined ? [] : movementsOf(outcome.entry).map(({ rule, amount }) => `${rule}:${amount}`),
        );
      default:
        return undefined;
    }
  }

  #path(paths: readonly PathView[], needs?: Needs): string {
    const [path] = paths;
    if (path === undefined) return 'none';
    const shown = paths.map(({ counter, have, need }) => {
      const ratio = `${this.#counted(counter, have)}/${this.#counted(counter, need)}`;
      return needs === undefined ? ratio : `${counter}=${ratio}`;
    });
    return needs === undefined ? shown.join(',') : `${needs}:${shown.join(',')}`;
  }

  #counted(counter: string, count: number): string {
    const { qualifying } = this.#desk.program;
    const isMoney = qualifying === undefined || qualifying.counters.find(({ id }) => id === counter)?.of === 'spend';
    return isMoney ? this.#money(count) : String(count);
  }

  get #digits(): number {
    return currencyDigits(this.#desk.program.currency) ?? 2;
  }

  #minor(text: string | undefined): number {
    return text === undefined ? NOT_GIVEN : Math.round(Number(text) * 10 ** this.#digits);
  }

  #money(minor: number): string {
    return (minor / 10 ** this.#digits).toFixed(this.#digits);
  }

  /** `2026-01-05` (noon), `2026-01-05T10:15` on the program's wall clock, or with Z. */
  #instant(text: string): number {
    if (text.endsWith('Z')) return Date.parse(text);
    const wall = Date.parse(text.includes('T') ? `${text}Z` : `${text}T12:00Z`);
    const zone = this.#desk.program.zone.name;
    for (const probe of [wall - 86_400_000, wall + 86_400_000]) {
      const instant = wall - (wallOf(probe, zone) - probe);
      if (wallOf(instant, zone) === wall) return instant;
    }
    throw new Error(`${text} is on no clock in ${zone}`);
  }

  #instantText(instant: number): string {
    if (instant === 0) return 'start';
    const text = new Date(wallOf(instant, this.#desk.program.zone.name)).toISOString();
    return text
      .replace('Z', '')
      .replace(/\.000$/, '')
      .replace(/:00$/, '')
      .replace('T00:00', '');
  }
}

/** Takes the word `key` and the one after it out of the words. */
function after(words: string[], key: string): string | undefined {
  const index = words.indexOf(key);
  return index < 0 ? undefined : words.splice(index, 2)[1];
}

function firstWallet({ wallets }: Program): string {
  return wallets[0]?.id ?? '';
}

function signed(points: number): string {
  return points > 0 ? `+${points}` : `${points}`;
}

function dayText(day: number): string {
  const { year, month, day: dayOfMonth } = civilOfDay(day);
  return `${year}-${String(month).padStart(2, '0')}-${String(dayOfMonth).padStart(2, '0')}`;
}

/** What a clock on the wall shows, read as if it were UTC. Asks the runtime, not the engine's own zone table. */
export function wallOf(instant: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(instant)) part[type] = value;
  const { year, month, day, hour, minute, second } = part;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) + (((instant % 1000) + 1000) % 1000);
}

const formats = new Map<string, Intl.DateTimeFormat>();
