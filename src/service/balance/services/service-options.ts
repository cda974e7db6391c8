/** What a service and its backends are, and what they have carried. */

/** How packets reach the backends. */
export const Forwarding = {
  /** Both addresses are rewritten: the backend sees the balancer, and answers through it. */
  Masquerade: 'masquerade',
  /** Only MACs and TTL change (`--opt dsr`, IPVS's "Route"): the backend has the VIP, and answers the client itself. */
  Direct: 'direct',
  /** Only the destination is rewritten, as for ports published on a host: the backend routes its answers back here. */
  Destination: 'destination',
} as const;
export type Forwarding = (typeof Forwarding)[keyof typeof Forwarding];

/** A port that leads to a service on every address of the balancer. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
}

/** What leads to a service. */
export interface ServiceAddresses {
  /** Its virtual IP, on which all ports and protocols are balanced. */
  readonly vip?: string;
  /** Ports that lead to it on the balancer's own addresses: the ingress mesh, or a host's published ports. */
  readonly published?: readonly PublishedPort[];
}

/** What a service is. */
export interface ServiceOptions extends ServiceAddresses {
  /** Its name in statistics. */
  readonly name: string;
  /** @default 'masquerade' */
  readonly forwarding?: Forwarding;
}

/** What a backend is. */
export interface BackendOptions {
  readonly address: string;
  /**
   * Its MAC, or the next hop's.
   * @default 02:42 and the address, as Docker assigns them
   */
  readonly mac?: string;
  /**
   * 0 for no new connections. Round robin treats all others alike.
   * @default 1
   */
  readonly weight?: number;
  /**
   * Its port, instead of the one that the client asked for.
   * @default 0, the client's
   */
  readonly port?: number;
}

/** What a backend has carried. Bytes are those of the IP packets. */
export interface BackendCounts {
  readonly address: string;
  readonly weight: number;
  /** Connections in the table, and since the backend was added. */
  readonly connections: number;
  readonly opened: number;
  /**
   * TCP connections and SCTP associations in the table that both sides haven't closed yet: with 0 at a weight of 0, removing
   * the backend cuts off none. Half-closed ones count, unlike in IPVS's ActiveConn. UDP flows have no end, so they don't.
   */
  readonly active: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

/** What a service has carried, removed backends included. */
export interface ServiceCounts {
  /** Its id in the load balancer. */
  readonly id: number;
  readonly name: string;
  readonly opened: number;
  /** New connections for which there was no backend. */
  readonly refused: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly backends: readonly BackendCounts[];
}
