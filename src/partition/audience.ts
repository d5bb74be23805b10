/**
 * Those who are told while a partition is scored: tills that wait for an outcome, watchers of a member, the feed. All of it
 * is best effort and sent over plain subjects; nothing here is part of what the log decides, and nothing here may slow the
 * scoring of those nobody watches.
 */
import { FEED_ITEMS_PER_SECOND, LEASE_MS, LEASES_PER_PARTITION_MAX } from '../limits.ts';
import type { LogMessage } from '../log/log.ts';
import type { WorkerCounters } from '../observe/counters.ts';
import type { Program } from '../program/program.ts';
import type { Entry } from '../scoring/entry.ts';
import type { MemberEvent } from '../scoring/event.ts';
import { copyMember, type Member } from '../scoring/member.ts';
import type { Outcome } from '../scoring/outcome.ts';
import { pointsOf } from '../scoring/points.ts';
import { rewind, settle } from '../scoring/settle.ts';
import type { HeldMember } from '../store/member-cache.ts';
import type { Batch, Malformed } from '../wire/batch.ts';
import { instantText } from '../wire/instant-text.ts';
import { encodeLive } from '../wire/live.ts';
import { type MemberView, memberView } from '../wire/member-view.ts';
import { type OutcomeView, outcomeView } from '../wire/outcome-view.ts';
import { scoredReplies } from '../wire/query.ts';
import type { FeedItem } from '../wire/stats.ts';
import type { Names } from '../wire/subjects.ts';
import type { Partition, PartitionListener } from './partition.ts';

/** Outcomes of messages older than this are not sent: nobody waits that long, and a replay must not flood gateways. */
const REPLY_AGE_MAX_MS = 60_000;

export interface AudienceOptions {
  readonly partition: number;
  readonly epoch: string;
  readonly names: Names;
  /** Plain publish; fire and forget. */
  readonly send: (subject: string, payload: Uint8Array) => void;
  readonly counters: WorkerCounters;
  readonly feed: Feed;
  readonly nowMs: () => number;
}

export class Audience implements PartitionListener {
  readonly #options: AudienceOptions;
  /** Until when each watched member is watched, epoch ms. */
  readonly #leases = new Map<string, number>();
  readonly #touched = new Map<string, Member>();
  #replyTo = '';
  #outcomes: OutcomeView[] = [];
  #partition: Partition | undefined;

  constructor(options: AudienceOptions) {
    this.#options = options;
    // Those of the owner before went with it.
    this.#countLeases();
  }

  /** The partition whose members are shown. */
  attach(partition: Partition): void {
    this.#partition = partition;
  }

