/** The load balancers of this node: one on each network that it needs. */
import { isVtepError } from '../../error.js';
import { inQuotes } from '../../text/plain-text.js';
import { parsePrefix } from '../../overlay/index.js';
import { createEndpoint, removeEndpoint } from '../control/endpoints.js';
import { FleetEndpointKind, type NetworkRecord } from '../records/schemas.js';
import type { Store } from '../store/store.js';
import type { RecordsTable } from './records-table.js';

export interface OwnBalancersOptions {
  /** This node's name. */
  readonly node: string;
  /** Monotonic clock, in milliseconds. */
  readonly clock: () => number;
  /** The time of day, for records. */
  readonly now: () => Date;
  readonly tell: (text: string) => void;
}

/** Milliseconds before another attempt on a network whose store refuses an address. */
const RETRY_MS = 10_000;
/** Milliseconds after which a record that was written must have been seen. */
const SEEN_MS = 5_000;

/** Creates and removes the records of load balancers. */
export class OwnBalancers {
  readonly #store: Store;
  readonly #table: RecordsTable;
  readonly #options: OwnBalancersOptions;
  /** When a network's is tried again, by name, and why it failed. */
  readonly #failed = new Map<string, { readonly until: number; readonly why: string }>();
  #waiting = 0;

  constructor(store: Store, table: RecordsTable, options: OwnBalancersOptions) {
    this.#store = store;
    this.#table = table;
    this.#options = options;
  }

  /** Networks whose load balancer is yet to be created or removed. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Creates those that are missing, and removes those that nobody needs. The table must be current.
   * @throws StoreError; the next turn tries again
   */
  async turn(): Promise<void> {
    const has = new Map<string, string>();
    for (const key of this.#table.own) {
      const { record } = this.#table.endpoint(key) ?? {};
      if (record?.kind === FleetEndpointKind.Balancer) has.set(record.network, record.id);
    }
    const unneeded = [...has].filter(([network]) => !this.#table.needs(network));
    const missing = [...this.#table.networks].filter((name) => this.#table.needs(name) && !has.has(name));
    const networks = missing.map((name) => this.#table.network(name)).filter((one) => one !== undefined);
    const possible = networks.filter(hasIpv4);
    this.#waiting = unneeded.length + possible.length;
    for (const name of this.#failed.keys()) if (!missing.includes(name)) this.#failed.delete(name);
    if (!this.#store.connected) return;
    for (const [name, id] of unneeded) await removeEndpoint(this.#store, { name }, id);
    for (const network of possible) await this.#create(network);
  }

  async #create(network: NetworkRecord): Promise<void> {
    const { node, clock, now, tell } = this.#options;
    const { name } = network;
    const failed = this.#failed.get(name);
    if (failed !== undefined && clock() < failed.until) return;
    try {
      await createEndpoint(this.#store, {
        network,
        id: `lb-${node}`,
        kind: FleetEndpointKind.Balancer,
        name: `lb-${name}`,
        node,
        created: now().toISOString(),
        running: true,
      });
      // The watch brings it.
      this.#failed.set(name, { until: clock() + SEEN_MS, why: '' });
    } catch (error) {
      if (!isVtepError(error) || (error.code !== 'REFUSED' && error.code !== 'NO_ADDRESS')) throw error;
      const why = error.message;
      if (failed?.why !== why) tell(`network ${inQuotes(name)} has no load balancer on this node: ${why}`);
      this.#failed.set(name, { until: clock() + RETRY_MS, why });
    }
  }
}

function hasIpv4({ subnets }: NetworkRecord): boolean {
  return subnets.some(({ subnet }) => parsePrefix(subnet).address.length === 4);
}
