/** Parses the config file, YAML or JSON, into a topology. Every error states its line and how to fix it. */
import type * as z from 'zod';
import { describeText } from '../text/recognised-text.js';
import { didYouMean } from '../text/suggestion.js';
import { formatMac, macOfIpv4, parseMac } from '../wire/index.js';
import { CONFIG_SCHEMA, type ParsedConfig } from './config-schema.js';
import { OverlayError } from './error.js';
import { AddressUse } from './ipam/network-allocation.js';
import { planSwarm, type SwarmPlan } from './ipam/swarm-plan.js';
import { KeyRing, refuseWeakKeys } from './keys/key-ring.js';
import { clusterKeyOf } from './keys/key-ring-file.js';
import { KeyText } from './keys/key-text.js';
import { type Locations, type Path } from './locations.js';
import {
  comparePrefixes,
  formatAddress,
  formatPrefix,
  parseIp,
  parsePrefix,
  type Prefix,
  prefixContains,
  prefixesOverlap,
} from './prefix.js';
import { listOf } from './schema.js';
import type { DriverOptions } from './services/driver-options.js';
import type { AttachedContainer, Swarm } from './services/model.js';
import {
  readNetworkOptions,
  readPools,
  readServices,
  readSwarmNetwork,
  readSwarmNodes,
} from './services/read-swarm.js';
import { type Endpoint, FloodPolicy, isInterfaceName, type Network, type Node, type Topology } from './topology.js';
import { pathOfProto, readYaml, type YamlText } from './yaml-text.js';

/**
 * Maximum length of a YAML config in characters: some 700 endpoints. Larger configs must be JSON, which parses much
 * faster.
 */
const MAX_CONFIG = 1 << 16;
/** RFC 8200 section 5. */
const MIN_IPV6_MTU = 1280;

/** A config as a whole. */
const CONFIG = 'a config has nodes, networks and endpoints';
/** A network as the config gives it. */
interface GivenNetwork extends Omit<Network, 'vni'> {
  /** Undefined to have one given out. */
  readonly vni: number | undefined;
  readonly driver: DriverOptions;
}

function readNodes(parsed: ParsedConfig, locations: Locations): Node[] {
  const nodes = Object.entries(parsed.nodes).map(([name, { vtep, advertise, mac, mtu }]): Node => {
    const path = ['nodes', name];
    const given = vtep ?? advertise;
    if (given === undefined) {
      throw locations.error(path, `nodes.${name}.vtep: missing; it must be an IP address`);
    }
    const address = locations.read([...path, vtep === undefined ? 'advertise' : 'vtep'], parseIp, given);
    if (address.length === 16 && mtu < MIN_IPV6_MTU) {
      throw locations.error([...path, 'mtu'], `nodes.${name}.mtu: IPv6 needs at least ${MIN_IPV6_MTU}, not ${mtu}`);
    }
    return {
      name,
      vtep: address,
      mac: mac === undefined ? undefined : locations.read([...path, 'mac'], parseMac, mac),
      mtu,
    };
  });
  const owners = new Map<string, string>();
  for (const { name, vtep } of nodes) {
    const address = formatAddress(vtep);
    const other = owners.get(address);
    if (other !== undefined) {
      throw locations.error(
        ['nodes', name, 'vtep'],
        `nodes.${name}.vtep: ${other} has ${address} already; each node needs its own`,
      );
    }
    owners.set(address, name);
  }
  return nodes;
}

