import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DnsClient, DnsError, DnsNames, DnsProfile, NetworkScope, Resolver } from '../../../src/service/index.js';
import { addressesOf, readMessage } from './messages.js';
import { Asker, containerOf, namesWith, NETWORK, recordedNames, taskOf } from './swarm.js';

const web = { name: 'web', vip: '10.0.9.2', aliases: ['www'] };
const sorted = (asker: Asker, name: string): string[] => addressesOf(asker.ask(name)).sort();

describe('services', () => {
  test('a service with a VIP: its name and aliases give the VIP, tasks.NAME and tasks.ALIAS the tasks', () => {
    const asker = new Asker(namesWith(taskOf('web.1.a', '10.0.9.3', web), taskOf('web.2.b', '10.0.9.4', web)));
    for (const name of ['web', 'www']) {
      assert.deepEqual(sorted(asker, name), ['10.0.9.2']);
      assert.deepEqual(sorted(asker, `tasks.${name}`), ['10.0.9.3', '10.0.9.4']);
    }
    assert.deepEqual(sorted(asker, 'web.2.b'), ['10.0.9.4']);
  });

  test('a service without a VIP (dnsrr): its name and aliases give the tasks', () => {
    const service = { name: 'web', aliases: ['www'] };
    const asker = new Asker(namesWith(taskOf('web.1.a', '10.0.9.3', service), taskOf('web.2.b', '10.0.9.4', service)));
    for (const name of ['web', 'www', 'tasks.web', 'tasks.www']) {
      assert.deepEqual(sorted(asker, name), ['10.0.9.3', '10.0.9.4']);
    }
  });

  test('a disabled task loses its names at once; the VIP stays until the last task is removed', () => {
    const record = taskOf('web.1.a', '10.0.9.3', web, ['0123456789ab']);
    const names = namesWith(record);
    const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
    assert.ok(names.set({ ...record, disabled: true }));
    for (const name of ['tasks.web', 'tasks.www', 'web.1.a', '0123456789ab']) assert.ok(asker.forwards(name), name);
    assert.ok(asker.forwards('3.9.0.10.in-addr.arpa', { type: 'PTR' }));
    assert.deepEqual(sorted(asker, 'web'), ['10.0.9.2']);
    assert.ok(names.remove(NETWORK, record.endpoint));
    assert.ok(asker.forwards('web'));
    assert.equal(names.size, 0);
  });

  test("a service changed from VIP to dnsrr keeps its old VIP, as Docker's do, unless VIPs are exact", () => {
    for (const exactVips of [false, true]) {
      const names = new DnsNames({ exactVips });
      names.addNetwork({ id: NETWORK, name: 'my-network' });
      const old = taskOf('web.1.a', '10.0.9.3', web);
      names.set(old);
      names.set(taskOf('web.1.b', '10.0.9.4', { name: 'web' }));
      names.remove(NETWORK, old.endpoint);
      const stale = exactVips ? [] : ['10.0.9.2'];
      const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
      assert.deepEqual(sorted(asker, 'web'), [...stale, '10.0.9.4']);
      names.remove(NETWORK, 'endpoint of web.1.b');
      for (const name of ['web', 'www', 'tasks.web']) assert.ok(asker.forwards(name), name);
    }
  });

  test('an alias that comes with a later task is unknown to Docker, unless VIPs are exact', () => {
    for (const exactVips of [false, true]) {
      const names = new DnsNames({ exactVips });
      names.addNetwork({ id: NETWORK, name: 'my-network' });
      names.set(taskOf('web.1.a', '10.0.9.3', web));
      names.set(taskOf('web.2.b', '10.0.9.4', { ...web, aliases: ['www', 'new'] }));
      const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
      assert.equal(asker.forwards('new'), !exactVips);
      assert.deepEqual(sorted(asker, 'tasks.new'), ['10.0.9.4']);
      assert.deepEqual(sorted(asker, 'web'), ['10.0.9.2']);
    }
  });

  test('replacing the only record of a service keeps its VIP', () => {
    for (const exactVips of [false, true]) {
      const names = new DnsNames({ exactVips });
      names.addNetwork({ id: NETWORK, name: 'my-network' });
      names.set(taskOf('web.1.a', '10.0.9.3', web));
      names.set(taskOf('web.1.a', '10.0.9.7', web));
      const asker = new Asker(names);
      assert.deepEqual(sorted(asker, 'web'), ['10.0.9.2']);
      assert.deepEqual(sorted(asker, 'tasks.web'), ['10.0.9.7']);
      assert.equal(names.size, 1);
    }
  });
});

