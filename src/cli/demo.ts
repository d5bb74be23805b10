/** The demo stream of `npm start`: the load generator's fleet at a gentle rate, from inside the engine. */
import type { Ingest } from '../ingest/ingest.ts';
import type { Logger } from '../observe/log.ts';

export function runDemo(_ingest: Ingest, _rate: number, _log: Logger): () => void {
  return () => {};
}
