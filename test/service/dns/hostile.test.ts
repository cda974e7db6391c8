/** What any bytes may do to the DNS server: get an answer within bounds, or none. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DnsProfile, DnsTransport, FORWARD, type Resolution, ResolutionKind } from '../../../src/service/index.js';
import { cpuSeconds } from '../../cpu-time.js';
import { fixture } from '../../repository.js';
import { queryOf, readMessage } from './messages.js';
import { Asker, liveNames, requestIn } from './swarm.js';

const SEED = 20261129;
const servers = [{ address: '192.0.2.1' }, { address: '192.0.2.2' }];

/** Recorded messages, to be damaged. */
const recorded = ['dns-lo-pairs.json', 'dns-upstream-pairs.json']
  .flatMap((file) => {
    const { pairs } = JSON.parse(readFileSync(fixture(`services/${file}`), 'utf8')) as {
      pairs: { query_hex: string; response_hex: string }[];
    };
    return pairs.flatMap((pair) => [pair.query_hex, pair.response_hex]);
  })
  .map((hex) => Buffer.from(hex, 'hex'));

const damaged = fc
  .tuple(
    fc.constantFrom(...recorded),
    fc.array(fc.tuple(fc.nat(200), fc.oneof(fc.nat(255), fc.constantFrom(0xc0, 0, 63, 255))), { maxLength: 6 }),
    fc.nat(200),
  )
  .map(([message, changes, cut]) => {
    const copy = Buffer.from(message);
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return cut < copy.length && cut % 3 === 0 ? copy.subarray(0, cut) : copy;
  });

const anything = fc.oneof(fc.uint8Array({ maxLength: 600, size: 'max' }), damaged);
const profile = fc.constantFrom(DnsProfile.Docker20, DnsProfile.Current);
const transport = fc.constantFrom(DnsTransport.Udp, DnsTransport.Tcp);

describe('any bytes as a query', () => {
  test('no exception; an answer that can be read, of at most what the client takes, with its id; or nothing', () => {
    const names = liveNames();
    fc.assert(
      fc.property(anything, profile, transport, (message, version, by) => {
        const asker = new Asker(names, { servers }, version);
        const out = new Uint8Array(65_535 + 16).fill(0xee);
        const before = Buffer.from(message);
        const length = asker.resolver.answer(asker.client, message, 0, message.length, by, out, 8);
        assert.deepEqual(Buffer.from(message), before);
        assert.ok(length >= FORWARD && length <= 65_535);
        assert.ok(out.subarray(0, 8).every((byte) => byte === 0xee));
        assert.ok(out.subarray(8 + Math.max(0, length)).every((byte) => byte === 0xee));
        if (length > 0) assert.equal(readMessage(out.subarray(8, 8 + length)).id, before.readUInt16BE(0));
        if (length !== FORWARD) return;
        const resolution = asker.resolver.resolve(asker.client, message, by);
        readMessage(requestIn(resolution).request.query);
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });

  test('a message at an offset, with other bytes around it, gets the same answer', () => {
    const asker = new Asker(liveNames(), { servers });
    const before = asker.resolve('my-web.my-network');
    fc.assert(
      fc.property(damaged, fc.uint8Array({ maxLength: 20 }), (message, noise) => {
        const alone = asker.resolve('my-web');
        assert.deepEqual(alone.kind, before.kind);
        const [whole, at] = [Buffer.concat([noise, message, noise]), noise.length];
        const [first, second] = [new Uint8Array(65_535), new Uint8Array(65_535)];
        const { resolver, client } = asker;
        const expected = resolver.answer(client, message, 0, message.length, 'udp', first, 0);
        assert.equal(resolver.answer(client, whole, at, message.length, 'udp', second, 0), expected);
        if (expected > 0 && readMessage(first.subarray(0, expected)).counts[1] < 2) assert.deepEqual(second, first);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

describe('any bytes as an upstream answer', () => {
  test('no exception; every exchange ends, and gives its place back', () => {
    const names = liveNames();
    const query = queryOf('example.test', { udpSize: 1232 });
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 4 }), profile, transport, (messages, version, by) => {
        const asker = new Asker(names, { servers }, version);
        let resolution: Resolution = asker.send(query, by);
        for (const message of messages) {
          if (resolution.kind !== ResolutionKind.Forward) break;
          const answer = Buffer.from(message);
          query.copy(answer, 0, 0, 2);
          if (answer.length > 2) answer[2] |= 0x80;
          resolution = resolution.exchange.receive(answer);
        }
        while (resolution.kind === ResolutionKind.Forward) resolution = resolution.exchange.fail();
        assert.equal(asker.client.pending, 0);
        if (resolution.kind === ResolutionKind.Answer) assert.equal(readMessage(resolution.answer).id, 0x1234);
      }),
      { seed: SEED, numRuns: 1500 },
    );
  });
});

describe('compression loops', () => {
  test('in a question: FORMERR; in an answer: as if there were none', () => {
    const loop = Buffer.concat([queryOf('').subarray(0, 12), Buffer.from('c00c00010001', 'hex')]);
    const asker = new Asker(liveNames(), { servers });
    const resolution = asker.send(loop);
    assert.ok(resolution.kind === ResolutionKind.Answer);
    assert.equal(readMessage(resolution.answer).flags, 0x8101);
    const answer = Buffer.concat([queryOf('').subarray(0, 2), Buffer.from('81800001000000000000c00c00010001', 'hex')]);
    assert.equal(requestIn(requestIn(asker.resolve('x')).exchange.receive(answer)).request.address, '192.0.2.2');
  });

  test('65,535 bytes of records that point to each other are bounded in time', () => {
    const asker = new Asker(liveNames(), { servers });
    const name = Buffer.concat(
      Array.from({ length: 120 }, (_, i) => Buffer.from(`\x01${String.fromCharCode(97 + (i % 26))}`, 'latin1')),
    );
    const head = Buffer.concat([
      queryOf('x').subarray(0, 2),
      Buffer.from('8180000113880000', 'hex'),
      Buffer.from('0000', 'hex'),
    ]);
    const question = Buffer.concat([name, Buffer.of(0, 0, 1, 0, 1)]);
    const records = Array.from({ length: 4000 }, (_, i) => {
      const to = Buffer.from([0xc0, 12 + 2 * (i % 120)]);
      return Buffer.concat([to, Buffer.from('00020001000000000002', 'hex'), to]);
    });
    const message = Buffer.concat([head, question, ...records]);
    const { exchange } = requestIn(asker.resolve('x', {}, 'tcp'));
    let resolution: Resolution | undefined;
    const seconds = cpuSeconds(() => (resolution = exchange.receive(message)));
    assert.ok(seconds < 2, `${seconds} s`);
    assert.equal(resolution?.kind, ResolutionKind.Answer);
  });
});
