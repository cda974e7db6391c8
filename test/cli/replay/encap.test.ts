/** `vtep encap`: sends containers' frames as the kernel's VXLAN driver does, and decap restores them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PcapWriter } from '../../../src/capture/index.js';
import {
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  isIpv4ChecksumValid,
  UDP_HEADER_LEN,
  isUdpChecksumValid,
  updateChecksum,
  VXLAN_HEADER_LEN,
} from '../../../src/wire/index.js';
import { ethernet, udpIp } from '../../dataplane/build.js';
import {
  between,
  C1,
  C2,
  configText,
  fromHex,
  isNeighbour,
  recorded,
  RING,
  type Setup,
} from '../../dataplane/topology.js';
import { fixture, missing } from '../../repository.js';
import { framesOf } from '../frames.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const ETHERNET = 14;

/** The outer headers without what a sender may choose: IP id, IP checksum, UDP source port and checksum. */
function fixedFields(hex: string): string {
  const bytes = fromHex(hex);
  const four = bytes[12] === 0x08;
  const udp = ETHERNET + (four ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
  if (four) {
    bytes.fill(0, ETHERNET + 4, ETHERNET + 6);
    bytes.fill(0, ETHERNET + 10, ETHERNET + 12);
  }
  bytes.fill(0, udp, udp + 2);
  bytes.fill(0, udp + 6, udp + 8);
  return Buffer.from(bytes).toString('hex');
}

function checksumsHold(hex: string): void {
  const bytes = fromHex(hex);
  const four = bytes[12] === 0x08;
  const udp = ETHERNET + (four ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
  if (four) assert.ok(isIpv4ChecksumValid(bytes, ETHERNET));
  assert.notEqual((bytes[udp + 6] << 8) | bytes[udp + 7], 0, 'the kernel makes the UDP checksum');
  assert.ok(isUdpChecksumValid(bytes, udp, four ? 4 : 6, ETHERNET + (four ? 12 : 8)));
}

/** Runs encap for a node; returns the packets and the report. */
async function encap(name: string, setup: Setup, node: string, container: string): Promise<[string[], string]> {
  const config = file(`${name.replace('/', '-')}.${node}.yaml`, configText(setup));
  const out = join(folder, `${name.replace('/', '-')}.${node}.pcap`);
  const words = ['encap', fixture(`${name}.${container}.pcap`), '-o', out, '--config', config, '--node', node];
  const call = await vtep([...words, '--json']);
  assert.equal(call.status, 0, call.stderr);
  const report = JSON.parse(call.stdout);
  const counts: number[] = [report.accounting.frames, report.notFromHere, report.truncated];
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    report.frames,
  );
  return [(await framesOf(out)).map(({ hex }) => hex), out];
}

const VNI = '001001';

/** The recorded, unfragmented packets of VNI 4097 from one node. */
function sentBy(underlay: readonly string[], mac: string): string[] {
  return underlay.filter((hex) => {
    const vxlan = ETHERNET + (hex.slice(24, 28) === '0800' ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) + UDP_HEADER_LEN;
    return hex.slice(12, 24) === mac && hex.slice(2 * vxlan + 8, 2 * vxlan + 14) === VNI;
  });
}

const RECORDINGS: readonly (readonly [name: string, setup: Setup])[] = [
  ['vxlan/01-icmp', {}],
  ['vxlan/03-http-200k', {}],
  ['vxlan/09-ipv6-inner-proxy', { inner: 6 }],
  ['vxlan/50-ipv6-underlay', { family: 6 }],
];

const NODES = [
  ['n1', 'c1', C1, C2, '020000005001'],
  ['n2', 'c2', C2, C1, '020000005002'],
] as const;

describe('RFC 7348 section 5: encap matches the kernel', () => {
  for (const [name, setup] of RECORDINGS) {
    for (const [node, container, source, destination, mac] of NODES) {
      test(`${name}, ${node}: headers equal the recorded ones except id, source port and checksums, which are valid`, async () => {
        const [packets] = await encap(name, setup, node, container);
        const wire = sentBy(await recorded(`${name}.underlay.pcap`), mac);
        assert.ok(wire.length > 0);
        // Two captures may contain the same packets in a different order.
        assert.deepEqual(packets.map(fixedFields).sort(), wire.map(fixedFields).sort());
        packets.forEach(checksumsHold);
        const span =
          2 * (ETHERNET + (setup.family === 6 ? IPV6_HEADER_LEN : IPV4_HEADER_LEN) + UDP_HEADER_LEN + VXLAN_HEADER_LEN);
        const frames = between(await recorded(`${name}.${container}.pcap`), source, destination);
        assert.deepEqual(
          packets.map((hex) => hex.slice(span)),
          frames.filter((hex) => !isNeighbour(hex)),
        );
      });
    }
  }
});

describe('decap restores what encap encapsulated:', () => {
  const WAYS: readonly (readonly [what: string, setup: Setup])[] = [
    ['clear', {}],
    ['Swarm', { encrypted: true }],
    ['Swarm over IPv6', { encrypted: true, family: 6 }],
    ['strict', { encrypted: true, profile: 'strict' }],
  ];
  for (const [what, setup] of WAYS) {
    test(`${what}: the frames byte for byte, with their times`, async () => {
      const [packets, wire] = await encap('vxlan/03-http-200k', { ...setup, mtu: 1600 }, 'n2', 'c2');
      const ring = file('ring.yaml', `profile: ${setup.profile ?? 'swarm'}\n${RING}`);
      const out = join(folder, 'back.pcap');
      const keys = setup.encrypted === true ? ['--keys', ring] : [];
      const call = await vtep(['decap', wire, '-o', out, ...keys, '--strict']);
      assert.equal(call.status, 0, call.stderr);
      const expected = (await framesOf(fixture('vxlan/03-http-200k.c2.pcap'))).filter(
        ({ hex }) => hex.startsWith(C1 + C2) && !isNeighbour(hex),
      );
      const back = await framesOf(out);
      assert.equal(back.length, packets.length);
      const plain = (list: typeof back): unknown[] =>
        list.map(({ hex, seconds, nanoseconds }) => [hex, seconds, nanoseconds]);
      assert.deepEqual(plain(back), plain(expected));
      if (setup.encrypted !== true) return;
      // No payload may appear in clear.
      for (const [i, packet] of packets.entries()) assert.ok(!packet.includes(expected[i].hex));
      const without = await vtep(['decap', wire, '-o', out, '--json']);
      assert.equal(JSON.parse(without.stdout).frames, 0);
    });
  }

  test('--oversize outside sends outer fragments, which decap reassembles', async () => {
    const config = file('outside.yaml', configText({ mtu: 576 }));
    const wire = join(folder, 'outside.pcap');
    const words = ['encap', fixture('vxlan/01-icmp.c1.pcap'), '-o', wire, '--config', config, '--node', 'n1'];
    assert.equal((await vtep([...words, '--oversize', 'outside'])).status, 0);
    assert.ok((await framesOf(wire)).every(({ hex }) => hex.length <= 2 * (14 + 576)));
    const out = join(folder, 'outside.back.pcap');
    assert.equal((await vtep(['decap', wire, '-o', out, '--strict'])).status, 0);
    const expected = between(await recorded('vxlan/01-icmp.c1.pcap'), C1, C2).filter((hex) => !isNeighbour(hex));
    assert.deepEqual(
      (await framesOf(out)).map(({ hex }) => hex),
      expected,
    );
  });

  test('--oversize drop counts packets that do not fit, and --strict exits 1', async () => {
    const config = file('drop.yaml', configText({ mtu: 576 }));
    const wire = join(folder, 'drop.pcap');
    const words = ['encap', fixture('vxlan/01-icmp.c1.pcap'), '-o', wire, '--config', config, '--node', 'n1'];
    const call = await vtep([...words, '--oversize', 'drop', '--strict']);
    assert.equal(call.status, 1);
    assert.match(call.stderr, /dropped \d+ PKT_TOO_BIG/);
  });
});

describe('encap reports what is wrong:', () => {
  const frames = fixture('vxlan/01-icmp.c1.pcap');
  const config = file('good.yaml', configText());
  const out = join(folder, 'never.pcap');
  const WRONG: readonly (readonly [what: string, words: readonly string[], said: RegExp])[] = [
    ['without --config', ['-o', out, '--node', 'n1'], /encap needs --config/],
    ['without --node', ['-o', out, '--config', config], /encap needs --node/],
    ['without -o', ['--config', config, '--node', 'n1'], /encap needs -o OUT/],
    ['with an unknown node', ['-o', out, '--config', config, '--node', 'n9'], /no node "n9"; there are n1, n2/],
    ['with an unknown value', ['-o', out, '--config', config, '--node', 'n1', '--oversize', 'x'], /oversize/],
  ];
  for (const [what, words, said] of WRONG) {
    test(what, async () => {
      const call = await vtep(['encap', frames, ...words]);
      assert.equal(call.status, 2, call.stderr);
      assert.match(call.stderr, said);
      assert.equal(call.stdout, '');
    });
  }
});

describe('tshark decrypts what encap sealed', { skip: missing('tshark') }, () => {
  for (const [what, setup] of [
    ['IPv4', { encrypted: true }],
    ['IPv6', { encrypted: true, family: 6 }],
  ] as const) {
    test(`Swarm over ${what}: every ICV is valid with the keys of --esp-sa`, async () => {
      const [packets, wire] = await encap('vxlan/01-icmp', { ...setup, mtu: 1600 }, 'n1', 'c1');
      const sas = join(folder, 'esp_sa');
      const ring = file('tshark.yaml', RING);
      const call = await vtep(['decap', wire, '-o', join(folder, 'x.pcap'), '--keys', ring, '--esp-sa', sas]);
      assert.equal(call.status, 0, call.stderr);
      const home = join(folder, `wireshark-${what}`);
      const options = ['-o', 'esp.enable_encryption_decode:TRUE', '-o', 'esp.enable_authentication_check:TRUE'];
      const rows = vtepSas(sas).flatMap((row) => ['-o', `uat:esp_sa:${row}`]);
      const fields = [
        '-T',
        'fields',
        '-e',
        'esp.icv_good',
        '-e',
        'esp.icv_bad',
        '-e',
        'vxlan.vni',
        '-E',
        'separator=,',
      ];
      const seen = spawnSync('tshark', ['-r', wire, ...options, ...rows, ...fields], {
        encoding: 'utf8',
        env: { ...process.env, WIRESHARK_CONFIG_DIR: home },
      });
      assert.equal(seen.status, 0, seen.stderr);
      const lines = seen.stdout.trimEnd().split('\n');
      assert.equal(lines.length, packets.length);
      assert.deepEqual([...new Set(lines)], ['1,0,4097']);
    });
  }
});

/** The rows of an esp_sa file. */
function vtepSas(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('"'));
}

test('RFC 4443 section 2.4 (f): limits ICMP packet-too-big by the times of the capture', async () => {
  const large = ethernet(udpIp(4, 8080, new Uint8Array(1900), 'right', '10.0.9.3', '10.0.9.4'), 0x0800);
  // Sets DF.
  large[20] |= 0x40;
  const sum = updateChecksum((large[24] << 8) | large[25], 0, 0x4000);
  large[24] = sum >>> 8;
  large[25] = sum;
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void chunks.push(bytes.slice()), { nanoseconds: true });
  // 200 in a second, with a burst of 50.
  for (let i = 0; i < 200; i++) writer.write(large, 0, large.length, large.length, 1_700_000_000, i * 5_000_000);
  writer.flush();
  const capture = join(folder, 'too-big.pcap');
  writeFileSync(capture, Buffer.concat(chunks));
  const config = file('too-big.yaml', configText());
  const encapped = await vtep([
    ...['encap', capture, '-o', join(folder, 'too-big.out.pcap'), '--config', config, '--node', 'n1', '--json'],
  ]);
  assert.deepEqual(JSON.parse(encapped.stdout).accounting.dropped, { PKT_TOO_BIG: 200 }, encapped.stderr);
});
