/** Options of a task's published ports. */
import type { RandomBytes } from '../../memory/index.js';
import type { BalanceAccounting } from '../balance/options.js';
import type { TargetPort } from './target-ports.js';

/** Options of a task's published ports. */
export interface TaskPortsOptions {
  /** The task's IPv4 address on the ingress network. */
  readonly address: string;
  /** The ports that its service publishes in ingress mode. */
  readonly ports: readonly TargetPort[];
  /**
   * Maximum number of connections. Memory is about 80 bytes for each, allocated at once.
   * @default 16,384
   */
  readonly maxConnections?: number;
  /**
   * MTU of the interface in bytes, into which reassembled datagrams are fragmented again.
   * @default 1450
   */
  readonly mtu?: number;
  /**
   * Random bytes for the ports that replace a client's.
   * @default the platform's cryptographic source
   */
  readonly random?: RandomBytes;
  /** Seed of the table's hash, for tests. Default: a secret random key */
  readonly seed?: number;
}

/** What became of all frames of a task's interface. */
export type PortAccounting = BalanceAccounting;
