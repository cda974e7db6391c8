/** Which endpoints get a frame off the wire. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ethernet, udpIp, vxlan } from './build.js';
import { C1, C2, fromHex, hexOf, type NodeOptions, TestNode, topologyOf } from './topology.js';

const MANY = 5;
const topology = topologyOf({
  networks: ['other: { vni: 4098 }', 'empty: { vni: 4099 }'],
  endpoints: [
    ...Array.from({ length: MANY }, (_, i) => `m${i}: { network: net, node: n2, mac: "02:00:00:00:01:0${i}" }`),
    'o: { network: other, node: n2, mac: "02:42:0a:00:09:04" }',
    'e: { network: empty, node: n1, mac: "02:42:0a:00:09:09" }',
  ],
});

function nodeOf(options: NodeOptions = {}): TestNode {
  return new TestNode(topology, 'n2', options);
}

function wire(destination: string, vni: number): Uint8Array {
  const inner = fromHex(`${destination}${C1}88b5${'ab'.repeat(30)}`);
  return ethernet(udpIp(4, 4789, vxlan(vni, inner)), 0x0800);
}

const inner = (packet: Uint8Array): string => Buffer.from(packet.subarray(50)).toString('hex');

describe('delivery', () => {
  test('delivers a frame to the endpoint with its MAC, only in its network', () => {
    const node = nodeOf();
    node.receive([wire(C2, 4097), wire(C2, 4098)]);
    assert.deepEqual(
      node.delivered.map(({ endpoint, network }) => [topology.endpoints[endpoint].name, network]),
      [
        ['c2', 0],
        ['o', 1],
      ],
    );
    node.balanced();
  });

  for (const group of ['ffffffffffff', '3333ff000004', '01005e000001']) {
    test(`delivers a frame for the group ${group} once to every local endpoint of its network`, () => {
      const node = nodeOf();
      const packet = wire(group, 4097);
      node.receive([packet]);
      const names = node.delivered.map(({ endpoint }) => topology.endpoints[endpoint].name).sort();
      assert.deepEqual(names, ['c2', ...Array.from({ length: MANY }, (_, i) => `m${i}`)]);
      assert.deepEqual([...new Set(hexOf(node.delivered))], [inner(packet)]);
      assert.equal(node.ingress.deliver.copies, MANY);
      node.balanced();
    });
  }

  test('delivers more copies than fit a batch', () => {
    const node = nodeOf();
    for (let i = 0; i < 3; i++) node.receive(Array.from({ length: 100 }, () => wire('ffffffffffff', 4097)));
    assert.equal(node.delivered.length, 300 * (MANY + 1));
    node.balanced();
  });

  test('drops a group frame without a local endpoint: NO_LOCAL_ENDPOINT', () => {
    const node = nodeOf();
    node.receive([wire('ffffffffffff', 4099)]);
    assert.deepEqual(node.ingress.drops.byName(), { NO_LOCAL_ENDPOINT: 1 });
    node.balanced();
  });

  test('counts copies for which the arena has no free slot: NOMEM', () => {
    const node = nodeOf({ arena: { slots: 3, frameBytes: 2000 } });
    node.receive([wire('ffffffffffff', 4097)]);
    assert.deepEqual(node.ingress.drops.byName(), { NOMEM: MANY - 2 });
    assert.equal(node.delivered.length, 3);
    node.balanced();
  });
});
