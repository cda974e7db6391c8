/** The tables of vxlan devices: which rows of `bridge fdb` and `ip neigh` are theirs. */
import type { NodeEvidence } from '../evidence/evidence.js';
import type { FdbRow, NeighbourRow } from '../evidence/kernel.js';

/** Docker's names: `vxlan0` in the network's namespace, `vx-001001-abcde` before it is moved there. */
const DOCKER_NAME = /^(vxlan\d{1,6}|vx-[0-9a-f]{6}-\w{1,5})$/;

/** Whether a vxlan device is Docker's, by its name. */
export function isDockerDevice(name: string): boolean {
  return DOCKER_NAME.test(name);
}

/** Whether a device is a vxlan device. The empty name, of outputs for one device, may be one. */
export function isTunnelDevice(node: NodeEvidence, device: string): boolean {
  if (device === '' || DOCKER_NAME.test(device)) return true;
  return (
    node.links.some(({ name, vxlan }) => name === device && vxlan !== undefined) ||
    node.fdb.some((row) => row.device === device && row.destination !== '')
  );
}

/** Whether a MAC is that of a single endpoint: neither a group address nor zero, which is for flooding. */
export function isUnicast(mac: string): boolean {
  const first = Number.parseInt(mac.slice(0, 2), 16);
  return !Number.isNaN(first) && (first & 1) === 0 && mac !== '00:00:00:00:00:00';
}

/** Rows that map an endpoint's MAC to a VTEP. */
export function forwardingRows({ fdb }: NodeEvidence): readonly FdbRow[] {
  return fdb.filter(({ destination, mac }) => destination !== '' && isUnicast(mac));
}

/** Permanent neighbours on vxlan devices: those that Docker, and not the kernel, entered. */
export function remoteNeighbours(node: NodeEvidence): readonly NeighbourRow[] {
  return node.neighbours.filter(
    ({ state, mac, device }) => state === 'PERMANENT' && isUnicast(mac) && isTunnelDevice(node, device),
  );
}

/**
 * Tells whether a device's neighbours and forwarding entries are of the same namespace, so that one can be missed in the
 * other. A node has a namespace for each network, and every one has a device of the same name: without the namespaces'
 * names, a MAC that is in both tables shows that they belong together.
 */
export function comparableTables(node: NodeEvidence): (row: FdbRow | NeighbourRow) => boolean {
  const neighbours = remoteNeighbours(node);
  const known = new Map<string, boolean>();
  return ({ device, place: { namespace } }) => {
    const key = `${namespace ?? ''}\n${device}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const isSame = (row: FdbRow | NeighbourRow): boolean =>
      row.place.namespace === namespace && (row.device === device || row.device === '' || device === '');
    const macs = new Set(node.fdb.filter(isSame).map(({ mac }) => mac));
    const own = neighbours.filter(isSame);
    // Inputs whose node is unknown may be of two nodes.
    const isNamed = namespace !== undefined && node.name !== '';
    const isComparable = macs.size > 0 && own.length > 0 && (isNamed || own.some(({ mac }) => macs.has(mac)));
    known.set(key, isComparable);
    return isComparable;
  };
}
