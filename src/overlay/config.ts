/** Parses the config file, YAML or JSON, into a topology. Every error states its line and how to fix it. */
import { ConfigClaims } from './config-claims.js';
import { readContainers, readEndpoints } from './config-endpoints.js';
import { readMembership } from './config-membership.js';
import { completed, type GivenNetwork, readNetworks, readNodes } from './config-networks.js';
import type { ParsedConfig } from './config-schema.js';
import { type ConfigData, parsedConfig } from './config-text.js';
import { planSwarm, type SwarmPlan } from './ipam/swarm-plan.js';
import { KeyRing, refuseWeakKeys } from './keys/key-ring.js';
import { clusterKeyOf } from './keys/key-ring-file.js';
import type { KeyText } from './keys/key-text.js';
import type { Locations } from './locations.js';
import type { Swarm } from './services/model.js';
import { writePinned } from './services/pinned-config.js';
import { readGateway } from './services/gateway-settings.js';
import { readMesh } from './services/read-mesh.js';
import { serviceLabels } from './services/service-labels.js';
import type { ServiceSet } from './services/service-set.js';
import { readServices } from './services/read-services.js';
import { readPools, readSwarmNetwork, readSwarmNodes } from './services/read-swarm.js';
import { swarmTopology } from './services/swarm-topology.js';
import type { Network, Node, Topology } from './topology.js';

/** Plans the swarm that a config describes. */
function readPlan(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly GivenNetwork[],
): SwarmPlan {
  const names = nodes.map(({ name }) => name);
  const own = readSwarmNodes(nodes, parsed.nodes, locations);
  const requests = networks.map((network) => {
    return readSwarmNetwork(network, parsed.networks[network.name], network.driver, names, locations);
  });
  const swarm: Swarm = {
    nodes: own,
    networks: requests,
    services: readServices(parsed.services ?? {}, requests, own, locations),
    containers: readContainers(parsed, locations, nodes, networks),
    pools: readPools(parsed.ipam ?? {}, locations),
  };
  return planSwarm(swarm, (path, step) => locations.read(path, step, ''));
}

/** Whether a config leaves anything to a swarm's manager, or describes what a swarm's nodes do beside forwarding. */
function isSwarm({ services, ipam, gateway, mesh }: ParsedConfig, networks: readonly GivenNetwork[]): boolean {
  const described = [services, ipam, gateway, mesh].some((section) => section !== undefined && section !== false);
  return described || networks.some(({ vni }) => vni === undefined);
}

/** The HTTP routing mesh, as the member `services` of a topology has it. */
function meshOf(
  { mesh, services = {} }: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  plan: SwarmPlan | undefined,
): Pick<ServiceSet, 'mesh'> {
  if (mesh === undefined) return {};
  // Without a plan, other nodes and services are learned.
  const own = new Map(Object.keys(services).map((name) => [name, [] as readonly string[]]));
  for (const { service } of plan?.services ?? []) {
    own.set(
      service.name,
      service.networks.map(({ network }) => network),
    );
  }
  const known = plan === undefined ? undefined : { nodes: nodes.map(({ name }) => name), services: own };
  return { mesh: readMesh(mesh, ['mesh'], locations, known) };
}

/** What is known of services where a node learns them: how it routes requests to them. */
function learnedServices({ compatibility }: ParsedConfig, mesh: Pick<ServiceSet, 'mesh'>): Pick<Topology, 'services'> {
  if (mesh.mesh === undefined) return {};
  return { services: { networks: [], records: [], gateway: undefined, compatibility, ...mesh } };
}

/** What is attached to the networks, and the services that a swarm runs there. */
function readAttached(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly Network[],
  plan: SwarmPlan | undefined,
): Pick<Topology, 'endpoints' | 'services'> {
  const claims = new ConfigClaims(locations);
  const endpoints = readEndpoints(parsed, locations, nodes, networks, plan, claims);
  const mesh = meshOf(parsed, locations, nodes, plan);
  if (plan === undefined) return { endpoints, ...learnedServices(parsed, mesh) };
  const listed = endpoints.map((endpoint) => ({ endpoint, aliases: parsed.endpoints[endpoint.name].aliases }));
  const swarm = swarmTopology(plan, listed, claims);
  const publishes = plan.services.some(({ ports }) => ports.length > 0);
  const gateway =
    parsed.gateway === undefined && !publishes ? undefined : readGateway(parsed.gateway, networks, locations);
  if (gateway !== undefined) {
    for (const { name } of nodes) {
      claims.claimDevice(['gateway', 'name'], name, undefined, gateway.name, 'the gateway');
    }
  }
  return {
    endpoints: [...endpoints, ...swarm.endpoints],
    services: {
      networks: swarm.networks,
      records: swarm.records,
      gateway,
      compatibility: parsed.compatibility,
      ...labelsOf(plan),
      ...mesh,
    },
  };
}

