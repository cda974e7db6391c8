import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BulkSyncEntries,
  DEFAULT_NETWORK_DB_PARAMETERS,
  EntryEvent,
  type GossipEndpoint,
  GossipType,
  MembershipEvent,
  NetworkDb,
  NetworkDbError,
  type NetworkDbParameters,
  NodeState,
  Peer,
  SWARM_VERSIONS,
  type TableChange,
  type TableEvent,
  type UserData,
} from '../../../src/gossip/index.js';
import { LamportClock } from '../../../src/gossip/networkdb/lamport-clock.js';
import { seededRandom } from '../../../src/gossip/random.js';
import { endpointOf } from '../member/driver.js';

const NETWORK = 'network';
const TABLE = 'overlay_peer_table';
const MINUTE = 60_000;

function peerOf(index: number, name = `node-${index}`): Peer {
  const peer = new Peer(name, endpointOf(index), undefined, SWARM_VERSIONS, 1);
  peer.become(NodeState.Alive, 0);
  return peer;
}

/** The NetworkDB of `node-1`, in a cluster of nodes that only exist as what it is told. */
class DbDriver {
  readonly db: NetworkDb;
  readonly peers: Peer[];
  changes: TableChange[] = [];
  packets: UserData[] = [];
  streams: { readonly to: number; readonly sync: BulkSyncEntries; readonly done: (succeeded: boolean) => void }[] = [];
  joins: GossipEndpoint[] = [];
  /** Nodes asked for their state. */
  exchanges: number[] = [];
  now = 0;

  /** All nodes are on the network, and this one is in sync. */
  constructor(nodes: number, parameters: Partial<NetworkDbParameters> = {}) {
    this.db = new NetworkDb(
      'node-1',
      { ...DEFAULT_NETWORK_DB_PARAMETERS, ...parameters },
      {
        random: seededRandom(1),
        changed: (change) => this.changes.push(change),
      },
    );
    this.peers = Array.from({ length: nodes }, (_, index) => peerOf(index + 1));
    for (const peer of this.peers) this.db.joined(peer, 0);
    this.db.start(
      {
        sendUser: (to, data) => this.packets.push(...to.map(() => data)),
        sendReliably: (to, data, _, done) => {
          assert.equal(data.type, GossipType.BulkSync);
          const finish = (succeeded: boolean): void => done?.(succeeded, this.now);
          this.streams.push({ to: to.addr[3], sync: data, done: finish });
        },
        join: (endpoints) => this.joins.push(...endpoints),
        exchange: (to) => this.exchanges.push(to.addr[3]),
      },
      0,
    );
    this.db.joinNetwork(NETWORK, 0);
    for (const peer of this.peers.slice(1)) this.attach(peer.name);
  }

  attach(nodeName: string, lTime = 1, event: MembershipEvent = MembershipEvent.Join): void {
    this.db.receive({ type: GossipType.NetworkEvent, event, lTime, nodeName, networkId: NETWORK }, this.now);
  }

  event(event: EntryEvent, lTime: number, key: string, owner = 2, more: Partial<TableEvent> = {}): TableEvent {
    const base = { networkId: NETWORK, tableName: TABLE, key, value: Uint8Array.of(lTime), nodeName: `node-${owner}` };
    return { type: GossipType.TableEvent, event, lTime, residualReapTime: 0, ...base, ...more };
  }

  gossip(...events: TableEvent[]): void {
    this.db.receive({ type: GossipType.Compound, events }, this.now);
  }

  bulkSync(unsolicited: boolean, ...events: TableEvent[]): void {
    const sync = { type: GossipType.BulkSync, lTime: 1, unsolicited, nodeName: 'node-2', networks: [NETWORK], events };
    this.db.receive(sync, this.now);
  }

  run(until: number): void {
    while (this.db.nextDeadline <= until) {
      this.now = this.db.nextDeadline;
      this.db.advance(this.now);
    }
    this.now = until;
  }

  value(key: string): number | undefined {
    return this.db.value(NETWORK, TABLE, key)?.[0];
  }

  gossiped(): TableEvent[] {
    return this.packets.flatMap((data) => (data.type === GossipType.Compound ? data.events : []));
  }

  fail(index: number): void {
    const peer = this.peers.at(index - 1);
    assert.ok(peer !== undefined);
    peer.become(NodeState.Dead, this.now);
    this.db.gone(peer, this.now);
  }

  revive(index: number): void {
    const peer = this.peers.at(index - 1);
    assert.ok(peer !== undefined);
    peer.become(NodeState.Alive, this.now);
    this.db.joined(peer, this.now);
  }
}

