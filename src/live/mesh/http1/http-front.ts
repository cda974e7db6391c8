/** A connection of a client that speaks HTTP/1: reads its requests, and passes on their responses. */
import type { Socket } from 'node:net';
import {
  type AddedFields,
  cookieValue,
  HeadFault,
  headEnd,
  INCOMPLETE,
  isIdempotent,
  isVia,
  Method,
  NO_LENGTH,
  PrefaceVerdict,
  readPreface,
  receivedOf,
  RequestHead,
  requestText,
  type ResponseHead,
  type Rewrite,
  statusOf,
  SWITCHING_PROTOCOLS,
} from '../../../mesh/index.js';
import type { Client } from '../client.js';
import { ExchangeProtocol, Failure } from '../exchange.js';
import type { MeshContext } from '../mesh-context.js';
import type { LiveRoute } from '../routing/live-route.js';
import { answerText, failureText, unknownHost } from './answers.js';
import type { Timed } from './deadlines.js';
import { Delivery } from './delivery.js';
import { LingeringClose } from './lingering-close.js';
import { redirectStatus, redirectTarget } from './redirect.js';
import { RequestContent } from './request-content.js';
import { RequestRecord } from './request-record.js';
import { ResponseWriter } from './response-writer.js';
import { type ResponseTaker, UpstreamFailure } from './upstream.js';

const Phase = {
  Head: 0,
  /** A request with content waits for the connection to its backend: the content is held back. */
  Connecting: 1,
  Content: 2,
  /** The request is complete. */
  Waiting: 3,
  Tunnel: 4,
  /** Nothing more is read. */
  Closing: 5,
} as const;
type Phase = (typeof Phase)[keyof typeof Phase];

/** Bytes that may wait behind a request, until its response is complete. */
const MAX_WAITING = 65_536;
const CONTINUE = 100;
const REQUEST_TIMEOUT = 408;
const BAD_REQUEST = 400;
const BAD_GATEWAY = 502;
const UNAVAILABLE = 503;
const GATEWAY_TIMEOUT = 504;
const LOOP_DETECTED = 508;

/** Read one after the other, and never beyond a call: one for all connections of a thread. */
const head = new RequestHead();

