/**
 * Detects changes that would send encrypted traffic in cleartext: a config read while being written may lack its
 * `encrypted: true` line, or end within a name or a number.
 */
import type { ChangePlan, EndpointRecord, Network, PlannedEndpoint, ReadonlyNodeTables } from '../../overlay/index.js';

/** VNIs that were encrypted at any time since the node started, even if a config dropped them in between. */
export class EncryptedVnis {
  readonly #vnis = new Set<number>();

  /** Adds the VNIs of the encrypted ones among the networks. */
  add(networks: readonly Network[]): void {
    for (const { vni, encrypted } of networks) if (encrypted) this.#vnis.add(vni);
  }

  /**
   * Finds a downgrade to cleartext: of a VNI that was ever encrypted, of a network currently encrypted in the tables,
   * or of an endpoint that moves from an encrypted network to a clear one that it wasn't in.
   * @param isWhole whether the changes come from a whole topology. Single ones identify endpoints by id, and gossip may
   * give the name of one that leaves to another: then only this node's endpoints are compared
   * @returns a description of the first, or undefined
   */
  downgradeIn(tables: ReadonlyNodeTables, plan: ChangePlan, isWhole: boolean): string | undefined {
    const clear = plan.networks.filter(({ encrypted }) => !encrypted);
    if (clear.length > 0) {
      const names = new Set<string>();
      for (const network of tables.networks) if (network?.encrypted === true) names.add(network.name);
      const found = clear.find(({ name, vni }) => this.#vnis.has(vni) || names.has(name));
      if (found !== undefined) return `the network ${named(found)} was encrypted and would become clear`;
    }
    const here = tables.here.vtep.join('.');
    const isOwn = (one: EndpointRecord | undefined): boolean => one?.vtep.join('.') === here;
    const endpoints = isWhole
      ? plan.endpoints
      : plan.endpoints.map(({ before, after }) => ({
          before: isOwn(before) ? before : undefined,
          after: isOwn(after) ? after : undefined,
        }));
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
 * Identifies an endpoint across changes. Its name isn't enough: in an import, a container has the same name in every
 * network it is attached to, and containers on different nodes may share one.
 */
function attachment({ name, vtep, vni }: EndpointRecord): string {
  return JSON.stringify([name, [...vtep], vni]);
}

/** Names of endpoints that leave an encrypted network on a node. */
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
