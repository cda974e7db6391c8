/** Flows as UDP source ports: RFC 7348 section 5, and how evenly they spread (RFC 6438, RFC 7424). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { flowHash, LINUX_PORTS, RFC7348_PORTS, sourcePortOf } from '../../src/dataplane/index.js';
import { seedFlows } from '../../src/memory/index.js';
import { Layers } from '../../src/wire/index.js';
import { ipv4Packet, ipv6Packet, noise, split } from '../fragment/split.js';
import { ethernet, FRAME, ip, join, udpIp } from './build.js';

// The distribution depends on the key, which is the same in every run.
seedFlows(1);

const layers = new Layers();

function hashOf(frame: Uint8Array, at = 0): number {
  const bytes = join(new Uint8Array(at), frame);
  layers.walkEthernet(bytes, at, bytes.length);
  return flowHash(bytes, at, layers);
}

/** UDP between two hosts. */
function flow(family: 4 | 6, source: number, destination: number, host = 0): Uint8Array {
  const udp = new Uint8Array(12);
  udp.set([source >>> 8, source, destination >>> 8, destination, 0, 12]);
  const from = family === 4 ? `10.0.${host >>> 8}.${host & 0xff}` : `fd00:9::${host.toString(16)}`;
  const to = family === 4 ? '10.9.0.1' : 'fd00:8::1';
  return ethernet(ip(family, 17, udp, from, to), family === 4 ? 0x0800 : 0x86dd);
}

describe('the hash of a flow', () => {
  test('is the same for all packets of a flow, whatever their offset and payload', () => {
    for (const family of [4, 6] as const) {
      const one = udpIp(family, 80, noise(100, 1), 'right');
      const two = udpIp(family, 80, noise(700, 2), 'right');
      const type = family === 4 ? 0x0800 : 0x86dd;
      const hash = hashOf(ethernet(one, type));
      assert.equal(hashOf(ethernet(two, type), 13), hash);
      assert.equal(hashOf(ethernet(one, type, '02:00:00:00:00:01')), hash);
    }
  });

  test('depends on each port, each address and the protocol', () => {
    const hashes = [
      flow(4, 1, 2, 3),
      flow(4, 2, 2, 3),
      flow(4, 1, 3, 3),
      flow(4, 2, 1, 3),
      flow(4, 1, 2, 4),
      flow(6, 1, 2, 3),
      flow(6, 1, 2, 4),
      ethernet(ip(4, 253, new Uint8Array(12), '10.0.0.3', '10.9.0.1'), 0x0800),
      ethernet(ip(4, 254, new Uint8Array(12), '10.0.0.3', '10.9.0.1'), 0x0800),
      ethernet(new Uint8Array(40), 0x88b5),
      ethernet(new Uint8Array(40), 0x88b6),
      ethernet(new Uint8Array(40), 0x88b5, '02:00:00:00:00:01'),
    ].map((frame) => hashOf(frame));
    assert.equal(new Set(hashes).size, hashes.length);
  });

  test('RFC 6438 section 3: all fragments of a datagram get one port, including the first, which has ports', () => {
    for (const packet of [ipv4Packet(noise(3000, 1)), ipv6Packet(noise(3000, 1))]) {
      const type = packet.announcedAt < 0 ? 0x0800 : 0x86dd;
      const ports = split(packet, [100, 200, 300]).map((part) =>
        sourcePortOf(hashOf(ethernet(part, type)), LINUX_PORTS),
      );
      assert.equal(ports.length, 4);
      assert.equal(new Set(ports).size, 1);
    }
  });
});

describe('source ports', () => {
  for (const [name, range, lowest, highest] of [
    ['Linux', LINUX_PORTS, 32_768, 60_999],
    ['RFC 7348', RFC7348_PORTS, 49_152, 65_535],
  ] as const) {
    test(`${name}: within ${lowest} to ${highest} for any hash, bounds included`, () => {
      assert.deepEqual([range.lowest, range.highest], [lowest, highest]);
      assert.equal(sourcePortOf(0, range), lowest);
      let least = Infinity;
      let most = 0;
      for (let i = 0; i < 2 ** 17; i++) {
        const port = sourcePortOf((i * 32_771) | 0, range);
        assert.ok(Number.isInteger(port));
        least = Math.min(least, port);
        most = Math.max(most, port);
      }
      for (const hash of [-1, 0x7fffffff, -0x80000000, 0xffff, 0xffff0000 | 0]) {
        most = Math.max(most, sourcePortOf(hash, range));
        least = Math.min(least, sourcePortOf(hash, range));
      }
      // The kernel's scaling never yields the highest port itself.
      assert.deepEqual([least, most], [lowest, highest - 1]);
    });
  }

  const FLOWS = 10_000;
  const BINS = 64;
  /** For 63 degrees of freedom: exceeded by chance once in 100,000. */
  const BOUND = 120;
  const kinds: readonly (readonly [what: string, make: (i: number) => Uint8Array])[] = [
    ['consecutive source ports', (i) => flow(4, 32_768 + i, 80)],
    ['consecutive destination ports', (i) => flow(4, 40_000, 1 + i)],
    ['consecutive hosts', (i) => flow(4, 40_000, 80, i)],
    ['consecutive IPv6 hosts', (i) => flow(6, 40_000, 80, i)],
    ['both ports and hosts', (i) => flow(4, 32_768 + (i % 100), 80, Math.floor(i / 100))],
  ];
  for (const [what, make] of kinds) {
    test(`10,000 flows, ${what}: the ports are evenly distributed (chi-square)`, () => {
      for (const range of [LINUX_PORTS, RFC7348_PORTS]) {
        const counts = new Array<number>(BINS).fill(0);
        const width = (range.highest - range.lowest) / BINS;
        for (let i = 0; i < FLOWS; i++) {
          counts[Math.floor((sourcePortOf(hashOf(make(i)), range) - range.lowest) / width)]++;
        }
        const expected = FLOWS / BINS;
        const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
        assert.ok(chi < BOUND, `chi-square ${chi.toFixed(1)}`);
      }
    });
  }

  test('the port of a known frame depends only on its flow', () => {
    const port = sourcePortOf(hashOf(FRAME), LINUX_PORTS);
    assert.equal(sourcePortOf(hashOf(FRAME, 99), LINUX_PORTS), port);
  });
});