/** The networks as the config gives them; what a swarm's manager would give them is still missing. */
function readNetworks(parsed: ParsedConfig, locations: Locations, keyed: boolean): GivenNetwork[] {
  const networks = Object.entries(parsed.networks).map(([name, entry]): GivenNetwork => {
    const path = ['networks', name];
    const subnets = listOf(entry.subnet).map((text) => locations.read([...path, 'subnet'], parsePrefix, text));
    const gateways = listOf(entry.gateway).map((text) => locations.read([...path, 'gateway'], parseIp, text));
    for (const gateway of gateways) {
      if (subnets.some((subnet) => prefixContains(subnet, gateway))) continue;
      throw locations.error(
        [...path, 'gateway'],
        `networks.${name}.gateway: ${formatAddress(gateway)} is outside the network's subnets`,
      );
    }
    const driver = readNetworkOptions(path, entry, locations);
    const { encrypted } = driver;
    if (encrypted && parsed.keys === undefined && !keyed) {
      throw locations.error(
        [...path, 'encrypted'],
        `networks.${name} is encrypted but there are no keys; add keys: [{ tag: 1, key: "32 hexadecimal digits" }]`,
      );
    }
    const mtu = driver.hasMtu ? driver.mtu : entry.mtu;
    const { flood, learning = flood === FloodPolicy.Replicate } = entry;
    return { name, vni: driver.vnis.at(0), subnets, gateways, encrypted, mtu, flood, learning, driver };
  });
  const owners = new Map<number, string>();
  for (const { name, vni } of networks) {
    if (vni === undefined) continue;
    const other = owners.get(vni);
    if (other !== undefined) {
      throw locations.error(
        ['networks', name, 'vni'],
        `networks.${name}.vni: ${other} has VNI ${vni} already; give each network its own`,
      );
    }
    owners.set(vni, name);
  }
  const shared = overlapOf(networks);
  if (shared !== undefined) {
    const { name } = networks[shared.network];
    throw locations.error(
      ['networks', name, 'subnet'],
      `networks.${name}.subnet: ${formatPrefix(shared.subnet)} overlaps a subnet of ${networks[shared.other].name}` +
        ' (Docker: Pool overlaps with other one on this address space)',
    );
  }
  return networks;
}

/** Finds a subnet of a network that overlaps one of an earlier network. */
function overlapOf(
  networks: readonly Pick<Network, 'subnets'>[],
): { readonly subnet: Prefix; readonly network: number; readonly other: number } | undefined {
  const all = networks.flatMap(({ subnets }, network) => subnets.map((subnet) => ({ subnet, network })));
  // Sorted, a subnet comes after those that contain it.
  all.sort((a, b) => comparePrefixes(a.subnet, b.subnet));
  const around: typeof all = [];
  for (const inner of all) {
    let outer = around.at(-1);
    for (; outer !== undefined && !prefixesOverlap(outer.subnet, inner.subnet); outer = around.at(-1)) around.pop();
    if (outer !== undefined && outer.network !== inner.network) {
      const [first, second] = outer.network < inner.network ? [outer, inner] : [inner, outer];
      return { ...second, other: first.network };
    }
    around.push(inner);
  }
  return undefined;
}

function readEndpoints(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly Network[],
  plan: SwarmPlan | undefined,
): Endpoint[] {
  const networkOf = new Map(networks.map(({ name }, index) => [name, index]));
  const nodeOf = new Map(nodes.map(({ name }, index) => [name, index]));
  const seen = new Map<string, string>();
  const claim = (path: Path, within: string, what: string, name: string): void => {
    const other = seen.get(`${within} ${what}`);
    if (other !== undefined)
      throw locations.error(path, `${path.join('.')}: ${other} of ${within} has ${what} already`);
    seen.set(`${within} ${what}`, name);
  };
  return Object.entries(parsed.endpoints).map(([name, entry]): Endpoint => {
    const path = ['endpoints', name];
    const network = networkOf.get(entry.network) ?? noNetwork(name, entry, networks, locations);
    const node = nodeOf.get(entry.node) ?? noNode(name, entry, nodes, locations);
    const given = entry.ip === undefined ? undefined : locations.read([...path, 'ip'], parseIp, entry.ip);
    const ip = given ?? plan?.networks[network].allocation.find(AddressUse.Container, name);
    const { subnets } = networks[network];
    if (ip !== undefined && subnets.length > 0 && !subnets.some((subnet) => prefixContains(subnet, ip))) {
      const within = subnets.map(formatPrefix).join(' or ');
      throw locations.error(
        [...path, 'ip'],
        `endpoints.${name}.ip: ${entry.ip} is outside ${within} of ${entry.network}`,
      );
    }
    const mac = entry.mac === undefined ? dockerMac(ip) : locations.read([...path, 'mac'], parseMac, entry.mac);
    if (mac === undefined) {
      throw locations.error(path, `endpoints.${name}: it needs a mac, which can only be derived from an IPv4 address`);
    }
    if ((mac[0] & 1) !== 0)
      throw locations.error([...path, 'mac'], `endpoints.${name}.mac: ${formatMac(mac)} is a group address`);
    claim([...path, 'mac'], entry.network, formatMac(mac), name);
    if (ip !== undefined) claim([...path, 'ip'], entry.network, formatAddress(ip), name);
    return { name, network, node, ip, mac, ...readInterface(name, entry, locations, claim) };
  });
}

