/** DNS for a node's containers: the thread of `LiveDns`, in step with the topology. */
import {
  Compatibility,
  type ServiceChange,
  ServiceChangeKind,
  type ServiceNetworkSet,
  type ServiceRecord,
  type Topology,
} from '../../overlay/index.js';
import { NetworkScope } from '../../service/index.js';
import type { DnsCounters } from '../dns/dns-counters.js';
import type { DnsReport } from '../dns/dns-order.js';
import { LiveDns } from '../dns/live-dns.js';
import type { PrometheusText } from '../metrics/prometheus-text.js';
import type { StatusSection } from '../status/status-section.js';
import { LatestUpdate } from './latest-update.js';
import { type LocalContainer, localContainers } from './local-containers.js';
import type { PartSource, ServicePart } from './service-part.js';

/** Maximum number of namespaces on a page of metrics. */
const MAX_SERIES = 1000;

/** DNS servers at 127.0.0.11 of each container's namespace. Nothing runs until there is a container to serve. */
export class DnsPart implements ServicePart {
  readonly name = 'dns';
  readonly #node: string;
  readonly #tell: (text: string) => void;
  readonly #updates: LatestUpdate<PartSource>;
  #dns: LiveDns | undefined;
  /** The thread's; with other compatibility it starts over. */
  #exactVips = false;
  /** The state sent to the thread last. */
  #networks = new Map<string, ServiceNetworkSet>();
  #records = new Map<string, ServiceRecord>();
  #containers = new Map<string, LocalContainer>();
  #report: DnsReport | undefined;
  #isAsking = false;
  /** Whether more has changed than what single changes say. */
  #stale = true;

