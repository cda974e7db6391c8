/** The manager's allocator: who gets which subnet, VNI, address and port, in the order of the requests. */
import { OverlayError } from '../error.js';
import type { Service, SwarmNetwork, TaskSlot } from '../services/model.js';
import { ServiceMode, taskName } from '../services/model.js';
import { PortTable } from '../services/port-table.js';
import { PublishMode, type PublishedPort } from '../services/published-port.js';
import { AddressUse, NetworkAllocation } from './network-allocation.js';
import { SubnetPools, type SubnetPoolsOptions } from './subnet-pools.js';
import { VniPool } from './vni-pool.js';

/** What a service got. */
interface ServiceAllocation {
  readonly mode: ServiceMode;
  /** Its networks, and the ingress network if it needs that. */
  readonly networks: readonly NetworkAllocation[];
  readonly ports: readonly PublishedPort[];
  /** Whether it has all of its virtual IPs. Until then its tasks get no addresses. */
  readonly complete: boolean;
  /** Its tasks' nodes by slot; undefined for one that isn't assigned. */
  readonly tasks: Map<TaskSlot, string | undefined>;
}

/** What a service is created with. */
export type ServiceRequest = Pick<Service, 'name' | 'mode' | 'networks' | 'ports'>;

/**
 * Gives out addresses as a swarm's manager does, request by request.
 * @example
 * ```ts
 * import { readDriverOptions, SwarmAllocator } from 'vtep/overlay';
 *
 * const allocator = new SwarmAllocator();
 * allocator.addNode('node1');
 * const options = readDriverOptions({});
 * allocator.addNetwork({ name: 'my-network', subnets: [], options, attachable: true, ingress: false });
 * allocator.addService({ name: 'web', mode: 'vip', networks: [{ network: 'my-network', aliases: [] }], ports: [] });
 * allocator.addTask('web', 1);
 * allocator.assignTask('web', 1, 'node1');
 * console.log(allocator.network('my-network').addresses); // gateway .1, VIP .2, task .3, load balancer .4
 * ```
 */
export class SwarmAllocator {
  readonly #subnets: SubnetPools;
  readonly #vnis = new VniPool();
  readonly #ports = new PortTable();
  readonly #nodes = new Set<string>();
  #ingress: NetworkAllocation | undefined;
  readonly #networks = new Map<string, NetworkAllocation>();
  readonly #services = new Map<string, ServiceAllocation>();
  /** Network and node of containers that belong to no service, by name. */
  readonly #containers = new Map<string, { readonly network: NetworkAllocation; readonly node: string }>();
  /** How many tasks and containers use the load balancer of a node, by network. */
  readonly #users = new Map<NetworkAllocation, Map<string, number>>();

  /** @throws OverlayError `BAD_PREFIX` */
  constructor(pools: SubnetPoolsOptions = {}) {
    this.#subnets = new SubnetPools(pools);
  }

