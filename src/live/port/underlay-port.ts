/** The port to the underlay, and errors shared by its adapters. */
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
  /**
   * Whether it has packets that poll(2) does not report: `receive` had no room for them.
   * @default false
   */
  readonly pending?: boolean;
  /** Sets the nodes' addresses by index: 4 or 16 bytes; undefined for an index without a node. */
  setNodes(vteps: readonly (Uint8Array | undefined)[]): void;
  /**
   * Appends waiting packets to the batches until one is full or none are left.
   * @param packets receives IP packets for this node, with verified header checksums
   * @param datagrams receives payloads of UDP datagrams for the VXLAN port, with the `sender` and the `tos` of each;
   * their IP and UDP headers have been verified
   * @param index index in `descriptors` of the one to read; default: all
   * @returns number of packets appended
   * @throws LiveError if the underlay has failed
   */
  receive(packets: PacketBatch, datagrams: PacketBatch, index?: number): number;
  /** Sends IP packets from `EgressChain`, each to its `node`. The caller owns their slots again. */
  send(batch: PacketBatch): void;
  /**
   * Sends VXLAN packets from `EgressChain` whose outer IP and UDP headers the kernel writes, each to its `node`, with its
   * `tos` and from a source port by its `flow`; frames that are yet to be segmented (`PacketBatch.segment`) are. Absent
   * if the underlay can't. The caller owns their slots again.
   * @param batch UDP payloads, from the VXLAN header on
   */
  sendDatagrams?(batch: PacketBatch): void;
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
