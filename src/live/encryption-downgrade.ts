/**
 * Whether a new config would send in clear what was encrypted: one that was read while it was being written may lack the
 * line that says `encrypted: true`, or end within a name or a number.
 */
import type { Network, Topology } from '../overlay/index.js';

/** The VNIs that a node has served encrypted since it started: a config that drops one for a while doesn't free it. */
export class EncryptedVnis {
  readonly #vnis = new Set<number>();

  /** Adds the encrypted VNIs of a topology. */
  add(topology: Topology): void {
    for (const { vni, encrypted } of topology.networks) if (encrypted) this.#vnis.add(vni);
  }

  /**
   * What a topology would turn clear: a VNI that was ever encrypted, or a network or an endpoint that is encrypted in the
   * topology before it.
   * @returns the first of them, in words; undefined if there is none
   */
  downgradeIn(before: Topology, after: Topology): string | undefined {
    const encryptedNames = new Set(before.networks.filter(({ encrypted }) => encrypted).map(({ name }) => name));
    const clear = after.networks.find(
      ({ name, vni, encrypted }) => !encrypted && (this.#vnis.has(vni) || encryptedNames.has(name)),
    );
    if (clear !== undefined) return `the network ${named(clear)} was encrypted and isn't any more`;
    const isEncrypted = ({ networks, endpoints }: Topology, place: number): boolean =>
      networks[endpoints[place].network].encrypted;
    const encryptedEndpoints = new Set<string>();
    before.endpoints.forEach(({ name }, place) => isEncrypted(before, place) && encryptedEndpoints.add(name));
    const moved = after.endpoints.find(({ name }, place) => encryptedEndpoints.has(name) && !isEncrypted(after, place));
    if (moved === undefined) return undefined;
    const network = after.networks[moved.network];
    return `the endpoint ${moved.name} would leave an encrypted network for ${named(network)}, which is clear`;
  }
}

function named({ name, vni }: Network): string {
  return `${name} (VNI ${vni})`;
}
