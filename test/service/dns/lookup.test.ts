import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../../src/overlay/index.js';
import { DnsNames, DnsProfile, NetworkScope } from '../../../src/service/index.js';
import { addressesOf, readMessage, TYPES } from './messages.js';
import { Asker, containerOf, namesWith, NETWORK, recordedNames } from './swarm.js';

const upstream = { servers: [{ address: '192.0.2.1' }] };

/** Containers on several networks: network, name, address. */
function on(...containers: readonly (readonly [network: string, name: string, address: string])[]): DnsNames {
  const names = new DnsNames();
  names.addNetwork({ id: 'local', name: 'bridge0', scope: NetworkScope.Local });
  for (const name of ['front', 'back', 'c', 'b.c']) names.addNetwork({ id: name, name });
  for (const [network, name, address] of containers) {
    names.set({ network, endpoint: `${network} ${name}`, name, addresses: [parseIp(address)] });
  }
  return names;
}

function first(names: DnsNames, networks: readonly string[], name: string): string | undefined {
  return addressesOf(new Asker(names, { networks }).ask(name))[0];
}

describe('the order of search', () => {
  test('the first network with the name answers, and addresses of several are not merged', () => {
    const names = on(['front', 'db', '10.1.0.2'], ['back', 'db', '10.2.0.2']);
    assert.equal(first(names, ['front', 'back'], 'db'), '10.1.0.2');
    assert.equal(first(names, ['back', 'front'], 'db'), '10.2.0.2');
  });

  test('overlays come before local networks', () => {
    const names = on(['local', 'db', '172.17.0.2'], ['back', 'db', '10.2.0.2']);
    assert.equal(first(names, ['local', 'back'], 'db'), '10.2.0.2');
  });

  test('a.b.c is that name on any network, then a.b on network c, then a on network b.c', () => {
    const all = [
      ['front', 'a.b.c', '10.0.0.1'],
      ['c', 'a.b', '10.0.0.2'],
      ['b.c', 'a', '10.0.0.3'],
    ] as const;
    const networks = ['b.c', 'c', 'front'];
    assert.equal(first(on(...all), networks, 'a.b.c'), '10.0.0.1');
    assert.equal(first(on(...all.slice(1)), networks, 'a.b.c'), '10.0.0.2');
    assert.equal(first(on(...all.slice(2)), networks, 'a.b.c'), '10.0.0.3');
  });

  test('a network that the client is not on is not searched', () => {
    const names = on(['back', 'db', '10.2.0.2']);
    const asker = new Asker(names, { networks: ['front'], ...upstream });
    assert.ok(asker.forwards('db'));
    assert.ok(asker.forwards('db.back'));
  });

  test("a network's name matches at a label's start only", () => {
    const asker = new Asker(on(['c', 'a', '10.0.0.1']), { networks: ['c'], ...upstream });
    assert.equal(addressesOf(asker.ask('a.c'))[0], '10.0.0.1');
    assert.ok(asker.forwards('a.x\x01c'));
  });

  test('links come before real names and hide them; their case matters', () => {
    const names = on(['front', 'db', '10.1.0.2'], ['front', 'other', '10.1.0.3']);
    const asker = new Asker(names, { networks: ['front'], links: new Map([['db', 'OTHER']]), ...upstream });
    assert.deepEqual(addressesOf(asker.ask('db')), ['10.1.0.3']);
    assert.deepEqual(addressesOf(asker.ask('db.front')), ['10.1.0.3']);
    assert.deepEqual(addressesOf(asker.ask('DB')), ['10.1.0.2']);
    const dangling = new Asker(names, { networks: ['front'], links: new Map([['db', 'gone']]), ...upstream });
    assert.ok(dangling.forwards('db'));
  });
});

describe('case', () => {
  test('names match in any case, and the answer has the case of the question', () => {
    const message = readMessage(new Asker(recordedNames()).ask('My-WEB'));
    assert.equal(message.records[0].owner, 'My-WEB');
  });

  test("a network's name matches in its own case only", () => {
    const asker = new Asker(recordedNames(), upstream);
    assert.equal(addressesOf(asker.ask('My-WeB.my-network'))[0], '10.0.9.2');
    assert.ok(asker.forwards('my-web.MY-NETWORK'));
  });
});

