import { AddressSet } from './address-set.js';
import { DnsError } from './error.js';
import { MAX_NAME_LEN } from './message.js';
import { labelsOf, reverseLabels } from './name.js';
import { NameTable } from './name-table.js';

/** Records that the tables take by default. */
const MAX_RECORDS = 262_144;
/** Names of one record: a service with more aliases is refused. */
const MAX_NAMES = 1024;

/** Where a network reaches. Containers search overlays first and local networks last; ingress has no names. */
export const NetworkScope = { Overlay: 0, Ingress: 1, Local: 2 } as const;
export type NetworkScope = (typeof NetworkScope)[keyof typeof NetworkScope];

/** A network that has names. */
export interface DnsNetwork {
  readonly id: string;
  /** The last labels of qualified names: `my-network` in `my-web.my-network`. Case matters, as it does in Docker. */
  readonly name: string;
  /** @default NetworkScope.Overlay */
  readonly scope?: NetworkScope;
  /** Whether its containers have IPv6 addresses. @default false */
  readonly ipv6?: boolean;
  /** Whether it has no route out. @default false */
  readonly internal?: boolean;
}

/** The service that a task belongs to. */
export interface DnsService {
  readonly id: string;
  readonly name: string;
  /** Its virtual IP on the network; undefined for DNS round-robin. */
  readonly vip?: Uint8Array | undefined;
  readonly aliases?: readonly string[];
}

/** A task or a container on a network, as the records of Docker's `endpoint_table` describe it. */
export interface DnsRecord {
  /** Id of the network. */
  readonly network: string;
  /** Id of the endpoint: the record's key. */
  readonly endpoint: string;
  /** The primary name, which PTR answers give: `my-web.1.j41qw6u3cnhesobnnafym7p32` for a task. */
  readonly name: string;
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
  /** Undefined for a plain container. */
  readonly service?: DnsService | undefined;
  /** Other names of this endpoint alone: the short container id, `--network-alias` of a plain container. */
  readonly aliases?: readonly string[];
  /** The task is shutting down: its names are gone, while its service keeps the VIP. @default false */
  readonly disabled?: boolean;
}

/** What a name stands for on a network. */
export interface NameRecords {
  v4: AddressSet;
  v6: AddressSet;
}

/** Most names have addresses of one family only, so those of the other share an empty set. */
const NO_V4 = new AddressSet(1);
const NO_V6 = new AddressSet(4);

/** The name of an address, for PTR. */
interface Pointer {
  readonly owner: string;
  /** The whole name on the wire, root label included. */
  readonly wire: Uint8Array;
  /** An upstream server has given this address as well, so PTR is left to the upstream servers. */
  external: boolean;
}

/** A service's VIP, and the tasks that keep it. */
interface HeldService {
  readonly service: DnsService;
  readonly endpoints: Set<string>;
}

/** A network in the tables. */
export class NamedNetwork {
  readonly id: string;
  readonly name: string;
  readonly scope: NetworkScope;
  readonly ipv6: boolean;
  readonly internal: boolean;
  /** The name's labels, in the case given. */
  readonly labels: Uint8Array | undefined;
  /** Keys of its names and of its addresses in the name tables. */
  readonly space: number;
  /** Removed networks have no names, though clients may still refer to them. */
  removed = false;
  readonly records = new Map<string, DnsRecord>();
  readonly services = new Map<string, HeldService>();

  constructor(network: DnsNetwork, space: number) {
    this.id = network.id;
    this.name = network.name;
    this.scope = network.scope ?? NetworkScope.Overlay;
    this.ipv6 = network.ipv6 ?? false;
    this.internal = network.internal ?? false;
    this.labels = labelsOf(network.name);
    this.space = space;
  }
}

/** Options of `DnsNames`. */
export interface DnsNamesOptions {
  /** Most records held; more are refused. @default 262,144, which take about 700 MB */
  readonly maxRecords?: number;
  /**
   * Announce the VIP and the aliases of each task's record for as long as the task is there. Docker takes those of a
   * service's first task and keeps them until the last one is gone, so that a service changed to DNS round-robin keeps
   * its old VIP beside its tasks, and a new alias stays unknown.
   * @default false
   */
  readonly exactVips?: boolean;
}

/**
 * The names of a swarm, as every node derives them from the records of its networks: services, tasks, containers and
 * their aliases. Records are added and removed one at a time, and each touches only its own names.
 * @example
 * import { parseIp } from 'vtep/overlay';
 * import { DnsNames } from 'vtep/service';
 *
 * const names = new DnsNames();
 * names.addNetwork({ id: 'n1', name: 'my-network' });
 * names.set({
 *   network: 'n1',
 *   endpoint: 'e1',
 *   name: 'my-web.1.j41qw6u3cnhesobnnafym7p32',
 *   addresses: [parseIp('10.0.9.3')],
 *   service: { id: 's1', name: 'my-web', vip: parseIp('10.0.9.2') },
 * });
 */
