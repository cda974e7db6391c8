/** The port to the network between the nodes, and what its adapters have in common. */
import type { PacketBatch } from '../memory/index.js';
import { LiveError } from './error.js';

/** What went over an underlay, and what did not. */
export interface UnderlayCounters {
  /** Packets that `receive` gave: those that found no room are not among them. */
  readonly received: number;
  readonly sent: number;
  /** Packets that the system refused to send, by the name of the error. */
  readonly refused: Readonly<Record<string, number>>;
  /** Packets that came and found no room: in the queues of the sockets, or because they were longer than a slot. */
  readonly overrun: number;
}

/** Takes a node's packets to the others, and theirs in. */
export interface UnderlayPort {
  /** How it works, for reports. */
  readonly name: string;
  /** Whether ESP goes over it. */
  readonly carriesEsp: boolean;
  /** File descriptors that can be polled for packets; none where they come by themselves. */
  readonly descriptors: readonly number[];
  readonly counters: UnderlayCounters;
  /** Says where the nodes are, by index: addresses of 4 or 16 bytes; undefined where there is none. */
  setNodes(vteps: readonly (Uint8Array | undefined)[]): void;
  /**
   * Puts packets that wait into a batch until it is full or none waits: Ethernet packets, whose IP header counts alone.
   * @param place of the one of `descriptors` that they are to come by; all if not said
   * @returns how many there were
   * @throws LiveError if it is of no use any more
   */
  receive(batch: PacketBatch, place?: number): number;
  /** Sends packets as `EgressChain` gives them, Ethernet first: `peer` is the node. Their slots are the caller's again. */
  send(batch: PacketBatch): void;
  /** Closes its sockets. */
  close(): void;
}

/** The error of a port that another has. */
export function portInUse(port: number, cause: unknown): LiveError {
  const by = 'by a vxlan device (ip -d link show type vxlan) or another VTEP';
  return new LiveError('PORT_IN_USE', `UDP port ${port} is in use: ${by}; end that first`, { cause });
}

/** The error of an address that no interface here has. */
export function addressNotHere(address: string, cause: unknown): LiveError {
  return new LiveError('NOT_THERE', `the node's VTEP address ${address} is no address of this host (ip address)`, {
    cause,
  });
}
