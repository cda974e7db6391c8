import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DnsNames, DnsProfile, type DnsServer, type Resolution, ResolutionKind } from '../../../src/service/index.js';
import { answerTo, queryOf, readMessage, recordOf, TYPES, wireName, words } from './messages.js';
import { afterSilence, answerIn, Asker, NETWORK, recordedNames, requestIn } from './swarm.js';

const QUERY = queryOf('example.test', { udpSize: 1232 });
const PLAIN = queryOf('example.test');
const servers: readonly DnsServer[] = [{ address: '192.0.2.1' }, { address: '192.0.2.2' }];
/** Flags of upstream answers. */
const Reply = { NoError: 0x8180, FormatError: 0x8181, Failure: 0x8182, NameError: 0x8183, Refused: 0x8185 } as const;
const AUTHORITATIVE = 0x0400;
/** What the engine itself answers: RA is not set. */
const OWN_FAILURE = 0x8102;

function askerOf(profile: DnsProfile, list = servers): Asker {
  return new Asker(recordedNames(), { servers: list }, profile);
}

/** Flags of the final answer when the servers reply with these flags in turn; undefined is a timeout. */
function outcome(
  profile: DnsProfile,
  ...replies: readonly (number | undefined)[]
): { asked: number; flags: number | undefined } {
  const asker = askerOf(profile);
  let resolution: Resolution = asker.send(PLAIN);
  let asked = 0;
  for (const reply of replies) {
    if (resolution.kind !== ResolutionKind.Forward) break;
    asked++;
    const { exchange } = resolution;
    resolution = reply === undefined ? exchange.fail() : exchange.receive(answerTo(PLAIN, reply));
  }
  assert.notEqual(resolution.kind, ResolutionKind.Forward);
  assert.equal(asker.client.pending, 0);
  const flags = resolution.kind === ResolutionKind.Answer ? readMessage(resolution.answer).flags : undefined;
  return { asked, flags };
}

describe('requests', () => {
  test('the query with its id and OPT, without bytes after it, by the same transport, to each server in order', () => {
    for (const transport of ['udp', 'tcp'] as const) {
      const asker = askerOf(DnsProfile.Docker20);
      const { exchange, request } = requestIn(asker.send(Buffer.concat([QUERY, Buffer.from('garbage')]), transport));
      assert.deepEqual(Buffer.from(request.query), QUERY);
      const { address, port, timeout, fromHost } = request;
      assert.deepEqual([address, port, request.transport, timeout, fromHost], ['192.0.2.1', 53, transport, 4, false]);
      assert.equal(requestIn(exchange.fail()).request.address, '192.0.2.2');
      exchange.cancel();
      assert.equal(asker.client.pending, 0);
    }
  });

  test('only the first three servers are asked', () => {
    const four = [1, 2, 3, 4].map((last) => ({ address: `192.0.2.${last}` }));
    let resolution = askerOf(DnsProfile.Docker20, four).send(PLAIN);
    let asked = 0;
    for (; resolution.kind === ResolutionKind.Forward; asked++) resolution = resolution.exchange.fail();
    assert.equal(asked, 3);
  });

  test('without servers: nothing from 20.10, SERVFAIL by current engines', () => {
    assert.equal(askerOf(DnsProfile.Docker20, []).send(PLAIN).kind, 'silence');
    const { flags, counts } = readMessage(answerIn(askerOf(DnsProfile.Current, []).send(PLAIN)));
    assert.deepEqual([flags, counts], [OWN_FAILURE, [1, 0, 0, 0]]);
  });
});

describe('answers by response code, 20.10', () => {
  const profile = DnsProfile.Docker20;

  test('NOERROR, and NXDOMAIN with AA, are relayed at once', () => {
    assert.deepEqual(outcome(profile, Reply.NoError), { asked: 1, flags: Reply.NoError });
    const flags = Reply.NameError | AUTHORITATIVE;
    assert.deepEqual(outcome(profile, flags), { asked: 1, flags });
  });

  test('other codes go on to the next server; the last one is relayed as it is', () => {
    for (const flags of [Reply.NameError, Reply.Failure, Reply.Refused, Reply.FormatError]) {
      assert.deepEqual(outcome(profile, flags, Reply.NoError), { asked: 2, flags: Reply.NoError });
      assert.deepEqual(outcome(profile, Reply.Failure, flags), { asked: 2, flags });
    }
  });

  test('a timeout of the last server: nothing, even if an earlier one had answered', () => {
    assert.deepEqual(outcome(profile, undefined, undefined), { asked: 2, flags: undefined });
    assert.deepEqual(outcome(profile, Reply.NameError, undefined), { asked: 2, flags: undefined });
    assert.deepEqual(outcome(profile, undefined, Reply.Refused), { asked: 2, flags: Reply.Refused });
  });
});

