/** What a seed stands for: the program and its changes, who buys, how much happens, and how badly things go. */
import { Random } from '../../load/random.ts';
import type { CheckpointPolicy } from '../../src/partition/checkpoint-policy.ts';
import { partitionOf } from '../../src/wire/subjects.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export interface Scenario {
  readonly seed: number;
  readonly partitions: number;
  /** By partition; the first of each buys most. */
  readonly members: readonly (readonly string[])[];
  /** Programs as JSON text, version 1 first. */
  readonly programs: readonly string[];
  /** Minor units of one unit of the currency. */
  readonly minorUnits: number;
  /** The bookkeeper can follow: all programs say the same, and nothing is later than the engine looks back. */
  readonly isComparable: boolean;
  /** Tills spend points too, of two wallets, cancel and confirm purchases, and agents decide; the bookkeeper cannot follow. */
  readonly isSpending: boolean;
  /** Messages the tills send, resends of theirs not counted. */
  readonly packets: number;
  readonly packetEventsMax: number;
  /** Over which the packets are spread. */
  readonly spanMs: number;
  readonly startMs: number;
  /** Undecodable messages are so large that one message does not hold the effects of three. */
  readonly isBulky: boolean;
  /** Every start of an owner gets one of these. */
  readonly fullLedger: readonly boolean[];
  readonly cacheMembers: readonly number[];
  readonly policy: CheckpointPolicy;
  readonly rates: Rates;
}

/** Probabilities, of one step or one operation each. */
export interface Rates {
  readonly crash: number;
  /** Of an operation to be held up, so that others come in between. */
  readonly hold: number;
  readonly lost: number;
  readonly unacknowledged: number;
  /** Of an array to begin with messages that came before. */
  readonly redelivered: number;
  readonly commitFailure: number;
  readonly unreachable: number;
  readonly powerLoss: number;
  readonly secondOwner: number;
}

const ZONES = ['Europe/London', 'America/New_York', 'America/Sao_Paulo', 'Asia/Kathmandu', 'UTC'];
const WINDOWS = ['calendar-year', { days: 1 }, { days: 7 }, { days: 30 }, { months: 1 }, { months: 2 }];
const ROUNDINGS = ['floor', 'nearest', 'ceil'];
/** The longest the bookkeeper and the engine are sure to agree on what is late. */
const COMPARABLE_SPAN_MS = 75 * DAY_MS;
const MEMBERS_BOUND_SEED = 4_000_000;
const EXPIRY_SEED = 5_000_000;
const SPENDING_SEED = 6_000_000;
const LONG_SPAN_MS = 500 * DAY_MS;

export function scenarioOf(seed: number, packets?: number): Scenario {
  const random = new Random(seed);
  const partitions = 1 + random.below(3);
  const isLong = random.chance(0.2);
  const changes = random.chance(0.25);
  const currency = pick(random, ['USD', 'USD', 'JPY', 'KWD']);
  const events = pick(random, [1, 5, 20, 60]);
  // A second owner and a log that loses its end would need a check on both sides to tell what is whose.
  const isPowerLost = random.chance(0.35);
  const isBulky = random.chance(0.1);
  const isComparable = !isLong && !changes;
  // Drawn apart, like all that came later, so that a seed from before tells the same story where it does not matter.
  const spending = new Random(seed + SPENDING_SEED);
  const isSpending = !isComparable && spending.chance(0.7);
  const members = membersOf(random, partitions);
  const programs = programsOf(random, new Random(seed + EXPIRY_SEED), currency, changes);
  return {
    seed,
    partitions,
    members,
    programs: isSpending ? programs.map((program) => withWallets(spending, program)) : programs,
    minorUnits: { USD: 100, JPY: 1, KWD: 1000 }[currency] ?? 1,
    isComparable,
    isSpending,
    packets: packets ?? 30 + random.below(90),
    packetEventsMax: pick(random, [1, 3, 8, 8]),
    spanMs: isLong ? LONG_SPAN_MS : pick(random, [HOUR_MS, 10 * DAY_MS, COMPARABLE_SPAN_MS, COMPARABLE_SPAN_MS]),
    startMs: Date.UTC(2010, pick(random, [1, 9, 10, 11]), 1 + random.below(25), 11, 30),
    isBulky,
    fullLedger: pick(random, [[true], [false], [true, false]]),
    cacheMembers: pick(random, [[1], [1, 1_000], [2, 3, 1_000], [1_000]]),
    policy: {
      events,
      bytes: isBulky ? 1_000_000 : pick(random, [300, 3_000, 1_000_000]),
      members: pick(new Random(seed + MEMBERS_BOUND_SEED), [2, 1_000, 1_000]),
      delayMs: pick(random, [1, HOUR_MS, 2 * DAY_MS]),
      backlogDelayMs: pick(random, [HOUR_MS, 10 * DAY_MS]),
      eventsBehindMax: 2 * events,
    },
    rates: {
      crash: isBulky ? 0.1 : pick(random, [0, 0.02, 0.08, 0.25]),
      hold: isBulky ? 1 : pick(random, [0.2, 0.6, 1]),
      lost: pick(random, [0, 0.02, 0.15]),
      unacknowledged: pick(random, [0, 0.05, 0.2]),
      redelivered: pick(random, [0, 0.1, 0.4]),
      commitFailure: pick(random, [0, 0, 0.05]),
      unreachable: pick(random, [0, 0.01, 0.03]),
      powerLoss: isPowerLost ? 0.004 : 0,
      secondOwner: isPowerLost ? 0 : pick(random, [0, 0, 0.02]),
    },
  };
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new Error('nothing to choose from');
  return choice;
}

