/**
 * What the tills send: purchases, returns of all kinds, resends of any age, conflicting resends, corrections, enrolments,
 * events that are late or early or of another partition, bytes that are no event, ticks and new programs. Remembers what each
 * payload stood for, so that the bookkeeper can be told without a decoder.
 */
import type {
  PublicAdjustment,
  PublicEvent,
  PublicException,
  PublicPurchase,
  PublicReturn,
  PublicSpend,
} from '../../load/public-event.ts';
import type { Random } from '../../load/random.ts';
import { parseEvents } from '../../src/ingest/parse-events.ts';
import { EXCEPTIONS_MAX } from '../../src/limits.ts';
import type { LogEvent, MemberEvent } from '../../src/scoring/event.ts';
import { encodeBatch } from '../../src/wire/batch.ts';
import { pack, unpack } from '../../src/wire/pack.ts';
import { DAY_MS, HOUR_MS, pick, type Scenario } from './scenario.ts';

export interface Packet {
  readonly partition: number;
  readonly payload: Uint8Array;
  readonly contents: readonly Content[];
}

/** One event of a message, in its order. A message that is no batch has none. */
export type Content =
  | { readonly kind: 'event'; readonly event: PublicEvent }
  /** An event of a member of another partition. */
  | { readonly kind: 'foreign'; readonly event: PublicEvent }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'program'; readonly document: string };

const SKUS = ['a', 'b', 'c'];
const SPENDING = ['redemption', 'authorisation', 'capture', 'release', 'reversal', 'void', 'confirmation'] as const;
/** What there has to be first. */
const MEANT: Readonly<Record<'capture' | 'release' | 'reversal' | 'void' | 'confirmation', readonly string[]>> = {
  capture: ['authorisation'],
  release: ['authorisation'],
  reversal: ['redemption', 'capture'],
  void: ['purchase'],
  confirmation: ['purchase'],
};
/** Late enough for windows and levels to have moved on, early enough for the engine to look back. */
const LATE_MAX_MS = 15 * DAY_MS;

export class Workload {
  readonly #scenario: Scenario;
  readonly #random: Random;
  /** By partition. */
  readonly #sent: PublicEvent[][];
  readonly #contents = new Map<string, readonly Content[]>();
  #events = 0;

  constructor(scenario: Scenario, random: Random) {
    this.#scenario = scenario;
    this.#random = random;
    this.#sent = scenario.members.map(() => []);
    // Owners send ticks of their own.
    this.tick(0);
  }

  /** What a message of the log was when it was sent. */
  contentsOf(payload: Uint8Array): readonly Content[] {
    const contents = this.#contents.get(keyOf(payload));
    if (contents === undefined) throw new Error('the log holds a message that nobody sent');
    return contents;
  }

