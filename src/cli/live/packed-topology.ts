/** A topology in a form that can be transferred to another thread: all addresses in one buffer, each key in its own. */
import { secretCopy } from '../../memory/internal.js';
import { ClusterKey, type Endpoint, KeyRing, type Node, type Topology } from '../../overlay/index.js';

/** A topology that can be posted with its buffers transferred (`buffersOf`). */
export interface PackedTopology {
  readonly topology: Omit<Topology, 'ring'>;
  /** Keys of the ring; empty without a ring. */
  readonly keys: readonly { readonly tag: number; readonly bytes: Uint8Array }[];
}

/** The buffers of a packed topology. Transfer them, so that no copy of the keys stays behind. */
export function buffersOf({ topology: { nodes }, keys }: PackedTopology): ArrayBuffer[] {
  const addresses = nodes.length > 0 ? [nodes[0].vtep.buffer as ArrayBuffer] : [];
  return [...addresses, ...keys.map(({ bytes }) => bytes.buffer as ArrayBuffer)];
}

/** Packs a topology. Its ring may be wiped afterwards. */
export function packTopology({ ring, ...topology }: Topology): PackedTopology {
  const lengthOf = (all: readonly (Uint8Array | undefined)[]): number =>
    all.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
  const { nodes, endpoints } = topology;
  const length =
    lengthOf(nodes.flatMap(({ vtep, mac }) => [vtep, mac])) + lengthOf(endpoints.flatMap(({ mac, ip }) => [mac, ip]));
  const all = new Uint8Array(length);
  let end = 0;
  const moved = (bytes: Uint8Array): Uint8Array => {
    all.set(bytes, end);
    end += bytes.length;
    return all.subarray(end - bytes.length, end);
  };
  const keys = ring?.keys.map((key) => ({
    tag: key.tag,
    bytes: key.use(secretCopy),
  }));
  return {
    topology: {
      ...topology,
      nodes: nodes.map((node): Node => ({ ...node, vtep: moved(node.vtep), mac: node.mac && moved(node.mac) })),
      endpoints: endpoints.map((endpoint): Endpoint => {
        return { ...endpoint, mac: moved(endpoint.mac), ip: endpoint.ip && moved(endpoint.ip) };
      }),
    },
    keys: keys ?? [],
  };
}

/** Unpacks a topology, and wipes the packed keys. */
export function unpackTopology({ topology, keys }: PackedTopology): Topology {
  const ring = keys.length === 0 ? undefined : new KeyRing(keys.map(({ tag, bytes }) => new ClusterKey(tag, bytes)));
  for (const { bytes } of keys) bytes.fill(0);
  return { ...topology, ring };
}
