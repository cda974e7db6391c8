import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/overlay/files.js';
import { NodeTables } from '../../src/overlay/index.js';
import { FrameRoute } from '../../src/replay/frame-route.js';

const TOPOLOGY = parseConfig(`nodes:
  n1: { vtep: 10.0.0.1 }
  n2: { vtep: 10.0.0.2 }
  n3: { vtep: 10.0.0.3 }
networks:
  a: { vni: 100, subnet: 10.0.1.0/24 }
  b: { vni: 200, subnet: 10.0.2.0/24 }
endpoints:
  a1: { network: a, node: n1, ip: 10.0.1.1, mac: "02:00:00:00:01:01" }
  a2: { network: a, node: n2, ip: 10.0.1.2, mac: "02:00:00:00:01:02" }
  b2: { network: b, node: n2, ip: 10.0.2.2, mac: "02:00:00:00:02:02" }
  b3: { network: b, node: n3, ip: 10.0.2.3, mac: "02:00:00:00:02:03" }
`);

/** The route of a frame by the tables of a node, or that it has none. */
function wayOf(node: string, destination: string, source: string, vni: number): number[] | false {
  const route = new FrameRoute(new NodeTables(TOPOLOGY, node));
  const frame = Buffer.from(`ff${destination}${source}0800`, 'hex');
  if (!route.find(frame, 1, frame.length, vni, 0)) return false;
  return [route.network, route.source, route.destination];
}

const A1 = '020000000101';
const A2 = '020000000102';
const B2 = '020000000202';
const B3 = '020000000203';

describe("a frame's route", () => {
  for (const node of ['n1', 'n2', 'n3']) {
    test(`is from node to node by the MACs, by the tables of any node (${node})`, () => {
      assert.deepEqual(wayOf(node, A2, A1, 100), [0, 0, 1]);
      assert.deepEqual(wayOf(node, A1, A2, 100), [0, 1, 0]);
      assert.deepEqual(wayOf(node, B3, B2, 200), [1, 1, 2]);
    });
  }

  test('is in the network of the source MAC if the VNI is unknown', () => {
    assert.deepEqual(wayOf('n1', B3, B2, -1), [1, 1, 2]);
    assert.deepEqual(wayOf('n1', A2, A1, -1), [0, 0, 1]);
  });

  test('has no destination for groups and unknown MACs, including those of another network', () => {
    for (const destination of ['ffffffffffff', '333300000001', '020000000999', B3]) {
      assert.deepEqual(wayOf('n1', destination, A1, 100), [0, 0, -1]);
    }
  });

  test('does not exist if the source is not an endpoint of the network', () => {
    assert.equal(wayOf('n1', A1, '020000000999', 100), false);
    assert.equal(wayOf('n1', A1, B2, 100), false);
    assert.equal(wayOf('n1', A1, A2, 300), false);
    assert.equal(wayOf('n1', A1, '020000000999', -1), false);
    const route = new FrameRoute(new NodeTables(TOPOLOGY, 'n1'));
    assert.equal(route.find(new Uint8Array(13), 0, 13, 100, 0), false);
  });
});
