/** A planned swarm as endpoints and records: what its nodes know of its tasks and load balancers. */
import { formatMac, macOfIpv4 } from '../../wire/index.js';
import type { ConfigClaims } from '../config-claims.js';
import { AddressUse } from '../ipam/network-allocation.js';
import type { PlannedNetwork, PlannedService, SwarmPlan } from '../ipam/swarm-plan.js';
import type { Path } from '../locations.js';
import { formatAddress } from '../prefix.js';
import { type Endpoint, EndpointKind } from '../topology.js';
import { hasEnded, type Task, taskName } from './model.js';
import { PublishMode } from './published-port.js';
import type { RecordService, ServiceNetworkSet, ServiceRecord } from './service-set.js';

/** What a plan adds to a topology. */
export interface SwarmTopology {
  /** The tasks' interfaces and the load balancers. */
  readonly endpoints: readonly Endpoint[];
  readonly networks: readonly ServiceNetworkSet[];
  /** In the order in which they were planned. */
  readonly records: readonly ServiceRecord[];
}

/** An endpoint that a config lists, as a container that belongs to no service. */
export interface ListedEndpoint {
  readonly endpoint: Endpoint;
  readonly aliases: readonly string[];
}

/** The name of the load balancer of a network, on each of its nodes. */
export function balancerName(network: string): string {
  return `lb-${network}`;
}

/**
 * Turns a plan into endpoints and records.
 * @param listed the endpoints that the config lists
 * @param claims the names, addresses and interfaces that they have
 * @throws OverlayError `BAD_CONFIG` if an endpoint has the name or the interface of a task or load balancer
 */
export function swarmTopology(plan: SwarmPlan, listed: readonly ListedEndpoint[], claims: ConfigClaims): SwarmTopology {
  const build = new SwarmTopologyBuild(plan, claims);
  for (const { endpoint } of listed) build.claimNames(['endpoints', endpoint.name], endpoint);
  for (const service of plan.services) build.addService(service);
  for (const one of listed) build.addContainer(one);
  for (const network of plan.networks) build.addBalancers(network);
  return { endpoints: build.endpoints, networks: build.networks, records: build.records };
}

class SwarmTopologyBuild {
  readonly endpoints: Endpoint[] = [];
  readonly networks: ServiceNetworkSet[] = [];
  readonly records: ServiceRecord[] = [];
  readonly #plan: SwarmPlan;
  readonly #claims: ConfigClaims;
  readonly #networkOf: ReadonlyMap<string, number>;
  readonly #nodeOf: ReadonlyMap<string, number>;

  constructor(plan: SwarmPlan, claims: ConfigClaims) {
    this.#plan = plan;
    this.#claims = claims;
    this.#networkOf = new Map(plan.networks.map(({ request }, index) => [request.name, index]));
    this.#nodeOf = new Map(plan.swarm.nodes.map(({ name }, index) => [name, index]));
  }

  /** An endpoint's name is unique on its node, and its id in the topology. */
  claimNames(path: Path, { name, id = name, node }: Endpoint): void {
    this.#claims.claim(path, 'the endpoints', `the id ${id}`, name);
    if (id === name) this.#claims.claim(path, this.#plan.swarm.nodes[node].name, `the name ${name}`, name);
  }

  addService(planned: PlannedService): void {
    const { service, ports } = planned;
    const published = ports.some(({ mode }) => mode === PublishMode.Ingress);
    const ingress = published ? this.#plan.networks.filter(({ request }) => request.ingress) : [];
    const own = service.networks.map(({ network }) => this.#plan.networks[this.#networkOf.get(network) ?? -1]);
    const networks = [...ingress, ...own];
    const records = networks.map((network) => this.#recordService(planned, network));
    for (const [i, task] of service.tasks.entries()) {
      if (hasEnded(task.state) || task.node === undefined) continue;
      this.#addTask(service.name, task, task.node, ['services', service.name, 'tasks', i], networks, records);
    }
  }

  /** What the records of a service's tasks say about it on a network. */
  #recordService({ service, ports }: PlannedService, { request, allocation }: PlannedNetwork): RecordService {
    const mode = request.ingress ? PublishMode.Ingress : PublishMode.Host;
    return {
      id: service.id ?? service.name,
      name: service.name,
      vip: allocation.find(AddressUse.Vip, service.name),
      aliases: service.networks.find(({ network }) => network === request.name)?.aliases ?? [],
      ports: ports.filter((port) => port.mode === mode),
    };
  }

  #addTask(
    service: string,
    task: Task,
    node: string,
    path: Path,
    networks: readonly PlannedNetwork[],
    records: readonly RecordService[],
  ): void {
    const name = taskName(service, task.slot);
    const owned: Endpoint[] = [];
    for (const [i, { request, allocation }] of networks.entries()) {
      const address = allocation.find(AddressUse.Task, name);
      if (address === undefined) continue;
      const { netns } = task;
      const network = request.name;
      // As in Docker's containers. On a host, a task with one interface gives it its name.
      const inHost = networks.length === 1 ? name : `${name}-${i}`;
      const device = task.devices?.get(network) ?? (netns === undefined ? inHost : `eth${i}`);
      this.#claims.claimDevice([...path, 'device'], node, netns, device, name);
      owned.push({
        ...this.#endpoint(path, EndpointKind.Container, name, network, node, address),
        ...(device === name ? {} : { device }),
        ...(netns === undefined ? {} : { netns }),
      });
      if (task.state !== 'running') continue;
      this.records.push({
        network,
        endpoint: name,
        name: task.id === undefined ? name : `${name}.${task.id}`,
        node,
        addresses: [address],
        service: records[i],
        ...(task.drain === true ? { disabled: true } : {}),
      });
    }
    if (owned.length === 0) return;
    this.#claims.claim(path, node, `the name ${name}`, name);
    this.endpoints.push(...owned);
  }

  #endpoint(
    path: Path,
    kind: EndpointKind,
    name: string,
    network: string,
    node: string,
    address: Uint8Array,
  ): Endpoint {
    const endpoint: Endpoint = {
      kind,
      name,
      id: kind === EndpointKind.Balancer ? `${name}@${node}` : `${name}@${network}`,
      network: this.#networkOf.get(network) ?? -1,
      node: this.#nodeOf.get(node) ?? -1,
      ip: address,
      mac: macOfIpv4(address),
    };
    this.claimNames(path, endpoint);
    this.#claims.claim(path, network, formatMac(endpoint.mac), name);
    this.#claims.claim(path, network, formatAddress(address), name);
    return endpoint;
  }

  addContainer({ endpoint, aliases }: ListedEndpoint): void {
    const { name, network, node, ip } = endpoint;
    if (ip === undefined) return;
    this.records.push({
      network: this.#plan.networks[network].request.name,
      endpoint: name,
      name,
      node: this.#plan.swarm.nodes[node].name,
      addresses: [ip],
      aliases,
    });
  }

  addBalancers({ request, allocation }: PlannedNetwork): void {
    const { name, ingress, internal, options } = request;
    const balancers: Record<string, Uint8Array> = {};
    for (const { address, use, owner } of allocation.addresses) {
      if (use !== AddressUse.LoadBalancer) continue;
      balancers[owner] = address;
      const path = ['networks', name];
      const endpoint = this.#endpoint(path, EndpointKind.Balancer, balancerName(name), name, owner, address);
      this.#claims.claim(path, owner, `the name ${endpoint.name}`, `the load balancer of ${name}`);
      this.endpoints.push(endpoint);
    }
    this.networks.push({ name, ingress, internal, dsr: options.dsr, balancers });
  }
}
