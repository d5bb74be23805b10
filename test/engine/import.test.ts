/** `tidemark import` against a real engine: whatever interrupts it, every line counts once. */
import { appendFileSync, existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleet } from '../../load/fleet.ts';
import { Oracle } from '../../load/oracle.ts';
import type { PublicEvent } from '../../load/public-event.ts';
import { sortIntoLanes } from '../../src/cli/import/lanes.ts';
import { LINE_BYTES_MAX, LineReader } from '../../src/cli/import/lines.ts';
import { removeFolder, runVerb, startEngine, startVerb, type TestEngine, temporaryFolder } from '../helpers/engine.ts';
import { allScored, balanceOf, forEachOf } from '../helpers/engine-api.ts';

const PARTITIONS = 8;
const START_MS = Date.now() - 3_600_000;

/** A history of its own: members and events of one never meet those of another. */
function history(name: string, count: number): PublicEvent[] {
  const events: PublicEvent[] = [];
  // No return without a purchase's name: whether it finds one may depend on a refusal, and a resend would be judged anew.
  const options = { seed: 3, idPrefix: name, members: 200, unnamedReturnShare: 0, startMs: START_MS };
  for (const { event } of fleet(options)) {
    events.push({ ...event, memberId: `${name}-${event.memberId}` });
    if (events.length === count) return events;
  }
  return events;
}

