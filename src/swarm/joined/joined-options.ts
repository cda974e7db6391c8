import type { JoinedNodeOptions } from '../../join/index.js';
import type { NodeCipher } from '../../live/index.js';
import type { SwarmVtepOptions } from '../swarm-options.js';
import type { JoinedAttachment } from './joined-attachment.js';
import type { JoinedVtepEvent } from './joined-events.js';

/** Options of a node that joins a swarm. */
export interface JoinedVtepOptions
  extends
    Omit<SwarmVtepOptions, 'here' | 'port' | 'gossip' | 'cipher' | 'onTrouble'>,
    Omit<JoinedNodeOptions, 'hostname' | 'attachments' | 'onEvent' | 'random'> {
  /** For encrypted networks; the keys come from the swarm. */
  readonly cipher: NodeCipher;
  /**
   * The node's name in `docker node ls`, and the name of its endpoints in DNS.
   * @default the system's host name
   */
  readonly name?: string;
  /** Networks to attach to, each with an interface. */
  readonly attachments?: readonly JoinedAttachment[];
  /**
   * The address on which the others reach this node's gossip, IPv4 or IPv6: one of this machine's.
   * @default the local address of the connection to the manager
   */
  readonly advertiseAddress?: string;
  /**
   * The address of the VTEP: one of this machine's.
   * @default `advertiseAddress`
   */
  readonly dataPathAddress?: string;
  /**
   * MTU of the underlay in bytes.
   * @default that of the interface with the VTEP's address, at most 9000
   */
  readonly underlayMtu?: number;
  /** Called for each event, in order. It must not throw. */
  readonly onEvent?: (event: JoinedVtepEvent) => void;
  /** Cancels `open`. */
  readonly signal?: AbortSignal;
}

/** How to close. */
export interface JoinedVtepCloseOptions {
  /**
   * Whether to leave the gossip and to give the addresses back. Otherwise the next process with this identity gets them.
   * @default true
   */
  readonly leave?: boolean;
}
