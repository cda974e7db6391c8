/** Gossip in the recordings of a real swarm, against an independent decoder and against Docker's own dumps. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { GossipReport } from '../../../src/inspect/index.js';
import { fixture } from '../../repository.js';
import { namesOf, surveyOf } from '../services/recorded-swarm.js';
import { gossipOf, swarmKeys } from './recorded.js';

const [NODE1, NODE2] = ['631fe2f865ed', '5f6fa7f699a8'];
const MY_NETWORK = 'wy6hm1z20g96ynu45n75tp8r1';

/** What an independent decoder counted: packets, streams, and messages of some kinds. */
const COUNTED = [
  ['01-swarm-init-join', 50, 4, { 'bulk sync': 2, 'table event': 8, ping: 14, 'network event': 12, 'node event': 4 }],
  ['02-network-and-service-create', 410, 32, { 'bulk sync': 18, 'table event': 359, ping: 147, 'network event': 16 }],
  ['07-encrypted', 245, 24, { 'bulk sync': 12, 'table event': 424, ping: 104, 'network event': 16 }],
  ['08-scale-and-attach', 277, 18, { 'bulk sync': 8, 'table event': 536, ping: 74 }],
  [
    '09-drain-leave',
    170,
    6,
    { 'bulk sync': 4, 'table event': 309, ping: 26, 'network event': 24, 'node event': 12, dead: 4 },
  ],
] as const;

interface VerboseNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Services?: Readonly<
    Record<
      string,
      { readonly VIP: string; readonly Tasks: readonly { Name: string; EndpointID: string; EndpointIP: string }[] }
    >
  >;
}

/** The networks that `docker network inspect --verbose` printed on node1, one document each. */
function verboseNetworks(): VerboseNetwork[] {
  const text = readFileSync(fixture('docker/swarm/network-inspect-verbose.node1.json'), 'utf8');
  return text.split(/^\](?=\n|$)/m).flatMap((part) => {
    const whole = part.trim();
    return whole === '' ? [] : (JSON.parse(`${whole}]`) as VerboseNetwork[]);
  });
}

function at(report: GossipReport, event: string): GossipReport['events'] {
  return report.events.filter((row) => row.event === event);
}

