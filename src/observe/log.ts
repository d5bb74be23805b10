/** Structured logs: JSON lines for machines, readable ones on a terminal. Every line names its component. */
import { isatty } from 'node:tty';
import { type Logger as PinoLogger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Logger = PinoLogger;

export interface LoggerOptions {
  /** trace, debug, info, warn, error, fatal or silent. */
  readonly level: string;
}

const STDERR = 2;

/** Logs go to standard error; standard output is for what a command was asked for. */
export function createLogger({ level }: LoggerOptions): Logger {
  const options = { level, base: {}, timestamp: pino.stdTimeFunctions.isoTime };
  if (!isatty(STDERR)) return pino(options, pino.destination({ fd: STDERR, sync: true }));
  // Synchronous, so that the last words of a process that dies are still seen.
  return pino(
    options,
    pretty({
      destination: STDERR,
      sync: true,
      colorize: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'component,worker',
      messageFormat: '{component}{if worker} {worker}{end}: {msg}',
    }),
  );
}
