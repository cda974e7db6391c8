/**
 * Detects a config that would send encrypted traffic in clear: a config read while it is being written may lack the
 * line `encrypted: true`, or end in the middle of a name or a number.
 */
import type { Endpoint, Network, Topology } from '../overlay/index.js';

/** The VNIs that were encrypted at any time since the node started, even if a config dropped them in between. */
export class EncryptedVnis {
  readonly #vnis = new Set<number>();

  /** Adds the encrypted VNIs of a topology. */
  add(topology: Topology): void {
    for (const { vni, encrypted } of topology.networks) if (encrypted) this.#vnis.add(vni);
  }

  /**
   * Finds what a topology would downgrade to clear: a VNI that was ever encrypted, a network that is encrypted in the
   * previous topology, or an endpoint that moves from an encrypted network to a clear one in which it wasn't before.
   * @returns a description of the first one; undefined if there is none
   */
  downgradeIn(before: Topology, after: Topology): string | undefined {
    const encryptedNames = new Set(before.networks.filter(({ encrypted }) => encrypted).map(({ name }) => name));
    const clear = after.networks.find(
      ({ name, vni, encrypted }) => !encrypted && (this.#vnis.has(vni) || encryptedNames.has(name)),
    );
    if (clear !== undefined) return `the network ${named(clear)} was encrypted and would become clear`;
    const left = namesThatLeft(before, after);
    const there = new Set(before.endpoints.map((endpoint) => attachment(before, endpoint)));
    const moved = after.endpoints.find(
      (endpoint) =>
        left.has(endpoint.name) &&
        !after.networks[endpoint.network].encrypted &&
        !there.has(attachment(after, endpoint)),
    );
    if (moved === undefined) return undefined;
    const network = after.networks[moved.network];
    return `the endpoint ${moved.name} would move from an encrypted network to ${named(network)}, which is clear`;
  }
}

/**
 * Identifies an endpoint across topologies. Its name isn't enough: in an import, a container has the same name in every
 * network that it is attached to, and containers on different nodes may share a name.
 */
function attachment({ nodes, networks }: Topology, { name, node, network }: Endpoint): string {
  return JSON.stringify([name, nodes[node].name, networks[network].vni]);
}

/** Names of endpoints that have left an encrypted network or its node. */
function namesThatLeft(before: Topology, after: Topology): ReadonlySet<string> {
  const stay = new Set(after.endpoints.map((endpoint) => attachment(after, endpoint)));
  const left = before.endpoints.filter(
    (endpoint) => before.networks[endpoint.network].encrypted && !stay.has(attachment(before, endpoint)),
  );
  return new Set(left.map(({ name }) => name));
}

function named({ name, vni }: Network): string {
  return `${name} (VNI ${vni})`;
}