describe('answers by response code, current', () => {
  const profile = DnsProfile.Current;

  test('everything but SERVFAIL and REFUSED is relayed at once', () => {
    for (const flags of [Reply.NoError, Reply.NameError, Reply.FormatError, Reply.NameError | AUTHORITATIVE]) {
      assert.deepEqual(outcome(profile, flags), { asked: 1, flags });
    }
  });

  test('SERVFAIL, REFUSED and timeouts go on to the next server, and end in a SERVFAIL of its own', () => {
    for (const reply of [Reply.Failure, Reply.Refused, undefined]) {
      assert.deepEqual(outcome(profile, reply, Reply.NoError), { asked: 2, flags: Reply.NoError });
      assert.deepEqual(outcome(profile, reply, reply), { asked: 2, flags: OWN_FAILURE });
    }
  });
});

describe('answers', () => {
  test('answers with another id, and queries, are ignored', () => {
    const { exchange } = requestIn(askerOf(DnsProfile.Current).send(PLAIN));
    for (const message of [answerTo(queryOf('example.test', { id: 1 }), Reply.NoError), PLAIN, Buffer.of(0x12, 0x34)]) {
      assert.equal(requestIn(exchange.receive(message)).request.address, '192.0.2.1');
    }
    assert.equal(exchange.receive(answerTo(PLAIN, Reply.NoError)).kind, 'answer');
    assert.equal(exchange.receive(answerTo(PLAIN, Reply.NoError)).kind, 'silence');
    assert.equal(exchange.fail().kind, 'silence');
  });

  test('a malformed answer counts as none', () => {
    const { exchange } = requestIn(askerOf(DnsProfile.Docker20).send(PLAIN));
    const cut = answerTo(PLAIN, Reply.NoError, [Buffer.from('c00c0001', 'hex')]);
    assert.equal(requestIn(exchange.receive(cut)).request.address, '192.0.2.2');
  });

  test('a truncated answer that ends in a record is relayed without its section by 20.10, and counts as none later', () => {
    const record = recordOf(wireName('example.test'), TYPES.A, Buffer.of(192, 0, 2, 9));
    const whole = answerTo(PLAIN, Reply.NoError | 0x0200, [record, record]);
    const cut = whole.subarray(0, whole.length - 3);
    const { exchange } = requestIn(askerOf(DnsProfile.Docker20).send(PLAIN));
    const { counts, flags } = readMessage(answerIn(exchange.receive(cut)));
    assert.deepEqual([counts, flags & 0x0200], [[1, 0, 0, 0], 0x0200]);
    const current = requestIn(askerOf(DnsProfile.Current).send(PLAIN)).exchange;
    assert.equal(requestIn(current.receive(cut)).request.address, '192.0.2.2');
  });

  test('a truncated answer is relayed as it is, so that the client asks again over TCP', () => {
    for (const profile of [DnsProfile.Docker20, DnsProfile.Current]) {
      const flags = Reply.NoError | 0x0200;
      assert.deepEqual(outcome(profile, flags), { asked: 1, flags });
    }
  });

  test('20.10 reads no more from UDP than the client takes; current engines read all unless there is an OPT', () => {
    const record = recordOf(
      wireName('example.test'),
      TYPES.TXT,
      Buffer.concat([Buffer.of(250), Buffer.alloc(250, 0x61)]),
    );
    const long = answerTo(PLAIN, Reply.NoError, [record, record]);
    assert.equal(requestIn(askerOf(DnsProfile.Docker20).send(PLAIN)).exchange.receive(long).kind, 'forward');
    assert.equal(requestIn(askerOf(DnsProfile.Docker20).send(PLAIN, 'tcp')).exchange.receive(long).kind, 'answer');
    assert.equal(requestIn(askerOf(DnsProfile.Current).send(PLAIN)).exchange.receive(long).kind, 'answer');
    const small = queryOf('example.test', { udpSize: 512 });
    assert.equal(requestIn(askerOf(DnsProfile.Current).send(small)).exchange.receive(long).kind, 'forward');
  });

  test('an upstream answer with the address of an endpoint ends its PTR, until the endpoint comes anew', () => {
    const asker = askerOf(DnsProfile.Docker20);
    const pointer = { name: '3.9.0.10.in-addr.arpa', fields: { type: 'PTR' } } as const;
    assert.equal(asker.forwards(pointer.name, pointer.fields), false);
    const record = recordOf(Buffer.from('c00c', 'hex'), TYPES.A, Buffer.of(10, 0, 9, 3));
    requestIn(asker.send(PLAIN)).exchange.receive(answerTo(PLAIN, Reply.NoError, [record]));
    assert.ok(asker.forwards(pointer.name, pointer.fields));
    assert.equal(asker.forwards('4.9.0.10.in-addr.arpa', pointer.fields), false);
    const { names } = asker.client;
    const held = names.network(NETWORK)?.records.get('endpoint of my-web.3.y2gci1cjm3eatro16fwxn5iaj');
    assert.ok(held !== undefined && names.set(held));
    assert.equal(asker.forwards(pointer.name, pointer.fields), false);
  });
});

