/** A member's standing as stored, within its record: the day it joined, measures by day, tallies, each set with its phases. */
import { newStanding, type Phase, type SetStanding, type Standing } from '../scoring/standing.ts';
import type { Tallies } from '../scoring/tallies.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { readDays, writeDays } from './lots-record.ts';

const NONE = 0;
/** All phases can be judged anew but for the first. */
const FROM_FIRST = 1;
/** Sets say which phase judgement goes on from. */
const FROM_BASE = 2;

/** Of a member that may have none. */
export function writeStanding(out: ByteWriter, standing: Standing | undefined): void {
  const form = standing === undefined ? NONE : standing.sets.some(({ base }) => base > 0) ? FROM_BASE : FROM_FIRST;
  out.byte(form);
  if (standing === undefined) return;
  out.int(standing.joinedDay);
  writeDays(out, standing.transactions);
  writeDays(out, standing.points);
  writeDays(out, standing.activity);
  writeTallies(out, standing.visits);
  writeTallies(out, standing.categories);
  writeDays(out, standing.balance);
  writeDays(out, standing.peaks);
  out.uint(standing.sets.length);
  for (const { id, since, phases, base } of standing.sets) {
    out.text(id);
    out.uint(since);
    if (form === FROM_BASE) out.uint(base);
    out.uint(phases.length);
    for (const phase of phases) writePhase(out, phase);
  }
}

export function readStanding(from: ByteReader): Standing | undefined {
  const form = from.uint();
  if (form === NONE) return undefined;
  const standing = newStanding(from.int());
  standing.transactions = readDays(from);
  standing.points = readDays(from);
  standing.activity = readDays(from);
  standing.visits = readTallies(from);
  standing.categories = readTallies(from);
  standing.balance = readDays(from);
  standing.peaks = readDays(from);
  const count = from.uint();
  const sets: SetStanding[] = [];
  for (let index = 0; index < count; index++) {
    const id = from.text();
    const since = from.uint();
    const base = form === FROM_BASE ? from.uint() : 0;
    const phases: Phase[] = [];
    for (let left = from.uint(); left > 0; left--) phases.push(readPhase(from));
    sets.push({ id, level: phases.at(-1)?.level ?? '', since, phases, base });
  }
  standing.sets = sets;
  return standing;
}

function writePhase(out: ByteWriter, { day, level, until, lostDay, anchor, reward }: Phase): void {
  out.int(day);
  out.text(level);
  out.int(until);
  out.int(lostDay);
  out.int(anchor);
  out.uint(reward);
}

function readPhase(from: ByteReader): Phase {
  const day = from.int();
  const level = from.text();
  return { day, level, until: from.int(), lostDay: from.int(), anchor: from.int(), reward: from.uint() };
}

/** Keys are fingerprints of 53 bits, as good as random: eight bytes each. */
function writeTallies(out: ByteWriter, tallies: Tallies): void {
  out.uint(tallies.length / 3);
  for (let index = 0; index < tallies.length; index += 3) {
    out.int(tallies[index] as number);
    out.double(tallies[index + 1] as number);
    out.uint(tallies[index + 2] as number);
  }
}

function readTallies(from: ByteReader): Tallies {
  const count = from.uint();
  const tallies: Tallies = [];
  for (let index = 0; index < count; index++) tallies.push(from.int(), from.double(), from.uint());
  return tallies;
}