/** A connection. */
export class HttpFront implements ResponseTaker, Timed {
  isHead = false;
  takesChunks = true;
  readonly copies = true;
  readonly socket: Socket;
  readonly #context: MeshContext;
  readonly #client: Client;
  readonly #record: RequestRecord;
  readonly #delivery: Delivery;
  readonly #writer: ResponseWriter;
  readonly #content = new RequestContent();
  #closing: LingeringClose | undefined;
  #phase: Phase = Phase.Head;
  /** Whether nothing but empty lines has been read. */
  #isFirst = true;
  #rest: Buffer | undefined;
  #scanned = 0;
  #keepsAlive = true;
  #minor = 1;
  #isWebSocket = false;
  /** Whether the client waits for 100, and hasn't sent any content. */
  #expectsContinue = false;
  /** Whether the client takes the end of the connection for that of the response. */
  #isUntilClose = false;
  #isDraining = false;
  /** Whether the next request waits until the client has read the responses before it. */
  #isHeld = false;
  /** Since when nothing has happened; undefined if something has since the latest sweep. */
  #quietSince: number | undefined;
  /** What requests to the host of the one before got. */
  #added: AddedFields = { lines: '', dropped: 0 };
  #addedHost: string | undefined;
  readonly #onData = (bytes: Buffer): void => this.#take(bytes);
  readonly #onDrain = (): void => {
    this.#touch();
    this.#delivery.upstream?.socket.resume();
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#readSoon();
  };
  readonly #onEnd = (): void => this.#ended();
  readonly #onClose = (): void => this.#closed();

  /** @param socket without other listeners; its server should allow half-open connections */
  constructor(socket: Socket, context: MeshContext, client: Client) {
    this.socket = socket;
    this.#context = context;
    this.#client = client;
    this.#record = new RequestRecord(client);
    this.#delivery = new Delivery(context, client, this);
    this.#writer = new ResponseWriter(socket);
    context.pool.deadlines.add(this);
    socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
  }

  /** Takes no more requests: closes the connection, after the response that is under way. Tunnels stay. */
  drain(): void {
    this.#isDraining = true;
    if (this.#phase === Phase.Head && this.#rest === undefined) this.#close();
    else if (this.#phase !== Phase.Tunnel) this.#keepsAlive = false;
  }

  #take(chunk: Buffer): void {
    switch (this.#phase) {
      case Phase.Head:
        if (this.#isHeld) {
          this.#keep(chunk);
          return;
        }
        this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
        this.#read();
        return;
      case Phase.Content:
        this.#passContent(chunk);
        return;
      case Phase.Tunnel:
        this.#record.bytesIn += chunk.length;
        this.#touch();
        this.#send(chunk);
        return;
      case Phase.Closing:
        this.#closing?.discard(chunk.length);
        return;
      default:
        this.#keep(chunk);
    }
  }

  /** Keeps bytes for the time after the response, or until there is a connection. */
  #keep(bytes: Buffer): void {
    this.#rest = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    if (this.#rest.length > MAX_WAITING) this.socket.pause();
  }

  /** Reads the request that may have come. */
  #read(): void {
    const bytes = this.#rest;
    if (bytes === undefined) return;
    if (this.#isFirst) {
      const verdict = readPreface(bytes);
      if (verdict === PrefaceVerdict.Http2) this.#handOver(bytes);
      if (verdict !== PrefaceVerdict.Http1) return;
    }
    const end = headEnd(bytes, 0, this.#scanned);
    if (end === INCOMPLETE) {
      if (this.#scanned === 0) this.#touch();
      this.#scanned = bytes.length;
      return;
    }
    this.#isFirst = false;
    this.#rest = undefined;
    this.#scanned = 0;
    const fault = end < 0 ? HeadFault.LongHead : head.read(bytes, 0, end);
    if (fault === HeadFault.None) this.#begin(bytes, end);
    else this.#refuse(statusOf(fault), Failure.BadRequest);
  }

  #begin(bytes: Buffer, end: number): void {
    const { host, hasContent, content, minor } = head;
    const context = this.#context;
    const now = context.clock();
    this.#record.beginRequest(now, bytes, head);
    this.#delivery.reset();
    this.isHead = head.method === Method.Head;
    this.takesChunks = minor === 1;
    this.#minor = minor;
    this.#keepsAlive = head.keepsAlive && !this.#isDraining;
    this.#isWebSocket = head.isWebSocket;
    this.#expectsContinue = head.expectsContinue;
    if (hasContent) this.#content.begin(content);
    this.#isUntilClose = false;
    this.#phase = hasContent ? Phase.Connecting : Phase.Waiting;
    // What follows is content, or the next request.
    if (end < bytes.length) this.#keep(bytes.subarray(end));
    if (isVia(bytes, head.fields, context.pseudonym)) {
      this.#answer(LOOP_DETECTED, failureText(Failure.Loop), Failure.Loop);
      return;
    }
    const route =
      context.soleRoute(host) ?? context.findRoute(host, bytes.toString('latin1', head.pathStart, head.pathEnd) || '/');
    this.#record.route = route;
    if (route === undefined) {
      this.#answer(UNAVAILABLE, unknownHost(context.knownHosts), Failure.UnknownHost);
      return;
    }
    const { redirect } = route.route;
    if (redirect === undefined) this.#deliver(bytes, route, hasContent, now);
    else {
      const to = redirectTarget(redirect, this.#record.path);
      this.#answer(redirectStatus(head.method), to, undefined, `Location: ${to}\r\n`);
    }
  }

  #deliver(bytes: Buffer, route: LiveRoute, hasContent: boolean, now: number): void {
    const { host } = head;
    const received = receivedOf(bytes, head, this.#client.isTrusted);
    let added = this.#added;
    if (received !== undefined) added = this.#context.addedFor(this.#client, host, received);
    else if (host !== this.#addedHost) {
      this.#addedHost = host;
      added = this.#context.addedFor(this.#client, host);
      this.#added = added;
    }
    const { sticky, rewrite, path } = route.route;
    const cookie = sticky === undefined ? undefined : cookieValue(bytes, head.fields, sticky.cookie);
    const other: Rewrite | undefined = rewrite === undefined ? undefined : { length: path.length, text: rewrite };
    const text = requestText(bytes, head, added, other);
    if (!this.#delivery.begin(route, cookie, text, !hasContent && isIdempotent(head.method), now)) {
      this.#answer(UNAVAILABLE, failureText(Failure.NoBackend), Failure.NoBackend);
      return;
    }
    this.#sent();
  }

  /** The head is on its way, or will be once there is a connection. */
  #sent(): void {
    this.#touch();
    if (this.#delivery.upstream?.isConnected === true) this.takeConnected();
    else if (this.#phase === Phase.Connecting) this.socket.pause();
  }

  /** Passes on what has come of the content. */
  #beginContent(): void {
    if (this.#phase !== Phase.Connecting) return;
    this.#phase = Phase.Content;
    const bytes = this.#rest;
    if (bytes === undefined) return;
    this.#rest = undefined;
    this.#passContent(bytes);
  }

  /** Passes on content, and keeps what follows it. */
  #passContent(bytes: Buffer): void {
    const content = this.#content;
    const end = content.read(bytes);
    if (content.isBad) {
      this.#fail(BAD_REQUEST, 'The content is not in chunks.', Failure.BadRequest);
      return;
    }
    if (content.isDone) this.#phase = Phase.Waiting;
    this.#record.bytesIn += end;
    this.#expectsContinue = false;
    this.#touch();
    this.#send(end === bytes.length ? bytes : bytes.subarray(0, end));
    if (end < bytes.length) this.#keep(bytes.subarray(end));
  }

  /** Sends bytes to the backend, as fast as it takes them. */
  #send(bytes: Buffer): void {
    if (this.#delivery.upstream?.socket.write(bytes) === false) this.socket.pause();
  }

  /** Something has happened: time limits begin anew. */
  #touch(): void {
    this.#quietSince = undefined;
  }

  takeConnected(): void {
    this.#touch();
    if (this.#phase !== Phase.Connecting) return;
    this.socket.resume();
    this.#beginContent();
  }

  takeDrain(): void {
    this.#touch();
    if (this.#phase === Phase.Content || this.#phase === Phase.Tunnel) this.socket.resume();
  }

  takeHead(response: ResponseHead, bytes: Buffer): void {
    const { status } = response;
    this.#touch();
    if (response.isInterim) {
      if (status === CONTINUE) this.#expectsContinue = false;
      if (this.#minor === 1 && !this.socket.write(bytes.toString('latin1', response.start, response.end), 'latin1'))
        this.#delivery.upstream?.socket.pause();
      return;
    }
    if (status === SWITCHING_PROTOCOLS) {
      this.#beginTunnel(bytes.toString('latin1', response.start, response.end));
      return;
    }
    this.#record.status = status;
    this.#delivery.answered();
    const { isChunked, length } = response.content;
    this.#isUntilClose = response.hasContent(this.isHead) && (isChunked ? !this.takesChunks : length === NO_LENGTH);
    // A client that waits for 100 may send its content in spite of the answer, or not: nothing tells where it ends.
    if (this.#isUntilClose || this.#isDraining || this.#expectsContinue) this.#keepsAlive = false;
    this.#writer.head(response, bytes, {
      minor: this.#minor,
      keepsAlive: this.#keepsAlive,
      takesChunks: this.takesChunks,
      lines: this.#delivery.setCookie,
    });
  }

  #beginTunnel(answer: string): void {
    if (!this.#isWebSocket) {
      this.#delivery.abandon();
      this.takeFailure(UpstreamFailure.BadResponse);
      return;
    }
    const record = this.#record;
    this.#delivery.answered();
    record.status = SWITCHING_PROTOCOLS;
    record.protocol = ExchangeProtocol.WebSocket;
    this.#phase = Phase.Tunnel;
    this.#touch();
    this.socket.write(answer, 'latin1');
    const early = this.#rest;
    this.#rest = undefined;
    this.socket.resume();
    if (early !== undefined) this.#take(early);
  }

  takeContent(bytes: Buffer, start: number, end: number): void {
    this.#record.bytesOut += end - start;
    this.#touch();
    if (!this.#writer.content(bytes, start, end)) this.#delivery.upstream?.socket.pause();
  }

  flush(): void {
    this.#writer.flush();
  }

  takeEnd(): void {
    this.#writer.flush();
    const isComplete = this.#phase === Phase.Waiting;
    // A backend that answers before it has all content isn't waited for.
    if (isComplete) this.#delivery.complete();
    else this.#delivery.abandon();
    this.#report(undefined);
    if (isComplete && this.#keepsAlive) this.#next();
    else this.#close();
  }

  /** Waits for the next request, or reads it. */
  #next(): void {
    this.#phase = Phase.Head;
    this.#touch();
    // Otherwise a client that sends requests and reads nothing makes us keep all responses.
    if (this.socket.writableNeedDrain) this.#isHeld = true;
    else this.#readSoon();
  }

  #readSoon(): void {
    if (this.socket.isPaused()) this.socket.resume();
    if (this.#rest === undefined) return;
    // Not at once: a client could make us answer one request within the other.
    setImmediate(() => {
      if (this.#phase === Phase.Head && this.#scanned === 0 && !this.#isHeld) this.#read();
    });
  }

  takeFailure(why: UpstreamFailure): void {
    const isUnreachable = why === UpstreamFailure.Unreachable || why === UpstreamFailure.ConnectTimeout;
    if (this.#record.status === 0 && this.#delivery.retry(why)) {
      this.#sent();
      return;
    }
    if (isUnreachable) {
      const status = why === UpstreamFailure.Unreachable ? BAD_GATEWAY : GATEWAY_TIMEOUT;
      this.#fail(status, failureText(Failure.Unreachable), Failure.Unreachable);
    } else if (why === UpstreamFailure.BadResponse)
      this.#fail(BAD_GATEWAY, failureText(Failure.BadResponse), Failure.BadResponse);
    else this.#fail(BAD_GATEWAY, failureText(Failure.BackendClosed), Failure.BackendClosed);
  }

  /** Answers that a request failed; if its response has begun, the client must see that it is incomplete. */
  #fail(status: number, why: string, failure: Failure): void {
    if (this.#record.status === 0 && this.#phase !== Phase.Tunnel) {
      this.#answer(status, why, failure);
      return;
    }
    this.#writer.flush();
    this.#delivery.abandon();
    this.#report(failure);
    this.#phase = Phase.Closing;
    this.#cut();
  }

  /** Closes the connection within a response, so that nobody takes what came of it for the whole. */
  #cut(): void {
    if (this.#isUntilClose) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** Refuses what is no request, or no complete one. */
  #refuse(status: number, failure: Failure): void {
    this.#record.begin(this.#context.clock());
    this.#delivery.reset();
    this.isHead = false;
    this.#keepsAlive = false;
    this.#answer(status, '', failure);
  }

  /** Answers by itself. The connection stays if it is certain where the next request begins. */
  #answer(status: number, why: string, failure: Failure | undefined, lines = ''): void {
    const keeps = this.#phase === Phase.Waiting && this.#keepsAlive && this.#minor === 1;
    this.#record.status = status;
    this.socket.write(answerText(status, why, { isHead: this.isHead, closes: !keeps, lines }));
    this.#delivery.abandon();
    this.#report(failure);
    if (keeps) this.#next();
    else this.#close();
  }

  #report(failure: Failure | undefined): void {
    const record = this.#record;
    if (!record.isOpen) return;
    record.failure = failure;
    record.target = this.#delivery.target;
    record.attempts = this.#delivery.attempts;
    this.#context.finished(record);
    record.end();
  }

  #close(): void {
    this.#phase = Phase.Closing;
    this.#rest = undefined;
    this.#closing = new LingeringClose(this.socket, this.#context);
  }

  #ended(): void {
    switch (this.#phase) {
      case Phase.Waiting:
        this.#keepsAlive = false;
        return;
      case Phase.Tunnel:
        this.#delivery.upstream?.socket.end();
        return;
      case Phase.Closing:
        return;
      case Phase.Head:
        // The response before may still be on its way.
        if (this.socket.writableLength > 0) this.#close();
        else this.socket.destroy();
        return;
      default:
        this.socket.destroy();
    }
  }

  #closed(): void {
    this.#report(Failure.ClientClosed);
    this.#phase = Phase.Closing;
    this.#rest = undefined;
    this.#delivery.close();
    this.#context.pool.deadlines.delete(this);
  }

  /** Gives the connection to those who read HTTP/2. */
  #handOver(bytes: Buffer): void {
    const { socket } = this;
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    this.#closed();
    this.#context.beginHttp2(socket, bytes, this.#client);
  }

  sweep(now: number): void {
    if (this.#quietSince === undefined) this.#quietSince = now;
    else if (now - this.#quietSince >= this.#limit()) this.#expire();
  }

  /** For how long nothing may happen, in milliseconds. */
  #limit(): number {
    const { timeouts } = this.#context;
    switch (this.#phase) {
      case Phase.Head:
        if (this.#isHeld) return timeouts.response;
        return this.#isFirst || this.#rest !== undefined ? timeouts.head : timeouts.idle;
      case Phase.Closing:
        return Infinity;
      case Phase.Tunnel:
        return timeouts.tunnel;
      default:
        return this.#delivery.upstream?.isConnected === false ? timeouts.connect : timeouts.response;
    }
  }

  #expire(): void {
    const { upstream } = this.#delivery;
    if (this.#phase === Phase.Head) {
      if (this.#isHeld) this.#cut();
      else if (this.#rest === undefined) this.#close();
      else this.#refuse(REQUEST_TIMEOUT, Failure.ClientTimeout);
    } else if (this.#phase === Phase.Tunnel) this.#fail(0, '', Failure.BackendTimeout);
    else if (upstream?.isConnected === false) {
      upstream.destroy();
      this.takeFailure(UpstreamFailure.ConnectTimeout);
    } else if (this.socket.writableLength > 0) {
      this.#report(Failure.ClientTimeout);
      this.#cut();
    } else if (this.#phase === Phase.Content && upstream?.socket.writableLength === 0)
      this.#fail(REQUEST_TIMEOUT, failureText(Failure.ClientTimeout), Failure.ClientTimeout);
    else this.#fail(GATEWAY_TIMEOUT, failureText(Failure.BackendTimeout), Failure.BackendTimeout);
  }
}

function ignore(): void {
  // What happened is seen when the connection closes.
}
