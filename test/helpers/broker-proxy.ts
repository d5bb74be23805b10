/** Stands between an engine and its broker, and can let some of the engine's connections hear nothing. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface BrokerProxy {
  readonly url: string;
  /** Connections whose name begins so hear nothing from now on, though they stay up. */
  hold(name: string): void;
  /** They hear everything they have missed. */
  release(): void;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly broker: Socket;
  /** As the client gave it when it connected. */
  name: string;
  readonly held: Buffer[];
}

export async function startBrokerProxy(brokerUrl: string): Promise<BrokerProxy> {
  const { hostname, port } = new URL(brokerUrl);
  const pairs = new Set<Pair>();
  let heldName: string | undefined;
  const isHeld = ({ name }: Pair): boolean => heldName !== undefined && name.startsWith(heldName);
  const server = createServer((client) => {
    const broker = connect(Number(port), hostname);
    const pair: Pair = { client, broker, name: '', held: [] };
    pairs.add(pair);
    client.on('data', (bytes) => {
      if (pair.name === '') pair.name = /"name":"([^"]*)"/.exec(bytes.toString())?.[1] ?? '';
      broker.write(bytes);
    });
    broker.on('data', (bytes) => {
      if (isHeld(pair)) pair.held.push(bytes);
      else client.write(bytes);
    });
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (name) => {
      heldName = name;
    },
    release: () => {
      heldName = undefined;
      for (const { client, held } of pairs) for (const bytes of held.splice(0)) client.write(bytes);
    },
    stop: async () => {
      for (const { client, broker } of pairs) {
        client.destroy();
        broker.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
