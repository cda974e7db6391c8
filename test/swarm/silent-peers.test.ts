/** Nodes whose packets don't arrive. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangeKind, type EndpointRecord } from '../../src/overlay/index.js';
import { SilentPeers } from '../../src/swarm/silent-peers.js';
import { C1, C2 } from '../dataplane/topology.js';
import { frame, pair, settle } from '../live/running-node.js';

test('a node that answers nothing is pinged at its own endpoints in turn, reported once, and again when it answers', () => {
  const [n1, n2, wire] = pair({
    nodes: ['n3: { vtep: "192.168.50.3", mac: "02:00:00:00:50:03", mtu: 1500 }'],
    endpoints: [
      'c4: { network: net, node: n2, ip: "10.0.9.5", mac: "02:42:0a:00:09:05" }',
      'c5: { network: net, node: n3, ip: "10.0.9.6", mac: "02:42:0a:00:09:06" }',
    ],
  });
  const told: string[] = [];
  const silent = new SilentPeers(
    n1.node,
    (text) => told.push(text),
    () => true,
  );
  n1.port('c1').outgoing.push(frame(C2, C1));
  settle(n1);
  wire.waiting.clear();
  silent.check(0);
  for (let second = 6; second < 14; second++) {
    silent.check(second);
    settle(n1);
  }
  // Behind the outer headers and VXLAN's: the destination's MAC, which the frame begins with.
  const pinged = [...wire.waiting].flatMap(([to, packets]) =>
    packets.map(
      (bytes) =>
        `${to} ${
          Buffer.from(bytes)
            .toString('hex')
            .match(/02420a0009(0[456])0242/)?.[1] ?? ''
        }`,
    ),
  );
  assert.deepEqual(pinged.slice(0, 4), ['192.168.50.2 04', '192.168.50.2 05', '192.168.50.2 04', '192.168.50.2 05']);
  assert.ok(pinged.every((one) => one.startsWith('192.168.50.2 ')));
  assert.deepEqual(
    silent.silent.map(({ node }) => node.name),
    ['n2'],
  );
  assert.equal(told.length, 1);
  n2.port('c2').outgoing.push(frame(C1, C2));
  settle(n2, n1);
  silent.check(14);
  assert.deepEqual(silent.silent, []);
  assert.match(told[1], /arrive again/);
});

for (const isOver of [true, false]) {
  test(`a silent node that leaves and comes back ${isOver ? 'answering: the end is reported' : 'silent: once'}`, () => {
    const [n1, n2, wire] = pair({});
    const told: string[] = [];
    const silent = new SilentPeers(
      n1.node,
      (text) => told.push(text),
      () => true,
    );
    let now = 0;
    const staysSilent = (): void => {
      n1.port('c1').outgoing.push(frame(C2, C1));
      settle(n1);
      for (const end = now + 30; now < end; now++) {
        silent.check(now);
        settle(n1);
        wire.waiting.clear();
      }
    };
    staysSilent();
    assert.equal(told.length, 1);

    const { tables } = n1.node;
    const node = tables.nodes.find((one) => one?.name === 'n2');
    assert.ok(node !== undefined);
    const theirs = tables.endpoints.flatMap((endpoint): EndpointRecord[] => {
      if (endpoint === undefined || tables.nodes[endpoint.node] !== node) return [];
      const { name, mac, ip = assert.fail() } = endpoint;
      const vni = tables.networks[endpoint.network]?.vni;
      return vni === undefined ? [] : [{ name, ip, mac, vni, vtep: node.vtep }];
    });
    assert.ok(theirs.length > 0);
    n1.node.apply([
      ...theirs.map(({ name }) => ({ kind: ChangeKind.RemoveEndpoint, id: name })),
      { kind: ChangeKind.RemoveNode, vtep: node.vtep },
    ]);
    silent.check(now);
    assert.ok(!tables.nodes.some((one) => one?.name === 'n2'));
    assert.deepEqual(silent.silent, []);
    n1.node.apply([
      { kind: ChangeKind.AddNode, node },
      ...theirs.map((endpoint) => ({ kind: ChangeKind.AddEndpoint, endpoint })),
    ]);
    if (!isOver) {
      staysSilent();
      assert.equal(told.length, 1, told.join('\n'));
      assert.equal(silent.silent.length, 1);
    }
    n2.port('c2').outgoing.push(frame(C1, C2));
    settle(n2, n1);
    silent.check(++now);
    assert.deepEqual(
      told.map((text) => text.includes('arrive again')),
      [false, true],
    );
  });
}
