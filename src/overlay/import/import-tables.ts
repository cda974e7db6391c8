/** Compares nodes' forwarding and neighbour tables with the endpoints that Docker reports, and with each other. */
import { formatMac } from '../../wire/index.js';
import type { ImportWarnings } from './import-warnings.js';
import type { ImportedNetworks } from './import-networks.js';
import type { KernelFdbEntry, KernelNeighbour } from './kernel-tables.js';
import { formatAddress } from '../prefix.js';

/** An endpoint according to the imports. */
export interface ImportedEndpoint {
  name: string;
  readonly network: number;
  readonly node: number;
  ip: Uint8Array | undefined;
  readonly mac: Uint8Array;
  /** Whether its own node's Docker reports it, rather than another node's forwarding table. */
  readonly ofDocker: boolean;
}

/** A node and its tables; undefined if not given. */
export interface NodeTables {
  readonly name: string;
  readonly vtep: Uint8Array;
  /** Whether its `docker network inspect` was given. */
  readonly hasDocker: boolean;
  readonly fdb: readonly KernelFdbEntry[] | undefined;
  readonly neighbours: readonly KernelNeighbour[] | undefined;
}

/** The imported endpoints, indexed by network and MAC, and by MAC alone. */
export class ImportedEndpoints {
  readonly #all = new Map<string, ImportedEndpoint>();
  readonly #byMac = new Map<string, ImportedEndpoint[]>();

  /** The endpoints, in order of insertion. */
  get all(): readonly ImportedEndpoint[] {
    return [...this.#all.values()];
  }

  /** The endpoint with a MAC in a network. */
  find(network: number, mac: string): ImportedEndpoint | undefined {
    return this.#all.get(`${network} ${mac}`);
  }

  /** The endpoints with a MAC in any network. */
  withMac(mac: string): readonly ImportedEndpoint[] {
    return this.#byMac.get(mac) ?? [];
  }

  /** Adds an endpoint; its network must not have its MAC yet. */
  add(endpoint: ImportedEndpoint): void {
    const mac = formatMac(endpoint.mac);
    this.#all.set(`${endpoint.network} ${mac}`, endpoint);
    const same = this.#byMac.get(mac);
    if (same === undefined) this.#byMac.set(mac, [endpoint]);
    else same.push(endpoint);
  }
}

/**
 * Whether a MAC doesn't belong to a single station: a group address, or the zero MAC of a vxlan device's default
 * destination.
 */
function isNotUnicast(mac: Uint8Array): boolean {
  return (mac[0] & 1) !== 0 || mac.every((byte) => byte === 0);
}

/**
 * Adds the endpoints from nodes' forwarding tables, and reports where the tables contradict Docker.
 * @param endpoints what Docker reports; endpoints that only tables have are added
 */
export function takeTables(
  nodes: readonly NodeTables[],
  imported: ImportedNetworks,
  endpoints: ImportedEndpoints,
  warnings: ImportWarnings,
): void {
  const { networks } = imported;
  const nodeAt = new Map(nodes.map(({ vtep }, node) => [formatAddress(vtep), node]));
  nodes.forEach((node, index) => {
    const table = new TableCheck(node, index, imported, endpoints, warnings);
    for (const entry of node.fdb ?? []) {
      if (entry.destination === undefined || isNotUnicast(entry.mac)) continue;
      const mac = formatMac(entry.mac);
      const to = formatAddress(entry.destination);
      const at = nodeAt.get(to);
      const networksOfMac = table.networksOf(mac);
      if (networksOfMac.size === 0) {
        const why =
          at === undefined
            ? `${mac} is behind ${to}, which is not a node's VTEP`
            : `no neighbour entry says which network ${mac} is in`;
        warnings.add('fdb row', `${node.name}: ${why}: skipped`);
      }
      for (const [network, ip] of networksOfMac) {
        const where = `${mac} of ${networks[network].name}`;
        if (!table.isFirst(network, mac, to)) {
          warnings.add('two destinations', `${node.name}: bridge fdb has ${where} at several VTEPs: the first is used`);
          continue;
        }
        const known = endpoints.find(network, mac);
        if (known?.ofDocker === true) {
          if (known.node !== at) {
            const home = known.node === index ? 'this node itself' : nodes[known.node].name;
            const there = at === undefined ? to : `${to} (${nodes[at].name})`;
            warnings.add(
              'wrong VTEP',
              `${node.name}: bridge fdb has ${where} (${known.name}) on ${there}, but docker network inspect has it on ${home}, which is used`,
            );
          }
          known.ip ??= ip;
        } else if (at === undefined) {
          warnings.add('fdb row', `${node.name}: ${where} is behind ${to}, which is not a node's VTEP: skipped`);
        } else if (at === index) {
          warnings.add('own VTEP', `${node.name}: bridge fdb has ${where} behind this node's own VTEP: skipped`);
        } else if (known !== undefined) {
          if (known.node !== at) {
            warnings.add(
              'two nodes',
              `${node.name}: bridge fdb has ${where} on ${nodes[at].name}, but another node's has it on ${nodes[known.node].name}, which is used`,
            );
          }
          known.ip ??= ip;
        } else {
          if (nodes[at].hasDocker && imported.ofNode[at].has(network)) {
            warnings.add(
              'stale',
              `${node.name}: bridge fdb has ${where} on ${nodes[at].name}, whose docker network inspect doesn't list it`,
            );
          }
          const address = ip === undefined ? mac : formatAddress(ip);
          endpoints.add({
            name: `${networks[network].name}/${address}`,
            network,
            node: at,
            ip,
            mac: entry.mac,
            ofDocker: false,
          });
        }
      }
    }
    table.reportMissing(nodes);
  });
}

/** One node's tables, and the rows seen so far. */
class TableCheck {
  readonly #node: NodeTables;
  readonly #index: number;
  readonly #imported: ImportedNetworks;
  readonly #endpoints: ImportedEndpoints;
  readonly #warnings: ImportWarnings;
  /** Addresses per MAC, and MACs per address. */
  readonly #addresses = new Map<string, Uint8Array[]>();
  readonly #macs = new Map<string, Set<string>>();
  /** Destinations by network and MAC. */
  readonly #destinations = new Map<string, string>();
  readonly #networks = new Set<number>();

