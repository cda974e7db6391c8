/** The wire between two nodes. */
import { type NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';

/** The name of the underlay's device on the nodes. */
export const UNDERLAY_DEVICE = 'u0';

/** A node and its addresses. */
export interface UnderlayNode {
  readonly namespace: NetworkNamespace;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Properties of the wire. */
export interface UnderlayOptions {
  /** Bytes. */
  readonly mtu?: number;
  /**
   * Whether the wire has offloads: the other node's sockets then get containers' packets with unfinished TCP and UDP
   * checksums, and many segments as one packet, which no real wire carries.
   */
  readonly offloads?: boolean;
}

/**
 * Creates two nodes, n1 and n2, with a wire between them: 192.168.50.1 and .2, fd50::1 and ::2.
 */
export function underlay(
  bench: NamespaceBench,
  { mtu = 1500, offloads = true }: UnderlayOptions = {},
): [UnderlayNode, UnderlayNode] {
  const nodes = ([1, 2] as const).map((i) => ({
    namespace: bench.namespace(`n${i}`),
    ipv4: `192.168.50.${i}`,
    ipv6: `fd50::${i}`,
    end: {
      device: UNDERLAY_DEVICE,
      mac: `02:00:00:00:50:0${i}`,
      mtu,
      addresses: [`192.168.50.${i}/24`, `fd50::${i}/64`],
    },
  }));
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  bench.link(a.namespace, a.end, b.namespace, b.end);
  // A new link misses neighbour solicitations for up to a second, and the next follows a second later.
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.namespace.ip(`neighbour add ${to.ipv6} lladdr ${to.end.mac} dev ${UNDERLAY_DEVICE} nud permanent`);
  }
  if (!offloads) {
    for (const { namespace } of nodes) {
      namespace.call([
        'ethtool',
        '-K',
        UNDERLAY_DEVICE,
        ...['tx', 'tso', 'gso', 'gro'].flatMap((what) => [what, 'off']),
      ]);
    }
  }
  return [a, b];
}
