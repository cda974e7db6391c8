import { DnsError } from './error.js';
import { labelsOf } from './name.js';
import { type DnsNames, type NamedNetwork } from './names.js';

/** Servers that a query is forwarded to, at most. */
const MAX_SERVERS = 3;
const DNS_PORT = 53;
const SCOPES = 3;

/** A server that unknown names are forwarded to. */
export interface DnsServer {
  /** IPv4 or IPv6. */
  readonly address: string;
  /** @default 53 */
  readonly port?: number;
  /** A loopback address of the host, which is reached from the host's namespace. @default false */
  readonly hostLoopback?: boolean;
}

/** Options of `DnsClient`. */
export interface DnsClientOptions {
  /** Ids of the endpoint's networks, the one with the highest priority first. */
  readonly networks: readonly string[];
  /** Servers for other names, in order; only the first three are asked. @default [] */
  readonly servers?: readonly DnsServer[];
  /** Whether `resolv.conf` sets ndots: unknown names of one label are then not forwarded. @default false */
  readonly ndotsSet?: boolean;
  /** Names by which only this endpoint knows others (`--link`), with the names that they stand for. */
  readonly links?: ReadonlyMap<string, string>;
}

/** A name that only one endpoint knows. */
export interface Link {
  /** Labels of the alias: case matters. */
  readonly alias: Uint8Array;
  /** Labels of the name that it stands for, in lower case. */
  readonly target: Uint8Array;
}

/** An endpoint that sends queries: the networks where its names are looked up, and its upstream servers. */
export class DnsClient {
  /** @internal */
  readonly names: DnsNames;
  /** @internal In the order of search: overlays, ingress, local networks. */
  readonly networks: readonly NamedNetwork[];
  /** @internal The same, shortest name first: `a.b.c` is `a.b` on network `c` before it is `a` on network `b.c`. */
  readonly bySuffix: readonly NamedNetwork[];
  readonly servers: readonly Required<DnsServer>[];
  readonly ndotsSet: boolean;
  /** @internal */
  readonly links: readonly Link[];
  /** Whether none of its networks has a route out. */
  readonly internal: boolean;
  /** Queries that wait for an upstream server. */
  pending = 0;
  /** Queries that wait until one of those is done. */
  waiting = 0;

  /** @throws DnsError BAD_NETWORK if a network is unknown */
  constructor(names: DnsNames, { networks, servers = [], ndotsSet = false, links = new Map() }: DnsClientOptions) {
    const attached = networks.map((id) => {
      const network = names.network(id);
      if (network === undefined) throw new DnsError('BAD_NETWORK', `network ${id} is unknown`);
      return network;
    });
    this.names = names;
    this.networks = Array.from({ length: SCOPES }, (_, scope) => attached.filter((one) => one.scope === scope)).flat();
    const lengthOf = ({ labels }: NamedNetwork): number => labels?.length ?? 0;
    this.bySuffix = this.networks.filter((one) => lengthOf(one) > 0).sort((a, b) => lengthOf(a) - lengthOf(b));
    this.servers = servers
      .slice(0, MAX_SERVERS)
      .map(({ address, port = DNS_PORT, hostLoopback = false }) => ({ address, port, hostLoopback }));
    this.ndotsSet = ndotsSet;
    this.links = [...links].flatMap(([from, to]) => {
      const [alias, target] = [labelsOf(from), labelsOf(to.toLowerCase())];
      return alias === undefined || target === undefined ? [] : [{ alias, target }];
    });
    this.internal = attached.length > 0 && attached.every((one) => one.internal);
  }
}
