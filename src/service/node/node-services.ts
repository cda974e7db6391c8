/** The services of a swarm as one node has them: names for its containers, and a load balancer for each network. */
import type { RandomBytes } from '../../memory/index.js';
import { Compatibility, type ServiceNetworkSet, type ServiceRecord, type ServiceSet } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { formatIpv4 } from '../../wire/index.js';
import { LoadBalancer, type LoadBalancerOptions } from '../balance/index.js';
import { DnsNames, NetworkScope } from '../dns/index.js';
import type { HeldRecord } from './balanced-service.js';
import { NetworkServices } from './network-services.js';
import { isSameRecord } from './same-record.js';
import { type NetworkCounts, networkCountsOf } from './service-counts.js';

/** Options of a node's services. */
export interface NodeServicesOptions {
  /** The node's name. */
  readonly node: string;
  /** @default 'docker' */
  readonly compatibility?: Compatibility;
  /** Random bytes for source ports. Default: the platform's cryptographic source */
  readonly random?: RandomBytes;
  /** Maximum number of connections of each load balancer. @default 65,536 */
  readonly maxConnections?: number;
  /** Most records held; more are refused. @default 262,144 */
  readonly maxRecords?: number;
  /**
   * The MTU of a network's interfaces, in bytes; undefined if it isn't known.
   * @default 1450
   */
  readonly mtuOf?: (network: string) => number | undefined;
}

/** What a network's load balancer was created with. */
interface Balancing {
  readonly address: string;
  readonly front: string | undefined;
  readonly mtu: number;
}

const MTU = 1450;
const MAX_RECORDS = 262_144;
/** Records that are named as wrong. */
const MAX_WRONG = 1024;

/**
 * The services of a node. Records come one by one, as from gossip, or all together, as from a config; either way, a
 * change touches only the service that it is about. Records that contradict each other never throw: what becomes of
 * them depends on the compatibility, and `problems` says so.
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { NodeServices } from 'vtep/service';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const { services } = parseConfig(readFileSync('swarm.yaml', 'utf8'));
 * const here = new NodeServices({ node: 'node1' });
 * for (const problem of here.update(services)) console.error(problem);
 * console.log(here.names.size, here.balancer('my-network')?.counts());
 * ```
 */
export class NodeServices {
  /** The names that the node's containers can look up. */
  readonly names: DnsNames;
  readonly #options: NodeServicesOptions;
  readonly #compatibility: Compatibility;
  readonly #networks = new Map<string, NetworkServices>();
  readonly #balancing = new Map<string, Balancing>();
  /** Of addresses and ports. */
  readonly #clashes = new Map<string, string>();
  /** Of records, by network and endpoint. */
  readonly #wrong = new Map<string, Map<string, string>>();
  readonly #maxRecords: number;
  #size = 0;
  #wrongs = 0;
  #front: string | undefined;
  #refused = 0;

  constructor(options: NodeServicesOptions) {
    const { compatibility = Compatibility.Docker, maxRecords = MAX_RECORDS } = options;
    this.#options = options;
    this.#compatibility = compatibility;
    this.names = new DnsNames({
      exactVips: compatibility === Compatibility.Improved,
      maxRecords,
    });
    this.#maxRecords = maxRecords;
  }

  /** Whose behaviour it follows. */
  get compatibility(): Compatibility {
    return this.#compatibility;
  }

