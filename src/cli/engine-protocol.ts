/** What the launcher and the engine process say to each other. */
import type { Settings } from './options.ts';

export type ToEngine =
  | {
      readonly type: 'start';
      readonly settings: Settings;
      /** The private server, to end it should the launcher be killed. */
      readonly natsPid: number | undefined;
    }
  | { readonly type: 'stop' };

export type FromEngine =
  | { readonly type: 'listening'; readonly url: string }
  /** The reason has been shown. */
  | { readonly type: 'refused' };
