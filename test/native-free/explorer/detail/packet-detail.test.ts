import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  packetDetail,
  type PacketDetail,
  type PacketNode,
  type ReadPacket,
} from '../../../../native-free/explorer/detail/index.js';
import { compileFilter } from '../../../../native-free/explorer/filter/index.js';
import { PacketMark } from '../../../../native-free/explorer/index/packet-columns.js';
import { Verdict } from '../../../../src/dataplane/index.js';
import { openedRecording } from './opened-recording.js';

function allNodes(nodes: readonly PacketNode[]): PacketNode[] {
  return nodes.flatMap((node) => [node, ...allNodes(node.children)]);
}

const labels = ({ layers }: PacketDetail): string[] => layers.map(({ label }) => label);

/** Checks that every node's bytes are among those of its buffer. */
function assertInside({ buffers, layers }: PacketDetail): void {
  for (const { label, buffer, from, to } of allNodes(layers)) {
    assert.ok(buffer >= 0 && buffer < buffers.length, label);
    assert.ok(from >= 0 && from <= to && to <= buffers[buffer].bytes.length, `${label}: ${from} to ${to}`);
  }
}

function valueIn(detail: PacketDetail, label: string, field: string): string | undefined {
  return detail.layers
    .filter((one) => one.label === label)
    .at(-1)
    ?.children.find((one) => one.label === field)?.value;
}

describe('packetDetail', () => {
  it('takes clear VXLAN apart down to the payload', async () => {
    const { index, reader } = await openedRecording('vxlan/01-icmp.underlay.pcap');
    const [part] = index.parts;
    const row = part.verdict.indexOf(Verdict.Frame);
    const detail = packetDetail(await reader.read(row), [], {});
    const frame = ['Ethernet', 'IPv4', 'UDP', 'VXLAN', 'Ethernet', 'IPv4', 'ICMP', 'Payload'];
    assert.deepEqual(labels(detail), ['Packet', ...frame]);
    const vni = String(index.tables.networks[part.network[row]]);
    assert.equal(valueIn(detail, 'VXLAN', 'VNI'), vni);
    const summaries = detail.layers.map(({ label, value }) => `${label}: ${value}`);
    assert.ok(summaries.includes(`VXLAN: VNI ${vni}`), summaries.join('\n'));
    assert.ok(summaries.some((one) => /^IPv4: [\d.]+ → [\d.]+$/.test(one)));
    assert.ok(summaries.some((one) => /^Ethernet: [\da-f:]+ → [\da-f:]+$/.test(one)));
    assert.ok(summaries.some((one) => /^UDP: \d+ → 4789$/.test(one)));
  });
  it('opens ESP, and shows what was in it in bytes of its own', async () => {
    const { index, reader, keys } = await openedRecording(
      'docker/07-encrypted.underlay.pcap',
      'docker/07-encrypted.xfrm.txt',
    );
    const row = index.parts[0].marks.findIndex((marks) => (marks & PacketMark.Encrypted) !== 0);
    const packet = await reader.read(row);
    const sealed = packetDetail(packet, [], {});
    assert.deepEqual(labels(sealed), ['Packet', 'Ethernet', 'IPv4', 'ESP']);
    assert.equal(valueIn(sealed, 'ESP', 'Encrypted'), 'no key was given');
    const opened = packetDetail(packet, [], { openEsp: () => keys.open() });
    assert.deepEqual(
      opened.buffers.map(({ name }) => name),
      ['Packet', 'Decrypted'],
    );
    assert.deepEqual(labels(opened).slice(4, 9), ['Decrypted packet', 'IPv4', 'UDP', 'VXLAN', 'Ethernet']);
    assertInside(opened);
    // Looked at again: the second look is no replay.
    assert.deepEqual(packetDetail(packet, [], { openEsp: () => keys.open() }), opened);
    const damaged = { ...packet, bytes: packet.bytes.slice() };
    damaged.bytes[damaged.bytes.length - 1] ^= 1;
    const faulty = packetDetail(damaged, [], { openEsp: () => keys.open() });
    assert.ok(allNodes(faulty.layers).some(({ fault, value }) => fault === true && value.includes('wrong ICV')));
  });
  it('reassembles a packet from the fragments before it', async () => {
    const { index, reader } = await openedRecording('vxlan/30-outerfrag-1500-icmp.underlay.pcap');
    const row = index.parts[0].marks.findIndex((marks) => (marks & PacketMark.Reassembled) !== 0);
    const detail = packetDetail(await reader.read(row), await reader.fragmentsBefore(row), {});
    assert.deepEqual(
      detail.buffers.map(({ name }) => name),
      ['Packet', 'Reassembled'],
    );
    assert.ok(labels(detail).includes('VXLAN'));
    assertInside(detail);
  });
  for (const name of [
    'vxlan/09-ipv6-inner-proxy.underlay.pcap',
    'vxlan/10-formats.snap96.pcap',
    'vxlan/11-any-sll.pcap',
    'vxlan/11-any-sll2.pcap',
    'vxlan/50-ipv6-underlay.underlay.pcap',
    'docker/05-ingress.underlay.pcap',
  ]) {
    it(`shows every packet of ${name} with bytes that it has and filters that select it`, async () => {
      const { index, reader } = await openedRecording(name);
      const tests = new Map<string, ReturnType<typeof compileFilter>>();
      for (let row = 0; row < Math.min(index.packets, 300); row++) {
        const detail = packetDetail(await reader.read(row), await reader.fragmentsBefore(row), {});
        assertInside(detail);
        for (const { filter } of allNodes(detail.layers)) {
          if (filter === undefined) continue;
          if (!tests.has(filter)) tests.set(filter, compileFilter(filter, index.tables));
          assert.equal(tests.get(filter)?.(index.parts[0], row, row), true, `${row}: ${filter}`);
        }
      }
    });
  }
  it('survives any bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1, 101, 113, 276, 105), (bytes, linkType) => {
        const packet: ReadPacket = { row: 0, bytes, linkType, length: bytes.length, seconds: 1, nanoseconds: 0 };
        assertInside(packetDetail(packet, [], {}));
      }),
      { numRuns: 300 },
    ));
});
