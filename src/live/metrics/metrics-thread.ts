/**
 * The HTTP server of the metrics page, in a separate thread: clients cost the packet loop at most one page per second.
 * Started by `MetricsServer`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { MetricsAddress, ThreadMessage, PageMessage } from './metrics-server.js';
import { PROMETHEUS_TYPE } from './prometheus-text.js';

/** Maximum number of open connections. A further one closes the oldest, so that idle clients can't block others. */
const CONNECTIONS = 16;
/** Timeout for a client to send its request, and to read the response, in milliseconds. */
const TIMEOUT = 5000;
/** Interval at which Node checks for timed-out requests, in milliseconds. */
const CHECK = 1000;
/** How long a page, or the failure to make one, is reused, in milliseconds. */
const FRESH = 1000;
/** nice(1) value: if CPUs are scarce, the packet loop gets nine tenths of one. */
const PRIORITY = 10;

if (parentPort === null) throw new Error('must run as a worker thread of MetricsServer');
const owner = parentPort;
const { host, port } = workerData as MetricsAddress;

/** The latest page; undefined if making it failed. */
let page: Uint8Array | undefined;
let madeAt = Number.NEGATIVE_INFINITY;
let requested = false;
const waiting = new Set<ServerResponse>();
const open = new Set<Socket>();

function post(reply: ThreadMessage): void {
  owner.postMessage(reply);
}

function respond(response: ServerResponse): void {
  if (page === undefined) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end('the counters could not be read\n');
  } else {
    response.writeHead(200, { 'content-type': PROMETHEUS_TYPE, 'content-length': page.length }).end(page);
  }
}

function respondFresh(response: ServerResponse): void {
  if (performance.now() - madeAt < FRESH) {
    respond(response);
    return;
  }
  waiting.add(response);
  response.once('close', () => waiting.delete(response));
  if (requested) return;
  requested = true;
  post({ kind: 'wanted' });
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').replace(/\?.*$/s, '');
  // With maxRequestsPerSocket alone, Node announces that it closes the connection but leaves it open.
  response.setHeader('connection', 'close');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
  } else if (path !== '/metrics') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('see /metrics\n');
  } else if (request.method === 'HEAD') {
    response.writeHead(200, { 'content-type': PROMETHEUS_TYPE }).end();
  } else {
    respondFresh(response);
  }
}

owner.on('message', ({ page: text }: PageMessage) => {
  page = text === undefined ? undefined : Buffer.from(text);
  madeAt = performance.now();
  requested = false;
  for (const response of waiting) respond(response);
  waiting.clear();
});

try {
  setPriority(0, PRIORITY);
} catch {
  // Not permitted everywhere; the page is served anyway.
}

const limits = { requestTimeout: TIMEOUT, headersTimeout: TIMEOUT, connectionsCheckingInterval: CHECK };
const server = createServer(limits, answer);
server.maxRequestsPerSocket = 1;
server.timeout = TIMEOUT;
server.on('connection', (socket) => {
  open.add(socket);
  socket.once('close', () => open.delete(socket));
  if (open.size <= CONNECTIONS) return;
  for (const oldest of open) {
    oldest.destroy();
    break;
  }
});
server.once('error', ({ code, message }: NodeJS.ErrnoException) => post({ kind: 'failed', code, message }));
server.listen(port, host, () => {
  // Errors of a single connection; the others continue.
  server.on('error', () => undefined);
  post({ kind: 'listening', port: (server.address() as AddressInfo).port });
});
