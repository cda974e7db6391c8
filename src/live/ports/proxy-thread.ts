/** The thread of a `PortProxy`. The main thread waits for packets, and would carry these only in between. */
import { parentPort, workerData } from 'node:worker_threads';
import { LiveError } from '../error.js';
import { PROXY_COLUMNS, type ProxyLimits, type ProxyMessage, type ProxyOrder, type ProxyRoute } from './port-proxy.js';
import type { PortRelay, RelayContext } from './port-relay.js';
import { TcpRelay } from './tcp-relay.js';
import { UdpRelay } from './udp-relay.js';

if (parentPort === null) throw new Error('must run as a worker thread of PortProxy');
const owner = parentPort;
const limits = workerData as ProxyLimits;
const shared = new Float64Array(limits.counters);

function post(message: ProxyMessage): void {
  owner.postMessage(message);
}

/** The shared counters by name. */
const counters = Object.defineProperties(
  {},
  Object.fromEntries(
    PROXY_COLUMNS.map((name, column) => [
      name,
      { get: () => shared[column], set: (value: number) => void (shared[column] = value) },
    ]),
  ),
) as RelayContext['counters'];

const relays = new Map<string, PortRelay>();
/** Troubles that have been reported, by port. */
const reported = new Map<string, Set<string>>();

function keyOf({ protocol, host = '0.0.0.0', port }: ProxyRoute): string {
  return `${protocol} ${host}:${port}`;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'another program uses it; stop that program, or publish another port';
  if (code === 'EACCES') return 'permission denied; run as root, or publish a port above 1023';
  if (code === 'EADDRNOTAVAIL') return 'no local interface has this address';
  return message;
}

const context: RelayContext = {
  limits,
  counters,
  trouble(route, error) {
    const key = keyOf(route);
    const known = reported.get(key) ?? new Set();
    const code = error.code ?? error.message;
    if (known.has(code)) return;
    reported.set(key, known.add(code));
    const { protocol, port } = route;
    const why = reasonOf(error);
    // The message escapes what isn't text.
    const { message } = new LiveError('PORT_IN_USE', `can't serve ${protocol.toUpperCase()} port ${port}: ${why}`);
    post({ kind: 'trouble', what: message });
  },
};

async function serve(route: ProxyRoute): Promise<void> {
  const key = keyOf(route);
  const relay = route.protocol === 'tcp' ? new TcpRelay(route, context) : new UdpRelay(route, context);
  try {
    await relay.listen();
    relays.set(key, relay);
    reported.delete(key);
  } catch (error) {
    relay.close();
    context.trouble(route, error as NodeJS.ErrnoException);
  }
}

async function arrange({ id, routes }: ProxyOrder): Promise<void> {
  const wanted = new Map(routes.map((route) => [keyOf(route), route]));
  for (const [key, relay] of relays) {
    if (wanted.has(key)) continue;
    relay.close();
    relays.delete(key);
  }
  for (const key of reported.keys()) if (!wanted.has(key)) reported.delete(key);
  for (const [key, route] of wanted) {
    const relay = relays.get(key);
    if (relay === undefined) await serve(route);
    else relay.lead(route);
  }
  post({ kind: 'done', id });
}

/** Orders are carried out one after the other. */
let latest = Promise.resolve();
owner.on('message', (order: ProxyOrder) => {
  latest = latest.then(() => arrange(order));
});
