/** The names that the thread serves. A changed network keeps its records. */
import { type DnsNames, type DnsNetwork, NetworkScope } from '../../service/index.js';

/**
 * Adds a network, or changes it.
 * @returns whether anything has changed, so that clients must look their networks up again
 */
export function putNetwork(names: DnsNames, network: DnsNetwork): boolean {
  const old = names.network(network.id);
  if (old === undefined) {
    names.addNetwork(network);
    return true;
  }
  const same =
    old.name === network.name &&
    old.scope === (network.scope ?? NetworkScope.Overlay) &&
    old.ipv6 === (network.ipv6 ?? false) &&
    old.internal === (network.internal ?? false);
  if (same) return false;
  const records = [...old.records.values()];
  names.removeNetwork(network.id);
  names.addNetwork(network);
  for (const record of records) names.set(record);
  return true;
}
