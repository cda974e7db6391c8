/** A connection to a backend: sends one request at a time, and reads its response. */
import type { TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  ChunkedContent,
  Field,
  HeadFault,
  headEnd,
  keepAliveTimeout,
  NO_LENGTH,
  ResponseHead,
  SWITCHING_PROTOCOLS,
  TOO_LONG,
} from '../../../mesh/index.js';
import type { Target } from '../routing/target.js';
import type { Deadlines } from './deadlines.js';

/** Who gets the response. */
export interface ResponseTaker {
  /** Whether the request was HEAD. */
  readonly isHead: boolean;
  /** Whether it takes chunks as they are, rather than the data in them. */
  readonly takesChunks: boolean;
  /** Whether it copies what it keeps beyond a call; otherwise it is given bytes of its own. */
  readonly copies?: boolean;
  /** A head, of an interim or the final response. `bytes` has it, and may have content behind it. */
  takeHead(head: ResponseHead, bytes: Buffer): void;
  /** Content: `bytes` from `start` to `end`. The socket may be paused meanwhile. */
  takeContent(bytes: Buffer, start: number, end: number): void;
  /** The response is complete. */
  takeEnd(): void;
  /** The response won't be complete, and why. */
  takeFailure(why: UpstreamFailure): void;
  /** The connection is there; only if it wasn't when the request began. */
  takeConnected?(): void;
  /** The backend has taken all that it was sent. */
  takeDrain?(): void;
  /** Nothing more has come for now: what was held back goes out. */
  flush?(): void;
}

/** Why a response didn't come, or not all of it. */
export const UpstreamFailure = {
  /** No connection came about: nothing was sent. */
  Unreachable: 'unreachable',
  /** The same, after some time. */
  ConnectTimeout: 'connect-timeout',
  /** A connection that had waited was closed before the response began, as if both had crossed. */
  Stale: 'stale',
  Closed: 'closed',
  BadResponse: 'bad-response',
} as const;
export type UpstreamFailure = (typeof UpstreamFailure)[keyof typeof UpstreamFailure];

