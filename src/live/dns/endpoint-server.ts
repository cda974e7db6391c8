/** Serves one endpoint: sockets in its namespace, for as long as that is there. */
import { parseIp } from '../../overlay/index.js';
import { DnsClient, type DnsNames, type DnsServer, type Resolver } from '../../service/index.js';
import { LiveError } from '../error.js';
import { SocketOption, SocketType, SystemSocket } from '../socket/system-socket.js';
import { namespaceIdentity, OpenNamespace } from '../system/network-namespace.js';
import { Interest, type Readiness } from '../system/readiness.js';
import { type DatagramBatch } from './datagram-batch.js';
import { type Answering, DatagramServer } from './datagram-server.js';
import { type DnsCounters, newCounters } from './dns-counters.js';
import { type DnsEndpoint, type DnsFailure } from './dns-order.js';
import { Forwarder, type ForwardingLoad } from './forwarder.js';
import { bringUpLoopback } from './loopback-interface.js';
import { ResolverFiles } from './resolver-files.js';
import { StreamServer } from './stream-server.js';

/** Bytes of the UDP socket's queues, for bursts. */
const QUEUE_BYTES = 1 << 20;
/** TCP connections that wait to be accepted. */
const BACKLOG = 128;

/** What the servers of a thread have in common. */
export interface Shared {
  readonly names: DnsNames;
  readonly resolver: Resolver;
  readonly readiness: Readiness;
  readonly batch: DatagramBatch;
  readonly load: ForwardingLoad;
  readonly address: string;
  readonly port: number;
  readonly netnsFolder: string;
  /** Reads the host's servers. */
  readonly hostServers: () => readonly DnsServer[];
  readonly failed: (failure: DnsFailure) => void;
  readonly serving: (key: string) => void;
}

/** The sockets in one namespace. */
interface Sockets {
  readonly namespace: OpenNamespace | undefined;
  readonly identity: string | undefined;
  readonly datagrams: DatagramServer;
  readonly streams: StreamServer;
  readonly forwarder: Forwarder;
  readonly files: ResolverFiles | undefined;
  readonly descriptor: number;
}

/** An endpoint's server. */
export class EndpointServer {
  readonly #shared: Shared;
  readonly #counters = newCounters();
  #endpoint: DnsEndpoint;
  /** Its upstream servers; the host's are those of the moment when it was set, as in Docker. */
  #servers: readonly DnsServer[];
  #answering: Answering;
  #sockets: Sockets | undefined;
  /** The last failure reported, so that trying again doesn't report it again. */
  #failure = '';

