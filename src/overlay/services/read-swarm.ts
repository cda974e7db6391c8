/** Reads the swarm that a config describes. */
import { inQuotes } from '../../text/plain-text.js';
import { didYouMean } from '../../text/suggestion.js';
import { VtepError } from '../../error.js';
import type { SubnetPoolsOptions } from '../ipam/subnet-pools.js';
import type { Locations, Path } from '../locations.js';
import { parsePrefix, prefixContains } from '../prefix.js';
import { listOf } from '../schema.js';
import type { Network, Node } from '../topology.js';
import { DriverOption, type DriverOptions, readDriverOptions } from './driver-options.js';
import type { NodeOs, Service, ServiceNetwork, SubnetRequest, SwarmNetwork, SwarmNode, Task } from './model.js';
import { parsePublishedPort, type PublishedPort } from './published-port.js';
import type { ParsedIpam, ParsedNetworkFields, ParsedServices } from './swarm-schema.js';

/** A DNS label as Docker wants it for a service. */
const SERVICE_NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const MAX_SERVICE_NAME = 63;

/** A network's driver options, and the fields that say the same. */
type OptionFields = Pick<ParsedNetworkFields, 'options'> & {
  readonly encrypted: boolean;
  readonly mtu?: number | undefined;
  readonly vni?: number | undefined;
};

/**
 * Reads a network's driver options, with what vtep's own fields say.
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function readNetworkOptions(
  path: Path,
  { options, encrypted, mtu, vni }: OptionFields,
  locations: Locations,
): DriverOptions {
  const texts = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value ?? '')]));
  if (encrypted) texts[DriverOption.Encrypted] = '';
  const read = locations.read([...path, 'options'], () => readDriverOptions(texts), '');
  const twice = (what: string, option: string): never => {
    throw locations.error([...path, what], `${[...path, what].join('.')}: its option ${option} says this already`);
  };
  if (read.hasMtu && mtu !== undefined) twice('mtu', DriverOption.Mtu);
  if (read.vnis.length > 0 && vni !== undefined) twice('vni', DriverOption.VniList);
  return vni === undefined ? read : { ...read, vnis: [vni] };
}

/** What a network asks the manager for. */
export function readSwarmNetwork(
  { name, subnets, gateways }: Pick<Network, 'name' | 'subnets' | 'gateways'>,
  fields: ParsedNetworkFields,
  options: DriverOptions,
  locations: Locations,
): SwarmNetwork {
  const path = ['networks', name];
  const ranges = listOf(fields.ipRange).map((text) => locations.read([...path, 'ipRange'], parsePrefix, text));
  for (const [i, range] of ranges.entries()) {
    if (subnets.some((subnet) => range.length >= subnet.length && prefixContains(subnet, range.address))) continue;
    const text = listOf(fields.ipRange)[i];
    throw locations.error([...path, 'ipRange'], `networks.${name}.ipRange: ${text} is outside the network's subnets`);
  }
  const requests = subnets.map((subnet): SubnetRequest => {
    const own = gateways.filter((gateway) => prefixContains(subnet, gateway));
    if (own.length > 1) {
      throw locations.error([...path, 'gateway'], `networks.${name}.gateway: a subnet has one gateway in a swarm`);
    }
    const range = ranges.find(({ address }) => prefixContains(subnet, address));
    return {
      subnet,
      ...(own.length === 0 ? {} : { gateway: own[0] }),
      ...(range === undefined ? {} : { range }),
    };
  });
  const four = requests.filter(({ subnet }) => subnet.address.length === 4);
  if (four.length > 1) {
    throw locations.error(
      [...path, 'subnet'],
      `networks.${name}.subnet: a swarm has one VNI per IPv4 subnet; make each of the ${four.length} a network of its own`,
    );
  }
  return {
    name,
    subnets: requests,
    options,
    labels: fields.labels,
    attachable: fields.attachable ?? false,
    internal: fields.internal,
    ingress: fields.ingress,
  };
}

