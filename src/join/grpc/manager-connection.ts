/**
 * A connection to a manager: gRPC over HTTP/2 over TLS, without compression. A manager's certificate has no IP address,
 * so the name to verify is that of its role.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ProtobufError } from '../../protobuf/internal.js';
import { JoinError } from '../error.js';
import type { Method } from '../methods.js';
import { connectionError } from './connection-error.js';
import { FrameReader, grpcFrame } from './frame-reader.js';
import { grpcErrorOf } from './status.js';

/** The names in managers' certificates. */
export const ManagerName = {
  /** For nodes without a certificate. */
  Ca: 'swarm-ca',
  /** For members. */
  Manager: 'swarm-manager',
} as const;
export type ManagerName = (typeof ManagerName)[keyof typeof ManagerName];

/** How to connect. */
export interface ConnectionOptions {
  readonly serverName: ManagerName;
  /** The swarm's root CA in PEM; undefined to accept any certificate, only to ask for the root CA. */
  readonly rootPem: string | undefined;
  /** This node's certificate chain and private key in PEM. */
  readonly certificate?: { readonly chainPem: string; readonly keyPem: string };
  /** Milliseconds for the TCP and TLS handshakes. */
  readonly timeoutMs: number;
  /** Cancels the attempt. */
  readonly signal?: AbortSignal;
}

/** A call whose answers arrive one by one. */
export interface AnswerStream {
  /** Resolves when it has ended: with undefined after `cancel`, otherwise with the reason. Never rejects. */
  readonly ended: Promise<JoinError | undefined>;
  cancel(): void;
}

const MAX_HEADER_PAIRS = 64;

/** An open connection. */
export class ManagerConnection {
  /** The manager's address and port. */
  readonly address: string;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #serverName: string;
  #failure: JoinError | undefined;

