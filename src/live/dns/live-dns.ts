/** Docker's DNS server at 127.0.0.11 of each container, in a thread of its own. */
import { isIPv4 } from 'node:net';
import { Worker } from 'node:worker_threads';
import { type DnsNetwork, DnsProfile, type DnsRecord } from '../../service/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { LiveError } from '../error.js';
import {
  type DnsEndpoint,
  type DnsFailure,
  type DnsMessage,
  type DnsOrder,
  type DnsReport,
  type DnsThreadOptions,
} from './dns-order.js';

/** Options of `LiveDns`. */
export interface LiveDnsOptions {
  /** The engine whose answers are reproduced. @default DnsProfile.Current */
  readonly profile?: DnsProfile;
  /** See `DnsNamesOptions`. @default false */
  readonly exactVips?: boolean;
  /** IPv4 address of the servers, in each namespace. @default 127.0.0.11 */
  readonly address?: string;
  /** UDP and TCP port. @default 53 */
  readonly port?: number;
  /**
   * Called when an endpoint isn't served: its namespace is missing or was removed, or another program has its port. It
   * is tried again every second, and the same failure isn't reported again.
   */
  readonly onFailure?: (failure: DnsFailure) => void;
  /** Called when an endpoint's sockets are open, again after a failure. */
  readonly onServing?: (key: string) => void;
  /** Called with the reason if the thread exits before `close`; no query is answered from then on. */
  readonly onEnd?: (why: string) => void;
  /** The host's resolv.conf, which says where unknown names go. @default /etc/resolv.conf */
  readonly resolvConf?: string;
  /** Where `ip netns exec` looks for the files of namespaces. @default /etc/netns */
  readonly netnsFolder?: string;
}

const MAX_PORT = 65_535;
const THREAD = new URL('./dns-thread.js', import.meta.url);

/**
 * The DNS servers of a node's containers. Changes take effect in order, a moment after the call; each costs no more than
 * what it changes. Needs Linux and koffi, and root (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE) for other
 * namespaces. A second thread waits for queries while the first has nothing to do.
 * @example
 * import { LiveDns } from 'vtep/live';
 * import { parseIp } from 'vtep/overlay';
 *
 * const dns = await LiveDns.start({ onFailure: ({ key, message }) => console.error(key, message) });
 * dns.setNetwork({ id: 'my-network', name: 'my-network' });
 * dns.setRecord({
 *   network: 'my-network',
 *   endpoint: 'e1',
 *   name: 'my-web.1.j41qw6u3cnhesobnnafym7p32',
 *   addresses: [parseIp('10.0.9.3')],
 *   service: { id: 's1', name: 'my-web', vip: parseIp('10.0.9.2') },
 * });
 * dns.setEndpoint({ key: 'busybox1', netns: 'busybox1', networks: ['my-network'] });
 * const { endpoints } = await dns.report();
 * await dns.close();
 */
export class LiveDns {
  readonly #thread: Worker;
  readonly #exit: Promise<void>;
  readonly #reports = new Map<number, (report: DnsReport | undefined) => void>();
  #orders: DnsOrder[] = [];
  #lastReport = 0;
  #closed = false;
  #ended = false;

