/** The tasks of services by service and network, so that a change costs what it changes. */
import { PortProtocol, type ServiceNetworkSet, type ServiceRecord } from '../../../overlay/index.js';
import { formatIpv4 } from '../../../wire/index.js';
import type { PlannedBackends, PlannedTask } from '../plan.js';

const IPV4_BYTES = 4;

/** Records of one service on one network, by endpoint. */
type Tasks = Map<string, ServiceRecord>;

/** A service and a network. */
export interface ServiceOnNetwork {
  readonly service: string;
  readonly network: string;
}

/** Records of services, as they are now. */
export class TaskIndex {
  /** By service, and network. */
  readonly #services = new Map<string, Map<string, Tasks>>();
  /** The service of each record, by network and endpoint. */
  readonly #serviceOf = new Map<string, Map<string, string>>();
  readonly #ingress = new Set<string>();

  /** Takes over whether a network is the ingress network. */
  setNetwork({ name, ingress }: ServiceNetworkSet): void {
    if (ingress) this.#ingress.add(name);
    else this.#ingress.delete(name);
  }

  /** @returns the services that had records there */
  removeNetwork(network: string): ServiceOnNetwork[] {
    this.#ingress.delete(network);
    const services = new Set(this.#serviceOf.get(network)?.values());
    this.#serviceOf.delete(network);
    for (const service of services) this.#forget(service, network);
    return Array.from(services, (service) => ({ service, network }));
  }

  /** @returns where tasks have changed: two places if the endpoint was another service's */
  set(record: ServiceRecord): ServiceOnNetwork[] {
    const { network, endpoint } = record;
    const service = record.service?.name;
    const before = this.#serviceOf.get(network)?.get(endpoint);
    const changed = before === undefined || before === service ? [] : this.remove(network, endpoint);
    if (service === undefined) return changed;
    inMap(this.#serviceOf, network).set(endpoint, service);
    inMap(inMap(this.#services, service), network).set(endpoint, record);
    return [...changed, { service, network }];
  }

  /** @returns where tasks have changed: nowhere if it wasn't there */
  remove(network: string, endpoint: string): ServiceOnNetwork[] {
    const endpoints = this.#serviceOf.get(network);
    const service = endpoints?.get(endpoint);
    if (endpoints === undefined || service === undefined) return [];
    endpoints.delete(endpoint);
    if (endpoints.size === 0) this.#serviceOf.delete(network);
    const tasks = this.#services.get(service)?.get(network);
    tasks?.delete(endpoint);
    if (tasks?.size === 0) this.#forget(service, network);
    return [{ service, network }];
  }

  /** Keys of all records: network and endpoint. */
  *keys(): Generator<readonly [network: string, endpoint: string]> {
    for (const [network, endpoints] of this.#serviceOf)
      for (const endpoint of endpoints.keys()) yield [network, endpoint];
  }

  /** Names of the networks that a service has records on, without the ingress network. */
  networksOf(service: string): readonly string[] {
    return [...(this.#services.get(service)?.keys() ?? [])].filter((network) => !this.#ingress.has(network));
  }

  /** TCP ports of a service's tasks that it publishes, each once. */
  portsOf(service: string): readonly number[] {
    const ports = new Set<number>();
    for (const tasks of this.#services.get(service)?.values() ?? []) {
      const [record] = tasks.values();
      for (const { protocol, target } of record.service?.ports ?? [])
        if (protocol === PortProtocol.Tcp) ports.add(target);
    }
    return [...ports];
  }

  /** The backends of a service on a network: its tasks with an IPv4 address. */
  backendsOf(service: string, network: string): PlannedBackends {
    const tasks: PlannedTask[] = [];
    const draining: PlannedTask[] = [];
    let vip: string | undefined;
    for (const record of this.#services.get(service)?.get(network)?.values() ?? []) {
      if (vip === undefined && record.service?.vip?.length === IPV4_BYTES) vip = formatIpv4(record.service.vip);
      const address = record.addresses.find(({ length }) => length === IPV4_BYTES);
      if (address === undefined) continue;
      (record.disabled === true ? draining : tasks).push({ name: record.name, address: formatIpv4(address) });
    }
    return { service, network, vip, tasks, draining };
  }

  /** Whether a service has records on a network. */
  has(service: string, network: string): boolean {
    return this.#services.get(service)?.has(network) === true;
  }

  #forget(service: string, network: string): void {
    const networks = this.#services.get(service);
    networks?.delete(network);
    if (networks?.size === 0) this.#services.delete(service);
  }
}

function inMap<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}
