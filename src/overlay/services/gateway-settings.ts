/** The bridge to the outside that a config describes. */
import type { Locations } from '../locations.js';
import { formatAddress, formatPrefix, parsePrefix, prefixContains, prefixesOverlap } from '../prefix.js';
import { INTERFACE_NAME_RULE, isInterfaceName, type Network } from '../topology.js';
import { parseIpv4Address } from './read-values.js';
import type { GatewaySettings } from './service-set.js';
import { GATEWAY, type ParsedGateway } from './swarm-schema.js';

/** Room for the gateway, the ingress load balancer and a container. */
const LONGEST_SUBNET = 29;

/**
 * Reads the gateway.
 * @param parsed its section. Default: docker_gwbridge as Docker creates it
 * @param networks the overlay's networks, whose subnets it must not overlap
 * @throws OverlayError `BAD_CONFIG` with the line
 */
export function readGateway(
  parsed: ParsedGateway = GATEWAY.parse({}),
  networks: readonly Network[],
  locations: Locations,
): GatewaySettings {
  const { name, mtu, icc, masquerade } = parsed;
  if (!isInterfaceName(name)) {
    throw locations.error(['gateway', 'name'], `gateway.name: ${INTERFACE_NAME_RULE}`);
  }
  const path = ['gateway', 'subnet'];
  const subnet = locations.read(path, parsePrefix, parsed.subnet);
  const text = formatPrefix(subnet);
  if (subnet.address.length !== 4) throw locations.error(path, `gateway.subnet: ${text} is not IPv4`);
  if (subnet.length > LONGEST_SUBNET) {
    throw locations.error(path, `gateway.subnet: ${text} is too small; the longest prefix is /${LONGEST_SUBNET}`);
  }
  for (const network of networks) {
    const other = network.subnets.find((one) => prefixesOverlap(one, subnet));
    if (other === undefined) continue;
    throw locations.error(
      path,
      `gateway.subnet: ${text} overlaps ${formatPrefix(other)} of ${network.name}; give the gateway another subnet`,
    );
  }
  const { address, length } = subnet;
  const first = Uint8Array.of(...address.subarray(0, 3), address[3] + 1);
  const given = parsed.gateway;
  const gateway = given === undefined ? first : locations.read(['gateway', 'gateway'], parseIpv4Address, given);
  const wrong = (why: string): never => {
    throw locations.error(['gateway', 'gateway'], `gateway.gateway: ${formatAddress(gateway)} is ${why}`);
  };
  if (!prefixContains(subnet, gateway)) wrong(`outside its subnet ${text}`);
  const host = ((gateway[0] << 24) | (gateway[1] << 16) | (gateway[2] << 8) | gateway[3]) & (0xffffffff >>> length);
  if (host === 0) wrong(`the address of the subnet ${text} itself`);
  if (host >>> 0 === 0xffffffff >>> length) wrong(`the broadcast address of ${text}`);
  return { name, subnet, gateway, mtu, icc, masquerade };
}