test('own changes are gossiped to nodes of the network as often as events are', () => {
  const driver = new DbDriver(4);
  driver.db.createEntry(NETWORK, TABLE, 'a', Uint8Array.of(1), 0);
  driver.run(2000);
  // 4 * ceil(log10(4 + 1)) times, to 3 nodes each.
  assert.equal(driver.gossiped().length, 12);
  assert.deepEqual(
    driver.changes.map(({ kind, owner }) => [kind, owner]),
    [['created', 'node-1']],
  );
  driver.db.deleteEntry(NETWORK, TABLE, 'a', driver.now);
  driver.packets = [];
  driver.run(2200);
  const event = driver.gossiped().at(0);
  assert.equal(event?.event, EntryEvent.Delete);
  assert.equal(event.residualReapTime, 1800);
  assert.equal(event.lTime, 2);
});

test('only newer events count, in whatever order they come', () => {
  const driver = new DbDriver(3);
  driver.gossip(driver.event(EntryEvent.Update, 5, 'a'));
  driver.gossip(driver.event(EntryEvent.Create, 4, 'a'));
  assert.equal(driver.value('a'), 5);
  driver.gossip(driver.event(EntryEvent.Delete, 7, 'a'));
  driver.gossip(driver.event(EntryEvent.Update, 6, 'a'));
  assert.equal(driver.value('a'), undefined);
  assert.deepEqual(
    driver.changes.map(({ kind }) => kind),
    ['created', 'deleted'],
  );
  assert.equal(driver.changes[1]?.previous?.[0], 5);
  assert.equal(driver.db.counts.staleEvents, 2);
});

test('events of nodes that are not on the network, or for others, are dropped', () => {
  const driver = new DbDriver(3);
  driver.attach('node-2', 2, MembershipEvent.Leave);
  driver.gossip(driver.event(EntryEvent.Create, 5, 'a'));
  driver.gossip(driver.event(EntryEvent.Create, 5, 'b', 9));
  driver.gossip(driver.event(EntryEvent.Create, 5, 'c', 3, { networkId: 'other' }));
  assert.equal(driver.db.size, 0);
  assert.equal(driver.db.counts.unknownOwners, 2);
  assert.equal(driver.db.counts.foreignNetworks, 1);
});

test('a deletion of an entry that is not known is kept or dropped by profile', () => {
  for (const keepUnknownDeletes of [true, false]) {
    const driver = new DbDriver(3, { keepUnknownDeletes });
    driver.gossip(driver.event(EntryEvent.Delete, 9, 'a', 2, { residualReapTime: 100 }));
    driver.gossip(driver.event(EntryEvent.Create, 8, 'a'));
    assert.equal(driver.value('a'), keepUnknownDeletes ? undefined : 8);
    // By bulk sync, both keep it.
    driver.bulkSync(false, driver.event(EntryEvent.Delete, 9, 'b', 2, { residualReapTime: 100 }));
    driver.gossip(driver.event(EntryEvent.Create, 8, 'b'));
    assert.equal(driver.value('b'), undefined);
  }
});

test('a deletion learned by bulk sync is passed on only while most of its life is left', () => {
  for (const [residualReapTime, isPassedOn] of [
    [301, true],
    [300, false],
  ] as const) {
    const driver = new DbDriver(3);
    driver.bulkSync(false, driver.event(EntryEvent.Delete, 9, 'a', 2, { residualReapTime }));
    driver.run(500);
    assert.equal(driver.gossiped().length > 0, isPassedOn);
  }
});

test('deleted entries are forgotten after their residual time', () => {
  const driver = new DbDriver(3);
  driver.gossip(
    driver.event(EntryEvent.Create, 1, 'a'),
    driver.event(EntryEvent.Delete, 2, 'a', 2, { residualReapTime: 60 }),
  );
  driver.run(59_000);
  assert.equal(driver.db.size, 1);
  driver.run(66_000);
  assert.equal(driver.db.size, 0);
});

test('entries of a failed node are deleted, and back with it or not, by profile', () => {
  for (const [failedOwner, later, again] of [
    ['hide', 1, 3],
    ['forget', undefined, 3],
    ['detach', undefined, undefined],
  ] as const) {
    const driver = new DbDriver(3, { failedOwner });
    driver.gossip(driver.event(EntryEvent.Create, 1, 'a'));
    driver.fail(2);
    assert.equal(driver.value('a'), undefined);
    assert.deepEqual(
      driver.changes.map(({ kind }) => kind),
      ['created', 'deleted'],
    );
    driver.revive(2);
    assert.equal(driver.value('a'), later, failedOwner);
    driver.gossip(driver.event(EntryEvent.Update, 3, 'a'));
    assert.equal(driver.value('a'), again, failedOwner);
  }
});

