/** Tasks of a node whose interfaces aren't there yet: they get no connections and no names until they are. */
import { type Endpoint, endpointId, EndpointKind, type ServiceRecord } from '../../overlay/index.js';
import type { LiveNode } from '../node/live-node.js';

/** An address on a network, as a key. */
function keyOf(network: string, address: Uint8Array): string {
  return `${network} ${address.join('.')}`;
}

/** The containers of a node without a port. */
export class WaitingTasks {
  readonly #node: LiveNode;
  /** Ids of endpoints, by network and address. */
  #ids: ReadonlyMap<string, string> = new Map();
  /** The node's ports that were looked at last. */
  #seen = -1;

  constructor(node: LiveNode) {
    this.#node = node;
  }

  /** Whether one of them has got its port. */
  get haveArrived(): boolean {
    const { ports, portChanges } = this.#node;
    if (this.#ids.size === 0 || portChanges === this.#seen) return false;
    this.#seen = portChanges;
    for (const id of this.#ids.values()) if (ports.has(id)) return true;
    return false;
  }

  /** Finds out who waits now. */
  update(): void {
    this.#seen = this.#node.portChanges;
    this.#ids = this.#find();
  }

  /** A record as it is at present: that of a waiting task is disabled. */
  apply(record: ServiceRecord): ServiceRecord {
    if (this.#ids.size === 0 || record.node !== this.#node.tables.here.name) return record;
    const waits = record.addresses.some((address) => this.#ids.has(keyOf(record.network, address)));
    return waits ? { ...record, disabled: true } : record;
  }

  #find(): Map<string, string> {
    const { tables, ports } = this.#node;
    const found = new Map<string, string>();
    for (const list of tables.columns.local) {
      for (const index of list) {
        const endpoint: Endpoint | undefined = tables.endpoints[index];
        const network = endpoint === undefined ? undefined : tables.networks[endpoint.network]?.name;
        if (endpoint?.ip === undefined || network === undefined || endpoint.kind === EndpointKind.Balancer) continue;
        const id = endpointId(endpoint);
        if (!ports.has(id)) found.set(keyOf(network, endpoint.ip), id);
      }
    }
    return found;
  }
}
