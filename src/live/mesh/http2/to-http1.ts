/** A request of HTTP/2 whose backend speaks HTTP/1: one after the other on connections of the pool. */
import { addLines, type ResponseHead, responseFields, SWITCHING_PROTOCOLS } from '../../../mesh/index.js';
import { Failure } from '../exchange.js';
import type { Timed } from '../http1/deadlines.js';
import { Delivery } from '../http1/delivery.js';
import { type ResponseTaker, UpstreamFailure } from '../http1/upstream.js';
import type { LiveRoute } from '../routing/live-route.js';
import { failureText } from '../http1/answers.js';
import type { StreamRequest } from './stream-request.js';

const CRLF = Buffer.from('\r\n');
const LAST_CHUNK = '0\r\n\r\n';
const HEX = 16;
/** Beyond, a status has no meaning (RFC 9110 section 15), and Node sends none in HTTP/2. */
const MAX_STATUS = 599;

/** What is sent to a backend. */
export interface Http1Request {
  /** The head; characters are bytes. */
  readonly text: string;
  readonly isHead: boolean;
  readonly hasContent: boolean;
  readonly isChunked: boolean;
  readonly isIdempotent: boolean;
}

/** A request that is under way. */
export class ToHttp1 implements ResponseTaker, Timed {
  readonly isHead: boolean;
  readonly takesChunks = false;
  #deadline = 0;
  readonly #request: StreamRequest;
  readonly #sent: Http1Request;
  readonly #delivery: Delivery;
  #isSent: boolean;
  /** Content that was passed on while the connection wasn't there: another target may get it instead. */
  #kept: Buffer[] = [];
  #isWaitingForDrain = false;
  /** Whether the response has come, all of it. */
  #hasEnded = false;

