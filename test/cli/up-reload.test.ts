/** A config that is read anew while `vtep up` runs: whatever the file is, packets pass and signals are heeded. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRAME, vxlan } from '../dataplane/build.js';
import { configText, RING } from '../dataplane/topology.js';
import { portOf, withoutRawSockets } from '../live/loopback.js';
import { scratch } from './run.js';
import { UpProcess } from './up-process.js';

const folder = scratch();
const PORT = portOf(15);
const TAKEN = /^vtep: the config was taken over.*$/m;
const REFUSED = /^vtep: the config was not taken over, and the one before stays: .*$/m;
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

/** A pipe in a file's place, that nobody writes to yet. */
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

/** It ends as it should, and what it did adds up. */
async function endsWell(up: UpProcess): Promise<void> {
  const { status, signal, stdout, stderr } = await up.end('SIGTERM');
  assert.deepEqual([status, signal], [0, null], stderr);
  assert.equal((JSON.parse(stdout) as { ingress: { balanced: boolean } }).ingress.balanced, true);
}

describe('a config that is read anew', () => {
  test('out of a pipe that nobody writes to keeps no packet, page or SIGTERM waiting', async () => {
    const config = file(textOf(PORT));
    const up = await start(config, '--metrics', '0');
    const url = (await up.said(/http:\S+/)).trim();
    pipeAt(config);
    up.signal('SIGHUP');
    up.signal('SIGHUP');
    // Counters are read between packets, by the thread that they pass through.
    assert.match(await (await fetch(url)).text(), /^vtep_config_reloads_total\{result="refused"\} 0$/m);
    await endsWell(up);
    assert.doesNotMatch(up.stderr, REFUSED);
  });

  test('out of a pipe is taken over as soon as its writer ends, however slow that is', async () => {
    const config = file(textOf(PORT));
    const up = await start(config);
    const [head, tail] = textOf(PORT, { more: '  c3: { network: net, node: n1, ip: 10.0.9.9 }\n' }).split(
      /(?=endpoints)/,
    );
    pipeAt(config);
    up.signal('SIGHUP');
    // A shell opens it, and writes in two parts.
    const script = 'exec > "$0"; printf %s "$1"; sleep 1; printf %s "$2"';
    execFileSync('sh', ['-c', script, config, head, tail]);
    assert.match(await up.said(TAKEN), /taken over$/);
    const { status, stdout } = await up.end('SIGTERM');
    assert.equal(status, 0);
    assert.ok('c3' in (JSON.parse(stdout) as { endpoints: Record<string, unknown> }).endpoints);
  });

  test('of a device that never ends, or that is cut off, is refused', async () => {
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

  test('that costs time to parse is parsed beside the packets, and once for many signals', async () => {
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
    // As operators are to do it.
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

  test('without the line that says encrypted: is refused', { skip: withoutRawSockets() }, async () => {
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
      /: the network net \(VNI 4097\) was encrypted and isn't any more; this takes a restart$/,
    );
    appendFileSync(config, '    encrypted: true\n');
    up.signal('SIGHUP');
    await up.said(TAKEN);
    await endsWell(up);
  });
});

test('what the command line says besides the config still holds after a reload', async () => {
  const config = file(textOf(PORT));
  const up = await start(config, '--accept-unknown-vteps', '--metrics', '0');
  const url = (await up.said(/http:\S+/)).trim();
  up.signal('SIGHUP');
  await up.said(TAKEN);
  const stranger = createSocket('udp4');
  try {
    stranger.bind(0, '127.0.0.9');
    await once(stranger, 'listening');
    // The page is made at most once a second.
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
  // A host that is no node may send; the frame itself is for no endpoint here.
  assert.ok(!('VXLAN_UNKNOWN_VTEP' in ingress.dropped), stdout);
});

test('a config or ring that is a pipe whose writer says nothing doesn’t keep SIGTERM waiting at the start', async () => {
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
    // Its opening waits until somebody reads.
    await once(writer.stderr, 'data');
    const { signal } = await up.end('SIGTERM');
    writer.kill();
    assert.equal(signal, 'SIGTERM');
  }
});
