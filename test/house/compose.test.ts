/** docker-compose.yml and the Dockerfile fit each other and the engine; images are not built here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { START_OPTIONS } from '../../src/cli/options.ts';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

const service = z.strictObject({
  image: z
    .string()
    .regex(/:\d+\.\d+/, 'expected a pinned version')
    .optional(),
  build: z.literal('.').optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string().startsWith('127.0.0.1:', 'the engine has no access control')).default([]),
  volumes: z.array(z.string()).min(1),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).default({}),
  healthcheck: z.strictObject({
    test: z.tuple([z.literal('CMD')], z.string()),
    interval: z.string(),
    timeout: z.string(),
    retries: z.int(),
  }),
  mem_limit: z.string(),
  cpus: z.number(),
  stop_grace_period: z.string().optional(),
  restart: z.literal('unless-stopped'),
});
const compose = z
  .strictObject({
    services: z.strictObject({ nats: service, engine: service }),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(read('docker-compose.yml')));

describe('docker-compose.yml', () => {
  const { nats, engine } = compose.services;

  it('runs a NATS server with JetStream on a volume', () => {
    expect(nats.command).toContain('--jetstream');
    expect(nats.command).toContain('/data');
    expect(nats.volumes).toEqual(['nats-data:/data']);
  });

  it('sets only variables the engine knows, and points it at that server', () => {
    const known = new Set<string>(START_OPTIONS.map(({ env }) => env));
    expect(Object.keys(engine.environment).filter((name) => !known.has(name))).toEqual([]);
    expect(engine.environment['NATS_URL']).toBe('nats://nats:4222');
    expect(engine.depends_on).toHaveProperty('nats');
  });

  it('declares the volumes it uses', () => {
    const used = [...nats.volumes, ...engine.volumes].map((volume) => volume.split(':')[0]);
    expect(Object.keys(compose.volumes).toSorted()).toEqual(used.toSorted());
  });

  it('fits the Dockerfile', () => {
    const dockerfile = read('Dockerfile');
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toContain('["node", "dist/src/cli/main.js", "start", "--http-host", "0.0.0.0"]');
    expect(dockerfile).toContain('TIDEMARK_DATA=/data');
    expect(engine.volumes).toEqual(['engine-data:/data']);
    expect(dockerfile).toMatch(/^EXPOSE 8080$/m);
  });
});
