/** The port to the network between the nodes, and errors that its adapters share. */
import type { PacketBatch } from '../../memory/index.js';
import { LiveError } from '../error.js';

/** Counters of an underlay port. */
export interface UnderlayCounters {
  /** Packets that `receive` returned, without overruns. */
  readonly received: number;
  readonly sent: number;
  /** Packets that the system refused to send, by the name of the error. */
  readonly refused: Readonly<Record<string, number>>;
  /** Received packets that were lost: the socket queue was full, or the packet exceeded a slot. */
  readonly overrun: number;
}

/** Exchanges packets with the other nodes. */
export interface UnderlayPort {
  /** Display name for reports. */
  readonly name: string;
  /** Whether it carries ESP. */
  readonly carriesEsp: boolean;
  /** File descriptors to poll for packets; empty if they arrive without polling. */
  readonly descriptors: readonly number[];
  readonly counters: UnderlayCounters;
  /** Says where the nodes are, by index: addresses of 4 or 16 bytes; undefined where there is none. */
  setNodes(vteps: readonly (Uint8Array | undefined)[]): void;
  /**
   * Puts packets that wait into batches, until one is full or none waits.
   * @param packets takes IP packets for this node, whose header checksums have been verified
   * @param datagrams takes the payloads of UDP datagrams for the VXLAN port, with the `sender` and the `tos` of each; their
   *   IP and UDP headers have been verified
   * @param index index of the one of `descriptors` that they are to come by. Default: all
   * @returns how many there were
   * @throws LiveError if it is of no use any more
   */
  receive(packets: PacketBatch, datagrams: PacketBatch, index?: number): number;
  /** Sends IP packets as `EgressChain` gives them, each to its `node`. Their slots are the caller's again. */
  send(batch: PacketBatch): void;
  /** Closes its sockets. */
  close(): void;
}

/** The error for a port in use. */
export function portInUse(port: number, cause: unknown): LiveError {
  const by = 'by a vxlan device (ip -d link show type vxlan) or another VTEP';
  return new LiveError('PORT_IN_USE', `UDP port ${port} is in use: ${by}; stop it first`, { cause });
}

/** The error for an address that no local interface has. */
export function addressNotHere(address: string, cause: unknown): LiveError {
  return new LiveError('NOT_THERE', `the node's VTEP address ${address} is not an address of this host (ip address)`, {
    cause,
  });
}
