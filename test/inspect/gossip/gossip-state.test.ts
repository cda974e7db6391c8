/** How gossip is merged, and what floods of it cost. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Alive,
  encodePeerRecord,
  EntryEvent,
  GossipType,
  MembershipEvent,
  MessageType,
  NodeState,
  type TableEvent,
  TableName,
} from '../../../src/gossip/index.js';
import { GossipState } from '../../../src/inspect/gossip/gossip-state.js';

const PEER = { endpointIp: '10.0.9.3/24', endpointMac: '02:42:0a:00:09:03', tunnelEndpointIp: '192.168.50.1' };

function alive(node: string, incarnation: number): Alive {
  const addr = Uint8Array.of(192, 168, 50, 1);
  return { type: MessageType.Alive, node, incarnation, addr, port: 7946, meta: undefined, vsn: new Uint8Array(6) };
}

function entry(key: string, lTime: number, event: EntryEvent, value = encodePeerRecord(PEER)): TableEvent {
  const place = { nodeName: 'a', networkId: 'n', tableName: TableName.Peers };
  return { type: GossipType.TableEvent, event, lTime, ...place, key, value, residualReapTime: 0 };
}

function stateOf(maxRows = 100): { state: GossipState; changes: string[] } {
  const changes: string[] = [];
  const state = new GossipState(maxRows, ({ event, node, text }) => changes.push(`${event} ${node} ${text}`.trim()));
  return { state, changes };
}

describe('members', () => {
  test('alive needs a higher incarnation to replace suspect, dead and left; those need one that is not lower', () => {
    const { state, changes } = stateOf();
    const node = 'a';
    state.addMember(alive(node, 1));
    state.addMember({ type: MessageType.Suspect, node, incarnation: 1, from: 'b' });
    state.addMember(alive(node, 1));
    assert.equal(state.members.get(node)?.state, NodeState.Suspect);
    state.addMember(alive(node, 2));
    state.addMember({ type: MessageType.Dead, node, incarnation: 1, from: 'b' });
    assert.equal(state.members.get(node)?.state, NodeState.Alive);
    state.addMember({ type: MessageType.Dead, node, incarnation: 2, from: 'b' });
    state.addMember({ type: MessageType.Suspect, node, incarnation: 2, from: 'b' });
    assert.equal(state.members.get(node)?.state, NodeState.Dead);
    state.addMember({ type: MessageType.Dead, node, incarnation: 2, from: node });
    assert.deepEqual(changes, [
      'alive a incarnation 1',
      'suspect a incarnation 1, by b',
      'alive a incarnation 2',
      'dead a incarnation 2, by b',
      'left a incarnation 2',
    ]);
  });
});

describe('tables and networks', () => {
  test('only a later Lamport time changes an entry', () => {
    const { state, changes } = stateOf();
    state.addGossip(entry('k', 5, EntryEvent.Create), 'gossip');
    state.addGossip(entry('k', 5, EntryEvent.Delete), 'gossip');
    state.addGossip(entry('k', 4, EntryEvent.Delete), 'bulk sync');
    state.addGossip(entry('k', 6, EntryEvent.Delete), 'bulk sync');
    assert.deepEqual(changes, [
      'create a peer 10.0.9.3/24 at 192.168.50.1',
      'delete a peer 10.0.9.3/24 at 192.168.50.1',
    ]);
  });

  test('a later time of a network that changes nothing is no event', () => {
    const { state, changes } = stateOf();
    for (const [lTime, event] of [
      [1, MembershipEvent.Join],
      [2, MembershipEvent.Join],
      [3, MembershipEvent.Leave],
    ] as const) {
      state.addGossip({ type: GossipType.NetworkEvent, event, lTime, nodeName: 'a', networkId: 'n' }, 'gossip');
    }
    assert.deepEqual(changes, ['join-network a', 'leave-network a']);
  });

  test('a MAC that Docker did not derive from the address is shown', () => {
    const { state, changes } = stateOf();
    const value = encodePeerRecord({ ...PEER, endpointMac: '02:00:00:00:00:01' });
    state.addGossip(entry('k', 1, EntryEvent.Create, value), 'gossip');
    state.addGossip(entry('l', 1, EntryEvent.Create, Uint8Array.of(0xff)), 'gossip');
    assert.deepEqual(changes, [
      'create a peer 10.0.9.3/24 02:00:00:00:00:01 at 192.168.50.1',
      'create a a record that is not known',
    ]);
  });
});

describe('floods under the right key', () => {
  test('of members, networks and entries are bounded and counted', () => {
    const { state } = stateOf(50);
    for (let i = 0; i < 1000; i++) {
      state.addMember(alive(`m${i}`, 1));
      state.addGossip(entry(`k${i}`, 1, EntryEvent.Create), 'gossip');
      const event = { event: MembershipEvent.Join, lTime: 1, nodeName: `m${i}` } as const;
      state.addGossip({ type: GossipType.NetworkEvent, ...event, networkId: 'n' }, 'gossip');
      state.addGossip({ type: GossipType.NodeEvent, ...event }, 'gossip');
    }
    assert.deepEqual([state.members.size, state.entries.size, state.attachments.size], [50, 50, 50]);
    assert.equal(state.unlisted, 4 * 950);
  });

  test('of large records are bounded by their bytes', () => {
    const { state } = stateOf(1000);
    const large = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 100; i++) state.addGossip(entry(`k${i}`, 1, EntryEvent.Create, large), 'gossip');
    assert.equal(state.entries.size, 64);
    assert.equal(state.unlisted, 36);
  });
});