  private constructor(thread: Worker, options: LiveDnsOptions) {
    this.#thread = thread;
    let why = 'the thread exited';
    thread.on('message', (message: DnsMessage) => this.#take(message, options));
    thread.once('error', ({ message }: Error) => (why = message));
    this.#exit = new Promise((done) => {
      thread.once('exit', () => {
        this.#ended = true;
        for (const answer of this.#reports.values()) answer(undefined);
        this.#reports.clear();
        if (!this.#closed) options.onEnd?.(why);
        done();
      });
    });
  }

  /**
   * Starts the thread.
   * @throws LiveError `BAD_NODE` for an address other than IPv4, or a port out of range; `SYSTEM_UNAVAILABLE`,
   *   `SYSTEM_CALL`
   */
  static async start(options: LiveDnsOptions = {}): Promise<LiveDns> {
    const { address = '127.0.0.11', port = 53 } = options;
    if (!isIPv4(address) || !Number.isInteger(port) || port < 1 || port > MAX_PORT) {
      throw new LiveError(
        'BAD_NODE',
        `a DNS server needs an IPv4 address and a port, not ${inQuotes(`${address}:${port}`)}`,
      );
    }
    const workerData: DnsThreadOptions = {
      profile: options.profile ?? DnsProfile.Current,
      exactVips: options.exactVips ?? false,
      address,
      port,
      resolvConf: options.resolvConf ?? '/etc/resolv.conf',
      netnsFolder: options.netnsFolder ?? '/etc/netns',
    };
    const thread = new Worker(THREAD, { workerData });
    await new Promise<void>((done, fail) => {
      thread.once('error', (error: Error) =>
        fail(new LiveError('SYSTEM_CALL', `can't start the DNS servers: ${error.message}`, { cause: error })),
      );
      thread.once('message', (message: DnsMessage) => {
        if (message.kind === 'unavailable') fail(new LiveError(message.code, message.message));
        else done();
      });
    });
    thread.removeAllListeners('error');
    return new LiveDns(thread, options);
  }

  /** Adds a network, or changes it; its records stay. */
  setNetwork(network: DnsNetwork): void {
    this.#order({ kind: 'network', network });
  }

  /** Removes a network with its records. */
  removeNetwork(id: string): void {
    this.#order({ kind: 'remove-network', id });
  }

  /**
   * Adds or replaces a record. A record that can't be used, or whose network is unknown, is refused and counted.
   * A `ServiceRecord` of a topology is one, whose networks are known by their names.
   */
  setRecord({ network, endpoint, name, addresses, service, aliases, disabled }: DnsRecord): void {
    const record: DnsRecord = {
      network,
      endpoint,
      name,
      addresses,
      ...(service && { service: { id: service.id, name: service.name, vip: service.vip, ...aliasesOf(service) } }),
      ...aliasesOf({ aliases }),
      ...(disabled === true && { disabled }),
    };
    this.#order({ kind: 'record', record });
  }

  /** Removes a record. */
  removeRecord(network: string, endpoint: string): void {
    this.#order({ kind: 'remove-record', network, endpoint });
  }

  /** Serves an endpoint, or changes how. A namespace has one endpoint, with all of its networks. */
  setEndpoint(endpoint: DnsEndpoint): void {
    this.#order({ kind: 'endpoint', endpoint });
  }

  /** Serves an endpoint no more. Its connections are closed. */
  removeEndpoint(key: string): void {
    this.#order({ kind: 'remove-endpoint', key });
  }

  /**
   * What the thread has done, all earlier changes included.
   * @throws LiveError `SYSTEM_CALL` if it has exited, or this is closed
   */
  async report(): Promise<DnsReport> {
    const id = ++this.#lastReport;
    const report = await new Promise<DnsReport | undefined>((done) => {
      if (this.#closed || this.#ended) {
        done(undefined);
        return;
      }
      this.#reports.set(id, done);
      this.#order({ kind: 'report', id });
    });
    if (report === undefined) throw new LiveError('SYSTEM_CALL', 'the DNS servers have been closed');
    return report;
  }

  /** Closes all sockets, removes the files written, and ends the thread. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#order({ kind: 'end' });
      this.#closed = true;
    }
    await this.#exit;
  }

  /** Orders of one turn of the event loop go in one message. */
  #order(order: DnsOrder): void {
    if (this.#closed || this.#ended) return;
    if (this.#orders.push(order) > 1) return;
    queueMicrotask(() => {
      const orders = this.#orders;
      this.#orders = [];
      this.#thread.postMessage(orders);
    });
  }

  #take(message: DnsMessage, { onFailure, onServing }: LiveDnsOptions): void {
    switch (message.kind) {
      case 'failed':
        onFailure?.(message.failure);
        break;
      case 'serving':
        onServing?.(message.key);
        break;
      case 'report':
        this.#reports.get(message.id)?.(message.report);
        this.#reports.delete(message.id);
    }
  }
}

function aliasesOf({ aliases }: { readonly aliases?: readonly string[] | undefined }): {
  readonly aliases?: readonly string[];
} {
  return aliases === undefined ? {} : { aliases };
}
