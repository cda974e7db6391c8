/** `vtep replay` of unusual captures: gaps in time, thousands of VTEPs, missing keys. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pcapFile, type PcapRecord } from '../../capture/build.js';
import { esp, ethernet, ip, join as joined, udpIp, vxlan } from '../../dataplane/build.js';
import { fixture } from '../../repository.js';
import { EtherType, formatMac } from '../../../src/wire/index.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();

function capture(name: string, records: readonly PcapRecord[]): string {
  const path = join(folder, name);
  writeFileSync(path, pcapFile(records));
  return path;
}

function mac(kind: number, number: number): Uint8Array {
  return Uint8Array.of(2, 0x42, kind, 0, number >>> 8, number);
}

/** A container's frame that carries an IPv4 packet. */
function frameOf(destination: Uint8Array, source: Uint8Array, packet: Uint8Array): Uint8Array {
  return joined(destination, source, Uint8Array.of(8, 0), packet);
}

/** An underlay packet that carries a frame. */
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
    test(`deliveries don’t depend on the batch size: --batch ${words.join(' ')}`, async () => {
      const { runs } = await replayed(path, '--encrypt', '--batch', ...words.map(String));
      assert.deepEqual([runs[0].frames, runs[0].exact, runs[0].missing], [60, 60, 0]);
    });
  }
});

describe('large numbers', () => {
  test('maps thousands of VTEPs to 64 nodes, reports it, and delivers every frame', async () => {
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
    assert.match(stderr, /3,000 VTEPs, replayed as 64 nodes/);
  });

  test('makes each of thousands of VNIs a network, and names ten in the heading', async () => {
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

describe('very many networks with flooding', () => {
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

  test('without endpoints share a few nodes, which is reported', async () => {
    const { status, stderr } = await vtep(['replay', path]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /: 64 VTEPs, replayed as 10 nodes/);
  });
});

describe('reports what can’t be replayed', () => {
  const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');

  test('refuses ESP packets without keys, rather than taking them for containers’ frames: exit 2', async () => {
    for (const words of [[], ['--encrypt', '--strict']]) {
      const { status, stdout, stderr } = await vtep(['replay', ENCRYPTED, ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /126 ESP packets, none decrypted; use --keys FILE\n/);
    }
    const other = ['--keys', fixture('esp/03-esp-padding.xfrm.txt')];
    const { status, stderr } = await vtep(['replay', ENCRYPTED, ...other]);
    assert.equal(status, 2);
    assert.match(stderr, /126 ESP packets, none decrypted: the keys of --keys don't match/);
  });

  test('replays containers’ frames with some ESP among them, which is reported', async () => {
    const sealed = frameOf(mac(9, 4), mac(9, 3), ip(4, 50, esp(0x1000, 1), '10.0.9.3', '10.0.9.4'));
    const clear = [3, 4].map((i) => frameOf(mac(9, 7 - i), mac(9, i), udpIp(4, 2, new Uint8Array(20))));
    const path = capture(
      'esp.pcap',
      [...clear, sealed].map((data) => ({ data })),
    );
    const { runs } = await replayed(path);
    assert.deepEqual([runs[0].frames, runs[0].exact], [3, 3]);
    const said = (await vtep(['replay', path])).stderr;
    assert.match(said, /1 ESP packet was not decrypted and taken for containers' frames \(--keys FILE decrypts/);
    // A capture that is mostly ESP is an underlay's, unless there is a config.
    const mostly = capture(
      'mostly.pcap',
      [...clear, sealed, sealed, sealed].map((data) => ({ data })),
    );
    assert.match((await vtep(['replay', mostly])).stderr, /3 ESP packets, none decrypted; use --keys FILE\n/);
    const config = join(folder, 'esp.yaml');
    const nodes = 'nodes: { n1: { vtep: 192.0.2.1 }, n2: { vtep: 192.0.2.2 } }';
    const endpoints = [3, 4].map(
      (i) => `c${i}: { network: web, node: n${i - 2}, ip: 10.0.9.${i}, mac: "${formatMac(mac(9, i))}" }`,
    );
    writeFileSync(config, `${nodes}\nnetworks: { web: { vni: 4097 } }\nendpoints: { ${endpoints.join(', ')} }\n`);
    assert.equal((await replayed(mostly, '--config', config)).runs[0].exact, 5);
  });

  test('explains that frames mirrored to a collector all come from one VTEP', async () => {
    const frames = [frameOf(mac(4, 1), mac(2, 1), udpIp(4, 2, new Uint8Array(20)))];
    frames.push(frameOf(mac(2, 1), mac(4, 1), udpIp(4, 2, new Uint8Array(30))));
    const records = frames.map((frame) => ({ data: carried(7, address(1), address(2), frame) }));
    const { status, stdout, stderr } = await vtep(['replay', capture('mirror.pcap', records), '--json']);
    assert.equal(status, 0);
    assert.equal((JSON.parse(stdout) as Report).runs[0].local, 2);
    assert.match(stderr, /no frame left its node: all sending endpoints are behind one VTEP/);
  });

  test('encap of underlay packets suggests decap', async () => {
    const config = join(folder, 'overlay.yaml');
    const nodes = 'nodes: { n1: { vtep: 192.168.50.1 }, n2: { vtep: 192.168.50.2 } }';
    const endpoints = 'endpoints: { c1: { network: web, node: n1, ip: 10.0.9.3 } }';
    writeFileSync(config, `${nodes}\nnetworks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }\n${endpoints}\n`);
    const words = ['--config', config, '--node', 'n1', '-o', join(folder, 'wire.pcap')];
    const { status, stderr } = await vtep(['encap', fixture('docker/03-vip-http.underlay.pcap'), ...words]);
    assert.equal(status, 0);
    assert.match(stderr, /no frame is from an endpoint of n1; for a capture of the underlay, run vtep decap first/);
  });

  test('counts truncated frames, and --strict exits 1', async () => {
    const whole = carried(7, address(1), address(2), frameOf(mac(4, 1), mac(2, 1), udpIp(4, 2, new Uint8Array(200))));
    const path = capture('cut.pcap', [{ data: whole }, { data: whole.subarray(0, 150), original: whole.length }]);
    const { runs } = await replayed(path);
    assert.deepEqual([runs[0].frames, runs[0].cut], [1, 1]);
    assert.equal((await vtep(['replay', path, '--strict'])).status, 1);
    assert.match((await vtep(['replay', path])).stdout, /^ +truncated by the capture +1$/m);
  });
});
