/**
 * The services of a running node. Load balancers are attached like containers, through software ports; the other parts
 * (`ServicePart`) follow the same topology beside the packet path.
 */
import type { Arena } from '../../memory/index.js';
import {
  type Compatibility,
  type Endpoint,
  endpointId,
  EndpointKind,
  type GatewaySettings,
  type ServiceChange,
  ServiceChangeKind,
  type ServiceSet,
  type Topology,
} from '../../overlay/index.js';
import {
  ingressPortsOf,
  type LoadBalancer,
  type NetworkCounts,
  NodeServices,
  type TargetPort,
} from '../../service/index.js';
import { formatIpv4 } from '../../wire/index.js';
import type { LiveNode } from '../node/live-node.js';
import type { FramePort } from '../port/frame-port.js';
import { IngressPort } from '../ports/ingress-port.js';
import type { StatusSection } from '../status/status-section.js';
import type { ServicesView } from '../status/service-sections.js';
import type { AttachedBalancer } from './attached-balancer.js';
import { BalancerPort } from './balancer-port.js';
import { GivenServices } from './given-services.js';
import type { PartSource, ServicePart } from './service-part.js';
import { WaitingTasks } from './waiting-tasks.js';

/** What a node's services need. */
export interface LiveServicesOptions {
  readonly node: LiveNode;
  /** The node's, so that frames through load balancers needn't be copied again. */
  readonly arena: Arena;
  /** The node's clock, in seconds. */
  readonly clock: () => number;
  /** Fills an array with random bytes, for source ports. */
  readonly random: (bytes: Uint8Array) => void;
  /** Receives a description of each problem, once. */
  readonly tell: (text: string) => void;
  /**
   * The address of the ingress load balancer's front leg on the gateway's network; undefined for a balancer with one leg.
   * @default undefined
   */
  readonly frontOf?: (gateway: GatewaySettings | undefined) => string | undefined;
  /** Called with the front leg of the ingress load balancer when it is attached, and undefined when it is gone. */
  readonly onFront?: (front: BalancerPort | undefined) => void;
}

/** Names of all parts. */
const PARTS = ['gateway', 'dns', 'mesh'] as const;
/** Delay of `refreshSoon`. */
const REFRESH_SECONDS = 0.05;

/** The services of a node. */
export class LiveServices implements ServicesView {
  readonly #options: LiveServicesOptions;
  readonly #parts: ServicePart[] = [];
  readonly #attached = new Map<string, AttachedBalancer>();
  readonly #waiting: WaitingTasks;
  readonly #given: GivenServices;
  /** As given, with the tasks that wait for their interface disabled; made when it is read. */
  #set: ServiceSet | undefined;
  /** What the parts follow. */
  readonly #source: PartSource;
  /** When parts that follow whole topologies do so next, and whether this node's endpoints have changed, too. */
  #due: number | undefined;
  #endpointsChanged = false;
  /** Published ports of this node's tasks, by their address on the ingress network; made when they are needed. */
  #published: ReadonlyMap<string, readonly TargetPort[]> | undefined;
  /** Created with the first set. */
  #services: NodeServices | undefined;
  #front: string | undefined;
  /** The ports of tasks on the ingress network, by the endpoint's id. */
  readonly #ingressPorts = new Map<string, IngressPort>();
  /** Problems that were reported and persist. */
  #reported: ReadonlySet<string> = new Set();

