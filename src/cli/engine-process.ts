/** Entry of the engine process: waits for its settings, runs the engine, drains when told to or when its launcher is gone. */
import { toError } from '../lib/assert.ts';
import { LogUnavailable } from '../log/log.ts';
import { createLogger } from '../observe/log.ts';
import { type Engine, EngineRefused, startEngine } from './engine.ts';
import type { FromEngine, ToEngine } from './engine-protocol.ts';

/** Undefined while it starts: a stop then need not drain, as whatever was taken is taken up again from the log. */
let engine: Engine | undefined;
let natsPid: number | undefined;
let ending = false;

function tell(message: FromEngine): void {
  if (process.connected) process.send?.(message);
}

async function run(message: Extract<ToEngine, { type: 'start' }>): Promise<void> {
  const logger = createLogger({ level: message.settings.logLevel });
  const refuse = (error: Error): void => {
    process.stderr.write(`\n${error.message}\n`);
    tell({ type: 'refused' });
    void end(1);
  };
  try {
    engine = await startEngine(message.settings, logger, refuse);
    tell({ type: 'listening', url: engine.url });
  } catch (error) {
    if (error instanceof EngineRefused) {
      refuse(error);
      return;
    }
    // That the log is away says all there is to say; anything else is a fault, and its stack is wanted.
    if (error instanceof LogUnavailable)
      logger.error({ component: 'engine' }, `${error.message} It will be tried again.`);
    else logger.error({ component: 'engine', err: error }, 'the engine could not start');
    await end(1);
  }
}

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  try {
    await engine?.stop();
  } catch (error) {
    process.stderr.write(`${toError(error).message}\n`);
  }
  process.exit(code);
}

process.on('message', (message: ToEngine) => {
  if (message.type === 'start') void run(message);
  else if (message.type === 'nats') natsPid = message.pid;
  else void end(0);
});
// The launcher was killed: store what is scored, and take the server that it started down too.
process.on('disconnect', () => {
  process.once('exit', () => {
    try {
      if (natsPid !== undefined) process.kill(natsPid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  });
  void end(0);
});
// Ctrl-C reaches the whole process group; the launcher says when to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => void end(0));
