/**
 * Whether changes would send in clear what was encrypted: a config that was read while it was being written may lack the line
 * that says `encrypted: true`, or end within a name or a number.
 */
import {
  type ChangePlan,
  endpointId,
  type EndpointRecord,
  type Network,
  type ReadonlyNodeTables,
} from '../overlay/index.js';

/** The VNIs that a node has served encrypted since it started: a config that drops one for a while doesn't free it. */
export class EncryptedVnis {
  readonly #vnis = new Set<number>();

  /** Adds the VNIs of those networks that are encrypted. */
  add(networks: readonly Network[]): void {
    for (const { vni, encrypted } of networks) if (encrypted) this.#vnis.add(vni);
  }

  /**
   * What changes would turn clear: a VNI that was ever encrypted, or a network or an endpoint that is encrypted in the tables
   * as they are.
   * @returns the first of them, in words; undefined if there is none
   */
  downgradeIn(tables: ReadonlyNodeTables, plan: ChangePlan): string | undefined {
    const clear = plan.networks.filter(({ encrypted }) => !encrypted);
    if (clear.length > 0) {
      const names = new Set<string>();
      for (const network of tables.networks) if (network?.encrypted === true) names.add(network.name);
      const found = clear.find(({ name, vni }) => this.#vnis.has(vni) || names.has(name));
      if (found !== undefined) return `the network ${named(found)} was encrypted and isn't any more`;
    }
    for (const endpoint of plan.endpoints) {
      const network = plan.network(endpoint.vni);
      if (network === undefined || network.encrypted || !wasEncrypted(tables, endpoint)) continue;
      return `the endpoint ${endpoint.name} would leave an encrypted network for ${named(network)}, which is clear`;
    }
    return undefined;
  }
}

/** Whether an endpoint, by its id or its name, is in an encrypted network. */
function wasEncrypted(tables: ReadonlyNodeTables, endpoint: EndpointRecord): boolean {
  return [endpointId(endpoint), endpoint.name].some((id) => {
    const before = tables.endpoints[tables.endpointWithId(id)];
    return before !== undefined && tables.columns.encrypted[before.network] !== 0;
  });
}

function named({ name, vni }: Network): string {
  return `${name} (VNI ${vni})`;
}