  constructor(options: LiveServicesOptions) {
    this.#options = options;
    this.#waiting = new WaitingTasks(options.node);
    const given = new GivenServices(options.node.tables.here.name);
    const topology = (): Topology => this.#topology;
    this.#given = given;
    this.#source = {
      get topology() {
        return topology();
      },
      get gateway() {
        return given.gateway;
      },
    };
  }

  get set(): ServiceSet | undefined {
    if (!this.#given.given) return undefined;
    if (this.#set === undefined) {
      const { networks, records, gateway, compatibility, mesh } = this.#given;
      const labels = [...this.#given.labels.values()];
      const present = Array.from(records, (record) => this.#waiting.apply(record));
      this.#set = { networks: [...networks.values()], records: present, gateway, compatibility, labels, mesh };
    }
    return this.#set;
  }

  get balancers(): readonly AttachedBalancer[] {
    return [...this.#attached.values()];
  }

  /** The parts beside the load balancers. */
  get parts(): readonly ServicePart[] {
    return this.#parts;
  }

  /** What each network's services have carried. */
  counts(): readonly NetworkCounts[] {
    return this.#services?.counts() ?? [];
  }

  /** The sections of the parts for a status, also of those that don't run. */
  get sections(): ReadonlyMap<string, () => StatusSection> {
    const absent = PARTS.map((name) => [name, (): StatusSection => ({ facts: { running: false } })] as const);
    return new Map([...absent, ...this.#parts.map((part) => [part.name, () => part.status()] as const)]);
  }

  /** Adds a part, which follows the topology from now on and is closed with the services. */
  add(part: ServicePart): void {
    this.#parts.push(part);
    part.update(this.#source);
  }

  /**
   * Takes over the services of a topology that the node has switched to: what is as before keeps its connections.
   * Tasks of this node get connections once their interface is there. Problems are reported, not thrown.
   */
  update(given: ServiceSet | undefined): void {
    this.#due = undefined;
    this.#endpointsChanged = false;
    if (given === undefined && this.#services === undefined) return;
    this.#given.replace(given);
    this.#waiting.update();
    this.#forgetSet();
    const { frontOf } = this.#options;
    this.#front = frontOf?.(this.#given.gateway);
    const services = this.#servicesFor(this.#given.compatibility);
    this.#tell(services.update(this.set, this.#front));
    this.#attach(services);
    this.#setIngressPorts();
    for (const part of this.#parts) part.update(this.#source);
  }

  /**
   * Applies single changes, such as those from gossip, in time that grows with the changes and not with what there is.
   * Parts that follow whole topologies do so within 50 ms. Without services so far, they start with none, without a
   * gateway, and compatible with Docker. Problems are reported, not thrown.
   */
  applyServices(changes: readonly ServiceChange[]): void {
    if (changes.length === 0) return;
    const services = this.#servicesFor(this.#given.compatibility);
    const { name } = this.#options.node.tables.here;
    const present: ServiceChange[] = [];
    let networksChanged = false;
    let ownChanged = false;
    for (const change of changes) {
      const { kind } = change;
      if (kind === ServiceChangeKind.SetRecord) {
        const record = this.#waiting.apply(change.record);
        const { network, endpoint } = record;
        ownChanged ||= record.node === name || services.record(network, endpoint)?.node === name;
        const isTaken = services.set(record);
        present.push(isTaken ? { kind, record } : { kind: ServiceChangeKind.RemoveRecord, network, endpoint });
        this.#given.apply(isTaken ? change : { kind: ServiceChangeKind.RemoveRecord, network, endpoint });
        continue;
      }
      this.#given.apply(change);
      present.push(change);
      if (kind === ServiceChangeKind.RemoveRecord) {
        ownChanged ||= services.record(change.network, change.endpoint)?.node === name;
        services.remove(change.network, change.endpoint);
        continue;
      }
      if (kind === ServiceChangeKind.SetLabels || kind === ServiceChangeKind.RemoveLabels) continue;
      networksChanged = true;
      if (kind === ServiceChangeKind.SetNetwork) services.setNetwork(change.network);
      else services.removeNetwork(change.name);
    }
    this.#set = undefined;
    if (ownChanged || networksChanged) this.#forgetSet();
    if (networksChanged) this.#attach(services);
    if (ownChanged || networksChanged) this.#setIngressPorts();
    for (const part of this.#parts) part.applyServices?.(present);
    this.#due ??= this.#options.clock() + REFRESH_SECONDS;
  }

  /**
   * Puts the published ports of a task around its interface on the ingress network, as Docker's rules in the task's
   * namespace do. Other interfaces stay as they are.
   */
  aroundInterface(endpoint: Endpoint, port: FramePort): FramePort {
    const { node, clock, random } = this.#options;
    const network = node.tables.networks[endpoint.network];
    if (endpoint.ip?.length !== 4 || network === undefined || !this.#isIngress(network.name)) return port;
    const ports = this.#publishedBy(endpoint.ip);
    const options = { address: formatIpv4(endpoint.ip), ports, mtu: node.mtuOf(endpoint.network), random };
    const around = new IngressPort(port, options, clock);
    this.#ingressPorts.set(endpointId(endpoint), around);
    return around;
  }

  /** Resolves when the parts have followed the last update. */
  async settled(): Promise<void> {
    for (const part of this.#parts) await part.settled();
  }

  /** Follows changes of the node's endpoints and MTUs that leave the services as they are. */
  refresh(): void {
    this.#due = undefined;
    this.#endpointsChanged = false;
    const services = this.#services;
    if (services === undefined) return;
    this.#waiting.update();
    this.#forgetSet();
    for (const network of this.#given.networks.values()) services.setNetwork(network);
    const changes: ServiceChange[] = [];
    for (const given of this.#given.own) {
      const record = this.#waiting.apply(given);
      if (services.record(record.network, record.endpoint)?.disabled === record.disabled) continue;
      services.set(record);
      changes.push({ kind: ServiceChangeKind.SetRecord, record });
    }
    this.#attach(services);
    this.#setIngressPorts();
    for (const part of this.#parts) {
      part.applyServices?.(changes);
      if (part.refresh === undefined) part.update(this.#source);
      else part.refresh(this.#source);
    }
    this.#tell(services.problems);
  }

  /** As `refresh`, but soon: a thousand changes a second are followed together. */
  refreshSoon(): void {
    this.#endpointsChanged = true;
    this.#due ??= this.#options.clock() + REFRESH_SECONDS;
  }

  /** Called between two turns of packets: tasks whose interface is there now get connections. */
  turn(): void {
    const isDue = this.#due !== undefined && this.#options.clock() >= this.#due;
    if ((isDue && this.#endpointsChanged) || this.#waiting.haveArrived) this.refresh();
    else if (isDue) this.#refreshParts();
  }

  /** Called about once per second. */
  check(): void {
    // Where no packets arrive, nothing else ends idle connections.
    const now = this.#options.clock();
    for (const { balancer } of this.#attached.values()) balancer.expire(now);
    for (const part of this.#parts) part.check();
  }

  /**
   * Ends what the parts do for clients, while packets still flow; `close` follows.
   * @param patience milliseconds that what is under way gets
   * @returns undefined if there is nothing to wait for
   */
  drain(patience: number): Promise<void> | undefined {
    const draining = this.#parts.flatMap((part) => part.drain?.(patience) ?? []);
    return draining.length === 0 ? undefined : Promise.all(draining).then(() => undefined);
  }

  /** Detaches the load balancers, and closes the parts, the latest first. */
  async close(): Promise<void> {
    for (const id of [...this.#attached.keys()]) this.#detach(id);
    for (const part of this.#parts.splice(0).reverse()) await part.close();
  }

  /** The node's topology; its tables know nothing of services. */
  get #topology(): Topology {
    return { ...this.#options.node.topology, services: this.set };
  }

  /** Parts that follow whole topologies catch up with single changes of services. */
  #refreshParts(): void {
    this.#due = undefined;
    for (const part of this.#parts) if (part.applyServices === undefined) part.update(this.#source);
    this.#tell(this.#services?.problems ?? []);
  }

  /** What is made of the services when it is read is made again. */
  #forgetSet(): void {
    this.#set = undefined;
    this.#published = undefined;
  }

  #isIngress(network: string): boolean {
    return this.#given.networks.get(network)?.ingress === true;
  }

  /** The published ports of the task of this node that has an address. */
  #publishedBy(address: Uint8Array | undefined): readonly TargetPort[] {
    this.#published ??= this.#publishedPorts();
    return this.#published.get(address?.join('.') ?? '') ?? [];
  }

  /** By address: a record's key is the endpoint's name in a config only. */
  #publishedPorts(): Map<string, readonly TargetPort[]> {
    const own = [...this.#given.own].filter(({ network }): boolean => this.#isIngress(network));
    return new Map(
      own.flatMap(({ addresses, service }) =>
        addresses.map((address) => [address.join('.'), ingressPortsOf(service)] as const),
      ),
    );
  }

  #setIngressPorts(): void {
    const { node } = this.#options;
    for (const [id, port] of this.#ingressPorts) {
      const endpoint = node.endpoint(id);
      const network = endpoint === undefined ? undefined : node.tables.networks[endpoint.network];
      if (node.ports.get(id) !== port || endpoint === undefined || network === undefined) this.#ingressPorts.delete(id);
      else port.rules.setPorts(this.#publishedBy(endpoint.ip));
    }
  }

  /** A change of compatibility applies to existing records too, so everything starts over. */
  #servicesFor(compatibility: Compatibility): NodeServices {
    if (this.#services?.compatibility === compatibility) return this.#services;
    const { node, random } = this.#options;
    for (const id of [...this.#attached.keys()]) this.#detach(id);
    this.#services = new NodeServices({
      node: node.tables.here.name,
      compatibility,
      random,
      mtuOf: (name) => {
        // Where changes are applied piece by piece, the tables may be without a network that still has services.
        const network = node.tables.networks.findIndex((one) => one?.name === name);
        return network < 0 ? undefined : node.mtuOf(network);
      },
    });
    return this.#services;
  }

  #attach(services: NodeServices): void {
    const { tables, ports } = this.#options.node;
    const wanted = new Map<string, { readonly network: string; readonly balancer: LoadBalancer }>();
    for (const list of tables.columns.local) {
      for (const index of list) {
        const endpoint = tables.endpoints[index];
        const network = endpoint === undefined ? undefined : tables.networks[endpoint.network]?.name;
        if (endpoint?.kind !== EndpointKind.Balancer || network === undefined) continue;
        const balancer = services.balancer(network);
        if (balancer !== undefined) wanted.set(endpointId(endpoint), { network, balancer });
      }
    }
    for (const [id, { balancer, back }] of [...this.#attached]) {
      // The node closes the port of an endpoint that leaves it.
      if (wanted.get(id)?.balancer !== balancer || ports.get(id) !== back) this.#detach(id);
    }
    for (const [id, { network, balancer }] of wanted) {
      if (!this.#attached.has(id)) this.#attachOne(id, network, balancer);
    }
  }

  #attachOne(id: string, network: string, balancer: LoadBalancer): void {
    const { node, arena, clock, onFront } = this.#options;
    const back = new BalancerPort({ name: 'load balancer', balancer, arena, clock });
    const front =
      this.#isIngress(network) && this.#front !== undefined ? back.addFront('load balancer, front leg') : undefined;
    node.attach(id, back);
    this.#attached.set(id, { endpoint: id, network, balancer, back, front });
    if (front !== undefined) onFront?.(front);
  }

  #detach(id: string): void {
    const attached = this.#attached.get(id);
    if (attached === undefined) return;
    this.#attached.delete(id);
    if (attached.front !== undefined) {
      this.#options.onFront?.(undefined);
      attached.front.close();
    }
    if (this.#options.node.ports.get(id) === attached.back) this.#options.node.detach(id);
  }

  /** Reports what wasn't wrong before. */
  #tell(problems: readonly string[]): void {
    for (const problem of problems) if (!this.#reported.has(problem)) this.#options.tell(problem);
    this.#reported = new Set(problems);
  }
}
