/** Clients that speak HTTP/2 in clear text (RFC 9113 section 3.3): their connections and the requests on them. */
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Client } from '../client.js';
import type { Timed } from '../http1/deadlines.js';
import type { MeshContext } from '../mesh-context.js';
import type { BackendSessions } from './backend-sessions.js';
import { StreamFront } from './stream-front.js';

/** Requests at once on a connection. */
const MAX_STREAMS = 100;
/** Bytes of content that a request, and all of a connection, may have waiting in the mesh. */
const STREAM_WINDOW = 262_144;
const SESSION_WINDOW = 1 << 20;
const MAX_FIELD_LIST = 32_768;
const MAX_MEMORY_MEGABYTES = 8;
/** Frames against the rules after which a connection is closed. */
const MAX_INVALID_FRAMES = 100;
/**
 * Requests that a client may take back before they are answered, beyond half of all: more is the attack that resets as
 * fast as it asks (CVE-2023-44487), which no limit on requests at once stops.
 */
const MAX_RESET = 100;

/** The connections of a mesh. */
export class Http2Front {
  readonly #context: MeshContext;
  readonly #backends: BackendSessions;
  readonly #sessions = new Set<ClientSession>();
  #isDraining = false;

  constructor(context: MeshContext, backends: BackendSessions) {
    this.#context = context;
    this.#backends = backends;
  }

  /** Number of connections. */
  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Takes over a connection. No listeners may be left on it.
   * @param bytes what was read from it: the preface, and what follows
   */
  begin(socket: Socket, bytes: Buffer, client: Client): void {
    if (socket.destroyed) return;
    // Otherwise they would go to listeners, of which there are none.
    socket.pause();
    if (bytes.length > 0) socket.unshift(bytes);
    const session = performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: MAX_STREAMS,
        initialWindowSize: STREAM_WINDOW,
        maxHeaderListSize: MAX_FIELD_LIST,
        enablePush: false,
      },
      maxSessionMemory: MAX_MEMORY_MEGABYTES,
      maxSessionInvalidFrames: MAX_INVALID_FRAMES,
      maxSessionRejectedStreams: MAX_STREAMS,
    });
    session.setLocalWindowSize(SESSION_WINDOW);
    const one = new ClientSession(session, socket, this.#context, this.#backends, client);
    this.#sessions.add(one);
    session.once('close', () => this.#sessions.delete(one));
    if (this.#isDraining) one.drain();
  }

  /** Ends: no new requests, and each connection closes after those under way. */
  drain(): void {
    this.#isDraining = true;
    for (const session of this.#sessions) session.drain();
  }

  /** Closes all connections, at once. */
  close(): void {
    for (const session of [...this.#sessions]) session.destroy();
  }
}

/** A connection. */
class ClientSession implements Timed {
  #deadline: number;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #context: MeshContext;
  #active = 0;
  #requests = 0;
  #resets = 0;

  constructor(
    session: ServerHttp2Session,
    socket: Socket,
    context: MeshContext,
    backends: BackendSessions,
    client: Client,
  ) {
    this.#session = session;
    this.#socket = socket;
    this.#context = context;
    const { deadlines } = context.pool;
    this.#deadline = context.clock() + context.timeouts.head;
    deadlines.add(this);
    session.on('error', () => undefined);
    session.once('close', () => deadlines.delete(this));
    session.on('stream', (stream, _headers, flags: number, raw?: readonly string[]) => {
      this.#begin(stream);
      new StreamFront(stream, context, client, backends).begin(raw ?? [], flags);
    });
  }

  drain(): void {
    this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }

  /** No request for too long: whatever else it sends, such as pings. */
  sweep(now: number): void {
    if (this.#deadline <= now) this.#expire(now);
  }

  #expire(now: number): void {
    const { closed, destroyed } = this.#session;
    if (destroyed || (closed && this.#active === 0)) {
      // Node waits for the client to read all and to close its side, for ever.
      this.#socket.destroy();
      return;
    }
    if (this.#active > 0) {
      this.#deadline = now + this.#context.timeouts.idle;
      return;
    }
    this.#session.close();
    this.#deadline = now + this.#context.timeouts.head;
  }

  #begin(stream: ServerHttp2Stream): void {
    this.#active++;
    this.#requests++;
    stream.once('close', () => {
      this.#active--;
      if (this.#active === 0) this.#deadline = this.#context.clock() + this.#context.timeouts.idle;
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR || !stream.aborted) return;
      if (++this.#resets > MAX_RESET && this.#resets * 2 > this.#requests) {
        this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      }
    });
  }
}
