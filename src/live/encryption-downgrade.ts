/**
 * Whether a new config would send in clear what was encrypted: one that was read while it was being written may lack the
 * line that says `encrypted: true`, or end within a name or a number.
 */
import type { Endpoint, Network, Topology } from '../overlay/index.js';

/** The VNIs that a node has served encrypted since it started: a config that drops one for a while doesn't free it. */
export class EncryptedVnis {
  readonly #vnis = new Set<number>();

  /** Adds the encrypted VNIs of a topology. */
  add(topology: Topology): void {
    for (const { vni, encrypted } of topology.networks) if (encrypted) this.#vnis.add(vni);
  }

  /**
   * What a topology would turn clear: a VNI that was ever encrypted, a network that is encrypted in the topology before it, or
   * an endpoint that leaves an encrypted network for a clear one in which it wasn't.
   * @returns the first of them, in words; undefined if there is none
   */
  downgradeIn(before: Topology, after: Topology): string | undefined {
    const encryptedNames = new Set(before.networks.filter(({ encrypted }) => encrypted).map(({ name }) => name));
    const clear = after.networks.find(
      ({ name, vni, encrypted }) => !encrypted && (this.#vnis.has(vni) || encryptedNames.has(name)),
    );
    if (clear !== undefined) return `the network ${named(clear)} was encrypted and isn't any more`;
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
    return `the endpoint ${moved.name} would leave an encrypted network for ${named(network)}, which is clear`;
  }
}

/**
 * Which endpoint it is, for another topology to be compared with. A name alone doesn't say: in an import, a container has one
 * name in every network that it is attached to, and containers of different nodes may share one.
 */
function attachment({ nodes, networks }: Topology, { name, node, network }: Endpoint): string {
  return JSON.stringify([name, nodes[node].name, networks[network].vni]);
}

/** Names of endpoints that an encrypted network had on a node, and doesn't have there any more. */
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
