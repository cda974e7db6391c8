/** A swarm of two engines, and a wire with room for more nodes. */
import { DockerEngine, type EngineOptions } from '../../join/docker-engine.js';
import { NamespaceBench } from '../../live/namespaces/namespace-bench.js';
import { type NetworkNamespace } from '../../live/namespaces/network-namespace.js';
import { importImage } from './scratch-image.js';

/** The image of containers: busybox. */
export const BOX = 'box';
/** The underlay's device on each node. */
export const UNDERLAY = 'eth0';
const APPLETS = [
  'sh',
  'ping',
  'nslookup',
  'wget',
  'httpd',
  'sleep',
  'cat',
  'hostname',
  'ip',
  'mkdir',
  'env',
  'timeout',
];
const OFFLOADS = ['tx', 'tso', 'gso', 'gro'].flatMap((name) => [name, 'off']);
/** A container's first process ignores SIGTERM, and Docker waits ten seconds for it. */
export const STOPS_AT_ONCE = ['--stop-signal', 'KILL'];

/** Two engines, node1 a manager and node2 a worker, on one Ethernet. */
export class DockerSwarmLab {
  readonly bench = new NamespaceBench();
  readonly #engines: DockerEngine[] = [];
  readonly #wire: NetworkNamespace;
  readonly #network: string;
  #hosts = 0;

  /** @param network the underlay's network, a /24, without the last byte: `192.168.81` */
  constructor(network: string) {
    this.#network = network;
    this.#wire = this.bench.namespace('wire');
    this.#wire.ip('link add br0 type bridge');
    this.#wire.ip('link set br0 up');
  }

  /** Adds a namespace on the wire, without offloads: the n-th has the address that ends in n. */
  host(name: string): { readonly namespace: NetworkNamespace; readonly address: string } {
    const namespace = this.bench.namespace(name);
    const i = ++this.#hosts;
    const address = `${this.#network}.${i}`;
    const port = `p${i}`;
    this.bench.link(namespace, { device: UNDERLAY, addresses: [`${address}/24`] }, this.#wire, { device: port });
    this.#wire.ip(`link set ${port} master br0`);
    namespace.call(['ethtool', '-K', UNDERLAY, ...OFFLOADS]);
    return { namespace, address };
  }

  /** Starts so many engines, which form a swarm; the first is its manager. */
  async startSwarm(engines: number): Promise<readonly DockerEngine[]> {
    const hosts = Array.from({ length: engines }, (_, i) => this.host(`node${i + 1}`));
    for (const [i, { namespace }] of hosts.entries()) {
      this.#engines.push(new DockerEngine(namespace.name, { hostname: `node${i + 1}` }));
    }
    await Promise.all(this.#engines.map((engine) => engine.start()));
    const [manager, ...workers] = this.#engines;
    const [{ address }, ...others] = hosts;
    manager.docker(`swarm init --advertise-addr ${address} --listen-addr ${address}:2377 --dispatcher-heartbeat 2s`);
    const token = manager.docker('swarm join-token -q worker');
    for (const [i, worker] of workers.entries()) {
      worker.docker(`swarm join --token ${token} --advertise-addr ${others[i].address} ${address}:2377`);
    }
    importImage(this.#engines, BOX, { applets: APPLETS.map((name) => `/bin/${name}`) });
    return this.#engines;
  }

  /** Starts an engine that is in no swarm. */
  async startEngine(namespace: NetworkNamespace, options: EngineOptions): Promise<DockerEngine> {
    const engine = new DockerEngine(namespace.name, options);
    this.#engines.push(engine);
    await engine.start();
    return engine;
  }

  /** Stops the engines, and removes everything. */
  async close(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.stop()));
    this.bench.close();
    for (const engine of this.#engines) engine.remove();
  }
}