test('changes of a hidden entry are followed but not reported', () => {
  const driver = new DbDriver(3);
  driver.gossip(driver.event(EntryEvent.Create, 1, 'a'), driver.event(EntryEvent.Create, 2, 'b'));
  driver.fail(2);
  driver.changes = [];
  driver.gossip(driver.event(EntryEvent.Update, 5, 'a'), driver.event(EntryEvent.Delete, 6, 'b'));
  assert.deepEqual(driver.changes, []);
  driver.revive(2);
  assert.deepEqual(
    driver.changes.map(({ kind, key }) => [kind, key]),
    [['created', 'a']],
  );
  assert.equal(driver.value('a'), 5);
});

test('a node at the address of another one takes its place', () => {
  const driver = new DbDriver(3);
  driver.gossip(driver.event(EntryEvent.Create, 1, 'a'));
  driver.db.joined(peerOf(2, 'reborn'), 0);
  assert.equal(driver.value('a'), undefined);
  assert.deepEqual(driver.db.nodesOf(NETWORK).sort(), ['node-1', 'node-3']);
});

test('stale news of a former name at its own address does not displace a node', () => {
  const driver = new DbDriver(3);
  driver.db.createEntry(NETWORK, TABLE, 'mine', Uint8Array.of(1), 0);
  const former = peerOf(1, 'before-the-restart');
  driver.db.joined(former, 0);
  driver.attach('before-the-restart', 7);
  assert.equal(driver.value('mine'), 1);
  assert.deepEqual(driver.db.nodesOf(NETWORK).sort(), ['node-1', 'node-2', 'node-3']);
  former.become(NodeState.Dead, 0);
  driver.db.gone(former, 0);
  driver.db.joined(former, 0);
  assert.equal(driver.value('mine'), 1);
});

test('a node takes back its entries that it does not have', () => {
  for (const refuteOwnEntries of [true, false]) {
    const driver = new DbDriver(3, { refuteOwnEntries });
    driver.bulkSync(false, driver.event(EntryEvent.Create, 40, 'old', 1));
    driver.run(500);
    const event = driver.gossiped().at(0);
    assert.equal(event?.event, refuteOwnEntries ? EntryEvent.Delete : undefined);
    if (refuteOwnEntries) assert.ok((event?.lTime ?? 0) > 40);
    assert.equal(driver.value('old'), undefined);
  }
});

test('a bulk sync is answered with all entries and tombstones', () => {
  const driver = new DbDriver(3);
  driver.db.createEntry(NETWORK, TABLE, 'mine', Uint8Array.of(1), 0);
  driver.gossip(driver.event(EntryEvent.Update, 5, 'theirs', 3), driver.event(EntryEvent.Create, 6, 'gone', 3));
  driver.gossip(driver.event(EntryEvent.Delete, 7, 'gone', 3, { residualReapTime: 1800 }));
  driver.now = 10 * MINUTE;
  driver.bulkSync(true);
  const answer = driver.streams.at(-1);
  assert.equal(answer?.to, 2);
  assert.equal(answer.sync.unsolicited, false);
  assert.deepEqual(
    answer.sync.events.map(({ key, event, nodeName, residualReapTime }) => [key, event, nodeName, residualReapTime]),
    [
      ['mine', EntryEvent.Create, 'node-1', 0],
      ['theirs', EntryEvent.Create, 'node-3', 0],
      ['gone', EntryEvent.Delete, 'node-3', 1200],
    ],
  );
});

test('joining a network exchanges tables with its nodes one after another', () => {
  const driver = new DbDriver(3);
  for (const node of ['node-2', 'node-3']) {
    driver.db.receive(
      { type: GossipType.NetworkEvent, event: MembershipEvent.Join, lTime: 5, nodeName: node, networkId: 'second' },
      0,
    );
  }
  driver.db.joinNetwork('second', 0);
  assert.equal(driver.streams.length, 1);
  const first = driver.streams.at(0);
  assert.equal(first?.sync.unsolicited, true);
  // Relayed only once in sync.
  driver.db.receive(driver.event(EntryEvent.Create, 5, 'early', 3, { networkId: 'second' }), 0);
  first.done(false);
  assert.equal(driver.streams.length, 2);
  assert.notEqual(driver.streams[1]?.to, first.to);
  driver.now = 30_000;
  driver.db.advance(30_000);
  assert.equal(driver.db.counts.unansweredSyncs, 1);
  driver.packets = [];
  driver.db.receive(driver.event(EntryEvent.Create, 6, 'late', 3, { networkId: 'second' }), driver.now);
  driver.run(31_000);
  assert.deepEqual([...new Set(driver.gossiped().map(({ key }) => key))], ['late']);
});

