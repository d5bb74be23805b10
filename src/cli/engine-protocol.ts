/** What the launcher and the engine process say to each other. */
import type { Settings } from './options.ts';

export type ToEngine =
  | { readonly type: 'start'; readonly settings: Settings }
  /** The private server's process, to end it should the launcher be killed. Another one after the server has crashed. */
  | { readonly type: 'nats'; readonly pid: number }
  | { readonly type: 'stop' };

export type FromEngine =
  | { readonly type: 'listening'; readonly url: string }
  /** The reason has been shown. */
  | { readonly type: 'refused' };