export class DnsNames {
  readonly #networks = new Map<string, NamedNetwork>();
  readonly #names = new NameTable<NameRecords>();
  readonly #pointers = new NameTable<Pointer[]>();
  readonly #freeSpaces: number[] = [];
  readonly #maxRecords: number;
  readonly #exactVips: boolean;
  #spaces = 0;
  #size = 0;
  #refused = 0;

  /** @throws DnsError BAD_OPTION if maxRecords isn't a positive integer */
  constructor({ maxRecords = MAX_RECORDS, exactVips = false }: DnsNamesOptions = {}) {
    if (!Number.isSafeInteger(maxRecords) || maxRecords < 1) {
      throw new DnsError('BAD_OPTION', `maxRecords must be a positive integer, not ${maxRecords}`);
    }
    this.#maxRecords = maxRecords;
    this.#exactVips = exactVips;
  }

  /** Number of records. */
  get size(): number {
    return this.#size;
  }

  /** Records refused so far: over the limit, on an unknown network, or with an address of a length other than 4 or 16. */
  get refused(): number {
    return this.#refused;
  }

  /** @internal The network of an id. */
  network(id: string): NamedNetwork | undefined {
    return this.#networks.get(id);
  }

  /** @throws DnsError BAD_NETWORK if there is a network of this id */
  addNetwork(network: DnsNetwork): void {
    if (this.#networks.has(network.id)) throw new DnsError('BAD_NETWORK', `network ${network.id} is already there`);
    this.#networks.set(network.id, new NamedNetwork(network, this.#freeSpaces.pop() ?? this.#spaces++));
  }

  /** Removes a network with its names. @returns whether there was one */
  removeNetwork(id: string): boolean {
    const network = this.#networks.get(id);
    if (network === undefined) return false;
    for (const endpoint of [...network.records.keys()]) this.remove(id, endpoint);
    network.removed = true;
    this.#networks.delete(id);
    this.#freeSpaces.push(network.space);
    return true;
  }

  /**
   * Adds or replaces a record. The record is kept, so it must not change.
   * @returns false if it was refused
   */
  set(record: DnsRecord): boolean {
    const network = this.#networks.get(record.network);
    const old = network?.records.get(record.endpoint);
    if (network === undefined || !isUsable(record) || (old === undefined && this.#size >= this.#maxRecords)) {
      this.#refused++;
      return false;
    }
    if (old === undefined) this.#size++;
    else this.#withdraw(network, old, record.service?.id);
    this.#join(network, record);
    network.records.set(record.endpoint, record);
    if (record.disabled !== true) this.#announce(network, record);
    return true;
  }

  /** Removes a record. @returns whether there was one */
  remove(networkId: string, endpoint: string): boolean {
    const network = this.#networks.get(networkId);
    const record = network?.records.get(endpoint);
    if (network === undefined || record === undefined) return false;
    this.#withdraw(network, record, undefined);
    network.records.delete(endpoint);
    this.#size--;
    return true;
  }

  /** @internal The records of a name on a network. The name is in lower case, without the root label. */
  find(network: NamedNetwork, name: Uint8Array, length: number): NameRecords | undefined {
    return this.#names.find(network.space, name, 0, length);
  }

  /**
   * @internal
   * The name of an address on a network, on the wire with the root label; undefined if it has none, or an upstream
   * server has given this address as well.
   * @param name labels before `in-addr.arpa` or `ip6.arpa`
   */
  pointer(network: NamedNetwork, name: Uint8Array, length: number): Uint8Array | undefined {
    const first = this.#pointers.find(network.space, name, 0, length)?.[0];
    return first?.external === false ? first.wire : undefined;
  }

  /** @internal Records that an upstream server has given an address: PTR queries for it are forwarded from now on. */
  markExternal(network: NamedNetwork, address: Uint8Array): void {
    const labels = reverseLabels(address);
    const pointers = this.#pointers.find(network.space, labels, 0, labels.length);
    if (pointers !== undefined) for (const pointer of pointers) pointer.external = true;
  }

  /** Announces the VIP when the first task of a service appears on a network. */
  #join(network: NamedNetwork, { service, endpoint }: DnsRecord): void {
    if (service === undefined) return;
    if (this.#exactVips) {
      this.#claimVip(network, service, endpoint);
      return;
    }
    const held = network.services.get(service.id);
    if (held !== undefined) {
      held.endpoints.add(endpoint);
      return;
    }
    network.services.set(service.id, { service, endpoints: new Set([endpoint]) });
    this.#claimVip(network, service, service.id);
  }

  /** Removes a record's names, and its service's VIP with the last task, unless the task stays in this service. */
  #withdraw(network: NamedNetwork, record: DnsRecord, staysIn: string | undefined): void {
    const { service, endpoint } = record;
    if (record.disabled !== true) {
      for (const address of record.addresses) {
        for (const name of namesOf(record)) this.#release(network, name, address, endpoint);
        this.#removePointer(network, address, endpoint);
      }
    }
    if (service === undefined) return;
    if (this.#exactVips) this.#releaseVip(network, service, endpoint);
    if (service.id !== staysIn) this.#leave(network, service, endpoint);
  }

  /** Removes the VIP with the last task of a service. */
  #leave(network: NamedNetwork, service: DnsService, endpoint: string): void {
    const held = network.services.get(service.id);
    if (held === undefined) return;
    held.endpoints.delete(endpoint);
    if (held.endpoints.size > 0) return;
    network.services.delete(service.id);
    this.#releaseVip(network, held.service, service.id);
  }