  constructor(request: StreamRequest, sent: Http1Request) {
    this.#request = request;
    this.#sent = sent;
    this.#delivery = new Delivery(request.context, request.client, this);
    this.isHead = sent.isHead;
    this.#isSent = !sent.hasContent;
    const { stream } = request;
    request.onClose = () => this.#closed();
    stream.on('drain', () => this.#delivery.upstream?.socket.resume());
    if (!sent.hasContent) return;
    stream.on('data', (bytes: Buffer) => this.#passContent(bytes));
    stream.on('end', () => this.#passEnd());
  }

  /** Sends the request. @returns false if there is no target */
  begin(route: LiveRoute, cookie: string | undefined): boolean {
    const { text, hasContent, isIdempotent } = this.#sent;
    const { context } = this.#request;
    if (!this.#delivery.begin(route, cookie, text, isIdempotent && !hasContent, context.clock())) return false;
    context.pool.deadlines.add(this);
    this.#touch();
    this.#record();
    return true;
  }

  get #isConnected(): boolean {
    return this.#delivery.upstream?.isConnected === true;
  }

  /** Something has moved: the time limits begin again. */
  #touch(): void {
    const { context } = this.#request;
    const { timeouts } = context;
    const limit = !this.#isConnected ? timeouts.connect : this.#isSent ? timeouts.response : timeouts.idle;
    this.#deadline = context.clock() + limit;
  }

  #record(): void {
    this.#request.target = this.#delivery.target;
    this.#request.attempts = this.#delivery.attempts;
  }

  #passContent(bytes: Buffer): void {
    this.#request.bytesIn += bytes.length;
    if (!this.#isConnected) this.#kept.push(bytes);
    this.#write(bytes);
    this.#touch();
  }

  #write(bytes: Buffer): void {
    const socket = this.#delivery.upstream?.socket;
    if (socket === undefined || bytes.length === 0) return;
    let isTaken: boolean;
    if (this.#sent.isChunked) {
      socket.cork();
      socket.write(`${bytes.length.toString(HEX)}\r\n`, 'latin1');
      socket.write(bytes);
      isTaken = socket.write(CRLF);
      socket.uncork();
    } else isTaken = socket.write(bytes);
    if (isTaken || this.#isWaitingForDrain) return;
    this.#isWaitingForDrain = true;
    this.#request.stream.pause();
  }

  #passEnd(): void {
    // A stream that is reset ends, too.
    if (this.#isSent || this.#request.isGone || this.#request.stream.aborted) return;
    this.#isSent = true;
    if (this.#sent.isChunked) this.#delivery.upstream?.socket.write(LAST_CHUNK);
    this.#touch();
  }

  takeConnected(): void {
    this.#kept = [];
    this.#touch();
  }

  takeDrain(): void {
    this.#isWaitingForDrain = false;
    this.#request.stream.resume();
    this.#touch();
  }

  takeHead(response: ResponseHead, bytes: Buffer): void {
    const request = this.#request;
    const { stream } = request;
    if (request.isGone) return;
    const fields = responseFields(bytes, response);
    if (response.isInterim) {
      if (!stream.headersSent) stream.additionalHeaders(fields);
      this.#touch();
      return;
    }
    if (response.status === SWITCHING_PROTOCOLS || response.status > MAX_STATUS) {
      this.#delivery.abandon();
      request.refuse(502, failureText(Failure.BadResponse), Failure.BadResponse);
      return;
    }
    this.#delivery.answered();
    addLines(fields, this.#delivery.setCookie);
    request.respond(fields, response.status, !response.hasContent(this.isHead));
    this.#touch();
  }

  takeContent(bytes: Buffer, start: number, end: number): void {
    const request = this.#request;
    if (request.isGone || request.stream.writableEnded) return;
    request.bytesOut += end - start;
    this.#touch();
    if (!request.stream.write(bytes.subarray(start, end))) this.#delivery.upstream?.socket.pause();
  }

  takeEnd(): void {
    const request = this.#request;
    const { context } = request;
    this.#hasEnded = true;
    if (this.#isSent) this.#delivery.complete();
    else this.#delivery.abandon();
    this.#deadline = context.clock() + context.timeouts.idle;
    if (request.isGone) return;
    if (!request.stream.writableEnded) request.stream.end();
    // A backend that answers before it has all content doesn't want the rest (RFC 9113 section 8.1).
    if (!this.#isSent) request.close();
  }

  takeFailure(why: UpstreamFailure): void {
    const request = this.#request;
    if (request.isGone || request.stream.headersSent) {
      this.#delivery.abandon();
      request.abort(FAILURES[why]);
      return;
    }
    const isRetried = this.#delivery.retry(why);
    this.#record();
    if (!isRetried) {
      request.refuse(why === UpstreamFailure.ConnectTimeout ? 504 : 502, failureText(FAILURES[why]), FAILURES[why]);
      return;
    }
    this.#isWaitingForDrain = false;
    request.stream.resume();
    for (const bytes of this.#kept) this.#write(bytes);
    if (this.#isSent && this.#sent.isChunked) this.#delivery.upstream?.socket.write(LAST_CHUNK);
    this.#touch();
  }

  sweep(now: number): void {
    if (this.#deadline <= now) this.#expire();
  }

  #expire(): void {
    const request = this.#request;
    if (this.#hasEnded) {
      request.abort(Failure.ClientTimeout);
      return;
    }
    if (!this.#isConnected) {
      const { upstream } = this.#delivery;
      this.takeFailure(UpstreamFailure.ConnectTimeout);
      upstream?.destroy();
      return;
    }
    this.#delivery.abandon();
    this.#deadline = Infinity;
    const isClient = request.stream.writableNeedDrain || (!this.#isSent && !this.#isWaitingForDrain);
    if (isClient) request.refuse(408, failureText(Failure.ClientTimeout), Failure.ClientTimeout);
    else request.refuse(504, failureText(Failure.BackendTimeout), Failure.BackendTimeout);
  }

  /** The stream has ended, perhaps before the response. */
  #closed(): void {
    this.#request.context.pool.deadlines.delete(this);
    if (this.#delivery.upstream !== undefined) this.#request.failure ??= Failure.ClientClosed;
    this.#delivery.close();
  }
}

const FAILURES: Readonly<Record<UpstreamFailure, Failure>> = {
  [UpstreamFailure.Unreachable]: Failure.Unreachable,
  [UpstreamFailure.ConnectTimeout]: Failure.Unreachable,
  [UpstreamFailure.Closed]: Failure.BackendClosed,
  [UpstreamFailure.Stale]: Failure.BackendClosed,
  [UpstreamFailure.BadResponse]: Failure.BadResponse,
};
