import { MAX_MESSAGE_LEN, read16, write16 } from './message.js';

/** Length of the prefix that each message has over TCP (RFC 1035, section 4.2.2). */
export const TCP_PREFIX_LEN = 2;
/** Queries that a connection may carry. */
export const MAX_TCP_QUERIES = 128;
/** Seconds after which an idle connection is closed. */
export const TCP_IDLE_SECONDS = 8;

const FIRST_ROOM = 512;

/** Prefixes a message with its length. */
export function tcpFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(TCP_PREFIX_LEN + message.length);
  write16(frame, 0, message.length);
  frame.set(message, TCP_PREFIX_LEN);
  return frame;
}

/** Splits the bytes of a TCP connection into messages. Holds at most one incomplete message. */
export class TcpMessages {
  #held = new Uint8Array(FIRST_ROOM);
  #length = 0;

  /** Bytes of the incomplete message, prefix included. */
  get held(): number {
    return this.#length;
  }

  /**
   * Takes the next bytes of the connection.
   * @param message called with each complete message, which is valid during the call only
   */
  push(chunk: Uint8Array, message: (bytes: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length;) {
      at += this.#take(chunk, at, TCP_PREFIX_LEN);
      if (this.#length < TCP_PREFIX_LEN) return;
      const whole = TCP_PREFIX_LEN + read16(this.#held, 0);
      at += this.#take(chunk, at, whole);
      if (this.#length < whole) return;
      this.#length = 0;
      message(this.#held.subarray(TCP_PREFIX_LEN, whole));
    }
  }

  /** Copies until `wanted` bytes are held. @returns the number copied */
  #take(chunk: Uint8Array, at: number, wanted: number): number {
    const count = Math.max(0, Math.min(wanted - this.#length, chunk.length - at));
    if (this.#length + count > this.#held.length) {
      const wider = new Uint8Array(Math.min(TCP_PREFIX_LEN + MAX_MESSAGE_LEN, 2 * (this.#length + count)));
      wider.set(this.#held);
      this.#held = wider;
    }
    this.#held.set(chunk.subarray(at, at + count), this.#length);
    this.#length += count;
    return count;
  }
}
