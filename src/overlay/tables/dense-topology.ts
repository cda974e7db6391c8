/** Compacts a changed topology. */
import type { KeyRing } from '../keys/key-ring.js';
import type { IndexedTopology, Topology } from '../topology.js';

/** Builds a topology without holes, in index order. */
export function denseTopology(
  { profile, port, nodes, networks, endpoints }: IndexedTopology,
  ring: KeyRing | undefined,
  acceptUnknownVteps: boolean,
): Topology {
  const nodeAt = densePositions(nodes);
  const networkAt = densePositions(networks);
  return {
    profile,
    port,
    nodes: nodes.filter((node) => node !== undefined),
    networks: networks.filter((network) => network !== undefined),
    endpoints: endpoints.flatMap((endpoint) =>
      endpoint === undefined
        ? []
        : [{ ...endpoint, network: networkAt[endpoint.network], node: nodeAt[endpoint.node] }],
    ),
    ring,
    acceptUnknownVteps,
  };
}

/** Maps each index to its position in the compacted list. */
function densePositions(list: readonly unknown[]): Int32Array {
  let next = 0;
  return Int32Array.from(list, (item) => (item === undefined ? -1 : next++));
}
