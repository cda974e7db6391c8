/** A topology that changed, with its holes closed. */
import type { KeyRing } from '../keys/key-ring.js';
import type { IndexedTopology, Topology } from '../topology.js';

/** Makes a topology of what there is, in the order of the indexes. */
export function denseTopology(
  { profile, port, nodes, networks, endpoints }: IndexedTopology,
  ring: KeyRing | undefined,
  acceptUnknownVteps: boolean,
): Topology {
  const nodeAt = placesOf(nodes);
  const networkAt = placesOf(networks);
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

/** By index: the place in a list without holes. */
function placesOf(list: readonly unknown[]): Int32Array {
  let next = 0;
  return Int32Array.from(list, (item) => (item === undefined ? -1 : next++));
}
