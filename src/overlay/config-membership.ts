/** What a config says for a node that learns the others from gossip, and what it must not say then. */
import type { GivenNetwork } from './config-networks.js';
import type { ParsedConfig } from './config-schema.js';
import { OverlayError } from './error.js';
import type { Locations } from './locations.js';
import type { Membership, NetworkMembership } from './membership.js';
import { parseIp } from './prefix.js';
import { Profile } from './profile.js';
import { parseIpv4Address } from './services/read-values.js';
import type { Node } from './topology.js';
import { unknownNode } from './unknown-node.js';

/** What only a config without gossip can have. */
const FOREIGN = ['services', 'ipam', 'gateway'] as const;

/**
 * Reads it.
 * @param node the node's name
 * @throws OverlayError `BAD_CONFIG`
 */
export function readMembership(
  parsed: ParsedConfig,
  locations: Locations,
  nodes: readonly Node[],
  networks: readonly GivenNetwork[],
  node: string,
): Membership {
  const here = nodes.find(({ name }) => name === node);
  if (here === undefined) throw new OverlayError('BAD_CONFIG', unknownNode(node, nodes));
  for (const section of FOREIGN) {
    if (parsed[section] === undefined) continue;
    throw locations.error([section], `${section}: not with gossip, which tells this node what the others have`);
  }
  if (parsed.profile !== Profile.Swarm) throw locations.error(['profile'], 'profile: with gossip, it must be swarm');
  const aliases: Record<string, readonly string[]> = {};
  for (const [name, entry] of Object.entries(parsed.endpoints)) {
    if (entry.node !== node) {
      throw locations.error(
        ['endpoints', name, 'node'],
        `endpoints.${name}.node: with gossip, a config has the endpoints of ${node} only; ${entry.node} announces its own`,
      );
    }
    if (entry.ip === undefined) {
      throw locations.error(
        ['endpoints', name],
        `endpoints.${name}.ip: missing; with gossip, every endpoint needs one`,
      );
    }
    aliases[name] = entry.aliases;
  }
  const { advertise } = parsed.nodes[node];
  return {
    advertise: advertise === undefined ? here.vtep : locations.read(['nodes', node, 'advertise'], parseIp, advertise),
    networks: readNetworkMemberships(parsed, locations, networks, node),
    aliases,
  };
}

function readNetworkMemberships(
  parsed: ParsedConfig,
  locations: Locations,
  networks: readonly GivenNetwork[],
  node: string,
): NetworkMembership[] {
  const owners = new Map<string, string>();
  return networks.map(({ name, vni, subnets, driver }): NetworkMembership => {
    const path = ['networks', name];
    const { id = name, ingress, internal, balancers } = parsed.networks[name];
    if (vni === undefined || subnets.length === 0) {
      const what = vni === undefined ? 'vni' : 'subnet';
      const text = `networks.${name}.${what}: missing; with gossip, a config must have the network's VNI and subnet`;
      throw locations.error(path, text);
    }
    const other = owners.get(id);
    if (other !== undefined) throw locations.error([...path, 'id'], `networks.${name}.id: ${other} has it already`);
    owners.set(id, name);
    const own = Object.hasOwn(balancers, node) ? balancers[node] : undefined;
    const balancer =
      own === undefined ? undefined : locations.read([...path, 'balancers', node], parseIpv4Address, own);
    return { id, ingress, internal, dsr: driver.dsr, balancer };
  });
}
