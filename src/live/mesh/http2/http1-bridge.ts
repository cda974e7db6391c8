/**
 * A connection as of HTTP/1 to a backend that speaks HTTP/2, for clients of HTTP/1: what is written to it is read as one
 * request, which goes out on a stream, and its response is what is read from it. `Upstream` uses it like a socket.
 */
import type { TcpNetConnectOpts } from 'node:net';
import { Duplex } from 'node:stream';
import {
  ChunkedContent,
  type Http2Fields,
  HeadFault,
  headEnd,
  INCOMPLETE,
  Method,
  RequestHead,
  requestFields,
  responseText,
} from '../../../mesh/index.js';
import type { Target } from '../routing/target.js';
import type { BackendSessions, BackendStream } from './backend-sessions.js';
import { cancelStream } from './reset-stream.js';

const HEX = 16;
const CRLF = Buffer.from('\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const SWITCHING_PROTOCOLS = '101';
const NOTHING_ADDED = { lines: '', dropped: 0 };
const CLOSE = 'Connection: close\r\n';
const END_STREAM = 1;

/** Read one after the other, and never beyond a call: one for all connections of a thread. */
const head = new RequestHead();

/** A connection for one request. Its response says that it closes. */
export class Http1Bridge extends Duplex {
  /** Whether the backend's connection isn't there yet, as of sockets. */
  connecting = true;
  readonly #sessions: BackendSessions;
  readonly #target: Target;
  readonly #onread: TcpNetConnectOpts['onread'];
  readonly #beginning: Uint8Array | undefined;
  #waiting: Buffer | undefined;
  #backend: BackendStream | undefined;
  #left = 0;
  #chunks: ChunkedContent | undefined;
  #isHead = false;
  /** Whether the response has chunks. */
  #isChunked = false;
  #hasEnded = false;
  #afterDrain: (() => void) | undefined;

  /** @param options how it is read: as sockets are, by `onread` alone */
  constructor(sessions: BackendSessions, target: Target, { onread }: TcpNetConnectOpts, beginning?: Uint8Array) {
    super();
    this.#sessions = sessions;
    this.#target = target;
    this.#onread = onread;
    this.#beginning = beginning;
  }

  override _read(): void {
    // What comes goes to `onread`.
  }

  override pause(): this {
    this.#backend?.stream.pause();
    return this;
  }

  override resume(): this {
    this.#backend?.stream.resume();
    return this;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    if (this.#backend !== undefined) {
      this.#passContent(bytes, done);
      return;
    }
    const all = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    const end = headEnd(all, 0, 0);
    if (end === INCOMPLETE) {
      this.#waiting = all;
      done();
      return;
    }
    this.#waiting = undefined;
    if (end < 0 || head.read(all, 0, end) !== HeadFault.None) {
      done(new Error('no request'));
      return;
    }
    this.#begin(all, end);
    this.#passContent(all.subarray(end), done);
  }

  override _final(done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const stream = this.#backend?.stream;
    // The end of a response that is complete may be on its way.
    setImmediate(() => {
      if (stream !== undefined && !stream.closed && !stream.destroyed) cancelStream(stream);
    });
    this.#resumed();
    done(error);
  }

  /** As of sockets. */
  destroySoon(): void {
    if (this.writable) this.end();
    else this.destroy();
  }

  #begin(bytes: Buffer, end: number): void {
    this.#isHead = head.method === Method.Head;
    this.#left = Math.max(0, head.content.length);
    if (head.content.isChunked) (this.#chunks = new ChunkedContent()).begin();
    const fields: Http2Fields = requestFields(bytes.subarray(0, end), head, NOTHING_ADDED, false);
    const backend = this.#sessions.request(this.#target, fields, !head.hasContent, this.#beginning);
    const { stream } = backend;
    this.#backend = backend;
    const connected = (): void => {
      this.connecting = false;
      this.emit('connect');
    };
    if (backend.isConnected()) process.nextTick(connected);
    else stream.once('ready', connected);
    stream.on('wantTrailers', () => stream.sendTrailers({}));
    stream.on('headers', (_fields, _flags, raw?: readonly string[]) => {
      const text = responseText(raw ?? [], '');
      if (text !== undefined && raw?.[1] !== SWITCHING_PROTOCOLS) this.#push(Buffer.from(text, 'latin1'));
    });
    stream.on('response', (_fields, flags: number, raw?: readonly string[]) => this.#takeHead(raw ?? [], flags));
    stream.on('data', (bytes: Buffer) => this.#takeContent(bytes));
    stream.on('drain', () => this.#resumed());
    stream.on('end', () => {
      if (!stream.aborted && stream.rstCode === 0) this.#takeEnd();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      if (!this.#hasEnded) this.destroy();
    });
  }

  #passContent(bytes: Buffer, done: () => void): void {
    const stream = this.#backend?.stream;
    if (stream === undefined || stream.destroyed || stream.closed || stream.writableEnded) {
      done();
      return;
    }
    let isTaken = true;
    let isWhole: boolean;
    const chunks = this.#chunks;
    if (chunks === undefined) {
      const piece = bytes.subarray(0, this.#left);
      this.#left -= piece.length;
      if (piece.length > 0) isTaken = stream.write(piece);
      isWhole = this.#left === 0;
    } else {
      for (let at = 0; at < bytes.length && !chunks.isDone && !chunks.isBad;) {
        at = chunks.read(bytes, at, bytes.length);
        if (chunks.dataEnd > chunks.dataStart) {
          isTaken = stream.write(bytes.subarray(chunks.dataStart, chunks.dataEnd));
        }
      }
      isWhole = chunks.isDone;
    }
    if (isWhole) stream.end();
    if (isTaken || isWhole) done();
    else this.#afterDrain = done;
  }

  #resumed(): void {
    const done = this.#afterDrain;
    this.#afterDrain = undefined;
    done?.();
  }

  #takeHead(raw: readonly string[], flags: number): void {
    const status = Number(raw[1]);
    const isBare = this.#isHead || status === NO_CONTENT || status === NOT_MODIFIED;
    const hasLength = raw.includes('content-length');
    const isEmpty = (flags & END_STREAM) !== 0;
    this.#isChunked = !isBare && !hasLength && !isEmpty;
    const length = this.#isChunked
      ? 'Transfer-Encoding: chunked\r\n'
      : isEmpty && !isBare && !hasLength
        ? 'Content-Length: 0\r\n'
        : '';
    const text = responseText(raw, CLOSE + length);
    if (text === undefined) this.destroy();
    else this.#push(Buffer.from(text, 'latin1'));
  }

  #takeContent(bytes: Buffer): void {
    if (this.#isChunked) {
      this.#push(Buffer.concat([Buffer.from(`${bytes.length.toString(HEX)}\r\n`), bytes, CRLF]));
    } else this.#push(bytes);
  }

  #takeEnd(): void {
    this.#hasEnded = true;
    if (this.#isChunked) this.#push(LAST_CHUNK);
    if (this.destroyed) return;
    this.push(null);
    super.resume();
  }

  /** Gives bytes to who reads, in the memory that it reads into. */
  #push(bytes: Buffer): void {
    const onread = this.#onread;
    if (onread === undefined) return;
    const { buffer } = onread;
    const memory = typeof buffer === 'function' ? buffer() : buffer;
    for (let at = 0; at < bytes.length && !this.destroyed; at += memory.length) {
      const piece = bytes.subarray(at, at + memory.length);
      memory.set(piece);
      onread.callback(piece.length, memory);
    }
  }
}