/** The nodes, with the addresses they are told to others by. */
export function readSwarmNodes(
  nodes: readonly Node[],
  parsed: Readonly<Record<string, { readonly advertise?: string | undefined; readonly os: NodeOs }>>,
  locations: Locations,
  parse: (text: string) => Uint8Array,
): SwarmNode[] {
  return nodes.map(({ name, vtep }): SwarmNode => {
    const { advertise, os } = parsed[name];
    const address = advertise === undefined ? vtep : locations.read(['nodes', name, 'advertise'], parse, advertise);
    return { name, advertise: address, dataPath: vtep, os };
  });
}

/** Where subnets come from. */
export function readPools({ pools, length, order }: ParsedIpam, locations: Locations): SubnetPoolsOptions {
  return {
    ...(pools === undefined
      ? {}
      : { pools: listOf(pools).map((text) => locations.read(['ipam', 'pools'], parsePrefix, text)) }),
    ...(length === undefined ? {} : { length }),
    ...(order === undefined ? {} : { order }),
  };
}

/**
 * Reads the services.
 * @param networks names of the networks
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function readServices(
  services: ParsedServices,
  networks: readonly string[],
  nodes: readonly string[],
  locations: Locations,
): Service[] {
  return Object.entries(services).map(([name, entry]): Service => {
    const path = ['services', name];
    if (!SERVICE_NAME.test(name) || name.length > MAX_SERVICE_NAME) {
      const why = 'name must be valid as a DNS name component, of at most 63 characters';
      throw locations.error(path, `services.${name}: ${why}`, 'BAD_CONFIG', 'name');
    }
    const own = membershipsOf(entry).map((membership) => {
      known(membership.network, 'network', networks, [...path, 'networks'], locations);
      return membership;
    });
    if (entry.replicas !== undefined && entry.tasks !== undefined && entry.replicas !== entry.tasks.length) {
      throw locations.error(
        [...path, 'replicas'],
        `services.${name}.replicas: there are ${entry.tasks.length} tasks; leave replicas out, or the tasks`,
      );
    }
    return {
      name,
      mode: entry.mode,
      networks: own,
      ports: entry.ports.flatMap((port, i) => portsOf(String(port), [...path, 'ports', i], locations)),
      tasks: tasksOf(name, entry, nodes, locations),
    };
  });
}

function membershipsOf({ networks, aliases }: ParsedServices[string]): ServiceNetwork[] {
  if (Array.isArray(networks)) return networks.map((network) => ({ network, aliases }));
  return Object.entries(networks).map(([network, own]) => ({
    network,
    aliases: [...aliases, ...(own?.aliases ?? [])],
  }));
}

function portsOf(text: string, path: Path, locations: Locations): PublishedPort[] {
  try {
    return parsePublishedPort(text);
  } catch (error) {
    if (error instanceof VtepError) throw locations.error(path, `${path.join('.')}: ${error.message}`);
    throw error;
  }
}

/** The tasks listed, or replicas spread evenly over the nodes. */
function tasksOf(
  service: string,
  { tasks, replicas }: ParsedServices[string],
  nodes: readonly string[],
  locations: Locations,
): Task[] {
  if (tasks === undefined) {
    return Array.from({ length: replicas ?? 1 }, (_, i): Task => {
      return { slot: i + 1, node: nodes.length === 0 ? undefined : nodes[i % nodes.length], state: 'running' };
    });
  }
  const slots = new Set<number>();
  return tasks.map(({ slot = 0, node, state }, i): Task => {
    const path = ['services', service, 'tasks', i];
    if (node !== undefined) known(node, 'node', nodes, [...path, 'node'], locations);
    const own = slot === 0 ? i + 1 : slot;
    if (slots.has(own)) throw locations.error(path, `${path.join('.')}: another task has slot ${own} already`);
    slots.add(own);
    return { slot: own, node, state };
  });
}

function known(name: string, what: string, names: readonly string[], path: Path, locations: Locations): void {
  if (names.includes(name)) return;
  const hint = didYouMean(name, names);
  throw locations.error(path, `${path.join('.')}: there is no ${what} ${inQuotes(name)}${hint}`);
}