/** The labels of services. */
function labelsOf({ services }: SwarmPlan): Pick<ServiceSet, 'labels'> {
  const labels = services.flatMap(({ service }) => serviceLabels(service));
  return labels.length === 0 ? {} : { labels };
}

function readRing(parsed: ParsedConfig, locations: Locations, file: string | KeyText): KeyRing | undefined {
  if (parsed.keys === undefined) return undefined;
  const keys = parsed.keys.map((entry, i) =>
    locations.read(['keys', i], () => clusterKeyOf(entry, `key ${i + 1}`, file), ''),
  );
  return locations.read(['keys'], () => refuseWeakKeys(new KeyRing(keys)), '');
}

/** Options of `parseConfig`. */
export interface ConfigOptions {
  /** The key ring; replaces the config's own keys. */
  readonly ring?: KeyRing;
  /**
   * Name of a node that learns the others from gossip: the config has its networks and endpoints only, and the topology
   * gets a `membership`.
   * @default none: the config has all nodes and endpoints
   */
  readonly member?: string;
}

/**
 * Parses a config.
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `BAD_CONFIG` with the line, what is wrong and how to fix it
 * @example
 * import { readFileSync } from 'node:fs';
 * import { NodeTables } from 'vtep/overlay';
 * import { parseConfig } from 'vtep/overlay/files';
 *
 * const topology = parseConfig(readFileSync('overlay.yaml', 'utf8'));
 * const tables = new NodeTables(topology, 'node1');
 * console.log(tables.node, topology.networks.length);
 */
export function parseConfig(file: string | KeyText, { ring, member }: ConfigOptions = {}): Topology {
  const { parsed, locations } = parsedConfig(file);
  const nodes = readNodes(parsed, locations);
  const given = readNetworks(parsed, locations, ring !== undefined);
  const membership = member === undefined ? undefined : readMembership(parsed, locations, nodes, given, member);
  const isPlanned = membership === undefined && isSwarm(parsed, given);
  const plan = isPlanned ? readPlan(parsed, locations, nodes, given) : undefined;
  const networks = given.map((network, i) => completed(network, plan, i));
  return {
    profile: parsed.profile,
    port: parsed.port,
    nodes,
    networks,
    ...readAttached(parsed, locations, nodes, networks, plan),
    ring: ring ?? readRing(parsed, locations, file),
    ...(membership === undefined ? {} : { membership }),
    ...(parsed.acceptUnknownVteps === undefined ? {} : { acceptUnknownVteps: parsed.acceptUnknownVteps }),
  };
}

/**
 * Parses a config, and plans the addresses of the swarm that it describes. Encrypted networks need no keys here.
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { parseSwarmPlan } from 'vtep/overlay/files';
 *
 * const { networks } = parseSwarmPlan(readFileSync('overlay.yaml', 'utf8'));
 * for (const { request, capacity } of networks) console.log(request.name, capacity.replicas);
 * ```
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `BAD_CONFIG` with the line, also for what Docker refuses, in its words
 */
export function parseSwarmPlan(file: string | KeyText): SwarmPlan {
  return planOf(parsedConfig(file));
}

/**
 * Parses a config to what it says about services and the HTTP routing mesh. Encrypted networks need no keys here.
 * @param file the text, or the result of `extractKeys`
 * @returns undefined for a config without services
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function parseServices(file: string | KeyText): ServiceSet | undefined {
  return attachedOf(parsedConfig(file)).services;
}

/**
 * Parses a config, and writes its networks, services and endpoints with all addresses, VNIs and ports that it is
 * planned to get. With these, a service can be scaled, and networks and services added, without any of them changing.
 * @returns YAML
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { pinnedConfig } from 'vtep/overlay/files';
 *
 * console.log(pinnedConfig(readFileSync('overlay.yaml', 'utf8')));
 * ```
 * @param file the text, or the result of `extractKeys`
 * @throws OverlayError `BAD_CONFIG` as `parseSwarmPlan`
 */
export function pinnedConfig(file: string | KeyText): string {
  const data = parsedConfig(file);
  return writePinned(data.written, planOf(data));
}

function planOf({ parsed, locations }: ConfigData): SwarmPlan {
  const nodes = readNodes(parsed, locations);
  const given = readNetworks(parsed, locations, true);
  const plan = readPlan(parsed, locations, nodes, given);
  const networks = given.map((network, i) => completed(network, plan, i));
  readAttached(parsed, locations, nodes, networks, plan);
  return plan;
}

function attachedOf({ parsed, locations }: ConfigData): Pick<Topology, 'services'> {
  const nodes = readNodes(parsed, locations);
  const given = readNetworks(parsed, locations, true);
  const plan = isSwarm(parsed, given) ? readPlan(parsed, locations, nodes, given) : undefined;
  const networks = given.map((network, i) => completed(network, plan, i));
  return readAttached(parsed, locations, nodes, networks, plan);
}
