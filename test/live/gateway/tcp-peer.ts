/**
 * Run in namespaces: `tcp-peer.js serve PORT` tells each client the client's address, `tcp-peer.js ask ADDRESS PORT` prints
 * what the server says, or why there is no answer within two seconds.
 */
import { connect, createServer } from 'node:net';

const PATIENCE_MS = 2000;
const [role, ...words] = process.argv.slice(2);

if (role === 'serve') {
  const server = createServer((socket) => socket.on('error', () => undefined).end(socket.remoteAddress ?? ''));
  server.listen(Number(words[0]), '0.0.0.0', () => process.stdout.write('listening\n'));
} else {
  const socket = connect(Number(words[1]), words[0]);
  const end = (text: string): void => {
    process.stdout.write(`${text}\n`);
    process.exit(0);
  };
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  socket.once('end', () => end(heard)).once('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'error'));
  setTimeout(() => end('no answer'), PATIENCE_MS);
}
