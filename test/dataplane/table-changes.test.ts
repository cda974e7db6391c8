/** Tables that change while packets flow: what the stages keep, and what they must not keep. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Oversize } from '../../src/dataplane/index.js';
import { ChangeKind, type EndpointRecord, type Node, parseIp, type TopologyChange } from '../../src/overlay/index.js';
import { C1, C2, fromHex, type NodeOptions, type Setup, TestNode, topologyOf } from './topology.js';

const { AddNode, ChangeNode, RemoveNode, AddNetwork, ChangeNetwork, RemoveNetwork } = ChangeKind;
const { AddEndpoint, ChangeEndpoint, RemoveEndpoint } = ChangeKind;
const N1 = parseIp('192.168.50.1');
const N2 = parseIp('192.168.50.2');
const N3 = parseIp('192.168.50.3');
const N4 = parseIp('192.168.50.4');
const C3 = '02420a000905';

function nodeOf(vtep: Uint8Array, mtu = 1500): Node {
  return { name: `n${vtep[3]}`, vtep, mac: Uint8Array.of(2, 0, 0, 0, 0x50, vtep[3]), mtu };
}

function endpointOf(name: string, mac: string, vtep: Uint8Array, vni = 4097): EndpointRecord {
  return { name, vni, vtep, mac: fromHex(mac), ip: undefined };
}

function frame(destination: string, source: string, length = 60): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(fromHex(`${destination}${source}88b5`));
  return bytes;
}

/** A frame with an IPv4 packet that must not be fragmented. */
function large(destination: string, source: string): Uint8Array {
  const bytes = frame(destination, source, 14 + 1480);
  bytes.set(fromHex('0800450005c800004000400100000a0009030a000904'), 12);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  sum = (sum & 0xffff) + (sum >>> 16);
  bytes.set([(~sum >>> 8) & 255, ~sum & 255], 24);
  return bytes;
}

function nodeWith(setup: Setup = {}, options: NodeOptions = {}): TestNode {
  return new TestNode(topologyOf(setup), 'n1', options);
}

/** A third node with an endpoint. */
const THIRD: readonly TopologyChange[] = [
  { kind: AddNode, node: nodeOf(N3) },
  { kind: AddEndpoint, endpoint: endpointOf('c3', C3, N3) },
];

function addressOf({ bytes }: { readonly bytes: Uint8Array }): string {
  return bytes.subarray(30, 34).join('.');
}

function identificationOf({ bytes }: { readonly bytes: Uint8Array }): number {
  return (bytes[18] << 8) | bytes[19];
}

