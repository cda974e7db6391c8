/** Nodes on one underlay with a NATS server in the middle. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { MAIN } from '../../cli/run.js';
import { ROOT } from '../../repository.js';
import { type NamespaceBench } from './namespace-bench.js';
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';
import { UNDERLAY_DEVICE } from './underlay.js';

const CHILD = join(ROOT, 'dist/test/live/namespaces/store-child.js');
const HUB = '192.168.50.254';
const PORT = 4222;
/** Closes connections to the server, and refuses new ones. */
const BLOCK = `table inet store { chain out { type filter hook output priority 0; tcp dport ${PORT} reject with tcp reset; }; }`;

/** A bridge with the server, and nodes 1 to 3 on it: 192.168.50.1 to .3. */
export class StoreHub {
  readonly nodes: readonly NetworkNamespace[];
  readonly store = `nats://${HUB}:${PORT}/test`;
  readonly address = HUB;
  readonly namespace: NetworkNamespace;
  readonly #folder: string;
  #server: NamespaceProcess | undefined;
  #writer: NamespaceProcess | undefined;

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

  /** The server says nothing until it continues. */
  freeze(): void {
    this.#server?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#server?.signal('SIGCONT');
  }

  /** Removes what the server has on disk. */
  wipe(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Copies what the server has on disk, while it doesn't run. */
  backUp(): void {
    cpSync(this.#folder, `${this.#folder}.old`, { recursive: true });
  }

  /** Gives the server the copy in place of what it has. */
  restore(): void {
    this.wipe();
    cpSync(`${this.#folder}.old`, this.#folder, { recursive: true });
  }

  /** Takes the server from a node, by index. Packets between nodes go on. */
  cutOff(node: number): void {
    this.nodes[node].call(['nft', '-f', '-'], BLOCK);
  }

  reconnect(node: number): void {
    this.nodes[node].call(['nft', 'delete', 'table', 'inet', 'store']);
  }

  /** Writes to the store, as soon as it is in reach. @returns when that was done, by `Date.now()` */
  async write(...words: readonly string[]): Promise<number> {
    return Number(await this.#ask(words));
  }

  /** Keys of all records. */
  async keys(): Promise<string[]> {
    return (await this.#ask(['keys'])) as string[];
  }

  /** Runs `vtep` beside the server. @returns when it had ended, by `Date.now()` */
  vtep(...words: readonly string[]): number {
    this.namespace.call([process.execPath, MAIN, ...words, '--store', this.store]);
    return Date.now();
  }

  async #ask(words: readonly string[]): Promise<unknown> {
    const path = `${this.#folder}.sock`;
    if (this.#writer === undefined) {
      this.#writer = this.namespace.start([process.execPath, CHILD, path, this.store]);
      await this.#writer.line('stdout', /^ready$/);
    }
    const connection = connect({ path, allowHalfOpen: true });
    connection.end(JSON.stringify(words));
    const { done, failed } = JSON.parse(await text(connection)) as { done?: unknown; failed?: string };
    assert.equal(failed, undefined, words.join(' '));
    return done;
  }
}
