/**
 * The tier sets of a member whose program has counters or sets of its own: judged after every change, fitted to a new
 * program, and what reaching their levels gives.
 */
import { must } from '../lib/assert.ts';
import { PHASES_MAX } from '../limits.ts';
import type { LevelSet, Program } from '../program/program.ts';
import { noteBalance, noteTakenBack, standingOf, touch } from './counters.ts';
import { addOnDay, firstDayFrom, sumOfDays } from './days.ts';
import type { AdjustmentEntry, Entry } from './entry.ts';
import { exceptionsOf, heldRank, isInForce } from './exceptions.ts';
import { lastDayOf } from './expiry.ts';
import { record } from './ledger.ts';
import type { Member } from './member.ts';
import { NO_ENTRIES, NO_TIER_CHANGES, type TierChange } from './outcome.ts';
import { type Judged, judgeFrom, nextDue } from './phases.ts';
import {
  basePhase,
  copyStanding,
  newStanding,
  type Phase,
  phaseNow,
  phaseOn,
  type SetStanding,
  type Standing,
} from './standing.ts';
import { credit, takeBack } from './wallet.ts';

const NOTHING_LEFT = { expired: 0, forgiven: 0 };

/** Judges all sets by what has changed. Returns `changes` with those there are at its end. */
export function judgeSets(
  program: Program,
  member: Member,
  at: number,
  changes: readonly TierChange[],
): readonly TierChange[] {
  const standing = standingOf(member);
  let result = changes;
  do {
    if (program.qualifying?.usesBalance) noteBalance(member, member.asOfDay, false);
    const found = judgeEach(program, member, at);
    if (found.length > 0) result = [...result, ...found];
    giveRewards(program, member, at);
    // Points for a level of one set may reach a level of another, whose levels then give none.
  } while (standing.changedDay !== Infinity);
  return result;
}

function judgeEach(program: Program, member: Member, at: number): readonly TierChange[] {
  const standing = standingOf(member);
  const { changedDay } = standing;
  standing.changedDay = Infinity;
  const { sets, horizonDays } = must(program.qualifying);
  const horizon = member.asOfDay - horizonDays;
  const first = Math.max(Math.min(changedDay, member.asOfDay), horizon);
  let changes = NO_TIER_CHANGES;
  for (let index = 0; index < sets.length; index++) {
    const own = must(standing.sets[index]);
    const from = Math.max(first, basePhase(own).day);
    const judged = judgedOf(program, sets[index] as LevelSet, member, index);
    giveLater(standing, judgeFrom(judged, own, from, member.asOfDay, from === changedDay));
    forgetPhases(own, horizon);
    const change = takeLevel(judged, own, at);
    if (change !== undefined) changes = [...changes, change];
  }
  return changes;
}

/** `rewards`: day, points, ... */
function giveLater(standing: Standing, rewards: readonly number[]): void {
  for (let index = 0; index < rewards.length; index += 2) {
    standing.rewards = addOnDay(standing.rewards, rewards[index] as number, rewards[index + 1] as number);
  }
}

/** Those that nothing can change any more, but for the last of them, which the others follow. */
function forgetPhases(own: SetStanding, horizon: number): void {
  const { phases } = own;
  let settled = Math.max(0, phases.length - PHASES_MAX);
  while ((phases[settled + 1]?.day ?? Infinity) < horizon) settled += 1;
  if (settled === 0) return;
  phases.splice(0, settled);
  own.base = Math.max(0, own.base - settled);
}

/** `index`: the set's place in the program. */
export function judgedOf({ zone }: Program, set: LevelSet, member: Member, index: number): Judged {
  return {
    set,
    index,
    member,
    standing: standingOf(member),
    exceptions: exceptionsOf(member, set.id, index === 0),
    zone,
  };
}

/** The level that has been judged is the one held. Undefined where it was before. */
function takeLevel(judged: Judged, own: SetStanding, at: number): TierChange | undefined {
  const { set, index, member } = judged;
  const from = own.level;
  const level = heldLevel(judged, phaseNow(own), member.asOf);
  if (level === from) return undefined;
  own.level = level;
  own.since = at;
  if (index === 0) {
    member.levelId = level;
    member.levelSince = at;
  }
  return { set: index === 0 ? '' : set.id, from, to: level, at };
}

/** What exceptions make of a phase's level. */
function heldLevel({ set, exceptions }: Judged, { level }: Phase, at: number): string {
  if (exceptions.length === 0) return level;
  return set.levels[heldRank(set.rank(level), exceptions, set.rank, at)]?.id ?? '';
}

/** As of the day a level was reached, like what a purchase of that day earned; so giving and taking back cancel out. */
function giveRewards(program: Program, member: Member, at: number): void {
  const standing = standingOf(member);
  const { rewards } = standing;
  if (rewards.length === 0) return;
  standing.rewards = [];
  const rules = must(program.wallets[0]);
  const wallet = must(member.wallets[0]);
  for (let index = 0; index < rewards.length; index += 2) {
    const day = rewards[index] as number;
    const points = rewards[index + 1] as number;
    const { expired, forgiven } = points > 0 ? NOTHING_LEFT : takeBack(wallet, day, -points, true, rules.returns);
    if (points > 0) credit(wallet, day, lastDayOf(rules, day), points);
    if (program.qualifying?.usesBalance) {
      if (points > 0) noteBalance(member, day, false);
      else noteTakenBack(program, member, day, expired);
    }
    const entry: AdjustmentEntry = {
      kind: 'adjustment',
      eventId: '',
      occurredAt: 0,
      at,
      programVersion: program.version,
      walletId: rules.id,
      wallet: '',
      points: points + expired + forgiven,
      reason: points > 0 ? 'for reaching a level' : 'the level is no longer reached',
      agent: '',
      approvedBy: '',
    };
    record(member, entry);
    standing.given = [...standing.given, entry];
  }
}

