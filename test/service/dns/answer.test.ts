import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DnsProfile } from '../../../src/service/index.js';
import { queryOf, readMessage, words } from './messages.js';
import { answerIn, Asker, liveNames, NETWORK, recordedNames, taskOf, namesWith } from './swarm.js';

const asker = new Asker(recordedNames());
const flagsOf = (flags: number): number => readMessage(asker.ask('my-web', { flags })).flags;
const errorFor = (message: Uint8Array): string => Buffer.from(answerIn(asker.send(message))).toString('hex');

describe('the header of an answer', () => {
  test('QR and RA are set, RD and CD copied, AA and AD never set', () => {
    assert.equal(flagsOf(0x0000), 0x8080);
    assert.equal(flagsOf(0x0100), 0x8180);
    assert.equal(flagsOf(0x0120), 0x8180);
    assert.equal(flagsOf(0x0130), 0x8190);
    assert.equal(flagsOf(0x0770), 0x8190);
  });

  test('of NOTIFY only the opcode is kept', () => {
    assert.equal(flagsOf(0x2110), 0xa080);
  });

  test('opcodes other than QUERY and NOTIFY get NOTIMP without a question', () => {
    assert.equal(errorFor(queryOf('my-web', { flags: 0x1100 })), '123491040000000000000000');
    assert.equal(errorFor(queryOf('my-web', { flags: 0x2930 })), '1234a9340000000000000000');
  });

  test('wrong counts get FORMERR', () => {
    for (const [at, count] of [
      [4, 0],
      [4, 2],
      [6, 2],
      [8, 2],
      [10, 3],
    ]) {
      const message = queryOf('my-web');
      message.writeUInt16BE(count, at);
      assert.equal(errorFor(message), '123481010000000000000000');
    }
  });

  test('a malformed record after the question gets FORMERR with the question', () => {
    const message = queryOf('my-web', { udpSize: 1232 });
    message.writeUInt16BE(1, message.length - 2);
    assert.equal(errorFor(message), `123481010001000000000000${queryOf('my-web').toString('hex', 12)}`);
  });

  test('responses, headers alone and less than a header get nothing', () => {
    const query = queryOf('my-web');
    for (const message of [
      queryOf('my-web', { flags: 0x8100 }),
      query.subarray(0, 12),
      query.subarray(0, 11),
      Buffer.of(),
    ]) {
      assert.equal(asker.send(message).kind, 'silence');
    }
  });
});

describe('long queries', () => {
  test('over UDP only 512 bytes are read: what they cut short gets FORMERR, what they cut off is ignored', () => {
    const padding = Buffer.alloc(600);
    const options = Buffer.concat([Buffer.of(0), words(41, 1232, 0, 0, 600 + 4, 12, 600), padding]);
    const query = Buffer.concat([queryOf('my-web'), options]);
    query.writeUInt16BE(1, 10);
    assert.equal(readMessage(answerIn(asker.send(query))).flags, 0x8101);
    assert.equal(readMessage(answerIn(asker.send(query, 'tcp'))).flags, 0x8180);
    assert.equal(readMessage(answerIn(asker.send(Buffer.concat([queryOf('my-web'), padding])))).flags, 0x8180);
  });
});

describe('the records of an answer', () => {
  test('the owner is repeated in full, the class is IN, the TTL 600, and there is no OPT', () => {
    for (const recordClass of [1, 3, 255]) {
      const message = readMessage(asker.ask('my-web', { recordClass, udpSize: 4096 }));
      assert.deepEqual(message.counts, [1, 1, 0, 0]);
      assert.equal(message.records[0].bytes, '066d792d7765620000010001000002580004' + '0a000902');
    }
  });

  test('a compressed question is answered expanded', () => {
    // A pointer to the id and flags, which are themselves a label: 1 byte, "0", then the root label.
    const message = Buffer.from('013000000001000000000000' + 'c000' + '00010001', 'hex');
    const one = new Asker(namesWith(taskOf('0', '10.0.9.3', { name: '0' })));
    const { records } = readMessage(answerIn(one.send(message)));
    assert.deepEqual([records[0].owner, records[0].rdata.join('.')], ['0', '10.0.9.3']);
  });

  test('every order is about equally likely', () => {
    const seen = new Map<string, number>();
    const rounds = 6000;
    for (let i = 0; i < rounds; i++) {
      const order = readMessage(asker.ask('tasks.my-web')).records.map(({ rdata }) => rdata[3]);
      seen.set(order.join(), (seen.get(order.join()) ?? 0) + 1);
    }
    assert.equal(seen.size, 6);
    // 1000 expected each, standard deviation 29.
    for (const count of seen.values()) assert.ok(Math.abs(count - rounds / 6) < 180, `${count}`);
  });

  test('a truncated answer is a random choice of the addresses', () => {
    const live = new Asker(liveNames());
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) for (const { bytes } of readMessage(live.ask('big')).records) seen.add(bytes);
    assert.equal(seen.size, 60);
  });
});