describe('chains whose tables change', () => {
  test('send to nodes and endpoints as soon as they are added, and no longer once they are removed', () => {
    const node = nodeWith();
    node.send([frame(C3, C1)]);
    node.tables.apply(THIRD);
    node.send([frame(C3, C1), frame(C2, C1)]);
    assert.deepEqual(node.wire.map(addressOf), ['192.168.50.3', '192.168.50.2']);
    node.tables.apply([
      { kind: RemoveEndpoint, id: 'c3' },
      { kind: RemoveNode, vtep: N3 },
    ]);
    node.send([frame(C3, C1)]);
    assert.deepEqual(node.egress.drops.byName(), { VXLAN_NO_REMOTE: 2 });
    node.balanced();
  });

  test('send to the current node of a reused index, not to the previous one', () => {
    const node = nodeWith();
    node.tables.apply(THIRD);
    const index = node.tables.nodeOf(4, N3, 0);
    node.tables.apply([
      { kind: AddNode, node: nodeOf(N4) },
      { kind: ChangeEndpoint, endpoint: endpointOf('c3', C3, N4) },
      { kind: RemoveNode, vtep: N3 },
      { kind: AddNode, node: nodeOf(parseIp('192.168.50.9')) },
      { kind: ChangeEndpoint, endpoint: endpointOf('c3', C3, parseIp('192.168.50.9')) },
    ]);
    assert.equal(node.tables.nodeOf(4, parseIp('192.168.50.9'), 0), index);
    node.send([frame(C3, C1)]);
    assert.deepEqual(node.wire.map(addressOf), ['192.168.50.9']);
  });

  test('keep path MTUs and identifications of nodes that stay, and reset them when an index is reused', () => {
    const starts = [0x1111, 0x2222, 0x3333];
    const random = (bytes: Uint8Array): void => {
      const words = new Uint8Array(Int32Array.of(starts.shift() ?? assert.fail()).buffer);
      for (let at = 0; at < bytes.length; at += 4) bytes.set(words, at);
    };
    const node = nodeWith({}, { egress: { oversize: Oversize.Outside, random } });
    const { pathMtu } = node.egress;
    node.tables.apply(THIRD);
    assert.ok(pathMtu.learn(1, 1400, 0) && pathMtu.learn(2, 1300, 0));
    node.send([frame(C2, C1), frame(C3, C1)]);
    assert.deepEqual(node.wire.map(identificationOf), [0x1111, 0x2222]);
    node.tables.apply([
      { kind: RemoveEndpoint, id: 'c3' },
      { kind: RemoveNode, vtep: N3 },
      { kind: AddNode, node: nodeOf(N4) },
      { kind: AddEndpoint, endpoint: endpointOf('c4', C3, N4) },
      { kind: AddNetwork, network: { ...topologyOf().networks[0], name: 'more', vni: 5 } },
    ]);
    assert.deepEqual([pathMtu.underlay(1), pathMtu.underlay(2)], [1400, 1500]);
    assert.deepEqual([pathMtu.inner(0, 1), pathMtu.inner(1, 1), pathMtu.inner(0, 2)], [1350, 1350, 1450]);
    // What was learned of the node before doesn't end this one's.
    pathMtu.expire(599);
    assert.equal(pathMtu.underlay(1), 1400);
    node.wire.length = 0;
    node.send([frame(C2, C1), frame(C3, C1)]);
    assert.deepEqual(node.wire.map(identificationOf), [0x1112, 0x3333]);
  });

  test('use the changed MTU of a node, or the path MTU learned for it if that is smaller', () => {
    const { tables, egress } = nodeWith();
    const { pathMtu } = egress;
    const mtus = (): number[] => [pathMtu.underlay(1), pathMtu.inner(0, 1)];
    assert.deepEqual(mtus(), [1500, 1450]);
    pathMtu.learn(1, 1400, 0);
    tables.apply([{ kind: ChangeNode, node: nodeOf(N2, 1450) }]);
    assert.deepEqual(mtus(), [1400, 1350]);
    tables.apply([{ kind: ChangeNode, node: nodeOf(N2, 1300) }]);
    assert.deepEqual(mtus(), [1300, 1250]);
    tables.apply([{ kind: ChangeNode, node: nodeOf(N2, 1450) }]);
    assert.deepEqual(mtus(), [1450, 1400]);
    tables.apply([{ kind: ChangeNode, node: nodeOf(N1, 1200) }]);
    assert.deepEqual(mtus(), [1200, 1150]);
  });

  test('reset the ICMP rate limit when an endpoint index is reused, and keep those of other endpoints', () => {
    const node = nodeWith({}, { egress: { oversize: Oversize.Inside, icmpRate: { perSecond: 1, burst: 1 } } });
    const answered = (): number => node.replies.length;
    node.send([large(C2, C1), large(C2, C1)]);
    assert.equal(answered(), 1);
    node.tables.apply(THIRD);
    node.send([large(C2, C1)]);
    assert.equal(answered(), 1);
    node.tables.apply([
      { kind: RemoveEndpoint, id: 'c1' },
      { kind: AddEndpoint, endpoint: endpointOf('next', C1, N1) },
    ]);
    assert.equal(node.tables.endpointWithId('next'), 0);
    node.send([large(C2, C1), large(C2, C1)]);
    assert.equal(answered(), 2);
    node.balanced();
  });

  test('encrypt a network from the change that enables encryption on, and then drop its cleartext', () => {
    const setup = { encrypted: true, networks: ['open: { vni: 4098 }'] };
    const [n1, n2] = ['n1', 'n2'].map((name) => new TestNode(topologyOf(setup), name));
    const open = topologyOf(setup).networks[1];
    for (const { tables } of [n1, n2]) {
      tables.apply([
        { kind: AddEndpoint, endpoint: endpointOf('o1', C1, N1, 4098) },
        { kind: AddEndpoint, endpoint: endpointOf('o2', C2, N2, 4098) },
      ]);
    }
    n1.send([frame(C2, C1)], 256, 0, 1);
    assert.equal(n1.wire[0].bytes[23], 17);
    const [clear] = n1.wire;
    for (const { tables } of [n1, n2]) tables.apply([{ kind: ChangeNetwork, network: { ...open, encrypted: true } }]);
    n1.send([frame(C2, C1)], 256, 0, 1);
    assert.equal(n1.wire[1].bytes[23], 50);
    n2.receive([clear.bytes, n1.wire[1].bytes]);
    assert.deepEqual([n2.delivered.length, n2.ingress.drops.byName()], [1, { CLEAR_OF_ENCRYPTED: 1 }]);
    n1.balanced();
    n2.balanced();
  });

  test('drop packets of a removed VNI, and for a removed endpoint', () => {
    const [n1, n2] = ['n1', 'n2'].map((name) => new TestNode(topologyOf(), name));
    n1.send([frame(C2, C1), frame(C2, C1), frame(C2, C1)]);
    const packets = n1.wire.map(({ bytes }) => bytes);
    n2.receive([packets[0]]);
    n2.tables.apply([{ kind: RemoveEndpoint, id: 'c2' }]);
    n2.receive([packets[1]]);
    n2.tables.apply([
      { kind: RemoveEndpoint, id: 'c1' },
      { kind: RemoveNetwork, vni: 4097 },
    ]);
    n2.receive([packets[2]]);
    assert.equal(n2.delivered.length, 1);
    assert.deepEqual(n2.ingress.drops.byName(), { NO_LOCAL_ENDPOINT: 1, VXLAN_VNI_NOT_FOUND: 1 });
    n2.balanced();
  });

  test('reassemble a packet whose fragments arrive before and after a change', () => {
    const [n1, n2] = ['n1', 'n2'].map(
      (name) => new TestNode(topologyOf(), name, { egress: { oversize: Oversize.Outside } }),
    );
    n1.send([large(C2, C1)]);
    const [first, second] = n1.wire.map(({ bytes }) => bytes);
    n2.receive([first]);
    assert.equal(n2.ingress.held, 1);
    n2.tables.apply(THIRD);
    assert.equal(n2.ingress.held, 1);
    n2.receive([second]);
    assert.deepEqual([n2.delivered.length, n2.ingress.held, n2.ingress.drops.byName()], [1, 0, {}]);
    n2.balanced();
  });

  test('keep learned MACs, except those behind a removed node', () => {
    const setup: Setup = { learning: true, flood: 'replicate', nodes: ['n3: { vtep: 192.168.50.3 }'] };
    const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((name) => new TestNode(topologyOf(setup), name));
    const [x, y] = ['020000000001', '020000000002'];
    for (const [node, mac] of [
      [n2, x],
      [n3, y],
    ] as const) {
      // A frame from a container that no config knows of.
      node.tables.apply([{ kind: AddEndpoint, endpoint: endpointOf('unknown', mac, node === n2 ? N2 : N3) }]);
      node.send([frame(C1, mac)]);
      n1.receive(node.wire.map(({ bytes }) => bytes));
    }
    const nodesFor = (mac: string): string[] => {
      const before = n1.wire.length;
      n1.send([frame(mac, C1)]);
      return n1.wire.slice(before).map(addressOf);
    };
    assert.deepEqual([nodesFor(x), nodesFor(y)], [['192.168.50.2'], ['192.168.50.3']]);
    n1.tables.apply([
      { kind: AddEndpoint, endpoint: endpointOf('c9', '020000000009', N2) },
      { kind: RemoveNode, vtep: N3 },
      { kind: AddNode, node: nodeOf(N4) },
    ]);
    assert.deepEqual(nodesFor(x), ['192.168.50.2']);
    // Flooded: to the one other node with endpoints.
    assert.deepEqual(nodesFor(y), ['192.168.50.2']);
    assert.equal(n1.tables.forwarding.find(4097, fromHex(y), 0, 0), false);
    n1.balanced();
  });
});