  /**
   * @param node the node's name
   * @param tell receives a description of each problem
   */
  constructor(node: string, tell: (text: string) => void) {
    this.#node = node;
    this.#tell = tell;
    this.#updates = new LatestUpdate(
      async (source) => this.#follow(source),
      (error) => tell(`DNS: ${(error as Error).message}`),
    );
  }

  /** What the thread had done about a second ago; undefined if it doesn't run. */
  get report(): DnsReport | undefined {
    return this.#report;
  }

  get lines(): readonly string[] {
    if (this.#dns === undefined || this.#containers.size === 0) return [];
    return [`DNS at 127.0.0.11 in ${this.#containers.size} network namespaces`];
  }

  update(source: PartSource): void {
    this.#stale = true;
    this.#updates.set(source);
  }

  refresh(source: PartSource): void {
    this.#updates.set(source);
  }

  applyServices(changes: readonly ServiceChange[]): void {
    const dns = this.#dns;
    // Whoever starts the thread, or compares all of it, reads the services as they are by then.
    if (dns === undefined || this.#stale) return;
    for (const change of changes) this.#apply(dns, change);
  }

  async settled(): Promise<void> {
    await this.#updates.settled();
  }

  check(): void {
    const dns = this.#dns;
    if (dns === undefined || this.#isAsking) return;
    this.#isAsking = true;
    dns
      .report()
      .then((report) => (this.#report = report))
      // It has ended, which was reported.
      .catch(() => undefined)
      .finally(() => (this.#isAsking = false));
  }

  status(): StatusSection {
    const report = this.#report;
    const rows = Array.from(report?.endpoints ?? [], ([netns, { dropped, ...counters }]) => ({
      netns,
      ...counters,
      unanswered: Object.values(dropped).reduce((sum, count) => sum + count, 0),
      dropped,
    }));
    const facts = { records: report?.records ?? 0, refusedRecords: report?.refusedRecords ?? 0 };
    return { facts: { running: this.#dns !== undefined, total: rows.length, ...facts }, rows };
  }

  addMetrics(text: PrometheusText): void {
    const all = [...(this.#report?.endpoints ?? [])].slice(0, MAX_SERIES);
    const by = (name: string, help: string, value: (counters: DnsCounters) => number): void =>
      text.family(
        name,
        'counter',
        help,
        all.map(([netns, counters]) => [{ netns }, value(counters)]),
      );
    by('vtep_dns_queries_total', 'DNS queries of containers.', ({ queries }) => queries);
    by('vtep_dns_answers_total', 'Answers to them, relayed ones included.', ({ answers }) => answers);
    by('vtep_dns_forwarded_total', 'Queries that went to an upstream server.', ({ forwarded }) => forwarded);
    text.family(
      'vtep_dns_unanswered_total',
      'counter',
      'Queries without an answer, by reason.',
      all.flatMap(([netns, { dropped }]) =>
        Object.entries(dropped).map(([reason, count]) => [{ netns, reason }, count] as const),
      ),
    );
  }

  async close(): Promise<void> {
    await this.#updates.close();
    await this.#stop();
  }

  async #follow(source: PartSource): Promise<void> {
    const exactVips = source.topology.services?.compatibility === Compatibility.Improved;
    if (exactVips !== this.#exactVips) await this.#stop();
    this.#exactVips = exactVips;
    if (this.#dns === undefined && this.#containersIn(source.topology).length === 0) return;
    this.#dns ??= await LiveDns.start({
      exactVips,
      onFailure: ({ key, message }) => this.#tell(`DNS in ${key}: ${message}`),
      onEnd: (why) => this.#tell(`DNS has stopped: ${why}`),
    });
    // Read after the waiting: single changes may have come meanwhile.
    const { topology } = source;
    if (this.#stale) {
      this.#stale = false;
      this.#setNetworks(this.#dns, topology.services?.networks ?? []);
      this.#setRecords(this.#dns, topology.services?.records ?? []);
    }
    this.#setContainers(this.#dns, this.#containersIn(topology));
    // All of it has been done when the report is there.
    this.#report = await this.#dns.report();
  }

  #containersIn(topology: Topology): readonly LocalContainer[] {
    return topology.services === undefined ? [] : localContainers(topology, this.#node);
  }

  #apply(dns: LiveDns, change: ServiceChange): void {
    switch (change.kind) {
      case ServiceChangeKind.SetNetwork:
        this.#setNetwork(dns, change.network);
        return;
      case ServiceChangeKind.RemoveNetwork:
        this.#removeNetwork(dns, change.name);
        return;
      case ServiceChangeKind.SetRecord:
        this.#records.set(keyOf(change.record), change.record);
        dns.setRecord(change.record);
        return;
      case ServiceChangeKind.RemoveRecord:
        if (this.#records.delete(keyOf(change))) dns.removeRecord(change.network, change.endpoint);
    }
  }

  /** Ends the thread. The next one receives the whole state. */
  async #stop(): Promise<void> {
    await this.#dns?.close();
    this.#dns = undefined;
    this.#stale = true;
    this.#networks = new Map();
    this.#records = new Map();
    this.#containers = new Map();
    this.#report = undefined;
  }

  #setNetworks(dns: LiveDns, networks: readonly ServiceNetworkSet[]): void {
    const wanted = new Set(networks.map(({ name }) => name));
    for (const name of [...this.#networks.keys()]) if (!wanted.has(name)) this.#removeNetwork(dns, name);
    for (const network of networks) this.#setNetwork(dns, network);
  }

  #setNetwork(dns: LiveDns, network: ServiceNetworkSet): void {
    const { name, ingress, internal } = network;
    this.#networks.set(name, network);
    dns.setNetwork({ id: name, name, scope: ingress ? NetworkScope.Ingress : NetworkScope.Overlay, internal });
  }

  #removeNetwork(dns: LiveDns, name: string): void {
    if (!this.#networks.delete(name)) return;
    dns.removeNetwork(name);
    for (const [key, { network }] of this.#records) if (network === name) this.#records.delete(key);
  }

  #setRecords(dns: LiveDns, records: readonly ServiceRecord[]): void {
    const wanted = new Map(records.map((record) => [keyOf(record), record]));
    for (const [key, { network, endpoint }] of this.#records) if (!wanted.has(key)) dns.removeRecord(network, endpoint);
    for (const [key, record] of wanted) {
      const before = this.#records.get(key);
      if (before === undefined || textOf(before) !== textOf(record)) dns.setRecord(record);
    }
    this.#records = wanted;
  }

  #setContainers(dns: LiveDns, containers: readonly LocalContainer[]): void {
    const wanted = new Map(containers.map((container) => [container.netns, container]));
    for (const netns of this.#containers.keys()) if (!wanted.has(netns)) dns.removeEndpoint(netns);
    for (const [netns, { networks }] of wanted) {
      if (this.#containers.get(netns)?.networks.join('\n') === networks.join('\n')) continue;
      dns.setEndpoint({ key: netns, netns, networks });
    }
    this.#containers = wanted;
  }
}

function keyOf({ network, endpoint }: Pick<ServiceRecord, 'network' | 'endpoint'>): string {
  return JSON.stringify([network, endpoint]);
}

/** A record as a text, to see whether it has changed. */
function textOf(record: ServiceRecord): string {
  return JSON.stringify(record, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value));
}
