/** A proxy of a library on node:http: `library-child.js httpxy|http-proxy-3 ADDRESS PORT HOSTS`. */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Duplex } from 'node:stream';
import { createProxyServer as createHttpProxy3 } from 'http-proxy-3';
import { createProxyServer as createHttpxy } from 'httpxy';
import { type HostAddresses } from './hosts.js';

const [library, address, port, hosts] = process.argv.slice(2);
const targets = new Map(
  Object.entries(JSON.parse(hosts) as HostAddresses).map(([name, [to]]) => [name, `http://${to.host}:${to.port}`]),
);
const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
const { web, ws } = library === 'httpxy' ? httpxy() : httpProxy3();

interface Proxy {
  readonly web: (request: IncomingMessage, response: ServerResponse, target: string) => void;
  readonly ws: (request: IncomingMessage, socket: Duplex, head: Buffer, target: string) => void;
}

function httpxy(): Proxy {
  const proxy = createHttpxy({ agent, xfwd: true });
  proxy.on('error', () => undefined);
  return {
    web: (request, response, target) => void proxy.web(request, response, { target }).catch(() => undefined),
    ws: (request, socket, head, target) =>
      void proxy.ws(request, socket as never, { target }, head).catch(() => undefined),
  };
}

function httpProxy3(): Proxy {
  const proxy = createHttpProxy3({ agent, xfwd: true });
  proxy.on('error', () => undefined);
  return {
    web: (request, response, target) => proxy.web(request, response, { target }),
    ws: (request, socket, head, target) => proxy.ws(request, socket, head, { target }),
  };
}

const targetOf = ({ headers }: IncomingMessage): string | undefined => targets.get(headers.host ?? '');

const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
  const target = targetOf(request);
  if (target === undefined) response.writeHead(503).end();
  else web(request, response, target);
});
server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  const target = targetOf(request);
  if (target === undefined) socket.destroy();
  else ws(request, socket, head, target);
});
server.listen(Number(port), address);