describe('truncation', () => {
  const sizes = (profile: DnsProfile, name: string, udpSize?: number): number[] => {
    const answer = new Asker(liveNames(), {}, profile).ask(name, udpSize === undefined ? {} : { udpSize });
    const { counts, flags } = readMessage(answer);
    return [counts[1], answer.length, (flags & 0x0200) >>> 9];
  };

  test('20.10: whole records from the end, uncompressed, TC set', () => {
    assert.deepEqual(sizes(DnsProfile.Docker20, 'big'), [25, 496, 1]);
    assert.deepEqual(sizes(DnsProfile.Docker20, 'tasks.big'), [19, 502, 1]);
    assert.deepEqual(sizes(DnsProfile.Docker20, 'big', 800), [41, 800, 1]);
    assert.deepEqual(sizes(DnsProfile.Docker20, 'big', 1232), [60, 1161, 0]);
    assert.deepEqual(sizes(DnsProfile.Docker20, 'big', 100), [25, 496, 1]);
  });

  test('current: compression first; TC only if records are missing all the same', () => {
    // 21 bytes of header and question, 16 per compressed record.
    assert.deepEqual(sizes(DnsProfile.Current, 'big'), [30, 501, 1]);
    assert.deepEqual(sizes(DnsProfile.Current, 'big', 981), [60, 981, 0]);
    assert.deepEqual(sizes(DnsProfile.Current, 'big', 980), [59, 965, 1]);
    assert.deepEqual(sizes(DnsProfile.Current, 'big', 1232), [60, 1161, 0]);
    const compressed = new Asker(liveNames(), {}, DnsProfile.Current).ask('big');
    assert.equal(readMessage(compressed).records[0].bytes.slice(0, 4), 'c00c');
    assert.equal(readMessage(compressed).records[29].owner, 'big');
  });

  test('over TCP 65,534 or 65,535 bytes; 20.10 never sets TC there', () => {
    const names = namesWith();
    for (let i = 0; i < 5000; i++) names.set(taskOf(`t.${i}`, `10.9.${i >> 8}.${i & 255}`, { name: 'huge' }));
    const over = (profile: DnsProfile): number[] => {
      const answer = new Asker(names, { networks: [NETWORK] }, profile).ask('huge', {}, 'tcp');
      const { counts, flags } = readMessage(answer);
      return [counts[1], answer.length, flags & 0x0200];
    };
    assert.deepEqual(over(DnsProfile.Docker20), [3275, 65522, 0]);
    assert.deepEqual(over(DnsProfile.Current), [4094, 65526, 0x0200]);
  });

  test('a buffer smaller than the limit truncates like the limit', () => {
    const live = new Asker(liveNames());
    const out = new Uint8Array(120).fill(0xee);
    const query = queryOf('big', { udpSize: 4096 });
    const length = live.resolver.answer(live.client, query, 0, query.length, 'udp', out, 10);
    assert.deepEqual(readMessage(out.subarray(10, 10 + length)).counts, [1, 4, 0, 0]);
    assert.ok(out.subarray(0, 10).every((byte) => byte === 0xee));
    assert.equal(live.resolver.answer(live.client, query, 0, query.length, 'udp', out, 110), 0);
  });
});
