/** Three nats-servers that keep copies of each other's records, on loopback addresses of this process. */
import { NatsStore } from '../../../src/fleet/index.js';
import { NatsServer } from '../store/nats-server.js';
import { patiently } from './load.js';

const NAMES = ['a', 'b', 'c'] as const;
const CLIENTS = 4222;
const ROUTES = 6222;

export class NatsCluster {
  readonly #servers: ReadonlyMap<string, NatsServer>;

  private constructor(servers: ReadonlyMap<string, NatsServer>) {
    this.#servers = servers;
  }

  /** Starts it; records can be written once it has elected a leader. */
  static async start(): Promise<NatsCluster> {
    const routes = NAMES.map((_, index) => `nats://${hostOf(index)}:${ROUTES}`).join(', ');
    const servers = await Promise.all(
      NAMES.map(async (name, index) => {
        const host = hostOf(index);
        const config = `server_name: ${name}
          cluster { name: test, listen: "${host}:${ROUTES}", routes: [${routes}] }`;
        return [name, await NatsServer.start(config, {}, { host, port: CLIENTS })] as const;
      }),
    );
    return new NatsCluster(new Map(servers));
  }

  get names(): readonly string[] {
    return NAMES;
  }

  /**
   * A store with a copy on each server, once the cluster can make one.
   * @param through the server that it is connected to first; it learns the others from it
   */
  open(overlay: string, through: string = NAMES[0]): Promise<NatsStore> {
    const address = `${this.server(through).address}/${overlay}`;
    return patiently(() => NatsStore.open(address, { replicas: NAMES.length }));
  }

  /** The server that leads a store's stream. */
  async leaderOf(overlay: string): Promise<string> {
    const { connect } = await import('@nats-io/transport-node');
    const { jetstreamManager } = await import('@nats-io/jetstream');
    const connection = await connect({ servers: [...this.#servers.values()].map(({ address }) => address) });
    try {
      const { cluster } = await (await jetstreamManager(connection)).streams.info(`KV_vtep_${overlay}`);
      if (cluster?.leader === undefined) throw new Error('the stream has no leader');
      return cluster.leader;
    } finally {
      await connection.close();
    }
  }

  server(name: string): NatsServer {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`no server ${name}`);
    return server;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
  }
}

/**
 * Servers of a cluster need each other's ports before they start, so a free one won't do: instead each has an address
 * that no other process uses. Linux: all of 127.0.0.0/8 is loopback.
 */
function hostOf(index: number): string {
  const { pid } = process;
  // A pid has 22 bits; two more tell the servers apart.
  return `127.${64 * (index + 1) + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`;
}
