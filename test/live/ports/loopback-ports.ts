/** Ports of the loopback interface that are free. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** How long something may take on a busy machine, in milliseconds. */
export const PATIENCE = 20_000;

/** A free TCP port of 127.0.0.1, which was free for UDP a moment ago too, in all likelihood. */
export async function loopback(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
