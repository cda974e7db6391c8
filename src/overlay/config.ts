/** Parses the config file, YAML or JSON, into a topology. Every error states its line and how to fix it. */
import { readContainers, readEndpoints } from './config-endpoints.js';
import { completed, type GivenNetwork, readNetworks, readNodes } from './config-networks.js';
import type { ParsedConfig } from './config-schema.js';
import { parsedConfig } from './config-text.js';
import { planSwarm, type SwarmPlan } from './ipam/swarm-plan.js';
import { KeyRing, refuseWeakKeys } from './keys/key-ring.js';
import { clusterKeyOf } from './keys/key-ring-file.js';
import type { KeyText } from './keys/key-text.js';
import type { Locations } from './locations.js';
import { parseIp } from './prefix.js';
import type { Swarm } from './services/model.js';
import { readPools, readServices, readSwarmNetwork, readSwarmNodes } from './services/read-swarm.js';
import type { Node, Topology } from './topology.js';

/** Plans the swarm that a config describes. */
function readPlan(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly GivenNetwork[],
): SwarmPlan {
  const names = networks.map(({ name }) => name);
  const ownNodes = nodes.map(({ name }) => name);
  const swarm: Swarm = {
    nodes: readSwarmNodes(nodes, parsed.nodes, locations, parseIp),
    networks: networks.map((network) => {
      return readSwarmNetwork(network, parsed.networks[network.name], network.driver, locations);
    }),
    services: readServices(parsed.services ?? {}, names, ownNodes, locations),
    containers: readContainers(parsed, locations, nodes, networks),
    pools: readPools(parsed.ipam ?? {}, locations),
  };
  return planSwarm(swarm, (path, step) => locations.read(path, step, ''));
}

/** Whether a config leaves anything to a swarm's manager. */
function isSwarm({ services, ipam }: ParsedConfig, networks: readonly GivenNetwork[]): boolean {
  return services !== undefined || ipam !== undefined || networks.some(({ vni }) => vni === undefined);
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
export function parseConfig(file: string | KeyText, { ring }: ConfigOptions = {}): Topology {
  const { parsed, locations } = parsedConfig(file);
  const nodes = readNodes(parsed, locations);
  const given = readNetworks(parsed, locations, ring !== undefined);
  const plan = isSwarm(parsed, given) ? readPlan(parsed, locations, nodes, given) : undefined;
  const networks = given.map((network, i) => completed(network, plan, i));
  const endpoints = readEndpoints(parsed, locations, nodes, networks, plan);
  return {
    profile: parsed.profile,
    port: parsed.port,
    nodes,
    networks,
    endpoints,
    ring: ring ?? readRing(parsed, locations, file),
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
  const { parsed, locations } = parsedConfig(file);
  const nodes = readNodes(parsed, locations);
  const given = readNetworks(parsed, locations, true);
  const plan = readPlan(parsed, locations, nodes, given);
  readEndpoints(
    parsed,
    locations,
    nodes,
    given.map((network, i) => completed(network, plan, i)),
    plan,
  );
  return plan;
}
