/** The ingress chain over time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngressChain } from '../../src/dataplane/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { NodeTables } from '../../src/overlay/index.js';
import { ETHERNET_HEADER_LEN, EtherType } from '../../src/wire/index.js';
import { ethernet, overlay, udpIp } from './build.js';
import { topologyOf } from './topology.js';

/** A packet off the wire with a frame of a container of the other node. */
function packetOf(container: number): Uint8Array {
  const inner = udpIp(4, 8080, new Uint8Array(33), 'right', '10.0.9.99', '10.0.9.4');
  const mac = `02:00:00:00:00:${container.toString(16).padStart(2, '0')}`;
  return overlay(4, 4097, ethernet(inner, EtherType.Ipv4, mac)).subarray(ETHERNET_HEADER_LEN);
}

for (const size of [1, 7, 256]) {
  test(`expired MACs are removed as packets arrive, in batches of ${size}`, () => {
    const topology = topologyOf({ flood: 'replicate', learning: true });
    const tables = new NodeTables(topology, 'n2', { limit: 10, ageing: 300 });
    const arena = new Arena();
    const chain = new IngressChain(tables, arena, () => undefined);
    const receive = (containers: readonly number[], now: number): void => {
      const batch = new PacketBatch(arena, size);
      containers.forEach((container, i) => {
        const packet = packetOf(container);
        batch.copyIn(packet, 0, packet.length);
        if (batch.full || i === containers.length - 1) chain.run(batch, now);
      });
    };
    const { forwarding } = tables;
    receive([1, 2, 3, 4, 5, 6, 7, 8], 0);
    assert.deepEqual([forwarding.size, forwarding.learned], [10, 8]);
    receive([9], 300);
    assert.deepEqual([forwarding.size, forwarding.refused, forwarding.aged], [10, 1, 0]);
    // 64 slots to look at and 8 entries to take out, 4 a packet, and at most 64 a batch wherever the entries are.
    for (let round = 0; round < 2; round++) receive(new Array<number>(18).fill(9), 301);
    receive([10], 301);
    assert.deepEqual([forwarding.size, forwarding.aged, forwarding.learned], [4, 8, 10]);
  });
}
