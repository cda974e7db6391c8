/** Attributes conversations to services and their backends. */
import { formatAddress, formatPublishedPort, type PublishedPort, type ServiceRecord } from '../../overlay/index.js';
import type { ConversationReport, ConversationSide } from '../flows/index.js';
import { type AddressName, NameKind } from './address-name.js';
import type { AddressNames } from './address-names.js';
import type { BackendReport, ServiceReport, ServiceTraffic } from './service-report.js';
import { taskText } from './task-text.js';

/** Counts of one kind of conversations, where they were seen. */
class Tally {
  connections = 0;
  packets = 0;
  bytes = 0;

  add({ protocol, packets, bytes }: ConversationReport): void {
    if (protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP') this.connections++;
    this.packets += packets;
    this.bytes += bytes;
  }

  get traffic(): ServiceTraffic {
    const { connections, packets, bytes } = this;
    return { connections, packets, bytes };
  }
}

/**
 * The same packets may be in a capture several times: in VXLAN, and at the interfaces of containers or of load balancers
 * (`tcpdump -i any`). Only one of them counts.
 */
class PlacedTally {
  readonly #inside = new Tally();
  readonly #outside = new Tally();

  add(conversation: ConversationReport): void {
    (conversation.vni === null ? this.#outside : this.#inside).add(conversation);
  }

  get traffic(): ServiceTraffic {
    return this.#outside.packets > this.#inside.packets ? this.#outside.traffic : this.#inside.traffic;
  }
}

/** A backend while it is counted. */
interface Backend {
  readonly name: string | null;
  readonly node: string | null;
  readonly address: string;
  readonly tally: PlacedTally;
}

/** A service on one network while it is counted. */
interface Load {
  readonly name: string | null;
  readonly network: string;
  readonly vni: number;
  readonly vip: string | null;
  readonly ports: readonly PublishedPort[];
  readonly backends: Map<string, Backend>;
  readonly atVip: PlacedTally;
  readonly atNode: Tally;
  readonly atGateway: Tally;
}

/**
 * The load of each service and backend. On a VXLAN wire only the packets between load balancers and tasks are there:
 * their number per task is the load. Virtual IPs are there where a client's or a load balancer's interface was captured.
 * @param conversations of the capture
 */
export function serviceLoad(names: AddressNames, conversations: readonly ConversationReport[]): ServiceReport[] {
  const loads = new LoadTable(names);
  for (const conversation of conversations) loads.add(conversation);
  return loads.report();
}

class LoadTable {
  readonly #names: AddressNames;
  readonly #loads: Load[] = [];
  /** By network, then by a task's address, a virtual IP, a published port (`tcp 8080`), or the service's name. */
  readonly #byTask = new Map<string, Map<string, Load>>();
  readonly #byVip = new Map<string, Map<string, Load>>();
  readonly #byPort = new Map<string, Map<string, Load>>();
  readonly #byName = new Map<string, Map<string, Load>>();
  readonly #ports = new Map<string, Load>();
  readonly #unattributed = new Map<string, Load>();
  readonly #vnis: ReadonlyMap<string, number>;
  readonly #ingress: ReadonlySet<string>;

  constructor(names: AddressNames) {
    this.#names = names;
    const { networks, services } = names.topology;
    this.#vnis = new Map(networks.map(({ name, vni }) => [name, vni]));
    this.#ingress = new Set(services?.networks.flatMap(({ name, ingress }) => (ingress ? [name] : [])));
    const made = new Map<string, Load>();
    for (const record of services?.records ?? []) {
      if (record.service !== undefined) this.#addRecord(record, record.service, made);
    }
  }