test('leaving a network deletes own entries and forgets the others', () => {
  const driver = new DbDriver(3);
  driver.db.createEntry(NETWORK, TABLE, 'mine', Uint8Array.of(1), 0);
  driver.gossip(driver.event(EntryEvent.Create, 5, 'theirs'));
  driver.changes = [];
  driver.db.leaveNetwork(NETWORK, 0);
  assert.deepEqual(driver.changes.map(({ kind, key }) => [kind, key]).sort(), [
    ['deleted', 'mine'],
    ['deleted', 'theirs'],
  ]);
  assert.equal(driver.db.size, 1);
  driver.db.joinNetwork(NETWORK, 0);
  assert.equal(driver.value('mine'), undefined);
  assert.throws(() => driver.db.joinNetwork(NETWORK, 0), NetworkDbError);
});

test('failed nodes are tried again, one a second, and forgotten after a day', () => {
  const driver = new DbDriver(3);
  driver.fail(2);
  driver.run(3100);
  assert.ok(driver.joins.length >= 2 && driver.joins.length <= 4);
  assert.ok(driver.joins.every(({ addr }) => addr[3] === 2));
  driver.run(27 * 60 * MINUTE);
  driver.joins = [];
  driver.run(28 * 60 * MINUTE);
  assert.deepEqual(driver.joins, []);
});

test('what strangers can make grow has a limit', () => {
  const driver = new DbDriver(3, { maxEntries: 10, maxNetworks: 5, maxAttachments: 8, maxNodes: 4, maxBroadcasts: 20 });
  for (let index = 0; index < 100; index += 1) {
    driver.gossip(driver.event(EntryEvent.Create, index + 1, `key-${index}`));
    driver.db.joined(peerOf(100 + (index & 63), `forged-${index}`), 0);
    driver.db.receive(
      {
        type: GossipType.NetworkEvent,
        event: MembershipEvent.Join,
        lTime: 1,
        nodeName: 'node-2',
        networkId: `n${index}`,
      },
      0,
    );
  }
  assert.equal(driver.db.size, 10);
  assert.equal(driver.db.networks().length, 5);
  const { counts } = driver.db;
  assert.equal(counts.refusedEntries, 90);
  assert.equal(counts.refusedNodes, 99);
  assert.ok(counts.refusedNetworks + counts.refusedAttachments === 96);
});

test('the values of entries have a limit in bytes, which deleted and forgotten ones leave to others', () => {
  const driver = new DbDriver(3, { maxValueBytes: 100 });
  const create = (lTime: number, key: string, bytes: number) =>
    driver.gossip({ ...driver.event(EntryEvent.Create, lTime, key), value: new Uint8Array(bytes) });
  create(1, 'one', 60);
  create(2, 'two', 50);
  assert.equal(driver.db.counts.refusedEntries, 1);
  create(3, 'two', 40);
  assert.equal(driver.db.size, 2);
  create(4, 'one', 10);
  create(5, 'three', 50);
  create(6, 'four', 1);
  assert.equal(driver.db.size, 3);
  assert.equal(driver.db.counts.refusedEntries, 2);
  driver.db.leaveNetwork(NETWORK, 0);
  driver.db.joinNetwork(NETWORK, 0);
  create(7, 'five', 100);
  assert.equal(driver.db.counts.refusedEntries, 2);
});

test('a Lamport clock ignores times that no cluster has reached', () => {
  const clock = new LamportClock();
  assert.equal(clock.witness(41), true);
  assert.equal(clock.time, 42);
  assert.equal(clock.witness(10), true);
  assert.equal(clock.increment(), 43);
  assert.equal(clock.witness(Number.MAX_SAFE_INTEGER), false);
  assert.equal(clock.time, 43);
});

test('an event that comes before its owner is known to be on the network is taken once it is', () => {
  for (const catchUp of [true, false]) {
    const driver = new DbDriver(3, { catchUp });
    driver.gossip(driver.event(EntryEvent.Create, 5, 'a', 7), driver.event(EntryEvent.Create, 6, 'b', 7));
    driver.gossip(driver.event(EntryEvent.Update, 7, 'a', 7));
    assert.deepEqual(driver.changes, []);
    driver.db.joined(peerOf(7), driver.now);
    driver.attach('node-7');
    assert.deepEqual([driver.value('a'), driver.value('b')], catchUp ? [7, 6] : [undefined, undefined]);
    driver.packets = [];
    driver.run(400);
    assert.equal(driver.gossiped().length > 0, catchUp);
  }
});