  constructor(
    node: NodeTables,
    index: number,
    imported: ImportedNetworks,
    endpoints: ImportedEndpoints,
    warnings: ImportWarnings,
  ) {
    this.#node = node;
    this.#index = index;
    this.#imported = imported;
    this.#endpoints = endpoints;
    this.#warnings = warnings;
    for (const { ip, mac } of node.neighbours ?? []) {
      const text = formatMac(mac);
      const address = formatAddress(ip);
      const addresses = this.#addresses.get(text);
      if (addresses === undefined) this.#addresses.set(text, [ip]);
      else addresses.push(ip);
      const macs = this.#macs.get(address);
      if (macs === undefined) this.#macs.set(address, new Set([text]));
      else macs.add(text);
    }
    for (const network of imported.ofNode[index]) this.#networks.add(network);
  }

  /** The networks of a MAC, with its address there: according to neighbour entries, or else to Docker. */
  networksOf(mac: string): ReadonlyMap<number, Uint8Array | undefined> {
    const found = new Map<number, Uint8Array | undefined>();
    for (const ip of this.#addresses.get(mac) ?? []) {
      const network = this.#imported.find(this.#index, ip);
      // Docker's address is IPv4 if there is one, and ip prints those first.
      if (network >= 0 && !found.has(network)) found.set(network, ip);
    }
    if (found.size > 0) return found;
    for (const { network, ip, ofDocker } of this.#endpoints.withMac(mac)) {
      if (ofDocker && (!this.#node.hasDocker || this.#networks.has(network))) found.set(network, ip);
    }
    return found;
  }

  /** Records a row; returns false if the MAC already has another destination. */
  isFirst(network: number, mac: string, destination: string): boolean {
    this.#networks.add(network);
    const key = `${network} ${mac}`;
    const known = this.#destinations.get(key);
    if (known === undefined) this.#destinations.set(key, destination);
    return known === undefined || known === destination;
  }

  /** Reports other nodes' endpoints without a row or a neighbour entry, in the networks that the node takes part in. */
  reportMissing(nodes: readonly NodeTables[]): void {
    const { fdb, neighbours, name } = this.#node;
    const bridged = new Set((fdb ?? []).flatMap(({ mac, destination }) => (destination ? [] : [formatMac(mac)])));
    const remote = new Map<number, ImportedEndpoint[]>();
    for (const endpoint of this.#endpoints.all) {
      const { network, node, ofDocker } = endpoint;
      if (!ofDocker || node === this.#index || !this.#networks.has(network)) continue;
      const list = remote.get(network);
      if (list === undefined) remote.set(network, [endpoint]);
      else list.push(endpoint);
    }
    for (const [network, list] of remote) {
      const { name: called } = this.#imported.networks[network];
      const rowless =
        fdb === undefined ? [] : list.filter(({ mac }) => !this.#destinations.has(`${network} ${formatMac(mac)}`));
      if (
        list.length > 1 &&
        rowless.length === list.length &&
        !rowless.some(({ mac }) => bridged.has(formatMac(mac)))
      ) {
        this.#warnings.add(
          'no rows',
          `${name}: bridge fdb has no row for any of the ${list.length} endpoints that other nodes have in ${called}: is the output of its namespace missing?`,
        );
      } else {
        for (const endpoint of rowless) {
          const alone = bridged.has(formatMac(endpoint.mac)) ? ' (the bridge has one, but not the vxlan device)' : '';
          this.#warnings.add(
            'no row',
            `${name}: bridge fdb has no self row with a dst for ${formatMac(endpoint.mac)} of ${called} (${endpoint.name} on ${nodes[endpoint.node].name}): its kernel drops frames to it${alone}`,
          );
        }
      }
      if (neighbours !== undefined) this.#checkNeighbours(called, list);
    }
  }

  #checkNeighbours(called: string, list: readonly ImportedEndpoint[]): void {
    const { name } = this.#node;
    const addressed = list.flatMap(({ ip, mac }) =>
      ip === undefined ? [] : [{ address: formatAddress(ip), mac: formatMac(mac) }],
    );
    const unknown = addressed.filter(({ address }) => !this.#macs.has(address));
    if (addressed.length > 1 && unknown.length === addressed.length) {
      this.#warnings.add(
        'no neighbours',
        `${name}: ip neigh has none of the ${unknown.length} endpoints that other nodes have in ${called}: is the output of its namespace missing?`,
      );
      return;
    }
    for (const { address, mac } of addressed) {
      const macs = this.#macs.get(address);
      if (macs === undefined) {
        this.#warnings.add(
          'no neighbour',
          `${name}: ip neigh has no entry for ${address} of ${called}: ARP for it isn't answered`,
        );
      } else if (!macs.has(mac)) {
        this.#warnings.add(
          'other MAC',
          `${name}: ip neigh has ${address} of ${called} at ${[...macs].slice(0, 3).join(', ')}, but docker network inspect at ${mac}`,
        );
      }
    }
  }
}
