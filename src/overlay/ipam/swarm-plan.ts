/** Who gets which address in a swarm, if everything is created in the order in which it is listed. */
import { inQuotes } from '../../text/plain-text.js';
import { OverlayError } from '../error.js';
import type { Path } from '../locations.js';
import { hasEnded, NodeOs, type Service, type Swarm, type SwarmNetwork, taskName } from '../services/model.js';
import { PublishMode, type PublishedPort } from '../services/published-port.js';
import { type Capacity, capacityOf } from './capacity.js';
import { AddressUse, type NetworkAllocation } from './network-allocation.js';
import { SwarmAllocator } from './swarm-allocator.js';

/** Something for which a network has no address: in a swarm it waits without an error. */
export interface Waiting {
  readonly use: AddressUse;
  /** The service, the task as `service.slot`, the node or the container. */
  readonly owner: string;
  /** The full network. */
  readonly network: string;
}

/** A network of a plan. */
export interface PlannedNetwork {
  readonly request: SwarmNetwork;
  readonly allocation: NetworkAllocation;
  readonly capacity: Capacity;
}

/** A service of a plan. */
export interface PlannedService {
  readonly service: Service;
  /** Its ports, those left to the manager chosen. */
  readonly ports: readonly PublishedPort[];
}

/** A plan of a swarm's addresses. */
export interface SwarmPlan {
  readonly swarm: Swarm;
  readonly networks: readonly PlannedNetwork[];
  readonly services: readonly PlannedService[];
  readonly waiting: readonly Waiting[];
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Runs a step that concerns a part of the swarm; gives its errors their place. */
export type Located = <T>(path: Path, step: () => T) => T;

/**
 * Plans a swarm: nodes, networks, services with their tasks, then attached containers, each in the order listed.
 * Addresses that were asked for are reserved first. Tasks that have ended give theirs back.
 * @param located called for each step. Default: only runs it
 * @throws OverlayError `REFUSED` for what Docker refuses, in its words, `NO_SUBNET`, `NO_VNI`, `NO_PORT` or `BAD_PREFIX`
 */
export function planSwarm(swarm: Swarm, located: Located = (_, step) => step()): SwarmPlan {
  const { nodes, networks, services, containers } = swarm;
  const allocator = located(['ipam'], () => new SwarmAllocator(swarm.pools));
  const waiting: Waiting[] = [];
  for (const network of networks) located(['networks', network.name], () => allocator.addNetwork(network));
  reserve(swarm, allocator, located);
  const ingress = networks.find((network) => network.ingress)?.name ?? '';
  for (const { name } of nodes) {
    if (!allocator.addNode(name)) waiting.push({ use: AddressUse.LoadBalancer, owner: name, network: ingress });
  }
  const hostPorts = new Set<string>();
  for (const service of services) {
    located(['services', service.name], () => waiting.push(...addService(allocator, swarm, service, hostPorts)));
  }
  for (const { name, network, node } of containers) {
    located(['endpoints', name], () => {
      checkWindows(swarm, [network], node);
      if (allocator.attach(name, network, node)) return;
      const has = allocator.network(network).find(AddressUse.Container, name) !== undefined;
      waiting.push({ use: has ? AddressUse.LoadBalancer : AddressUse.Container, owner: has ? node : name, network });
    });
  }
  for (const { name, tasks } of services) {
    for (const { slot, state } of tasks) if (hasEnded(state)) allocator.removeTask(name, slot);
  }
  return {
    swarm,
    networks: networks.map((request): PlannedNetwork => {
      const allocation = allocator.network(request.name);
      return { request, allocation, capacity: capacityOf(allocation, nodes.length) };
    }),
    services: services.map((service) => ({ service, ports: allocator.portsOf(service.name) })),
    waiting,
  };
}

/** Reserves the addresses that were asked for, before any other is given out. */
function reserve({ networks, services, containers }: Swarm, allocator: SwarmAllocator, located: Located): void {
  const give = (path: Path, network: string, use: AddressUse, owner: string, address: Uint8Array): void => {
    located(path, () => allocator.network(network).giveThis(use, owner, address));
  };
  for (const { name, network, address } of containers) {
    if (address !== undefined) give(['endpoints', name], network, AddressUse.Container, name, address);
  }
  for (const { name, balancers = NONE } of networks) {
    for (const [node, address] of balancers) {
      give(['networks', name, 'balancers', node], name, AddressUse.LoadBalancer, node, address);
    }
  }
  for (const { name, vips = NONE, tasks } of services) {
    const path = ['services', name];
    for (const [network, address] of vips) give([...path, 'vip', network], network, AddressUse.Vip, name, address);
    for (const [i, { slot, addresses = NONE }] of tasks.entries()) {
      for (const [network, address] of addresses) {
        const at = [...path, 'tasks', i, 'ip', network];
        give(at, network, AddressUse.Task, taskName(name, slot), address);
      }
    }
  }
}

/** Creates a service and its tasks, then assigns these to their nodes. */
function addService(allocator: SwarmAllocator, swarm: Swarm, service: Service, hostPorts: Set<string>): Waiting[] {
  const { name, tasks } = service;
  const full = allocator.addService(service);
  if (full !== undefined) {
    const owners = tasks.map(({ slot }): Waiting => {
      return { use: AddressUse.Task, owner: taskName(name, slot), network: full };
    });
    return [{ use: AddressUse.Vip, owner: name, network: full }, ...owners];
  }
  const waiting: Waiting[] = [];
  const running = tasks.filter(({ slot }) => {
    const network = allocator.addTask(name, slot);
    if (network !== undefined) waiting.push({ use: AddressUse.Task, owner: taskName(name, slot), network });
    return network === undefined;
  });
  const ports = allocator.portsOf(name);
  const needsIngress = ports.some(({ mode }) => mode === PublishMode.Ingress);
  const ingress = needsIngress ? swarm.networks.filter((network) => network.ingress) : [];
  const networks = [...ingress.map((network) => network.name), ...service.networks.map(({ network }) => network)];
  const reported = new Set<string>();
  const checked = new Set<string>();
  for (const { slot, node, state } of running) {
    if (node === undefined) continue;
    if (!checked.has(node)) checkWindows(swarm, networks, node);
    checked.add(node);
    if (!hasEnded(state)) claimHostPorts(ports, node, hostPorts);
    for (const network of allocator.assignTask(name, slot, node)) {
      const key = `${network} ${node}`;
      if (!reported.has(key)) waiting.push({ use: AddressUse.LoadBalancer, owner: node, network });
      reported.add(key);
    }
  }
  return waiting;
}

/** The scheduler never places two tasks with one port in host mode on a node. */
function claimHostPorts(ports: readonly PublishedPort[], node: string, taken: Set<string>): void {
  for (const { mode, published, protocol } of ports) {
    if (mode !== PublishMode.Host || published === 0) continue;
    const key = `${published}/${protocol} ${node}`;
    if (taken.has(key)) {
      throw new OverlayError(
        'REFUSED',
        `${node} has ${published}/${protocol} already: no suitable node (host-mode port already in use on 1 node)`,
      );
    }
    taken.add(key);
  }
}

/** Docker accepts it, and then the node sends in the clear and can't read what the others send. */
function checkWindows(swarm: Swarm, networks: readonly string[], node: string): void {
  if (swarm.nodes.find(({ name }) => name === node)?.os !== NodeOs.Windows) return;
  const encrypted = swarm.networks.find(({ name, options }) => options.encrypted && networks.includes(name));
  if (encrypted === undefined) return;
  throw new OverlayError(
    'REFUSED',
    `${inQuotes(node)} runs Windows, and ${inQuotes(encrypted.name)} is encrypted: Docker on Windows ignores the option, sends` +
      " VXLAN in the clear, which Linux nodes drop, and can't decrypt theirs",
  );
}
