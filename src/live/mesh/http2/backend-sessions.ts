/** Connections of HTTP/2 to backends: each carries many requests, so a target usually has one. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { Http2Fields } from '../../../mesh/index.js';
import type { Deadlines, Timed } from '../http1/deadlines.js';
import type { OpenSocket } from '../http1/upstream.js';
import type { Target } from '../routing/target.js';
import { Http1Bridge } from './http1-bridge.js';

/** Most requests at once on a connection, if the backend doesn't want fewer. */
const MAX_STREAMS = 100;
/** Most connections of a target. Beyond, requests wait for those before them. */
const MAX_SESSIONS = 64;
/**
 * Bytes of a response that may wait in the mesh. The connection's are enough for all of its streams, so that none waits
 * for the client of another.
 */
const STREAM_WINDOW = 65_535;
const SESSION_WINDOW = STREAM_WINDOW * MAX_STREAMS;
const MAX_MEMORY_MEGABYTES = 16;
const MAX_FIELD_LIST = 32_768;
/** When the kernel starts to ask whether a silent backend still lives, in milliseconds. */
const KEEP_ALIVE = 30_000;
/**
 * After how long a silent connection with requests is asked, in milliseconds: servers of gRPC end connections that ask
 * more often than every 5 minutes; and for how long it may take.
 */
const PING_AFTER = 310_000;
const PING_PATIENCE = 20_000;

/** A request that has been sent. */
export interface BackendStream {
  readonly stream: ClientHttp2Stream;
  /** Whether its connection came about: if not, the backend hasn't seen anything of it. */
  readonly isConnected: () => boolean;
}

/** Times in milliseconds. */
export interface SessionTimes {
  /** To connect. */
  readonly connect: number;
  /** After which a connection without requests is closed. */
  readonly idle: number;
}

/** Connections by target. */
export class BackendSessions {
  readonly #open: (target: Target) => Socket;
  readonly #clock: () => number;
  readonly #times: () => SessionTimes;
  readonly #deadlines: Deadlines;
  readonly #sessions = new Map<Target, BackendSession[]>();

  /**
   * @param open opens a connection, for example in another network namespace
   * @param clock monotonic, in milliseconds
   * @param times as they are set now
   */
  constructor(open: (target: Target) => Socket, clock: () => number, deadlines: Deadlines, times: () => SessionTimes) {
    this.#open = open;
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#times = times;
  }

