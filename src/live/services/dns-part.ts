/** DNS for a node's containers: the thread of `LiveDns`, in step with the topology. */
import { Compatibility, type ServiceNetworkSet, type ServiceRecord, type Topology } from '../../overlay/index.js';
import { NetworkScope } from '../../service/index.js';
import type { DnsCounters } from '../dns/dns-counters.js';
import type { DnsReport } from '../dns/dns-order.js';
import { LiveDns } from '../dns/live-dns.js';
import type { PrometheusText } from '../metrics/prometheus-text.js';
import type { StatusSection } from '../status/status-section.js';
import { LatestUpdate } from './latest-update.js';
import { type LocalContainer, localContainers } from './local-containers.js';
import type { ServicePart } from './service-part.js';

/** Maximum number of namespaces on a page of metrics. */
const MAX_SERIES = 1000;

/** DNS servers at 127.0.0.11 of each container's namespace. Nothing runs until there is a container to serve. */
export class DnsPart implements ServicePart {
  readonly name = 'dns';
  readonly #node: string;
  readonly #tell: (text: string) => void;
  readonly #updates: LatestUpdate<Topology>;
  #dns: LiveDns | undefined;
  /** The thread's; with other compatibility it starts over. */
  #exactVips = false;
  /** The state sent to the thread last. */
  #networks = new Map<string, ServiceNetworkSet>();
  #records = new Map<string, ServiceRecord>();
  #containers = new Map<string, LocalContainer>();
  #report: DnsReport | undefined;
  #isAsking = false;

  /**
   * @param node the node's name
   * @param tell receives a description of each problem
   */
  constructor(node: string, tell: (text: string) => void) {
    this.#node = node;
    this.#tell = tell;
    this.#updates = new LatestUpdate(
      async (topology) => this.#follow(topology),
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

  update(topology: Topology): void {
    this.#updates.set(topology);
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

  async #follow(topology: Topology): Promise<void> {
    const { services } = topology;
    const containers = services === undefined ? [] : localContainers(topology, this.#node);
    if (this.#dns === undefined && containers.length === 0) return;
    const exactVips = services?.compatibility === Compatibility.Improved;
    if (exactVips !== this.#exactVips) await this.#stop();
    this.#exactVips = exactVips;
    this.#dns ??= await LiveDns.start({
      exactVips,
      onFailure: ({ key, message }) => this.#tell(`DNS in ${key}: ${message}`),
      onEnd: (why) => this.#tell(`DNS has stopped: ${why}`),
    });
    this.#setNetworks(this.#dns, services?.networks ?? []);
    this.#setRecords(this.#dns, services?.records ?? []);
    this.#setContainers(this.#dns, containers);
    // All of it has been done when the report is there.
    this.#report = await this.#dns.report();
  }

  /** Ends the thread. The next one receives the whole state. */
  async #stop(): Promise<void> {
    await this.#dns?.close();
    this.#dns = undefined;
    this.#networks = new Map();
    this.#records = new Map();
    this.#containers = new Map();
    this.#report = undefined;
  }

  #setNetworks(dns: LiveDns, networks: readonly ServiceNetworkSet[]): void {
    const wanted = new Map(networks.map((network) => [network.name, network]));
    for (const name of this.#networks.keys()) {
      if (wanted.has(name)) continue;
      dns.removeNetwork(name);
      for (const [key, { network }] of this.#records) if (network === name) this.#records.delete(key);
    }
    for (const [name, { ingress, internal }] of wanted) {
      const scope = ingress ? NetworkScope.Ingress : NetworkScope.Overlay;
      dns.setNetwork({ id: name, name, scope, internal });
    }
    this.#networks = wanted;
  }

  #setRecords(dns: LiveDns, records: readonly ServiceRecord[]): void {
    const wanted = new Map(records.map((record) => [JSON.stringify([record.network, record.endpoint]), record]));
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

/** A record as a text, to see whether it has changed. */
function textOf(record: ServiceRecord): string {
  return JSON.stringify(record, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value));
}
