/** The nodes and networks of a config. */
import { parseMac } from '../wire/index.js';
import type { ParsedConfig } from './config-schema.js';
import type { SwarmPlan } from './ipam/swarm-plan.js';
import type { Locations } from './locations.js';
import {
  comparePrefixes,
  formatAddress,
  formatPrefix,
  parseIp,
  parsePrefix,
  type Prefix,
  prefixContains,
  prefixesOverlap,
} from './prefix.js';
import { listOf } from './schema.js';
import type { DriverOptions } from './services/driver-options.js';
import { readNetworkOptions } from './services/read-swarm.js';
import { FloodPolicy, type Network, type Node } from './topology.js';

/** RFC 8200 section 5. */
const MIN_IPV6_MTU = 1280;

/** A network as the config gives it. */
export interface GivenNetwork extends Omit<Network, 'vni'> {
  /** Undefined to have one given out. */
  readonly vni: number | undefined;
  readonly driver: DriverOptions;
}

/** The nodes. */
export function readNodes(parsed: ParsedConfig, locations: Locations): Node[] {
  const nodes = Object.entries(parsed.nodes).map(([name, { vtep, advertise, mac, mtu }]): Node => {
    const path = ['nodes', name];
    const given = vtep ?? advertise;
    if (given === undefined) {
      throw locations.error(path, `nodes.${name}.vtep: missing; it must be an IP address`);
    }
    const address = locations.read([...path, vtep === undefined ? 'advertise' : 'vtep'], parseIp, given);
    if (address.length === 16 && mtu < MIN_IPV6_MTU) {
      throw locations.error([...path, 'mtu'], `nodes.${name}.mtu: IPv6 needs at least ${MIN_IPV6_MTU}, not ${mtu}`);
    }
    return {
      name,
      vtep: address,
      mac: mac === undefined ? undefined : locations.read([...path, 'mac'], parseMac, mac),
      mtu,
    };
  });
  const owners = new Map<string, string>();
  for (const { name, vtep } of nodes) {
    const address = formatAddress(vtep);
    const other = owners.get(address);
    if (other !== undefined) {
      throw locations.error(
        ['nodes', name, 'vtep'],
        `nodes.${name}.vtep: ${other} has ${address} already; each node needs its own`,
      );
    }
    owners.set(address, name);
  }
  return nodes;
}

/** The networks as the config gives them; what a swarm's manager would give them is still missing. */
export function readNetworks(parsed: ParsedConfig, locations: Locations, keyed: boolean): GivenNetwork[] {
  const networks = Object.entries(parsed.networks).map(([name, entry]): GivenNetwork => {
    const path = ['networks', name];
    const subnets = listOf(entry.subnet).map((text) => locations.read([...path, 'subnet'], parsePrefix, text));
    const gateways = listOf(entry.gateway).map((text) => locations.read([...path, 'gateway'], parseIp, text));
    for (const gateway of gateways) {
      if (subnets.some((subnet) => prefixContains(subnet, gateway))) continue;
      throw locations.error(
        [...path, 'gateway'],
        `networks.${name}.gateway: ${formatAddress(gateway)} is outside the network's subnets`,
      );
    }
    const driver = readNetworkOptions(path, entry, locations);
    const { encrypted } = driver;
    if (encrypted && parsed.keys === undefined && !keyed) {
      throw locations.error(
        [...path, 'encrypted'],
        `networks.${name} is encrypted but there are no keys; add keys: [{ tag: 1, key: "32 hexadecimal digits" }]`,
      );
    }
    const mtu = driver.hasMtu ? driver.mtu : entry.mtu;
    const { flood, learning = flood === FloodPolicy.Replicate } = entry;
    return { name, vni: driver.vnis.at(0), subnets, gateways, encrypted, mtu, flood, learning, driver };
  });
  const owners = new Map<number, string>();
  for (const { name, vni } of networks) {
    if (vni === undefined) continue;
    const other = owners.get(vni);
    if (other !== undefined) {
      throw locations.error(
        ['networks', name, 'vni'],
        `networks.${name}.vni: ${other} has VNI ${vni} already; give each network its own`,
      );
    }
    owners.set(vni, name);
  }
  const shared = overlapOf(networks);
  if (shared !== undefined) {
    const { name } = networks[shared.network];
    throw locations.error(
      ['networks', name, 'subnet'],
      `networks.${name}.subnet: ${formatPrefix(shared.subnet)} overlaps a subnet of ${networks[shared.other].name}` +
        ' (Docker: Pool overlaps with other one on this address space)',
    );
  }
  return networks;
}

/** Finds a subnet of a network that overlaps one of an earlier network. */
function overlapOf(
  networks: readonly Pick<Network, 'subnets'>[],
): { readonly subnet: Prefix; readonly network: number; readonly other: number } | undefined {
  const all = networks.flatMap(({ subnets }, network) => subnets.map((subnet) => ({ subnet, network })));
  // Sorted, a subnet comes after those that contain it.
  all.sort((a, b) => comparePrefixes(a.subnet, b.subnet));
  const around: typeof all = [];
  for (const inner of all) {
    let outer = around.at(-1);
    for (; outer !== undefined && !prefixesOverlap(outer.subnet, inner.subnet); outer = around.at(-1)) around.pop();
    if (outer !== undefined && outer.network !== inner.network) {
      const [first, second] = outer.network < inner.network ? [outer, inner] : [inner, outer];
      return { ...second, other: first.network };
    }
    around.push(inner);
  }
  return undefined;
}

/** A network with what the manager gave it. */
export function completed(given: GivenNetwork, plan: SwarmPlan | undefined, index: number): Network {
  const { name, encrypted, mtu, flood, learning } = given;
  const network = { name, encrypted, mtu, flood, learning };
  const { subnets, gateways, vni = 0 } = given;
  if (plan === undefined) return { ...network, vni, subnets, gateways };
  const [own] = plan.networks[index].allocation.subnets;
  return {
    ...network,
    vni: own.vni,
    subnets: subnets.some(({ address }) => address.length === 4) ? subnets : [...subnets, own.subnet],
    gateways: gateways.some(({ length }) => length === 4) ? gateways : [...gateways, own.gateway],
  };
}
