/** `vtep replay` of captures that nobody's cluster makes: gaps of time, thousands of VTEPs, keys that aren't there. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pcapFile, type PcapRecord } from '../capture/build.js';
import { esp, ethernet, ip, join as joined, udpIp, vxlan } from '../dataplane/build.js';
import { fixture } from '../repository.js';
import { EtherType, formatMac } from '../../src/wire/index.js';
import { scratch, vtep } from './run.js';

const folder = scratch();

function capture(name: string, records: readonly PcapRecord[]): string {
  const path = join(folder, name);
  writeFileSync(path, pcapFile(records));
  return path;
}

function mac(kind: number, number: number): Uint8Array {
  return Uint8Array.of(2, 0x42, kind, 0, number >>> 8, number);
}

/** A container's frame with an IPv4 packet. */
function frameOf(destination: Uint8Array, source: Uint8Array, packet: Uint8Array): Uint8Array {
  return joined(destination, source, Uint8Array.of(8, 0), packet);
}

/** A packet of an underlay that carries a frame. */
function carried(vni: number, source: string, destination: string, frame: Uint8Array): Uint8Array {
  return ethernet(udpIp(4, 4789, vxlan(vni, frame), 'right', source, destination), EtherType.Ipv4);
}

const address = (number: number): string => `10.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;

interface Run {
  readonly frames: number;
  readonly exact: number;
  readonly missing: number;
  readonly local: number;
  readonly cut: number;
  readonly balanced: boolean;
}

interface Report {
  readonly vteps: number;
  readonly nodes: number;
  readonly runs: readonly Run[];
}

async function replayed(path: string, ...words: string[]): Promise<Report> {
  const { status, stdout, stderr } = await vtep(['replay', path, '--json', ...words]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Report;
}

describe('gaps in time', () => {
  const GAP_SECONDS = 60;
  const SIZES = [100, 1472, 1472, 4000, 8000];
  const path = capture(
    'gaps.pcap',
    Array.from({ length: 60 }, (_, i) => ({
      seconds: 1_700_000_000 + GAP_SECONDS * i,
      data: frameOf(
        mac(9, 4 - (i & 1)),
        mac(9, 3 + (i & 1)),
        udpIp(4, 2, new Uint8Array(SIZES[i % SIZES.length]), 'right', `10.0.9.${3 + (i & 1)}`, `10.0.9.${4 - (i & 1)}`),
      ),
    })),
  );
  for (const words of [[1], [2], [3], [7], [256], [256, '--workers', '2']]) {
    test(`what is delivered doesn’t depend on the batches: --batch ${words.join(' ')}`, async () => {
      const { runs } = await replayed(path, '--encrypt', '--batch', ...words.map(String));
      assert.deepEqual([runs[0].frames, runs[0].exact, runs[0].missing], [60, 60, 0]);
    });
  }
});

describe('very many of something', () => {
  test('thousands of VTEPs share 64 nodes, which is said, and every frame is delivered', async () => {
    const pairs = 1500;
    const records = Array.from({ length: pairs }, (_, i) => ({
      data: carried(
        4097,
        address(2 * i + 1),
        address(2 * i + 2),
        frameOf(mac(4, i), mac(2, i), udpIp(4, 2, new Uint8Array(20))),
      ),
    }));
    const path = capture('vteps.pcap', records);
    for (const words of [[], ['--encrypt']]) {
      const report = await replayed(path, ...words);
      assert.deepEqual([report.vteps, report.nodes], [2 * pairs, 64]);
      assert.deepEqual([report.runs[0].exact, report.runs[0].balanced], [pairs, true]);
    }
    const { stderr } = await vtep(['replay', path]);
    assert.match(stderr, /shows 3,000 VTEPs; they are replayed as 64 nodes/);
  });

  test('thousands of VNIs are each a network, and the heading names ten', async () => {
    const networks = 4000;
    const records = Array.from({ length: networks }, (_, i) => ({
      data: carried(i, address(1), address(2), frameOf(mac(4, i), mac(2, i), udpIp(4, 2, new Uint8Array(20)))),
    }));
    const path = capture('vnis.pcap', records);
    const { runs } = await replayed(path);
    assert.deepEqual([runs[0].exact, runs[0].balanced], [networks, true]);
    assert.match((await vtep(['replay', path])).stdout, /VNI 0 1 2 3 4 5 6 7 8 9 and 3,990 more\n/);
  });
});

describe('very many networks that flood', () => {
  const VTEPS = 64;
  const NETWORKS = 20_000;
  const group = Uint8Array.of(3, 0, 0, 0, 0, 1);
  const broadcast = new Uint8Array(6).fill(0xff);
  const packet = udpIp(4, 2, new Uint8Array(20));
  const path = capture(
    'floods.pcap',
    Array.from({ length: NETWORKS }, (_, i) => {
      const [from, to] = [address(1 + (i % VTEPS)), address(1 + ((i + 1) % VTEPS))];
      return { data: carried(i, from, to, frameOf(broadcast, i === 0 ? mac(4, 1) : group, packet)) };
    }),
  );

  test('without an endpoint share few nodes, which is said', async () => {
    const { status, stderr } = await vtep(['replay', path]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /shows 64 VTEPs; they are replayed as 10 nodes/);
  });
});

describe('what can’t be replayed is said', () => {
  const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');

  test('ESP packets that nothing opens are no frames of containers: exit 2', async () => {
    for (const words of [[], ['--encrypt', '--strict']]) {
      const { status, stdout, stderr } = await vtep(['replay', ENCRYPTED, ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /126 ESP packets, none opened: --keys FILE\n/);
    }
    const other = ['--keys', fixture('esp/03-esp-padding.xfrm.txt')];
    const { status, stderr } = await vtep(['replay', ENCRYPTED, ...other]);
    assert.equal(status, 2);
    assert.match(stderr, /126 ESP packets, none opened: --keys has other keys/);
  });

  test('frames of containers are replayed though there is ESP among them, which is said', async () => {
    const sealed = frameOf(mac(9, 4), mac(9, 3), ip(4, 50, esp(0x1000, 1), '10.0.9.3', '10.0.9.4'));
    const clear = [3, 4].map((i) => frameOf(mac(9, 7 - i), mac(9, i), udpIp(4, 2, new Uint8Array(20))));
    const path = capture(
      'esp.pcap',
      [...clear, sealed].map((data) => ({ data })),
    );
    const { runs } = await replayed(path);
    assert.deepEqual([runs[0].frames, runs[0].exact], [3, 3]);
    const said = (await vtep(['replay', path])).stderr;
    assert.match(said, /1 ESP packet was not opened and taken for frames of containers \(--keys FILE opens those/);
    // With most of them in ESP, they are an underlay's, unless a config says what they are.
    const mostly = capture(
      'mostly.pcap',
      [...clear, sealed, sealed, sealed].map((data) => ({ data })),
    );
    assert.match((await vtep(['replay', mostly])).stderr, /3 ESP packets, none opened: --keys FILE\n/);
    const config = join(folder, 'esp.yaml');
    const nodes = 'nodes: { n1: { vtep: 192.0.2.1 }, n2: { vtep: 192.0.2.2 } }';
    const endpoints = [3, 4].map(
      (i) => `c${i}: { network: web, node: n${i - 2}, ip: 10.0.9.${i}, mac: "${formatMac(mac(9, i))}" }`,
    );
    writeFileSync(config, `${nodes}\nnetworks: { web: { vni: 4097 } }\nendpoints: { ${endpoints.join(', ')} }\n`);
    assert.equal((await replayed(mostly, '--config', config)).runs[0].exact, 5);
  });

  test('frames that were mirrored to a collector all come from one VTEP', async () => {
    const frames = [frameOf(mac(4, 1), mac(2, 1), udpIp(4, 2, new Uint8Array(20)))];
    frames.push(frameOf(mac(2, 1), mac(4, 1), udpIp(4, 2, new Uint8Array(30))));
    const records = frames.map((frame) => ({ data: carried(7, address(1), address(2), frame) }));
    const { status, stdout, stderr } = await vtep(['replay', capture('mirror.pcap', records), '--json']);
    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout) as Report).runs[0].local, 2);
    assert.match(stderr, /no frame left its node: all endpoints that sent are behind one VTEP/);
  });

  test('encap of packets of an underlay names decap', async () => {
    const config = join(folder, 'overlay.yaml');
    const nodes = 'nodes: { n1: { vtep: 192.168.50.1 }, n2: { vtep: 192.168.50.2 } }';
    const endpoints = 'endpoints: { c1: { network: web, node: n1, ip: 10.0.9.3 } }';
    writeFileSync(config, `${nodes}\nnetworks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }\n${endpoints}\n`);
    const words = ['--config', config, '--node', 'n1', '-o', join(folder, 'wire.pcap')];
    const { status, stderr } = await vtep(['encap', fixture('docker/03-vip-http.underlay.pcap'), ...words]);
    assert.equal(status, 0);
    assert.match(stderr, /no frame is from an endpoint of n1: packets of an underlay go through vtep decap first/);
  });

  test('frames that the capture cut short are counted, and --strict minds', async () => {
    const whole = carried(7, address(1), address(2), frameOf(mac(4, 1), mac(2, 1), udpIp(4, 2, new Uint8Array(200))));
    const path = capture('cut.pcap', [{ data: whole }, { data: whole.subarray(0, 150), original: whole.length }]);
    const { runs } = await replayed(path);
    assert.deepEqual([runs[0].frames, runs[0].cut], [1, 1]);
    assert.equal((await vtep(['replay', path, '--strict'])).status, 1);
    assert.match((await vtep(['replay', path])).stdout, /^ +cut short by the capture +1$/m);
  });
});
