/**
 * Faults of Docker's service discovery that its users have reported, each with Docker's behaviour where other nodes
 * notice a difference, and the better one that `improved` gives.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Compatibility, parseIp, type ServiceRecord, type ServiceSet } from '../../../src/overlay/index.js';
import { BalanceVerdict, NodeServices } from '../../../src/service/index.js';
import { ACK, FIN, frameOf, SYN } from '../ports/packet.js';
import { addressesOf } from '../dns/messages.js';
import { Asker } from '../dns/swarm.js';

const NETWORK = 'my-network';
const MODES = [Compatibility.Docker, Compatibility.Improved] as const;
const BALANCER = [10, 0, 9, 7];
const VIP = '10.0.9.2';

interface Task {
  readonly name: string;
  readonly address: string;
  readonly vip?: string | undefined;
  readonly endpoint?: string;
  readonly disabled?: boolean;
}

/** A task of my-web. */
function taskOf({ name, address, vip, endpoint = `endpoint of ${name}`, disabled = false }: Task): ServiceRecord {
  return {
    network: NETWORK,
    endpoint,
    name,
    node: 'node2',
    addresses: [parseIp(address)],
    service: { id: 'web', name: 'my-web', vip: vip === undefined ? undefined : parseIp(vip) },
    disabled,
  };
}

/** A container that isn't a task. */
function containerOf(name: string, address: string, endpoint: string): ServiceRecord {
  return { network: NETWORK, endpoint, name, node: 'node2', addresses: [parseIp(address)] };
}

function setOf(compatibility: Compatibility, ...records: readonly ServiceRecord[]): ServiceSet {
  const network = { name: NETWORK, ingress: false, internal: false, dsr: false };
  return {
    networks: [{ ...network, balancers: { node1: Uint8Array.from(BALANCER) } }],
    records,
    gateway: undefined,
    compatibility,
  };
}

/** Node 1 of a swarm with these records. */
function nodeWith(compatibility: Compatibility, ...records: readonly ServiceRecord[]): NodeServices {
  const services = new NodeServices({ node: 'node1', compatibility });
  services.update(setOf(compatibility, ...records));
  return services;
}

/** The addresses of a name; undefined if it is unknown here. */
function lookup(services: NodeServices, name: string): readonly string[] | undefined {
  const asker = new Asker(services.names, { networks: [NETWORK], servers: [{ address: '192.0.2.1' }] });
  return asker.forwards(name) ? undefined : addressesOf(asker.ask(name)).sort();
}

/** The task that a segment to the VIP reaches; undefined if it reaches none. */
function reached(services: NodeServices, port: number, flags: number, now = 0): string | undefined {
  const balancer = services.balancer(NETWORK);
  const frame = frameOf({ from: [10, 0, 9, 10], to: VIP.split('.').map(Number), ports: [port, 80], flags });
  frame.set([2, 0x42, ...BALANCER]);
  const bytes = Buffer.concat([Buffer.alloc(64), frame]);
  if (balancer?.translate(bytes, 64, bytes.length, now) !== BalanceVerdict.ToBackend) return undefined;
  return bytes.subarray(balancer.start + 30, balancer.start + 34).join('.');
}

