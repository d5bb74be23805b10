/**
 * The UCI Online Retail data set (a UK gift wholesaler's invoices) as events: an invoice is a purchase, a credit note a
 * return that names none, and a customer a member.
 *
 *   node dist/load/online-retail.js online-retail.csv.gz > events.jsonl
 *
 * Events are JSON Lines in the order of the file, which is the order of time; counts go to stderr.
 */
import { createReadStream } from 'node:fs';
import { pipeline as chain, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { CsvReader } from './csv.ts';
import type { PublicEvent } from './public-event.ts';

export interface Totals {
  rows: number;
  /** Numbers in the file, credit notes and those without a line to keep included. */
  invoices: number;
  creditNotes: number;
  purchases: number;
  returns: number;
  /** Rows that became a line of an event. */
  lines: number;
  /** Rows that did not, by the first reason that applies. */
  readonly dropped: Record<DropReason, number>;
  /** Customers with any row, and those with an event. */
  readonly customers: Set<string>;
  readonly members: Set<string>;
}

export type DropReason = 'without a customer' | 'price not above 0' | 'quantity with the wrong sign';

export function newTotals(): Totals {
  return {
    rows: 0,
    invoices: 0,
    creditNotes: 0,
    purchases: 0,
    returns: 0,
    lines: 0,
    dropped: { 'without a customer': 0, 'price not above 0': 0, 'quantity with the wrong sign': 0 },
    customers: new Set(),
    members: new Set(),
  };
}

/** Reads the gzipped CSV; `totals` is complete once the iteration has ended. */
export async function* onlineRetailEvents(path: string, totals: Totals): AsyncGenerator<PublicEvent> {
  // What goes wrong in the chain surfaces in the iteration below.
  const text = chain(createReadStream(path), createGunzip(), () => undefined).setEncoding('utf8');
  yield* eventsOf(text, totals);
}

export async function* eventsOf(pieces: AsyncIterable<string>, totals: Totals): AsyncGenerator<PublicEvent> {
  const csv = new CsvReader();
  const invoices = new Invoices(totals);
  for await (const piece of pieces) yield* invoices.add(csv.rows(piece));
  yield* invoices.add(csv.end());
  yield* invoices.end();
}

/** The contract allows no more. */
const LINES_PER_EVENT_MAX = 1_000;
/** One invoice is written over several minutes, and two tills' rows interleave: an invoice is over after this. */
const OPEN_MS = 3_600_000;

interface Invoice {
  readonly number: string;
  readonly isCreditNote: boolean;
  readonly customer: string;
  readonly country: string;
  /** Of its first row, which is when it happened. */
  readonly occurredAtMs: number;
  lastRowMs: number;
  readonly lines: { readonly sku: string; readonly quantity: number; readonly amount: number }[];
}

const COLUMNS = ['InvoiceNo', 'StockCode', 'Quantity', 'InvoiceDate', 'UnitPrice', 'CustomerID', 'Country'] as const;

class Invoices {
  readonly #totals: Totals;
  /** In the order of their first rows. */
  readonly #open = new Map<string, Invoice>();
  readonly #seen = new Set<string>();
  #columns: number[] = [];

  constructor(totals: Totals) {
    this.#totals = totals;
  }

  *add(rows: readonly string[][]): Generator<PublicEvent> {
    for (const row of rows) {
      if (this.#columns.length === 0) this.#columns = columnsOf(row);
      else yield* this.#addRow(row);
    }
  }

  *end(): Generator<PublicEvent> {
    yield* this.#close(Infinity);
  }

  *#addRow(row: readonly string[]): Generator<PublicEvent> {
    this.#totals.rows += 1;
    const [number = '', sku = '', quantityText = '', time = '', price = '', customerText = '', country = ''] =
      this.#columns.map((column) => row[column]);
    const atMs = londonInstant(time);
    yield* this.#close(atMs - OPEN_MS);

    const isCreditNote = number.startsWith('C');
    const customer = customerText.replace(/\.0$/, '');
    if (customer !== '') this.#totals.customers.add(customer);
    const invoice = this.#open.get(number) ?? this.#opened(number, isCreditNote, customer, country, atMs);
    if (invoice.customer !== customer) throw new Error(`invoice ${number} has several customers`);
    invoice.lastRowMs = atMs;

    const quantity = isCreditNote ? -Number(quantityText) : Number(quantityText);
    if (!Number.isSafeInteger(quantity)) throw new Error(`invoice ${number}: quantity "${quantityText}"`);
    const reason = dropReason(customer, price, quantity);
    if (reason !== undefined) {
      this.#totals.dropped[reason] += 1;
      return;
    }
    this.#totals.lines += 1;
    invoice.lines.push({ sku, quantity, amount: pence(quantity, price) });
  }

  #opened(number: string, isCreditNote: boolean, customer: string, country: string, atMs: number): Invoice {
    if (this.#seen.has(number)) throw new Error(`invoice ${number} goes on more than an hour after its last row`);
    this.#seen.add(number);
    this.#totals.invoices += 1;
    if (isCreditNote) this.#totals.creditNotes += 1;
    const invoice = { number, isCreditNote, customer, country, occurredAtMs: atMs, lastRowMs: atMs, lines: [] };
    this.#open.set(number, invoice);
    return invoice;
  }

  /** Events of the invoices that are over, the oldest first; a younger one waits for an older one. */
  *#close(beforeMs: number): Generator<PublicEvent> {
    for (const [number, invoice] of this.#open) {
      if (invoice.lastRowMs >= beforeMs) return;
      this.#open.delete(number);
      if (invoice.lines.length === 0) continue;
      this.#totals.members.add(invoice.customer);
      this.#totals[invoice.isCreditNote ? 'returns' : 'purchases'] += 1;
      yield eventOf(invoice);
    }
  }
}