  /** A message of events for a partition, or something that is none. */
  packet(partition: number, nowMs: number): Packet {
    const random = this.#random;
    const { isBulky, packetEventsMax } = this.#scenario;
    if (random.chance(isBulky ? 0.3 : 0.03)) return this.#garbage(partition);
    if (random.chance(0.03)) return this.program(partition);
    const contents: Content[] = [];
    const count = 1 + random.below(packetEventsMax);
    while (contents.length < count) contents.push(...this.#some(partition, nowMs));
    return this.#remember(partition, contents);
  }

  tick(partition: number): Packet {
    return this.#remember(partition, [{ kind: 'tick' }]);
  }

  /** Mostly one that is to come or has been; now and then one that is not a program. */
  program(partition: number, version?: number): Packet {
    const { programs } = this.#scenario;
    const [first = ''] = programs;
    const document =
      version === undefined
        ? pick(this.#random, [...programs, 'no program', '{"version":9}'])
        : (programs[version] ?? first);
    return this.#remember(partition, [{ kind: 'program', document }]);
  }

  /** The same events once more, each in a message of its own: a till that lost the answer and lost its batch. */
  alone({ partition, contents }: Packet): Packet[] {
    return contents
      .filter(({ kind }) => kind === 'event' || kind === 'foreign')
      .map((content) => this.#remember(partition, [content]));
  }

  #remember(partition: number, contents: readonly Content[]): Packet {
    const payload = encode(contents, this.#random);
    this.#contents.set(keyOf(payload), contents);
    return { partition, payload, contents };
  }

  /** Bytes that are no batch: noise, a batch cut short, one of a version that nobody knows. */
  #garbage(partition: number): Packet {
    const random = this.#random;
    const whole = encodeBatch([{ type: 'tick' }, { type: 'program', document: 'x'.repeat(40) }]);
    const payload = pick(random, [
      () => Uint8Array.from({ length: random.below(40) }, () => 0xc1),
      () => whole.subarray(0, 1 + random.below(whole.length - 2)),
      () => Uint8Array.of(9, ...whole.subarray(1)),
      () => pack(1, { not: 'a batch', number: this.#events++ }),
    ])();
    const bytes = this.#scenario.isBulky ? Buffer.concat([Buffer.of(9), payload, Buffer.alloc(70_000, 'x')]) : payload;
    this.#contents.set(keyOf(bytes), []);
    return { partition, payload: bytes, contents: [] };
  }

  #some(partition: number, nowMs: number): Content[] {
    const random = this.#random;
    const sent = this.#sent[partition] ?? [];
    const roll = random.next();
    if (roll < 0.02) return [{ kind: 'malformed' }];
    if (roll < 0.04 && this.#scenario.partitions > 1) {
      const other = (partition + 1) % this.#scenario.partitions;
      return [{ kind: 'foreign', event: this.#event(other, nowMs, []) }];
    }
    if (roll < 0.16 && sent.length > 0) {
      // Of any age; mostly not from the last few, which windows of the log itself would drop.
      const again: Content = { kind: 'event', event: pick(random, sent) };
      return Array.from({ length: 1 + random.below(3) }, () => again);
    }
    if (roll < 0.2 && sent.length > 0) return [{ kind: 'event', event: this.#changed(pick(random, sent)) }];
    const event = this.#event(partition, nowMs, sent);
    const events = [
      event,
      ...(event.type === 'authorisation' ? this.#afterHold(event) : []),
      ...(event.type === 'exception' && random.chance(0.03) ? alike(event) : []),
    ];
    sent.push(...events);
    return events.map((event) => ({ kind: 'event', event }));
  }

  /** Most payments are sure at once, and others are not made. */
  #afterHold({ id, memberId, occurredAt, points = 10 }: PublicSpend): PublicEvent[] {
    const random = this.#random;
    const roll = random.next();
    const end = { id: `${id}-end`, memberId, ...(occurredAt && { occurredAt }), originalId: id };
    if (roll < 0.3) return [{ ...end, type: 'capture', points: 1 + random.below(points) }];
    if (roll < 0.5) return [{ ...end, type: 'capture' }];
    return roll < 0.6 ? [{ ...end, type: 'release' }] : [];
  }

  #event(partition: number, nowMs: number, sent: readonly PublicEvent[]): PublicEvent {
    const random = this.#random;
    const members = this.#scenario.members[partition] ?? [];
    const memberId = random.chance(0.6) ? (members[0] ?? '') : pick(random, members);
    this.#events += 1;
    const head = { id: `e${this.#events}`, memberId, ...this.#occurred(nowMs) };
    const mine = sent.filter((event) => event.memberId === memberId);
    if (this.#scenario.isSpending && random.chance(0.4)) return this.#spending(head, mine);
    if (this.#scenario.isSpending && random.chance(0.1)) return this.#decision(head, mine, nowMs);
    const roll = random.next();
    if (roll < 0.08) return this.#adjustment(head, roll);
    if (roll < 0.12) return { ...head, type: 'enrolment' };
    if (roll < 0.42) return this.#return(head, mine);
    const purchase = this.#purchase(head);
    return this.#scenario.isSpending ? this.#paidInPart(purchase, mine) : purchase;
  }

  /** Points redeemed, held and given back, purchases cancelled and confirmed; mostly of what there is. */
  #spending(head: Head, mine: readonly PublicEvent[]): PublicEvent {
    const random = this.#random;
    const type = pick(random, SPENDING);
    const wallet = pick(random, ['', '', '', '', 'points', 'miles', 'miles', 'nowhere']);
    const points = 1 + random.below(30);
    if (type === 'redemption' || type === 'authorisation') {
      const much = random.chance(0.6) ? { points } : { amount: 1 + Math.floor(this.#money() / 10) };
      return { ...head, type, ...much, ...(wallet === '' ? {} : { wallet }) };
    }
    const meant = mine.filter((event) => random.chance(0.1) || MEANT[type].includes(event.type));
    const originalId = meant.length === 0 ? 'nobody' : pick(random, meant.slice(-6)).id;
    if (type === 'capture' || type === 'reversal') {
      // Now and then more than there was.
      return {
        ...head,
        type,
        originalId,
        ...(random.chance(0.5) ? { points: random.chance(0.2) ? 3 * points : points } : {}),
      };
    }
    return { ...head, type, originalId };
  }

  /** Exceptions, of which there can be too many, and ends of them. */
  #decision(head: Head, mine: readonly PublicEvent[], nowMs: number): PublicEvent {
    const random = this.#random;
    const by = { reason: 'agreed', agent: 'ann' };
    if (random.chance(0.15)) {
      const meant = mine.filter(({ type }) => type === 'exception' || random.chance(0.1));
      const originalId = meant.length === 0 ? 'nobody' : pick(random, meant.slice(-6)).id;
      return { ...head, ...by, type: 'exception_end', originalId };
    }
    const level = (): string => pick(random, ['bronze', 'silver', 'silver', 'gold', 'gold', 'platinum']);
    const terms = pick(random, [
      { floor: level() },
      { floor: level(), ceiling: level() },
      { ceiling: level() },
      { thresholds: { [level()]: this.#money(), gold: this.#money() } },
    ]);
    const until = new Date(nowMs - HOUR_MS + random.below(20 * DAY_MS)).toISOString();
    return {
      ...head,
      ...by,
      type: 'exception',
      ...terms,
      ...(random.chance(0.1) ? { tier: pick(random, ['main', 'club']) } : {}),
      ...(random.chance(0.7) ? { until } : {}),
    };
  }

  /** Where agents decide, some adjustments say no reason, and some are approved, if only by who made them. */
  #adjustment(head: Head, roll: number): PublicAdjustment {
    const random = this.#random;
    const adjustment: PublicAdjustment = {
      ...head,
      type: 'adjustment',
      points: this.#points(),
      reason: `reason ${roll}`,
    };
    if (!this.#scenario.isSpending) return adjustment;
    const { reason: _reason, ...without } = adjustment;
    const approval = pick(random, [{}, { approvedBy: 'bob' }, { agent: 'bob', approvedBy: 'bob' }]);
    return { ...(random.chance(0.3) ? without : adjustment), ...approval };
  }

  #paidInPart(purchase: PublicPurchase, mine: readonly PublicEvent[]): PublicPurchase {
    const random = this.#random;
    const { amount = 0, lines = [] } = purchase;
    const quarter = Math.floor((lines.length === 0 ? amount : lines.reduce((sum, line) => sum + line.amount, 0)) / 4);
    const redemptions = mine.filter(({ type }) => type === 'redemption' || type === 'capture');
    const paid = redemptions.length === 0 || random.chance(0.5) ? {} : { redemptionId: pick(random, redemptions).id };
    const part = (): number => random.below(quarter + 1);
    return random.chance(0.5)
      ? purchase
      : { ...purchase, discount: part(), paidWithPoints: part(), tax: part(), ...paid };
  }

  #points(): number {
    const points = 1 + this.#random.below(80);
    return this.#random.chance(0.5) ? points : -points;
  }

  #occurred(nowMs: number): { occurredAt?: string } {
    const random = this.#random;
    const roll = random.next();
    if (roll < 0.1) return {};
    const at = (offsetMs: number): { occurredAt: string } => ({ occurredAt: new Date(nowMs + offsetMs).toISOString() });
    if (roll < 0.25) return at(-random.below(LATE_MAX_MS));
    if (roll < 0.27) return at(random.below(4 * 60_000));
    if (roll < 0.28) return at(HOUR_MS);
    return at(-random.below(60_000));
  }

  #purchase(head: Head): PublicPurchase {
    const random = this.#random;
    const sale = { ...head, type: 'purchase', ...(random.chance(0.3) ? { store: 's1', terminal: 't7' } : {}) } as const;
    if (random.chance(0.02)) return { ...sale, currency: 'EUR', amount: 100 };
    const lines = Array.from({ length: random.below(4) }, () => ({
      sku: pick(random, SKUS),
      ...(random.chance(0.3) ? { category: 'coffee' } : {}),
      quantity: 1 + random.below(4),
      amount: this.#money(),
    }));
    return lines.length === 0 ? { ...sale, amount: this.#money() } : { ...sale, lines };
  }

  #return(head: Head, mine: readonly PublicEvent[]): PublicReturn {
    const random = this.#random;
    const lines = Array.from({ length: 1 + random.below(2) }, () => ({
      sku: pick(random, SKUS),
      quantity: 1 + random.below(4),
      ...(random.chance(0.3) ? { amount: this.#money() } : {}),
    }));
    const unnamed = { ...head, type: 'return' } as const;
    if (random.chance(0.35)) return { ...unnamed, lines };
    if (random.chance(0.1)) return { ...unnamed, amount: this.#money() };
    if (mine.length === 0 || random.chance(0.05)) return { ...unnamed, originalId: 'nobody' };
    // Often one that is long sealed away.
    const original = pick(random, mine);
    const named = { ...unnamed, originalId: original.id };
    if (random.chance(0.2)) return { ...named, lines };
    const line = 'lines' in original ? original.lines?.[0] : undefined;
    if (line === undefined || random.chance(0.2)) {
      return random.chance(0.5) ? named : { ...named, amount: Math.floor(this.#money() / 4) };
    }
    const quantity = 1 + random.below(line.quantity);
    if (random.chance(0.5)) return { ...named, lines: [{ sku: line.sku, quantity }] };
    return { ...named, lines: [{ sku: line.sku, quantity, amount: random.below((line.amount ?? 0) + 1) }] };
  }

  /** Up to 40 units of the currency, in numbers that no quantity divides. */
  #money(): number {
    return this.#random.below(40 * this.#scenario.minorUnits + 1);
  }

  /** The same id with something else in it. */
  #changed(event: PublicEvent): PublicEvent {
    const random = this.#random;
    const occurredAt = new Date(Date.parse(event.occurredAt ?? '2010-01-01T00:00:00Z') + 1).toISOString();
    if (random.chance(0.5)) return { ...event, occurredAt };
    if (event.type === 'adjustment') return { ...event, points: event.points + 1 || 1 };
    if (event.type === 'purchase' || event.type === 'return') return { ...event, store: `${event.store ?? ''}x` };
    return { ...event, occurredAt };
  }
}

/** More than a member can have at a time: somebody's script has run wild. */
function alike(exception: PublicException): PublicException[] {
  return Array.from({ length: EXCEPTIONS_MAX }, (_, index) => ({ ...exception, id: `${exception.id}-${index}` }));
}

interface Head {
  readonly id: string;
  readonly memberId: string;
  readonly occurredAt?: string;
}

function keyOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');
}

function encode(contents: readonly Content[], random: Random): Uint8Array {
  const whole = encodeBatch(contents.map(eventOf));
  if (contents.every(({ kind }) => kind !== 'malformed')) return whole;
  const [replyTo, events] = unpack(whole).value as [string, unknown[]];
  return pack(1, [
    replyTo,
    events.map((event, index) => (contents[index]?.kind === 'malformed' ? broken(random) : event)),
  ]);
}

function eventOf(content: Content): LogEvent {
  if (content.kind === 'event' || content.kind === 'foreign') return memberEvent(content.event);
  if (content.kind === 'program') return { type: 'program', document: content.document };
  // Stands in for a malformed one, too, until that takes its place.
  return { type: 'tick' };
}

/** By the engine's own way in. */
export function memberEvent(event: PublicEvent): MemberEvent {
  const { events, rejected } = parseEvents(event);
  const [parsed] = events;
  if (parsed === undefined) throw new Error(`${JSON.stringify(event)}: ${JSON.stringify(rejected)}`);
  return parsed;
}

function broken(random: Random): unknown {
  return pick<unknown>(random, [
    'text',
    [],
    [99, 'of a kind to come'],
    [0, '', 'no id', 0, '', '', '', 1, []],
    [0, 'lines', 'm', 0, '', '', '', 7, ['a', '', 1, 8]],
    [2, 'nothing', 'm', 0, 0, '', ''],
    [3, 'too long'.repeat(20), 'm', 0],
  ]);
}
