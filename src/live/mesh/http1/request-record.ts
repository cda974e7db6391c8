/** What is known of the request that a connection of HTTP/1 deals with, for the log and the counters. */
import { Method, type RequestHead } from '../../../mesh/index.js';
import type { Client } from '../client.js';
import { type Exchange, ExchangeProtocol, type Failure } from '../exchange.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { Target } from '../routing/target.js';

const METHODS: Readonly<Partial<Record<Method, string>>> = {
  [Method.Get]: 'GET',
  [Method.Head]: 'HEAD',
  [Method.Options]: 'OPTIONS',
  [Method.Put]: 'PUT',
  [Method.Delete]: 'DELETE',
  [Method.Trace]: 'TRACE',
};

/** One request at a time. */
export class RequestRecord implements Exchange {
  readonly client: Client;
  protocol: ExchangeProtocol = ExchangeProtocol.Http11;
  method = '';
  host = '';
  route: LiveRoute | undefined;
  target: Target | undefined;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  began = 0;
  attempts = 0;
  failure: Failure | undefined;
  /** Whether the request is under way. */
  isOpen = false;
  /** What the request was read from, and where its path is in it: few need the text. */
  #bytes: Buffer | undefined;
  #pathStart = 0;
  #pathEnd = 0;

  constructor(client: Client) {
    this.client = client;
  }

  get path(): string {
    return this.#bytes?.toString('latin1', this.#pathStart, this.#pathEnd) ?? '';
  }

  /** Starts with what couldn't be read as a request. */
  begin(now: number): void {
    this.isOpen = true;
    this.began = now;
    this.status = 0;
    this.bytesIn = 0;
    this.bytesOut = 0;
    this.attempts = 0;
    this.method = '';
    this.host = '';
    this.#bytes = undefined;
    this.protocol = ExchangeProtocol.Http11;
    this.route = undefined;
    this.target = undefined;
    this.failure = undefined;
  }

  /** Starts with a request. */
  beginRequest(now: number, bytes: Buffer, head: RequestHead): void {
    this.begin(now);
    this.method = METHODS[head.method] ?? bytes.toString('latin1', head.start, head.methodEnd);
    this.host = head.host;
    this.#bytes = bytes;
    this.#pathStart = head.isAbsolute ? head.pathStart : head.targetStart;
    this.#pathEnd = head.targetEnd;
    if (head.minor === 0) this.protocol = ExchangeProtocol.Http10;
  }

  /** The request is over, and was reported. */
  end(): void {
    this.isOpen = false;
    // Many connections that wait would keep much memory.
    this.#bytes = undefined;
  }
}
