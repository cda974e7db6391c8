/** A program that connects containers of two hosts. */
import { CONTAINER_DEVICE, dockerMac } from '../../../test/live/namespaces/kernel-vtep.js';
import type { NamespaceProcess } from '../../../test/live/namespaces/namespace-process.js';
import type { NetworkNamespace } from '../../../test/live/namespaces/network-namespace.js';
import { CONTAINER_IPS, type NodeIndex, otherNode, type Overlay, type Place, type Setup } from '../setup.js';

/** An overlay by another program. */
export interface LivePeer extends Overlay {
  readonly name: string;
  /** How it is used: mode, cipher. */
  readonly what: string;
}

/** Runs `build` for the client's node and then the server's. */
export async function onBothNodes<T>(build: (node: NodeIndex) => T | Promise<T>): Promise<[T, T]> {
  return [await build(1), await build(2)];
}

/** Moves a node's device into a container, and configures it there as its `eth0`. */
export function giveToContainer(
  { bench, nodes }: Place,
  node: NodeIndex,
  device: string,
  mtu: number,
): NetworkNamespace {
  const container = bench.namespace(`c${node}`);
  nodes[node - 1].namespace.ip(`link set ${device} netns ${container.name}`);
  container.ip(`link set ${device} name ${CONTAINER_DEVICE}`);
  configureContainer(container, node, mtu);
  return container;
}

/** Configures a container's `eth0`, with a permanent entry for the other container. */
export function configureContainer(container: NetworkNamespace, node: NodeIndex, mtu: number): void {
  const ip = CONTAINER_IPS[node];
  const other = CONTAINER_IPS[otherNode(node)];
  const device = CONTAINER_DEVICE;
  container.configure({ device, mac: dockerMac(ip), addresses: [`${ip}/24`], mtu });
  container.ip(`neighbour replace ${other} lladdr ${dockerMac(other)} dev ${device} nud permanent`);
}

/** The overlay between two containers. */
export function betweenContainers(
  [client, server]: readonly [NetworkNamespace, NetworkNamespace],
  processes: readonly NamespaceProcess[],
): Setup {
  return { client, server, clientAddress: CONTAINER_IPS[1], serverAddress: CONTAINER_IPS[2], processes };
}
