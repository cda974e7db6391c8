/**
 * A task of the mesh's walkthrough: `web-task-child.js NAME [KEY CERTIFICATE]`. On port 8080 it says its name, sets a cookie, shows
 * what it was asked, and echoes messages over WebSocket; on port 8443 it says its name over TLS. On SIGTERM it finishes
 * what is under way, as servers should.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type Duplex } from 'node:stream';

const [name = '', key, certificate] = process.argv.slice(2);
/** What the key of an upgrade is hashed with (RFC 6455). */
const WEB_SOCKET_ID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const SLOW_MS = 20;

const answer: RequestListener = (request, response) => {
  request.resume();
  request.on('end', () => {
    if (request.url === '/headers') response.end(`${JSON.stringify(request.headers)}\n`);
    else if (request.url === '/slow') setTimeout(() => response.end(`${name}\n`), SLOW_MS);
    else response.end(`${name}\n`);
  });
};

/** Echoes messages of up to 125 bytes, each in one frame and one segment. */
function echo({ headers }: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1').update(`${headers['sec-websocket-key'] ?? ''}${WEB_SOCKET_ID}`);
  socket.on('error', () => undefined);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
  );
  socket.on('data', (frame: Buffer) => {
    const mask = frame.subarray(2, 6);
    const content = frame.subarray(6).map((byte, i) => byte ^ mask[i % 4]);
    const text = Buffer.from(`${name}: ${Buffer.from(content).toString()}`);
    socket.write(Buffer.concat([Buffer.of(0x81, text.length), text]));
  });
  socket.on('end', () => socket.end());
}

const servers = [createServer(answer)];
servers[0].on('upgrade', echo);
servers[0].listen(8080);
if (key !== undefined && certificate !== undefined) {
  const secure = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, answer);
  secure.listen(8443);
  servers.push(secure as unknown as (typeof servers)[0]);
}
process.once('SIGTERM', () => {
  for (const server of servers) {
    server.close();
    server.closeIdleConnections();
  }
});
