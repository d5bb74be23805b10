/** The demo stream of `npm start`: the load generator's fleet at a gentle rate, from inside the engine. */
import { type Arrival, fleet, SHOP_DAY } from '../../load/fleet.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { parseEvents } from '../ingest/parse-events.ts';
import { toError } from '../lib/assert.ts';
import type { Logger } from '../observe/log.ts';

const MEMBERS = 2_000;
const TURN_MS = 50;
const DAY_MS = 86_400_000;
/** Submits not yet answered; beyond it arrivals are passed over, as tills would be while the log is away. */
const IN_FLIGHT_MAX = 100;

/** Sends `rate` events a second, averaged over a day, until the returned function is called. */
export function runDemo(ingest: Pick<Ingest, 'submit'>, rate: number, log: Logger): () => void {
  // A run's ids must not be those of the run before, or all of it would be duplicates.
  const startMs = Date.now();
  const arrivals = fleet({
    seed: startMs,
    idPrefix: `demo-${startMs.toString(36)}`,
    members: MEMBERS,
    eventsPerSecond: rate,
    // As busy as a shop is at this hour, of a day as long as days are.
    dayCurve: SHOP_DAY,
    dayMs: DAY_MS,
    startHour: hourOf(new Date(startMs)),
    startMs,
  });
  let next: Arrival = arrivals.next().value;
  let inFlight = 0;
  let failing = false;

  const send = async (arrival: Arrival): Promise<void> => {
    inFlight += 1;
    try {
      const { events, rejected } = parseEvents(arrival.event);
      if (rejected[0] !== undefined) log.warn({ rejected: rejected[0] }, 'the demo made an event that is none');
      await ingest.submit(events);
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ reason: toError(error).message }, 'the demo stream waits for the log');
      failing = true;
    } finally {
      inFlight -= 1;
    }
  };
  const timer = setInterval(() => {
    for (const nowMs = Date.now() - startMs; next.dueMs <= nowMs; next = arrivals.next().value) {
      if (inFlight < IN_FLIGHT_MAX) void send(next);
    }
  }, TURN_MS);
  log.info({ eventsPerSecond: rate, members: MEMBERS }, 'demo stream runs: made-up members, m1 shops most');
  return () => clearInterval(timer);
}

/** By this machine's clock, 0 to 24. */
function hourOf(now: Date): number {
  return now.getHours() + now.getMinutes() / 60;
}