describe('types', () => {
  test('AAAA of a name with IPv4 only, and MX of any name, are empty answers', () => {
    const asker = new Asker(recordedNames());
    for (const type of ['AAAA', 'MX'] as const) {
      const { flags, counts } = readMessage(asker.ask('my-web', { type }));
      assert.deepEqual([flags, counts], [0x8180, [1, 0, 0, 0]]);
    }
  });

  test('other types are forwarded, even for names that exist', () => {
    const asker = new Asker(recordedNames(), upstream);
    for (const type of ['TXT', 'SRV', 'ANY', 'NS', 'CNAME'] as const)
      assert.ok(asker.forwards('my-web', { type }), type);
    assert.ok(asker.forwards('unknown', { type: 'MX' }));
  });

  test('on a network with IPv6, a missing family is forwarded by 20.10, and empty by current engines', () => {
    const names = new DnsNames();
    names.addNetwork({ id: 'six', name: 'six', ipv6: true });
    names.set({ network: 'six', endpoint: 'a', name: 'four', addresses: [parseIp('10.0.9.3')] });
    names.set({ network: 'six', endpoint: 'b', name: 'six', addresses: [parseIp('fd00::6')] });
    names.set({ network: 'six', endpoint: 'c', name: 'both', addresses: [parseIp('10.0.9.4'), parseIp('fd00::4')] });
    const old = new Asker(names, { networks: ['six'], ...upstream });
    assert.ok(old.forwards('four', { type: 'AAAA' }));
    assert.ok(old.forwards('six'));
    const current = new Asker(names, { networks: ['six'], ...upstream }, DnsProfile.Current);
    for (const [name, type] of [
      ['four', 'AAAA'],
      ['six', 'A'],
    ] as const) {
      assert.deepEqual(readMessage(current.ask(name, { type })).counts, [1, 0, 0, 0]);
    }
    const [record] = readMessage(current.ask('both', { type: 'AAAA' })).records;
    assert.deepEqual([record.type, [...record.rdata]], [TYPES.AAAA, [...parseIp('fd00::4')]]);
  });
});

describe('ndots', () => {
  test('with ndots set, unknown names of one label are empty answers for A and AAAA; others are forwarded', () => {
    const asker = new Asker(recordedNames(), { ndotsSet: true, ...upstream });
    assert.deepEqual(readMessage(asker.ask('unk')).counts, [1, 0, 0, 0]);
    assert.equal(asker.ask('unk').length, 21);
    assert.equal(readMessage(asker.ask('unk', { type: 'AAAA' })).flags, 0x8180);
    assert.ok(asker.forwards('unk', { type: 'TXT' }));
    assert.ok(asker.forwards('unk', { type: 'MX' }));
    assert.ok(asker.forwards('unk.example'));
  });

  test('without it they are forwarded', () => {
    assert.ok(new Asker(recordedNames(), upstream).forwards('unk'));
  });
});

describe('PTR', () => {
  const name = '3.9.0.10.in-addr.arpa';

  test('the primary name of the endpoint, on its network', () => {
    const message = readMessage(new Asker(recordedNames()).ask(name, { type: 'PTR' }));
    assert.equal(message.records[0].ttl, 600);
    assert.equal(
      message.records[0].rdata.toString('latin1'),
      '\x06my-web\x013\x19y2gci1cjm3eatro16fwxn5iaj\x0amy-network\0',
    );
  });

  test('VIPs, gateways and malformed addresses are forwarded', () => {
    const asker = new Asker(recordedNames(), upstream);
    for (const labels of ['2.9.0.10', '1.9.0.10', '03.9.0.10', '9.0.10', '3.3.9.0.10']) {
      assert.ok(asker.forwards(`${labels}.in-addr.arpa`, { type: 'PTR' }), labels);
    }
  });

  test('outside the reverse zones, or in capitals: nothing from 20.10, forwarded by current engines', () => {
    for (const odd of ['my-web', 'in-addr.arpa', '3.9.0.10.IN-ADDR.ARPA', 'ip6.arpa', 'x.ip6.arpa.']) {
      const isOutside = !odd.startsWith('x.');
      const old = new Asker(recordedNames(), upstream).resolve(odd, { type: 'PTR' });
      assert.equal(old.kind, isOutside ? 'silence' : 'forward', odd);
      assert.ok(new Asker(recordedNames(), upstream, DnsProfile.Current).forwards(odd, { type: 'PTR' }), odd);
    }
  });

  test('IPv6 addresses by their nibbles, in lower case', () => {
    const names = namesWith({ ...containerOf('six', '10.0.9.3'), addresses: [parseIp('fd00::ab')] });
    const asker = new Asker(names, upstream);
    const nibbles = `b.a.${'0.'.repeat(28)}d.f`;
    const [record] = readMessage(asker.ask(`${nibbles}.ip6.arpa`, { type: 'PTR' })).records;
    assert.equal(record.rdata.toString('latin1'), '\x03six\x0amy-network\0');
    assert.ok(asker.forwards(`${nibbles.toUpperCase()}.ip6.arpa`, { type: 'PTR' }));
  });

  test('of two endpoints with an address, the first one answers until it is gone', () => {
    const names = namesWith(containerOf('a', '10.0.9.3'), containerOf('b', '10.0.9.3'));
    const asker = new Asker(names, upstream);
    const target = (): string => readMessage(asker.ask(name, { type: 'PTR' })).records[0].rdata.toString('latin1');
    assert.equal(target(), '\x01a\x0amy-network\0');
    names.remove(NETWORK, 'endpoint of a');
    assert.equal(target(), '\x01b\x0amy-network\0');
    names.remove(NETWORK, 'endpoint of b');
    assert.ok(asker.forwards(name, { type: 'PTR' }));
  });
});
