/** What a live client may say, and the frames that are not about a topic's state. */
import type { ErrorCode, LiveErrorCode } from './errors.ts';
import type { LivePosition } from './live-topic.ts';

export type LiveMessage =
  | { readonly type: 'subscribe'; readonly topic: string; readonly resume: LivePosition | undefined }
  | { readonly type: 'unsubscribe'; readonly topic: string };

/** `{"subscribe": topic}`, a bare `"topic"`, which means the same, or `{"unsubscribe": topic}`. undefined: none of them. */
export function parseLiveMessage(text: string): LiveMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value === 'string') return { type: 'subscribe', topic: value, resume: undefined };
  if (typeof value !== 'object' || value === null) return undefined;
  const { subscribe, unsubscribe, epoch, version } = value as Readonly<Record<string, unknown>>;
  if (typeof unsubscribe === 'string' && subscribe === undefined) return { type: 'unsubscribe', topic: unsubscribe };
  if (typeof subscribe !== 'string' || unsubscribe !== undefined) return undefined;
  if (epoch === undefined && version === undefined) return { type: 'subscribe', topic: subscribe, resume: undefined };
  if (typeof epoch !== 'string' || typeof version !== 'number') return undefined;
  return { type: 'subscribe', topic: subscribe, resume: { epoch, version } };
}

export function errorFrame(code: ErrorCode | LiveErrorCode, message: string, topic?: string): string {
  return JSON.stringify({ type: 'error', code, message, ...(topic === undefined ? {} : { topic }) });
}
