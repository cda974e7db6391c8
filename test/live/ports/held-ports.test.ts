/** Ports that are held on the host. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { HeldPorts } from '../../../src/live/ports/held-ports.js';
import { loopback } from './loopback-ports.js';

/** The code of the error with which a server can't listen, or undefined if it can. */
async function listening(port: number, protocol: 'tcp' | 'udp', host: string): Promise<string | undefined> {
  const server = protocol === 'tcp' ? createServer() : createSocket({ type: 'udp4', reuseAddr: true });
  const failed = once(server, 'error').then(([error]) => (error as NodeJS.ErrnoException).code);
  const done = once(server, 'listening').then(() => undefined);
  if ('listen' in server) server.listen(port, host);
  else server.bind(port, host);
  const code = await Promise.race([failed, done.catch(() => failed)]);
  if (code !== undefined) return code;
  server.close();
  await once(server, 'close');
  return undefined;
}

const skip = process.platform === 'linux' ? false : 'needs Linux';

describe('held ports', { skip }, () => {
  test('nobody else can take a held port, and anybody once it is released', async () => {
    const port = await loopback();
    const troubles: string[] = [];
    const ports = new HeldPorts((what) => troubles.push(what));
    ports.set([
      { protocol: 'tcp', published: port },
      { protocol: 'udp', published: port },
    ]);
    assert.deepEqual(ports.held, [`${port}/tcp`, `${port}/udp`]);
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const host of ['0.0.0.0', '127.0.0.1']) assert.equal(await listening(port, protocol, host), 'EADDRINUSE');
    }
    const refused = connect(port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');

    ports.set([{ protocol: 'tcp', published: port }]);
    assert.equal(await listening(port, 'udp', '0.0.0.0'), undefined);
    assert.equal(await listening(port, 'tcp', '0.0.0.0'), 'EADDRINUSE');
    ports.close();
    assert.equal(await listening(port, 'tcp', '0.0.0.0'), undefined);
    assert.deepEqual([ports.held, troubles], [[], []]);
  });

  test('a port in use is reported, and the others are held; SCTP ports never are', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const taken = address === null || typeof address === 'string' ? 0 : address.port;
    const port = await loopback();
    const troubles: string[] = [];
    const ports = new HeldPorts((what) => troubles.push(what));
    const wanted = [
      { protocol: 'tcp', published: taken },
      { protocol: 'sctp', published: port },
      { protocol: 'tcp', published: port },
    ] as const;
    // Each is tried again, and reported once.
    ports.set(wanted);
    ports.set(wanted);
    assert.deepEqual(ports.held, [`${port}/tcp`]);
    assert.deepEqual(troubles, [
      `another program uses TCP port ${taken}; connections from outside reach the service instead of it`,
    ]);
    server.close();
    await once(server, 'close');
    ports.set(wanted);
    assert.deepEqual(ports.held, [`${port}/tcp`, `${taken}/tcp`]);
    assert.equal(troubles.length, 1);
    ports.close();
  });

  test('of more ports than it may have descriptors for, it holds the first, and reports the others once', async () => {
    const published = [await loopback(), await loopback(), await loopback()];
    const all = published.map((port) => ({ protocol: 'tcp', published: port }) as const);
    const troubles: string[] = [];
    const ports = new HeldPorts((what) => troubles.push(what), 2);
    const rule = 'holds only 2 of 3 published ports, for want of file descriptors; raise the limit (ulimit -n)';
    ports.set(all);
    ports.set(all);
    assert.deepEqual([ports.held.length, troubles], [2, [rule]]);
    ports.set(all.slice(1));
    assert.deepEqual([ports.held, troubles.length], [[`${published[1]}/tcp`, `${published[2]}/tcp`], 1]);
    ports.set(all);
    assert.equal(troubles.length, 2);
    ports.close();
  });
});