describe("Docker's faults of service discovery", () => {
  for (const compatibility of MODES) {
    const isDocker = compatibility === Compatibility.Docker;

    test(`${compatibility}: a service changed from a VIP to dnsrr ${isDocker ? 'keeps' : 'loses'} its VIP (moby 38575)`, () => {
      const services = nodeWith(compatibility, taskOf({ name: 'my-web.1.a', address: '10.0.9.3', vip: VIP }));
      // A rolling update: the new task first, then the old one goes.
      services.set(taskOf({ name: 'my-web.1.b', address: '10.0.9.4' }));
      services.remove(NETWORK, 'endpoint of my-web.1.a');
      assert.deepEqual(lookup(services, 'my-web'), isDocker ? [VIP, '10.0.9.4'] : ['10.0.9.4']);
      assert.deepEqual(lookup(services, 'tasks.my-web'), ['10.0.9.4']);
      services.remove(NETWORK, 'endpoint of my-web.1.b');
      assert.equal(lookup(services, 'my-web'), undefined);
    });

    test(`${compatibility}: a service changed from dnsrr to a VIP ${isDocker ? 'has no name' : 'has its VIP'} (moby 36988)`, () => {
      const services = nodeWith(compatibility, taskOf({ name: 'my-web.1.a', address: '10.0.9.3' }));
      services.set(taskOf({ name: 'my-web.1.b', address: '10.0.9.4', vip: VIP }));
      services.remove(NETWORK, 'endpoint of my-web.1.a');
      assert.deepEqual(lookup(services, 'my-web'), isDocker ? undefined : [VIP]);
      assert.deepEqual(lookup(services, 'tasks.my-web'), ['10.0.9.4']);
    });

    test(`${compatibility}: with two VIPs of one service, as after a change of leader, ${isDocker ? 'the old one stays' : 'each stays as long as its tasks'} (moby 30134)`, () => {
      const services = nodeWith(compatibility, taskOf({ name: 'my-web.1.a', address: '10.0.9.3', vip: VIP }));
      services.set(taskOf({ name: 'my-web.2.b', address: '10.0.9.4', vip: '10.0.9.99' }));
      assert.deepEqual(lookup(services, 'my-web'), isDocker ? [VIP] : [VIP, '10.0.9.99']);
      services.remove(NETWORK, 'endpoint of my-web.1.a');
      assert.deepEqual(lookup(services, 'my-web'), isDocker ? [VIP] : ['10.0.9.99']);
    });

    test(`${compatibility}: a restarted task has its new address only, once the old record is gone (moby 42833)`, () => {
      const services = nodeWith(compatibility, taskOf({ name: 'my-web.1.a', address: '10.0.9.3', vip: VIP }));
      // The same record with another address replaces the old one.
      services.set(taskOf({ name: 'my-web.1.a', address: '10.0.9.5', vip: VIP }));
      for (const name of ['my-web.1.a', 'tasks.my-web']) assert.deepEqual(lookup(services, name), ['10.0.9.5']);
      assert.equal(reached(services, 1, SYN), '10.0.9.5');
      // A task of its own adds to it until the first one's record is removed.
      services.set(taskOf({ name: 'my-web.1.b', address: '10.0.9.6', vip: VIP }));
      assert.deepEqual(lookup(services, 'tasks.my-web'), ['10.0.9.5', '10.0.9.6']);
      services.remove(NETWORK, 'endpoint of my-web.1.a');
      assert.deepEqual(lookup(services, 'tasks.my-web'), ['10.0.9.6']);
      assert.equal(lookup(services, 'my-web.1.a'), undefined);
      assert.equal(reached(services, 2, SYN), '10.0.9.6');
    });

    test(`${compatibility}: a node that starts again learns nothing that is no longer there (moby 30134, 42833)`, () => {
      const old = containerOf('agent', '10.0.9.20', 'before');
      const services = nodeWith(compatibility, old);
      // All records at once, as after a restart: the removal of the old one was never seen.
      services.update(setOf(compatibility, containerOf('agent', '10.0.9.21', 'after')));
      assert.deepEqual([lookup(services, 'agent'), services.size], [['10.0.9.21'], 1]);
      // While both records exist, both addresses are given, each once.
      services.set(old);
      services.set(old);
      assert.deepEqual(lookup(services, 'agent'), ['10.0.9.20', '10.0.9.21']);
    });

    test(`${compatibility}: what comes back after a node was away has its names again (moby 53141)`, () => {
      const records = [
        taskOf({ name: 'my-web.1.a', address: '10.0.9.3', vip: VIP }),
        taskOf({ name: 'my-web.2.b', address: '10.0.9.4', vip: VIP }),
        containerOf('agent', '10.0.9.20', 'agent'),
      ];
      const services = nodeWith(compatibility, ...records);
      const names = ['my-web', 'tasks.my-web', 'my-web.1.a', 'agent'];
      const before = names.map((name) => lookup(services, name));
      for (let round = 0; round < 3; round++) {
        for (const { endpoint } of records) assert.ok(services.remove(NETWORK, endpoint));
        assert.deepEqual(
          names.map((name) => lookup(services, name)),
          names.map(() => undefined),
        );
        assert.equal(reached(services, 100 + round, SYN), undefined);
        for (const record of records) assert.ok(services.set(record));
        assert.deepEqual(
          names.map((name) => lookup(services, name)),
          before,
        );
        assert.notEqual(reached(services, 200 + round, SYN), undefined);
      }
      assert.deepEqual([services.size, services.refused, services.problems], [3, 0, []]);
    });

    test(`${compatibility}: a VIP that is a task's address too is reported (moby 41668)`, () => {
      const services = nodeWith(
        compatibility,
        taskOf({ name: 'my-web.1.a', address: '10.0.9.3', vip: VIP }),
        containerOf('other', VIP, 'other'),
      );
      assert.equal(services.problems.length, 1);
      assert.deepEqual(lookup(services, 'my-web'), [VIP]);
      // Docker gives both; a client of `other` would reach my-web.
      assert.deepEqual(lookup(services, 'other'), isDocker ? [VIP] : undefined);
      services.remove(NETWORK, 'endpoint of my-web.1.a');
      assert.deepEqual([lookup(services, 'other'), services.problems], [[VIP], []]);
    });

    test(`${compatibility}: a task that is shutting down gets no new connection, and keeps those it has (moby 38841)`, () => {
      const [a, b] = [
        { name: 'my-web.1.a', address: '10.0.9.3', vip: VIP },
        { name: 'my-web.2.b', address: '10.0.9.4', vip: VIP },
      ];
      const services = nodeWith(compatibility, taskOf(a), taskOf(b));
      const opened = new Map<number, string | undefined>();
      for (let port = 1; port <= 10; port++) opened.set(port, reached(services, port, SYN));
      assert.deepEqual(new Set(opened.values()), new Set(['10.0.9.3', '10.0.9.4']));
      services.set(taskOf({ ...a, disabled: true }));
      assert.deepEqual(lookup(services, 'tasks.my-web'), ['10.0.9.4']);
      for (let port = 100; port < 200; port++) assert.equal(reached(services, port, SYN), '10.0.9.4');
      for (const [port, task] of opened) {
        assert.equal(reached(services, port, ACK), task);
        assert.equal(reached(services, port, FIN | ACK), task);
      }
      services.remove(NETWORK, 'endpoint of my-web.1.a');
      for (let port = 200; port < 300; port++) assert.equal(reached(services, port, SYN), '10.0.9.4');
      const { received, made, sent, dropped, held } = services.balancer(NETWORK)?.accounting() ?? assert.fail();
      assert.deepEqual([received + made, dropped, held], [sent, {}, 0]);
    });
  }
});
