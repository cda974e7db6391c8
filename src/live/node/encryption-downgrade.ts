/**
 * Whether changes would send in clear what was encrypted: a config that was read while it was being written may lack the line
 * that says `encrypted: true`, or end within a name or a number.
 */
import type { ChangePlan, EndpointRecord, Network, PlannedEndpoint, ReadonlyNodeTables } from '../../overlay/index.js';

/** The VNIs that were encrypted at any time since the node started, even if a config dropped them in between. */
export class EncryptedVnis {
  readonly #vnis = new Set<number>();

  /** Adds the VNIs of those networks that are encrypted. */
  add(networks: readonly Network[]): void {
    for (const { vni, encrypted } of networks) if (encrypted) this.#vnis.add(vni);
  }

  /**
   * What changes would turn clear: a VNI that was ever encrypted, a network that is encrypted in the tables as they are, or an
   * endpoint that leaves an encrypted network for a clear one in which it wasn't.
   * @returns the first of them, in words; undefined if there is none
   */
  downgradeIn(tables: ReadonlyNodeTables, plan: ChangePlan): string | undefined {
    const clear = plan.networks.filter(({ encrypted }) => !encrypted);
    if (clear.length > 0) {
      const names = new Set<string>();
      for (const network of tables.networks) if (network?.encrypted === true) names.add(network.name);
      const found = clear.find(({ name, vni }) => this.#vnis.has(vni) || names.has(name));
      if (found !== undefined) return `the network ${named(found)} was encrypted and would become clear`;
    }
    const { endpoints } = plan;
    const left = namesThatLeft(tables, endpoints);
    if (left.size === 0) return undefined;
    const there = new Set(endpoints.map(({ before }) => before && attachment(before)));
    for (const { after } of endpoints) {
      const network = after === undefined ? undefined : plan.network(after.vni);
      if (after === undefined || network === undefined || network.encrypted) continue;
      if (!left.has(after.name) || there.has(attachment(after))) continue;
      return `the endpoint ${after.name} would move from an encrypted network to ${named(network)}, which is clear`;
    }
    return undefined;
  }
}

/**
 * Which endpoint it is, before and after changes. A name alone doesn't say: in an import, a container has one name in every
 * network that it is attached to, and containers of different nodes may share one.
 */
function attachment({ name, vtep, vni }: EndpointRecord): string {
  return JSON.stringify([name, [...vtep], vni]);
}

/** Names of endpoints that an encrypted network has on a node, and won't have there any more. */
function namesThatLeft(tables: ReadonlyNodeTables, endpoints: readonly PlannedEndpoint[]): ReadonlySet<string> {
  const stay = new Set(endpoints.map(({ after }) => after && attachment(after)));
  const names = new Set<string>();
  for (const { before } of endpoints) {
    if (before === undefined || tables.columns.encrypted[tables.networkOf(before.vni)] === 0) continue;
    if (!stay.has(attachment(before))) names.add(before.name);
  }
  return names;
}

function named({ name, vni }: Network): string {
  return `${name} (VNI ${vni})`;
}
