/**
 * Broken invariants. What a caller can do wrong is answered with an outcome or an error of its own; what can only be our
 * own mistake throws here, in production too. Messages are functions where building one would cost on the hot path.
 */

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantError(typeof message === 'string' ? message : message());
}

/** The value, which the caller knows to be there. */
export function must<T>(value: T | null | undefined, message = 'a value that must be there is missing'): T {
  if (value === null || value === undefined) throw new InvariantError(message);
  return value;
}

/** Closes a switch over a union: does not compile while a member is unhandled. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}

/** Anything thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