describe('internal networks', () => {
  const list = [{ address: '127.0.0.53', hostLoopback: true }, { address: '192.0.2.1' }];
  const asked = (profile: DnsProfile, internal: boolean): string[] => {
    const names = new DnsNames();
    names.addNetwork({ id: 'n', name: 'n', internal });
    const addresses: string[] = [];
    let resolution = new Asker(names, { networks: ['n'], servers: list }, profile).send(PLAIN);
    while (resolution.kind === ResolutionKind.Forward) {
      const { address, fromHost } = resolution.request;
      addresses.push(`${address}${fromHost ? ' from the host' : ''}`);
      resolution = resolution.exchange.fail();
    }
    return addresses;
  };

  test('20.10 forwards as usual; current engines never from the namespace of the host', () => {
    const both = ['127.0.0.53 from the host', '192.0.2.1'];
    assert.deepEqual(asked(DnsProfile.Docker20, true), both);
    assert.deepEqual(asked(DnsProfile.Current, false), both);
    assert.deepEqual(asked(DnsProfile.Current, true), ['192.0.2.1']);
  });
});

describe('queries in flight', () => {
  const fill = (asker: Asker, count: number): Resolution[] => Array.from({ length: count }, () => asker.send(PLAIN));

  test('20.10 passes over servers when 1024 are in flight, so that there is no answer', () => {
    const asker = askerOf(DnsProfile.Docker20);
    const open = fill(asker, 1024);
    assert.equal(asker.client.pending, 1024);
    assert.equal(asker.send(PLAIN).kind, 'silence');
    requestIn(open[0]).exchange.cancel();
    assert.equal(asker.send(PLAIN).kind, 'forward');
  });

  test('current engines wait 4 s for a place, then answer REFUSED', () => {
    const asker = askerOf(DnsProfile.Current);
    const open = fill(asker, 1024);
    const [first, second] = fill(asker, 2);
    assert.ok(first.kind === ResolutionKind.Wait && second.kind === ResolutionKind.Wait);
    assert.equal(first.timeout, 4);
    assert.equal(readMessage(answerIn(first.exchange.fail())).flags, 0x8105);
    assert.equal(second.exchange.retry().kind, 'wait');
    requestIn(open[0]).exchange.receive(answerTo(PLAIN, Reply.NoError));
    assert.equal(requestIn(second.exchange.retry()).request.address, '192.0.2.1');
    assert.equal(asker.client.waiting, 0);
    assert.equal(asker.client.pending, 1024);
  });

  test('as many again may wait; more are refused at once', () => {
    const asker = askerOf(DnsProfile.Current);
    fill(asker, 2048);
    assert.equal(asker.client.waiting, 1024);
    assert.equal(readMessage(answerIn(asker.send(PLAIN))).flags, 0x8105);
  });

  test('an exchange that ends in any way gives its place back', () => {
    const asker = askerOf(DnsProfile.Current);
    for (const end of [
      (resolution: Resolution) => void afterSilence(resolution),
      (resolution: Resolution) => requestIn(resolution).exchange.cancel(),
      (resolution: Resolution) => void requestIn(resolution).exchange.receive(answerTo(PLAIN, Reply.NoError)),
      (resolution: Resolution) =>
        void afterSilence(
          requestIn(resolution).exchange.receive(Buffer.concat([PLAIN.subarray(0, 2), words(Reply.NoError)])),
        ),
    ]) {
      end(asker.send(PLAIN));
      assert.equal(asker.client.pending, 0);
    }
  });
});
