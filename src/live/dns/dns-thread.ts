/**
 * The thread of the DNS servers: it has the names, and sockets in each endpoint's namespace. Only this thread enters
 * those. Started by `LiveDns`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { DnsNames, Resolver } from '../../service/index.js';
import { LiveError } from '../error.js';
import { Readiness } from '../system/readiness.js';
import { DatagramBatch } from './datagram-batch.js';
import { type DnsMessage, type DnsOrder, type DnsReport, type DnsThreadOptions } from './dns-order.js';
import { EndpointServer, type Shared } from './endpoint-server.js';
import { hostServers } from './host-servers.js';
import { putNetwork } from './served-names.js';

/** How often namespaces are looked at, and what has failed is tried again, in milliseconds. */
const CHECK = 1000;

if (parentPort === null) throw new Error('must run as a worker thread of LiveDns');
const owner = parentPort;

function post(message: DnsMessage): void {
  owner.postMessage(message);
}

/** All servers, and what they share. */
class Servers {
  readonly #shared: Shared;
  readonly #endpoints = new Map<string, EndpointServer>();
  readonly #timer: NodeJS.Timeout;

  /** @throws LiveError `SYSTEM_UNAVAILABLE`, `SYSTEM_CALL` */
  constructor({ profile, exactVips, address, port, resolvConf, netnsFolder }: DnsThreadOptions) {
    this.#shared = {
      names: new DnsNames({ exactVips }),
      resolver: new Resolver({ profile }),
      readiness: new Readiness(),
      batch: new DatagramBatch(),
      load: { pending: 0 },
      address,
      port,
      netnsFolder,
      hostServers: () => hostServers(resolvConf),
      failed: (failure) => post({ kind: 'failed', failure }),
      serving: (key) => post({ kind: 'serving', key }),
    };
    this.#timer = setInterval(() => {
      for (const endpoint of this.#endpoints.values()) endpoint.check();
    }, CHECK);
  }

  /** Makes changes, in order. */
  take(orders: readonly DnsOrder[]): void {
    const { names } = this.#shared;
    let renewed = false;
    for (const order of orders) {
      switch (order.kind) {
        case 'network':
          renewed = putNetwork(names, order.network) || renewed;
          break;
        case 'remove-network':
          renewed = names.removeNetwork(order.id) || renewed;
          break;
        case 'record':
          names.set(order.record);
          break;
        case 'remove-record':
          names.remove(order.network, order.endpoint);
          break;
        case 'endpoint':
          this.#put(order.endpoint);
          break;
        case 'remove-endpoint':
          this.#endpoints.get(order.key)?.close();
          this.#endpoints.delete(order.key);
          break;
        case 'report':
          post({ kind: 'report', id: order.id, report: this.#report() });
          break;
        case 'end':
          this.#close();
      }
    }
    if (renewed) for (const endpoint of this.#endpoints.values()) endpoint.renew();
  }

  #put(endpoint: Parameters<EndpointServer['change']>[0]): void {
    const server = this.#endpoints.get(endpoint.key);
    if (server === undefined) this.#endpoints.set(endpoint.key, new EndpointServer(endpoint, this.#shared));
    else server.change(endpoint);
  }

  #report(): DnsReport {
    const { names } = this.#shared;
    return {
      endpoints: new Map([...this.#endpoints].map(([key, server]) => [key, server.report()])),
      records: names.size,
      refusedRecords: names.refused,
    };
  }

  #close(): void {
    clearInterval(this.#timer);
    for (const endpoint of this.#endpoints.values()) endpoint.close();
    this.#endpoints.clear();
    this.#shared.readiness.close();
    owner.close();
  }
}

try {
  const servers = new Servers(workerData as DnsThreadOptions);
  owner.on('message', (orders: readonly DnsOrder[]) => servers.take(orders));
  post({ kind: 'ready' });
} catch (error) {
  if (!(error instanceof LiveError)) throw error;
  post({ kind: 'unavailable', code: error.code, message: error.message });
}
