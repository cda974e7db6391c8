/** The device that a node's tunnels use. */
import type { Link } from '../evidence/kernel.js';
import type { NodeEvidence } from '../evidence/evidence.js';
import { isIpv6, withoutLength } from './addresses.js';
import { ownAddresses, tunnelAddresses } from './nodes.js';

/** The underlay as a node sees it. */
export interface Underlay {
  readonly link: Link;
  readonly family: 4 | 6;
  /** Whether the device has the node's address; otherwise it is the only one that it can be. */
  readonly isCertain: boolean;
}

/** Kinds of devices that tunnels don't leave a node by. */
const INNER: ReadonlySet<string> = new Set(['vxlan', 'bridge', 'veth', 'dummy', 'ifb', 'nlmon']);
const HOST_BRIDGES: ReadonlySet<string> = new Set(['docker0', 'docker_gwbridge']);
const INNER_NAME = /^(lo|docker\d{0,3}|docker_gwbridge|br-[0-9a-f]{12}|veth.*|vxlan\d+|vx-.*|cni\d+|flannel.*)$/;

/** Finds the underlay's device. Undefined if several could be it. */
export function underlayOf(node: NodeEvidence): Underlay | undefined {
  // A network's namespace and containers have devices of their own.
  const links = node.links.filter(({ place }) => place.namespace === undefined);
  for (const address of tunnelAddresses(node)) {
    const link = deviceWith(links, address);
    if (link !== undefined) return { link, family: isIpv6(address) ? 6 : 4, isCertain: true };
  }
  const address = [...ownAddresses(node)].at(0);
  const family = address !== undefined && isIpv6(address) ? 6 : 4;
  // Docker's bridges show that it is the host's list, and not a container's, whose eth0 looks the same.
  const host = links.find(({ name }) => HOST_BRIDGES.has(name));
  if (host === undefined) return undefined;
  const outer = links.filter(
    ({ kind, name, up, mtu, place }) =>
      up && mtu > 0 && place.file === host.place.file && !INNER.has(kind) && !INNER_NAME.test(name),
  );
  return outer.length === 1 ? { link: outer[0], family, isCertain: false } : undefined;
}

/** The device with an address. Some outputs have the addresses and not the MTU, which is 0 then. */
function deviceWith(links: readonly Link[], address: string): Link | undefined {
  const named = links.find(({ addresses }) => addresses.some((one) => withoutLength(one) === address));
  return named === undefined ? undefined : links.find(({ name, mtu }) => name === named.name && mtu > 0);
}
