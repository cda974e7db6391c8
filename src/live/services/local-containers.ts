/** The containers of a node: its endpoints by network namespace. */
import { type Endpoint, EndpointKind, type Topology } from '../../overlay/index.js';

/** A network namespace with endpoints of this node. */
export interface LocalContainer {
  /** An `ip netns` name or a path. */
  readonly netns: string;
  readonly endpoints: readonly Endpoint[];
  /** Names of its networks, without duplicates. */
  readonly networks: readonly string[];
}

/** The containers of a node that have a namespace of their own, in the order of their endpoints. */
export function localContainers({ nodes, networks, endpoints }: Topology, node: string): LocalContainer[] {
  const here = nodes.findIndex(({ name }) => name === node);
  const byNamespace = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    if (endpoint.node !== here || endpoint.netns === undefined || endpoint.kind === EndpointKind.Balancer) continue;
    const own = byNamespace.get(endpoint.netns);
    if (own === undefined) byNamespace.set(endpoint.netns, [endpoint]);
    else own.push(endpoint);
  }
  return Array.from(byNamespace, ([netns, own]) => ({
    netns,
    endpoints: own,
    networks: [...new Set(own.map(({ network }) => networks[network].name))],
  }));
}
