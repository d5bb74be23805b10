import { expect, it } from 'vitest';
import { currencyDigits } from '../../src/lib/currency.ts';

it.each([
  ['USD', 2],
  ['EUR', 2],
  ['JPY', 0],
  ['KRW', 0],
  ['CLP', 0],
  ['KWD', 3],
  ['TND', 3],
  ['CLF', 4],
  // Where everyday use and the runtime drop the decimals that ISO 4217 has.
  ['HUF', 2],
  ['IDR', 2],
  ['COP', 2],
  ['PKR', 2],
  ['IQD', 3],
])('%s has %d decimals', (code, digits) => {
  expect(currencyDigits(code)).toBe(digits);
});

it.each(['', 'usd', 'XQZ', 'DOLLAR'])('%j is no currency', (code) => {
  expect(currencyDigits(code)).toBeUndefined();
});

it('agrees with the runtime on every currency whose decimals both take from ISO 4217', () => {
  // The runtime says 0 by custom for some that have 2 or 3; where it says more than 0, there is nothing to argue.
  for (const code of Intl.supportedValuesOf('currency')) {
    const custom = new Intl.NumberFormat('en', { style: 'currency', currency: code }).resolvedOptions();
    if (custom.maximumFractionDigits) expect(currencyDigits(code), code).toBe(custom.maximumFractionDigits);
  }
});
