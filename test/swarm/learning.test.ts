/** Changes of gossip on their way to a node's tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePeerRecord, LearnedTables, type TableChange } from '../../src/gossip/index.js';
import { FloodPolicy, NodeTables, OverlayError, parseIp, Profile, type Topology } from '../../src/overlay/index.js';
import { Learning } from '../../src/swarm/learning.js';

const VTEP = parseIp('192.168.50.9');
const NETWORK = {
  id: 'net',
  networks: [
    {
      name: 'web',
      vni: 4097,
      subnets: [{ address: parseIp('10.0.0.0'), length: 16 }],
      gateways: [],
      encrypted: false,
      mtu: undefined,
      flood: FloodPolicy.Drop,
      learning: false,
    },
  ],
  ingress: false,
  internal: false,
  dsr: false,
  balancer: undefined,
};

function topology(): Topology {
  const here = { name: 'here', vtep: VTEP, mac: undefined, mtu: 1500 };
  return { profile: Profile.Swarm, port: 4789, nodes: [here], networks: [], endpoints: [], ring: undefined };
}

function peer(index: number, kind: TableChange['kind'] = 'created'): TableChange {
  const address = `10.0.${index >> 8}.${index & 0xff}`;
  const value = encodePeerRecord({
    endpointIp: `${address}/16`,
    endpointMac: `02:42:0a:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 0xff).toString(16).padStart(2, '0')}`,
    tunnelEndpointIp: '192.168.50.1',
  });
  const tableName = 'overlay_peer_table';
  return { kind, networkId: 'net', tableName, key: `key${index}`, owner: 'other', value, previous: undefined };
}

/** A node's tables, which refuse the endpoints that `refuses` names. */
function setUp(clock: () => number = () => 0, limit = 10_000) {
  const tables = new NodeTables(topology(), 'here', { limit });
  const said: string[] = [];
  let largest = 0;
  const learned = new LearnedTables({ vtep: VTEP, name: 'here', mtu: 1500 });
  const learning = new Learning({
    learned,
    tables: {
      apply: (changes) => {
        largest = Math.max(largest, changes.length);
        tables.apply(changes);
      },
      applyServices: () => undefined,
      get topology() {
        return tables.topology;
      },
      services: undefined,
    },
    tell: (text) => said.push(text),
    clock,
  });
  learning.own(
    () => learned.addNetwork(NETWORK),
    () => void learned.removeNetwork('net'),
  );
  return { tables, learned, learning, said, largest: () => largest };
}

test('changes reach the tables, a bounded number at a time', () => {
  // Each look at the clock costs a millisecond.
  let now = 0;
  const { tables, learning, largest } = setUp(() => now++);
  learning.push(Array.from({ length: 1000 }, (_, i) => peer(i + 1)));
  assert.equal(learning.waiting, 1000);
  assert.equal(learning.turn(), true);
  assert.ok(tables.counts.endpoints < 1000);
  let turns = 0;
  while (learning.turn()) turns++;
  assert.ok(turns > 2);
  assert.deepEqual([tables.counts.endpoints, learning.waiting], [1000, 0]);
  assert.ok(largest() <= 64);
  learning.push(Array.from({ length: 1000 }, (_, i) => peer(i + 1, 'deleted')));
  while (learning.turn());
  assert.deepEqual([tables.counts.endpoints, tables.counts.nodes], [0, 1]);
});

test('a full table is reported once, has what fits, and gets the rest when there is room', () => {
  let now = 0;
  const { tables, learning, said } = setUp(() => now, 10);
  learning.push(Array.from({ length: 15 }, (_, i) => peer(i + 1)));
  while (learning.turn());
  assert.equal(tables.counts.endpoints, 10);
  assert.equal(said.length, 1);
  assert.match(said[0], /can't be applied/);
  now += 60_000;
  while (learning.turn());
  assert.deepEqual([tables.counts.endpoints, said.length], [10, 1]);
  const there = tables.endpoints.flatMap((endpoint) => (endpoint?.id === undefined ? [] : [endpoint.id]));
  learning.push(
    Array.from({ length: 15 }, (_, i) => i + 1)
      .filter((i) => there.includes(`net/key${i}`))
      .slice(0, 7)
      .map((i) => peer(i, 'deleted')),
  );
  while (learning.turn());
  now += 60_000;
  while (learning.turn());
  assert.equal(tables.counts.endpoints, 8);
  assert.match(said[1], /applied again/);
  assert.ok(learning.resynchronised >= 2);
});

test("a change of this node's own that the tables refuse is undone, and thrown", () => {
  const { tables, learned, learning } = setUp(() => 0, 1);
  const endpoint = (last: number) => ({
    key: `own${last}`,
    name: `own${last}`,
    address: parseIp(`10.0.9.${last}`),
    mac: Uint8Array.of(2, 0x42, 10, 0, 9, last),
  });
  const add = (last: number): void =>
    learning.own(
      () => learned.addEndpoint('net', endpoint(last)),
      () => void learned.removeEndpoint('net', `own${last}`),
    );
  add(1);
  assert.throws(
    () => add(2),
    (error: unknown) => error instanceof OverlayError && error.code === 'BAD_TABLE',
  );
  while (learning.turn());
  assert.deepEqual(
    tables.topology.endpoints.map(({ name }) => name),
    ['own1'],
  );
});

test('an entry that changes again and again while the node is busy waits as one change', () => {
  const { learning, tables } = setUp(() => 0);
  for (let round = 0; round < 1000; round++) learning.push([peer(1), peer(2, 'updated')]);
  assert.equal(learning.waiting, 2);
  while (learning.turn());
  assert.deepEqual([tables.counts.endpoints, learning.waiting], [2, 0]);
});

test('entries that never stop changing do not keep others from the tables', () => {
  // Each look at the clock costs a millisecond, so that a turn never takes all that has come.
  let now = 0;
  const { learning, tables } = setUp(() => now++, 30_000);
  const flood = Array.from({ length: 5000 }, (_, i) => peer(i + 2));
  learning.push([peer(1)]);
  for (let turn = 0; turn < 100; turn++) {
    learning.push(flood);
    learning.turn();
  }
  assert.equal(
    tables.topology.endpoints.some(({ id }) => id === 'net/key1'),
    true,
  );
});
