/** Reads the swarm that a config describes. */
import type { SubnetPoolsOptions } from '../ipam/subnet-pools.js';
import type { Locations, Path } from '../locations.js';
import { parseIp, parsePrefix, prefixContains } from '../prefix.js';
import { listOf } from '../schema.js';
import type { Network, Node } from '../topology.js';
import { DriverOption, type DriverOptions, readDriverOptions } from './driver-options.js';
import { checkKnown, parseIpv4Address } from './read-values.js';
import type { NodeAvailability, NodeOs, SubnetRequest, SwarmNetwork, SwarmNode } from './model.js';
import type { ParsedIpam, ParsedNetworkFields } from './swarm-schema.js';

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
    throw locations.error([...path, what], `${[...path, what].join('.')}: already set by its option ${option}`);
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
  nodes: readonly string[],
  locations: Locations,
): SwarmNetwork {
  const path = ['networks', name];
  const balancers = new Map<string, Uint8Array>();
  for (const [node, text] of Object.entries(fields.balancers)) {
    const at = [...path, 'balancers', node];
    checkKnown(node, 'node', nodes, at, locations, 'name');
    balancers.set(node, locations.read(at, parseIpv4Address, text));
  }
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
    balancers,
  };
}

/** What a node's fields say about its part in the swarm. */
interface ParsedNodeFields {
  readonly advertise?: string | undefined;
  readonly os: NodeOs;
  readonly availability: NodeAvailability;
}

/** The nodes, with the addresses that they advertise. */
export function readSwarmNodes(
  nodes: readonly Node[],
  parsed: Readonly<Record<string, ParsedNodeFields>>,
  locations: Locations,
): SwarmNode[] {
  return nodes.map(({ name, vtep }): SwarmNode => {
    const { advertise, os, availability } = parsed[name];
    const address = advertise === undefined ? vtep : locations.read(['nodes', name, 'advertise'], parseIp, advertise);
    return { name, advertise: address, dataPath: vtep, os, availability };
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
