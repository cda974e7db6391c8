import { encodeStream, type StreamMessage, toStream } from '../../gossip/index.js';
import { VtepError } from '../../error.js';
import type { MemberKeys } from './member-keys.js';

/** Bytes that streams hold: each takes what it holds from the rest, and gives it back when it ends. */
export class StreamBytes {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes bytes. Returns false if there are not so many. */
  take(count: number): boolean {
    if (this.#held + count > this.#limit) return false;
    this.#held += count;
    return true;
  }

  giveBack(count: number): void {
    this.#held -= count;
  }
}

/** A message as sent in a stream; undefined if it can't be sent, such as tables that are too large for one. */
export function encoded(message: StreamMessage, keys: MemberKeys, dialled: boolean): Uint8Array | undefined {
  try {
    return encodeStream(toStream(message), keys.ring, { dialled });
  } catch (error) {
    if (error instanceof VtepError) return undefined;
    throw error;
  }
}
