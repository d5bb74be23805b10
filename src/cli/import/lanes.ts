/**
 * Which lines may be sent at the same time. A member's events must reach the log in the order of the file, so all lines of
 * one member are in one lane, and a lane sends one request after the other.
 */
import { toError } from '../../lib/assert.ts';
import { fnv1a32 } from '../../lib/hash.ts';
import { EVENTS_PER_REQUEST_MAX } from '../../limits.ts';
import { LINE_BYTES_MAX, type Line } from './lines.ts';
import type { Refusal } from './refusals.ts';

export const LANES = 4;

/** Lines of one request, in order. */
export type Request = readonly Line[];

export interface Sorted {
  /** Each a list of requests. */
  readonly lanes: readonly (readonly Request[])[];
  /** Lines that would spoil a request for their neighbours. */
  readonly refusals: readonly Refusal[];
}

export function sortIntoLanes(block: readonly Line[]): Sorted {
  const lanes: Line[][] = Array.from({ length: LANES }, () => []);
  const refusals: Refusal[] = [];
  for (const line of block) {
    const memberId = line.problem === undefined ? memberOf(line.text) : { problem: line.problem };
    if (typeof memberId === 'string') (lanes[fnv1a32(memberId) % LANES] as Line[]).push(line);
    else refusals.push({ line: line.number, code: 'invalid_json', message: memberId.problem, path: '' });
  }
  return { lanes: lanes.filter((lane) => lane.length > 0).map(requestsOf), refusals };
}

/** As the engine will read it: an id may be spelled in escapes. '' for what is no event, which the engine is left to say. */
function memberOf(text: string): string | { readonly problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    const memberId: unknown = typeof value === 'object' && value !== null && 'memberId' in value ? value.memberId : '';
    return typeof memberId === 'string' ? memberId : '';
  } catch (error) {
    return { problem: toError(error).message };
  }
}

/** Splits a lane by the limits of a request. */
function requestsOf(lane: readonly Line[]): Request[] {
  const requests: Request[] = [];
  let current: Line[] = [];
  let bytes = 0;
  for (const line of lane) {
    const lineBytes = Buffer.byteLength(line.text);
    if (current.length >= EVENTS_PER_REQUEST_MAX || bytes + lineBytes > LINE_BYTES_MAX) {
      requests.push(current);
      current = [];
      bytes = 0;
    }
    current.push(line);
    bytes += lineBytes;
  }
  if (current.length > 0) requests.push(current);
  return requests;
}
