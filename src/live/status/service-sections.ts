/** The sections of a status about services: what each has carried, and the connections of the load balancers. */
import {
  formatPublishedPort,
  type ServiceNetworkSet,
  type ServiceRecord,
  type ServiceSet,
} from '../../overlay/index.js';
import type { BackendCounts, ServiceCounts } from '../../service/index.js';
import type { AttachedBalancer } from '../services/attached-balancer.js';
import { addressText } from './node-sections.js';
import type { StatusSection, StatusSections } from './status-section.js';

/** What the sections show. */
export interface ServicesView {
  /** The services of the overlay; undefined if there are none. */
  readonly set: ServiceSet | undefined;
  /** This node's load balancers. */
  readonly balancers: readonly AttachedBalancer[];
}

/** Records that are looked at before a pause. */
const RECORDS_PER_PAUSE = 256;

/**
 * The sections `services` and `connections`.
 * @param clock the load balancers' clock, in seconds
 */
export function serviceSections(view: ServicesView, clock: () => number): StatusSections {
  return new Map([
    ['services', () => servicesSection(view)],
    ['connections', () => connectionsSection(view, clock())],
  ]);
}

/** A service on a network, and its records. */
interface Listed {
  readonly network: string;
  readonly service: NonNullable<ServiceRecord['service']>;
  readonly records: ServiceRecord[];
}

function servicesSection({ set, balancers }: ServicesView): StatusSection {
  const facts = {
    compatibility: set?.compatibility ?? null,
    balancers: balancers.map(({ endpoint, network, balancer, back, front }) => {
      const { remapped, exhausted } = balancer.ports;
      const ports = front === undefined ? { port: back.counters } : { port: back.counters, front: front.counters };
      return {
        endpoint,
        network,
        ...balancer.accounting(),
        portsRemapped: remapped,
        portsExhausted: exhausted,
        ...ports,
      };
    }),
  };
  return { facts, rows: rows() };

  function* rows(): Generator<object | undefined> {
    if (set === undefined) return;
    const listed = new Map<string, Listed>();
    let looked = 0;
    for (const record of set.records) {
      if (++looked % RECORDS_PER_PAUSE === 0) yield undefined;
      const { service, network } = record;
      if (service === undefined) continue;
      const key = `${service.id}\n${network}`;
      const known = listed.get(key);
      if (known === undefined) listed.set(key, { network, service, records: [record] });
      else known.records.push(record);
    }
    const networks = new Map(set.networks.map((network) => [network.name, network]));
    const counts = new Map<string, ServiceCounts>();
    for (const { network, balancer } of balancers) {
      for (const one of balancer.counts()) counts.set(`${one.name}\n${network}`, one);
      yield undefined;
    }
    for (const one of listed.values()) {
      yield serviceRow(one, networks.get(one.network), counts.get(`${one.service.name}\n${one.network}`));
    }
  }
}

function serviceRow(
  { network, service, records }: Listed,
  settings: ServiceNetworkSet | undefined,
  counts: ServiceCounts | undefined,
): object {
  const byAddress = new Map(counts?.backends.map((backend) => [backend.address, backend]));
  const backends = records.flatMap(({ name, node, addresses, disabled = false }) =>
    addresses.map((bytes) => {
      const address = addressText(bytes) ?? '';
      return backendRow(name, node, address, disabled, byAddress.get(address));
    }),
  );
  return {
    name: service.name,
    network,
    mode: service.vip === undefined ? 'dnsrr' : 'vip',
    vip: addressText(service.vip),
    aliases: service.aliases ?? [],
    ports: (service.ports ?? []).map(formatPublishedPort),
    ingress: settings?.ingress ?? false,
    dsr: settings?.dsr ?? false,
    balancedHere: counts !== undefined,
    connections: counts?.backends.reduce((sum, { connections }) => sum + connections, 0) ?? 0,
    active: counts?.backends.reduce((sum, { active }) => sum + active, 0) ?? 0,
    opened: counts?.opened ?? 0,
    refused: counts?.refused ?? 0,
    packetsIn: counts?.packetsIn ?? 0,
    bytesIn: counts?.bytesIn ?? 0,
    packetsOut: counts?.packetsOut ?? 0,
    bytesOut: counts?.bytesOut ?? 0,
    backends,
  };
}

function backendRow(
  task: string,
  node: string,
  address: string,
  disabled: boolean,
  counts: BackendCounts | undefined,
): object {
  const {
    weight,
    connections = 0,
    active = 0,
    opened = 0,
    packetsIn = 0,
    bytesIn = 0,
    packetsOut = 0,
    bytesOut = 0,
  } = counts ?? {};
  const counted = { connections, active, opened, packetsIn, bytesIn, packetsOut, bytesOut };
  return { task, node, address, weight: weight ?? (disabled ? 0 : 1), ...counted };
}

function connectionsSection({ balancers }: ServicesView, now: number): StatusSection {
  const tables = balancers.map(({ network, balancer }) => {
    const { size, limit, halfOpen, expired, evicted } = balancer.table;
    return { network, size, limit, halfOpen, expired, evicted };
  });
  return { facts: { total: tables.reduce((sum, { size }) => sum + size, 0), tables }, rows: rows() };

  function* rows(): Generator<object | undefined> {
    for (const { network, balancer } of balancers) {
      for (const connection of balancer.eachConnection(now)) {
        if (connection === undefined) yield undefined;
        else yield { network, ...connection, expiresIn: connection.expiresIn ?? null };
      }
    }
  }
}
