/** A topology out of what Docker and the kernel say of a running cluster. */
import { formatIp, formatMac, VXLAN_PORT } from '../wire/index.js';
import { type DockerNetwork, parseDockerNetworks } from './docker-network.js';
import { OverlayError } from './error.js';
import type { KeyRing } from './key-ring.js';
import { parseBridgeFdb, parseIpNeighbours } from './kernel-tables.js';
import { parseIp, prefixContains } from './prefix.js';
import { Profile } from './profile.js';
import { type Endpoint, FloodPolicy, type Network, type Topology } from './topology.js';

/** What is known of one node; every text but the VTEP's may be missing. */
export interface NodeImport {
  readonly name: string;
  /** Its VTEP's address (`docker node inspect`, or the advertise address). */
  readonly vtep: string;
  /** MTU of its underlay interface; 1500. */
  readonly mtu?: number;
  /** Output of `docker network inspect`. */
  readonly networks?: string;
  /** Output of `bridge fdb show` in the networks' namespaces, one behind the other. */
  readonly fdb?: string;
  /** Output of `ip neigh` there. */
  readonly neighbours?: string;
}

/** A topology, and what of the imports is missing or doesn't fit: a line each. */
export interface ImportedTopology {
  readonly topology: Topology;
  readonly remarks: readonly string[];
}

interface Found {
  name: string;
  readonly network: number;
  readonly node: number;
  ip: Uint8Array | undefined;
  readonly mac: Uint8Array;
}

/**
 * Joins what nodes say.
 * @param ring the keys, for encrypted networks
 * @throws OverlayError `BAD_IMPORT` for a text that can't be read, or if no node says which networks there are
 */
export function importTopology(nodes: readonly NodeImport[], ring?: KeyRing): ImportedTopology {
  const remarks: string[] = [];
  const places = nodes.map(({ name, vtep, mtu = 1500 }) => ({ name, vtep: parseIp(vtep), mac: undefined, mtu }));
  const placeOf = new Map(places.map(({ vtep }, place) => [textOf(vtep), place]));
  const docker = nodes.map(({ name, networks }) => (networks === undefined ? [] : readNetworks(name, networks)));
  const networks = joinNetworks(docker);
  if (networks.length === 0) {
    throw new OverlayError('BAD_IMPORT', 'no node has a docker network inspect with an overlay network in it');
  }
  const endpoints = new Map<string, Found>();
  const add = (found: Found): void => {
    const name = `${found.network} ${formatMac(found.mac)}`;
    const known = endpoints.get(name);
    if (known === undefined) endpoints.set(name, found);
    else known.ip ??= found.ip;
  };
  docker.forEach((list, node) => {
    for (const { name, endpoints: own } of list) {
      const network = networks.findIndex((candidate) => candidate.name === name);
      for (const endpoint of own) add({ ...endpoint, network, node });
    }
  });
  nodes.forEach(({ name, fdb = '', neighbours = '' }) => {
    const addresses = new Map(parseIpNeighbours(neighbours).map(({ ip, mac }) => [formatMac(mac), ip]));
    for (const { mac, destination } of parseBridgeFdb(fdb)) {
      const text = formatMac(mac);
      const node = placeOf.get(textOf(destination));
      if (node === undefined) {
        remarks.push(`${name}: ${text} is behind ${textOf(destination)}, which is no node's VTEP: passed over`);
        continue;
      }
      const ip = addresses.get(text);
      const network = ip === undefined ? -1 : networkOf(networks, ip);
      if (network < 0) {
        remarks.push(`${name}: no neighbour entry says which network ${text} is in: passed over`);
        continue;
      }
      add({ name: `${networks[network].name}/${textOf(ip)}`, network, node, ip, mac });
    }
  });
  for (const { name, encrypted } of networks) {
    if (encrypted && ring === undefined) remarks.push(`network ${name} is encrypted, and there are no keys`);
  }
  nodes.forEach(({ name, networks: text }) => {
    if (text === undefined)
      remarks.push(`${name}: no docker network inspect: its own endpoints come from others' FDBs`);
  });
  const all: Endpoint[] = [...endpoints.values()];
  return {
    topology: { profile: Profile.Swarm, port: VXLAN_PORT, nodes: places, networks, endpoints: all, ring },
    remarks,
  };
}

function readNetworks(name: string, text: string): DockerNetwork[] {
  try {
    return parseDockerNetworks(text);
  } catch (error) {
    if (error instanceof OverlayError)
      throw new OverlayError('BAD_IMPORT', `${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Each network once; the first VNI's subnet alone where a network has several. */
function joinNetworks(docker: readonly (readonly DockerNetwork[])[]): Network[] {
  const joined = new Map<string, Network>();
  for (const { name, vnis, subnets, gateways, encrypted, mtu } of docker.flat()) {
    if (joined.has(name)) continue;
    joined.set(name, {
      name,
      vni: vnis[0],
      subnets,
      gateways,
      encrypted,
      mtu,
      flood: FloodPolicy.Drop,
      learning: false,
    });
  }
  return [...joined.values()];
}

function networkOf(networks: readonly Network[], ip: Uint8Array): number {
  return networks.findIndex(({ subnets }) => subnets.some((subnet) => prefixContains(subnet, ip)));
}

function textOf(address: Uint8Array | undefined): string {
  return address === undefined ? '' : formatIp(address.length === 4 ? 4 : 6, address);
}
