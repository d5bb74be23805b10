/** Charts as SVG inside a page: no script, no font, no file of their own. Colours are the page's. */
import { compactText, numberText } from './format.ts';

/** Before and after, or one value alone. */
export interface ChartRow {
  readonly label: string;
  readonly values: readonly number[];
}

const WIDTH = 720;
const SERIES = ['before', 'after'];
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 110;
const BAR_HEIGHT = 14;
const ROW_GAP = 12;

/** One bar a value, a row below the other. */
export function barChart(title: string, rows: readonly ChartRow[]): string {
  const most = Math.max(1, ...rows.flatMap(({ values }) => values));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  let top = ROW_GAP / 2;
  const parts = rows.map(({ label, values }) => {
    const bars = values.map((value, index) => {
      const y = top + index * (BAR_HEIGHT + 2);
      const width = Math.max(value === 0 ? 0 : 1, Math.round((value / most) * room));
      return (
        `<rect class="${seriesOf(values, index)}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>` +
        `<text x="${LABEL_WIDTH + width + 6}" y="${y + BAR_HEIGHT - 3}">${numberText(value)}</text>`
      );
    });
    const height = values.length * (BAR_HEIGHT + 2) - 2;
    const name = `<text class="label" x="${LABEL_WIDTH - 8}" y="${top + height / 2 + 4}">${escaped(cut(label))}</text>`;
    top += height + ROW_GAP;
    return name + bars.join('');
  });
  return svg(title, Math.round(top - ROW_GAP / 2), parts);
}

const PLOT_HEIGHT = 200;
const PLOT_LEFT = 80;
const PLOT_TOP = 12;
const LABELS_HEIGHT = 24;
/** Labels that fit below the plot. */
const LABELS_MAX = 12;

/** Columns side by side along time. */
export function columnChart(title: string, rows: readonly ChartRow[]): string {
  const most = niceAbove(Math.max(1, ...rows.flatMap(({ values }) => values)));
  const step = (WIDTH - PLOT_LEFT) / Math.max(1, rows.length);
  const bottom = PLOT_TOP + PLOT_HEIGHT;
  const lines = [0, 0.5, 1].map((share) => {
    const y = bottom - share * PLOT_HEIGHT;
    const label = `<text class="label" x="${PLOT_LEFT - 8}" y="${y + 4}">${compactText(most * share)}</text>`;
    return `<line x1="${PLOT_LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}"/>${label}`;
  });
  const every = Math.ceil(rows.length / LABELS_MAX);
  const columns = rows.map(({ label, values }, place) => {
    const width = Math.min(24, (step * 0.8) / values.length);
    const left = PLOT_LEFT + place * step + (step - width * values.length) / 2;
    const bars = values.map((value, index) => {
      const height = Math.max(0, (value / most) * PLOT_HEIGHT);
      const at = `x="${fixed(left + index * width)}" y="${fixed(bottom - height)}"`;
      const size = `width="${fixed(width - 1)}" height="${fixed(height)}"`;
      const hint = `<title>${escaped(label)}: ${numberText(value)}</title>`;
      return `<rect class="${seriesOf(values, index)}" ${at} ${size}>${hint}</rect>`;
    });
    const middle = fixed(PLOT_LEFT + (place + 0.5) * step);
    const name = `<text class="below" x="${middle}" y="${bottom + 16}">${escaped(label)}</text>`;
    return bars.join('') + (place % every === 0 ? name : '');
  });
  return svg(title, bottom + LABELS_HEIGHT, [...lines, ...columns]);
}

export function legend(): string {
  return `<p class="legend">${SERIES.map((name) => `<span class="${name}"></span> ${name} `).join('')}</p>`;
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function svg(title: string, height: number, parts: readonly string[]): string {
  const box = `viewBox="0 0 ${WIDTH} ${height}"`;
  return `<svg ${box} role="img" aria-label="${escaped(title)}">${parts.join('')}</svg>`;
}

/** What stands alone is about what would be. */
function seriesOf(values: readonly number[], index: number): string {
  return SERIES[SERIES.length - values.length + index] ?? '';
}

function cut(label: string): string {
  return label.length > 22 ? `${label.slice(0, 21)}…` : label;
}

function fixed(value: number): string {
  return value.toFixed(1);
}

/** A round number, not much above, of which half is a whole number too. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const times = [1, 1.2, 1.6, 2, 4, 6, 8].find((one) => one * power >= value) ?? 10;
  return Math.max(2, 2 * Math.round((times * power) / 2));
}
