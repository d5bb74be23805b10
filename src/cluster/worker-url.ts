/** Where the compiled thread entry lies. Threads run JavaScript: from TypeScript sources (in tests) the last build is used. */
import { fileURLToPath } from 'node:url';

export function workerFile(): string {
  const compiled = import.meta.url.endsWith('.js');
  const path = compiled ? '../../workers/partition-worker.js' : '../../dist/workers/partition-worker.js';
  return fileURLToPath(new URL(path, import.meta.url));
}
