/** Options of a load balancer. */
import type { RandomBytes } from '../../memory/index.js';
import type { Compatibility } from '../../overlay/index.js';
import type { LegOptions } from './leg.js';
import type { QuotedChecksum } from './nat/icmp-error.js';

/** Options of a load balancer. */
export interface LoadBalancerOptions {
  /** Its interface on the overlay: the backends' side, and the clients' too unless `front` is given. */
  readonly back: LegOptions;
  /**
   * Its interface on the clients' side, where that is another: docker_gwbridge for the ingress mesh.
   * @default `back`
   */
  readonly front?: LegOptions;
  /**
   * Maximum number of connections. Memory is about 80 bytes for each, allocated at once.
   * @default 65,536
   */
  readonly maxConnections?: number;
  /**
   * MTU of the interfaces, into which reassembled datagrams are fragmented again.
   * @default 1450
   */
  readonly mtu?: number;
  /**
   * What to do with the TCP or UDP checksum that an ICMP error quotes.
   * @default 'ipvs'
   */
  readonly quotedChecksum?: QuotedChecksum;
  /**
   * `docker` for Docker's behaviour where it has faults: idle connections are cut after 900 s, a client that reuses a port
   * gets a backend that is leaving, and an address that is also a VIP is cut off. `improved` for none of these: backends
   * are then picked by a consistent hash instead of in turn.
   * @default 'docker'
   */
  readonly compatibility?: Compatibility;
  /**
   * Random bytes for source ports and identifications.
   * @default the platform's cryptographic source
   */
  readonly random?: RandomBytes;
  /** Seed of the table's hash, for tests. Default: a secret random key */
  readonly seed?: number;
}

/** What became of all frames: received + made = sent + the sum of dropped + held. */
export interface BalanceAccounting {
  readonly received: number;
  /** Fragments sent beyond those received: negative if datagrams leave in fewer fragments than they came in. */
  readonly made: number;
  readonly sent: number;
  /** Frames dropped, by the reason's name. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Fragments waiting for the rest of their datagrams. */
  readonly held: number;
}
