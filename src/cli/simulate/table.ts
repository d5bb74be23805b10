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
  const [head = [], ...lines] = aligned([
    [title, 'before', 'after', 'difference'],
    ...rows.map(({ label, before, after, difference }) => [`  ${label}`, before, after, difference]),
  ]);
  return [
    paint(head.join('  '), BOLD),
    ...lines.map((cells) => {
      const difference = cells.pop()?.trimEnd() ?? '';
      return difference === '' ? cells.join('  ') : [...cells, paint(difference, CHANGED)].join('  ');
    }),
  ];
}

function matrixLines(matrix: readonly (readonly string[])[]): string[] {
  const shown = matrix.map((cells) => cells.map((cell) => (cell === '' ? '·' : cell)));
  return aligned(shown).map((cells) => `  ${cells.join('  ')}`);
}

/** Names to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[][] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  );
}