  /** What is wrong with the records at present; at most 1,024 records are named. */
  get problems(): readonly string[] {
    return [...this.#clashes.values(), ...Array.from(this.#wrong.values(), (texts) => [...texts.values()]).flat()];
  }

  /** Number of records. */
  get size(): number {
    return this.#size;
  }

  /** Records refused so far: on an unknown network, invalid, or over the limit. */
  get refused(): number {
    return this.#refused;
  }

  /** The node's load balancer on a network; undefined while the node has no address for it. */
  balancer(network: string): LoadBalancer | undefined {
    return this.#networks.get(network)?.balancer;
  }

  /** The node's load balancers, by network. */
  get balancers(): ReadonlyMap<string, LoadBalancer> {
    const balancers = new Map<string, LoadBalancer>();
    for (const [name, { balancer }] of this.#networks) if (balancer !== undefined) balancers.set(name, balancer);
    return balancers;
  }

  /** The networks, by name. */
  get networks(): ReadonlyMap<string, ServiceNetworkSet> {
    return new Map(Array.from(this.#networks, ([name, { set }]) => [name, set]));
  }

  /** The record of an endpoint. */
  record(network: string, endpoint: string): ServiceRecord | undefined {
    return this.#networks.get(network)?.records.get(endpoint)?.record;
  }

  /**
   * Takes over a set of services: what is as before isn't touched.
   * @param set undefined for none
   * @param gatewayAddressOfIngress the ingress load balancer's address on the gateway's bridge, to which connections to
   * published ports come. Default: they come to its address on the ingress network
   * @returns what is wrong with the records
   */
  update(set: ServiceSet | undefined, gatewayAddressOfIngress?: string): readonly string[] {
    const networks = set?.networks ?? [];
    const names = new Set(networks.map(({ name }) => name));
    for (const name of [...this.#networks.keys()]) if (!names.has(name)) this.removeNetwork(name);
    this.#front = gatewayAddressOfIngress;
    const wanted = new Map<string, Set<string>>();
    for (const network of networks) this.setNetwork(network);
    for (const { network, endpoint } of set?.records ?? []) {
      const endpoints = wanted.get(network);
      if (endpoints === undefined) wanted.set(network, new Set([endpoint]));
      else endpoints.add(endpoint);
    }
    for (const [name, texts] of this.#wrong) {
      for (const endpoint of [...texts.keys()]) {
        if (wanted.get(name)?.has(endpoint) !== true) this.#setWrong(name, endpoint, undefined);
      }
    }
    for (const [name, network] of this.#networks) {
      for (const endpoint of [...network.records.keys()]) {
        if (wanted.get(name)?.has(endpoint) !== true) this.remove(name, endpoint);
      }
    }
    for (const record of set?.records ?? []) this.set(record);
    return this.problems;
  }

  /** Adds a network, or changes it. Its load balancer is replaced only if its own address or MTU changes. */
  setNetwork(set: ServiceNetworkSet): void {
    const known = this.#networks.get(set.name);
    const isSameKind =
      known?.set.ingress === set.ingress && known.set.internal === set.internal && known.set.dsr === set.dsr;
    if (known !== undefined && isSameKind) {
      known.set = set;
      this.#balance(known);
      return;
    }
    const records = known === undefined ? [] : Array.from(known.records.values(), ({ record }) => record);
    this.removeNetwork(set.name);
    const scope = set.ingress ? NetworkScope.Ingress : NetworkScope.Overlay;
    this.names.addNetwork({ id: set.name, name: set.name, scope, internal: set.internal });
    const network = new NetworkServices(set, this.#compatibility, {
      name: (held, vip) => this.#name(held, vip),
      clash: (what, text) => {
        const key = JSON.stringify([set.name, what]);
        if (text === undefined) this.#clashes.delete(key);
        else this.#clashes.set(key, text);
      },
    });
    this.#networks.set(set.name, network);
    this.#balance(network);
    for (const record of records) this.set(record);
  }

  /** Removes a network with its load balancer and its records. @returns whether there was one */
  removeNetwork(name: string): boolean {
    const network = this.#networks.get(name);
    if (network === undefined) return false;
    for (const endpoint of [...network.records.keys()]) this.remove(name, endpoint);
    this.#networks.delete(name);
    this.#balancing.delete(name);
    return this.names.removeNetwork(name);
  }

  /**
   * Adds or replaces a record. The record is kept, so it must not change.
   * @returns false if it was refused: see `problems`
   */
  set(record: ServiceRecord): boolean {
    const network = this.#networks.get(record.network);
    const known = network?.records.get(record.endpoint);
    const full = known === undefined && this.#size >= this.#maxRecords ? 'there are too many records' : undefined;
    const wrong = network === undefined ? 'its network is unknown' : (whatIsWrong(record) ?? full);
    if (network === undefined || wrong !== undefined) {
      this.#refused++;
      if (known !== undefined) this.remove(record.network, record.endpoint);
      this.#setWrong(record.network, record.endpoint, `${nameOf(record)}: ${wrong ?? ''}`);
      return false;
    }
    if (known !== undefined && isSameRecord(known.record, record)) return true;
    this.#setWrong(record.network, record.endpoint, undefined);
    if (known === undefined) this.#size++;
    network.setRecord(record);
    return true;
  }

  /** Removes a record. @returns whether there was one */
  remove(network: string, endpoint: string): boolean {
    this.#setWrong(network, endpoint, undefined);
    if (this.#networks.get(network)?.removeRecord(endpoint) !== true) return false;
    this.#size--;
    return true;
  }

  /** What the load balancers have carried, by network, service and task. */
  counts(): NetworkCounts[] {
    return Array.from(this.#networks.values(), (network) => networkCountsOf(network, this.#options.node));
  }

  /** Creates, replaces or removes a network's load balancer. */
  #balance(network: NetworkServices): void {
    const { name, ingress, balancers } = network.set;
    const { node, mtuOf, random, maxConnections } = this.#options;
    const own = Object.hasOwn(balancers, node) ? balancers[node] : undefined;
    const address = own?.length === 4 ? formatIpv4(own) : undefined;
    const front = ingress ? this.#front : undefined;
    const mtu = mtuOf?.(name) ?? MTU;
    const before = this.#balancing.get(name);
    if (before?.address === address && before?.front === front && (before === undefined || before.mtu === mtu)) return;
    if (address === undefined) {
      this.#balancing.delete(name);
      network.setBalancer(undefined);
      return;
    }
    const options: LoadBalancerOptions = {
      back: { address },
      ...(front === undefined ? {} : { front: { address: front } }),
      mtu,
      compatibility: this.#compatibility,
      ...(random === undefined ? {} : { random }),
      ...(maxConnections === undefined ? {} : { maxConnections }),
    };
    this.#balancing.set(name, { address, front, mtu });
    network.setBalancer(new LoadBalancer(options));
  }

  #name({ record, active }: HeldRecord, vip: boolean): void {
    const { network, endpoint, service } = record;
    if (!active) {
      this.names.remove(network, endpoint);
      return;
    }
    const own = vip || service === undefined ? service : { ...service, vip: undefined };
    if (this.names.set({ ...record, service: own })) return;
    this.#refused++;
    const why = 'it has no names: it has too many aliases';
    this.#setWrong(network, endpoint, `${nameOf(record)}: ${why}`);
  }

  #setWrong(network: string, endpoint: string, text: string | undefined): void {
    const texts = this.#wrong.get(network);
    if (texts?.delete(endpoint) === true) this.#wrongs--;
    if (texts?.size === 0) this.#wrong.delete(network);
    if (text === undefined || this.#wrongs >= MAX_WRONG) return;
    this.#wrongs++;
    const own = this.#wrong.get(network);
    if (own === undefined) this.#wrong.set(network, new Map([[endpoint, text]]));
    else own.set(endpoint, text);
  }
}

function nameOf({ name, network }: ServiceRecord): string {
  return `${inQuotes(name)} on ${inQuotes(network)}`;
}

function whatIsWrong({ addresses, service }: ServiceRecord): string | undefined {
  if (addresses.length > 2) return `it has ${addresses.length} addresses`;
  if (addresses.some(({ length }) => length !== 4 && length !== 16)) return 'an address has neither 4 nor 16 bytes';
  const length = service?.vip?.length ?? 4;
  if (length !== 4 && length !== 16) return 'its VIP has neither 4 nor 16 bytes';
  const wrong = service?.ports?.find(
    ({ published }) => !Number.isInteger(published) || published < 0 || published > 65_535,
  );
  return wrong === undefined ? undefined : `${wrong.published} is not a port`;
}
