/** Random numbers that a seed repeats, and the distributions the fleet draws from. */

/** sfc32 (Doty-Humphrey's Small Fast Counter): passes PractRand, and 32-bit operations are what V8 is good at. */
export class Random {
  #a: number;
  #b: number;
  #c = 0;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    // Until the seed's bits are everywhere.
    for (let round = 0; round < 15; round++) this.#bits();
  }

  /** 0 <= x < 1, in steps of 2^-32. */
  next(): number {
    return (this.#bits() >>> 0) / 0x1_0000_0000;
  }

  /** 0 <= integer < limit, for limits far below 2^32. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Time between two arrivals of a Poisson process, in the unit of `mean`. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  #bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }
}

/**
 * Ranks 1..count, rank k with probability proportional to 1 / k^exponent. Rejection-inversion (Hörmann and Derflinger 1996):
 * no table, so ten million ranks cost what ten do. The helpers keep exponents near 1, where the integral turns into a
 * logarithm, exact.
 */
export class Zipf {
  readonly #count: number;
  readonly #exponent: number;
  readonly #areaOfFirst: number;
  readonly #areaOfAll: number;
  readonly #squeeze: number;

  /** `exponent` 0 is uniform, 1 the classic. */
  constructor(count: number, exponent: number) {
    this.#count = count;
    this.#exponent = exponent;
    this.#areaOfFirst = this.#area(1.5) - 1;
    this.#areaOfAll = this.#area(count + 0.5);
    this.#squeeze = 2 - this.#areaInverse(this.#area(2.5) - this.#weight(2));
  }

  rank(random: Random): number {
    for (;;) {
      const area = this.#areaOfAll + random.next() * (this.#areaOfFirst - this.#areaOfAll);
      const x = this.#areaInverse(area);
      const rank = Math.min(this.#count, Math.max(1, Math.floor(x + 0.5)));
      if (rank - x <= this.#squeeze || area >= this.#area(rank + 0.5) - this.#weight(rank)) return rank;
    }
  }

  #weight(x: number): number {
    return Math.exp(-this.#exponent * Math.log(x));
  }

  /** The integral of the weight from 1 to x. */
  #area(x: number): number {
    const log = Math.log(x);
    return expm1Over((1 - this.#exponent) * log) * log;
  }

  #areaInverse(area: number): number {
    return Math.exp(log1pOver(Math.max(-1, area * (1 - this.#exponent))) * area);
  }
}

/** log(1 + x) / x */
function log1pOver(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2 + (x * x) / 3;
}

/** (e^x - 1) / x */
function expm1Over(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2 + (x * x) / 6;
}