  #claimVip(network: NamedNetwork, service: DnsService, owner: string): void {
    const { vip } = service;
    if (vip !== undefined) for (const name of namesOfService(service)) this.#claim(network, name, vip, owner);
  }

  #releaseVip(network: NamedNetwork, service: DnsService, owner: string): void {
    const { vip } = service;
    if (vip !== undefined) for (const name of namesOfService(service)) this.#release(network, name, vip, owner);
  }

  #announce(network: NamedNetwork, record: DnsRecord): void {
    for (const address of record.addresses) {
      for (const name of namesOf(record)) this.#claim(network, name, address, record.endpoint);
      this.#addPointer(network, address, record);
    }
  }

  #claim(network: NamedNetwork, name: string, address: Uint8Array, owner: string): void {
    const labels = labelsOf(name.toLowerCase());
    // Ingress has no names.
    if (labels === undefined || network.scope === NetworkScope.Ingress) return;
    let records = this.#names.find(network.space, labels, 0, labels.length);
    if (records === undefined) {
      records = { v4: NO_V4, v6: NO_V6 };
      this.#names.add(network.space, labels, records);
    }
    if (address.length === 4) {
      if (records.v4 === NO_V4) records.v4 = new AddressSet(1);
      records.v4.claim(address, owner);
    } else {
      if (records.v6 === NO_V6) records.v6 = new AddressSet(4);
      records.v6.claim(address, owner);
    }
  }

  #release(network: NamedNetwork, name: string, address: Uint8Array, owner: string): void {
    const labels = labelsOf(name.toLowerCase());
    const records = labels && this.#names.find(network.space, labels, 0, labels.length);
    if (records === undefined) return;
    (address.length === 4 ? records.v4 : records.v6).release(address, owner);
    if (records.v4.count + records.v6.count === 0) this.#names.delete(network.space, labels as Uint8Array);
  }

  #addPointer(network: NamedNetwork, address: Uint8Array, { name, endpoint }: DnsRecord): void {
    const labels = labelsOf(name);
    if (labels === undefined || network.labels === undefined || network.scope === NetworkScope.Ingress) return;
    const length = labels.length + network.labels.length + 1;
    if (length > MAX_NAME_LEN) return;
    const wire = new Uint8Array(length);
    wire.set(labels);
    wire.set(network.labels, labels.length);
    const pointer = { owner: endpoint, wire, external: false };
    const key = reverseLabels(address);
    const pointers = this.#pointers.find(network.space, key, 0, key.length);
    if (pointers === undefined) this.#pointers.add(network.space, key, [pointer]);
    else pointers.push(pointer);
  }

  #removePointer(network: NamedNetwork, address: Uint8Array, owner: string): void {
    const key = reverseLabels(address);
    const pointers = this.#pointers.find(network.space, key, 0, key.length);
    const index = pointers?.findIndex((pointer) => pointer.owner === owner) ?? -1;
    if (pointers === undefined || index < 0) return;
    pointers.splice(index, 1);
    if (pointers.length === 0) this.#pointers.delete(network.space, key);
  }
}

function isAddress(address: Uint8Array): boolean {
  return address.length === 4 || address.length === 16;
}

function isUsable({ addresses, service, aliases }: DnsRecord): boolean {
  const names = (aliases?.length ?? 0) + 2 * (service?.aliases?.length ?? 0);
  const { vip } = service ?? {};
  return (
    names <= MAX_NAMES && addresses.length <= 2 && addresses.every(isAddress) && (vip === undefined || isAddress(vip))
  );
}

function namesOfService({ name, aliases = [] }: DnsService): readonly string[] {
  return [name, ...aliases];
}

/** Every name that gives the endpoint's own address. */
function namesOf({ name, aliases = [], service }: DnsRecord): readonly string[] {
  const own = [name, ...aliases];
  if (service === undefined) return own;
  const names = namesOfService(service);
  const tasks = names.map((text) => `tasks.${text}`);
  return service.vip === undefined ? [...own, ...tasks, ...names] : [...own, ...tasks];
}
