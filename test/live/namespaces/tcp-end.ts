/**
 * Run by tcp-transfer.ts in namespaces: `tcp-end.js receive PORT` accepts a connection, `tcp-end.js send ADDRESS PORT
 * BYTES` opens one and sends random bytes. Each prints the number of bytes and their digest as JSON.
 */
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const CHUNK_BYTES = 0x10000;
const digest = createHash('sha256');
let bytes = 0;

function count(chunk: Uint8Array): void {
  bytes += chunk.length;
  digest.update(chunk);
}

async function receive(port: number): Promise<void> {
  const server = createServer();
  server.listen(port, () => process.stderr.write('listening\n'));
  const [socket] = (await once(server, 'connection')) as [Socket];
  for await (const chunk of socket) count(chunk as Buffer);
  server.close();
}

async function send(address: string, port: number, total: number): Promise<void> {
  const socket = connect(port, address);
  await once(socket, 'connect');
  while (bytes < total) {
    const chunk = randomFillSync(Buffer.alloc(Math.min(CHUNK_BYTES, total - bytes)));
    count(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end().resume();
  await once(socket, 'close');
}

const [role, ...words] = process.argv.slice(2);
if (role === 'receive') await receive(Number(words[0]));
else await send(words[0] ?? '', Number(words[1]), Number(words[2]));
process.stdout.write(`${JSON.stringify({ bytes, sha256: digest.digest('hex') })}\n`);
