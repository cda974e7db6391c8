/** A connection of TLS: reads the name of the server that the client wants, and passes everything on to a backend. */
import type { Socket } from 'node:net';
import { HelloVerdict } from '../../../mesh/index.js';
import type { Client } from '../client.js';
import { ExchangeProtocol, Failure } from '../exchange.js';
import type { MeshContext } from '../mesh-context.js';
import type { LiveRoute } from '../routing/live-route.js';
import type { Target } from '../routing/target.js';
import { HelloBytes } from './hello-bytes.js';
import { passClose, passEnd, reset } from './splice.js';
import { AlertDescription, tlsAlert } from './tls-alert.js';

/** Attempts to reach a backend. */
const MAX_ATTEMPTS = 3;

/**
 * A connection, from its first byte to its last. The mesh has no keys: it reads the client's first message, and all else
 * passes unread, end to end. Therefore a connection stays with the backend it began with, also when no route leads there
 * any more, until one of the two ends it or nothing came through for `timeouts.tunnel`.
 *
 * A client that names no server or an unknown one gets the alert `unrecognized_name`, one whose message is malformed
 * `decode_error`; what isn't TLS is closed without an answer. If no backend can be reached, the connection is closed,
 * which clients take for what it is: a failure that may pass.
 */
export class SniFront {
  readonly socket: Socket;
  readonly #context: MeshContext;
  readonly #client: Client;
  readonly #began: number;
  #hello: HelloBytes | undefined = new HelloBytes();
  /** Runs out when the first message, or a backend, takes too long. */
  #deadline: NodeJS.Timeout | undefined;
  #route: LiveRoute | undefined;
  #target: Target | undefined;
  #upstream: Socket | undefined;
  #isConnected = false;
  #name = '';
  #attempts = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #failure: Failure | undefined;
  #isFinished = false;

