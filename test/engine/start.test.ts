/** The engine as a newcomer meets it: start, a purchase, look at it everywhere, stop, start again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { START_OPTIONS } from '../../src/cli/options.ts';
import { removeFolder, runVerb, startEngine, type TestEngine, temporaryFolder } from '../helpers/engine.ts';

const PURCHASE = {
  id: 'pos7-000123',
  type: 'purchase',
  memberId: '42',
  occurredAt: new Date().toISOString(),
  store: 's1',
  terminal: 't7',
  currency: 'USD',
  lines: [{ sku: 'A1', category: 'coffee', quantity: 2, amount: 1050 }],
};

async function post(url: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function member(url: string): Promise<unknown> {
  return (await fetch(`${url}/v1/members/42`)).json();
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a first run', () => {
  const folder = temporaryFolder();
  let engine: TestEngine;

  beforeAll(async () => {
    engine = await startEngine(folder);
  }, 90_000);

  afterAll(async () => {
    await engine.stop();
    removeFolder(folder);
  });

  it('scores a purchase and shows it over HTTP, live and as metrics', async () => {
    const url = engine.url();
    const frames: Record<string, unknown>[] = [];
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/live`);
    socket.on('open', () => socket.send('{"subscribe":"member:42"}'));
    socket.on('message', (bytes) => frames.push(JSON.parse(String(bytes)) as Record<string, unknown>));
    while (frames.length === 0) await sleep(10);
    expect(frames[0]).toMatchObject({ type: 'snapshot', topic: 'member:42', data: null });

    const { status, body } = await post(`${url}/v1/events?wait=scored`, PURCHASE);
    expect(status).toBe(200);
    expect(body).toMatchObject({ outcomes: [{ id: PURCHASE.id, code: 'scored', member: { id: '42' } }] });
    const shown = await member(url);
    expect(shown).toMatchObject({ counters: { spend: 1050 } });

    while (frames.length < 2) await sleep(10);
    expect(frames[1]).toMatchObject({ type: 'update', topic: 'member:42', data: shown });
    socket.close();

    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('tidemark_events_total{type="purchase",outcome="scored"} 1');
  });

  it('answers a resend with the first answer, and a changed resend by naming the field', async () => {
    const again = await post(`${engine.url()}/v1/events?wait=scored`, PURCHASE);
    expect(again.body).toMatchObject({ outcomes: [{ code: 'duplicate', member: { counters: { spend: 1050 } } }] });
    const changed = await post(`${engine.url()}/v1/events?wait=scored`, { ...PURCHASE, store: 's2' });
    expect(changed.body).toMatchObject({ outcomes: [{ code: 'duplicate_with_different_content', field: 'store' }] });
  });

  it('names what is wrong with rubbish', async () => {
    const { status, body } = await post(`${engine.url()}/v1/events`, { ...PURCHASE, id: 'x', lines: [{ sku: 'A1' }] });
    expect(status).toBe(400);
    expect(body).toMatchObject({ rejected: [{ index: 0, id: 'x', path: 'lines[0].quantity' }] });
  });

  it('refuses a second engine on the same folder', async () => {
    const { code, stderr } = await runVerb(['start', '--data', folder, '--http-port', '0']);
    expect(code).toBe(2);
    expect(stderr).toContain('is in use by the engine with process id');
  });

  it('is started again by itself when its process is killed, and goes on where it was', async () => {
    const before = await member(engine.url());
    const { enginePid } = engine.running();
    process.kill(enginePid, 'SIGKILL');
    while (alive(enginePid) || engine.running().enginePid === enginePid) await sleep(50);
    await engine.ready();
    expect(await member(engine.url())).toEqual(before);
  });

  it('stops in order and leaves nothing running, and a new start has everything', async () => {
    const before = await member(engine.url());
    const { enginePid, natsPid, launcherPid } = engine.running();
    expect(await engine.stop()).toBe(0);
    for (const pid of [enginePid, natsPid, launcherPid])
      await expect.poll(() => alive(pid), { timeout: 10_000 }).toBe(false);
    engine = await startEngine(folder, ['--workers', '1']);
    expect(await member(engine.url())).toEqual(before);
  });
});

describe('what it does not start with', () => {
  const folder = temporaryFolder();
  afterAll(() => removeFolder(folder));
  const start = (...args: string[]) => runVerb(['start', '--data', folder, '--http-port', '0', ...args]);

  it('an option or a key it does not know, by name', async () => {
    expect(await start('--htp-port', '1')).toMatchObject({ code: 2, stderr: expect.stringContaining('--htp-port') });
    const file = join(folder, 'config.yaml');
    writeFileSync(file, 'httpPort: 0\nwrokers: 2\n');
    expect(await start('--config', file)).toMatchObject({ code: 2, stderr: expect.stringContaining('wrokers') });
  });

  it('a program with mistakes, by file, path and what was expected', async () => {
    const file = join(folder, 'program.yaml');
    writeFileSync(
      file,
      'program: x\nversion: 1\ntimezone: Europe/London\ncurrency: GBP\nearn: {id: a, points: many, per: 1}\n',
    );
    const { code, stderr } = await start('--program', file);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}: earn.points: expected`);
  });

  it('no nats-server, but says how to get one', async () => {
    const { code, stderr } = await start('--nats-server', '/nowhere/nats-server');
    expect(code).toBe(2);
    expect(stderr).toContain('apt-get install nats-server');
  });

  it('explains every option', async () => {
    const { code, stdout } = await runVerb(['start', '--help']);
    expect(code).toBe(0);
    for (const { flag, env } of START_OPTIONS) {
      expect(stdout).toContain(`--${flag}`);
      expect(stdout).toContain(env);
    }
  });
});