function linesOf(events: readonly PublicEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

describe('importing a file', () => {
  const folder = temporaryFolder();
  const oracle = new Oracle(readFileSync('examples/coffee.yaml', 'utf8'));
  let engine: TestEngine;

  beforeAll(async () => {
    engine = await startEngine(join(folder, 'data'), ['--partitions', `${PARTITIONS}`, '--log-level', 'warn']);
  }, 90_000);

  afterAll(async () => {
    await engine.stop();
    removeFolder(folder);
  });

  const importing = (file: string, ...args: string[]): string[] => ['import', file, '--data', engine.data, ...args];

  function written(name: string, content: string | Uint8Array): string {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  }

  async function expectCounted(events: readonly PublicEvent[], url = engine.url()): Promise<void> {
    for (const event of events) oracle.apply(event, Date.now());
    await allScored(url, PARTITIONS);
    const wrong: string[] = [];
    await forEachOf(new Set(events.map(({ memberId }) => memberId)), async (id) => {
      const said = await balanceOf(url, id);
      const expected = pointsIn(oracle, id);
      if (said !== expected) wrong.push(`${id}: ${said} instead of ${expected}`);
    });
    expect(wrong).toEqual([]);
  }

  it('counts every line, passes over blank ones, and says so', async () => {
    const events = history('plain', 300);
    const file = written('plain.jsonl', `\n${linesOf(events).replaceAll('\n', '\r\n  \r\n')}`);
    const { code, stdout } = await runVerb(importing(file, '--json'));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 300, rejected: 0, rejects: [] });
    expect(existsSync(`${file}.import-progress.json`)).toBe(false);
    await expectCounted(events);
  });

  it('reads .gz, and the standard input', async () => {
    const zipped = history('zipped', 300);
    const file = written('zipped.jsonl.gz', gzipSync(linesOf(zipped)));
    expect(await runVerb(importing(file))).toMatchObject({ code: 0, stdout: expect.stringContaining('300 events') });
    await expectCounted(zipped);

    const piped = history('piped', 300);
    const { child, ended } = startVerb(importing('-'));
    child.stdin?.end(linesOf(piped));
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('300 events accepted') });
    await expectCounted(piped);
  });

  it('says of a file that ends too early that it does', async () => {
    const whole = gzipSync(linesOf(history('torn', 3_000)));
    const file = written('torn.jsonl.gz', whole.subarray(0, whole.length / 2));
    const { code, stderr } = await runVerb(importing(file));
    expect(code).toBe(1);
    expect(stderr).toMatch(/unexpected end of file/);
  });

  it('refuses lines one by one, by number, with the reason', async () => {
    const events = history('mixed', 4);
    const [one, two, three, four] = events.map((event) => JSON.stringify(event));
    const rejects = join(folder, 'rejects.jsonl');
    const bad = JSON.stringify({ id: 'b', type: 'purchase', amount: 5 });
    const file = written('mixed.jsonl', [one, '', '{"id": "cut', two, bad, '[]', three, '"text"', four].join('\n'));
    const { code, stdout } = await runVerb(importing(file, '--rejects', rejects, '--json'));
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 4, rejected: 4 });
    const refused = readFileSync(rejects, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; code: string; path: string });
    expect(refused.map(({ line }) => line)).toEqual([3, 5, 6, 8]);
    expect(refused[0]).toMatchObject({ code: 'invalid_json' });
    expect(refused[1]).toMatchObject({ path: 'memberId' });
    await expectCounted(events);
  });

  it('goes on where it was interrupted', { timeout: 120_000 }, async () => {
    const events = history('long', 12_000);
    const file = written('long.jsonl', linesOf(events));
    const progressFile = `${file}.import-progress.json`;
    const { child, ended } = startVerb(importing(file));
    while (!existsSync(progressFile)) await sleep(2);
    child.kill('SIGINT');
    expect((await ended).code).not.toBe(0);
    const { line } = JSON.parse(readFileSync(progressFile, 'utf8')) as { line: number };
    expect(line).toBeGreaterThan(0);
    expect(line).toBeLessThan(events.length);

    const { code, stdout, stderr } = await runVerb(importing(file, '--json'));
    expect(code).toBe(0);
    expect(stderr).toContain(`Going on after line ${line}`);
    expect(JSON.parse(stdout)).toMatchObject({ lines: 12_000, accepted: 12_000, rejected: 0 });
    expect(existsSync(progressFile)).toBe(false);
    await expectCounted(events);
    // And all of it once more, which changes nothing.
    expect((await runVerb(importing(file))).code).toBe(0);
    await allScored(engine.url(), PARTITIONS);
    const [{ memberId } = { memberId: '' }] = events;
    expect(await balanceOf(engine.url(), memberId)).toBe(pointsIn(oracle, memberId));
  });

  it('begins at the first line if the log, the file or what was sent of it is another', {
    timeout: 180_000,
  }, async () => {
    const events = history('other', 12_000);
    const file = written('other.jsonl', linesOf(events));
    // Of whole seconds, to be set again to the very same.
    const modifiedS = 1_700_000_000;
    utimesSync(file, modifiedS, modifiedS);
    const progressFile = `${file}.import-progress.json`;
    const { child, ended } = startVerb(importing(file));
    while (!existsSync(progressFile)) await sleep(2);
    child.kill('SIGINT');
    expect((await ended).code).not.toBe(0);
    const progress = readFileSync(progressFile);
    const importAgain = async (...args: string[]) => {
      writeFileSync(progressFile, progress);
      return await runVerb(importing(file, '--json', ...args));
    };

    const other = await startEngine(join(folder, 'other'), ['--partitions', `${PARTITIONS}`, '--log-level', 'warn']);
    const elsewhere = await importAgain('--url', other.url());
    expect(elsewhere.stderr).toContain('the engine has another log: beginning at the first line');
    await expectCounted(events, other.url());
    await other.stop();

    const [first, ...rest] = events;
    const changed = [{ ...first, id: first?.id.replace('other', 'OTHER') } as PublicEvent, ...rest];
    writeFileSync(file, linesOf(changed));
    expect((await importAgain()).stderr).toContain('the file has changed: beginning at the first line');
    utimesSync(file, modifiedS, modifiedS);
    const rewritten = await importAgain();
    expect(rewritten.stderr).toContain('the lines already sent have changed: beginning at the first line');
    expect(JSON.parse(rewritten.stdout)).toMatchObject({ lines: 12_000, accepted: 12_000 });
    expect((await importAgain('--rejects', join(folder, 'other-rejects'))).stderr).toContain('kept elsewhere');
  });

  it('keeps what was refused before it was interrupted, once', { timeout: 120_000 }, async () => {
    const events = history('refused', 12_000);
    const file = written('refused.jsonl', `rubbish\n${linesOf(events)}more`);
    const rejects = join(folder, 'refused-rejects.jsonl');
    const { child, ended } = startVerb(importing(file, '--rejects', rejects));
    while (!existsSync(`${file}.import-progress.json`)) await sleep(2);
    child.kill('SIGKILL');
    await ended;
    // Killed between the two files, it would have written these and not yet its progress.
    appendFileSync(rejects, '{"line":7000,"code":"sent again"}\n');
    const { code, stdout, stderr } = await runVerb(importing(file, '--rejects', rejects, '--json'));
    expect(stderr).toContain('Going on after line');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      accepted: 12_000,
      rejected: 2,
      rejects: [{ line: 1 }, { line: 12_002 }],
    });
    const lines = readFileSync(rejects, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual([1, 12_002]);
  });

  it('says what "accepted" means', async () => {
    const file = written(
      'yen.jsonl',
      '{"id":"yen-1","type":"purchase","memberId":"yen","currency":"JPY","amount":100}',
    );
    const { code, stdout } = await runVerb(importing(file));
    expect(code).toBe(0);
    expect(stdout).toContain('1 events accepted, 0 lines refused');
    expect(stdout).toContain('those that the rules refuse when they are scored are "rejected" effects');
    expect((await runVerb(['import', '--help'])).stdout).toContain('counted by code in tidemark_events_total');
  });

  it('waits for an engine that is started again meanwhile', { timeout: 120_000 }, async () => {
    const events = history('crash', 12_000);
    const file = written('crash.jsonl', linesOf(events));
    const { ended } = startVerb(importing(file, '--json'));
    while (!existsSync(`${file}.import-progress.json`)) await sleep(2);
    process.kill(engine.running().enginePid, 'SIGKILL');
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 12_000, rejected: 0 });
    await engine.ready();
    await expectCounted(events);
  });

  it('says what it cannot read or understand', async () => {
    expect(await runVerb(importing('nowhere.jsonl'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no file nowhere.jsonl'),
    });
    expect(await runVerb(['import'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected one FILE') });
    expect(await runVerb(['import', 'x', '--rate', '3'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'--rate'"),
    });
  });
});

describe('lines of a file', () => {
  const folder = temporaryFolder();
  afterAll(() => removeFolder(folder));

  async function read(content: string | Uint8Array): Promise<unknown[]> {
    const file = join(folder, 'lines');
    writeFileSync(file, content);
    const blocks: unknown[] = [];
    for await (const block of new LineReader(file).blocks(2)) blocks.push(block);
    return blocks;
  }

  it('end where JSON Lines end, and nowhere else', async () => {
    expect(await read('\uFEFF{"a":"\u2028"}\r\n\n"\u2029"\n3')).toEqual([
      [
        { number: 1, text: '{"a":"\u2028"}\r' },
        { number: 3, text: '"\u2029"' },
      ],
      [{ number: 4, text: '3' }],
    ]);
  });

  it('that cannot be sent say why, and their neighbours are read', async () => {
    const long = Buffer.alloc(LINE_BYTES_MAX + 1, 'x');
    expect(await read(Buffer.concat([long, Buffer.from([0x0a, 0xff, 0x0a, 0x31])]))).toEqual([
      [
        { number: 1, text: '', problem: expect.stringContaining(`has ${long.length} bytes`) },
        { number: 2, text: '', problem: 'the line is not UTF-8' },
      ],
      [{ number: 3, text: '1' }],
    ]);
  });

  it('of one member are in one lane and in order, however the id is spelled', () => {
    const spellings = (id: string): string[] => [id, id.replace('m', '\\u006d'), id.replace('m', '\\u006D')];
    const ids = Array.from({ length: 50 }, (_unused, index) => `m${index}`);
    const texts = ids.flatMap((id) =>
      spellings(id).map((spelled) => `{"old":{"memberId":"x"},"memberId":"${spelled}"}`),
    );
    const { lanes } = sortIntoLanes(texts.map((text, index) => ({ number: index + 1, text })));
    expect(lanes.length).toBeGreaterThan(1);
    const lanesOf = new Map<string, Set<number>>();
    for (const [lane, requests] of lanes.entries()) {
      const numbers = requests.flat().map(({ number }) => number);
      expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
      for (const { text } of requests.flat()) {
        const { memberId } = JSON.parse(text) as { memberId: string };
        lanesOf.set(memberId, (lanesOf.get(memberId) ?? new Set()).add(lane));
      }
    }
    expect([...lanesOf.values()].filter(({ size }) => size !== 1)).toEqual([]);
    expect([...lanesOf.keys()].sort()).toEqual(ids.sort());
  });
});

/** Negative is debt; undefined for a member that the bookkeeper does not know. */
function pointsIn(oracle: Oracle, memberId: string): number | undefined {
  const points = oracle.member(memberId, Date.now())?.wallets['points'];
  return points === undefined ? undefined : points.available - points.debt;
}
