/** HAProxy and nginx as judges of PROXY headers: theirs are read here, and ours there. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { beginningFor } from '../../../../src/live/mesh/client-beginning.js';
import { TrustedPeers } from '../../../../src/live/mesh/client-trust.js';
import { ListenKind } from '../../../../src/live/mesh/listen/listening.js';
import { MeshListeners } from '../../../../src/live/mesh/listen/mesh-listeners.js';
import { parsePrefix, ProxyVersion } from '../../../../src/overlay/index.js';

const CLIENTS = [
  { address: '192.0.2.1', port: 5000, localAddress: '192.0.2.2', localPort: 80, isTrusted: false },
  { address: '2001:db8::1', port: 65_535, localAddress: '2001:db8::2', localPort: 1, isTrusted: false },
];
const VERSIONS = [ProxyVersion.Text, ProxyVersion.Binary];
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** Why a test is skipped, or false. */
function without(program: string): string | false {
  try {
    execFileSync(program, ['-v'], { stdio: 'ignore' });
    return false;
  } catch {
    return `${program} is not installed`;
  }
}

/** Ports that are free just now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Runs a program with a config until the test ends; returns once it listens. */
async function run(t: TestContext, port: number, config: string, ...words: string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vtep-judge-'));
  const file = join(directory, 'config');
  writeFileSync(file, config.replaceAll('DIRECTORY', directory));
  const [program = '', ...args] = words.map((word) => word.replace('FILE', file));
  const child = spawn(program, args, { stdio: 'ignore' });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  while (!(await listens(port, child))) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function listens(port: number, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
  const socket = connect({ host: '127.0.0.1', port });
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  });
  socket.destroy();
  return isOpen;
}

/** What a server answers to a request behind a header. */
async function answer(port: number, header: Uint8Array | undefined): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  if (header !== undefined) socket.write(header);
  socket.write(REQUEST);
  let text = '';
  for await (const bytes of socket) text += String(bytes);
  return text.slice(text.lastIndexOf('\r\n') + 2);
}

describe('PROXY headers', () => {
  test('are understood by HAProxy, and HAProxy’s by listeners', { skip: without('haproxy') }, async (t) => {
    const seen: string[] = [];
    const listeners = new MeshListeners({
      http: (socket, client, first) => {
        seen.push(`${client.address} ${client.port}`);
        const end = (): unknown => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
        if (first === undefined) socket.once('data', end);
        else end();
        socket.on('error', () => undefined);
      },
      tls: (socket) => socket.destroy(),
      trouble: (_cause, what) => assert.fail(what),
    });
    t.after(() => listeners.close());
    listeners.trusted = new TrustedPeers([parsePrefix('127.0.0.0/8')]);
    listeners.settings = { acceptProxy: true, headTimeout: 60_000 };
    await listeners.arrange([{ address: '127.0.0.1', port: 0, kind: ListenKind.Http }]);
    const [{ port }] = listeners.open;
    const [accepting = 0, sending1 = 0, sending2 = 0] = await freePorts(3);
    const sending = (listen: number, option: string): string =>
      `listen l${listen}\n  bind 127.0.0.1:${listen}\n  server s 127.0.0.1:${port} ${option}\n`;
    const config =
      'global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 10s\n  timeout client 10s\n  timeout server 10s\n' +
      `frontend a\n  bind 127.0.0.1:${accepting} accept-proxy\n` +
      '  http-request return status 200 content-type text/plain lf-string "%ci %cp"\n' +
      sending(sending1, 'send-proxy') +
      sending(sending2, 'send-proxy-v2');
    await run(t, sending2, config, 'haproxy', '-db', '-f', 'FILE');
    for (const client of CLIENTS) {
      for (const version of VERSIONS) {
        const header = beginningFor(version, client);
        assert.equal(await answer(accepting, header), `${client.address} ${client.port}`);
      }
    }
    for (const through of [sending1, sending2]) {
      const request = get({ host: '127.0.0.1', port: through, agent: false });
      const [response] = await once(request, 'response');
      assert.equal(response.statusCode, 200);
      assert.equal(seen.pop(), `127.0.0.1 ${request.socket?.localPort}`);
      response.resume();
    }
    assert.equal(listeners.counters.badProxyHeaders, 0);
  });

  test('are understood by nginx', { skip: without('nginx') }, async (t) => {
    const [port = 0] = await freePorts(1);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `  ${name}_temp_path DIRECTORY/${name};\n`)
      .join('');
    const config =
      'daemon off;\nmaster_process off;\nerror_log /dev/null;\npid DIRECTORY/pid;\nevents {}\n' +
      `http {\n  access_log off;\n${temporary}  server {\n    listen 127.0.0.1:${port} proxy_protocol;\n` +
      '    location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; }\n  }\n}\n';
    await run(t, port, config, 'nginx', '-c', 'FILE');
    for (const client of CLIENTS) {
      for (const version of VERSIONS) {
        const text = await answer(port, beginningFor(version, client));
        assert.equal(text, `${client.address} ${client.port} ${client.localPort}`);
      }
    }
  });
});