function columnsOf(header: readonly string[]): number[] {
  return COLUMNS.map((name) => {
    const column = header.indexOf(name);
    if (column < 0) throw new Error(`no column "${name}" in the first row`);
    return column;
  });
}

function dropReason(customer: string, price: string, quantity: number): DropReason | undefined {
  if (customer === '') return 'without a customer';
  if (Number(price) <= 0) return 'price not above 0';
  return quantity <= 0 ? 'quantity with the wrong sign' : undefined;
}

function eventOf({ number, isCreditNote, customer, country, occurredAtMs, lines }: Invoice): PublicEvent {
  if (lines.length > LINES_PER_EVENT_MAX) throw new Error(`invoice ${number} has ${lines.length} lines`);
  const head = {
    id: number,
    memberId: customer,
    occurredAt: new Date(occurredAtMs).toISOString(),
    store: country,
    currency: 'GBP',
  };
  return isCreditNote ? { ...head, type: 'return', lines } : { ...head, type: 'purchase', lines };
}

/** Quantity times price, exactly, then rounded to whole pence, half up: a few prices are fractions of a penny. */
export function pence(quantity: number, price: string): number {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(price) ?? [];
  if (whole === undefined) throw new Error(`price "${price}" is not a decimal number`);
  const denominator = 10n ** BigInt(fraction.length);
  const numerator = BigInt(whole + fraction) * BigInt(quantity) * 100n;
  return Number((2n * numerator + denominator) / (2n * denominator));
}

// The Swedish form is the one whose text is `2011-08-31 17:45:00`, as in the file.
const londonTime = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Europe/London',
  dateStyle: 'short',
  timeStyle: 'medium',
});

let lastTime = '';
let lastInstant = 0;

/** The instant at which London's clocks show `time`; the first of two in October, and 02:30 for a 01:30 that March skips. */
export function londonInstant(time: string): number {
  // Rows of one invoice follow each other.
  if (time === lastTime) return lastInstant;
  const winter = Date.parse(`${time.replace(' ', 'T')}Z`);
  if (Number.isNaN(winter)) throw new Error(`time "${time}" is not one`);
  const summer = winter - 3_600_000;
  lastTime = time;
  lastInstant = londonTime.format(summer) === time ? summer : winter;
  return lastInstant;
}

export function totalsText({ dropped, customers, members, ...counts }: Totals): string {
  const drops = Object.entries(dropped).map(([reason, rows]) => `  ${rows} ${reason}`);
  return [
    `${counts.rows} rows of ${counts.invoices} invoices, ${counts.creditNotes} of them credit notes`,
    `${counts.purchases} purchases and ${counts.returns} returns with ${counts.lines} lines`,
    `${members.size} members of ${customers.size} customers`,
    'rows dropped:',
    ...drops,
  ].join('\n');
}

async function* jsonLines(events: AsyncIterable<PublicEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2];
  if (path === undefined) {
    process.stderr.write('usage: node dist/load/online-retail.js <online-retail.csv.gz> > events.jsonl\n');
    process.exitCode = 2;
  } else {
    try {
      const totals = newTotals();
      await pipeline(Readable.from(jsonLines(onlineRetailEvents(path, totals))), process.stdout);
      process.stderr.write(`${totalsText(totals)}\n`);
    } catch (error) {
      process.stderr.write(`${path}: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}