describe('containers', () => {
  test('a plain container has its name, its aliases and a PTR, and no tasks. name', () => {
    const names = namesWith(containerOf('vtepbox', '10.0.9.200', ['vtepalias', '0123456789ab']));
    const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
    for (const name of ['vtepbox', 'vtepalias', '0123456789ab']) assert.deepEqual(sorted(asker, name), ['10.0.9.200']);
    const pointer = readMessage(asker.ask('200.9.0.10.in-addr.arpa', { type: 'PTR' })).records[0];
    assert.equal(pointer.rdata.toString('latin1'), '\x07vtepbox\x0amy-network\0');
    assert.ok(asker.forwards('tasks.vtepbox'));
  });

  test('an address that two endpoints claim is listed once, and stays until both are gone', () => {
    const first = containerOf('first', '10.0.9.3', ['shared']);
    const names = namesWith(first, containerOf('second', '10.0.9.3', ['shared']));
    const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
    assert.deepEqual(sorted(asker, 'shared'), ['10.0.9.3']);
    names.remove(NETWORK, first.endpoint);
    assert.deepEqual(sorted(asker, 'shared'), ['10.0.9.3']);
    names.remove(NETWORK, 'endpoint of second');
    assert.ok(asker.forwards('shared'));
  });

  test('names that a query can only contain escaped are never matched', () => {
    const names = namesWith(containerOf('a b', '10.0.9.3', ['a..b', '', 'x'.repeat(64), 'ok']));
    assert.deepEqual(sorted(new Asker(names), 'ok'), ['10.0.9.3']);
    assert.ok(new Asker(names, { servers: [{ address: '192.0.2.1' }] }).forwards('a b'));
  });
});

describe('networks', () => {
  test('ingress has no names and no pointers', () => {
    const names = new DnsNames();
    names.addNetwork({ id: 'ingress', name: 'ingress', scope: NetworkScope.Ingress });
    names.set({ ...taskOf('web.1.a', '10.0.0.3', { ...web, vip: '10.0.0.2' }), network: 'ingress' });
    const asker = new Asker(names, { networks: ['ingress'], servers: [{ address: '192.0.2.1' }] });
    for (const name of ['web', 'web.1.a', 'tasks.web', 'web.ingress']) assert.ok(asker.forwards(name), name);
    assert.ok(asker.forwards('3.0.0.10.in-addr.arpa', { type: 'PTR' }));
  });

  test('a removed network has no names, even for clients that still refer to it or when its place is reused', () => {
    const names = recordedNames();
    const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
    assert.ok(names.removeNetwork(NETWORK));
    assert.equal(names.size, 0);
    names.addNetwork({ id: 'other', name: 'other' });
    names.set({ ...containerOf('my-web', '10.0.5.5'), network: 'other' });
    assert.ok(asker.forwards('my-web'));
    assert.equal(names.removeNetwork(NETWORK), false);
  });

  test('records over the limit, on unknown networks or with bad addresses are refused and counted', () => {
    const names = new DnsNames({ maxRecords: 1 });
    names.addNetwork({ id: NETWORK, name: 'my-network' });
    assert.equal(names.set({ ...containerOf('a', '10.0.9.3'), network: 'unknown' }), false);
    assert.equal(names.set({ ...containerOf('a', '10.0.9.3'), addresses: [new Uint8Array(5)] }), false);
    assert.equal(names.set(containerOf('a', '10.0.9.3')), true);
    assert.equal(names.set(containerOf('b', '10.0.9.4')), false);
    assert.equal(names.set(containerOf('a', '10.0.9.5')), true);
    const aliases = Array.from({ length: 1025 }, (_, i) => `alias${i}`);
    assert.equal(names.set(containerOf('a', '10.0.9.5', aliases)), false);
    assert.equal(names.refused, 4);
    assert.equal(names.size, 1);
  });

  test('the mistakes of a caller are errors', () => {
    const names = recordedNames();
    assert.throws(
      () => names.addNetwork({ id: NETWORK, name: 'x' }),
      new DnsError('BAD_NETWORK', `network ${NETWORK} is already there`),
    );
    assert.throws(() => new DnsClient(names, { networks: ['x'] }), { code: 'BAD_NETWORK' });
    assert.throws(() => new DnsNames({ maxRecords: 0 }), { code: 'BAD_OPTION' });
    assert.throws(() => new Resolver({ profile: DnsProfile.Current, maxPending: 0.5 }), { code: 'BAD_OPTION' });
  });

  test('adding and removing any records leaves nothing behind', () => {
    const names = recordedNames();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 300; i++)
        names.set(taskOf(`big.${i}.x`, `10.1.${i >> 8}.${i & 255}`, { name: 'big', vip: '10.0.9.77' }));
      assert.equal(names.size, 305);
      for (let i = 299; i >= 0; i--) assert.ok(names.remove(NETWORK, `endpoint of big.${i}.x`));
      assert.equal(names.remove(NETWORK, 'endpoint of big.0.x'), false);
    }
    const asker = new Asker(names, { servers: [{ address: '192.0.2.1' }] });
    for (const name of ['big', 'tasks.big', 'big.7.x']) assert.ok(asker.forwards(name));
    assert.deepEqual(sorted(asker, 'tasks.my-web'), ['10.0.9.3', '10.0.9.4', '10.0.9.5']);
  });
});
