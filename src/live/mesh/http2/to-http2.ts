/** A request of HTTP/2 whose backend speaks HTTP/2, too, as with gRPC: trailers pass, both directions at once. */
import { type ClientHttp2Stream, constants } from 'node:http2';
import { addLines, addRaw, BackendMode, type Http2Fields, noFields, passedFields } from '../../../mesh/index.js';
import { Failure } from '../exchange.js';
import type { Timed } from '../http1/deadlines.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { Target } from '../routing/target.js';
import type { BackendSessions, BackendStream } from './backend-sessions.js';
import { cancelStream } from './reset-stream.js';
import { failureText } from '../http1/answers.js';
import type { StreamRequest } from './stream-request.js';

/** Attempts at one request. */
const MAX_ATTEMPTS = 3;
/** Bytes of content that are kept for another attempt, until the backend answers. */
const MAX_KEPT = 65_536;
const { HTTP2_HEADER_STATUS, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;

/** What is sent to a backend. */
export interface Http2Request {
  readonly fields: Http2Fields;
  readonly hasContent: boolean;
}

/** A request that is under way. */
export class ToHttp2 implements Timed {
  #deadline = 0;
  readonly #request: StreamRequest;
  readonly #sent: Http2Request;
  readonly #sessions: BackendSessions;
  #route: LiveRoute | undefined;
  #cookie: string | undefined;
  #backend: BackendStream | undefined;
  #isSent: boolean;
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #isWaitingForDrain = false;
  /** Trailers of the request and of the response, as far as they have come. */
  #requestTrailers: Http2Fields | undefined;
  #trailers: Http2Fields | undefined;
  #hasEnded = false;

  constructor(request: StreamRequest, sent: Http2Request, sessions: BackendSessions) {
    this.#request = request;
    this.#sent = sent;
    this.#sessions = sessions;
    this.#isSent = !sent.hasContent;
    const { stream } = request;
    request.onClose = () => this.#closed();
    stream.on('drain', () => this.#backend?.stream.resume());
    stream.on('wantTrailers', () => {
      if (!request.isGone) stream.sendTrailers(this.#trailers ?? {});
    });
    if (!sent.hasContent) return;
    stream.on('data', (bytes: Buffer) => this.#passContent(bytes));
    stream.on('trailers', (_fields, _flags, raw?: readonly string[]) => (this.#requestTrailers = trailersOf(raw)));
    stream.on('end', () => this.#passEnd());
  }

  /** Sends the request. @returns false if there is no target */
  begin(route: LiveRoute, cookie: string | undefined): boolean {
    const { context } = this.#request;
    this.#route = route;
    this.#cookie = cookie;
    const target = route.choose(cookie, context.clock());
    if (target === undefined) return false;
    context.pool.deadlines.add(this);
    this.#try(target);
    return true;
  }

  #try(target: Target): void {
    const request = this.#request;
    const { context, client } = request;
    request.target = target;
    request.attempts++;
    target.active++;
    const { fields, hasContent } = this.#sent;
    const backend = this.#sessions.request(target, fields, !hasContent, context.beginningFor(client));
    const { stream } = backend;
    this.#backend = backend;
    stream.on('headers', (_headers, _flags, raw?: readonly string[]) => {
      const interim = passedFields(raw ?? []);
      if (this.#backend !== backend || interim === undefined || interim[HTTP2_HEADER_STATUS] === '101') return;
      if (!request.isGone && !request.stream.headersSent) request.stream.additionalHeaders(interim);
    });
    stream.on('response', (_headers, flags: number, raw?: readonly string[]) => {
      if (this.#backend === backend) this.#takeHead(raw ?? [], (flags & END_STREAM) !== 0);
    });
    stream.on('data', (bytes: Buffer) => this.#takeContent(bytes));
    stream.on('trailers', (_headers, _flags, raw?: readonly string[]) => (this.#trailers = trailersOf(raw)));
    stream.on('drain', () => this.#drained(backend));
    stream.on('wantTrailers', () => stream.sendTrailers(this.#requestTrailers ?? {}));
    stream.on('end', () => this.#takeEnd(backend));
    stream.on('error', () => undefined);
    stream.on('close', () => this.#backendClosed(backend));
    for (const bytes of this.#kept ?? []) stream.write(bytes);
    if (hasContent && this.#isSent) stream.end();
    this.#touch();
  }

  /** Something has moved: the time limits begin again. After the head, streams may be silent for long. */
  #touch(): void {
    const { context, stream } = this.#request;
    const { timeouts } = context;
    this.#deadline = context.clock() + (stream.headersSent ? timeouts.tunnel : timeouts.response);
  }

  #passContent(bytes: Buffer): void {
    const backend = this.#backend?.stream;
    this.#request.bytesIn += bytes.length;
    if (this.#kept !== undefined) {
      this.#keptBytes += bytes.length;
      if (this.#keptBytes > MAX_KEPT) this.#kept = undefined;
      else this.#kept.push(bytes);
    }
    this.#touch();
    if (backend === undefined || !isWritable(backend) || backend.write(bytes) || this.#isWaitingForDrain) return;
    this.#isWaitingForDrain = true;
    this.#request.stream.pause();
  }

  #passEnd(): void {
    // A stream that is reset ends, too.
    if (this.#isSent || this.#request.isGone || this.#request.stream.aborted) return;
    this.#isSent = true;
    const backend = this.#backend?.stream;
    if (backend !== undefined && isWritable(backend)) backend.end();
    this.#touch();
  }

  #drained(backend: BackendStream): void {
    if (this.#backend !== backend) return;
    this.#isWaitingForDrain = false;
    this.#request.stream.resume();
  }

  #takeHead(raw: readonly string[], isWhole: boolean): void {
    const request = this.#request;
    const { target } = request;
    if (request.isGone || request.stream.headersSent || target === undefined) return;
    this.#kept = undefined;
    const fields = passedFields(raw);
    if (fields === undefined) {
      this.#give();
      request.refuse(502, failureText(Failure.BadResponse), Failure.BadResponse);
      return;
    }
    if (target.failures > 0) target.succeeded();
    addLines(fields, setCookie(this.#route, target, this.#cookie));
    request.respond(fields, Number(fields[HTTP2_HEADER_STATUS]), isWhole, true);
    this.#touch();
  }

  #takeContent(bytes: Buffer): void {
    const request = this.#request;
    if (request.isGone || request.stream.writableEnded) return;
    request.bytesOut += bytes.length;
    this.#touch();
    if (!request.stream.write(bytes)) this.#backend?.stream.pause();
  }

  #takeEnd(backend: BackendStream): void {
    const request = this.#request;
    // A stream that is reset ends, too: its close says more.
    if (this.#backend !== backend || backend.stream.aborted || backend.stream.rstCode !== NGHTTP2_NO_ERROR) return;
    this.#hasEnded = true;
    if (!request.isGone && request.stream.headersSent && !request.stream.writableEnded) request.stream.end();
  }

  #backendClosed(backend: BackendStream): void {
    if (this.#backend !== backend) return;
    this.#leave();
    const request = this.#request;
    const code = backend.stream.rstCode;
    if (request.isGone) return;
    if (request.stream.headersSent) {
      if (this.#hasEnded) {
        if (!request.stream.writableEnded) request.stream.end();
        if (!this.#isSent) request.close();
      } else request.abort(Failure.BackendClosed);
      return;
    }
    if (this.#retry(backend.isConnected(), code)) return;
    const failure = backend.isConnected() ? Failure.BackendClosed : Failure.Unreachable;
    request.refuse(502, failureText(failure), failure);
  }

  /** Tries again if the backend's application has seen nothing of it (RFC 9113 section 8.7). */
  #retry(isConnected: boolean, code: number | undefined): boolean {
    const request = this.#request;
    const { target } = request;
    const route = this.#route;
    const now = request.context.clock();
    if (target === undefined || route === undefined) return false;
    if (!isConnected) target.failed(now);
    else if (code !== NGHTTP2_REFUSED_STREAM) return false;
    if (this.#kept === undefined || request.attempts >= MAX_ATTEMPTS) return false;
    const next = route.choose(this.#cookie, now, isConnected ? undefined : target);
    // Behind a virtual IP, another task may answer the next time.
    const isSame = next === target && !isConnected && route.route.mode !== BackendMode.Vip;
    if (next === undefined || next.isLeaving || isSame) return false;
    this.#isWaitingForDrain = false;
    request.stream.resume();
    this.#try(next);
    return true;
  }

  sweep(now: number): void {
    if (this.#deadline <= now) this.#expire();
  }

  #expire(): void {
    const request = this.#request;
    const isClient = request.stream.writableNeedDrain || (!this.#isSent && !this.#isWaitingForDrain);
    this.#deadline = Infinity;
    this.#give();
    if (isClient) request.refuse(408, failureText(Failure.ClientTimeout), Failure.ClientTimeout);
    else request.refuse(504, failureText(Failure.BackendTimeout), Failure.BackendTimeout);
  }

  /** Gives the backend's stream up. */
  #give(): void {
    const stream = this.#backend?.stream;
    this.#leave();
    if (stream !== undefined && !stream.closed) cancelStream(stream);
  }

  #leave(): void {
    const { target } = this.#request;
    if (this.#backend !== undefined && target !== undefined) target.active--;
    this.#backend = undefined;
  }

  /** The stream has ended, perhaps before the response. */
  #closed(): void {
    this.#request.context.pool.deadlines.delete(this);
    if (this.#backend === undefined) return;
    if (!this.#hasEnded) this.#request.failure ??= Failure.ClientClosed;
    this.#give();
  }
}

function isWritable(stream: ClientHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.writableEnded;
}

function trailersOf(raw: readonly string[] | undefined): Http2Fields | undefined {
  const fields = noFields();
  return raw !== undefined && addRaw(fields, raw) ? fields : undefined;
}

/** A line for the response that lets the client come back to the same target; empty if it needs none. */
function setCookie(route: LiveRoute | undefined, { cookie }: Target, sent: string | undefined): string {
  const sticky = route?.route.sticky;
  if (sticky?.isOwn !== true || cookie === '' || cookie === sent) return '';
  return `Set-Cookie: ${sticky.cookie}=${cookie}; Path=/; HttpOnly\r\n`;
}
