/** Instants as JSON has them. */

/** RFC 3339 in UTC. */
export function instantText(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
