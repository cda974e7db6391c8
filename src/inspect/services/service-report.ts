/** What a capture says about services: how much each backend got. */

/** Traffic of a part of a service, both directions together. */
export interface ServiceTraffic {
  /** TCP connections, and flows of UDP and SCTP. */
  readonly connections: number;
  /** IP packets, each fragment counted. */
  readonly packets: number;
  /** Bytes of their frames: as conversations count them. */
  readonly bytes: number;
}

/** What a backend got from load balancers; from all clients, if the service has no virtual IP. */
export interface BackendReport extends ServiceTraffic {
  /** The task: `my-web.1`; null if the description of the network has nothing at the address. */
  readonly name: string | null;
  readonly address: string;
  /** Name of the task's node; null if it isn't known. */
  readonly node: string | null;
  /** Part of the bytes of all backends: 0 to 1. */
  readonly share: number;
}

/** A service on one network. Its own figures are the sum over its backends. */
export interface ServiceReport extends ServiceTraffic {
  /** Null for backends that can't be attributed to a service. */
  readonly name: string | null;
  /** Name of the network. */
  readonly network: string;
  readonly vni: number;
  /** Null for unattributed backends. */
  readonly mode: 'vip' | 'dnsrr' | null;
  readonly vip: string | null;
  /** Published ports: `8080:80/tcp`. */
  readonly ports: readonly string[];
  /** What clients exchanged with the virtual IP: seen where a load balancer or a client was captured. */
  readonly atVip: ServiceTraffic;
  /** What clients exchanged with published ports of nodes. */
  readonly atPorts: ServiceTraffic;
  /** The tasks, with and without traffic, then unknown addresses. */
  readonly backends: readonly BackendReport[];
}
