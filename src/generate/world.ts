/** The overlay that the traffic is of: nodes, networks and containers, numbered as in a swarm. */
import {
  type Endpoint,
  EndpointKind,
  FloodPolicy,
  formatAddress,
  mtuOf,
  type Network,
  type Node,
  Profile,
} from '../overlay/index.js';
import { formatMac, macOfIpv4, VXLAN_PORT } from '../wire/index.js';
import { GenerateError } from './error.js';
import type { CheckedOptions } from './options.js';

/** Swarm's first VNI, which its ingress network gets. */
const INGRESS_VNI = 4096;
/** The first host number of containers: .1 is the gateway, .2 the first VIP. */
const FIRST_HOST = 3;
const LAST_HOST = 254;
/** From here on, hosts are left to containers of faults. */
const LAST_BALANCER = 220;
const NODES_PER_SUBNET = 250;
const ICV = { swarm: 8, strict: 16 } as const;

/** Where a container is, and what it is called by. */
export interface Place {
  readonly endpoint: Endpoint;
  readonly node: Node;
}

/** Nodes, networks and containers, which faults add to. */
export class World {
  readonly nodes: Node[] = [];
  readonly networks: Network[] = [];
  readonly endpoints: Endpoint[] = [];
  readonly port: number;
  readonly #options: CheckedOptions;
  /** Containers of each network, and the number of addresses given out there. */
  readonly #members: Endpoint[][] = [];
  readonly #hosts: number[] = [];
  readonly #balancers = new Map<string, Endpoint>();
  #ingress = -1;

  constructor(options: CheckedOptions) {
    this.#options = options;
    this.port = options.port;
    for (let i = 0; i < options.nodes; i++) this.addNode();
    for (let i = 0; i < options.networks; i++) this.addNetwork(`net${i + 1}`, options.encrypted);
    for (let network = 0; network < options.networks; network++) {
      for (let i = 0; i < options.endpoints; i++) this.addEndpoint(network, i % options.nodes);
    }
  }

