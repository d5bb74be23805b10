/** The report as one page that needs nothing but itself: no script, no network. Every chart has its table beside it. */
import { barChart, type ChartRow, columnChart, escaped, legend } from './charts.ts';
import { levelText, numberText, signed } from './format.ts';
import type { Change, MonthReport, SimulationReport, TierReport, WalletReport } from './report.ts';
import { levelRows, moveMatrix, movesLine, type Row, row, summaryLines, walletRows } from './rows.ts';

/** Those before are in the table alone. */
const MONTHS_CHARTED = 36;

export function reportPage(report: SimulationReport): string {
  const { program, members, tiers, wallets, months, cost, refusals } = report;
  const title = `${program.name}: version ${program.after} against version ${program.before}`;
  const sections = [
    section('Members', changeTable('Members', [row('all', members)])),
    ...tiers.map(tierSection),
    ...wallets.map((wallet) =>
      walletSection(
        wallet,
        months.filter((month) => month.wallet === wallet.id),
        cost?.currency,
      ),
    ),
    refusalSection(refusals.map(({ code, ...change }) => row(code, change))),
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    `<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>`,
    `<title>${escaped(title)}</title><style>${STYLE}</style></head>`,
    `<body><main><h1>${escaped(title)}</h1>`,
    `<p>${escaped(summaryLines(report).join(' '))}.</p>`,
    ...sections,
    '</main></body></html>',
    '',
  ].join('\n');
}

function tierSection(tier: TierReport): string {
  const levels: ChartRow[] = tier.levels.map(({ level, before, after }) => {
    return { label: levelText(level), values: [before, after] };
  });
  const moves: ChartRow[] = tier.moves
    .filter(({ from, to }) => from !== to)
    .map(({ from, to, members }) => ({ label: `${levelText(from)} → ${levelText(to)}`, values: [members] }));
  const [head = [], ...rows] = moveMatrix(tier);
  return section(
    `Level: ${tier.id}`,
    legend(),
    besides(
      barChart(`Members by level of ${tier.id}, before and after`, levels),
      changeTable('Level', levelRows(tier)),
    ),
    `<p>${escaped(movesLine(tier))}.</p>`,
    besides(
      moves.length === 0 ? '' : barChart(`Members who move, by level of ${tier.id} before and after`, moves),
      table(`Members by level before (rows) and after (columns)`, head, rows),
    ),
  );
}

function walletSection(wallet: WalletReport, months: readonly MonthReport[], currency: string | undefined): string {
  const charted = months.slice(-MONTHS_CHARTED).map(({ month, issued }) => {
    return { label: month, values: [issued.before, issued.after] };
  });
  const flows = ['issued', 'returned', 'redeemed', 'expired'] as const;
  const cells = ({ before, after, difference }: Change): string[] => [
    numberText(before),
    numberText(after),
    signed(difference, numberText),
  ];
  return section(
    `Wallet: ${wallet.id}`,
    changeTable('Points', walletRows(wallet, currency)),
    '<h3>Points issued by month</h3>',
    legend(),
    columnChart(`Points of ${wallet.id} issued by month, before and after`, charted),
    table(
      'Points by month',
      ['Month', ...flows.flatMap((flow) => [`${flow} before`, 'after', 'difference'])],
      months.map((month) => [month.month, ...flows.flatMap((flow) => cells(month[flow]))]),
    ),
  );
}

function refusalSection(rows: readonly Row[]): string {
  if (rows.length === 0) {
    return section('Refused events', '<p>No event is refused that was not, or the other way round.</p>');
  }
  return section('Refused events', changeTable('Code', rows));
}

function section(title: string, ...parts: readonly string[]): string {
  return `<section><h2>${escaped(title)}</h2>${parts.join('')}</section>`;
}

function besides(chart: string, data: string): string {
  return `<div class="pair">${chart}${data}</div>`;
}

function changeTable(label: string, rows: readonly Row[]): string {
  return table(
    label,
    [label, 'before', 'after', 'difference'],
    rows.map((one) => [one.label, one.before, one.after, one.difference]),
  );
}

/** The first of each row names it. */
function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const headings = head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join('');
  const lines = rows.map(([name = '', ...cells]) => {
    return `<tr><th scope="row">${escaped(name)}</th>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;
  });
  const body = `<thead><tr>${headings}</tr></thead><tbody>${lines.join('')}</tbody>`;
  return `<div class="wide"><table><caption>${escaped(caption)}</caption>${body}</table></div>`;
}

const STYLE = `
:root { color-scheme: light dark; --ground: #ffffff; --text: #1c2128; --faint: #5b6470; --line: #d5dae1; --before: #8a94a3; --after: #2563eb; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171c; --text: #e6e9ee; --faint: #9aa4b1; --line: #343b45; --before: #7c8694; --after: #6ea8fe; }
}
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; font-size: 1.2rem; } h3 { font-size: 1rem; }
svg { width: 100%; max-width: 45rem; height: auto; }
svg text { fill: var(--text); font-size: 12px; } svg .label { text-anchor: end; } svg .below { text-anchor: middle; }
svg line { stroke: var(--line); } rect.before { fill: var(--before); } rect.after { fill: var(--after); }
.pair { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.pair svg { flex: 1 1 28rem; } .wide { overflow-x: auto; }
.legend span { display: inline-block; width: .8rem; height: .8rem; margin-left: .8rem; border-radius: 2px; vertical-align: -1px; }
.legend .before { background: var(--before); } .legend .after { background: var(--after); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding-bottom: .3rem; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; } th { font-weight: 600; } tbody th { font-weight: 400; }
`;