  /** The networks, in the order of creation. */
  get networks(): readonly NetworkAllocation[] {
    return [...this.#networks.values()];
  }

  /**
   * The network of a name.
   * @throws OverlayError `REFUSED` if there is none
   */
  network(name: string): NetworkAllocation {
    const network = this.#networks.get(name);
    if (network === undefined) throw new OverlayError('REFUSED', `network ${name} not found`);
    return network;
  }

  /** The published ports of a service, those left to the manager chosen. */
  portsOf(service: string): readonly PublishedPort[] {
    return this.#serviceOf(service).ports;
  }

  /**
   * Adds a node, which gets an address on the ingress network.
   * @returns whether there was one
   */
  addNode(name: string): boolean {
    this.#nodes.add(name);
    const ingress = this.#ingress;
    return ingress === undefined || ingress.give(AddressUse.LoadBalancer, name) !== undefined;
  }

  /**
   * Creates a network: subnet, gateway, VNI. Every node gets an address on the ingress network.
   * @returns the nodes for which there was no address
   * @throws OverlayError `REFUSED` in Docker's words, `NO_SUBNET`, `NO_VNI` or `BAD_PREFIX`; then there is no network
   */
  addNetwork(request: Pick<SwarmNetwork, 'name' | 'subnets' | 'options' | 'attachable' | 'ingress'>): string[] {
    const { name, ingress } = request;
    if (this.#networks.has(name)) throw new OverlayError('REFUSED', `network with name ${name} already exists`);
    if (ingress && request.attachable) throw new OverlayError('REFUSED', 'ingress network cannot be attachable');
    const other = ingress ? this.#ingress : undefined;
    if (other !== undefined) throw new OverlayError('REFUSED', `ingress network (${other.name}) is already present`);
    const network = new NetworkAllocation(name, ingress);
    this.#allocate(network, request);
    this.#networks.set(name, network);
    this.#users.set(network, new Map());
    if (!ingress) return [];
    this.#ingress = network;
    return [...this.#nodes].filter((node) => network.give(AddressUse.LoadBalancer, node) === undefined);
  }

  #allocate(network: NetworkAllocation, { subnets, options }: Pick<SwarmNetwork, 'subnets' | 'options'>): void {
    const four = subnets.filter(({ subnet }) => subnet.address.length === 4);
    const undo: (() => void)[] = [];
    try {
      const chosen = four.map(({ subnet, range, gateway }) => {
        this.#subnets.claim(subnet, range !== undefined);
        undo.push(() => this.#subnets.release(subnet));
        return { subnet, range, gateway };
      });
      if (chosen.length === 0) {
        const subnet = this.#subnets.take();
        undo.push(() => this.#subnets.release(subnet));
        chosen.push({ subnet, range: undefined, gateway: undefined });
      }
      const vnis = chosen.map((_, i) => {
        const given = options.vnis.at(i);
        if (given !== undefined) this.#vnis.claim(given);
        const vni = given ?? this.#vnis.take();
        undo.push(() => this.#vnis.release(vni));
        return vni;
      });
      chosen.forEach(({ subnet, range, gateway }, i) => network.addSubnet(vnis[i], subnet, range, gateway));
    } catch (error) {
      for (const step of undo) step();
      throw error;
    }
  }

  /**
   * Removes a network.
   * @throws OverlayError `REFUSED` while a service or container uses it
   */
  removeNetwork(name: string): void {
    const network = this.network(name);
    for (const [service, { networks }] of this.#services) {
      if (networks.includes(network)) {
        throw new OverlayError('REFUSED', `network ${name} is in use by service ${service}`);
      }
    }
    for (const [container, { network: used }] of this.#containers) {
      if (used === network) throw new OverlayError('REFUSED', `network ${name} is in use by task ${container}`);
    }
    for (const { subnet, vni } of network.subnets) {
      this.#subnets.release(subnet);
      this.#vnis.release(vni);
    }
    this.#networks.delete(name);
    this.#users.delete(network);
    if (network.ingress) this.#ingress = undefined;
  }

  /**
   * Creates a service: ports, and in VIP mode an address on each of its networks.
   * @returns the network that had no address for it, if there is one: the service and its tasks wait
   * @throws OverlayError `REFUSED` in Docker's words, or `NO_PORT`; then there is no service
   */
  addService({ name, mode, networks, ports }: ServiceRequest): string | undefined {
    if (this.#services.has(name))
      throw new OverlayError('REFUSED', `name conflicts with an existing object: service ${name} already exists`);
    const own = networks.map(({ network }) => this.network(network));
    const explicit = own.find(({ ingress }) => ingress);
    if (explicit !== undefined) {
      throw new OverlayError(
        'REFUSED',
        `Service cannot be explicitly attached to the ingress network "${explicit.name}"`,
      );
    }
    const published = this.#ports.publish(name, mode, ports);
    const needsIngress = ports.some((port) => port.mode === PublishMode.Ingress);
    const ingress = this.#ingress;
    if (needsIngress && ingress === undefined) {
      this.#ports.release(name, published);
      throw new OverlayError('REFUSED', 'service needs ingress network, but no ingress network is present');
    }
    const all = needsIngress && ingress !== undefined ? [ingress, ...own] : own;
    const full =
      mode === ServiceMode.Vip ? all.find((network) => network.give(AddressUse.Vip, name) === undefined) : undefined;
    if (full !== undefined) for (const network of all) network.release(AddressUse.Vip, name);
    this.#services.set(name, { mode, networks: all, ports: published, complete: full === undefined, tasks: new Map() });
    return full?.name;
  }

  /** Removes a service and its tasks. */
  removeService(name: string): void {
    const service = this.#serviceOf(name);
    for (const slot of [...service.tasks.keys()]) this.removeTask(name, slot);
    for (const network of service.networks) network.release(AddressUse.Vip, name);
    this.#ports.release(name, service.ports);
    this.#services.delete(name);
  }

  /**
   * Creates a task, which gets an address on each of its service's networks, or none at all.
   * @returns the network that had no address for it, if there is one: the task stays `new`. Empty if its service waits
   * @throws OverlayError `REFUSED` if the service has this slot already
   */
  addTask(service: string, slot: TaskSlot): string | undefined {
    const { networks, tasks, complete } = this.#serviceOf(service);
    if (tasks.has(slot)) throw new OverlayError('REFUSED', `${taskName(service, slot)} exists already`);
    if (!complete) return '';
    const full = networks.find((network) => network.give(AddressUse.Task, taskName(service, slot)) === undefined);
    if (full === undefined) tasks.set(slot, undefined);
    else for (const network of networks) network.release(AddressUse.Task, taskName(service, slot));
    return full?.name;
  }

  /**
   * Assigns a task to a node: where it is the first of a network there, the node's load balancer gets an address.
   * @returns the networks that had no address for the node's load balancer
   * @throws OverlayError `REFUSED` if there is no such task
   */
  assignTask(service: string, slot: TaskSlot, node: string): string[] {
    const { networks, tasks } = this.#serviceOf(service);
    if (!tasks.has(slot)) throw new OverlayError('REFUSED', `task ${taskName(service, slot)} not found`);
    const before = tasks.get(slot);
    if (before === node) return [];
    if (before !== undefined) for (const network of networks) this.#leave(network, before);
    tasks.set(slot, node);
    return networks.flatMap((network) => (this.#join(network, node) ? [] : [network.name]));
  }

  /** Removes a task that has ended; with the last of a network on a node goes the load balancer's address. */
  removeTask(service: string, slot: TaskSlot): void {
    const { networks, tasks } = this.#serviceOf(service);
    if (!tasks.has(slot)) return;
    const node = tasks.get(slot);
    for (const network of networks) {
      network.release(AddressUse.Task, taskName(service, slot));
      if (node !== undefined) this.#leave(network, node);
    }
    tasks.delete(slot);
  }

  /**
   * Attaches a container that belongs to no service. It gets its address first, then the node's load balancer does.
   * @param address the address asked for: 4 bytes. Default: the next one
   * @returns whether both had an address
   * @throws OverlayError `REFUSED` if the address asked for can't be used
   */
  attach(name: string, networkName: string, node: string, address?: Uint8Array): boolean {
    const network = this.network(networkName);
    if (this.#containers.has(name)) throw new OverlayError('REFUSED', `${name} exists already`);
    if (address !== undefined) network.giveThis(AddressUse.Container, name, address);
    else if (network.give(AddressUse.Container, name) === undefined) return false;
    this.#containers.set(name, { network, node });
    return this.#join(network, node);
  }

  /** Removes an attached container. */
  detach(name: string): void {
    const container = this.#containers.get(name);
    if (container === undefined) return;
    container.network.release(AddressUse.Container, name);
    this.#leave(container.network, container.node);
    this.#containers.delete(name);
  }

  #serviceOf(name: string): ServiceAllocation {
    const service = this.#services.get(name);
    if (service === undefined) throw new OverlayError('REFUSED', `service ${name} not found`);
    return service;
  }

  /** Counts a user of a node's load balancer; whether that has an address. */
  #join(network: NetworkAllocation, node: string): boolean {
    const users = this.#users.get(network);
    users?.set(node, (users.get(node) ?? 0) + 1);
    return network.give(AddressUse.LoadBalancer, node) !== undefined;
  }

  #leave(network: NetworkAllocation, node: string): void {
    const users = this.#users.get(network);
    const left = (users?.get(node) ?? 0) - 1;
    if (left > 0) {
      users?.set(node, left);
      return;
    }
    users?.delete(node);
    // On the ingress network, a node has an address as long as it belongs to the swarm.
    if (!network.ingress) network.release(AddressUse.LoadBalancer, node);
  }
}
