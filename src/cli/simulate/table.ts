/** The report for a terminal. */

import type { SimulationReport } from './report.ts';
import { levelRows, moveMatrix, movesLine, type Row, row, summaryLines, walletRows } from './rows.ts';

const ESCAPE = '\u001b[';
const BOLD = '1';
const CHANGED = '33';

/** `colour`: with what a terminal understands as bold and coloured. */
export function reportText(report: SimulationReport, colour: boolean): string {
  const paint = (text: string, code: string): string => (colour ? `${ESCAPE}${code}m${text}${ESCAPE}0m` : text);
  const { members, tiers, wallets, cost, refusals } = report;
  const sections = [
    [`${summaryLines(report).join('\n')}.`],
    tableLines('members', [row('all', members)], paint),
    ...tiers.map((tier) => [
      ...tableLines(`level (${tier.id})`, levelRows(tier), paint),
      '',
      `  ${movesLine(tier)}.`,
      ...matrixLines(moveMatrix(tier)),
    ]),
    ...wallets.map((wallet) => tableLines(`wallet ${wallet.id}`, walletRows(wallet, cost?.currency), paint)),
    refusals.length === 0
      ? ['No event is refused that was not, or the other way round.']
      : tableLines(
          'refused events',
          refusals.map(({ code, ...change }) => row(code, change)),
          paint,
        ),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

type Paint = (text: string, code: string) => string;

function tableLines(title: string, rows: readonly Row[], paint: Paint): string[] {
  const heading = { label: title, before: 'before', after: 'after', difference: 'difference' };
  const all = [heading, ...rows];
  const width = (pick: (one: Row) => string): number => Math.max(...all.map((one) => pick(one).length));
  const widths = [width(({ label }) => label), width(({ before }) => before), width(({ after }) => after)] as const;
  const differenceWidth = width(({ difference }) => difference);
  return all.map((one) => {
    const [labelWidth, beforeWidth, afterWidth] = widths;
    const label = one === heading ? one.label : `  ${one.label}`;
    const left = `${label.padEnd(labelWidth + 2)}  ${one.before.padStart(beforeWidth)}  ${one.after.padStart(afterWidth)}`;
    const difference = one.difference.padStart(differenceWidth);
    if (one === heading) return paint(`${left}  ${difference}`, BOLD);
    return one.difference === '' ? left : `${left}  ${paint(difference, CHANGED)}`;
  });
}

function matrixLines(matrix: readonly (readonly string[])[]): string[] {
  const widths = (matrix[0] ?? []).map((_, column) => Math.max(...matrix.map((cells) => cells[column]?.length ?? 0)));
  return matrix.map((cells) => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : (cell === '' ? '·' : cell).padStart(width);
    });
    return `  ${padded.join('  ')}`;
  });
}
