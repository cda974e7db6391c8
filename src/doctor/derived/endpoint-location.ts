/** Where endpoints are, according to Docker. */
import type { Evidence } from '../evidence/evidence.js';
import { isAddress, withoutLength } from './addresses.js';
import { isInUse } from './networks.js';
import { nodesByAddress, tunnelAddresses } from './nodes.js';

/** The VTEPs of endpoints by their addresses. */
export class EndpointLocations {
  readonly #vteps = new Map<string, Set<string>>();

  constructor(evidence: Evidence) {
    const byAddress = nodesByAddress(evidence);
    for (const node of evidence.nodes) {
      const own = tunnelAddresses(node).filter((one) => byAddress.get(one) === node);
      for (const view of node.networks) {
        for (const { ip, host } of view.tasks ?? []) this.#add(ip, host);
        // The peers of a network are the addresses that nodes advertise.
        const advertised = own.filter((one) => isInUse(view) && view.peers.includes(one));
        const vtep = advertised.at(0) ?? own.at(0) ?? '';
        for (const { ipv4, ipv6 } of view.endpoints) {
          this.#add(ipv4, vtep);
          this.#add(ipv6, vtep);
        }
      }
    }
  }

  #add(address: string, vtep: string): void {
    if (address === '' || !isAddress(vtep)) return;
    const key = withoutLength(address);
    const vteps = this.#vteps.get(key);
    if (vteps === undefined) this.#vteps.set(key, new Set([vtep]));
    else vteps.add(vtep);
  }

  /**
   * The VTEP of the node that has an endpoint: from the tasks of a network (`--verbose`), or from the endpoints of a node
   * whose address is known. Undefined if none or several have it.
   */
  of(address: string): string | undefined {
    const vteps = this.#vteps.get(address);
    return vteps?.size === 1 ? [...vteps].at(0) : undefined;
  }
}
