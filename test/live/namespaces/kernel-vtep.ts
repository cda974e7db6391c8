/** A node as Docker sets it up, with the kernel's own vxlan driver. */
import { type NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';

/** What Docker calls the devices of an overlay's namespace, and those of a container. */
export const VXLAN_DEVICE = 'vxlan0';
export const BRIDGE_DEVICE = 'br0';
export const CONTAINER_DEVICE = 'eth0';

/** The network that the recordings have, too. */
export const VNI = 4097;
export const GATEWAY = '10.0.9.1/24';
/** What fits in a container's frame over an underlay of 1500 bytes. */
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

/** What a container has beside its IPv4 address. */
export interface ContainerOptions {
  /** As Docker would make it, if it isn't said. */
  readonly mac?: string;
  readonly ipv6?: string;
}

/** How a node's overlay is set up. What isn't said is as Docker does it for its first network. */
export interface KernelVtepOptions {
  readonly vni?: number;
  /** The bridge's address with its prefix length. */
  readonly gateway?: string;
  /** Bytes, of the vxlan device, the bridge and the containers' devices. */
  readonly mtu?: number;
  readonly port?: number;
  /** The family of the nodes' addresses. */
  readonly family?: 4 | 6;
  /**
   * Whether the vxlan device takes many segments of a container as one, and hands many up as one. Without, every packet
   * makes its way by itself, as it does through a VTEP that is no part of the kernel.
   */
  readonly offloads?: boolean;
}

/** An overlay's namespace on a node: a bridge, a vxlan device whose socket is the node's, and containers. */
export class KernelVtep {
  /** Where bridge and vxlan device are. */
  readonly overlay: NetworkNamespace;
  readonly #bench: NamespaceBench;
  readonly #mtu: number;
  #containers = 0;

  /**
   * Sets up an overlay on a node.
   *
   * @param name of the overlay's namespace, as the bench shall know it
   */
  constructor(bench: NamespaceBench, node: NetworkNamespace, name: string, options: KernelVtepOptions = {}) {
    const { vni = VNI, gateway = GATEWAY, port = DATA_PATH_PORT, family = 4 } = options;
    const { mtu = OVERLAY_MTU, offloads = true } = options;
    this.overlay = bench.namespace(name);
    this.#bench = bench;
    this.#mtu = mtu;
    this.overlay.ip(`link add ${BRIDGE_DEVICE} type bridge vlan_default_pvid 0`);
    this.overlay.configure({ device: BRIDGE_DEVICE, addresses: [gateway], mtu });
    // Made on the node and moved, so that its socket stays the node's. A group of :: is how Docker says IPv6.
    const family6 = family === 6 ? ' remote ::' : '';
    node.ip(`link add ${VXLAN_DEVICE} type vxlan id ${vni}${family6} dstport ${port} learning proxy l2miss l3miss`);
    node.ip(`link set ${VXLAN_DEVICE} netns ${this.overlay.name}`);
    this.#join(VXLAN_DEVICE);
    // Neighbours of IPv6 are kept only where it is on; without an address of its own the device stays silent.
    this.overlay.ip(`link set ${VXLAN_DEVICE} addrgenmode none`);
    this.overlay.write(`/proc/sys/net/ipv6/conf/${VXLAN_DEVICE}/disable_ipv6`, '0');
    // Said of the containers' devices it would change how TCP sends, and make it slower than the wire.
    if (!offloads) this.overlay.ip(`link set ${VXLAN_DEVICE} gso_max_segs 1 gro_max_size 1`);
  }

  /** Makes a container with a device in the overlay, and gives its namespace. */
  attach(name: string, ip: string, { mac = dockerMac(ip), ipv6 }: ContainerOptions = {}): NetworkNamespace {
    const container = this.#bench.namespace(name);
    const device = `veth${this.#containers++}`;
    const addresses = [`${ip}/24`, ...(ipv6 === undefined ? [] : [`${ipv6}/64`])];
    const inside = { device: CONTAINER_DEVICE, mac, addresses, mtu: this.#mtu };
    this.#bench.link(container, inside, this.overlay, { device, mtu: this.#mtu });
    this.#join(device);
    return container;
  }

  /** Tells the node of a container on another one, as Docker does: both entries stay for ever. */
  add({ ip, ipv6, mac, vtep }: RemoteEndpoint): void {
    this.overlay.bridge(`fdb add ${mac} dev ${VXLAN_DEVICE} dst ${vtep} self permanent`);
    for (const address of ipv6 === undefined ? [ip] : [ip, ipv6]) {
      this.overlay.ip(`neighbour add ${address} lladdr ${mac} dev ${VXLAN_DEVICE} nud permanent`);
    }
  }

  /** Makes the node forget a container on another one. */
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
