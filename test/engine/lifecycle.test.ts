/** What `tidemark start` makes of a folder, a port, a program and a broker that are not as they should be. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { removeFolder, runVerb, startEngine, startVerb, temporaryFolder } from '../helpers/engine.ts';
import { getMember, postScored } from '../helpers/engine-api.ts';
import { startNatsServer } from '../helpers/nats-server.ts';

const PURCHASE = { id: 'pos7-1', type: 'purchase', memberId: '42', currency: 'USD', amount: 1050 } as const;
const FEW = ['--partitions', '4', '--workers', '2', '--log-level', 'warn'];

function folderHere(): string {
  const folder = temporaryFolder();
  onTestFinished(() => removeFolder(folder));
  return folder;
}

function startHere(folder: string, ...args: string[]) {
  return runVerb(['start', '--data', folder, '--http-port', '0', ...args]);
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Ended but not yet collected by its parent counts as ended.
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

describe('a folder that has been used', () => {
  const folder = temporaryFolder();
  afterAll(() => removeFolder(folder));

  beforeAll(async () => {
    const engine = await startEngine(folder, FEW);
    await postScored(engine.url(), PURCHASE);
    await engine.stop();
  }, 90_000);

  it('is not opened with another number of partitions', async () => {
    const { code, stderr } = await startHere(folder, '--partitions', '8');
    expect(code).toBe(1);
    expect(stderr).toContain('was made with 4 partitions, this engine is configured for 8');
  });

  it('is not opened with a program that was changed under its version', async () => {
    const file = join(folder, 'coffee.yaml');
    writeFileSync(file, readFileSync('examples/coffee.yaml', 'utf8').replace('points: 10', 'points: 11'));
    const { code, stderr } = await startHere(folder, ...FEW, '--program', file);
    expect(code).toBe(1);
    expect(stderr).toContain(`${file}: the program has changed but its version is still 2: give it a higher one`);
  });

  it('is opened by an engine that ends at once when it is told to stop before it is ready', async () => {
    const { child, ended } = startVerb(['start', '--data', folder, '--http-port', '0', ...FEW]);
    while (!existsSync(join(folder, 'running.json'))) await sleep(5);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, signal: null });
    expect(readdirSync(folder).filter((name) => /^(lock|running)/.test(name))).toEqual([]);
  });

  it('is not opened once its log is gone, and says what to do', async () => {
    const kept = temporaryFolder();
    onTestFinished(() => removeFolder(kept));
    rmSync(join(folder, 'nats'), { recursive: true });
    const { code, stderr } = await startHere(folder, ...FEW);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the store belongs to the log .* move the store folder away and start again/);
  });
});

it('a launcher that was killed leaves nothing running, and the next start has everything', async () => {
  const folder = folderHere();
  const first = await startEngine(folder, FEW);
  await postScored(first.url(), PURCHASE);
  const { enginePid, natsPid } = first.running();
  await first.kill();
  await expect.poll(() => [enginePid, natsPid].some(isRunning), { timeout: 20_000 }).toBe(false);
  const second = await startEngine(folder, FEW);
  expect(await getMember(second.url(), '42')).toMatchObject({ counters: { spend: 1050 } });
  expect(await second.stop()).toBe(0);
});

it('stops in order though a client never finishes its request', async () => {
  const engine = await startEngine(folderHere(), FEW);
  onTestFinished(() => engine.kill());
  await postScored(engine.url(), PURCHASE);
  const socket = connect(Number(new URL(engine.url()).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const head = 'Host: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  socket.on('error', () => {}).write(`POST /v1/events HTTP/1.1\r\n${head}{"id":`);
  // What was sent before this has been read when it is answered.
  await getMember(engine.url(), '42');
  expect(await engine.stop()).toBe(0);
});

it('an engine and a nats-server that crash are started again behind the same address', async () => {
  const engine = await startEngine(folderHere(), FEW);
  onTestFinished(() => engine.kill());
  const url = engine.url();
  await postScored(url, PURCHASE);
  const before = engine.running();
  process.kill(before.natsPid, 'SIGKILL');
  while (engine.running().natsPid === before.natsPid) await sleep(20);
  await engine.ready();
  process.kill(before.enginePid, 'SIGKILL');
  while (engine.running().enginePid === before.enginePid) await sleep(20);
  await engine.ready();
  expect(engine.url()).toBe(url);
  expect(await postScored(url, PURCHASE)).toMatchObject([{ code: 'duplicate' }]);
  // The engine knows the server of now, should it have to end it.
  const now = engine.running();
  await engine.kill();
  await expect.poll(() => [now.enginePid, now.natsPid].some(isRunning), { timeout: 20_000 }).toBe(false);
});

it('takes a setting from the flag, then the environment, then the file, and refuses nonsense by its place', async () => {
  const folder = folderHere();
  const config = join(folder, 'config.yaml');
  writeFileSync(config, 'partitions: 3\nworkers: 1\nlogLevel: silent\n');
  const engine = await startEngine(folder, ['--config', config, '--workers', '2'], { TIDEMARK_PARTITIONS: '5' });
  onTestFinished(() => engine.kill());
  expect(await (await fetch(`${engine.url()}/readyz`)).json()).toMatchObject({ partitions: 5 });
  expect(await engine.stop()).toBe(0);
  expect(await runVerb(['start', '--data', folder], { TIDEMARK_WORKERS: 'many' })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('TIDEMARK_WORKERS: expected a whole number of threads from 1 to 64, got "many"'),
  });
  expect(await runVerb(['begin'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Unknown verb "begin"') });
});

it('does not start on a port that is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { code, stderr } = await startHere(folderHere(), ...FEW, '--http-port', `${port}`);
  expect(code).toBe(1);
  expect(stderr).toContain(`Cannot serve on 127.0.0.1:${port}`);
});

it('uses a NATS server that runs already, and leaves it running', async () => {
  const nats = await startNatsServer();
  onTestFinished(() => nats.stop());
  const engine = await startEngine(folderHere(), FEW, { NATS_URL: nats.url });
  onTestFinished(() => engine.kill());
  await postScored(engine.url(), PURCHASE);
  expect(engine.running().natsPid).toBeUndefined();
  expect(await engine.stop()).toBe(0);
  // Another folder and the same log: everything is there.
  const other = await startEngine(folderHere(), FEW, { NATS_URL: nats.url });
  onTestFinished(() => other.kill());
  expect(await getMember(other.url(), '42')).toMatchObject({ counters: { spend: 1050 } });
});
