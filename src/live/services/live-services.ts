/**
 * The services of a running node. Load balancers are attached like containers, as ports made of code; the other parts
 * (`ServicePart`) follow the same topology beside the packet path.
 */
import type { Arena } from '../../memory/index.js';
import { Compatibility, endpointId, EndpointKind, type ServiceSet, type Topology } from '../../overlay/index.js';
import { type LoadBalancer, type NetworkCounts, NodeServices } from '../../service/index.js';
import type { LiveNode } from '../node/live-node.js';
import type { StatusSection } from '../status/status-section.js';
import type { ServicesView } from '../status/service-sections.js';
import type { AttachedBalancer } from './attached-balancer.js';
import { BalancerPort } from './balancer-port.js';
import type { ServicePart } from './service-part.js';

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
   * The address of the ingress load balancer's front leg on the gateway's network. Undefined for a balancer with one leg.
   */
  readonly front?: string;
  /** Called with the front leg of the ingress load balancer when it is attached, and undefined when it is gone. */
  readonly onFront?: (front: BalancerPort | undefined) => void;
}

/** The services of a node. */
export class LiveServices implements ServicesView {
  readonly #options: LiveServicesOptions;
  readonly #parts: ServicePart[] = [];
  readonly #attached = new Map<string, AttachedBalancer>();
  #set: ServiceSet | undefined;
  /** Created with the first set. */
  #services: NodeServices | undefined;
  /** Problems that were reported and persist. */
  #told: ReadonlySet<string> = new Set();

  constructor(options: LiveServicesOptions) {
    this.#options = options;
  }

  get set(): ServiceSet | undefined {
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

  /** The sections of the parts for a status. */
  get sections(): ReadonlyMap<string, () => StatusSection> {
    return new Map(this.#parts.map((part) => [part.name, () => part.status()]));
  }

  /** Adds a part, which follows the topology from now on and is closed with the services. */
  add(part: ServicePart): void {
    this.#parts.push(part);
    part.update(this.#topology);
  }

  /**
   * Takes over the services of a topology that the node has switched to: what is as before keeps its connections.
   * Problems are reported, not thrown.
   */
  update(set: ServiceSet | undefined): void {
    const { front } = this.#options;
    this.#set = set;
    const services = this.#servicesFor(set?.compatibility ?? Compatibility.Docker);
    this.#tell(services.update(set, front));
    this.#attach(services);
    const topology = this.#topology;
    for (const part of this.#parts) part.update(topology);
  }

  /** Follows changes of the node's endpoints that leave the services as they are. */
  refresh(): void {
    this.update(this.#set);
  }

  /** Called about once per second. */
  check(): void {
    for (const part of this.#parts) part.check();
  }

  /** Detaches the load balancers, and closes the parts, the latest first. */
  async close(): Promise<void> {
    for (const id of [...this.#attached.keys()]) this.#detach(id);
    for (const part of this.#parts.splice(0).reverse()) await part.close();
  }

  /** The node's topology; its tables know nothing of services. */
  get #topology(): Topology {
    return { ...this.#options.node.topology, services: this.#set };
  }

  /** Another compatibility gives other rules for what there is: everything starts over. */
  #servicesFor(compatibility: Compatibility): NodeServices {
    if (this.#services?.compatibility === compatibility) return this.#services;
    const { node, random } = this.#options;
    for (const id of [...this.#attached.keys()]) this.#detach(id);
    this.#services = new NodeServices({
      node: node.tables.here.name,
      compatibility,
      random,
      mtuOf: (network) => node.mtuOf(node.tables.networks.findIndex((one) => one?.name === network)),
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
    const { node, arena, clock, front: address, onFront } = this.#options;
    const back = new BalancerPort({ name: 'load balancer', balancer, arena, clock });
    const isIngress = this.set?.networks.find(({ name }) => name === network)?.ingress === true;
    const front = isIngress && address !== undefined ? back.addFront('load balancer, front leg') : undefined;
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
    for (const problem of problems) if (!this.#told.has(problem)) this.#options.tell(problem);
    this.#told = new Set(problems);
  }
}