/** Ids that sort differently by UTF-16 and by UTF-8, hold spaces, and are numbers. */
function membersOf(random: Random, partitions: number): string[][] {
  const members: string[][] = Array.from({ length: partitions }, () => []);
  const each = 2 + random.below(5);
  const prefix = pick(random, ['', 'm', '\u{1f98a} ', '\uff5e']);
  for (let number = random.below(1000); members.some(({ length }) => length < each); number++) {
    const id = `${random.chance(0.5) ? prefix : ''}${number}`;
    const mine = members[partitionOf(id, partitions)];
    if (mine !== undefined && mine.length < each) mine.push(id);
  }
  return members;
}

/** `expiries` apart for the same reason as the bound of members. */
function programsOf(random: Random, expiries: Random, currency: string, changes: boolean): string[] {
  const fixed = { program: 'simulated', timezone: pick(random, ZONES), currency };
  let rules = rulesOf(random);
  let expiry = expiryOf(expiries);
  return [1, 2, 5].map((version) => {
    if (changes) {
      rules = rulesOf(random);
      expiry = expiryOf(expiries);
    }
    return JSON.stringify({ ...fixed, version, ...rules, ...expiry });
  });
}

/** Short beside the span of most stories, so that points expire in them. */
function expiryOf(random: Random): object {
  if (random.chance(0.4)) return {};
  if (random.chance(0.2)) return { expiry: { on: pick(random, [['02-29'], ['10-31', '11-15'], ['03-15', '12-31']]) } };
  const after = pick(random, [{ days: 0 }, { days: 1 }, { days: 5 }, { days: 20 }, { months: 1 }, { years: 1 }]);
  const through = pick(random, ['day', 'day', 'month', 'quarter']);
  return { expiry: { after, through, renew: pick(random, ['none', 'activity']) } };
}

function rulesOf(random: Random): object {
  const from = pick(random, [0, 0, 1, 20]);
  const multiplier = (): number => pick(random, [1, 1.1, 1.25, 1.333, 2, 3]);
  const tiers = {
    id: 'main',
    window: pick<(typeof WINDOWS)[number]>(random, WINDOWS),
    levels: [
      { id: 'bronze', from, multiplier: multiplier() },
      { id: 'silver', from: from + 30, multiplier: multiplier() },
      { id: 'gold', from: from + 75, multiplier: multiplier() },
    ],
  };
  return {
    enrolment: pick(random, ['implicit', 'implicit', 'implicit', 'required']),
    earn: {
      id: 'spend',
      points: 1 + random.below(12),
      per: pick(random, [1, 2, 3, 7]),
      rounding: pick(random, ROUNDINGS),
    },
    returns: {
      unmatched: pick(random, ['ignore', 'deduct', 'refuse']),
      matchDays: pick(random, [1, 10, 60, 365]),
    },
    ...(random.chance(0.85) ? { tiers } : {}),
  };
}

interface EarnText {
  readonly rounding?: string;
}

/** The same program with points that wait and can be spent, another wallet, more rules, and purchases that come too late. */
function withWallets(random: Random, program: string): string {
  const { expiry, earn, ...rest } = JSON.parse(program) as { readonly expiry?: object; readonly earn: EarnText };
  // A wallet that rounds baskets does so by its own rounding.
  const { rounding: _rounding, ...plain } = earn;
  const redeem = (): object => ({
    points: pick(random, [1, 3, 10]),
    worth: pick(random, [1, 2]),
    minimum: pick(random, [1, 5]),
    step: pick(random, [1, 1, 1, 5]),
    ...(random.chance(0.3) ? { maximum: 25 } : {}),
    holdMinutes: pick(random, [15, 600, 3 * 24 * 60]),
    ...(random.chance(0.15) ? { automaticAt: pick(random, [20, 200]) } : {}),
  });
  const wallet = (id: string): object => ({
    id,
    rounding: pick(random, ROUNDINGS),
    rounded: pick(random, ['rule', 'line', 'basket']),
    ...(expiry === undefined ? {} : { expiry }),
    ...(random.chance(0.4)
      ? { pending: pick(random, [{ days: 1 }, { days: 6 }, { until: 'confirmed' }, { on: ['10-20', '12-24'] }]) }
      : {}),
    returns: pick(random, ['unlimited', 'within-balance', 'only-pending']),
    spend: pick(random, ['soonest', 'newest']),
    ...(random.chance(0.8) ? { redeem: redeem() } : {}),
  });
  const late = { days: pick(random, [0, 1, 5]), beyond: pick(random, ['refuse', 'receipt', 'flag']) };
  return JSON.stringify({
    ...rest,
    ...(random.chance(0.5) ? { late } : {}),
    ...(random.chance(0.5) ? { enrolmentBufferHours: 1 } : {}),
    ...(random.chance(0.5)
      ? { adjustments: { reason: pick(random, ['required', 'optional']), approvalAbove: pick(random, [0, 20, 60]) } }
      : {}),
    earnOn: pick(random, ['gross', 'net-of-discounts', 'net-of-points']),
    wallets: [wallet('points'), wallet('miles')],
    earn: [
      plain,
      { id: 'pieces', wallet: 'miles', points: 2, each: 'piece', when: { skus: ['a', 'b'] } },
      { id: 'large', points: 20, each: 'purchase', when: { from: 30 } },
    ],
  });
}
