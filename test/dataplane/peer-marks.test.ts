/** Which nodes packets were exchanged with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EgressChain, IngressChain, PeerMark, PeerMarks } from '../../src/dataplane/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { ChangeKind, NodeTables, parseIp } from '../../src/overlay/index.js';
import { ETHERNET_HEADER_LEN, EtherType } from '../../src/wire/index.js';
import { ethernet, FRAME, overlay, udpIp } from './build.js';
import { topologyOf } from './topology.js';

test('a chain marks the node that it sends to, until its reader takes the mark', () => {
  const tables = new NodeTables(topologyOf(), 'n1');
  const arena = new Arena();
  const chain = new EgressChain(tables, arena, { wire: () => undefined });
  const frames = new PacketBatch(arena);
  frames.copyIn(FRAME, 0, FRAME.length, 0);
  chain.run(frames, 0);
  const node = tables.nodes.findIndex((one) => one?.name === 'n2');
  assert.equal(chain.accounting.sent, 1);
  assert.deepEqual([chain.sentTo.take(node), chain.sentTo.take(node)], [PeerMark.Clear, 0]);
  assert.equal(chain.sentTo.take(tables.node), 0);
});

test('a chain marks the node that a packet comes from, and nobody for one that it drops', () => {
  const tables = new NodeTables(topologyOf({ flood: 'replicate', learning: true }), 'n2');
  const arena = new Arena();
  const chain = new IngressChain(tables, arena, () => undefined);
  const inner = ethernet(udpIp(4, 8080, new Uint8Array(33), 'right', '10.0.9.99', '10.0.9.4'), EtherType.Ipv4);
  const receive = (vni: number): void => {
    const packet = overlay(4, vni, inner).subarray(ETHERNET_HEADER_LEN);
    const batch = new PacketBatch(arena);
    batch.copyIn(packet, 0, packet.length);
    chain.run(batch, 0);
  };
  const node = tables.nodes.findIndex((one) => one?.name === 'n1');
  receive(5000);
  assert.equal(chain.heardFrom.take(node), 0);
  receive(4097);
  assert.deepEqual([chain.heardFrom.take(node), chain.heardFrom.take(node)], [PeerMark.Clear, 0]);
});

test('marks of a node that was removed are not those of the next one with its index', () => {
  const tables = new NodeTables(topologyOf({ flood: 'replicate', learning: true }), 'n2');
  const chain = new IngressChain(tables, new Arena(), () => undefined);
  const vtep = parseIp('192.168.50.77');
  const node = { name: 'n3', vtep, mac: undefined, mtu: 1500 };
  tables.apply([{ kind: ChangeKind.AddNode, node }]);
  const index = tables.nodeOf(4, vtep, 0);
  chain.heardFrom.bytes[index] = PeerMark.Encrypted;
  tables.apply([{ kind: ChangeKind.RemoveNode, vtep }]);
  tables.apply([{ kind: ChangeKind.AddNode, node: { ...node, name: 'n4' } }]);
  assert.equal(tables.nodeOf(4, vtep, 0), index);
  assert.equal(chain.heardFrom.take(index), 0);
});

test('there is room for any node', () => {
  const marks = new PeerMarks();
  marks.renew(5000);
  marks.bytes[5000] = PeerMark.Clear;
  marks.renew(20_000);
  assert.deepEqual([marks.take(5000), marks.take(20_000), marks.take(1_000_000)], [PeerMark.Clear, 0, 0]);
});