test('so is one that a node is on a network, before it is known to be a member', () => {
  const driver = new DbDriver(3);
  driver.attach('node-7');
  driver.gossip(driver.event(EntryEvent.Create, 5, 'a', 7));
  assert.equal(driver.db.counts.unknownNodes, 1);
  driver.db.joined(peerOf(7), driver.now);
  assert.ok(driver.db.isOnNetwork(NETWORK, 'node-7'));
  assert.equal(driver.value('a'), 5);
});

test('but not what is heard of a node that is gone, nor what came before it left', () => {
  const driver = new DbDriver(3);
  driver.peers.push(...[4, 5, 6, 7].map((index) => peerOf(index)));
  driver.db.joined(peerOf(7), driver.now);
  driver.gossip(driver.event(EntryEvent.Create, 5, 'before', 7));
  driver.fail(7);
  driver.gossip(driver.event(EntryEvent.Create, 5, 'after', 7));
  driver.revive(7);
  driver.attach('node-7');
  assert.deepEqual([driver.value('before'), driver.value('after')], [undefined, undefined]);
});

test('an owner that stays unknown on the network is asked for its state, one a second and each once', () => {
  const driver = new DbDriver(3);
  for (const index of [7, 8]) driver.db.joined(peerOf(index), driver.now);
  for (const index of [7, 8]) driver.gossip(driver.event(EntryEvent.Create, 5, `${index}`, index));
  driver.run(1900);
  assert.deepEqual(driver.exchanges, []);
  let first: number | undefined;
  while (driver.exchanges.length < 2 && driver.now < 6000) {
    driver.run(driver.now + 100);
    if (driver.exchanges.length > 0) first ??= driver.now;
  }
  assert.ok(first !== undefined && driver.now - first >= 900, `${first} ${driver.now}`);
  driver.gossip(driver.event(EntryEvent.Update, 6, '7', 7));
  driver.run(29_000);
  assert.deepEqual(driver.exchanges.sort(), [7, 8]);
  const docker = new DbDriver(3, { catchUp: false });
  docker.db.joined(peerOf(7), docker.now);
  docker.gossip(docker.event(EntryEvent.Create, 5, 'a', 7));
  docker.run(29_000);
  assert.deepEqual(docker.exchanges, []);
});

test('no more than some thousand events wait, for half a minute', () => {
  const driver = new DbDriver(3);
  for (let index = 0; index < 5000; index += 1) {
    driver.gossip(driver.event(EntryEvent.Create, 5, `${index}`, 7 + (index % 10)));
  }
  for (let index = 7; index < 17; index += 1) {
    driver.db.joined(peerOf(index), driver.now);
    driver.attach(`node-${index}`);
  }
  assert.ok(driver.db.size > 3000 && driver.db.size <= 4096, `${driver.db.size}`);
  driver.gossip(driver.event(EntryEvent.Create, 5, 'large', 20, { value: new Uint8Array(2 << 20) }));
  driver.gossip(driver.event(EntryEvent.Create, 5, 'old', 21));
  driver.run(30_001);
  for (const index of [20, 21]) {
    driver.db.joined(peerOf(index), driver.now);
    driver.attach(`node-${index}`);
  }
  assert.deepEqual([driver.value('large'), driver.value('old')], [undefined, undefined]);
});

test('own events wait until there is a node on the network to send them to', () => {
  for (const catchUp of [true, false]) {
    const driver = new DbDriver(1, { catchUp });
    driver.db.createEntry(NETWORK, TABLE, 'a', Uint8Array.of(1), 0);
    driver.run(5000);
    driver.db.joined(peerOf(2), driver.now);
    driver.attach('node-2');
    driver.run(5400);
    assert.equal(driver.gossiped().length > 0, catchUp);
  }
});

test('one that joined a network as the first exchanges tables with one that it learns of, once', () => {
  for (const catchUp of [true, false]) {
    const driver = new DbDriver(3, { catchUp, bulkSyncInterval: Infinity });
    driver.attach('node-3', 2, MembershipEvent.Leave);
    driver.run(1100);
    assert.deepEqual(
      driver.streams.map(({ to, sync }) => [to, sync.unsolicited]),
      catchUp ? [[2, true]] : [],
    );
    driver.attach('node-3', 3);
    driver.run(5000);
    assert.equal(driver.streams.length, catchUp ? 1 : 0);
  }
});