  /** Number of connections. */
  get size(): number {
    let size = 0;
    for (const sessions of this.#sessions.values()) size += sessions.length;
    return size;
  }

  /**
   * Sends a request.
   * @param endsStream whether there is no content
   * @param beginning what the connection begins with, which no other request may share then
   */
  request(target: Target, fields: Http2Fields, endsStream: boolean, beginning?: Uint8Array): BackendStream {
    const session = beginning === undefined ? this.#take(target) : this.#start(target, beginning);
    return session.request(fields, endsStream);
  }

  /**
   * What opens a connection as of HTTP/1 for one request (`Http1Bridge`), which goes out on one of HTTP/2.
   * @param beginning what that begins with, which no other request may share then
   */
  bridge(target: Target, beginning?: Uint8Array): OpenSocket {
    return (options) => new Http1Bridge(this, target, options, beginning);
  }

  /** Closes those of a target that is in no route any more, as soon as their requests are over. */
  drop(target: Target): void {
    for (const session of [...(this.#sessions.get(target) ?? [])]) session.close();
  }

  /** Closes all, at once. */
  close(): void {
    for (const sessions of [...this.#sessions.values()]) for (const session of [...sessions]) session.destroy();
  }

  #take(target: Target): BackendSession {
    const sessions = this.#sessions.get(target);
    if (sessions === undefined) return this.#start(target);
    let least: BackendSession | undefined;
    for (const session of sessions) {
      if (!session.takesMore) continue;
      if (session.active < session.limit) return session;
      if (least === undefined || session.active < least.active) least = session;
    }
    return least !== undefined && sessions.length >= MAX_SESSIONS ? least : this.#start(target);
  }

  #start(target: Target, beginning?: Uint8Array): BackendSession {
    const socket = this.#open(target);
    if (beginning !== undefined) socket.write(beginning);
    const session = new BackendSession(target, socket, this.#clock, this.#times, beginning !== undefined, () => {
      this.#deadlines.delete(session);
      const sessions = this.#sessions.get(target) ?? [];
      const index = sessions.indexOf(session);
      if (index >= 0) sessions.splice(index, 1);
      if (sessions.length === 0) this.#sessions.delete(target);
    });
    const sessions = this.#sessions.get(target);
    if (sessions === undefined) this.#sessions.set(target, [session]);
    else sessions.push(session);
    this.#deadlines.add(session);
    return session;
  }
}

/** A connection. */
class BackendSession implements Timed {
  #deadline: number;
  active = 0;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #target: Target;
  readonly #clock: () => number;
  readonly #times: () => SessionTimes;
  readonly #isSingle: boolean;
  #isConnected = false;
  #bytesRead = 0;
  #isAsked = false;
  /** Set once no new requests go here. */
  #isLeaving = false;

  constructor(
    target: Target,
    socket: Socket,
    clock: () => number,
    times: () => SessionTimes,
    isSingle: boolean,
    onClose: () => void,
  ) {
    this.#target = target;
    this.#socket = socket;
    this.#clock = clock;
    this.#times = times;
    this.#isSingle = isSingle;
    this.#deadline = clock() + times().connect;
    const session = connect(`http://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: MAX_FIELD_LIST },
      maxSessionMemory: MAX_MEMORY_MEGABYTES,
      peerMaxConcurrentStreams: MAX_STREAMS,
    });
    this.#session = session;
    socket.setKeepAlive(true, KEEP_ALIVE);
    session.on('connect', () => {
      this.#isConnected = true;
      session.setLocalWindowSize(SESSION_WINDOW);
      this.#deadline = clock() + this.#patience;
    });
    session.on('goaway', () => (this.#isLeaving = true));
    session.on('error', () => undefined);
    session.on('close', onClose);
  }

  /** Whether another request may be sent. */
  get takesMore(): boolean {
    const { closed, destroyed } = this.#session;
    // One that has failed is destroyed at once, and closes later.
    return !this.#isSingle && !this.#isLeaving && !this.#target.isLeaving && !closed && !destroyed;
  }

  /** Most requests at once. */
  get limit(): number {
    const { remoteSettings } = this.#session;
    return Math.min(MAX_STREAMS, remoteSettings.maxConcurrentStreams ?? MAX_STREAMS);
  }

  request(fields: Http2Fields, endsStream: boolean): BackendStream {
    const stream = this.#session.request(fields, { endStream: endsStream, waitForTrailers: !endsStream });
    this.active++;
    if (this.active === 1 && this.#isConnected) this.#deadline = this.#clock() + PING_AFTER;
    stream.once('close', () => {
      this.active--;
      if (this.active > 0) return;
      this.#deadline = this.#clock() + this.#patience;
      if (this.#isLeaving || this.#isSingle || this.#target.isLeaving) this.close();
    });
    return { stream, isConnected: () => this.#isConnected };
  }

  close(): void {
    this.#isLeaving = true;
    if (this.#isConnected || this.active > 0) this.#session.close();
    else this.destroy();
  }

  destroy(): void {
    this.#isLeaving = true;
    this.#session.destroy(undefined, constants.NGHTTP2_NO_ERROR);
  }

  sweep(now: number): void {
    if (this.#deadline <= now) this.#expire(now);
  }

  #expire(now: number): void {
    if (!this.#isConnected) {
      this.#socket.destroy();
      this.destroy();
      return;
    }
    const { closed, destroyed } = this.#session;
    if (destroyed || (closed && this.active === 0)) {
      // Node waits for the backend to close its side, for ever.
      this.#socket.destroy();
      return;
    }
    if (this.active === 0) {
      this.close();
      this.#deadline = now + this.#times().connect;
      return;
    }
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#isAsked = false;
      this.#deadline = now + PING_AFTER;
      return;
    }
    if (this.#isAsked) {
      this.destroy();
      return;
    }
    this.#isAsked = true;
    this.#deadline = now + PING_PATIENCE;
    this.#session.ping(() => undefined);
  }

  get #patience(): number {
    return this.active > 0 ? PING_AFTER : this.#times().idle;
  }
}
