/** The kernel's vxlan device on a node, configured like Docker's. */
import { dockerMac, KernelVtep } from '../../test/live/namespaces/kernel-vtep.js';
import { CONTAINER_IPS, type End, type NodeIndex, otherNode, type Place } from './setup.js';

/** Builds a bridge, a vxlan device and a container on a node. */
export function kernelEnd({ bench, nodes }: Place, node: NodeIndex): End {
  const other = otherNode(node);
  const vtep = new KernelVtep(bench, nodes[node - 1].namespace, `k${node}`);
  const ip = CONTAINER_IPS[other];
  vtep.add({ ip, mac: dockerMac(ip), vtep: nodes[other - 1].ipv4 });
  return { container: vtep.attach(`c${node}`, CONTAINER_IPS[node]) };
}
