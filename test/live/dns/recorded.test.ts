/** The recorded container's queries, sent to a server: what comes back is what Docker 20.10.24 sent. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { DnsProfile, type DnsNames, type DnsRecord } from '../../../src/service/index.js';
import { fixture } from '../../repository.js';
import { readMessage } from '../../service/dns/messages.js';
import { liveNames, NETWORK, recordedNames } from '../../service/dns/swarm.js';
import { withoutSockets } from '../loopback.js';
import { RunningDns, Upstream } from './running-dns.js';

interface Pair {
  readonly query_hex: string;
  readonly response_hex: string;
}

function pairsOf(file: string): readonly Pair[] {
  return (JSON.parse(readFileSync(fixture(`services/${file}`), 'utf8')) as { pairs: Pair[] }).pairs;
}

function recordsOf(names: DnsNames): readonly DnsRecord[] {
  return [...(names.network(NETWORK)?.records.values() ?? [])];
}

/** Compares all bytes, with the records in any order; of truncated answers their number. */
function assertSame(actual: Buffer, recorded: Buffer): void {
  const [mine, theirs] = [readMessage(actual), readMessage(recorded)];
  assert.equal(mine.head, theirs.head);
  assert.equal(actual.length, recorded.length);
  if ((theirs.flags & 0x0200) !== 0) return;
  const [records, expected] = [mine, theirs].map((message) => message.records.map(({ bytes }) => bytes).sort());
  assert.deepEqual(records, expected);
}

describe('a server with the recorded names', { skip: withoutSockets() }, () => {
  const replies = new Map(pairsOf('dns-upstream-pairs.json').map((pair) => [pair.query_hex, pair.response_hex]));
  const upstream = new Upstream((query) => Buffer.from(replies.get(query.toString('hex')) ?? '', 'hex'));
  const open: RunningDns[] = [];
  after(async () => {
    upstream.close();
    for (const { dns } of open) await dns.close();
  });

  async function compare(names: DnsNames, file: string): Promise<RunningDns> {
    const it = await RunningDns.start(recordsOf(names), { profile: DnsProfile.Docker20 });
    open.push(it);
    await it.serve({ servers: [upstream.server] });
    for (const { query_hex: query, response_hex: response } of pairsOf(file)) {
      const answer = await it.ask(Buffer.from(query, 'hex'));
      assert.ok(answer !== undefined, query);
      assertSame(answer, Buffer.from(response, 'hex'));
    }
    return it;
  }

  test('answers the 37 recorded queries, and forwards 9 of them as they were on the wire', async () => {
    await upstream.listen();
    const it = await compare(recordedNames(), 'dns-lo-pairs.json');
    const { queries, answers, forwarded } = await it.counters();
    assert.deepEqual([queries, answers, forwarded], [37, 37, 9]);
    assert.deepEqual(upstream.queries.map(({ bytes }) => bytes.toString('hex')).sort(), [...replies.keys()].sort());
  });

  test('answers the 30 live queries, truncated ones among them', async () => {
    const { queries, answers } = await (await compare(liveNames(), 'dns-live-dig-20.10.24.json')).counters();
    assert.deepEqual([queries, answers], [30, 30]);
  });
});
