/** Identifications of outer packets: RFC 6864, RFC 7739, raw(7). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Identifications, Oversize } from '../../src/dataplane/index.js';
import { ChangeKind } from '../../src/overlay/index.js';
import { SeededRandom } from '../../src/replay/random.js';
import { ethernet, FRAME, udpIp } from './build.js';
import { TestNode, topologyOf } from './topology.js';

const LARGE = ethernet(udpIp(4, 8080, new Uint8Array(2000), 'right', '10.0.9.3', '10.0.9.4'), 0x0800);

function randomOf(seed: number): (bytes: Uint8Array) => void {
  const dice = new SeededRandom(seed);
  return (bytes) => dice.fill(bytes);
}

/** The identifications of the packets that a node sent: of the IPv4 header, or of the IPv6 fragment header. */
function idsOf(node: TestNode, family: 4 | 6): number[] {
  return node.wire.map(({ bytes }) => {
    const view = new DataView(bytes.buffer);
    return family === 4 ? view.getUint16(18) : view.getUint32(58);
  });
}

test('IPv4: skips 0, which a raw socket replaces for each fragment (raw(7))', () => {
  const node = new TestNode(topologyOf(), 'n1');
  node.egress.identifications.next[1] = 0x1_fffe;
  node.send([FRAME, FRAME, FRAME, FRAME]);
  assert.deepEqual(idsOf(node, 4), [0xfffe, 0xffff, 1, 2]);
});

test('RFC 8200 section 4.5: only fragmented IPv6 packets have an identification, of 32 bits', () => {
  const node = new TestNode(topologyOf({ family: 6 }), 'n1', { egress: { oversize: Oversize.Outside } });
  node.egress.identifications.next[1] = -1;
  node.send([FRAME, LARGE, FRAME, LARGE]);
  assert.equal(node.egress.identifications.next[1], 1);
  node.wire.splice(0, 1);
  node.wire.splice(2, 1);
  assert.deepEqual(idsOf(node, 6), [0xffffffff, 0xffffffff, 0, 0]);
});

test('RFC 7739 section 5.1: start values are random and differ by node', () => {
  const [a, b] = [1, 2].map((seed) => new Identifications(2, randomOf(seed)));
  assert.equal(new Set([...a.next, ...b.next]).size, 4);
  assert.deepEqual(new Identifications(2, randomOf(1)).next, a.next);
});

test('start values differ by default, so that chains that share an address rarely collide', () => {
  const [a, b] = [1, 2].map(() => new Identifications(2));
  assert.notDeepEqual(a.next, b.next);
});

test('supports 65,536 nodes, although the platform returns at most 65,536 random bytes at once', () => {
  const { next } = new Identifications(65_536);
  for (let from = 0; from < next.length; from += 16_384) {
    // Without random bytes the start value is a multiple of 251.
    const drawn = next.subarray(from, from + 16_384).filter((start, i) => start !== (from + i) * 251);
    assert.ok(drawn.length > 16_000);
  }
});

test('an index that goes to another node begins anew, beyond the first nodes too; the others keep their counters', () => {
  const identifications = new Identifications(2, randomOf(1));
  const [first, second] = identifications.next;
  identifications.renew(1);
  identifications.renew(5);
  const { next } = identifications;
  assert.equal(next[0], first);
  assert.equal(new Set([first, second, next[1], next[5]]).size, 4);
});

describe('chains', () => {
  for (const family of [4, 6] as const) {
    const topology = topologyOf({ family });
    const sender = (seed: number): TestNode =>
      new TestNode(topology, 'n1', { egress: { oversize: Oversize.Outside, random: randomOf(seed) } });

    test(`IPv${family}: interleaved fragments of two chains that share an address are reassembled`, () => {
      const [one, two] = [sender(1), sender(2)];
      one.send([LARGE]);
      two.send([LARGE]);
      const receiver = new TestNode(topology, 'n2');
      const [a, b] = [one.wire, two.wire].map((wire) => wire.map(({ bytes }) => bytes));
      receiver.receive([a[0], b[0], a[1], b[1]]);
      assert.deepEqual([receiver.delivered.length, receiver.ingress.drops.byName()], [2, {}]);
    });

    test(`IPv${family}: after a change of the tables, none of a node's identifications is used again`, () => {
      const node = sender(1);
      node.send([LARGE, LARGE, LARGE]);
      const before = new Set(idsOf(node, family));
      node.wire.length = 0;
      node.tables.apply([{ kind: ChangeKind.ChangeNode, node: { ...topology.nodes[1], mtu: 1450 } }]);
      node.send([LARGE, LARGE]);
      const after = idsOf(node, family);
      assert.deepEqual([before.size, new Set(after).size], [3, 2]);
      assert.ok(after.every((id) => !before.has(id)));
    });
  }
});
