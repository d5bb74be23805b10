/** `tidemark simulate` on the log of a real engine: running, and stopped. What it says is counted again here. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleet } from '../../load/fleet.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { fromMsOf, parseSimulateArgs } from '../../src/cli/simulate/args.ts';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { must } from '../../src/lib/assert.ts';
import { compileZone } from '../../src/lib/zone.ts';
import { connectLog } from '../../src/log/connect.ts';
import type { MemberView } from '../../src/wire/member-view.ts';
import type { OutcomeView } from '../../src/wire/outcome-view.ts';
import { removeFolder, runVerb, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { getMember, postScored, verify, withLogOf } from '../helpers/engine-api.ts';

const PARTITIONS = 4;
const FEW = ['--partitions', `${PARTITIONS}`];
const EVENTS = 400;

const programText = (version: number, points: number, gold: number): string => `
program: coffee
version: ${version}
timezone: America/New_York
currency: USD
earn: { id: spend, points: ${points}, per: 1.00 }
wallets:
  - { id: points, redeem: { points: 100, worth: 1.00 } }
tiers:
  id: main
  window: { months: 12 }
  levels:
    - { id: silver, from: 10.00, multiplier: 1.25 }
    - { id: gold, from: ${gold}, multiplier: 1.5 }
`;

/** What members come to, as an engine says. */
interface Standing {
  readonly halfMs: number;
  readonly issued: number;
  readonly available: number;
  readonly debt: number;
  readonly levels: Readonly<Record<string, string | null>>;
}

/** Scores all events with an engine, half of them before an instant and half from it on, and adds up what it says. */
async function standingOf(engine: TestEngine, events: readonly PublicEvent[]): Promise<Standing> {
  const first = await postScored(engine.url(), events.slice(0, EVENTS / 2));
  const halfMs = Date.now() + 1;
  while (Date.now() < halfMs) await sleep(1);
  const outcomes = [...first, ...(await postScored(engine.url(), events.slice(EVENTS / 2)))];
  const levels: Record<string, string | null> = {};
  const sums = { available: 0, debt: 0 };
  for (const id of new Set(events.map(({ memberId }) => memberId))) {
    const member: MemberView | undefined = await getMember(engine.url(), id);
    if (member === undefined) continue;
    levels[id] = must(member.tiers['main']).level;
    sums.available += member.balances['points']?.available ?? 0;
    sums.debt += member.balances['points']?.debt ?? 0;
  }
  return { halfMs, issued: issuedBy(outcomes, events), ...sums, levels };
}

function issuedBy(outcomes: readonly OutcomeView[], events: readonly PublicEvent[]): number {
  let issued = 0;
  for (const [index, { code, entries }] of outcomes.entries()) {
    if (code !== 'scored' || events[index]?.type !== 'purchase') continue;
    for (const { amount } of entries ?? []) issued += amount;
  }
  return issued;
}

const countOf = (standing: Standing, level: string | null): number =>
  Object.values(standing.levels).filter((one) => one === level).length;

