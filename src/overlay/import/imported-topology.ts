/** Builds a topology from what Docker and the kernel report about a running cluster. */
import { formatMac, VtepError, VXLAN_PORT } from '../../wire/index.js';
import { type DockerNetwork, parseDockerNetworks } from './docker-network.js';
import { OverlayError } from '../error.js';
import { type ImportedNetworks, joinNetworks } from './import-networks.js';
import { ImportWarnings } from './import-warnings.js';
import { ImportedEndpoints, type NodeTables, takeTables } from './import-tables.js';
import type { KeyRing } from '../keys/key-ring.js';
import { parseBridgeFdb, parseIpNeighbours } from './kernel-tables.js';
import { formatAddress, parseIp } from '../prefix.js';
import { Profile } from '../profile.js';
import type { Endpoint, Node, Topology } from '../topology.js';

/** Maximum number of unused networks listed. */
const MAX_LISTED = 10;
const DEFAULT_MTU = 1500;

/** The outputs collected on a node. */
export interface NodeOutputs {
  /** Output of `docker network inspect`. */
  readonly networks?: string;
  /** Concatenated output of `bridge fdb show` in the networks' namespaces. */
  readonly fdb?: string;
  /** Output of `ip neigh` there. */
  readonly neighbours?: string;
}

/** Imports from one node; all outputs are optional. */
export interface NodeImport extends NodeOutputs {
  readonly name: string;
  /** Address of its VTEP (`docker node inspect`, or the advertise address). */
  readonly vtep: string;
  /**
   * MTU of its underlay interface: maximum IP packet length in bytes.
   * @default 1500
   */
  readonly mtu?: number;
  /** File names of the outputs, for error messages. */
  readonly files?: NodeOutputs;
}

/** A topology, and warnings about gaps and contradictions in the imports, one line each. */
export interface ImportedTopology {
  /** The network that the nodes' outputs describe. */
  readonly topology: Topology;
  /** Mismatches and gaps, for people. */
  readonly warnings: readonly string[];
}

/**
 * Merges the nodes' reports. A node's own Docker takes precedence over other nodes' tables; contradictions are reported
 * as warnings.
 * @param ring the keys, for encrypted networks
 * @throws OverlayError `BAD_IMPORT` with file and line for unreadable text or an invalid address; if no node reports
 * any network; if two nodes have the same VTEP address; or if one node reports a network as encrypted and another as
 * not
 */
export function importTopology(nodes: readonly NodeImport[], ring?: KeyRing): ImportedTopology {
  const warnings = new ImportWarnings();
  const hosts = nodesOf(nodes);
  const docker = nodes.map((node) => read(node, 'networks', parseDockerNetworks) ?? []);
  const imported = joinNetworks(
    docker,
    nodes.map(({ name }) => name),
    warnings,
  );
  if (imported.networks.length === 0) throw noNetwork(docker.flat());
  reportUnused(nodes, docker, warnings);
  const tables = nodes.map((node, i): NodeTables => ({
    name: node.name,
    vtep: hosts[i].vtep,
    hasDocker: node.networks !== undefined,
    fdb: read(node, 'fdb', parseBridgeFdb),
    neighbours: read(node, 'neighbours', parseIpNeighbours),
  }));
  const endpoints = dockerEndpoints(nodes, docker, imported, warnings);
  takeTables(tables, imported, endpoints, warnings);
  checkPeers(hosts, docker, warnings);
  for (const { name, encrypted } of imported.networks) {
    if (encrypted && ring === undefined) warnings.add('keys', `network ${name} is encrypted, but there are no keys`);
  }
  for (const { name, networks: text } of nodes) {
    if (text !== undefined) continue;
    warnings.add('docker', `${name}: no docker network inspect: its endpoints are taken from other nodes' FDBs`);
  }
  const all = endpoints.all.map(({ name, network, node, ip, mac }): Endpoint => ({ name, network, node, ip, mac }));
  if (all.length === 0) {
    warnings.add(
      'empty',
      'no import has an endpoint: docker network inspect lists only those of its own node, so run it on the nodes that' +
        ' run the tasks, or add the output of bridge fdb and ip neigh',
    );
  }
  return {
    topology: {
      profile: Profile.Swarm,
      port: VXLAN_PORT,
      nodes: hosts,
      networks: imported.networks,
      endpoints: all,
      ring,
    },
    warnings: warnings.lines(),
  };
}

function nodesOf(nodes: readonly NodeImport[]): Node[] {
  const owners = new Map<string, string>();
  return nodes.map(({ name, vtep, mtu = DEFAULT_MTU }) => {
    const address = addressOf(name, vtep);
    const text = formatAddress(address);
    const other = owners.get(text);
    if (other !== undefined) {
      throw new OverlayError(
        'BAD_IMPORT',
        `${name}: ${other} has the VTEP address ${text} already; each node needs its own`,
      );
    }
    owners.set(text, name);
    return { name, vtep: address, mac: undefined, mtu };
  });
}

