/** Every recording through the whole data plane and back. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { dropReasonName, DropReason } from '../../src/dataplane/index.js';
import type { PacketBatch } from '../../src/memory/index.js';
import type { ReplayResult } from '../../src/replay/index.js';
import { fixture } from '../repository.js';
import { replay } from './run.js';

/** The node answers ARP and ND itself, and multicast in a network that doesn't flood has no target. */
const NOT_SENT = new Set(
  [DropReason.NeighbourAnswered, DropReason.NeighbourUnknown, DropReason.NoTarget].map(dropReasonName),
);

function assertNothingLost(result: ReplayResult): void {
  assert.ok(result.balanced, 'every sum adds up');
  const { missing, again, changed, held, unknownSource } = result;
  assert.deepEqual([missing, again, changed, held, unknownSource], [0, 0, 0, 0, 0]);
  assert.deepEqual(result.dropped.ingress.byName(), {});
  const others = Object.keys(result.dropped.egress.byName()).filter((name) => !NOT_SENT.has(name));
  assert.deepEqual(others, []);
}

function recordings(folder: string, pattern: RegExp): string[] {
  return readdirSync(fixture(folder))
    .filter((name) => pattern.test(name))
    .map((name) => `${folder}/${name}`);
}

const EMPTY = /07-unknown-dst\.(underlay|c2)|04-esp-wrong-key\.c2|snap96|sll/;
const FILES = [
  ...recordings('vxlan', /\.(pcap|pcapng)$/),
  ...recordings('esp', /^(16|20)-.*\.pcap$|\.c[12]\.pcap$/),
  ...recordings('docker', /0[356].*underlay\.pcap$/),
].filter((name) => !EMPTY.test(name));
const SEALED = recordings('esp', /underlay\.pcap$/).filter((name) => !/16-|20-|04-|08-/.test(name));

describe('no frame of a recording is lost, unencrypted and encrypted, for any MTU', () => {
  for (const name of FILES) {
    test(name, async () => {
      for (const encrypted of [false, true]) {
        for (const mtu of [1500, 900, 576]) {
          // IPv6 has no MTU below 1280 (RFC 8200 section 5).
          if (name.includes('ipv6-underlay') && mtu < 1280) continue;
          assertNothingLost(await replay(fixture(name), { encrypted, mtu }));
        }
      }
    });
  }

  for (const name of [...SEALED, 'docker/07-encrypted.underlay.pcap']) {
    test(`${name}, decrypted with its keys`, async () => {
      const keys = fixture(name.replace('underlay.pcap', 'xfrm.txt'));
      for (const profile of ['swarm', 'strict'] as const) {
        const result = await replay(fixture(name), { encrypted: true, profile, keys });
        assertNothingLost(result);
        assert.ok(result.exact > 0);
      }
    });
  }
});

describe('batches of 1 and 256 give the same result', () => {
  for (const encrypted of [false, true]) {
    test(encrypted ? 'encrypted' : 'unencrypted', async () => {
      const wires: string[][] = [];
      for (const batchSize of [1, 7, 256]) {
        const wire: string[] = [];
        const onWire = ({ arena, count, start, end }: PacketBatch): void => {
          for (let i = 0; i < count; i++)
            wire.push(Buffer.from(arena.bytes.subarray(start[i], end[i])).toString('hex'));
        };
        const path = fixture('vxlan/03-http-200k.c1.pcap');
        assertNothingLost(await replay(path, { encrypted, mtu: 900, batchSize, onWire }));
        // Nodes take turns with their batches; each one's packets keep their order.
        wires.push(wire.sort());
      }
      assert.deepEqual(wires[1], wires[0]);
      assert.deepEqual(wires[2], wires[0]);
    });
  }
});

describe('an underlay that loses, reorders and duplicates packets', () => {
  for (const profile of ['swarm', 'strict'] as const) {
    test(`the sums add up exactly (${profile})`, async () => {
      for (const mtu of [1500, 900]) {
        const path = fixture('vxlan/03-http-200k.c1.pcap');
        const harm = { loss: 0.05, reorder: 0.1, duplicate: 0.1, seed: 7 };
        const result = await replay(path, { encrypted: true, profile, mtu, ...harm });
        assert.ok(result.balanced);
        assert.equal(result.changed, 0);
        assert.ok(result.underlay.lost > 0 && result.underlay.duplicates > 0 && result.underlay.reordered > 0);
        assert.ok(result.missing > 0);
        // RFC 4303 section 3.4.3: the strict profile's window drops replays; the swarm profile has none.
        if (profile === 'strict') assert.equal(result.again, 0);
        else if (mtu === 1500) assert.ok(result.again > 0);
      }
    });
  }

  test('the same seed gives the same result, another seed a different one', async () => {
    const path = fixture('vxlan/01-icmp.c1.pcap');
    const [one, same, other] = await Promise.all(
      [3, 3, 4].map((seed) => replay(path, { loss: 0.3, reorder: 0.3, duplicate: 0.3, seed })),
    );
    assert.deepEqual(same, one);
    assert.notDeepEqual(other.underlay, one.underlay);
  });

  test('corrupted encrypted packets are never delivered', async () => {
    for (const name of ['vxlan/03-http-200k.c1.pcap', 'vxlan/09-ipv6-inner-proxy.c1.pcap', 'vxlan/01-icmp.c2.pcap']) {
      for (const profile of ['swarm', 'strict'] as const) {
        const result = await replay(fixture(name), { encrypted: true, profile, corrupt: 1, seed: 5 });
        assert.ok(result.balanced);
        assert.deepEqual([result.changed, result.exact], [0, 0], name);
        assert.ok(result.underlay.corrupted > 0);
      }
    }
  });

  test('the UDP checksum detects a changed bit in unencrypted packets', async () => {
    const result = await replay(fixture('vxlan/03-http-200k.c1.pcap'), { corrupt: 1, seed: 5 });
    assert.ok(result.balanced);
    assert.equal(result.changed, 0);
  });
});