  #addRecord(record: ServiceRecord, service: NonNullable<ServiceRecord['service']>, made: Map<string, Load>): void {
    const { network, node, addresses } = record;
    const key = `${network} ${service.id}`;
    let load = made.get(key);
    if (load === undefined) {
      const vip = service.vip === undefined ? null : formatAddress(service.vip);
      load = this.#make(service.name, network, vip, service.ports ?? []);
      made.set(key, load);
      within(this.#byName, network).set(service.name, load);
      if (vip !== null) within(this.#byVip, network).set(vip, load);
      for (const { protocol, published } of load.ports) {
        if (published === 0) continue;
        within(this.#byPort, network).set(`${protocol} ${published}`, load);
        this.#ports.set(`${protocol} ${published}`, load);
      }
    }
    for (const ip of addresses) {
      const address = formatAddress(ip);
      load.backends.set(address, { name: taskText(record), node, address, tally: new PlacedTally() });
      within(this.#byTask, network).set(address, load);
    }
  }

  #make(name: string | null, network: string, vip: string | null, ports: readonly PublishedPort[]): Load {
    const load: Load = {
      name,
      network,
      vni: this.#vnis.get(network) ?? 0,
      vip,
      ports,
      backends: new Map(),
      atVip: new PlacedTally(),
      atNode: new Tally(),
      atGateway: new Tally(),
    };
    this.#loads.push(load);
    return load;
  }

  /** Counts a conversation for the service that it belongs to, if any. */
  add(conversation: ConversationReport): void {
    const { vni, a, b, protocol } = conversation;
    const [one, other] = [a, b].map(({ address }) => this.#names.find(vni, address));
    if (one?.kind === NameKind.Balancer && mayBeBackend(other)) {
      this.#addBackend(conversation, one.network ?? '', b);
    } else if (other?.kind === NameKind.Balancer && mayBeBackend(one)) {
      this.#addBackend(conversation, other.network ?? '', a);
    } else if (one?.kind === NameKind.Vip || other?.kind === NameKind.Vip) {
      const [name, side] = other?.kind === NameKind.Vip ? [other, b] : [one, a];
      this.#byVip
        .get(name?.network ?? '')
        ?.get(side.address)
        ?.atVip.add(conversation);
    } else if (other?.kind === NameKind.Task && this.#isRoundRobin(other.network ?? '', b.address)) {
      this.#addBackend(conversation, other.network ?? '', b);
    } else if (vni === null && b.port !== null) {
      const load = this.#ports.get(`${protocol.toLowerCase()} ${b.port}`);
      if (other?.kind === NameKind.Node) load?.atNode.add(conversation);
      else if (other === undefined && this.#names.isOnGateway(b.address)) load?.atGateway.add(conversation);
    }
  }

  /** Whether an address is a task's that clients reach without a load balancer. */
  #isRoundRobin(network: string, address: string): boolean {
    return this.#byTask.get(network)?.get(address)?.vip === null && !this.#ingress.has(network);
  }

  #addBackend(conversation: ConversationReport, network: string, side: ConversationSide): void {
    const { address, port } = side;
    const name = this.#names.find(conversation.vni, address);
    const load =
      this.#byTask.get(network)?.get(address) ??
      this.#byName.get(network)?.get(name?.service ?? '') ??
      this.#byPort.get(network)?.get(`${conversation.protocol.toLowerCase()} ${port ?? ''}`) ??
      this.#unattributed.get(network) ??
      this.#makeUnattributed(network);
    let backend = load.backends.get(address);
    if (backend === undefined) {
      backend = { name: name?.text ?? null, node: name?.node ?? null, address, tally: new PlacedTally() };
      load.backends.set(address, backend);
    }
    backend.tally.add(conversation);
  }

  #makeUnattributed(network: string): Load {
    const load = this.#make(null, network, null, []);
    this.#unattributed.set(network, load);
    return load;
  }

  /** The services with the most bytes first. */
  report(): ServiceReport[] {
    return this.#loads
      .map(reportOf)
      .sort((a, b) => Number(a.name === null) - Number(b.name === null) || load(b) - load(a));
  }
}

/** Whether what a load balancer talks to is a task, or may be one that the description doesn't have. */
function mayBeBackend(name: AddressName | undefined): boolean {
  return name === undefined || name.kind === NameKind.Task || name.kind === NameKind.Former;
}

function load({ bytes, atVip, atPorts }: ServiceReport): number {
  return Math.max(bytes, atVip.bytes, atPorts.bytes);
}

function within(maps: Map<string, Map<string, Load>>, network: string): Map<string, Load> {
  const known = maps.get(network);
  if (known !== undefined) return known;
  const made = new Map<string, Load>();
  maps.set(network, made);
  return made;
}

function reportOf({ name, network, vni, vip, ports, backends, atVip, atNode, atGateway }: Load): ServiceReport {
  const rows = [...backends.values()].map((backend) => ({ ...backend, traffic: backend.tally.traffic }));
  const sum = (of: (traffic: ServiceTraffic) => number): number => rows.reduce((all, row) => all + of(row.traffic), 0);
  const bytes = sum((traffic) => traffic.bytes);
  return {
    name,
    network,
    vni,
    mode: name === null ? null : vip === null ? 'dnsrr' : 'vip',
    vip,
    ports: ports.map(formatPublishedPort),
    connections: sum((traffic) => traffic.connections),
    packets: sum((traffic) => traffic.packets),
    bytes,
    atVip: atVip.traffic,
    atPorts: (atGateway.packets > atNode.packets ? atGateway : atNode).traffic,
    backends: rows.map(({ name: task, node, address, traffic }): BackendReport => ({
      name: task,
      address,
      node,
      ...traffic,
      share: bytes === 0 ? 0 : traffic.bytes / bytes,
    })),
  };
}
