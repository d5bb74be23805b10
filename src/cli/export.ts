/** `tidemark export`: everything about a member, as one JSON document: the member as it is, and its whole ledger, newest first. */
import { parseArgs } from 'node:util';
import { toError } from '../lib/assert.ts';
import { LEDGER_PAGE_MAX } from '../limits.ts';
import { readRunning } from './data-folder.ts';
import { UsageError } from './options.ts';

export const EXPORT_HELP = `Usage: tidemark export MEMBER [options]

Writes everything about a member to standard output, as one JSON document {member, ledger}: balances, levels and
counters as they are, and every entry of the ledger with its rule and program version, newest first.

Options:
  --url URL        Engine to ask [default: the one running on --data, else http://127.0.0.1:8080]
  --data FOLDER    Data folder of the engine [default ./data]

Exit codes: 0 done, 3 there is no such member, 1 the engine could not be asked.
`;

const FAILED = 1;
const NO_SUCH_MEMBER = 3;

interface LedgerPage {
  readonly entries: readonly unknown[];
  readonly next?: string;
}

/** What is said instead of a document. */
class Failure extends Error {}

export async function exportMember(args: readonly string[]): Promise<number> {
  const { memberId, url } = parse(args);
  try {
    return await exportFrom(url, memberId);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`${error.message}\n`);
    return FAILED;
  }
}

async function exportFrom(url: string, memberId: string): Promise<number> {
  const path = `${url}/v1/members/${encodeURIComponent(memberId)}`;
  const member = await ask(path);
  if (member === undefined) {
    process.stderr.write(`The engine at ${url} knows no member ${memberId}.\n`);
    return NO_SUCH_MEMBER;
  }
  await write(`{"member":${JSON.stringify(member)},"ledger":[`);
  // Page after page, so that no ledger is too long.
  let separator = '\n';
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: LedgerPage = ((await ask(
      `${path}/ledger?limit=${LEDGER_PAGE_MAX}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )) ?? { entries: [] }) as LedgerPage;
    for (const entry of page.entries) {
      await write(separator + JSON.stringify(entry));
      separator = ',\n';
    }
    cursor = page.next;
  }
  await write(']}\n');
  return 0;
}

function parse(args: readonly string[]): { memberId: string; url: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { url: { type: 'string' }, data: { type: 'string', default: process.env['TIDEMARK_DATA'] ?? './data' } },
    });
    const [memberId] = positionals;
    if (memberId === undefined || positionals.length !== 1) throw new Error('Expected one MEMBER');
    return { memberId, url: values.url ?? readRunning(values.data)?.httpUrl ?? 'http://127.0.0.1:8080' };
  } catch (error) {
    throw new UsageError(`${toError(error).message.split('. To specify')[0]}. See tidemark export --help.`);
  }
}

/** Undefined for a member that nobody knows. */
async function ask(url: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new Failure(`No engine answers at ${new URL(url).origin}: ${toError(error).message}`);
  }
  const body = (await response.json()) as { readonly error?: { readonly message: string } };
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Failure(`The engine refused: ${body.error?.message ?? response.status}`);
  return body;
}

/** Waits for whoever reads slowly. */
async function write(text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
