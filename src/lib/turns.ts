/** Lets a few at a time do something costly; the others wait in line, first come first served. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** `atOnce` is at least 1. */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Resolves or rejects as `action` does, once it had its turn. The line is as long as there are callers. */
  async take(action: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
