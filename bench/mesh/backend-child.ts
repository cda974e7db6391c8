/** A backend: `backend-child.js ADDRESS PORT BYTES`. Answers with so many bytes; after an upgrade it echoes. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

/** What the key of an upgrade is hashed with (RFC 6455). */
const WEB_SOCKET_ID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const [address, port, bytes] = process.argv.slice(2);
const content = Buffer.alloc(Number(bytes), 'a');
const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': content.length });
  response.end(content);
});
server.on('upgrade', ({ headers }, socket) => {
  socket.on('error', () => undefined);
  const accept = createHash('sha1').update(`${headers['sec-websocket-key'] ?? ''}${WEB_SOCKET_ID}`);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
  );
  socket.pipe(socket);
});
server.listen(Number(port), address);