describe('gossip of the recorded swarm', () => {
  for (const [recording, packets, streams, messages] of COUNTED) {
    test(`${recording}: all of it is decrypted, and has as many messages as an independent decoder found`, async () => {
      const gossip = await gossipOf(`${recording}.underlay`);
      const none = { clear: 0, failed: {} };
      assert.deepEqual(gossip.packets, { total: packets, decrypted: packets, ...none });
      assert.deepEqual(gossip.streams, { total: streams, decrypted: streams, ...none, incomplete: 0 });
      assert.deepEqual(gossip.invalid, {});
      for (const [kind, count] of Object.entries(messages)) assert.equal(gossip.messages[kind], count, kind);
      const used = gossip.keys.map(({ tag, packets: some, streams: others }) => [tag, some, others]);
      assert.deepEqual(used, [
        [29940, 0, 0],
        [29941, packets, streams],
        [29942, 0, 0],
      ]);
    });
  }

  test('a node joins: both are alive, on the ingress network, and the load balancer of the first is there', async () => {
    const gossip = await gossipOf('01-swarm-init-join.underlay');
    const members = gossip.members.map(({ name, address, state }) => [name, address, state]);
    assert.deepEqual(members, [
      [NODE2, '192.168.50.2', 'alive'],
      [NODE1, '192.168.50.1', 'alive'],
    ]);
    assert.deepEqual(
      gossip.networks.map(({ nodes, left, peers }) => [nodes, left, peers]),
      [[[NODE2, NODE1], [], 1]],
    );
    const joins = at(gossip, 'join-network').map(({ node, via }) => [node, via]);
    assert.deepEqual(joins, [
      [NODE1, 'push/pull'],
      [NODE2, 'gossip'],
    ]);
    const [create] = at(gossip, 'create');
    assert.equal(create.text, 'peer 10.0.0.2/24 at 192.168.50.1');
  });

  test('a node drains and leaves: its tasks are disabled, then deleted, and it leaves networks and cluster', async () => {
    const gossip = await gossipOf('09-drain-leave.underlay');
    assert.deepEqual(
      gossip.members.map(({ name, state }) => [name, state]),
      [
        [NODE1, 'alive'],
        [NODE2, 'left'],
      ],
    );
    const disabled = at(gossip, 'update').filter(({ text }) => text.endsWith(', disabled'));
    assert.equal(disabled.length, 5);
    const keys = new Set(at(gossip, 'delete').map(({ key }) => key));
    for (const { key } of disabled) assert.ok(keys.has(key));
    assert.deepEqual(
      at(gossip, 'leave-cluster').map(({ node }) => node),
      [NODE2],
    );
    for (const { nodes, left } of gossip.networks) assert.deepEqual([nodes, left], [[NODE1], [NODE2]]);
  });

  test('its endpoint records are those of docker network inspect --verbose at that time', async () => {
    const gossip = await gossipOf('07-encrypted.underlay');
    let compared = 0;
    for (const { Id, Name, Services = {} } of verboseNetworks()) {
      const tasks = Object.values(Services).flatMap((service) => service.Tasks.map((task) => ({ ...task, service })));
      const own = tasks.map(({ Name: task, EndpointID, EndpointIP, service }) => {
        const vip = service.VIP === '<nil>' ? '' : service.VIP;
        return `${EndpointID} ${task} ${EndpointIP} ${vip}`;
      });
      const records = gossip.entries.filter(({ table, network, deleted }) => {
        return table === 'endpoint_table' && network === Id && !deleted;
      });
      const learned = records.map(({ key, record }) => {
        const { name, endpointIp, virtualIp } = record as { name: string; endpointIp: string; virtualIp: string };
        return `${key} ${name} ${endpointIp} ${virtualIp === '<nil>' ? '' : virtualIp}`;
      });
      // Load balancers of the ingress network have records, and are no tasks.
      const named = learned.filter((line) => !line.includes(' ingress-endpoint '));
      assert.deepEqual(named.sort(), own.filter((line) => !line.includes(' ingress-endpoint ')).sort(), Name);
      compared += named.length;
    }
    assert.ok(compared >= 11, `${compared}`);
  });

  test("with docker network inspect, networks and nodes have names; without, networks have Docker's ids", async () => {
    const options = { gossip: swarmKeys(), names: namesOf() };
    const { gossip: named } = await surveyOf('07-encrypted.underlay', options);
    assert.ok(named !== null);
    assert.deepEqual(
      named.networks.map(({ id, name }) => [id, name]).sort(),
      verboseNetworks()
        .filter(({ Driver }) => Driver === 'overlay')
        .map(({ Id, Name }) => [Id, Name])
        .sort(),
    );
    assert.deepEqual(named.members.map(({ name, host }) => [name, host]).sort(), [
      [NODE2, 'node2'],
      [NODE1, 'node1'],
    ]);
    const bare = await gossipOf('07-encrypted.underlay');
    assert.ok(bare.networks.every(({ name }) => name === null));
    assert.ok(bare.members.every(({ host }) => host === null));
  });

  test('a member that is killed, comes back and leaves', async () => {
    const keys = swarmKeys('gossip/live-keys.txt');
    const gossip = await gossipOf('../gossip/live-refute', keys);
    const about = gossip.events.filter(({ node }) => node === 'eeeeeeeeeeee').map(({ event }) => event);
    assert.ok(about.includes('join-cluster') && about.includes('leave-cluster'), about.join());
    const found = gossip.members.find(({ name }) => name === 'eeeeeeeeeeee');
    assert.deepEqual([found?.state, found?.incarnation], ['left', 2]);
    assert.equal(gossip.packets.decrypted, gossip.packets.total);
  });

  test('bulk syncs come in pairs, over a connection in each direction', async () => {
    const { bulkSyncs } = await gossipOf('08-scale-and-attach.underlay');
    for (let i = 0; i < bulkSyncs.length; i += 2) {
      const [asked, answered] = [bulkSyncs[i], bulkSyncs[i + 1]];
      assert.deepEqual([asked.from, asked.unsolicited], [answered.to, true]);
      assert.deepEqual([answered.from, answered.unsolicited], [asked.to, false]);
      assert.ok(asked.networks.includes(MY_NETWORK));
    }
    assert.equal(bulkSyncs.length, 8);
  });
});

describe('gossip that is not decrypted', () => {
  test('keys of another swarm: everything is counted, by sender, and reported', async () => {
    const keys = swarmKeys('gossip/live-keys.txt');
    const { gossip, problems } = await surveyOf('08-scale-and-attach.underlay', { gossip: keys });
    assert.deepEqual(gossip?.packets, { total: 277, decrypted: 0, clear: 0, failed: { 'no-key-fits': 277 } });
    assert.deepEqual(gossip.streams.failed, { 'no-key-fits': 18 });
    const senders = gossip.undecryptable.reduce((sum, { count }) => sum + count, 0);
    assert.equal(senders, 277 + 18);
    const found = problems.find(({ code }) => code === 'GOSSIP_SEALED');
    assert.deepEqual([found?.severity, found?.count], ['warning', 295]);
  });

  test('without keys there is no report of gossip', async () => {
    const { gossip } = await surveyOf('08-scale-and-attach.underlay', {});
    assert.equal(gossip, null);
  });

  test('what does not fit into the tables is counted', async () => {
    const { events, entries, unlisted } = await gossipOf('08-scale-and-attach.underlay', swarmKeys(), 5);
    assert.equal(events.length, 5);
    assert.equal(entries.length, 5);
    assert.ok(unlisted > 100);
  });
});