  /**
   * Adds a node.
   * @param vtep its address. Default: the next one of 192.168.50.0/24 and the subnets after it, or of fd00:50::/64
   */
  addNode(vtep?: Uint8Array): Node {
    const index = this.nodes.length;
    const address = vtep ?? this.#nodeAddress(index);
    const mac = Uint8Array.of(0x52, 0x54, 0x00, 0x32, index >>> 8, index + 1);
    const node = { name: `node${index + 1}`, vtep: address, mac, mtu: this.#options.mtu };
    this.nodes.push(node);
    return node;
  }

  #nodeAddress(index: number): Uint8Array {
    const subnet = 50 + Math.floor(index / NODES_PER_SUBNET);
    const host = 1 + (index % NODES_PER_SUBNET);
    if (!this.#options.underlayIpv6) return Uint8Array.of(192, 168, subnet, host);
    const address = new Uint8Array(16);
    address.set([0xfd, 0, 0, 0x50]);
    address[14] = subnet - 50;
    address[15] = host;
    return address;
  }

  /** Adds a network, with the next VNI. */
  addNetwork(name: string, encrypted: boolean): number {
    const number = name === 'ingress' ? 0 : 1 + this.networks.length - (this.#ingress < 0 ? 0 : 1);
    return this.#addNetwork(name, encrypted, number);
  }

  #addNetwork(name: string, encrypted: boolean, number: number): number {
    const bytes = Uint8Array.of(10, number >>> 8, number, 0);
    const gateway = this.#inner(number, 1);
    const prefix = this.#options.ipv6
      ? { address: this.#inner(number, 0), length: 64 }
      : { address: bytes, length: 24 };
    this.networks.push({
      name,
      vni: INGRESS_VNI + number,
      subnets: [prefix],
      gateways: [gateway],
      encrypted,
      mtu: this.#options.innerMtu ?? this.#fittingMtu(encrypted),
      flood: FloodPolicy.Drop,
      learning: false,
    });
    this.#members.push([]);
    this.#hosts.push(FIRST_HOST);
    return this.networks.length - 1;
  }

  #fittingMtu(encrypted: boolean): number {
    const { mtu, underlayIpv6, profile, innerVlan } = this.#options;
    const icvLength = profile === Profile.Strict ? ICV.strict : ICV.swarm;
    return mtuOf({
      underlayMtu: mtu,
      family: underlayIpv6 ? 6 : 4,
      innerTags: innerVlan === undefined ? 0 : 1,
      ...(encrypted ? { esp: { icvLength } } : {}),
    }).innerMtu;
  }

  /** An address of network `number` (its VNI less 4096). */
  #inner(number: number, host: number): Uint8Array {
    if (!this.#options.ipv6) return Uint8Array.of(10, number >>> 8, number, host);
    const address = new Uint8Array(16);
    address.set([0xfd, 0, 0, 0x10, 0, 0, number >>> 8, number]);
    address[15] = host;
    return address;
  }

  /** The index of the network of published ports, which exists once it is used. */
  get ingress(): number {
    if (this.#ingress < 0) {
      const index = this.addNetwork('ingress', this.#options.encrypted);
      this.#ingress = index;
    }
    return this.#ingress;
  }

  /** An address of a network that no container has: the second host is a service's virtual one. */
  addressIn(network: number, host: number): Uint8Array {
    return this.#inner(this.networks[network].vni - INGRESS_VNI, host);
  }

  /**
   * Adds a container.
   * @param node index of its node
   * @throws GenerateError `BAD_OPTION` if the subnet is full
   */
  addEndpoint(network: number, node: number, name?: string, kind: EndpointKind = EndpointKind.Container): Endpoint {
    const host = this.#hosts[network]++;
    const { name: networkName } = this.networks[network];
    if (host > LAST_HOST) {
      const most = LAST_HOST - FIRST_HOST + 1;
      throw new GenerateError(
        'BAD_OPTION',
        `network ${networkName} has only ${most} addresses, for containers, balancers and faults; ask for fewer`,
      );
    }
    const number = this.networks[network].vni - INGRESS_VNI;
    const members = this.#members[network];
    const endpoint: Endpoint = {
      name: name ?? `${networkName}-web${members.length + 1}`,
      kind,
      network,
      node,
      ip: this.#inner(number, host),
      mac: macOfIpv4(Uint8Array.of(10, number >>> 8, number, host)),
    };
    this.endpoints.push(endpoint);
    if (kind === EndpointKind.Container) members.push(endpoint);
    return endpoint;
  }

  /**
   * The load balancer of a network on a node, or on another one if the network has addresses for no more of them.
   * @param apart a node that it isn't on
   */
  balancer(network: number, node: number, apart: number): Endpoint {
    const key = `${network} ${node}`;
    let found = this.#balancers.get(key);
    if (found === undefined && this.#hosts[network] > LAST_BALANCER) {
      found = this.endpoints.find(
        (one) => one.kind === EndpointKind.Balancer && one.network === network && one.node !== apart,
      );
    }
    if (found === undefined) {
      const { name } = this.networks[network];
      const own = network === this.#ingress ? 'ingress-sbox' : `lb-${name}`;
      found = this.addEndpoint(network, node, `${own}-${this.nodes[node].name}`, EndpointKind.Balancer);
      this.#balancers.set(key, found);
    }
    return found;
  }

  /** Containers of a network. */
  members(network: number): readonly Endpoint[] {
    return this.#members[network];
  }

  /** A vtep config of all this, without keys. */
  config(profile: Profile): string {
    const { nodes, networks, endpoints, port } = this;
    const lines = [profile === Profile.Swarm ? '' : `profile: ${profile}\n`];
    if (port !== VXLAN_PORT) lines.push(`port: ${port}\n`);
    lines.push('nodes:\n');
    for (const { name, vtep, mtu } of nodes) lines.push(`  ${name}: { vtep: '${formatAddress(vtep)}', mtu: ${mtu} }\n`);
    lines.push('networks:\n');
    for (const { name, vni, encrypted, mtu, subnets } of networks) {
      const subnet = subnets.map(({ address, length }) => `${formatAddress(address)}/${length}`).join();
      const secret = encrypted ? ', encrypted: true' : '';
      lines.push(`  ${name}: { vni: ${vni}, subnet: '${subnet}', mtu: ${mtu ?? 0}${secret} }\n`);
    }
    lines.push('endpoints:\n');
    for (const { name, network, node, ip = new Uint8Array(4), mac } of endpoints) {
      const where = `network: ${networks[network].name}, node: ${nodes[node].name}`;
      lines.push(`  ${name}: { ${where}, ip: '${formatAddress(ip)}', mac: '${formatMac(mac)}' }\n`);
    }
    return lines.join('');
  }
}
