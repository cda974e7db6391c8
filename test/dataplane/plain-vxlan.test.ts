/** The quick recognition of clear VXLAN agrees with the decoder, whatever the packet. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openCaptureFile } from '../../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import {
  FlowBuckets,
  isPlainUdp,
  outerFlow,
  PLAIN_FRAME,
  plainFlow,
  plainFrameEnd,
} from '../../src/dataplane/internal.js';
import { LinkType, VXLAN_PORT } from '../../src/wire/index.js';
import { fixture } from '../repository.js';

/** Packets of a recording, each with `padding` bytes after it. */
async function packetsOf(name: string, padding: number): Promise<Uint8Array[]> {
  const source = await openCaptureFile(fixture(name));
  const packets: Uint8Array[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const packet = new Uint8Array(batch.capturedLength[i] + padding);
      packet.set(batch.bytes.subarray(batch.offset[i], batch.offset[i] + batch.capturedLength[i]));
      packets.push(packet);
    }
  }
  await source.close();
  return packets;
}

/** Checks a packet. Returns whether it is plain. */
function check(packet: Uint8Array): boolean {
  const end = plainFrameEnd(packet, 0, packet.length, VXLAN_PORT);
  const decoder = new UnderlayDecoder();
  const verdict = decoder.receive(LinkType.Ethernet, packet, 0, packet.length, packet.length, 0);
  if (end < 0) return false;
  assert.equal(verdict, Verdict.Frame);
  assert.deepEqual([decoder.frameOffset, decoder.frameEnd, decoder.depth], [PLAIN_FRAME, end, 0]);
  assert.ok(isPlainUdp(packet, 0, packet.length));
  assert.equal(plainFlow(packet, 0), outerFlow(packet, decoder.outer));
  return true;
}

describe('a packet that is recognized as plain VXLAN', () => {
  test('is decoded to the same frame, of the same outer flow', async () => {
    for (const padding of [0, 5]) {
      const plain = (await packetsOf('docker/03-vip-http.underlay.pcap', padding)).filter(check).length;
      assert.equal(plain, 181);
    }
  });

  test('still is, with any of its header bytes changed or any bytes cut off', async () => {
    const packets = await packetsOf('docker/03-vip-http.underlay.pcap', 0);
    const packet = packets.find(check);
    assert.ok(packet !== undefined);
    let plain = 0;
    for (let at = 0; at < PLAIN_FRAME; at++) {
      for (const change of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const changed = packet.slice();
        changed[at] ^= change;
        if (check(changed)) plain++;
      }
    }
    for (let length = 0; length < packet.length; length++) assert.equal(check(packet.subarray(0, length)), false);
    assert.ok(plain > 100 && plain < 400, `${plain}`);
  });
});

test('flows are shared out evenly, each to one thread', () => {
  const buckets = new FlowBuckets(3);
  const flows = Array.from({ length: 300 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0);
  const owners = flows.map((flow) => buckets.ownerOf(flow));
  assert.deepEqual(
    flows.map((flow) => buckets.ownerOf(flow)),
    owners,
  );
  const counts = [0, 1, 2].map((worker) => owners.filter((owner) => owner === worker).length);
  assert.ok(
    counts.every((count) => count >= 90 && count <= 110),
    counts.join(' '),
  );
});
