/** `GET /v1/members/{id}` and its ledger, answered by the owner of the member's partition. */
import { LEDGER_PAGE_DEFAULT, LEDGER_PAGE_MAX } from '../limits.ts';
import { partitionOf } from '../wire/subjects.ts';
import { Refusal } from './errors.ts';
import { type Answer, type Call, json, type Route } from './http.ts';
import { parseInstant } from './instant.ts';
import { isMemberId } from './member-id.ts';
import type { Queries } from './queries.ts';

export interface MembersApiDeps {
  readonly queries: Queries;
  readonly partitions: number;
}

export function memberRoutes(deps: MembersApiDeps): Route[] {
  return [
    { path: '/v1/members/{id}', methods: { GET: { handle: (call) => getMember(deps, call) } } },
    { path: '/v1/members/{id}/ledger', methods: { GET: { handle: (call) => getLedger(deps, call) } } },
  ];
}

async function getMember({ queries, partitions }: MembersApiDeps, { params: [id = ''], query }: Call): Promise<Answer> {
  if (!isMemberId(id)) return new Refusal('bad_member_id');
  const text = query.get('asOf');
  const asOf = text === null ? undefined : parseInstant(text);
  if (text !== null && asOf === undefined) {
    const message = 'expected an RFC 3339 instant such as 2026-11-22T10:15:00Z (a + must be sent as %2B)';
    return new Refusal('bad_parameter', message, { path: 'asOf' });
  }
  const answer = await queries.ask<'member'>(partitionOf(id, partitions), {
    op: 'member',
    memberId: id,
    lease: false,
    ...(asOf === undefined ? {} : { asOf }),
  });
  if (answer instanceof Refusal) return answer;
  return answer.member === null ? new Refusal('member_not_found') : json(200, answer.member);
}

async function getLedger({ queries, partitions }: MembersApiDeps, { params: [id = ''], query }: Call): Promise<Answer> {
  if (!isMemberId(id)) return new Refusal('bad_member_id');
  const limit = wholeNumber(query.get('limit') ?? String(LEDGER_PAGE_DEFAULT));
  if (limit === undefined || limit < 1 || limit > LEDGER_PAGE_MAX) {
    return new Refusal('bad_parameter', `expected a whole number from 1 to ${LEDGER_PAGE_MAX}`, { path: 'limit' });
  }
  const cursor = query.get('cursor');
  const before = cursor === null ? undefined : wholeNumber(cursor);
  if (cursor !== null && before === undefined) {
    return new Refusal('bad_parameter', 'expected the `next` of the page before', { path: 'cursor' });
  }
  const answer = await queries.ask<'ledger'>(partitionOf(id, partitions), {
    op: 'ledger',
    memberId: id,
    limit,
    ...(before === undefined ? {} : { before }),
  });
  if (answer instanceof Refusal) return answer;
  if (answer.entries === null) return new Refusal('member_not_found');
  return json(200, {
    entries: answer.entries,
    ...(answer.next === undefined ? {} : { next: String(answer.next) }),
  });
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
