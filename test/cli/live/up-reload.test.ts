/** Reloading a config while `vtep up` runs: whatever the file is, packets flow and signals work. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRAME, vxlan } from '../../dataplane/build.js';
import { configText, RING } from '../../dataplane/topology.js';
import { portOf, withoutRawSockets } from '../../live/loopback.js';
import { scratch } from '../run.js';
import { UpProcess } from './up-process.js';

const folder = scratch();
const PORT = portOf(15);
const TAKEN = /^vtep: configuration reloaded.*$/m;
const REFUSED = /^vtep: reload failed, keeping the previous configuration: .*$/m;
let files = 0;

function textOf(port: number, { encrypted = false, more = '' } = {}): string {
  const text = configText({ encrypted })
    .replaceAll('192.168.50.1', '127.0.0.2')
    .replaceAll('192.168.50.2', '127.0.0.3');
  return `port: ${port}\n${text.replace(RING, '')}${more}`;
}

function file(content: string): string {
  const path = join(folder, `reload-${files++}`);
  writeFileSync(path, content);
  return path;
}

/** Replaces a file by a pipe without a writer. */
function pipeAt(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
}

async function start(config: string, ...more: readonly string[]): Promise<UpProcess> {
  const words = [
    '--node',
    'n1',
    '--config',
    config,
    '--sockets',
    'node',
    '--frames-out',
    join(folder, `${files++}.pcap`),
  ];
  const up = new UpProcess([...words, '--json', ...more]);
  await up.said(/is up on/);
  return up;
}

/** Asserts that it exits normally with a balanced report. */
async function endsWell(up: UpProcess): Promise<void> {
  const { status, signal, stdout, stderr } = await up.end('SIGTERM');
  assert.deepEqual([status, signal], [0, null], stderr);
  assert.equal((JSON.parse(stdout) as { ingress: { balanced: boolean } }).ingress.balanced, true);
}

describe('reloading a config', () => {
  test('from a pipe without a writer delays no packet, page or SIGTERM', async () => {
    const config = file(textOf(PORT));
    const up = await start(config, '--metrics', '0');
    const url = (await up.said(/http:\S+/)).trim();
    pipeAt(config);
    up.signal('SIGHUP');
    up.signal('SIGHUP');
    // The thread that forwards packets reads the counters between them.
    assert.match(await (await fetch(url)).text(), /^vtep_config_reloads_total\{result="refused"\} 0$/m);
    await endsWell(up);
    assert.doesNotMatch(up.stderr, REFUSED);
  });

  test('from a pipe takes effect as soon as its writer finishes, however slow it is', async () => {
    const config = file(textOf(PORT));
    const up = await start(config);
    const [head, tail] = textOf(PORT, { more: '  c3: { network: net, node: n1, ip: 10.0.9.9 }\n' }).split(
      /(?=endpoints)/,
    );
    pipeAt(config);
    up.signal('SIGHUP');
    // A shell opens it and writes in two parts.
    const script = 'exec > "$0"; printf %s "$1"; sleep 1; printf %s "$2"';
    execFileSync('sh', ['-c', script, config, head, tail]);
    assert.match(await up.said(TAKEN), /configuration reloaded$/);
    const { status, stdout } = await up.end('SIGTERM');
    assert.equal(status, 0);
    assert.ok('c3' in (JSON.parse(stdout) as { endpoints: Record<string, unknown> }).endpoints);
  });

  test('is refused for a device that never ends, and for a truncated file', async () => {
    const config = file(textOf(PORT));
    const up = await start(config);
    const whole = textOf(PORT);
    rmSync(config);
    execFileSync('ln', ['-s', '/dev/zero', config]);
    up.signal('SIGHUP');
    assert.match(await up.said(REFUSED), /too large for a config/);
    rmSync(config);
    writeFileSync(config, whole.slice(0, whole.indexOf('vni: ') + 3));
    up.signal('SIGHUP');
    await up.said(REFUSED, 2);
    await endsWell(up);
  });

  test('that is slow to parse runs in parallel with packets, and once for many signals', async () => {
    const config = file(textOf(PORT));
    const up = await start(config, '--metrics', '0');
    const url = (await up.said(/http:\S+/)).trim();
    const networks = Array.from({ length: 8000 }, (_, i) => [`w${i}`, { vni: 5000 + i }]);
    const large = {
      port: PORT,
      nodes: { n1: { vtep: '127.0.0.2' }, n2: { vtep: '127.0.0.3' } },
      networks: Object.fromEntries([['net', { vni: 4097 }], ...networks]) as Record<string, unknown>,
      endpoints: { c1: { network: 'net', node: 'n1', ip: '10.0.9.3' } },
    };
    // As operators should.
    writeFileSync(`${config}.new`, JSON.stringify(large) + ' '.repeat(1 << 16));
    renameSync(`${config}.new`, config);
    for (let i = 0; i < 20; i++) {
      up.signal('SIGHUP');
      assert.match(await (await fetch(url)).text(), /^vtep_forwarding_entries 2$|^vtep_forwarding_entries 1$/m);
    }
    await up.said(TAKEN);
    await endsWell(up);
    const times = up.stderr.match(new RegExp(TAKEN.source, 'gm'))?.length ?? 0;
    assert.ok(times < 20, `${times} times`);
  });

  test('is refused if the line encrypted: is missing', { skip: withoutRawSockets() }, async () => {
    const ring = file(RING);
    const block = textOf(PORT, { encrypted: true }).replace(
      / {2}net: .*\n/,
      '  net:\n    vni: 4097\n    encrypted: true\n',
    );
    const [nodes, networks, endpoints] = [/^/, /networks:/, /endpoints:/].map((at) => block.search(at));
    const config = file('');
    writeFileSync(config, block.slice(nodes, networks) + block.slice(endpoints) + block.slice(networks, endpoints));
    const words = ['--node', 'n1', '--config', config, '--ring', ring, '--aead', 'node', '--json'];
    const up = new UpProcess([...words, '--frames-out', join(folder, 'encrypted.pcap')]);
    await up.said(/is up on/);
    writeFileSync(
      config,
      block.slice(nodes, networks) + block.slice(endpoints) + '\nnetworks:\n  net:\n    vni: 4097\n',
    );
    up.signal('SIGHUP');
    assert.match(
      await up.said(REFUSED),
      /: the network net \(VNI 4097\) was encrypted and would become clear; this requires a restart$/,
    );
    appendFileSync(config, '    encrypted: true\n');
    up.signal('SIGHUP');
    await up.said(TAKEN);
    await endsWell(up);
  });
});

