/** What an operator is told when the broker is missing or unfit. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { BrokerUnfit, connectLog } from '../../src/log/connect.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { freePort, type NatsServer, startNatsServer } from '../helpers/nats-server.ts';
import { until } from './reading.ts';

const running: (() => unknown)[] = [];

async function started(options: Parameters<typeof startNatsServer>[0]): Promise<NatsServer> {
  const server = await startNatsServer(options);
  running.push(() => server.stop());
  return server;
}

afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

describe('connectLog', () => {
  it('says where nobody answers, and what to do', async () => {
    const url = `nats://user:secret@127.0.0.1:${await freePort()}`;
    const attempt = connectLog(url, 'test');
    await expect(attempt).rejects.toBeInstanceOf(LogUnavailable);
    await expect(attempt).rejects.toThrow(/cannot connect to NATS at nats:\/\/127\.0\.0\.1:\d+: .*NATS_URL/);
    await expect(attempt).rejects.not.toThrow('secret');
  });

  it('refuses a server without JetStream', async () => {
    const server = await started({ jetstream: false });
    const attempt = connectLog(server.url, 'test');
    await expect(attempt).rejects.toBeInstanceOf(BrokerUnfit);
    await expect(attempt).rejects.toThrow(/does not offer JetStream.*-js/);
  });

  it('refuses a server that takes only small messages', async () => {
    const server = await started({ config: 'max_payload: 65536' });
    await expect(connectLog(server.url, 'test')).rejects.toThrow(/65536 bytes; 1048576 are needed/);
  });

  it.each(['2.9.3', '2.8.4', '1.4.1'])('refuses version %s', async (version) => {
    const url = await pretendToBe(version);
    const attempt = connectLog(url, 'test');
    await expect(attempt).rejects.toBeInstanceOf(BrokerUnfit);
    await expect(attempt).rejects.toThrow(`is version ${version}; 2.9.4 or newer is needed`);
  });

  it.each(['2.9.4', '2.10.0', '2.15.0-dev', '3.0.0'])('does not refuse version %s for its age', async (version) => {
    const url = await pretendToBe(version);
    await expect(connectLog(url, 'test')).rejects.toThrow('does not offer JetStream');
  });

  it('hands over user and password, or a token, from the URL', async () => {
    const withUser = await started({ config: 'authorization { user: till, password: "s:cret" }' });
    const nc = await connectLog(withUser.url.replace('://', '://till:s%3Acret@'), 'test');
    await nc.close();
    const withToken = await started({ config: 'authorization { token: opensesame }' });
    const other = await connectLog(withToken.url.replace('://', '://opensesame@'), 'test');
    await other.close();
    await expect(connectLog(withToken.url, 'test')).rejects.toBeInstanceOf(LogUnavailable);
  });

  it('takes any of several servers', async () => {
    const server = await started({});
    const nc = await connectLog(`nats://127.0.0.1:${await freePort()}, ${server.url}`, 'test');
    expect(nc.getServer()).toBe(`127.0.0.1:${server.port}`);
    await nc.close();
  });

  it('comes back whenever the server does', async () => {
    const server = await started({});
    const nc = await connectLog(server.url, 'test');
    for (let round = 0; round < 2; round++) {
      await server.restart();
      await until(() =>
        nc.flush().then(
          () => true,
          () => false,
        ),
      );
    }
    await nc.close();
  });
});

/** Speaks just enough of the protocol to say a version; any request finds no responders. */
async function pretendToBe(version: string): Promise<string> {
  const server: Server = createServer((socket) => {
    const info = {
      server_id: 'x',
      version,
      go: '',
      host: '',
      port: 0,
      headers: true,
      max_payload: 1_048_576,
      client_id: 1,
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('error', () => {});
    let sid = '';
    socket.on('data', (data) => {
      for (const line of String(data).split('\r\n')) {
        if (line === 'PING') socket.write('PONG\r\n');
        if (line.startsWith('SUB ')) sid = line.split(' ').at(-1) ?? '';
        const [verb, , reply] = line.split(' ');
        const status = 'NATS/1.0 503\r\n\r\n';
        if (verb === 'PUB' && reply)
          socket.write(`HMSG ${reply} ${sid} ${status.length} ${status.length}\r\n${status}\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  running.push(() => server.close());
  const address = server.address();
  return `nats://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