describe('the log of an engine', () => {
  const folder = temporaryFolder();
  const before = join(folder, 'v1.yaml');
  const trial = join(folder, 'v2.yaml');
  const data = join(folder, 'data');
  const startMs = Date.now();
  let asIs: Standing;
  let wouldBe: Standing;
  let live: SimulationReport;
  afterAll(() => removeFolder(folder));

  beforeAll(async () => {
    writeFileSync(before, programText(1, 10, 50));
    writeFileSync(trial, programText(2, 7, 90));
    const events: PublicEvent[] = [];
    for (const { event } of fleet({ seed: 7, members: 60, startMs: startMs - 3_600_000, returnShare: 0.1 })) {
      events.push(event);
      if (events.length === EVENTS) break;
    }
    const engine = await startEngine(data, [...FEW, '--program', before]);
    asIs = await standingOf(engine, events);
    live = await report();
    await engine.stop();
    const other = await startEngine(join(folder, 'other'), [...FEW, '--program', trial]);
    wouldBe = await standingOf(other, events);
    await other.stop();
  }, 120_000);

  const run = (...args: string[]): ReturnType<typeof runVerb> =>
    runVerb(['simulate', '--data', data, ...FEW, '--program', trial, ...args]);

  async function report(...args: string[]): Promise<SimulationReport> {
    const { code, stdout, stderr } = await run('--json', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as SimulationReport;
  }

  it('tells what the engine says of its members, and what one with the other program would', () => {
    const { members, log, wallets, tiers, cost, program, from } = live;
    expect({ program, from }).toEqual({ program: { name: 'coffee', before: 1, after: 2 }, from: null });
    expect(log).toMatchObject({ events: EVENTS, partitions: PARTITIONS });
    expect(Date.parse(log.first)).toBeGreaterThanOrEqual(startMs);
    const ids = Object.keys(asIs.levels);
    expect(members).toEqual({ before: ids.length, after: ids.length, difference: 0 });
    const [points] = wallets;
    expect(points?.issued).toMatchObject({ before: asIs.issued, after: wouldBe.issued });
    const { available, debt } = must(points).outstanding;
    expect(available).toMatchObject({ before: asIs.available, after: wouldBe.available });
    expect(debt).toMatchObject({ before: asIs.debt, after: wouldBe.debt });
    // 100 points are worth 100 cents.
    expect(cost).toMatchObject({
      currency: 'USD',
      outstanding: {
        before: asIs.available,
        after: wouldBe.available,
        difference: wouldBe.available - asIs.available,
      },
    });
    const [main] = tiers;
    expect(main?.levels).toEqual(
      [null, 'silver', 'gold'].map((level) => {
        const [was, will] = [countOf(asIs, level), countOf(wouldBe, level)];
        return { level, before: was, after: will, difference: will - was };
      }),
    );
    const movers = ids.filter((id) => asIs.levels[id] === 'gold' && wouldBe.levels[id] === 'silver');
    expect(movers.length).toBeGreaterThan(0);
    expect(main?.moves).toContainEqual({ from: 'gold', to: 'silver', members: movers.length });
    expect(main).toMatchObject({ up: 0, down: movers.length, stay: ids.length - movers.length });
  });

  it('gives the same once the engine has stopped, and is left as it was', async () => {
    const streams = (): Promise<unknown> =>
      withLogOf(data, async (url) => {
        const nc = await connectLog(url, 'test');
        const found = [];
        for await (const { config, created, state } of (await jetstreamManager(nc)).streams.list()) {
          found.push({ name: config.name, created, messages: state.messages, last: state.last_seq });
        }
        await nc.close();
        return found;
      });
    const streamsBefore = await streams();
    const { seconds: _, eventsPerSecond: __, ...stopped } = await report();
    const { seconds: ___, eventsPerSecond: ____, ...running } = live;
    expect(stopped).toEqual(running);
    expect(await streams()).toEqual(streamsBefore);
    expect((await verify(data, PARTITIONS)).report.sound).toBe(true);
  });

  it('keeps what came before the instant from which the other program is in force', async () => {
    const half = new Date(asIs.halfMs).toISOString();
    const { from, wallets } = await report('--from', half);
    expect(from).toBe(half);
    const issued = must(wallets[0]).issued;
    expect(issued.before).toBe(asIs.issued);
    expect(issued.after).toBeLessThan(asIs.issued);
    expect(issued.after).toBeGreaterThan(wouldBe.issued);
    const day = new Date(startMs - 86_400_000).toISOString().slice(0, 10);
    expect((await report(`--from=${day}`)).wallets).toEqual(live.wallets);
  });

  it('is told as tables, without colours where nobody would see them', async () => {
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(stdout).toContain("coffee: version 2 from the beginning on, against the log's own programs (now version 1)");
    expect(stdout).toContain(`${EVENTS} events in ${PARTITIONS} partitions`);
    expect(stdout).toMatch(/^wallet points +before +after +difference$/m);
    expect(stdout).toMatch(new RegExp(`^  gold +${countOf(asIs, 'gold')} +${countOf(wouldBe, 'gold')} +-\\d+$`, 'm'));
    expect(stdout).not.toContain('\u001b');
  });

  it('is told as a page that is well formed and needs nothing else', async () => {
    const file = join(folder, 'report.html');
    expect((await run('--html', file, '--json')).code).toBe(0);
    const page = readFileSync(file, 'utf8');
    expect(page).not.toMatch(/https?:|<script|<link|<img|@import|url\(/);
    expect(page).toContain('prefers-color-scheme: dark');
    expect(unclosed(page)).toEqual([]);
    expect(page.match(/<svg /g)?.length).toBe(3);
    expect(page.match(/<table>/g)?.length).toBeGreaterThanOrEqual(page.match(/<svg /g)?.length ?? 0);
    expect(page).toContain(`<th scope="row">gold</th><td>${countOf(asIs, 'gold')}</td>`);
  });

  it.each([
    ['a version that does not rise', programText(1, 7, 90), 'version: expected more than 1, got 1'],
    ['another currency', programText(2, 7, 90).replace('USD', 'EUR'), 'currency: expected "USD"'],
    ['a level below the one before', programText(2, 7, 5), 'tiers.levels[1].from: expected more than'],
  ])('is not tried with %s', async (_what, text, message) => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, text);
    const { code, stdout, stderr } = await run('--program', file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${file}: ${message}`);
  });

  it.each([
    [['--from', '2100-01-01'], '--from: the log ends before that'],
    [['--prefix', 'other'], 'no engine has used the prefix "other"'],
    [['--nats-url', 'nats://127.0.0.1:1'], 'cannot connect to NATS'],
    [['--data', '/nowhere'], 'There is no data folder /nowhere'],
    [['--program', '/nowhere.yaml'], 'Cannot read the program'],
  ])('is not looked at with %s', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

describe('the command line', () => {
  it('takes its own options in any place and form, and those of the engine', () => {
    const { from, json, htmlFile, settings } = parseSimulateArgs([
      '--json',
      '--from',
      '2026-01-01',
      '--partitions',
      '8',
      '--program=new.yaml',
      '--html=r.html',
    ]);
    expect({ from, json, htmlFile }).toEqual({ from: '2026-01-01', json: true, htmlFile: 'r.html' });
    expect([settings.partitions, settings.program]).toEqual([8, 'new.yaml']);
  });

  it.each([
    [[], 'Expected --program FILE'],
    [['--program', 'p', '--from'], '--from needs a value'],
    [['--program', 'p', '--html', '/nowhere/at/all.html'], '--html: there is no folder /nowhere/at'],
    [['--program', 'p', '--colour'], "Unknown option '--colour'"],
  ])('is refused as %s', (args, message) => {
    expect(() => parseSimulateArgs(args)).toThrow(message);
  });

  it('takes an instant, or a day of the program', () => {
    const zone = compileZone('America/New_York');
    expect(fromMsOf(undefined, zone)).toBe(0);
    expect(fromMsOf('2026-07-01', zone)).toBe(Date.UTC(2026, 6, 1, 4));
    expect(fromMsOf('2026-01-01', zone)).toBe(Date.UTC(2026, 0, 1, 5));
    expect(fromMsOf('2026-07-01T00:00:00+02:00', zone)).toBe(Date.UTC(2026, 5, 30, 22));
    for (const wrong of ['yesterday', '2026-02-30', '2026-1-1', '']) {
      expect(() => fromMsOf(wrong, zone)).toThrow('--from: expected a day (2026-01-01)');
    }
  });
});

/** Tags that are open at the end, or were closed without having been opened. */
function unclosed(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, closing, name = '', rest = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s[^<>]*)?)>/g)) {
    if (rest.endsWith('/')) continue;
    if (closing === '') open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}
