/** The socket addresses of a topology's nodes, in memory that system calls read. */
import { NativeMemory } from '../../foreign/index.js';
import { putSocketAddress } from './socket-address.js';

const STRIDE = 32;

/** Socket addresses by node. */
export class NodeAddresses {
  #memory = new NativeMemory(STRIDE);
  #lengths = new Int32Array(0);

  /**
   * Replaces all addresses.
   * @param addresses by node, 4 or 16 bytes each; the system refuses packets to a node without one
   * @param port host order; 0 for raw sockets
   */
  set(addresses: readonly (Uint8Array | undefined)[], port: number): void {
    this.#memory = new NativeMemory(Math.max(1, addresses.length) * STRIDE);
    this.#lengths = Int32Array.from(addresses, (address, node) =>
      address === undefined ? 0 : putSocketAddress(this.#memory.bytes, node * STRIDE, address, port),
    );
  }

  /** The address in memory of a node's socket address. */
  addressOf(node: number): number {
    return this.#memory.address + node * STRIDE;
  }

  /** Length of a node's socket address in bytes; 0 if it has none. */
  lengthOf(node: number): number {
    return this.#lengths[node];
  }
}
