/** Sends many packets with one system call, directly from their arena. */
import { addressOf } from '../../foreign/index.js';
import type { PacketBatch } from '../../memory/index.js';
import { MessageVector } from './message-vector.js';
import { NodeAddresses } from './node-addresses.js';
import { Transmission } from './transmission.js';

/** Sends to the nodes of a topology. */
export class SendVector {
  readonly #vector: MessageVector;
  readonly #names = new NodeAddresses();
  readonly #transmission: Transmission;
  #arena: Uint8Array = new Uint8Array(0);
  #base = 0;

  /**
   * @param count maximum packets per system call, 1 to 1024
   * @param transmission passes them on, and counts them
   * @throws LiveError `SYSTEM_UNAVAILABLE`
   */
  constructor(count: number, transmission = new Transmission()) {
    this.#transmission = transmission;
    this.#vector = new MessageVector(count);
  }

  /** Packets accepted by the system. */
  get sent(): number {
    return this.#transmission.sent;
  }

  /** Packets refused by the system, by the name of the error. */
  get refused(): ReadonlyMap<string, number> {
    return this.#transmission.refused;
  }

  /**
   * Sets the nodes' addresses.
   * @param addresses by node, 4 or 16 bytes each; packets to a node without one are refused
   * @param port host order; 0 for raw sockets
   */
  setAddresses(addresses: readonly (Uint8Array | undefined)[], port: number): void {
    this.#names.set(addresses, port);
  }

  /**
   * Sends the packets of a batch, each to its `node`. Refused ones are counted, and the rest is still sent.
   * @param skip bytes at the start of each packet to omit
   */
  send(socket: number, batch: PacketBatch, skip: number): void {
    const { arena, start, end, node: nodes, count } = batch;
    if (this.#arena !== arena.bytes) {
      this.#arena = arena.bytes;
      this.#base = addressOf(arena.bytes);
    }
    const vector = this.#vector;
    const names = this.#names;
    this.#transmission.begin();
    for (let first = 0; first < count; first += vector.count) {
      const part = Math.min(vector.count, count - first);
      for (let i = 0; i < part; i++) {
        const from = start[first + i] + skip;
        const node = nodes[first + i];
        vector.setPiece(i, this.#base + from, end[first + i] - from);
        vector.setName(i, names.addressOf(node), names.lengthOf(node));
      }
      this.#transmission.send(socket, vector, 0, part);
    }
  }
}
