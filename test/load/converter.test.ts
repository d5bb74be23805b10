/** CSV, pence and London's clocks: what the converter does to rows that the data set has, and to some it has not. */
import { expect, it } from 'vitest';
import { CsvReader } from '../../load/csv.ts';
import { eventsOf, londonInstant, newTotals, pence, type Totals } from '../../load/online-retail.ts';
import type { PublicEvent } from '../../load/public-event.ts';

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n';

async function convert(text: string, totals: Totals = newTotals(), pieceLength = 7): Promise<PublicEvent[]> {
  async function* pieces(): AsyncGenerator<string> {
    for (let at = 0; at < text.length; at += pieceLength) yield text.slice(at, at + pieceLength);
  }
  const events: PublicEvent[] = [];
  for await (const event of eventsOf(pieces(), totals)) events.push(event);
  return events;
}

it('reads quoted fields, wherever the text is cut', () => {
  const text = 'a,"b,c","say ""so""\nagain",\r\n"",x y,,"z"';
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new CsvReader();
    const rows = [...reader.rows(text.slice(0, cut)), ...reader.rows(text.slice(cut)), ...reader.end()];
    expect(rows).toEqual([
      ['a', 'b,c', 'say "so"\nagain', ''],
      ['', 'x y', '', 'z'],
    ]);
  }
  expect(() => new CsvReader().rows('"a"b')).toThrow('after a closing quote');
  const open = new CsvReader();
  open.rows('"never closed');
  expect(() => open.end()).toThrow('inside a quoted field');
});

it('multiplies exactly and rounds half a penny up', () => {
  expect(pence(6, '2.55')).toBe(1_530);
  expect(pence(3, '0.29')).toBe(87);
  expect(pence(1, '2.1')).toBe(210);
  expect(pence(12, '5')).toBe(6_000);
  expect(pence(1, '0.001')).toBe(0);
  expect(pence(5, '0.001')).toBe(1);
  expect(pence(80_995, '1.04')).toBe(8_423_480);
  expect(() => pence(1, '1e3')).toThrow('not a decimal');
});

it('reads the clocks of London', () => {
  const instant = (time: string): string => new Date(londonInstant(time)).toISOString();
  expect(instant('2010-12-01 08:26:00')).toBe('2010-12-01T08:26:00.000Z');
  expect(instant('2011-08-31 17:45:00')).toBe('2011-08-31T16:45:00.000Z');
  expect(instant('2011-03-27 00:59:59')).toBe('2011-03-27T00:59:59.000Z');
  expect(instant('2011-03-27 01:30:00')).toBe('2011-03-27T01:30:00.000Z');
  expect(instant('2011-03-27 02:00:00')).toBe('2011-03-27T01:00:00.000Z');
  expect(instant('2010-10-31 01:30:00')).toBe('2010-10-31T00:30:00.000Z');
  expect(() => londonInstant('yesterday')).toThrow('yesterday');
});

it('makes purchases of invoices and returns of credit notes, and counts what it leaves out', async () => {
  const totals = newTotals();
  const events = await convert(
    `${HEADER}1,A,"LAMP, RED",2,2011-02-01 11:19:00,1.25,77.0,France
C2,B,BACK,-3,2011-02-01 11:19:00,0.50,78.0,France
1,A,"LAMP, RED",1,2011-02-01 11:20:00,1.25,77.0,France
3,A,NOBODY,1,2011-02-01 11:21:00,1.25,,France
4,A,FREE,1,2011-02-01 11:22:00,0,77.0,France
5,A,LOST,-1,2011-02-01 11:23:00,1.25,79.0,France
`,
    totals,
  );
  const sale = { store: 'France', currency: 'GBP' };
  expect(events).toEqual([
    {
      ...sale,
      id: '1',
      memberId: '77',
      occurredAt: '2011-02-01T11:19:00.000Z',
      type: 'purchase',
      lines: [
        { sku: 'A', quantity: 2, amount: 250 },
        { sku: 'A', quantity: 1, amount: 125 },
      ],
    },
    {
      ...sale,
      id: 'C2',
      memberId: '78',
      occurredAt: '2011-02-01T11:19:00.000Z',
      type: 'return',
      lines: [{ sku: 'B', quantity: 3, amount: 150 }],
    },
  ]);
  expect(totals).toMatchObject({ rows: 6, invoices: 5, creditNotes: 1, purchases: 1, returns: 1, lines: 3 });
  expect(totals.dropped).toEqual({
    'without a customer': 1,
    'price not above 0': 1,
    'quantity with the wrong sign': 1,
  });
  expect([totals.customers.size, totals.members.size]).toEqual([3, 2]);
});

it('refuses what it cannot read instead of guessing', async () => {
  await expect(convert('InvoiceNo,StockCode\n1,A\n')).rejects.toThrow('no column "Quantity"');
  const row = (invoice: string, time: string, customer: string): string =>
    `${invoice},A,X,1,${time},1,${customer},UK\n`;
  const twoCustomers = row('1', '2011-02-01 11:00:00', '7.0') + row('1', '2011-02-01 11:00:00', '8.0');
  await expect(convert(HEADER + twoCustomers)).rejects.toThrow('several customers');
  const twice =
    row('1', '2011-02-01 11:00:00', '7.0') +
    row('2', '2011-02-01 14:00:00', '7.0') +
    row('1', '2011-02-01 14:00:00', '7.0');
  await expect(convert(HEADER + twice)).rejects.toThrow('goes on');
  const long = HEADER + row('1', '2011-02-01 11:00:00', '7.0').repeat(1_001);
  await expect(convert(long, newTotals(), 10_000)).rejects.toThrow('1001 lines');
});
