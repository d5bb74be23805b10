/** A program reaches every partition or none that matters: versions are taken before they are told, and what is begun is finished. */
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProgramLog } from '../../src/cluster/program-log.ts';
import { connectLog } from '../../src/log/connect.ts';
import { type EventWriter, LogUnavailable } from '../../src/log/log.ts';
import { openControl, writeProgram } from '../../src/log/topology.ts';
import { checkProgram } from '../../src/program/parse.ts';
import type { Program } from '../../src/program/program.ts';
import { decodeBatch } from '../../src/wire/batch.ts';
import { type NatsServer, startNatsServer } from '../helpers/nats-server.ts';

const PARTITIONS = 8;
let server: NatsServer;
let nc: NatsConnection;
let tests = 0;
let told: number[][];

beforeAll(async () => {
  server = await startNatsServer();
  nc = await connectLog(server.url, 'programs');
});
afterAll(async () => {
  await nc.close();
  await server.stop();
});
beforeEach(() => {
  tests += 1;
  told = Array.from({ length: PARTITIONS }, () => []);
});

/** An engine whose log takes `messages` and then is gone. */
async function engine(messages = Infinity): Promise<ProgramLog> {
  let left = messages;
  const writer: EventWriter = {
    isConnected: () => left > 0,
    publish: async (partition, payload) => {
      left -= 1;
      if (left < 0) throw new LogUnavailable('gone');
      const [event] = decodeBatch(payload).events;
      const version = event?.type === 'program' ? (JSON.parse(event.document) as { version: number }).version : 0;
      told[partition]?.push(version);
      return 1;
    },
  };
  return new ProgramLog({ control: await openControl(nc, `programs${tests}`), writer, partitions: PARTITIONS });
}

function program(version: number, changes: Readonly<Record<string, unknown>> = {}): Program {
  const earn = { id: 'spend', points: 1, per: 1 };
  const result = checkProgram({ program: 'test', version, timezone: 'UTC', currency: 'USD', earn, ...changes });
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.program;
}

const everywhere = (...versions: number[]): number[][] => Array.from({ length: PARTITIONS }, () => versions);

it('tells every partition once, and nobody again', async () => {
  const log = await engine();
  expect(await log.put(program(1))).toEqual({ ok: true, version: 1 });
  expect(await log.put(program(1))).toEqual({ ok: true, version: 1 });
  expect(await (await engine()).put(program(1))).toEqual({ ok: true, version: 1 });
  expect(told).toEqual(everywhere(1));
  expect(await log.current()).toMatchObject({ version: 1, announced: true });
});

it.each([
  ['another of the same version', program(2, { earn: { id: 'other', points: 2, per: 1 } }), /version is still 2/],
  ['an older one', program(1), /version 2 of the program, which is newer than 1/],
  ['another currency', program(3, { currency: 'JPY' }), /currency/],
  ['another time zone', program(3, { timezone: 'Asia/Tokyo' }), /timezone/],
  ['another name', program(3, { program: 'other' }), /program/],
])('refuses %s', async (_what, next, message) => {
  const log = await engine();
  await log.put(program(2));
  expect(await log.put(next)).toMatchObject({ ok: false, current: 2, message: expect.stringMatching(message) });
  expect(told).toEqual(everywhere(2));
});

/** As it was written before a program could have wallets, or more than one earn rule. */
const OLD_DOCUMENT =
  '{"program":"test","version":1,"timezone":"UTC","currency":"USD","enrolment":"implicit",' +
  '"earn":{"id":"spend","points":1,"per":1,"rounding":"floor"},"returns":{"unmatched":"ignore","matchDays":365}}';

it('knows a program again that an earlier version of the engine wrote with fewer options', async () => {
  const log = await engine();
  const control = await openControl(nc, `programs${tests}`);
  await writeProgram(control, { document: OLD_DOCUMENT, version: 1, announced: true }, undefined);
  expect(await log.put(program(1))).toEqual({ ok: true, version: 1 });
  expect(told).toEqual(everywhere());
  expect(await log.put(program(1, { earnOn: 'gross' }))).toMatchObject({ ok: false, current: 1 });
});

describe('an announcement that was cut off', () => {
  it('is finished by the next engine, whatever that one wants', async () => {
    await expect((await engine(3)).put(program(1))).rejects.toBeInstanceOf(LogUnavailable);
    expect(told.flat()).toHaveLength(3);
    const next = await engine();
    expect(await next.current()).toMatchObject({ version: 1, announced: true });
    expect(told.every((versions) => versions.at(-1) === 1)).toBe(true);
  });

  it('keeps its version: no other document can take it', async () => {
    await expect((await engine(3)).put(program(1))).rejects.toBeInstanceOf(LogUnavailable);
    const other = program(1, { earn: { id: 'other', points: 2, per: 1 } });
    expect(await (await engine()).put(other)).toMatchObject({ ok: false, current: 1 });
    expect(await (await engine()).put(program(2))).toEqual({ ok: true, version: 2 });
    expect(told.every((versions) => versions.at(-1) === 2 && versions.at(-2) === 1)).toBe(true);
  });

  it('is finished when the same is asked for again', async () => {
    await expect((await engine(0)).put(program(1))).rejects.toBeInstanceOf(LogUnavailable);
    expect(await (await engine()).put(program(1))).toEqual({ ok: true, version: 1 });
    expect(told).toEqual(everywhere(1));
  });
});