  private constructor(address: string, socket: TLSSocket, serverName: string) {
    this.address = address;
    this.#serverName = serverName;
    this.#session = connectHttp2(`https://${serverName}`, {
      createConnection: () => socket,
      maxHeaderListPairs: MAX_HEADER_PAIRS,
      settings: { enablePush: false },
    });
    this.#session.on('error', (error) => (this.#failure ??= connectionError(address, error)));
    this.closed = new Promise((resolve) => this.#session.once('close', resolve));
  }

  /**
   * Connects.
   * @param address host and port
   * @throws JoinError as `connectionError`
   */
  static async open(address: string, options: ConnectionOptions): Promise<ManagerConnection> {
    const { serverName, rootPem, certificate, timeoutMs, signal } = options;
    if (signal?.aborted === true) throw new JoinError('CLOSED', 'the node was closed');
    const url = new URL(`tcp://${address}`);
    const socket = connectTls({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port),
      servername: serverName,
      ALPNProtocols: ['h2'],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: rootPem !== undefined,
      ...(rootPem === undefined ? {} : { ca: rootPem }),
      ...(certificate === undefined ? {} : { cert: certificate.chainPem, key: certificate.keyPem }),
    });
    try {
      await new Promise<void>((resolve, reject) => {
        const fail = (code: string): void => reject(Object.assign(new Error(code), { code }));
        const timer = setTimeout(() => fail('ETIMEDOUT'), timeoutMs);
        const cancel = (): void => reject(new JoinError('CLOSED', 'the node was closed'));
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', cancel);
          act();
        };
        signal?.addEventListener('abort', cancel);
        socket.once('secureConnect', () => settle(resolve));
        socket.once('error', (error: Error) => settle(() => reject(error)));
        socket.once('close', () => settle(() => fail('ECONNRESET')));
      });
    } catch (error) {
      socket.on('error', () => undefined);
      socket.destroy();
      throw connectionError(address, error);
    }
    // The protocol isn't checked: a manager that renewed its certificate doesn't negotiate one (swarmkit ca/transport.go).
    return new ManagerConnection(address, socket, serverName);
  }

  /** Address of this end: what the manager sees, unless it is translated. */
  get localAddress(): string | undefined {
    return this.#session.destroyed ? undefined : this.#session.socket.localAddress;
  }

  /**
   * Calls a method that answers once.
   * @param timeoutMs milliseconds until the answer is complete
   * @throws JoinError `MANAGER_SILENT`, `BAD_ANSWER`, a GrpcError, or as `connectionError`
   */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const answers: Response[] = [];
    const stream = this.#start(method, request, (answer) => {
      answers.push(answer);
      if (answers.length > 1) throw new JoinError('BAD_ANSWER', `${this.address}: answered a call twice`);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<JoinError>((resolve) => {
      timer = setTimeout(() => {
        resolve(new JoinError('MANAGER_SILENT', `${this.address}: the manager didn't answer within ${timeoutMs} ms`));
      }, timeoutMs);
    });
    const error = await Promise.race([stream.finished, late]);
    clearTimeout(timer);
    if (error !== undefined) {
      stream.cancel();
      throw error;
    }
    if (answers.length === 0) throw new JoinError('BAD_ANSWER', `${this.address}: answered a call with nothing`);
    return answers[0];
  }

  /**
   * Calls a method that answers with a stream.
   * @param onAnswer called for each answer; if it throws, the stream is cancelled and ends with that error
   */
  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    onAnswer: (answer: Response) => void,
  ): AnswerStream {
    let cancelled = false;
    const { finished, cancel } = this.#start(method, request, (answer) => {
      if (!cancelled) onAnswer(answer);
    });
    return {
      ended: finished.then((error) =>
        cancelled
          ? undefined
          : (error ?? new JoinError('SESSION_ENDED', `${this.address}: the manager ended the stream`)),
      ),
      cancel: () => {
        cancelled = true;
        cancel();
      },
    };
  }

  /** Closes the connection, and ends all calls. */
  close(): void {
    this.#failure ??= new JoinError('CONNECTION_FAILED', `${this.address}: the connection was closed`);
    // Destroyed by a callback, while it still processes what arrived, Node's session may abort the process.
    setImmediate(() => this.#session.destroy());
  }

  #start<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    onAnswer: (answer: Response) => void,
  ): { readonly finished: Promise<JoinError | undefined>; readonly cancel: () => void } {
    const gone = (): JoinError =>
      this.#failure ?? new JoinError('CONNECTION_FAILED', `${this.address}: the connection was closed`);
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request({
        ':method': 'POST',
        ':path': method.path,
        ':scheme': 'https',
        ':authority': this.#serverName,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
    } catch {
      return { finished: Promise.resolve(gone()), cancel: () => undefined };
    }
    const reader = new FrameReader();
    let failure: JoinError | undefined;
    let answered: IncomingHttpHeaders | undefined;
    const cancel = (): void => {
      // As for the session: not within a callback (https://github.com/nodejs/node/issues/38964).
      setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
    };
    const fail = (error: unknown): void => {
      failure ??= this.#answerError(error);
      cancel();
    };
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200 || !String(headers['content-type']).startsWith('application/grpc')) {
        fail(
          new JoinError(
            'BAD_ANSWER',
            `${this.address}: not a manager: it answers HTTP status ${String(headers[':status'])}`,
          ),
        );
      }
      if (headers['grpc-status'] !== undefined) answered = headers;
    });
    stream.on('trailers', (headers: IncomingHttpHeaders) => (answered = headers));
    stream.on('data', (chunk: Uint8Array) => {
      if (failure !== undefined) return;
      try {
        for (const answer of reader.push(chunk)) onAnswer(method.response.decode(answer));
      } catch (error) {
        fail(error);
      }
    });
    stream.on('error', (error) => (failure ??= connectionError(this.address, error)));
    const finished = new Promise<JoinError | undefined>((resolve) => {
      stream.once('close', () => {
        const status = answered === undefined ? undefined : grpcErrorOf(this.address, answered);
        if (answered?.['grpc-status'] === undefined) resolve(failure ?? gone());
        else resolve(failure ?? status);
      });
    });
    stream.end(grpcFrame(method.request.encode(request)));
    return { finished, cancel };
  }

  #answerError(error: unknown): JoinError {
    if (error instanceof JoinError) return error;
    if (error instanceof ProtobufError) {
      return new JoinError('BAD_ANSWER', `${this.address}: the manager's answer is ${error.message}`, { cause: error });
    }
    throw error;
  }
}
