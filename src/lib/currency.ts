/**
 * Decimals of a currency by ISO 4217. Written down here because the runtime's own answer follows custom (no decimals for COP,
 * HUF, IDR, PKR and more) and changes with its version, while money on the log must mean the same for ever.
 */

const NONE = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF';
const THREE = 'BHD IQD JOD KWD LYD OMR TND';
const FOUR = 'CLF UYW';

const DIGITS = new Map<string, number>([
  ...NONE.split(' ').map((code) => [code, 0] as const),
  ...THREE.split(' ').map((code) => [code, 3] as const),
  ...FOUR.split(' ').map((code) => [code, 4] as const),
]);

const KNOWN: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** Decimals of its minor unit; undefined for what is not a currency. */
export function currencyDigits(code: string): number | undefined {
  return DIGITS.get(code) ?? (KNOWN.has(code) ? 2 : undefined);
}
