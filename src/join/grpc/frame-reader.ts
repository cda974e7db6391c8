/** gRPC's framing: a flag for compression, the length in 4 bytes, and the message. */
import { JoinError } from '../error.js';

const HEADER = 5;
/** Larger than the messages of a swarm with thousands of tasks on one node; gRPC's own default is 4 MiB. */
const MAX_MESSAGE = 16 << 20;

/** Puts a message in a frame. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEADER);
  return frame;
}

/** Splits a stream into messages. Holds at most one incomplete message. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Bytes needed to continue: a header, or a header and its message. */
  #needed = HEADER;

  /** Whether an incomplete message is pending. */
  get pending(): boolean {
    return this.#length > 0;
  }

  /**
   * Adds what arrived.
   * @returns the messages that are complete now
   * @throws JoinError `BAD_ANSWER` for a compressed message, or one above 16 MiB
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const messages: Uint8Array[] = [];
    while (this.#length >= this.#needed) {
      const joined = Buffer.concat(this.#chunks);
      const length = joined.readUInt32BE(1);
      if (joined[0] !== 0) throw new JoinError('BAD_ANSWER', 'the answer is not a gRPC message, or compressed');
      if (length > MAX_MESSAGE) {
        throw new JoinError(
          'BAD_ANSWER',
          `the answer announces a message of ${length} bytes; at most ${MAX_MESSAGE} are accepted`,
        );
      }
      this.#needed = HEADER + length;
      const rest = joined.length >= this.#needed ? joined.subarray(this.#needed) : joined;
      if (rest !== joined) {
        messages.push(joined.subarray(HEADER, this.#needed));
        this.#needed = HEADER;
      }
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
    }
    return messages;
  }
}
