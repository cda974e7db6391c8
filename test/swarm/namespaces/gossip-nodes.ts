/** Nodes that `vtep up --gossip` runs, on one wire; no config lists another node. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceBench } from '../../live/namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { ping } from '../../live/namespaces/ping.js';
import { UpNode } from '../../live/namespaces/up-node.js';

const DEVICE = 'u0';

/** A node. */
export interface GossipNode {
  readonly namespace: NetworkNamespace;
  readonly container: NetworkNamespace;
  readonly up: UpNode;
  /** Address of its endpoint on the clear network, and on the encrypted one. */
  readonly clear: string;
  readonly encrypted: string;
  /** Address of its VTEP and of its gossip. */
  readonly vtep: string;
  /** Path of its status socket. */
  readonly socket: string;
  /** Path of its gossip keys. */
  readonly keys: string;
  /** Writes its config, with further endpoints as JSON. */
  readonly write: (more?: Readonly<Record<string, object>>) => void;
}

/** Keys of gossip with three Lamport times, as lines of a file. */
export function gossipKeys(first: number): string {
  return [first, first + 1, first + 2]
    .map((tag) => `networking:gossip lamport ${tag} key ${tag.toString(16).padStart(2, '0').repeat(16)}\n`)
    .join('');
}

/** The nodes and their wire. Close it at the end. */
export class GossipNodes {
  readonly nodes: readonly GossipNode[];
  readonly #bench = new NamespaceBench();
  readonly #folder = mkdtempSync(join(tmpdir(), 'vtep-gossip-'));

  constructor(count = 3) {
    const wire = this.#bench.namespace('wire');
    wire.ip('link add br0 type bridge');
    wire.ip('link set br0 up');
    this.nodes = Array.from({ length: count }, (_, index) => this.#node(index + 1, wire));
  }

  close(): void {
    this.#bench.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #node(number: number, wire: NetworkNamespace): GossipNode {
    const namespace = this.#bench.namespace(`n${number}`);
    const container = this.#bench.namespace(`c${number}`);
    const vtep = `192.168.50.${number}`;
    this.#bench.link(namespace, { device: DEVICE, addresses: [`${vtep}/24`] }, wire, { device: `p${number}` });
    wire.ip(`link set p${number} master br0`);
    const name = `n${number}`;
    const config = join(this.#folder, `${name}.json`);
    const keys = join(this.#folder, `${name}.keys`);
    const socket = join(this.#folder, `${name}.sock`);
    const [clear, encrypted] = [`10.0.9.1${number}`, `10.0.10.1${number}`];
    const netns = container.name;
    const write = (more: Readonly<Record<string, object>> = {}): void => {
      const endpoints = {
        [`a${number}`]: { network: 'clear', node: name, ip: clear, device: 'eth0', netns },
        [`b${number}`]: { network: 'secret', node: name, ip: encrypted, device: 'eth1', netns },
        ...more,
      };
      const networks = {
        clear: { vni: 4097, subnet: '10.0.9.0/24' },
        secret: { vni: 4098, subnet: '10.0.10.0/24', encrypted: true, id: 'k1p0' },
      };
      const ring = [1, 2, 3].map((tag) => ({ tag, key: `0${tag}`.repeat(15) + 'ff' }));
      writeFileSync(config, JSON.stringify({ nodes: { [name]: { vtep } }, networks, endpoints, keys: ring }));
    };
    write();
    writeFileSync(keys, gossipKeys(1));
    const words = ['--gossip', '192.168.50.1', '--gossip-keys', keys, '--status', socket];
    const up = new UpNode(namespace, { config, node: name, words });
    return { namespace, container, up, vtep, socket, clear, encrypted, keys, write };
  }
}

/** Pings until an answer comes, or until none does. */
export async function untilAnswered(from: NetworkNamespace, address: string, isAnswered = true): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const { received } = await ping(from, address, { count: 1, patience: 1 });
    if (received > 0 === isAnswered) return;
    if (performance.now() > end) throw new Error(`${address} ${isAnswered ? 'does not answer' : 'still answers'}`);
  }
}
