/** Devices that several outputs show, and the VNIs of rows that name only a device. */
import type { Link } from '../evidence/kernel.js';
import type { Place } from '../evidence/place.js';

/**
 * One entry for each device: `ip link` and `ip addr` show different parts of it. Devices of the same name in different
 * namespaces have different MACs.
 */
export function mergedLinks(links: readonly Link[]): Link[] {
  const merged = new Map<string, Link>();
  const byName = new Map<string, Set<string>>();
  for (const link of links) {
    if (link.mtu === 0) continue;
    const name = nameOf(link);
    const key = `${name} ${link.mac}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? link : mergedLink(known, link));
    const keys = byName.get(name) ?? new Set();
    byName.set(name, keys.add(key));
  }
  for (const link of links) {
    if (link.mtu > 0) continue;
    // What only `ip -o addr` or `ip -br addr` shows has no MTU, and often no MAC.
    const name = nameOf(link);
    const keys = byName.get(name) ?? new Set();
    const [only] = keys;
    // Devices of two namespaces that nothing names have different MACs.
    const isSame = keys.size === 1 && (link.mac === '' || [link.mac, ''].includes(merged.get(only)?.mac ?? ''));
    const key = isSame ? only : `${name} ${link.mac}`;
    const known = merged.get(key);
    merged.set(key, known === undefined ? link : mergedLink(known, link));
    byName.set(name, keys.add(key));
  }
  return [...merged.values()];
}

function nameOf({ place, name }: Link): string {
  return `${place.namespace ?? ''} ${name}`;
}

function mergedLink(one: Link, other: Link): Link {
  return {
    ...one,
    kind: one.kind || other.kind,
    mac: one.mac || other.mac,
    master: one.master || other.master,
    vxlan: one.vxlan ?? other.vxlan,
    addresses: [...new Set([...one.addresses, ...other.addresses])],
    counters: one.counters ?? other.counters,
  };
}

/** The VNIs of a node's vxlan devices: Docker gives each network's device the same name, in a namespace of its own. */
export class DeviceVnis {
  /** By namespace and name, in the order of the outputs. */
  readonly #devices = new Map<string, { readonly place: Place; readonly vni: number }[]>();

  constructor(links: readonly Link[]) {
    for (const link of links) {
      const vni = link.vxlan?.vni ?? 0;
      if (vni === 0) continue;
      const devices = this.#devices.get(nameOf(link)) ?? [];
      this.#devices.set(nameOf(link), devices);
      devices.push({ place: link.place, vni });
    }
  }

  /**
   * The VNI of a row's device. If the namespace is unknown and several devices have the name, it is the last one that the
   * same file shows before the row.
   * @returns undefined if it is unknown
   */
  of({ file, namespace, line = 0 }: Place, device: string): number | undefined {
    const devices = this.#devices.get(`${namespace ?? ''} ${device}`) ?? [];
    const own = devices.filter(({ place }) => place.file === file);
    const candidates = own.length > 0 ? own : devices;
    if (new Set(candidates.map(({ vni }) => vni)).size <= 1) return candidates.at(0)?.vni;
    return own.findLast(({ place }) => (place.line ?? 0) < line)?.vni;
  }
}
