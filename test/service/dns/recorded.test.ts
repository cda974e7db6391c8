/** The answers of Docker 20.10.24's DNS server, byte for byte; the records of an answer are compared as a set. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Resolution, ResolutionKind } from '../../../src/service/index.js';
import { fixture } from '../../repository.js';
import { readMessage } from './messages.js';
import { afterSilence, answerIn, Asker, liveNames, recordedNames, requestIn } from './swarm.js';

interface Pair {
  readonly name?: string;
  readonly query_hex: string;
  readonly response_hex: string | null;
}

function load(file: string): readonly Pair[] {
  const content = JSON.parse(readFileSync(fixture(`services/${file}`), 'utf8')) as { pairs: Pair[] } | Pair[];
  return Array.isArray(content) ? content : content.pairs;
}

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const isTruncated = (flags: number): boolean => (flags & 0x0200) !== 0;

/** Compares answers: all bytes, with the records in any order; of truncated ones, any choice of the records. */
function assertSame(actual: Uint8Array, recorded: string, all: ReadonlySet<string>): void {
  const [mine, theirs] = [readMessage(actual), readMessage(bytesOf(recorded))];
  assert.equal(mine.head, theirs.head);
  assert.equal(actual.length, recorded.length / 2);
  const [records, expected] = [mine, theirs].map((message) => message.records.map(({ bytes }) => bytes).sort());
  if (!isTruncated(theirs.flags)) {
    assert.deepEqual(records, expected);
    return;
  }
  assert.equal(new Set(records).size, expected.length);
  assert.ok(expected.every((record) => all.has(record)));
  assert.ok(records.every((record) => all.has(record)));
}

/** Every record that the answer to a question may have: those of the answer over TCP. */
function allRecords(asker: Asker, query: Uint8Array): ReadonlySet<string> {
  const resolution = asker.resolver.resolve(asker.client, query, 'tcp');
  if (resolution.kind !== ResolutionKind.Answer) return new Set();
  return new Set(readMessage(resolution.answer).records.map(({ bytes }) => bytes));
}

/** Answers of the recorded upstream server, by the query that it got. */
const upstream = new Map(load('dns-upstream-pairs.json').map((pair) => [pair.query_hex, pair.response_hex]));

describe('the answers of Docker 20.10.24', () => {
  test('all 37 pairs of the recorded container, 9 of them forwarded as recorded on the wire', () => {
    const asker = new Asker(recordedNames(), { servers: [{ address: '192.168.50.254' }] });
    const pairs = load('dns-lo-pairs.json');
    let forwarded = 0;
    for (const { query_hex: query, response_hex: response } of pairs) {
      assert.ok(response !== null);
      let resolution: Resolution = asker.send(bytesOf(query));
      if (resolution.kind === ResolutionKind.Forward) {
        const { exchange, request } = requestIn(resolution);
        const reply = upstream.get(Buffer.from(request.query).toString('hex'));
        assert.ok(typeof reply === 'string', `forwarded, but not on the wire: ${query}`);
        resolution = exchange.receive(bytesOf(reply));
        assert.equal(Buffer.from(answerIn(resolution)).toString('hex'), response);
        forwarded++;
      }
      assertSame(answerIn(resolution), response, new Set());
    }
    assert.equal(pairs.length, 37);
    assert.equal(forwarded, upstream.size);
    assert.equal(forwarded, 9);
  });

  for (const pair of load('dns-live-raw-20.10.24.json')) {
    test(`odd query: ${pair.name ?? ''}`, () => {
      const asker = new Asker(liveNames(), { servers: [{ address: '192.0.2.1' }] });
      const query = bytesOf(pair.query_hex);
      const resolution = afterSilence(asker.send(query));
      if (pair.response_hex === null) assert.equal(resolution.kind, ResolutionKind.Silence);
      else assertSame(answerIn(resolution), pair.response_hex, allRecords(asker, query));
    });
  }

  test('all live pairs, truncated at 512, 800 and 1232 bytes among them', () => {
    const asker = new Asker(liveNames(), { servers: [{ address: '192.0.2.1' }] });
    const pairs = load('dns-live-dig-20.10.24.json');
    let truncated = 0;
    for (const { query_hex: query, response_hex: response } of pairs) {
      assert.ok(response !== null);
      assertSame(answerIn(asker.send(bytesOf(query))), response, allRecords(asker, bytesOf(query)));
      if (isTruncated(readMessage(bytesOf(response)).flags)) truncated++;
    }
    assert.deepEqual({ pairs: pairs.length, truncated }, { pairs: 30, truncated: 6 });
  });
});
