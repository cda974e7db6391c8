/** Three nodes over one store, and containers on them. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { ping } from './ping.js';
import { RunningPing } from './running-ping.js';
import { StoreHub } from './store-hub.js';
import { until } from './until.js';
import { UpNode } from './up-node.js';

/** The network `web` (10.0.9.0/24) with c1 on node 1 (.103) and c2 on node 2 (.104). */
export class StoreBench {
  readonly bench = new NamespaceBench();
  readonly hub: StoreHub;
  readonly ups: readonly UpNode[];
  readonly #containers = new Map<string, NetworkNamespace>();

  /**
   * @param folder for the files of the server, and the key
   * @param lease of the nodes, in seconds
   */
  constructor(folder: string, lease: number) {
    this.hub = new StoreHub(this.bench, join(folder, 'nats'));
    const kek = join(folder, 'kek');
    writeFileSync(kek, '5f'.repeat(16) + 'a0'.repeat(16));
    chmodSync(kek, 0o600);
    this.ups = [1, 2, 3].map((i) => {
      const words = ['--store', this.hub.store, '--vtep', `192.168.50.${i}`, '--lease', String(lease), '--kek', kek];
      return new UpNode(this.hub.nodes[i - 1], { node: `n${i}`, words });
    });
  }

  async start(): Promise<void> {
    await this.hub.start();
    await this.hub.write('network', 'web', '4097', '10.0.9.0/24');
    await this.addContainer('web', 'c1', 1, '10.0.9.103');
    await this.addContainer('web', 'c2', 2, '10.0.9.104');
    await Promise.all(this.ups.map((up) => up.start()));
  }

  /** The namespace of a container, which has no interface yet. */
  addNamespace(id: string): NetworkNamespace {
    const container = this.bench.namespace(id);
    this.#containers.set(id, container);
    return container;
  }

  /** Creates a container with an endpoint, while the nodes run or before. @returns when it was in the store */
  async addContainer(network: string, id: string, node: number, ip: string): Promise<number> {
    return this.hub.write('endpoint', network, id, `n${node}`, ip, this.addNamespace(id).name);
  }

  container(id: string): NetworkNamespace {
    const found = this.#containers.get(id);
    assert.ok(found);
    return found;
  }

  /** Milliseconds from a time of `Date.now()` until an address answers. */
  async reached(from: string, address: string, since: number): Promise<number> {
    await until(async () => {
      // Else the kernel would ask again a second after it had no answer.
      this.container(from).ip('neigh flush all');
      try {
        return (await ping(this.container(from), address, { count: 1, patience: 0.1 })).received === 1;
      } catch {
        // There is no interface yet.
        return false;
      }
    }, `${address} is reached from ${from}`);
    return Date.now() - since;
  }

  /** Milliseconds from a time of `Date.now()` until a new endpoint answers one that has its interface. */
  async answers(from: string, address: string, since: number): Promise<number> {
    this.knows(from, address);
    const pings = await RunningPing.start(this.container(from), address, { interval: 0.01 });
    const after = Date.now() - since;
    await pings.stop();
    return after;
  }

  /** Gives a container another's MAC: else its kernel, which asked too early, would ask again after a second. */
  knows(from: string, address: string): void {
    const mac = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
    this.container(from).ip(`neigh replace ${address} lladdr 02:42:${mac.join(':')} dev eth0`);
  }

  close(): void {
    this.bench.close();
  }
}
