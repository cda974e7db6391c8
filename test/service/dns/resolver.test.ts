import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DnsClient, DnsProfile, DnsTransport, FORWARD, NO_ANSWER, Resolver } from '../../../src/service/index.js';
import { addressesOf, queryOf, readMessage } from './messages.js';
import { answerIn, Asker, NETWORK, recordedNames } from './swarm.js';

describe('Resolver', () => {
  test('answer gives a length, NO_ANSWER or FORWARD; resolve gives the same as an object', () => {
    const { resolver, client } = new Asker(recordedNames(), { servers: [{ address: '192.0.2.1' }] });
    const out = new Uint8Array(512);
    const answer = (message: Uint8Array): number => resolver.answer(client, message, 0, message.length, 'udp', out, 0);
    assert.equal(answer(queryOf('my-web', { flags: 0x8100 })), NO_ANSWER);
    assert.equal(answer(queryOf('elsewhere.test')), FORWARD);
    const length = answer(queryOf('my-web'));
    assert.deepEqual(out.slice(0, length), answerIn(resolver.resolve(client, queryOf('my-web'), 'udp')));
  });

  test('the answer may overwrite the query', () => {
    const { resolver, client } = new Asker(recordedNames());
    const buffer = new Uint8Array(512);
    const query = queryOf('my-web.my-network');
    buffer.set(query);
    const length = resolver.answer(client, buffer, 0, query.length, DnsTransport.Udp, buffer, 0);
    assert.deepEqual(addressesOf(buffer.subarray(0, length)), ['10.0.9.2']);
  });

  test('the same random bytes give the same order', () => {
    const names = recordedNames();
    const orders = (): string => {
      let seed = 1;
      const random = (bytes: Uint8Array): void =>
        bytes.forEach((_, i) => (bytes[i] = seed = (seed * 75 + 74) % 65_537));
      const resolver = new Resolver({ profile: DnsProfile.Docker20, random });
      const client = new DnsClient(recordedNames(), { networks: [NETWORK] });
      const query = queryOf('tasks.my-web');
      return Array.from({ length: 20 }, () =>
        addressesOf(answerIn(resolver.resolve(client, query, 'udp'))).join(),
      ).join(' ');
    };
    assert.equal(orders(), orders());
    assert.equal(names.size, 5);
  });

  test('clients of one resolver have their own networks', () => {
    const names = recordedNames();
    names.addNetwork({ id: 'empty', name: 'empty' });
    const resolver = new Resolver();
    const query = queryOf('my-web');
    const on = new DnsClient(names, { networks: [NETWORK] });
    const off = new DnsClient(names, { networks: ['empty'] });
    assert.deepEqual(addressesOf(answerIn(resolver.resolve(on, query, 'udp'))), ['10.0.9.2']);
    assert.equal(readMessage(answerIn(resolver.resolve(off, query, 'udp'))).flags, 0x8102);
  });

  test('answers allocate nothing', () => {
    const { resolver, client } = new Asker(recordedNames());
    const out = new Uint8Array(512);
    const queries = [
      queryOf('my-web'),
      queryOf('tasks.my-web.my-network', { udpSize: 1232 }),
      queryOf('my-web', { type: 'AAAA' }),
      queryOf('3.9.0.10.in-addr.arpa', { type: 'PTR' }),
      queryOf('my-web', { flags: 0x1100 }),
    ];
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const query = queries[i % queries.length];
        if (resolver.answer(client, query, 0, query.length, DnsTransport.Udp, out, 0) <= 0)
          throw new Error('no answer');
      }
    };
    // Less than the young generation holds, so that no collection hides what was allocated.
    const count = 200_000;
    run(count);
    const grown = Array.from({ length: 5 }, () => {
      const before = process.memoryUsage().heapUsed;
      run(count);
      return process.memoryUsage().heapUsed - before;
    }).sort((a, b) => a - b);
    assert.ok(grown[2] < 2 * count, `${grown[2]} bytes for ${count} answers`);
  });
});
