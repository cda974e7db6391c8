/** The published ports of a node: which of its services' ports lead where. */
import { portName, type PortProtocol, type PublishedPort, PublishMode, type ServiceSet } from '../../overlay/index.js';

/** A port in ingress mode: it leads to the ingress load balancer, on every node. */
export interface IngressMapping {
  readonly protocol: PortProtocol;
  readonly published: number;
}

/** A port in host mode: it leads to one task of this node. */
export interface HostMapping extends IngressMapping {
  readonly target: number;
  /** Name of the task's endpoint on its network, and the network's. */
  readonly endpoint: string;
  readonly network: string;
}

/** The ports in ingress mode of all services, without duplicates. Dynamic ports without a number are left out. */
export function ingressMappings({ networks, records }: ServiceSet): readonly IngressMapping[] {
  const ingress = new Set(networks.filter((network) => network.ingress).map(({ name }) => name));
  const mappings = new Map<string, IngressMapping>();
  const seen = new Set<readonly PublishedPort[]>();
  for (const { network, service } of records) {
    const ports = service?.ports ?? [];
    if (!ingress.has(network) || seen.has(ports)) continue;
    seen.add(ports);
    for (const { protocol, published, mode } of ports) {
      if (mode !== PublishMode.Ingress || published === 0) continue;
      mappings.set(portName({ published, protocol }), { protocol, published });
    }
  }
  return [...mappings.values()];
}

/** The ports in host mode of a node's tasks. Of two tasks with one port, the first has it, as with Docker's scheduler. */
export function hostMappings({ records }: ServiceSet, node: string): readonly HostMapping[] {
  const mappings = new Map<string, HostMapping>();
  for (const { network, endpoint, node: other, service } of records) {
    if (other !== node) continue;
    for (const { protocol, published, target, mode } of service?.ports ?? []) {
      const key = portName({ published, protocol });
      if (mode !== PublishMode.Host || published === 0 || mappings.has(key)) continue;
      mappings.set(key, { protocol, published, target, endpoint, network });
    }
  }
  return [...mappings.values()];
}
