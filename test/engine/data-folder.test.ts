/** Who may have a data folder: one process at a time, whatever was left in it and whoever comes at the same time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { holdDataFolder } from '../../src/cli/data-folder.ts';
import { bootId, processStart } from '../../src/cli/processes.ts';
import { removeFolder, temporaryFolder } from '../helpers/engine.ts';

const LEFT = 'lock-left-behind.json';
const ALIVE = { pid: process.pid, started: processStart(process.pid), boot: bootId(), host: hostname() };

function folderWith(lock: string | object): string {
  const folder = temporaryFolder();
  onTestFinished(() => removeFolder(folder));
  writeFileSync(join(folder, LEFT), typeof lock === 'string' ? lock : JSON.stringify(lock));
  return folder;
}

const locksIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('lock'));

it('is held until it is given back', async () => {
  const folder = folderWith('');
  const held = await holdDataFolder(folder);
  expect(locksIn(folder)).toHaveLength(1);
  await expect(holdDataFolder(folder)).rejects.toThrow(`is in use by the engine with process id ${process.pid}`);
  held.release();
  expect(locksIn(folder)).toEqual([]);
  (await holdDataFolder(folder)).release();
});

it.each([
  ['a process that has ended', { ...ALIVE, pid: 2 ** 22 + 1 }],
  ['an earlier process with the pid of one that runs', { ...ALIVE, started: '1' }],
  ['a process before the machine was started again', { ...ALIVE, boot: 'another' }],
  ['the loss of power', ''],
])('is taken after %s', async (_what, left) => {
  const folder = folderWith(left);
  (await holdDataFolder(folder)).release();
  expect(locksIn(folder)).toEqual([]);
});

it('is not taken from another host or container, whose processes cannot be seen, and says what to do', async () => {
  // As a container sees another's: pid 1, which is here too.
  const folder = folderWith({ pid: 1, started: processStart(1), boot: bootId(), host: 'c0ffee' });
  await expect(holdDataFolder(folder)).rejects.toThrow(
    `was taken by process 1 on the host (or in the container) "c0ffee", which cannot be looked at from here. If it runs no more, remove ${join(folder, LEFT)}`,
  );
  expect(locksIn(folder)).toEqual([LEFT]);
});

it('is never held by two of many that find a stale lock at once', { timeout: 120_000 }, async () => {
  const folder = folderWith('');
  const dead = JSON.stringify({ ...ALIVE, pid: 2 ** 22 + 1 });
  const module = pathToFileURL('dist/src/cli/data-folder.js').href;
  const script = `
    import { mkdirSync, rmdirSync, renameSync, writeFileSync } from 'node:fs';
    import { holdDataFolder } from ${JSON.stringify(module)};
    let held = 0;
    for (let round = 0; round < 60; round++) {
      const stale = ${JSON.stringify(folder)} + '/lock-' + process.pid + '-' + round;
      writeFileSync(stale, ${JSON.stringify(dead)});
      renameSync(stale, stale + '.json');
      const folder = await holdDataFolder(${JSON.stringify(folder)}).catch(() => undefined);
      if (folder === undefined) continue;
      mkdirSync(folder.path + '/taken');
      const until = performance.now() + 1;
      while (performance.now() < until);
      rmdirSync(folder.path + '/taken');
      folder.release();
      held += 1;
    }
    process.stdout.write(String(held));`;
  const runs = Array.from({ length: 4 }, async () => {
    const child = spawn('node', ['--input-type=module', '-e', script]);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += String(chunk);
      });
    }
    await once(child, 'close');
    return output;
  });
  const outputs = await Promise.all(runs);
  // One that finds another in the folder ends with an error instead of a count.
  for (const output of outputs) expect(output).toMatch(/^\d+$/);
  expect(outputs.reduce((sum, held) => sum + Number(held), 0)).toBeGreaterThan(0);
  expect(existsSync(join(folder, 'taken'))).toBe(false);
  (await holdDataFolder(folder)).release();
});
