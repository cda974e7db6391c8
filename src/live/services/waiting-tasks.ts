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

  constructor(node: LiveNode) {
    this.#node = node;
  }

  /** Whether one of them has got its port. */
  get haveArrived(): boolean {
    if (this.#ids.size === 0) return false;
    const { ports } = this.#node;
    for (const id of this.#ids.values()) if (ports.has(id)) return true;
    return false;
  }

  /** The records as they are while tasks of this node wait: those of waiting tasks are disabled. */
  apply(records: readonly ServiceRecord[]): readonly ServiceRecord[] {
    this.#ids = this.#find();
    if (this.#ids.size === 0) return records;
    const { name } = this.#node.tables.here;
    return records.map((record) => {
      const waits =
        record.node === name && record.addresses.some((address) => this.#ids.has(keyOf(record.network, address)));
      return waits ? { ...record, disabled: true } : record;
    });
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
