/** A request on a stream of a client: what is known of it, the answers of the mesh itself, and its report. */
import type { OutgoingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Client } from '../client.js';
import { ExchangeProtocol, Failure } from '../exchange.js';
import type { Timed } from '../http1/deadlines.js';
import { answerBody } from '../http1/answers.js';
import type { MeshContext } from '../mesh-context.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { Target } from '../routing/target.js';
import { failStream } from './reset-stream.js';

/** A request. */
export class StreamRequest implements Timed {
  readonly stream: ServerHttp2Stream;
  readonly context: MeshContext;
  readonly client: Client;
  readonly began: number;
  method = '';
  host = '';
  path = '';
  route: LiveRoute | undefined;
  /** Value of the route's cookie in the request. */
  cookie: string | undefined;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  attempts = 0;
  /** The last one that was tried. */
  target: Target | undefined;
  failure: Failure | undefined;
  /** Called once, when the stream has ended in whatever way. */
  onClose: (() => void) | undefined;
  /** Until when the client must have read what there is for it. */
  #deadline = Infinity;

  constructor(stream: ServerHttp2Stream, context: MeshContext, client: Client) {
    this.stream = stream;
    this.context = context;
    this.client = client;
    this.began = context.clock();
    stream.on('error', () => undefined);
    // One that is paused would never close.
    stream.once('aborted', () => stream.resume());
    stream.once('close', () => {
      this.onClose?.();
      context.pool.deadlines.delete(this);
      context.finished({
        client,
        protocol: ExchangeProtocol.Http2,
        method: this.method,
        host: this.host,
        path: this.path,
        route: this.route,
        target: this.target,
        status: this.status,
        bytesIn: this.bytesIn,
        bytesOut: this.bytesOut,
        began: this.began,
        attempts: this.attempts,
        failure: this.failure,
      });
    });
  }

  /** Whether nothing can be sent to the client any more. */
  get isGone(): boolean {
    return this.stream.destroyed || this.stream.closed;
  }

  /** Sends the head of the response. */
  respond(fields: OutgoingHttpHeaders, status: number, isWhole: boolean, hasTrailers = false): void {
    this.status = status;
    this.stream.respond(fields, { endStream: isWhole, waitForTrailers: hasTrailers && !isWhole });
  }

  /**
   * Answers by itself. What is still to come of the request isn't read.
   * @param why text, for people
   */
  refuse(status: number, why: string, failure: Failure | undefined, more?: OutgoingHttpHeaders): void {
    this.failure ??= failure;
    const { stream } = this;
    if (this.isGone || stream.headersSent) {
      this.abort(failure);
      return;
    }
    const body = answerBody(status, why);
    const fields = {
      ':status': status,
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      ...more,
    };
    this.respond(fields, status, false);
    // Node ends it by itself after HEAD.
    if (!stream.writableEnded) {
      this.bytesOut += Buffer.byteLength(body);
      stream.end(body);
    }
    this.close();
  }

  /** Ends the stream after what was written: nothing more of the request is wanted. */
  close(): void {
    this.stream.close(constants.NGHTTP2_NO_ERROR);
    // Node waits for the client to read the rest, for ever.
    const { clock, timeouts, pool } = this.context;
    this.#deadline = clock() + timeouts.response;
    pool.deadlines.add(this);
  }

  sweep(now: number): void {
    if (now < this.#deadline) return;
    this.#deadline = Infinity;
    this.failure ??= Failure.ClientTimeout;
    failStream(this.stream);
  }

  /** Ends a response that won't be complete. */
  abort(failure: Failure | undefined): void {
    this.failure ??= failure;
    // Node leaves one that the client has closed as it is, while not all was read of it.
    if (!this.stream.destroyed && this.#deadline === Infinity) failStream(this.stream);
  }
}
