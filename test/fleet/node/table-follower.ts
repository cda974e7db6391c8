/** A node's tables and services that follow the records of a store. */
import { recordKey, type UnreadableRecord } from '../../../src/fleet/index.js';
import { type FollowedRecord } from '../../../src/fleet/node/followed-record.js';
import { RecordsTable } from '../../../src/fleet/node/records-table.js';
import {
  formatAddress,
  NodeTables,
  parseIp,
  Profile,
  ServiceChangeKind,
  type ServiceLabels,
} from '../../../src/overlay/index.js';
import { VXLAN_PORT } from '../../../src/wire/index.js';

export const HERE = { name: 'me', vtep: parseIp('192.168.50.9'), mac: undefined, mtu: 1500 };

/** A record that can be read. */
export type Record = Exclude<FollowedRecord, UnreadableRecord>;

export class TableFollower {
  readonly troubles: string[] = [];
  readonly table = new RecordsTable({ ...HERE, onTrouble: (text) => void this.troubles.push(text) });
  readonly tables = new NodeTables(
    { profile: Profile.Swarm, port: VXLAN_PORT, nodes: [HERE], networks: [], endpoints: [], ring: undefined },
    HERE.name,
  );
  readonly #networks = new Map<string, object>();
  readonly #records = new Map<string, object>();
  /** By name of the service. */
  readonly labels = new Map<string, ServiceLabels>();

  put(...records: readonly Record[]): this {
    for (const record of records) this.table.put(recordKey(record), record);
    return this;
  }

  delete(...records: readonly Record[]): this {
    for (const record of records) this.table.delete(recordKey(record));
    return this;
  }

  /** Applies what changed. @throws if the tables refuse it */
  apply(): this {
    const { topology, services } = this.table.take();
    this.tables.apply(topology);
    for (const change of services) {
      if (change.kind === ServiceChangeKind.SetNetwork) this.#networks.set(change.network.name, change.network);
      else if (change.kind === ServiceChangeKind.RemoveNetwork) {
        this.#networks.delete(change.name);
        for (const key of this.#records.keys()) if (key.startsWith(`${change.name} `)) this.#records.delete(key);
      } else if (change.kind === ServiceChangeKind.SetRecord) {
        const { network, endpoint } = change.record;
        if (!this.#networks.has(network)) throw new Error(`a record on ${network}, which is not there`);
        this.#records.set(`${network} ${endpoint}`, change.record);
      } else if (change.kind === ServiceChangeKind.RemoveRecord) {
        this.#records.delete(`${change.network} ${change.endpoint}`);
      } else if (change.kind === ServiceChangeKind.SetLabels) this.labels.set(change.labels.service, change.labels);
      else this.labels.delete(change.service);
    }
    return this;
  }

  /** Ids of the endpoints in the tables, with their nodes. */
  get endpoints(): string[] {
    const { nodes, endpoints } = this.tables.topology;
    return endpoints.map(({ id = '', node }) => `${id} on ${nodes[node].name}`).sort();
  }

  get services(): ReadonlyMap<string, object> {
    return this.#records;
  }

  /** All that the tables hold, whatever the order in which it came. */
  get state(): object {
    const { nodes, networks, endpoints } = this.tables.topology;
    return {
      nodes: nodes.map(({ name, vtep }) => `${name} ${formatAddress(vtep)}`).sort(),
      networks: networks.map((network) => JSON.stringify(network)).sort(),
      endpoints: endpoints
        .map((one) => JSON.stringify({ ...one, node: nodes[one.node].name, network: networks[one.network].name }))
        .sort(),
      serviceNetworks: [...this.#networks.values()].map((one) => JSON.stringify(sorted(one))).sort(),
      records: [...this.#records.values()].map((one) => JSON.stringify(one)).sort(),
      labels: [...this.labels.values()].map((one) => JSON.stringify(one)).sort(),
      counts: this.table.counts,
    };
  }
}

function sorted(value: object): object {
  const entries = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const isPlain = typeof member === 'object' && member !== null && !ArrayBuffer.isView(member);
    return [key, isPlain ? sorted(member) : member] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
