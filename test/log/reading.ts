/** Small helpers of the log's tests. */
import type { EventReader, LogMessage } from '../../src/log/log.ts';

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(message: LogMessage | undefined): string {
  return new TextDecoder().decode(message?.payload);
}

/** The next `count` messages, or more if the last array holds more. */
export async function readCount(
  reader: EventReader,
  partition: number,
  afterSequence: number,
  count: number,
): Promise<LogMessage[]> {
  const read: LogMessage[] = [];
  if (count === 0) return read;
  for await (const messages of reader.read(partition, afterSequence, new AbortController().signal)) {
    read.push(...messages);
    if (read.length >= count) break;
  }
  return read;
}

/** Resolves once `condition` holds; a test that waits for ever is ended by its timeout. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
