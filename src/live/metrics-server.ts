/** Metrics over HTTP: one page, read by `GET /metrics`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { LiveError } from './error.js';
import { PROMETHEUS_TYPE } from './prometheus-text.js';

/** Where it listens. */
export interface MetricsAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function hostAndPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const CONNECTIONS = 16;
const TIMEOUT = 5000;

/** A server of one page. */
export class MetricsServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Listens.
   * @param page makes the page anew at each request
   * @throws LiveError `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SYSTEM_CALL`
   */
  static async listen({ host, port }: MetricsAddress, page: () => string): Promise<MetricsServer> {
    const server = createServer({ requestTimeout: TIMEOUT, headersTimeout: TIMEOUT }, (request, response) =>
      answer(request, response, page),
    );
    server.maxConnections = CONNECTIONS;
    await new Promise<void>((done, fail) => {
      server.once('error', (error) => fail(listenFailed(error, host, port)));
      server.listen(port, host, done);
    });
    // Of a connection that broke: the others go on.
    server.on('error', () => undefined);
    return new MetricsServer(server);
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends it and all connections. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function answer(request: IncomingMessage, response: ServerResponse, page: () => string): void {
  const path = (request.url ?? '/').replace(/\?.*$/s, '');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
  } else if (path !== '/metrics') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('it is at /metrics\n');
  } else {
    response.writeHead(200, { 'content-type': PROMETHEUS_TYPE }).end(request.method === 'HEAD' ? undefined : page());
  }
}

function listenFailed(error: NodeJS.ErrnoException, host: string, port: number): LiveError {
  const where = `metrics on ${hostAndPort(host, port)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new LiveError('PORT_IN_USE', `${where}: the port is in use; name another`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new LiveError('NOT_THERE', `${where}: no interface here has this address`, { cause: error });
    case 'EACCES':
      return new LiveError('NOT_PERMITTED', `${where}: permission denied; name a port above 1023`, { cause: error });
    default:
      return new LiveError('SYSTEM_CALL', `${where}: ${error.message}`, { cause: error });
  }
}