function addressOf(name: string, vtep: string): Uint8Array {
  try {
    return parseIp(vtep);
  } catch (error) {
    if (!(error instanceof VtepError)) throw error;
    const hint = vtep.includes('/') ? '; omit the prefix length' : '';
    throw new OverlayError('BAD_IMPORT', `${name}: its VTEP address is ${error.message}${hint}`, { cause: error });
  }
}

const COMMANDS = {
  networks: 'docker network inspect',
  fdb: 'bridge fdb',
  neighbours: 'ip neigh',
} as const satisfies Record<keyof NodeOutputs, string>;

/** Applies a parser to an output; its errors get the file name. */
function read<T>(node: NodeImport, what: keyof NodeOutputs, reader: (text: string) => T): T | undefined {
  const text = node[what];
  if (text === undefined) return undefined;
  try {
    return reader(text);
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    const where = node.files?.[what] ?? `${node.name}, ${COMMANDS[what]}`;
    throw new OverlayError('BAD_IMPORT', `${where}: ${error.message}`, { cause: error });
  }
}

/** Explains why there is no network at all. */
function noNetwork(networks: readonly DockerNetwork[]): OverlayError {
  if (networks.length === 0) {
    return new OverlayError('BAD_IMPORT', 'no docker network inspect contains an overlay network');
  }
  const { name, classic } = networks.find((network) => network.classic) ?? networks[0];
  const lacks = `network ${name}: it has no com.docker.network.driver.overlay.vxlanid_list`;
  return new OverlayError(
    'BAD_IMPORT',
    classic
      ? `${lacks}, on any node: a network of scope global keeps its VNI in a key-value store; find the VNI in a capture` +
          ' (vtep inspect) and write a config'
      : `${lacks}; inspect it on a node that runs one of its tasks`,
  );
}

/** Docker reports a network's VNIs only on the nodes that use it. */
function reportUnused(
  nodes: readonly NodeImport[],
  docker: readonly (readonly DockerNetwork[])[],
  warnings: ImportWarnings,
): void {
  const used = new Set(docker.flat().flatMap(({ name, vnis }) => (vnis.length > 0 ? [name] : [])));
  docker.forEach((list, node) => {
    const unused = list.flatMap(({ name, vnis }) => (vnis.length === 0 && !used.has(name) ? [name] : []));
    if (unused.length === 0) return;
    const more = unused.length > MAX_LISTED ? ` and ${unused.length - MAX_LISTED} more` : '';
    const names = `${unused.slice(0, MAX_LISTED).join(', ')}${more}`;
    warnings.add(
      'unused',
      `${nodes[node].name}: no task of ${names} runs there, so Docker doesn't know the VNI: skipped`,
    );
  });
}

function dockerEndpoints(
  nodes: readonly NodeImport[],
  docker: readonly (readonly DockerNetwork[])[],
  imported: ImportedNetworks,
  warnings: ImportWarnings,
): ImportedEndpoints {
  const endpoints = new ImportedEndpoints();
  const addresses = new Map<string, string>();
  docker.forEach((list, node) => {
    for (const network of list) {
      if (network.vnis.length === 0) continue;
      const within = imported.within(network);
      for (const endpoint of network.endpoints) {
        const index = within(endpoint.ip);
        const mac = formatMac(endpoint.mac);
        const { name: called } = imported.networks[index];
        const known = endpoints.find(index, mac);
        if (known !== undefined) {
          if (known.node !== node) {
            warnings.add(
              'two nodes',
              `${mac} of ${called} is on ${nodes[known.node].name} (${known.name}) and on ${nodes[node].name} (${endpoint.name}): the first is used`,
            );
          }
          continue;
        }
        endpoints.add({ ...endpoint, network: index, node, ofDocker: true });
        if (endpoint.ip === undefined) continue;
        const address = formatAddress(endpoint.ip);
        const owner = addresses.get(`${index} ${address}`);
        if (owner === undefined) {
          addresses.set(`${index} ${address}`, endpoint.name);
        } else {
          warnings.add('two owners', `${address} of ${called} belongs to ${owner} and to ${endpoint.name}`);
        }
      }
    }
  });
  return endpoints;
}

/** Compares Docker's peers of a network with the given VTEP addresses. */
function checkPeers(
  hosts: readonly Node[],
  docker: readonly (readonly DockerNetwork[])[],
  warnings: ImportWarnings,
): void {
  const known = new Set(hosts.map(({ vtep }) => formatAddress(vtep)));
  const reported = new Set<string>();
  docker.forEach((list, node) => {
    const { name, vtep } = hosts[node];
    const own = formatAddress(vtep);
    for (const { name: network, peers } of list) {
      for (const peer of peers) {
        if (known.has(peer) || reported.has(peer)) continue;
        reported.add(peer);
        warnings.add('peer', `${name}: network ${network} has the peer ${peer}, which is not a node's VTEP`);
      }
      if (peers.length > 0 && !peers.includes(own)) {
        warnings.add(
          'own peer',
          `${name}: its VTEP ${own} isn't among the peers of ${network} in its own docker network inspect` +
            ' (peers are advertise addresses; the VTEP may be a --data-path-addr)',
        );
      }
    }
  });
}