  /** Watches a member for LEASE_MS. False when there are too many watched members. */
  lease(memberId: string): boolean {
    if (!this.#leases.has(memberId)) {
      if (this.#leases.size >= LEASES_PER_PARTITION_MAX) this.expireLeases();
      if (this.#leases.size >= LEASES_PER_PARTITION_MAX) return false;
    }
    this.#leases.set(memberId, this.#options.nowMs() + LEASE_MS);
    this.#countLeases();
    return true;
  }

  expireLeases(): void {
    const nowMs = this.#options.nowMs();
    for (const [memberId, until] of this.#leases) {
      if (until <= nowMs) this.#leases.delete(memberId);
    }
    this.#countLeases();
  }

  begin(batch: Batch, message: LogMessage): void {
    const fresh = batch.replyTo !== '' && this.#options.nowMs() - message.timestampMs < REPLY_AGE_MAX_MS;
    this.#replyTo = fresh ? batch.replyTo : '';
    if (fresh) this.#outcomes = [];
  }

  scored(
    event: MemberEvent | Malformed,
    outcome: Outcome,
    held: HeldMember | undefined,
    detail: string | undefined,
  ): void {
    if (this.#replyTo !== '') {
      this.#outcomes.push(
        outcomeView(event, outcome, detail, held === undefined ? undefined : this.#view(held.member)),
      );
    }
    if (held === undefined || outcome.code !== 'scored' || event.type === 'malformed') return;
    if (this.#leases.size > 0) this.settled(held);
    if (this.#options.feed.wanted) this.#options.feed.offer(() => feedItem(event, outcome, held.member));
  }

  settled({ member }: HeldMember): void {
    if (this.#leases.has(member.id)) this.#touched.set(member.id, member);
  }

  end(message: LogMessage): void {
    const { send, names, partition, counters } = this.#options;
    if (this.#replyTo !== '') {
      for (const reply of scoredReplies(message.sequence, this.#outcomes)) send(this.#replyTo, reply);
      this.#replyTo = '';
      this.#outcomes = [];
    }
    if (this.#touched.size === 0) return;
    const loggedAtMs = message.timestampMs + (message.fractionMs ?? 0);
    // A member that changed several times in one message is shown once, as it is now.
    for (const member of this.#touched.values()) {
      const json = JSON.stringify(this.#view(member));
      send(names.live(partition, member.id), encodeLive({ version: member.version, loggedAtMs, json }));
    }
    counters.add('live_updates_total', this.#touched.size);
    this.#touched.clear();
  }

  #countLeases(): void {
    const { counters, partition } = this.#options;
    counters.setPartition(partition, 'leases', this.#leases.size);
  }

  #view(member: Member): MemberView | undefined {
    const program = this.#partition?.program;
    return program === undefined ? undefined : viewAt(program, member, this.#options.epoch, this.#options.nowMs());
  }
}

/** A member as it is at an instant: what is due by then has happened, though not on the member itself. */
export function viewAt(program: Program, member: Member, epoch: string, atMs: number): MemberView {
  // Where nothing is due, settling touches numbers only, and the lists may be shared with the original.
  const shown = member.due <= atMs ? copyMember(member) : { ...member };
  settle(program, shown, Math.max(atMs, member.asOf));
  if (atMs < member.asOf) rewind(program, shown, atMs);
  return memberView(program, shown, epoch);
}

/** A sample of what a worker scores, a few items a second, while somebody looks. */
export class Feed {
  readonly #send: (item: FeedItem) => void;
  readonly #nowMs: () => number;
  #wantedUntilMs = 0;
  #second = 0;
  #sent = 0;

  constructor(send: (item: FeedItem) => void, nowMs: () => number) {
    this.#send = send;
    this.#nowMs = nowMs;
  }

  /** Some gateway has watchers for the next LEASE_MS. */
  want(): void {
    this.#wantedUntilMs = this.#nowMs() + LEASE_MS;
  }

  get wanted(): boolean {
    return this.#wantedUntilMs !== 0;
  }

  offer(item: () => FeedItem): void {
    const nowMs = this.#nowMs();
    if (nowMs > this.#wantedUntilMs) {
      this.#wantedUntilMs = 0;
      return;
    }
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sent = 0;
    }
    if (this.#sent >= FEED_ITEMS_PER_SECOND) return;
    this.#sent += 1;
    this.#send(item());
  }
}

function feedItem(event: MemberEvent, outcome: Outcome, member: Member): FeedItem {
  const change = outcome.tierChanges.findLast(({ set }) => set === '');
  const level = (id: string): string | null => (id === '' ? null : id);
  return {
    at: instantText(outcome.entry?.at ?? member.asOf),
    memberId: member.id,
    type: event.type,
    store: 'store' in event ? event.store : '',
    amount: amountOf(outcome.entry),
    points: outcome.entry === undefined ? 0 : pointsOf(outcome.entry, member.wallets[0]?.id ?? ''),
    level: level(member.levelId),
    ...(change === undefined ? {} : { tierChange: { from: level(change.from), to: level(change.to) } }),
  };
}

/** Minor units bought, or brought back. */
function amountOf(entry: Entry | undefined): number {
  if (entry?.kind === 'accrual') return entry.amount;
  if (entry?.kind === 'reversal' || entry?.kind === 'void')
    return entry.parts.reduce((sum, { amount }) => sum + amount, 0);
  return 0;
}