/** The rewards given and taken back since the last call. */
export function takeGiven({ standing }: Member): readonly Entry[] {
  if (standing === undefined || standing.given.length === 0) return NO_ENTRIES;
  const { given } = standing;
  standing.given = [];
  return given;
}

/** When time alone may next change what a member holds; Infinity for never. */
export function firstDue(program: Program, member: Member): number {
  const standing = standingOf(member);
  const { sets } = must(program.qualifying);
  let first = Infinity;
  for (let index = 0; index < sets.length; index++) {
    const phase = phaseNow(must(standing.sets[index]));
    const due = nextDue(judgedOf(program, sets[index] as LevelSet, member, index), phase, member.asOfDay);
    if (due < first) first = due;
  }
  return first === Infinity ? Infinity : program.zone.startOfDay(first);
}

/** The first set's level at the end of an instant's local day, with the exceptions of that instant. */
export function levelThen(program: Program, member: Member, at: number): string {
  const [set] = program.qualifying?.sets ?? [];
  const [own] = standingOf(member).sets;
  if (set === undefined || own === undefined) return '';
  return heldLevel(judgedOf(program, set, member, 0), phaseOn(own, program.zone.localDay(at)), at);
}

/**
 * Makes a member's sets those of its program, which is new to it. What was held goes on in a set of the same name; what came
 * before is not judged anew, and pays no rewards. Works on copies: a reader may share the originals.
 */
export function fitSets(program: Program, member: Member, at: number, isNew: boolean): readonly TierChange[] {
  const { qualifying } = program;
  const old = member.standing;
  if (qualifying === undefined && old === undefined) return NO_TIER_CHANGES;
  const [first, ...others] = qualifying?.sets ?? [];
  const gone = (old?.sets ?? []).slice(1).filter(({ id }) => !others.some((set) => set.id === id));
  const changes = gone
    .filter(({ level }) => level !== '')
    .map(({ id, level }) => ({ set: id, from: level, to: '', at }));
  if (qualifying === undefined) {
    member.standing = undefined;
    return changes;
  }
  const day = member.asOfDay;
  const joinedDay = firstDayFrom(member.spend, 0) ?? day;
  const standing = old === undefined ? newStanding(joinedDay) : copyStanding(old);
  if (member.enrolledAt > 0) standing.joinedDay = program.zone.localDay(member.enrolledAt);
  member.standing = standing;
  standing.sets = qualifying.sets.map((set) => {
    const known = set === first ? old?.sets[0] : old?.sets.slice(1).find(({ id }) => id === set.id);
    const nothing = { ...NOTHING_HELD, anchor: standing.joinedDay - 1 };
    const held =
      known !== undefined ? phaseNow(known) : set === first ? { ...nothing, level: ownLevel(member) } : nothing;
    const level = set === first ? member.levelId : (known?.level ?? '');
    const since = set === first ? member.levelSince : (known?.since ?? 0);
    const before = known?.phases ?? [];
    return { id: set.id, level, since, phases: [...before, fitPhase(set, held, isNew ? 0 : day)], base: before.length };
  });
  if (qualifying.usesBalance) noteBalance(member, day, false);
  touch(standing, day);
  changes.push(...judgeEach(program, member, at));
  standing.rewards = [];
  // From here on a balance is as high as it is: what it was in the course of the day has been judged.
  standing.peaks = addOnDay(
    standing.peaks,
    day,
    sumOfDays(standing.balance, day, day) - sumOfDays(standing.peaks, day, day),
  );
  for (const own of standing.sets) {
    // The levels everybody starts on are held from the start, not from the first event.
    if (isNew) own.since = 0;
    const now = { ...phaseNow(own), reward: 0 };
    own.phases.splice(own.base, Infinity, isNew ? { ...now, day: 0, anchor: standing.joinedDay - 1 } : { ...now, day });
  }
  return changes;
}

const NOTHING_HELD: Phase = { day: 0, level: '', until: 0, lostDay: 0, anchor: 0, reward: 0 };

/** The level held under a program without sets of its own: none where a floor may be all that holds it, which starts no term. */
function ownLevel({ levelId, exceptions, asOf }: Member): string {
  return exceptions.some((exception) => exception.floor === levelId && isInForce(exception, asOf)) ? '' : levelId;
}

/** A level that has a term where it had none, or the other way round. */
function fitPhase({ term }: LevelSet, phase: Phase, day: number): Phase {
  if (term === undefined || phase.level === '') return { ...phase, day, until: 0, reward: 0 };
  const until = phase.until > 0 ? phase.until : term.lastDay(day, phase.anchor);
  return { ...phase, day, until, lostDay: 0, reward: 0 };
}

/** Shows the sets as they were at the end of an earlier day, on a copy. When those levels began is not known. */
export function rewindSets(program: Program, member: Member, day: number): void {
  const standing = standingOf(member);
  const { sets } = must(program.qualifying);
  member.asOfDay = day;
  member.standing = {
    ...standing,
    sets: standing.sets.map((own, index) => {
      const phase = phaseOn(own, day);
      const level = heldLevel(judgedOf(program, must(sets[index]), member, index), phase, member.asOf);
      return { ...own, level, since: 0, phases: [phase], base: 0 };
    }),
  };
  member.levelId = member.standing.sets[0]?.level ?? member.levelId;
  member.levelSince = 0;
}