test('command-line switches still apply after a reload', async () => {
  const config = file(textOf(PORT));
  const up = await start(config, '--accept-unknown-vteps', '--metrics', '0');
  const url = (await up.said(/http:\S+/)).trim();
  up.signal('SIGHUP');
  await up.said(TAKEN);
  const stranger = createSocket('udp4');
  try {
    stranger.bind(0, '127.0.0.9');
    await once(stranger, 'listening');
    // The page is updated at most once per second.
    const came = /^vtep_packets_in_total\{direction="ingress"\} [1-9]/m;
    for (let page = ''; !came.test(page); page = await (await fetch(url)).text()) {
      stranger.send(vxlan(4097, FRAME), PORT, '127.0.0.2');
      await sleep(100);
    }
  } finally {
    stranger.close();
  }
  const { status, stdout, stderr } = await up.end('SIGTERM');
  assert.equal(status, 0, stderr);
  const { ingress } = JSON.parse(stdout) as { ingress: { in: number; dropped: Record<string, number> } };
  assert.ok(ingress.in > 0);
  // A host that isn't a node may send; the frame itself is for no endpoint here.
  assert.ok(!('VXLAN_UNKNOWN_VTEP' in ingress.dropped), stdout);
});

test('at the start, a config or ring pipe with a silent writer doesn’t delay SIGTERM', async () => {
  const pipe = file('');
  pipeAt(pipe);
  const config = file(textOf(PORT));
  for (const words of [
    ['--config', pipe],
    ['--config', config, '--ring', pipe],
  ]) {
    const up = new UpProcess(['--node', 'n1', '--sockets', 'node', ...words]);
    const writer = spawn('sh', ['-c', 'exec > "$0"; echo open >&2; exec sleep 60', pipe], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // Opening it blocks until there is a reader.
    await once(writer.stderr, 'data');
    const { signal } = await up.end('SIGTERM');
    writer.kill();
    assert.equal(signal, 'SIGTERM');
  }
});
