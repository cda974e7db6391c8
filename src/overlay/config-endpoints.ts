/** The endpoints that a config lists. */
import { didYouMean } from '../text/suggestion.js';
import { formatMac, macOfIpv4, parseMac } from '../wire/index.js';
import type { ConfigClaims } from './config-claims.js';
import type { ParsedConfig } from './config-schema.js';
import type { GivenNetwork } from './config-networks.js';
import { AddressUse } from './ipam/network-allocation.js';
import type { SwarmPlan } from './ipam/swarm-plan.js';
import type { Locations } from './locations.js';
import { formatAddress, formatPrefix, parseIp, prefixContains } from './prefix.js';
import type { AttachedContainer } from './services/model.js';
import { type Endpoint, INTERFACE_NAME_RULE, isInterfaceName, type Network, type Node } from './topology.js';

/** The endpoints. */
export function readEndpoints(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly Network[],
  plan: SwarmPlan | undefined,
  claims: ConfigClaims,
): Endpoint[] {
  const networkOf = new Map(networks.map(({ name }, index) => [name, index]));
  const nodeOf = new Map(nodes.map(({ name }, index) => [name, index]));
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
    claims.claim([...path, 'mac'], entry.network, formatMac(mac), name);
    if (ip !== undefined) claims.claim([...path, 'ip'], entry.network, formatAddress(ip), name);
    return { name, network, node, ip, mac, ...readInterface(name, entry, locations, claims) };
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
export function readContainers(
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

/** The interface that an endpoint has on a running node. */
function readInterface(
  name: string,
  { node, device, netns }: ParsedConfig['endpoints'][string],
  locations: Locations,
  claims: ConfigClaims,
): Pick<Endpoint, 'device' | 'netns'> {
  const path = ['endpoints', name, 'device'];
  if (device !== undefined && !isInterfaceName(device)) {
    throw locations.error(path, `${path.join('.')}: ${INTERFACE_NAME_RULE}`);
  }
  // By default the interface has the endpoint's name.
  claims.claimDevice(path, node, netns, device ?? name, name);
  return { ...(device === undefined ? {} : { device }), ...(netns === undefined ? {} : { netns }) };
}

/** The MAC that Docker derives from an IPv4 address (`macOfIpv4`); undefined for other addresses. */
export function dockerMac(ip: Uint8Array | undefined): Uint8Array | undefined {
  return ip?.length === 4 ? macOfIpv4(ip) : undefined;
}
