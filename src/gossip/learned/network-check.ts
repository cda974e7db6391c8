import { VtepError } from '../../error.js';
import { inQuotes } from '../../text/plain-text.js';
import type { LearnedEntries } from './learned-entry.js';
import type { LearnedNetwork } from './learned-network.js';
import { placeOf } from './local-endpoint.js';

/**
 * Checks whether a network can be added to others, or replace the one with its id.
 * @param known networks by id, with this node's endpoints on them
 * @throws VtepError `BAD_GOSSIP`
 */
export function checkNetwork(
  { id, networks, balancer }: LearnedNetwork,
  known: ReadonlyMap<string, LearnedEntries>,
): void {
  const fail = (text: string): never => {
    throw new VtepError('BAD_GOSSIP', `network ${inQuotes(id)}: ${text}`);
  };
  if (networks.length === 0 || id.includes('/')) fail('it has no VNI, or its id has a /');
  const [{ name }] = networks;
  for (const other of known.values()) {
    if (other.network.id === id) continue;
    if (other.name === name) fail(`another network has the name ${inQuotes(name)}`);
    const shared = networks.find(({ vni }) => other.network.networks.some((each) => each.vni === vni));
    if (shared !== undefined) fail(`another network has the VNI ${shared.vni}`);
  }
  if (balancer !== undefined && placeOf({ networks }, balancer) === undefined) {
    fail("its load balancer's address is in none of its subnets");
  }
  for (const { name: local, address } of known.get(id)?.locals.values() ?? []) {
    if (placeOf({ networks }, address) === undefined) fail(`endpoint ${inQuotes(local)} is in none of its subnets`);
  }
}
