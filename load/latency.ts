/** Latencies of one kind, from the scheduled instant, kept whole so that percentiles are exact. */

export interface LatencySummary {
  readonly count: number;
  /** Milliseconds; null where nothing was measured. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

export class Latencies {
  readonly #valuesMs: number[] = [];

  record(valueMs: number): void {
    this.#valuesMs.push(valueMs);
  }

  summary(): LatencySummary {
    const sorted = Float64Array.from(this.#valuesMs).sort();
    const at = (share: number): number | null => {
      const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
      return value === undefined ? null : Number(value.toFixed(2));
    };
    return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
  }
}
