/** A node configured like Docker's, with the kernel's vxlan driver. */
import { type NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';

/** Docker's device names in an overlay's namespace and in a container. */
export const VXLAN_DEVICE = 'vxlan0';
export const BRIDGE_DEVICE = 'br0';
export const CONTAINER_DEVICE = 'eth0';

/** The network of the recordings. */
export const VNI = 4097;
export const GATEWAY = '10.0.9.1/24';
/** MTU of a container over an underlay of 1500 bytes. */
export const OVERLAY_MTU = 1450;
export const DATA_PATH_PORT = 4789;

/** The MAC that Docker gives a container of an IPv4 address. */
export function dockerMac(ipv4: string): string {
  return ['02', '42', ...ipv4.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':');
}

/** A container on another node. */
export interface RemoteEndpoint {
  readonly ip: string;
  readonly ipv6?: string;
  readonly mac: string;
  /** The address of its node. */
  readonly vtep: string;
}

/** Settings of a container besides its IPv4 address. */
export interface ContainerOptions {
  /** Default: as Docker derives it. */
  readonly mac?: string;
  readonly ipv6?: string;
}

/** Settings of a node's overlay. Defaults: as Docker does for its first network. */
export interface KernelVtepOptions {
  readonly vni?: number;
  /** The bridge's address with its prefix length. */
  readonly gateway?: string;
  /** MTU of the vxlan device, the bridge and the containers' devices. */
  readonly mtu?: number;
  readonly port?: number;
  /** The family of the nodes' addresses. */
  readonly family?: 4 | 6;
  /**
   * Whether the vxlan device segments and coalesces (GSO, GRO). Without it, packets are handled one by one, as in a
   * VTEP outside the kernel.
   */
  readonly offloads?: boolean;
}

/** An overlay's namespace on a node: a bridge, a vxlan device whose socket is in the node's namespace, and containers. */
export class KernelVtep {
  /** The namespace of the bridge and the vxlan device. */
  readonly overlay: NetworkNamespace;
  readonly #bench: NamespaceBench;
  readonly #mtu: number;
  #containers = 0;

  /**
   * Sets up an overlay on a node.
   *
   * @param name name of the overlay's namespace in the bench
   */
  constructor(bench: NamespaceBench, node: NetworkNamespace, name: string, options: KernelVtepOptions = {}) {
    const { vni = VNI, gateway = GATEWAY, port = DATA_PATH_PORT, family = 4 } = options;
    const { mtu = OVERLAY_MTU, offloads = true } = options;
    this.overlay = bench.namespace(name);
    this.#bench = bench;
    this.#mtu = mtu;
    this.overlay.ip(`link add ${BRIDGE_DEVICE} type bridge vlan_default_pvid 0`);
    this.overlay.configure({ device: BRIDGE_DEVICE, addresses: [gateway], mtu });
    // Created on the node and moved, so that its socket stays in the node's namespace. As in Docker, group :: selects IPv6.
    const family6 = family === 6 ? ' remote ::' : '';
    node.ip(`link add ${VXLAN_DEVICE} type vxlan id ${vni}${family6} dstport ${port} learning proxy l2miss l3miss`);
    node.ip(`link set ${VXLAN_DEVICE} netns ${this.overlay.name}`);
    this.#join(VXLAN_DEVICE);
    // IPv6 neighbours need IPv6 enabled; without an address, the device stays silent.
    this.overlay.ip(`link set ${VXLAN_DEVICE} addrgenmode none`);
    this.overlay.write(`/proc/sys/net/ipv6/conf/${VXLAN_DEVICE}/disable_ipv6`, '0');
    // On the containers' devices, this would change TCP's behaviour and make it slower than the wire.
    if (!offloads) this.overlay.ip(`link set ${VXLAN_DEVICE} gso_max_segs 1 gro_max_size 1`);
  }

  /** Creates a container with a device in the overlay, and returns its namespace. */
  attach(name: string, ip: string, { mac = dockerMac(ip), ipv6 }: ContainerOptions = {}): NetworkNamespace {
    const container = this.#bench.namespace(name);
    const device = `veth${this.#containers++}`;
    const addresses = [`${ip}/24`, ...(ipv6 === undefined ? [] : [`${ipv6}/64`])];
    const inside = { device: CONTAINER_DEVICE, mac, addresses, mtu: this.#mtu };
    this.#bench.link(container, inside, this.overlay, { device, mtu: this.#mtu });
    this.#join(device);
    return container;
  }

  /** Adds a container on another node like Docker, with permanent entries. */
  add({ ip, ipv6, mac, vtep }: RemoteEndpoint): void {
    this.overlay.bridge(`fdb add ${mac} dev ${VXLAN_DEVICE} dst ${vtep} self permanent`);
    for (const address of ipv6 === undefined ? [ip] : [ip, ipv6]) {
      this.overlay.ip(`neighbour add ${address} lladdr ${mac} dev ${VXLAN_DEVICE} nud permanent`);
    }
  }

  /** Removes a container on another node. */
  remove({ ip, ipv6, mac, vtep }: RemoteEndpoint): void {
    this.overlay.bridge(`fdb delete ${mac} dev ${VXLAN_DEVICE} dst ${vtep} self`);
    for (const address of ipv6 === undefined ? [ip] : [ip, ipv6]) {
      this.overlay.ip(`neighbour delete ${address} dev ${VXLAN_DEVICE}`);
    }
  }

  #join(device: string): void {
    this.overlay.ip(`link set ${device} mtu ${this.#mtu} master ${BRIDGE_DEVICE} up`);
  }
}
