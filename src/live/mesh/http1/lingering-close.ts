/**
 * The end of a connection that a client may still be sending on. To close it at once would make the kernel send a reset,
 * which can overtake the response that the client hasn't read (RFC 9112 section 9.6).
 */
import type { Socket } from 'node:net';
import type { MeshContext } from '../mesh-context.js';
import type { Timed } from './deadlines.js';

/** How long a client gets to close its side, in milliseconds, and how much it may send until then, in bytes. */
const PATIENCE = 2000;
const MAX_DISCARDED = 1 << 20;

/** Ends the sending side, then waits for the client's. */
export class LingeringClose implements Timed {
  #deadline: number;
  readonly #socket: Socket;
  #discarded = 0;

  constructor(socket: Socket, { clock, timeouts, pool }: MeshContext) {
    this.#socket = socket;
    this.#deadline = clock() + timeouts.response;
    pool.deadlines.add(this);
    socket.once('close', () => pool.deadlines.delete(this));
    // What was written before may take its time.
    socket.end(() => (this.#deadline = clock() + PATIENCE));
    socket.resume();
  }

  /** The client has sent so many bytes more. */
  discard(length: number): void {
    this.#discarded += length;
    if (this.#discarded > MAX_DISCARDED) this.#socket.destroy();
  }

  sweep(now: number): void {
    if (now < this.#deadline) return;
    // The end of the connection must not pass for that of a response that the client hasn't all of.
    if (this.#socket.writableLength > 0) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}
