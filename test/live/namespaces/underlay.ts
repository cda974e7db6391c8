/** The wire between two nodes. */
import { type NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';

/** What nodes call the device of the underlay. */
export const UNDERLAY_DEVICE = 'u0';

/** A node and where others reach it. */
export interface UnderlayNode {
  readonly namespace: NetworkNamespace;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** What the wire is like. */
export interface UnderlayOptions {
  /** Bytes. */
  readonly mtu?: number;
  /**
   * Whether the kernel leaves to the wire what a network card would do: then a socket of the other node gets containers'
   * packets whose TCP and UDP checksums nobody has made, and many segments as one packet. A VTEP that is no part of the
   * kernel needs a wire without.
   */
  readonly offloads?: boolean;
}

/**
 * Makes two nodes, n1 and n2, with a wire between them: 192.168.50.1 and .2, fd50::1 and ::2.
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
  // A new link hears no neighbour solicitation for up to a second, and the next comes a second later.
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
