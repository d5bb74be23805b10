/** Numbers, money and levels as people read them, on a terminal and on the page. */
import { currencyDigits } from '../../lib/currency.ts';

const GROUPED = new Intl.NumberFormat('en-US');
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact' });

export function numberText(value: number): string {
  return GROUPED.format(value);
}

/** `12M`. */
export function compactText(value: number): string {
  return COMPACT.format(value);
}

export function moneyText(minor: number, currency: string): string {
  const digits = currencyDigits(currency) ?? 2;
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat('en-US', format).format(minor / 10 ** digits);
}

/** With its sign; '' for no change. */
export function signed(value: number, text: (value: number) => string): string {
  return value === 0 ? '' : `${value > 0 ? '+' : ''}${text(value)}`;
}

export function levelText(level: string | null): string {
  return level ?? 'none';
}

/** `2026-01-31T09:00:00.000Z` to the minute. */
export function momentText(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}