  /**
   * Takes over a connection, on which nobody listens yet.
   * @param socket made with `allowHalfOpen`
   * @param first bytes of the client that have been read, as behind a PROXY header
   */
  constructor(socket: Socket, context: MeshContext, client: Client, first?: Buffer) {
    this.socket = socket;
    this.#context = context;
    this.#client = client;
    this.#began = context.clock();
    this.#deadline = setTimeout(() => this.#giveUp(), context.timeouts.head);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#upstream?.resume());
    socket.on('error', () => (this.#failure ??= Failure.ClientClosed));
    socket.on('close', (hadError) => this.#closed(hadError));
    if (first !== undefined && first.length > 0) this.#take(first);
  }

  #take(bytes: Buffer): void {
    this.#bytesIn += bytes.length;
    const hello = this.#hello;
    if (hello === undefined) {
      if (this.#upstream?.write(bytes) === false) this.socket.pause();
      return;
    }
    const verdict = hello.add(bytes);
    // The socket is paused meanwhile; at most what was read already still comes.
    if (this.#route !== undefined || this.#failure !== undefined || verdict === HelloVerdict.More) return;
    clearTimeout(this.#deadline);
    if (verdict === HelloVerdict.Complete) this.#begin(hello.serverName);
    else this.#refuse(Failure.BadRequest, looksLikeTls(hello.bytes) ? AlertDescription.DecodeError : undefined);
  }

  /** Finds the route, when the name is known. */
  #begin(name: string): void {
    this.#name = name;
    const route = name === '' ? undefined : this.#context.findSni(name);
    if (route === undefined) {
      this.#refuse(Failure.UnknownHost, AlertDescription.UnrecognizedName);
      return;
    }
    this.socket.pause();
    this.#route = route;
    this.#connect(undefined);
  }

  /** @param failed the target that was tried before */
  #connect(failed: Target | undefined): void {
    const context = this.#context;
    const target = this.#route?.choose(undefined, context.clock(), failed);
    if (target === undefined || target === failed || this.#attempts === MAX_ATTEMPTS) {
      this.#refuse(failed === undefined ? Failure.NoBackend : Failure.Unreachable);
      return;
    }
    this.#attempts++;
    this.#target = target;
    target.active++;
    const upstream = context.openSocket(target);
    this.#upstream = upstream;
    upstream.allowHalfOpen = true;
    this.#deadline = setTimeout(() => upstream.destroy(), context.timeouts.connect);
    upstream.on('connect', () => this.#connected(upstream, target));
    upstream.on('data', (bytes: Buffer) => this.#answer(upstream, bytes));
    upstream.on('end', () => passEnd(this.socket));
    upstream.on('drain', () => this.socket.resume());
    // What went wrong is seen when it closes.
    upstream.on('error', () => undefined);
    upstream.on('close', (hadError) => this.#upstreamClosed(upstream, target, hadError));
  }

  #connected(upstream: Socket, target: Target): void {
    const { socket } = this;
    const context = this.#context;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#isConnected = true;
    target.succeeded();
    const hello = this.#hello;
    this.#hello = undefined;
    if (hello === undefined) return;
    const beginning = context.beginningFor(this.#client);
    upstream.cork();
    if (beginning !== undefined) upstream.write(beginning);
    upstream.write(hello.bytes);
    upstream.uncork();
    if (socket.readableEnded) passEnd(upstream);
    // Whatever goes either way counts as activity of the client's socket.
    socket.setTimeout(context.timeouts.tunnel, () => this.#expire());
    socket.resume();
  }

  #answer(upstream: Socket, bytes: Buffer): void {
    this.#bytesOut += bytes.length;
    if (!this.socket.write(bytes)) upstream.pause();
  }

  /** The client sends no more. */
  #ended(): void {
    if (this.#bytesOut === 0) this.#failure ??= Failure.ClientClosed;
    if (this.#upstream !== undefined) {
      if (this.#isConnected) passEnd(this.#upstream);
    } else if (this.#hello !== undefined) this.socket.destroy();
  }

  #upstreamClosed(upstream: Socket, target: Target, hadError: boolean): void {
    target.active--;
    this.#upstream = undefined;
    if (this.#isConnected) {
      if (hadError || !upstream.readableEnded || this.#bytesOut === 0) this.#failure ??= Failure.BackendClosed;
      passClose(upstream, hadError, this.socket);
      if (this.socket.destroyed) this.#finish();
      return;
    }
    clearTimeout(this.#deadline);
    if (this.socket.destroyed) {
      this.#finish();
      return;
    }
    target.failed(this.#context.clock());
    this.#connect(target);
  }

  #closed(hadError: boolean): void {
    clearTimeout(this.#deadline);
    const upstream = this.#upstream;
    if (upstream === undefined) {
      this.#finish();
      return;
    }
    if (!this.#isConnected || !this.socket.readableEnded) this.#failure ??= Failure.ClientClosed;
    // A backend that takes nothing any more doesn't keep its socket for ever.
    upstream.setTimeout(this.#context.timeouts.tunnel, () => reset(upstream));
    passClose(this.socket, hadError, upstream);
  }

  /** The first message doesn't come. */
  #giveUp(): void {
    this.#failure ??= Failure.ClientTimeout;
    this.socket.destroy();
  }

  /** Nothing came through for long. */
  #expire(): void {
    this.#failure ??= Failure.ClientTimeout;
    reset(this.socket);
  }

  /** Ends a connection that has no backend. */
  #refuse(failure: Failure, alert?: AlertDescription): void {
    this.#failure ??= failure;
    clearTimeout(this.#deadline);
    const { socket } = this;
    socket.pause();
    if (alert !== undefined && !socket.destroyed) socket.write(tlsAlert(alert));
    socket.destroySoon();
  }

  /** Reports the connection once both sides are closed. One on which nothing came is a look whether the port is open. */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#hello?.isEmpty === true && this.#failure !== Failure.ClientTimeout) return;
    this.#context.finished({
      client: this.#client,
      protocol: ExchangeProtocol.Tls,
      method: '',
      host: this.#name,
      path: '',
      route: this.#route,
      target: this.#target,
      status: 0,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      began: this.#began,
      attempts: this.#attempts,
      failure: this.#failure,
    });
  }
}

/** Whether the first bytes are those of a record with a handshake. */
function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes[0] === 22 && (bytes.length < 2 || bytes[1] === 3);
}
