/** The facts of one node while its inputs are read. */
import type { EngineView, LogLine, NetworkView, ServiceView } from '../evidence/docker.js';
import type { InputKind, NodeEvidence } from '../evidence/evidence.js';
import type { FirewallRule, IpvsTimeouts, TrackedConnection, VirtualServer } from '../evidence/firewall.js';
import type {
  FdbRow,
  Link,
  NeighbourRow,
  OffloadFeature,
  XfrmCounter,
  XfrmPolicy,
  XfrmSa,
} from '../evidence/kernel.js';
import type { StoreStream } from '../evidence/store.js';
import { DeviceVnis, mergedLinks } from './merged-links.js';
import { mergedSas } from './merged-sas.js';

/** Maximum number of facts of a kind that are kept of an input and of a node. */
export const MAX_FACTS = 200_000;
/** Maximum number of networks, each of which is compared with the node's tables and rules. */
const MAX_NETWORKS = 5_000;

/** Lists of facts. */
interface FactLists {
  readonly sas: XfrmSa[];
  readonly policies: XfrmPolicy[];
  readonly xfrmCounters: XfrmCounter[];
  readonly links: Link[];
  readonly fdb: FdbRow[];
  readonly neighbours: NeighbourRow[];
  readonly offloads: OffloadFeature[];
  readonly rules: FirewallRule[];
  /** Those of nft, which shows the rules of iptables, too. */
  readonly nftRules: FirewallRule[];
  readonly connections: TrackedConnection[];
  readonly virtualServers: VirtualServer[];
  readonly ipvsTimeouts: IpvsTimeouts[];
  readonly networks: NetworkView[];
  readonly services: ServiceView[];
  readonly engines: EngineView[];
  readonly log: LogLine[];
  readonly streams: StoreStream[];
}

/** Name of a list of facts. */
export type FactName = keyof FactLists;
/** A fact of a list. */
export type Fact<Name extends FactName> = FactLists[Name][number];

/** The facts of a node, or of inputs whose node is unknown. */
export class NodeFacts {
  readonly name: string;
  /** Names of the files that they are from. */
  readonly files = new Set<string>();
  readonly has = new Set<InputKind>();
  /** Addresses that inputs say are the node's own. */
  readonly ownAddresses = new Set<string>();
  status: NodeEvidence['status'];
  #owner: NodeFacts | undefined;
  readonly #lists: FactLists = {
    sas: [],
    policies: [],
    xfrmCounters: [],
    links: [],
    fdb: [],
    neighbours: [],
    offloads: [],
    rules: [],
    nftRules: [],
    connections: [],
    virtualServers: [],
    ipvsTimeouts: [],
    networks: [],
    services: [],
    engines: [],
    log: [],
    streams: [],
  };

  constructor(name: string) {
    this.name = name;
  }

  /** The facts of a list. */
  list<Name extends FactName>(name: Name): readonly Fact<Name>[] {
    return this.#lists[name];
  }

  /**
   * Adds facts while there is room for them.
   * @returns how many were added, and whether there were more
   */
  add<Name extends FactName>(
    name: Name,
    facts: Iterable<Fact<Name>>,
  ): { readonly count: number; readonly isFull: boolean } {
    const list = this.#lists[name] as Fact<Name>[];
    const most = name === 'networks' ? MAX_NETWORKS : MAX_FACTS;
    let count = 0;
    for (const fact of facts) {
      if (list.length >= most) return { count, isFull: true };
      list.push(fact);
      count++;
    }
    return { count, isFull: false };
  }

  /** Number of facts. */
  get size(): number {
    const lists: readonly (readonly unknown[])[] = Object.values(this.#lists);
    return lists.reduce((sum, list) => sum + list.length, 0);
  }

  /** The facts that these were merged into; themselves if they weren't. */
  get owner(): NodeFacts {
    return this.#owner?.owner ?? this;
  }

  /** Takes over the facts of others, which turned out to be of the same node. */
  merge(other: NodeFacts): void {
    other.#owner = this;
    for (const name of Object.keys(this.#lists) as FactName[]) this.add(name, other.list(name));
    for (const file of other.files) this.files.add(file);
    for (const kind of other.has) this.has.add(kind);
    for (const address of other.ownAddresses) this.ownAddresses.add(address);
    this.status ??= other.status;
  }

  /** The facts as evidence, with what follows from several of them. */
  evidence(addresses: readonly string[]): NodeEvidence {
    const links = mergedLinks(this.#lists.links);
    const vnis = new DeviceVnis(links);
    return {
      name: this.name,
      addresses,
      captures: [],
      has: this.has,
      sas: mergedSas(this.#lists.sas),
      policies: this.#lists.policies,
      xfrmCounters: withLater(this.#lists.xfrmCounters),
      links,
      fdb: this.#lists.fdb.map((row) => ({ ...row, vni: row.vni ?? vnis.of(row.place, row.device) })),
      neighbours: this.#lists.neighbours.map((row) => {
        const vni = vnis.of(row.place, row.device);
        return vni === undefined ? row : { ...row, vni };
      }),
      offloads: this.#lists.offloads,
      rules: [...this.#lists.rules, ...withoutKnown(this.#lists.nftRules, this.#lists.rules)],
      connections: this.#lists.connections,
      virtualServers: this.#lists.virtualServers,
      ipvsTimeouts: this.#lists.ipvsTimeouts,
      networks: this.#lists.networks,
      services: this.#lists.services,
      engines: this.#lists.engines,
      log: this.#lists.log,
      streams: this.#lists.streams,
      status: this.status,
    };
  }
}

/** Without the rules of tables that iptables shows itself, and with all their details. */
function withoutKnown(nftRules: readonly FirewallRule[], rules: readonly FirewallRule[]): readonly FirewallRule[] {
  const keyOf = ({ place, family, table }: FirewallRule): string => `${place.namespace ?? ''} ${family} ${table}`;
  // nft shows none of iptables-legacy.
  const known = new Set(rules.filter(({ backend }) => backend === undefined).map(keyOf));
  return nftRules.filter((rule) => !known.has(keyOf(rule)));
}

/** The counters of the first output, each with its count in the last one. */
function withLater(counters: NodeEvidence['xfrmCounters']): NodeEvidence['xfrmCounters'] {
  const merged = new Map<string, NodeEvidence['xfrmCounters'][number]>();
  for (const counter of counters) {
    const key = `${counter.place.namespace ?? ''} ${counter.name}`;
    const first = merged.get(key);
    merged.set(key, first === undefined ? counter : { ...first, later: counter.count });
  }
  return [...merged.values()];
}