function noNetwork(
  name: string,
  { network }: ParsedConfig['endpoints'][string],
  networks: readonly Pick<Network, 'name'>[],
  locations: Locations,
): never {
  throw locations.error(
    ['endpoints', name, 'network'],
    `endpoints.${name}.network: there is no network ${unknownName(network, networks)}`,
  );
}

function noNode(
  name: string,
  { node }: ParsedConfig['endpoints'][string],
  nodes: readonly Node[],
  locations: Locations,
): never {
  throw locations.error(
    ['endpoints', name, 'node'],
    `endpoints.${name}.node: there is no node ${unknownName(node, nodes)}`,
  );
}

/** An unknown name, with a suggestion. */
function unknownName(name: string, known: readonly { readonly name: string }[]): string {
  return `${name}${didYouMean(
    name,
    known.map((one) => one.name),
  )}`;
}

/** The endpoints as a swarm's manager sees them: containers that belong to no service. */
function readContainers(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly GivenNetwork[],
): AttachedContainer[] {
  const ownNodes = new Set(nodes.map(({ name }) => name));
  return Object.entries(parsed.endpoints).flatMap(([name, entry]): AttachedContainer[] => {
    const { network, node, ip, mac } = entry;
    if (!networks.some((one) => one.name === network)) noNetwork(name, entry, networks, locations);
    if (!ownNodes.has(node)) noNode(name, entry, nodes, locations);
    const { attachable, ingress } = parsed.networks[network];
    if (ingress || attachable === false) {
      throw locations.error(
        ['endpoints', name, 'network'],
        `endpoints.${name}.network: Could not attach to network ${network}: rpc error: code = PermissionDenied` +
          ` desc = network ${network} not manually attachable`,
      );
    }
    const address = ip === undefined ? undefined : locations.read(['endpoints', name, 'ip'], parseIp, ip);
    if (address === undefined) return mac === undefined && attachable === true ? [{ name, network, node }] : [];
    return address.length === 4 ? [{ name, network, node, address }] : [];
  });
}

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

/** A network with what the manager gave it. */
function completed(given: GivenNetwork, plan: SwarmPlan | undefined, index: number): Network {
  const { name, encrypted, mtu, flood, learning } = given;
  const network = { name, encrypted, mtu, flood, learning };
  const { subnets, gateways, vni = 0 } = given;
  if (plan === undefined) return { ...network, vni, subnets, gateways };
  const [own] = plan.networks[index].allocation.subnets;
  return {
    ...network,
    vni: own.vni,
    subnets: subnets.some(({ address }) => address.length === 4) ? subnets : [...subnets, own.subnet],
    gateways: gateways.some(({ length }) => length === 4) ? gateways : [...gateways, own.gateway],
  };
}

