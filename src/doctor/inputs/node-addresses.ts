/** Which addresses on the underlay are a node's own. */
import { parseIp, type Prefix, prefixContains } from '../../overlay/index.js';
import type { Link, XfrmPolicy, XfrmSa } from '../evidence/kernel.js';
import { mergedSas } from './merged-sas.js';
import type { NodeFacts } from './node-facts.js';

/** Devices whose addresses are the same on every node, or belong to containers. */
const LOCAL_DEVICE = /^(?:lo|docker0|docker_gwbridge|br-[0-9a-f]{12}|veth.*|virbr\d+|cni\d+)$/;
const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
/** Docker keeps three inbound SAs for each outbound one; a paste may lack one of them. */
const LEAST_SURPLUS = 2;
/** Maximum number of addresses of a node that are listed. */
const MAX_ADDRESSES = 64;

/**
 * The addresses of a node: those that its configuration, status or engine names, else those that its SAs, policies and
 * vxlan devices use, and then those of its devices.
 */
export function addressesOf(facts: NodeFacts): string[] {
  const found = new Set(ownAddressesOf(facts));
  const overlay = new OverlayParts(facts);
  for (const link of facts.list('links')) {
    if (link.place.namespace !== undefined || LOCAL_DEVICE.test(link.name) || overlay.hasBridge(link)) continue;
    for (const address of deviceAddresses(link)) if (!overlay.hasAddress(address)) found.add(address);
  }
  for (const address of UNSPECIFIED) found.delete(address);
  return [...found].slice(0, MAX_ADDRESSES);
}

/** The addresses that can't be those of a container: what addresses of devices may be. */
export function ownAddressesOf(facts: NodeFacts): string[] {
  const found = new Set(facts.ownAddresses);
  for (const { nodeAddress } of facts.list('engines')) if (nodeAddress !== '') found.add(nodeAddress);
  for (const address of tunnelAddresses(facts)) found.add(address);
  for (const address of UNSPECIFIED) found.delete(address);
  return [...found];
}

/** What belongs to overlay networks, and so isn't on the underlay, though nothing names a namespace. */
class OverlayParts {
  readonly #bridges: ReadonlySet<string>;
  readonly #subnets: readonly Prefix[];

  constructor(facts: NodeFacts) {
    const devices = facts.list('links').filter(({ vxlan, master }) => vxlan !== undefined && master !== '');
    this.#bridges = new Set(devices.map(({ place, master }) => `${place.file} ${master}`));
    const ofNetworks = facts.list('networks').flatMap(({ subnets }) => subnets);
    // Containers have addresses of Docker's own bridges, too.
    const ofBridges = facts.list('links').flatMap(({ name, addresses }) => (LOCAL_DEVICE.test(name) ? addresses : []));
    this.#subnets = [...new Set([...ofNetworks, ...ofBridges])].flatMap((text) => prefixOf(text) ?? []);
  }

  /** Whether a device is the bridge of a network. */
  hasBridge({ place, name }: Link): boolean {
    return this.#bridges.has(`${place.file} ${name}`);
  }

  /** Whether an address is one of a container or of a network's gateway. */
  hasAddress(address: string): boolean {
    if (this.#subnets.length === 0) return false;
    const bytes = parseIp(address);
    return this.#subnets.some((subnet) => prefixContains(subnet, bytes));
  }
}

/** The subnet of an address with its prefix length; undefined if it has none. */
function prefixOf(text: string): Prefix | undefined {
  const [host, bits] = text.split('/') as [string, string | undefined];
  if (bits === undefined) return undefined;
  const length = Number(bits);
  const masked = parseIp(host).map((byte, i) => byte & (0xff << (8 - Math.min(8, Math.max(0, length - 8 * i)))));
  return { address: masked, length };
}

/** A device's addresses, without link-local ones. */
function deviceAddresses({ addresses }: Link): string[] {
  return addresses
    .map((address) => address.split('/', 1)[0])
    .filter((address) => !/^(?:127\.|169\.254\.|fe[89ab])/i.test(address) && address !== '::1');
}

/** The ends of tunnels that are on this node. */
function tunnelAddresses(facts: NodeFacts): Set<string> {
  const found = new Set<string>();
  for (const { vxlan } of facts.list('links')) if (vxlan !== undefined && vxlan.local !== '') found.add(vxlan.local);
  for (const policy of facts.list('policies')) {
    const address = hostOf(policy);
    if (address !== undefined) found.add(address);
  }
  if (found.size === 0) {
    const address = endOfSas(mergedSas(facts.list('sas')));
    if (address !== undefined) found.add(address);
  }
  return found;
}

/** The address of this node in a policy of Docker, for packets from it to a peer. */
function hostOf({ direction, source, destination, destinationPort }: XfrmPolicy): string | undefined {
  if (direction !== 'out' || destinationPort === undefined) return undefined;
  const hosts = [source, destination].map((prefix) => /^([^/]+)\/(?:32|128)$/.exec(prefix)?.[1]);
  return hosts[1] === undefined ? undefined : hosts[0];
}

/**
 * The end of SAs that is on this node: it sent with those from it, and received with those to it. Without a packet, the
 * address that all SAs have in common; and with a single peer, the one with more inbound SAs, as Docker keeps three
 * inbound ones for each outbound one.
 */
function endOfSas(sas: readonly XfrmSa[]): string | undefined {
  const proven = new Set<string>();
  const ends = new Map<string, { total: number; inbound: number }>();
  const count = (address: string, inbound: number): void => {
    const end = ends.get(address) ?? { total: 0, inbound: 0 };
    ends.set(address, { total: end.total + 1, inbound: end.inbound + inbound });
  };
  let named = 0;
  for (const { spi, source, destination, sent, received } of sas) {
    if (spi === 0 || UNSPECIFIED.has(source) || UNSPECIFIED.has(destination)) continue;
    named++;
    if (sent > 0 && received <= 0) proven.add(source);
    if (received > 0 && sent <= 0) proven.add(destination);
    count(source, 0);
    count(destination, 1);
  }
  if (proven.size > 0) return proven.size === 1 ? [...proven][0] : undefined;
  const common = [...ends].filter(([, { total }]) => total === named);
  if (common.length === 1) return common[0][0];
  if (common.length !== 2) return undefined;
  const [one, other] = common;
  const surplus = one[1].inbound - other[1].inbound;
  if (Math.abs(surplus) < LEAST_SURPLUS) return undefined;
  return surplus > 0 ? one[0] : other[0];
}
