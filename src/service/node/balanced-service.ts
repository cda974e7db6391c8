/** A service as one network's load balancer has it. */
import type { PublishedPort, RecordService, ServiceRecord } from '../../overlay/index.js';
import { formatIpv4 } from '../../wire/index.js';

/** A task's record, and what has become of it. */
export interface HeldRecord {
  record: ServiceRecord;
  /** The service that it is a backend of; undefined for plain containers and DNS round-robin. */
  service: BalancedService | undefined;
  /** Its IPv4 address, if it has one. */
  address: string | undefined;
  /** Whether it is in use: a record with another service's VIP may be refused. */
  active: boolean;
}

/** A backend: an address, and the records that have it. More than one has it only by mistake. */
export interface Backend {
  readonly address: string;
  readonly records: Set<HeldRecord>;
}

/** A service that is balanced on a network. */
export class BalancedService {
  readonly key: string;
  readonly name: string;
  readonly vip: string | undefined;
  /** The ports published on the ingress network, as the latest record has them. */
  ports: readonly PublishedPort[] = [];
  /** Backends by address, in the order in which they were learned. */
  readonly backends = new Map<string, Backend>();
  /** Its records, refused ones included. */
  readonly records = new Set<HeldRecord>();
  /** Its id in the load balancer. */
  id: number | undefined;
  /** What leads to it in the load balancer: its VIP and its ports, unless other services have these. */
  vipActive = false;
  portsActive: readonly PublishedPort[] = [];

  constructor(key: string, { name, vip }: RecordService) {
    this.key = key;
    this.name = name;
    this.vip = vip?.length === 4 ? formatIpv4(vip) : undefined;
  }
}

/** Whether a backend gets new connections: while one of its tasks isn't shutting down. */
export function weightOf({ records }: Backend): number {
  for (const { record } of records) if (record.disabled !== true) return 1;
  return 0;
}
