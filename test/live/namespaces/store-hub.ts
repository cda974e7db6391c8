/** Nodes on one underlay with a NATS server in the middle. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ROOT } from '../../repository.js';
import { type NamespaceBench } from './namespace-bench.js';
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';
import { UNDERLAY_DEVICE } from './underlay.js';

const CHILD = join(ROOT, 'dist/test/live/namespaces/store-child.js');
const HUB = '192.168.50.254';
const PORT = 4222;

/** A bridge with the server, and nodes 1 to 3 on it: 192.168.50.1 to .3. */
export class StoreHub {
  readonly nodes: readonly NetworkNamespace[];
  readonly store = `nats://${HUB}:${PORT}/test`;
  readonly address = HUB;
  readonly namespace: NetworkNamespace;
  readonly #folder: string;
  #server: NamespaceProcess | undefined;

  /** @param folder for the server's files */
  constructor(bench: NamespaceBench, folder: string) {
    this.#folder = folder;
    const hub = bench.namespace('hub');
    this.namespace = hub;
    hub.ip('link add br0 type bridge');
    hub.configure({ device: 'br0', addresses: [`${HUB}/24`] });
    this.nodes = [1, 2, 3].map((i) => {
      const node = bench.namespace(`n${i}`);
      bench.link(node, { device: UNDERLAY_DEVICE, addresses: [`192.168.50.${i}/24`] }, hub, { device: `p${i}` });
      hub.ip(`link set p${i} master br0`);
      return node;
    });
  }

  /** Starts the server, or starts it again with what it had. */
  async start(): Promise<void> {
    const words = ['nats-server', '-a', HUB, '-p', String(PORT), '-js', '-sd', this.#folder];
    this.#server = this.namespace.start(words);
    await this.#server.line('stderr', /Server is ready/);
  }

  async kill(): Promise<void> {
    await this.#server?.stop('SIGKILL');
  }

  /** Writes to the store. @returns when that was done, by `Date.now()` */
  write(...words: readonly string[]): number {
    return Number(this.#run(words));
  }

  /** Keys of all records. */
  keys(): string[] {
    const keys: unknown = JSON.parse(this.#run(['keys']));
    assert.ok(Array.isArray(keys));
    return keys as string[];
  }

  #run(words: readonly string[]): string {
    return this.namespace.call([process.execPath, CHILD, this.store, ...words]);
  }
}