/** The interface that an endpoint has on a running node. */
function readInterface(
  name: string,
  { node, device, netns }: ParsedConfig['endpoints'][string],
  locations: Locations,
  claim: (path: Path, within: string, what: string, name: string) => void,
): Pick<Endpoint, 'device' | 'netns'> {
  const path = ['endpoints', name, 'device'];
  if (device !== undefined && !isInterfaceName(device)) {
    throw locations.error(path, `${path.join('.')}: an interface name has 1 to 15 characters: letters, digits and ._-`);
  }
  // By default the interface has the endpoint's name.
  claim(path, `${node}${netns === undefined ? '' : ` in ${netns}`}`, device ?? name, name);
  return { ...(device === undefined ? {} : { device }), ...(netns === undefined ? {} : { netns }) };
}

/** The MAC that Docker derives from an IPv4 address (`macOfIpv4`); undefined for other addresses. */
export function dockerMac(ip: Uint8Array | undefined): Uint8Array | undefined {
  return ip?.length === 4 ? macOfIpv4(ip) : undefined;
}

function readRing(parsed: ParsedConfig, locations: Locations, file: string | KeyText): KeyRing | undefined {
  if (parsed.keys === undefined) return undefined;
  const keys = parsed.keys.map((entry, i) =>
    locations.read(['keys', i], () => clusterKeyOf(entry, `key ${i + 1}`, file), ''),
  );
  return locations.read(['keys'], () => refuseWeakKeys(new KeyRing(keys)), '');
}

/** Suffix for an error: what other kind of file, commonly kept next to a config, the text looks like. */
function otherKind(text: string): string {
  const like = describeText(text);
  return like === undefined || /^(?:a config of vtep|JSON|a key ring)$/.test(like) ? '' : `; it looks like ${like}`;
}

function readConfig(text: string): YamlText {
  try {
    return readYaml(text, 'BAD_CONFIG', MAX_CONFIG);
  } catch (error) {
    const like = otherKind(text);
    if (!(error instanceof OverlayError) || like === '') throw error;
    const { position } = error;
    const at = position === undefined ? {} : { position };
    throw new OverlayError('BAD_CONFIG', `${error.reason}${like}`, { cause: error, ...at });
  }
}

/** The error for a file without any data. */
function emptyFile(): OverlayError {
  return new OverlayError('BAD_CONFIG', `the file is empty; ${CONFIG}`, { position: { line: 1, column: 1 } });
}

/** The error for data that isn't a config. */
function invalid(issue: z.core.$ZodIssue, locations: Locations, text: string): OverlayError {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  // A file without nodes is not a config, and may be another kind of file.
  const like = path.length === 0 || (path.length === 1 && path[0] === 'nodes') ? otherKind(text) : '';
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  switch (issue.code) {
    case 'unrecognized_keys':
      return locations.error([...path, issue.keys[0]], `${where}${issue.message}${like}`, 'BAD_CONFIG', 'name');
    case 'invalid_key':
      return locations.error(path, `${where}${issue.issues[0].message}${like}`, 'BAD_CONFIG', 'name');
    default: {
      const help = path.length === 0 && like === '' ? `; ${CONFIG}` : like;
      return locations.error(path, `${where}${issue.message}${help}`);
    }
  }
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

function parsedConfig(file: string | KeyText): { readonly parsed: ParsedConfig; readonly locations: Locations } {
  const text = file instanceof KeyText ? file.text : file;
  const { data, locations } = readConfig(text);
  const proto = pathOfProto(data);
  if (proto !== undefined) {
    throw locations.error(proto, `${proto.join('.')}: __proto__ can't be a name; choose another`, 'BAD_CONFIG', 'name');
  }
  if (data === null) throw emptyFile();
  const result = CONFIG_SCHEMA.safeParse(data);
  if (!result.success) throw invalid(result.error.issues[0], locations, text);
  return { parsed: result.data, locations };
}