  constructor(endpoint: DnsEndpoint, shared: Shared) {
    this.#shared = shared;
    this.#endpoint = endpoint;
    this.#servers = endpoint.servers ?? shared.hostServers();
    this.#answering = {
      resolver: shared.resolver,
      client: this.#makeClient(),
      counters: this.#counters,
      forward: (resolution, done) => this.#sockets?.forwarder.forward(resolution, done),
    };
    this.check();
  }

  /** Its counters now. */
  report(): DnsCounters & { readonly serving: boolean } {
    const counters = this.#counters;
    const overrun = counters.overrun + (this.#sockets?.datagrams.overrun ?? 0);
    return { ...counters, dropped: { ...counters.dropped }, overrun, serving: this.#sockets !== undefined };
  }

  /** Changes the endpoint's settings. Its sockets stay, unless it has another namespace. */
  change(endpoint: DnsEndpoint): void {
    const old = this.#endpoint;
    this.#endpoint = endpoint;
    this.#servers = endpoint.servers ?? this.#shared.hostServers();
    if (old.netns !== endpoint.netns || !sameFiles(old, endpoint)) this.#closeSockets();
    this.renew();
    this.check();
  }

  /** Looks its networks up again, after some have come or gone. */
  renew(): void {
    this.#answering.client = this.#makeClient();
  }

  /** Opens the sockets, closes those in a namespace that is gone, and tries again what has failed. */
  check(): void {
    const { netns } = this.#endpoint;
    const identity = netns === undefined ? undefined : namespaceIdentity(netns);
    if (this.#sockets !== undefined) {
      if (this.#sockets.identity === identity) return;
      this.#closeSockets();
      if (identity === undefined) {
        this.#fail(new LiveError('NOT_THERE', `the network namespace ${String(netns)} is gone`));
        return;
      }
    }
    try {
      this.#sockets = this.#openSockets();
      this.#failure = '';
      this.#shared.serving(this.#endpoint.key);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      this.#fail(error);
    }
  }

  close(): void {
    this.#closeSockets();
  }

  #makeClient(): DnsClient {
    const { names } = this.#shared;
    const { networks, ndotsSet, links } = this.#endpoint;
    return new DnsClient(names, {
      networks: networks.filter((id) => names.network(id) !== undefined),
      servers: this.#servers,
      ...(ndotsSet !== undefined && { ndotsSet }),
      ...(links !== undefined && { links }),
    });
  }

  #openSockets(): Sockets {
    const { netns, ndotsSet = false, hosts } = this.#endpoint;
    const { readiness, batch, load, address, netnsFolder } = this.#shared;
    const identity = netns === undefined ? undefined : namespaceIdentity(netns);
    const namespace = netns === undefined ? undefined : new OpenNamespace(netns);
    const within = <T>(run: () => T): T => (namespace === undefined ? run() : namespace.within(run));
    const opened: SystemSocket[] = [];
    try {
      within(() => this.#bind(opened, namespace !== undefined));
      const [udp, tcp] = opened;
      const datagrams = new DatagramServer(udp, batch, this.#answering);
      readiness.add(udp.descriptor, Interest.Readable, () => datagrams.serve());
      const failed = ({ message }: Error): void =>
        this.#fail(new LiveError('SYSTEM_CALL', `DNS over TCP for ${this.#endpoint.key}: ${message}`));
      const streams = new StreamServer(tcp.release(), batch.answers, this.#answering, failed);
      const forwarder = new Forwarder(readiness, within, this.#counters, load);
      const settings = { address, ndotsSet, hosts };
      const files = netns === undefined ? undefined : new ResolverFiles(netnsFolder, netns, settings);
      return { namespace, identity, datagrams, streams, forwarder, files, descriptor: udp.descriptor };
    } catch (error) {
      for (const socket of opened) socket.close();
      namespace?.close();
      throw error;
    }
  }

  /** Opens both sockets in this thread's namespace. */
  #bind(opened: SystemSocket[], isOther: boolean): void {
    const { address, port } = this.#shared;
    if (isOther) bringUpLoopback();
    const bytes = parseIp(address);
    const where = `${address} for ${this.#endpoint.key}`;
    const udp = new SystemSocket(4, SocketType.Datagram, 0, `UDP port ${port}`);
    opened.push(udp);
    udp.setBuffers(QUEUE_BYTES);
    udp.bind(bytes, port, where);
    const tcp = new SystemSocket(4, SocketType.Stream, 0, `TCP port ${port}`);
    opened.push(tcp);
    tcp.set(SocketOption.ReuseAddress, 1);
    tcp.bind(bytes, port, where);
    tcp.listen(BACKLOG);
  }

  #closeSockets(): void {
    const sockets = this.#sockets;
    if (sockets === undefined) return;
    this.#sockets = undefined;
    this.#counters.overrun += sockets.datagrams.overrun;
    this.#shared.readiness.remove(sockets.descriptor);
    sockets.datagrams.close();
    sockets.streams.close();
    sockets.forwarder.close();
    sockets.files?.remove();
    sockets.namespace?.close();
  }

  #fail({ code, message }: LiveError): void {
    if (message === this.#failure) return;
    this.#failure = message;
    this.#shared.failed({ key: this.#endpoint.key, code, message });
  }
}

/** Whether the files of two settings are the same. */
function sameFiles(a: DnsEndpoint, b: DnsEndpoint): boolean {
  const text = ({ ndotsSet = false, hosts }: DnsEndpoint): string => JSON.stringify([ndotsSet, hosts && [...hosts]]);
  return text(a) === text(b);
}
