/** One request of a client that speaks HTTP/2: read as strictly as those of HTTP/1, and by the same reader. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import {
  cookieValue,
  faultName,
  HeadFault,
  Http2RequestText,
  isIdempotent,
  isVia,
  Method,
  receivedOf,
  ReceivedVersion,
  RequestHead,
  requestFields,
  requestText,
  type Rewrite,
  statusOf,
} from '../../../mesh/index.js';
import type { Client } from '../client.js';
import { Failure } from '../exchange.js';
import { failureText, unknownHost } from '../http1/answers.js';
import { redirectStatus, redirectTarget } from '../http1/redirect.js';
import type { MeshContext } from '../mesh-context.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { BackendSessions } from './backend-sessions.js';
import { StreamRequest } from './stream-request.js';
import { ToHttp1 } from './to-http1.js';
import { ToHttp2 } from './to-http2.js';

/** Read one after the other, and never beyond a call: one for all connections of a thread. */
const text = new Http2RequestText();
const head = new RequestHead();

/** A stream. */
export class StreamFront {
  readonly #request: StreamRequest;
  readonly #backends: BackendSessions;

  constructor(stream: ServerHttp2Stream, context: MeshContext, client: Client, backends: BackendSessions) {
    this.#request = new StreamRequest(stream, context, client);
    this.#backends = backends;
  }

  /**
   * Deals with the request.
   * @param raw names and values in turn, as they were sent
   * @param flags of the frame
   */
  begin(raw: readonly string[], flags: number): void {
    const request = this.#request;
    const { context } = request;
    const endsStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    let fault = text.read(raw, endsStream);
    request.method = text.method;
    request.path = text.path;
    const bytes = Buffer.from(text.text, 'latin1');
    if (fault === HeadFault.None) fault = this.#readHead(bytes, endsStream);
    if (fault !== HeadFault.None) {
      request.refuse(statusOf(fault), faultName(fault), Failure.BadRequest);
      return;
    }
    request.host = head.host;
    if (isVia(bytes, head.fields, context.pseudonym)) {
      request.refuse(508, failureText(Failure.Loop), Failure.Loop);
      return;
    }
    const route =
      context.soleRoute(head.host) ??
      context.findRoute(head.host, bytes.toString('latin1', head.pathStart, head.pathEnd));
    if (route === undefined) {
      request.refuse(503, unknownHost(context.knownHosts), Failure.UnknownHost);
      return;
    }
    request.route = route;
    if (route.route.redirect !== undefined) {
      const location = redirectTarget(route.route.redirect, text.path);
      request.refuse(redirectStatus(head.method), '', undefined, { location });
      return;
    }
    if (!this.#pass(bytes, route, endsStream)) {
      request.refuse(503, failureText(Failure.NoBackend), Failure.NoBackend);
    }
  }

  #readHead(bytes: Buffer, endsStream: boolean): HeadFault {
    const fault = head.read(bytes, 0, bytes.length);
    if (fault !== HeadFault.None) return fault;
    // What was written is what is read: otherwise a value has passed for something else.
    if (head.fields.count !== text.count || head.isAbsolute) return HeadFault.BadRequestLine;
    return endsStream && head.content.length > 0 ? HeadFault.BadContentLength : HeadFault.None;
  }

  /** @returns false if there is no target */
  #pass(bytes: Buffer, live: LiveRoute, endsStream: boolean): boolean {
    const request = this.#request;
    const { context, client } = request;
    const { route } = live;
    const received = { ...receivedOf(bytes, head, client.isTrusted), version: ReceivedVersion.Http2 };
    const added = context.addedFor(client, head.host, received);
    const rewrite: Rewrite | undefined =
      route.rewrite === undefined ? undefined : { length: route.path.length, text: route.rewrite };
    const cookie = route.sticky === undefined ? undefined : cookieValue(bytes, head.fields, route.sticky.cookie);
    if (route.isHttp2) {
      const fields = requestFields(bytes, head, added, text.takesTrailers, rewrite);
      return new ToHttp2(request, { fields, hasContent: !endsStream }, this.#backends).begin(live, cookie);
    }
    const sent = {
      text: requestText(bytes, head, added, rewrite),
      isHead: head.method === Method.Head,
      hasContent: !endsStream,
      isChunked: head.content.isChunked,
      isIdempotent: isIdempotent(head.method),
    };
    return new ToHttp1(request, sent).begin(live, cookie);
  }
}
