/** Nodes of a swarm in one process, over loopback. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FloodPolicy, parseIp } from '../../src/overlay/index.js';
import { type JoinedNetwork, openGossip, SwarmError, SwarmVtep } from '../../src/swarm/index.js';
import { portOf } from '../live/loopback.js';
import { ListPort } from '../live/memory-underlay.js';

const VXLAN = portOf(11);
const GOSSIP = portOf(12);
const PATIENCE_MS = 60_000;

function network(id: string, vni: number, third: number): JoinedNetwork {
  const subnets = [{ address: parseIp(`10.0.${third}.0`), length: 24 }];
  const common = { gateways: [], encrypted: false, mtu: undefined, flood: FloodPolicy.Drop, learning: false };
  const networks = [{ name: id, vni, subnets, ...common }];
  return { id, networks, ingress: false, internal: false, dsr: false, balancer: undefined, endpoints: [] };
}

function endpoint(name: string, third: number, last: number) {
  return { name, address: parseIp(`10.0.${third}.${last}`), mac: Uint8Array.of(2, 0x42, 10, 0, third, last) };
}

async function open(last: number): Promise<SwarmVtep> {
  const addr = Uint8Array.of(127, 0, 9, last);
  return SwarmVtep.open({
    here: { name: `n${last}`, vtep: addr, mac: undefined, mtu: 1500 },
    port: VXLAN,
    sockets: 'node',
    portOf: () => new ListPort(),
    gossip: { endpoint: { addr, port: GOSSIP }, seeds: [{ addr: Uint8Array.of(127, 0, 9, 1), port: GOSSIP }] },
    openGossip,
  });
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < end, what);
    await sleep(20);
  }
}

const namesAt = ({ vtep }: SwarmVtep): string[] => vtep.node.topology.endpoints.map(({ name }) => name).sort();

describe('nodes of a swarm', { skip: process.platform === 'linux' ? false : 'loopback has one address here' }, () => {
  test('learn each other’s endpoints, and forget them when they are removed or their node leaves', async () => {
    const one = await open(1);
    const two = await open(2);
    const ending = new AbortController();
    const running = [one.run(ending.signal), two.run(ending.signal)];
    try {
      one.addNetwork(network('web', 4097, 9));
      two.addNetwork({ ...network('web', 4097, 9), endpoints: [endpoint('b', 9, 4)] });
      const key = one.addEndpoint('web', endpoint('a', 9, 3));
      await until(() => namesAt(one).join() === 'a,b' && namesAt(two).join() === 'a,b', 'both know both');
      // Names of the services follow the tables.
      const recordOf = (): string | undefined =>
        two.vtep.services.set?.records.find(({ name }) => name === 'a')?.endpoint;
      await until(() => recordOf() === key, 'the second has a record of the endpoint');
      one.removeEndpoint('web', key);
      await until(() => namesAt(two).join() === 'b', 'the second forgets the endpoint');
      const { endpoints, gossip } = await two.report();
      assert.deepEqual([endpoints.map(({ announced }) => announced), gossip.members.length], [[true], 2]);
      await two.close();
      await until(() => namesAt(one).join() === '', 'the first forgets the node');
      assert.equal(one.vtep.node.topology.nodes.length, 1);
    } finally {
      ending.abort();
      await Promise.all(running);
      await one.close();
      await two.close();
    }
  });

  test('refuse what they can’t announce, and stay as they are', async () => {
    const node = await open(3);
    try {
      node.addNetwork(network('web', 4097, 9));
      const refused = (act: () => unknown, code: string): void =>
        assert.throws(act, (error: unknown) => (error as SwarmError).code === code);
      refused(() => node.addNetwork(network('web', 4098, 10)), 'DUPLICATE_NETWORK');
      refused(() => node.addEndpoint('other', endpoint('a', 9, 3)), 'UNKNOWN_NETWORK');
      refused(() => node.addEndpoint('web', endpoint('a', 77, 3)), 'BAD_GOSSIP');
      refused(() => node.addEndpoint('web', { ...endpoint('a', 9, 3), mac: new Uint8Array(5) }), 'BAD_ENDPOINT');
      refused(() => node.addNetwork({ ...network('x', 4099, 11), endpoints: [endpoint('a', 9, 3)] }), 'BAD_GOSSIP');
      const [secret] = network('secret', 4100, 12).networks;
      const encrypted = { ...network('secret', 4100, 12), networks: [{ ...secret, encrypted: true }] };
      refused(() => node.addNetwork(encrypted), 'BAD_NODE');
      assert.deepEqual(node.networks, ['web']);
      assert.deepEqual(
        node.vtep.node.topology.networks.map(({ name }) => name),
        ['web'],
      );
      assert.deepEqual(namesAt(node), []);
      node.setBalancer('web', parseIp('10.0.9.7'));
      assert.deepEqual(namesAt(node), ['lb-web']);
      node.setBalancer('web', undefined);
      assert.deepEqual(namesAt(node), []);
    } finally {
      await node.close();
    }
    assert.throws(() => node.setKeys({}), SwarmError);
  });
});