const Phase = { Idle: 0, Head: 1, Length: 2, Chunks: 3, UntilClose: 4, Tunnel: 5, Closed: 6 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

/** Most answers before the final one. */
const MAX_INTERIM = 64;
/**
 * For how long a connection waits, in milliseconds, if the backend doesn't say: less than any usual server, of which
 * Node's is the most impatient with 5 s. It must be the mesh that closes: a request that crosses the backend's end is
 * lost, unless it may be repeated.
 */
const IDLE = 4000;
/** How much earlier than the backend says, in seconds, and how long at most. */
const IDLE_MARGIN = 1;
const MAX_IDLE_SECONDS = 60;
const MILLISECONDS = 1000;

/** Read one after the other, and never beyond a call: one for all connections of a thread. */
const head = new ResponseHead();

/** A connection to a backend: a socket, or what is used like one. */
export type BackendSocket = Duplex & { readonly connecting: boolean; destroySoon(): void };

/** Opens a connection to a target, with all of these options: its host and port are the target's. */
export type OpenSocket = (options: TcpNetConnectOpts, target: Target) => BackendSocket;

/** What all connections of a thread read into, one after the other: to have memory for each read costs more than it. */
const shared = Buffer.allocUnsafeSlow(65_536);
/** The beginnings of it of up to so many bytes, by their length: to make one again for each read costs more. */
const MAX_BEGINNING = 2048;
const beginnings = new Array<Buffer | undefined>(MAX_BEGINNING + 1);

function beginning(length: number): Buffer {
  if (length > MAX_BEGINNING) return shared.subarray(0, length);
  return (beginnings[length] ??= shared.subarray(0, length));
}

/** A connection. */
export class Upstream {
  readonly target: Target;
  readonly socket: BackendSocket;
  /** Whether it has served a request before. */
  wasUsed = false;
  /** Until when it may wait for another request, by the mesh's clock. */
  idleUntil = 0;
  /** Whether the connection came about. */
  isConnected = false;
  #taker: ResponseTaker | undefined;
  #phase: Phase = Phase.Idle;
  #rest: Buffer | undefined;
  #scanned = 0;
  #left = 0;
  #keepsAlive = false;
  #interim = 0;
  #idle = IDLE;
  readonly #chunks = new ChunkedContent();
  readonly #deadlines: Deadlines;
  readonly #onIdleEnd: (upstream: Upstream) => void;

  /**
   * @param open opens the connection
   * @param deadlines whose clock idle connections go by
   * @param onIdleEnd called when the backend closes it while it waits
   */
  constructor(target: Target, open: OpenSocket, deadlines: Deadlines, onIdleEnd: (upstream: Upstream) => void) {
    this.target = target;
    this.#deadlines = deadlines;
    this.#onIdleEnd = onIdleEnd;
    const callback = (length: number): boolean => {
      const bytes = beginning(length);
      this.#take(this.#taker?.copies === true ? bytes : Buffer.from(bytes));
      return true;
    };
    const { host, port } = target;
    const socket = open({ host, port, noDelay: true, onread: { buffer: shared, callback } }, target);
    this.socket = socket;
    socket.on('connect', () => {
      this.isConnected = true;
      this.#taker?.takeConnected?.();
    });
    // Only of what doesn't read into the shared memory.
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('drain', () => this.#taker?.takeDrain?.());
    socket.on('end', () => this.#ended());
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed());
  }

  /** Whether another request may be sent. */
  get isReusable(): boolean {
    return this.#phase === Phase.Idle && this.#keepsAlive && this.#idle > 0 && this.socket.writable;
  }

  /** Expects the response to a request. */
  begin(taker: ResponseTaker): void {
    this.#taker = taker;
    this.#phase = Phase.Head;
    this.#keepsAlive = false;
    this.#interim = 0;
  }

  /** Gives the connection up. */
  destroy(): void {
    this.#taker = undefined;
    this.#phase = Phase.Closed;
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = undefined;
    }
    if (this.#phase === Phase.Idle) {
      // Nobody has asked: whatever it is, it is no answer to the next request.
      this.#onIdleEnd(this);
      this.destroy();
      return;
    }
    let at = 0;
    while (at < bytes.length && this.#taker !== undefined && !this.#isIdle()) {
      if (this.#phase === Phase.Head) {
        const end = this.#readHead(bytes, at);
        if (end < 0) break;
        at = end;
      } else at = this.#readContent(bytes, at);
    }
    if (at < bytes.length && this.#isIdle()) this.#keepsAlive = false;
    if (this.#isIdle()) this.#finish();
    else this.#taker?.flush?.();
  }

  /** @returns where it ends; -1 if it isn't there yet, or is none */
  #readHead(bytes: Buffer, at: number): number {
    const end = headEnd(bytes, at, at + this.#scanned);
    if (end < 0) {
      if (end === TOO_LONG) this.#fail(UpstreamFailure.BadResponse);
      else {
        this.#rest = Buffer.from(bytes.subarray(at));
        this.#scanned = this.#rest.length;
      }
      return -1;
    }
    this.#scanned = 0;
    if (head.read(bytes, at, end) !== HeadFault.None) {
      this.#fail(UpstreamFailure.BadResponse);
      return -1;
    }
    const taker = this.#taker;
    if (taker === undefined) return -1;
    if (head.isInterim) {
      if (++this.#interim > MAX_INTERIM) {
        this.#fail(UpstreamFailure.BadResponse);
        return -1;
      }
      taker.takeHead(head, bytes);
      return end;
    }
    this.#keepsAlive = head.keepsAlive;
    if (head.fields.has(Field.KeepAlive)) this.#readKeepAlive(bytes);
    if (head.status === SWITCHING_PROTOCOLS) this.#phase = Phase.Tunnel;
    else if (!head.hasContent(taker.isHead)) this.#phase = Phase.Idle;
    else if (head.content.isChunked) {
      this.#phase = Phase.Chunks;
      this.#chunks.begin();
    } else if (head.content.length === NO_LENGTH) {
      this.#phase = Phase.UntilClose;
      this.#keepsAlive = false;
    } else {
      this.#phase = Phase.Length;
      this.#left = head.content.length;
    }
    taker.takeHead(head, bytes);
    return end;
  }

  /** @returns how far it came */
  #readContent(bytes: Buffer, at: number): number {
    const taker = this.#taker;
    if (taker === undefined) return bytes.length;
    if (this.#phase === Phase.Length) {
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      if (this.#left === 0) this.#phase = Phase.Idle;
      taker.takeContent(bytes, at, end);
      return end;
    }
    if (this.#phase !== Phase.Chunks) {
      taker.takeContent(bytes, at, bytes.length);
      return bytes.length;
    }
    const chunks = this.#chunks;
    let end = at;
    if (taker.takesChunks) {
      while (end < bytes.length && !chunks.isDone && !chunks.isBad) end = chunks.read(bytes, end, bytes.length);
      if (!chunks.isBad) taker.takeContent(bytes, at, end);
    } else {
      while (end < bytes.length && !chunks.isDone && !chunks.isBad) {
        end = chunks.read(bytes, end, bytes.length);
        if (chunks.dataEnd > chunks.dataStart) taker.takeContent(bytes, chunks.dataStart, chunks.dataEnd);
      }
    }
    if (chunks.isBad) this.#fail(UpstreamFailure.BadResponse);
    else if (chunks.isDone) this.#phase = Phase.Idle;
    return end;
  }

  #readKeepAlive(bytes: Buffer): void {
    const seconds = keepAliveTimeout(bytes, head.fields);
    if (seconds !== NO_LENGTH) this.#idle = (Math.min(seconds, MAX_IDLE_SECONDS) - IDLE_MARGIN) * MILLISECONDS;
  }

  #isIdle(): boolean {
    return this.#phase === Phase.Idle;
  }

  #finish(): void {
    const taker = this.#taker;
    this.#taker = undefined;
    this.wasUsed = true;
    // The client may be slow, but the next one isn't, and the end of the connection must be seen.
    if (this.socket.isPaused()) this.socket.resume();
    this.idleUntil = this.#deadlines.now + this.#idle;
    taker?.takeEnd();
  }

  #ended(): void {
    const taker = this.#taker;
    if (this.#phase === Phase.UntilClose) {
      this.#phase = Phase.Closed;
      this.#finish();
    } else if (this.#phase === Phase.Tunnel) taker?.takeEnd();
    else if (taker !== undefined) this.#fail(this.#whyClosed());
    else if (this.#phase === Phase.Idle) this.#onIdleEnd(this);
    this.#phase = Phase.Closed;
    this.socket.destroySoon();
  }

  #closed(): void {
    if (this.#taker !== undefined) {
      this.#fail(this.isConnected ? this.#whyClosed() : UpstreamFailure.Unreachable);
      return;
    }
    if (this.#phase === Phase.Idle) this.#onIdleEnd(this);
    this.#phase = Phase.Closed;
  }

  #whyClosed(): UpstreamFailure {
    const isStale = this.wasUsed && this.#phase === Phase.Head && this.#rest === undefined && this.#interim === 0;
    return isStale ? UpstreamFailure.Stale : UpstreamFailure.Closed;
  }

  #fail(why: UpstreamFailure): void {
    const taker = this.#taker;
    this.destroy();
    taker?.takeFailure(why);
  }
}
