/** The server name of TLS clients: of real ones, in pieces, and of malformed ones. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../../src/replay/random.js';
import { ClientHello, HelloVerdict } from '../../../src/mesh/tls/client-hello.js';
import { mutated } from '../mutated.js';
import { helloOf, inRecords } from './hello.js';

function read(bytes: Uint8Array): [HelloVerdict, string] {
  const hello = new ClientHello();
  return [hello.read(bytes), hello.serverName];
}

describe('the first message of a TLS client', () => {
  test('names the server, with any version', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const hello = await helloOf({ servername: 'A.Example.ORG', minVersion: version, maxVersion: version });
      assert.deepEqual(read(hello), [HelloVerdict.Complete, 'a.example.org'], version);
    }
  });

  test('may name none', async () => {
    assert.deepEqual(read(await helloOf({ host: '192.0.2.1' })), [HelloVerdict.Complete, '']);
  });

  test('is read once it is complete, wherever it is cut, in one record or in several', async () => {
    const hello = await helloOf({ servername: 'a.example.org' });
    for (const whole of [hello, inRecords(hello, 100), inRecords(hello, 7), inRecords(hello, 1)]) {
      for (let length = 0; length < whole.length; length += whole.length > 1000 ? 13 : 1) {
        assert.deepEqual(read(whole.subarray(0, length)), [HelloVerdict.More, ''], String(length));
      }
      assert.deepEqual(read(whole), [HelloVerdict.Complete, 'a.example.org']);
      assert.deepEqual(read(Buffer.concat([whole, Buffer.from([20, 3, 3, 0, 1, 1])])), [
        HelloVerdict.Complete,
        'a.example.org',
      ]);
    }
  });

  test('is not TLS, or malformed', async () => {
    const hello = await helloOf({ servername: 'a.example.org' });
    const name = hello.indexOf('a.example.org');
    const changed = (at: number, value: number): Buffer => {
      const other = Buffer.from(hello);
      other[at] = value;
      return other;
    };
    const bad: Readonly<Record<string, Buffer>> = {
      HTTP: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      'SSL 2.0': Buffer.from([0x80, 0x2e, 1, 0, 2]),
      'another version': changed(1, 2),
      'an empty record': Buffer.from([22, 3, 1, 0, 0]),
      'a record that is too long': Buffer.from([22, 3, 1, 0x40, 1]),
      'another message': changed(5, 2),
      'a message that is too long': changed(6, 1),
      'a session id that is too long': changed(5 + 4 + 34, 255),
      'a name with a space': changed(name, 32),
      'a name with a control character': changed(name, 27),
      'a name of another type': changed(name - 3, 1),
      'a name that is longer than its list': changed(name - 1, 200),
      'an empty label': changed(name + 2, 46),
    };
    for (const [what, bytes] of Object.entries(bad)) assert.deepEqual(read(bytes), [HelloVerdict.Bad, ''], what);
  });

  test('is read the same in whatever pieces its bytes come', async () => {
    const hello = await helloOf({ servername: 'a.example.org' });
    for (const whole of [hello, inRecords(hello, 100), inRecords(hello, 1)]) {
      const reader = new ClientHello();
      for (let length = 0; length < whole.length; length++) {
        // Each time at another place in memory, as when a buffer has grown.
        assert.equal(reader.read(Buffer.from(whole.subarray(0, length))), HelloVerdict.More, String(length));
      }
      assert.equal(reader.read(whole), HelloVerdict.Complete);
      assert.equal(reader.serverName, 'a.example.org');
    }
  });

  test('may be of 16 KiB, and no more; and records may not go on for ever', async () => {
    const hello = (size: number): Buffer => {
      const message = Buffer.alloc(5 + 4 + size);
      message.set([22, 3, 1, 0, 0, 1, 0, size >> 8, size & 255]);
      return inRecords(message, 1000);
    };
    // Zeros are no message that makes sense, but one that is complete.
    const all = hello(16_384);
    assert.deepEqual(read(all.subarray(0, -1)), [HelloVerdict.More, '']);
    assert.deepEqual(read(all), [HelloVerdict.Bad, '']);
    assert.deepEqual(read(hello(16_385).subarray(0, 20)), [HelloVerdict.Bad, '']);
    const records = Buffer.alloc(6 * 6000, Buffer.from([22, 3, 1, 0, 1, 0]));
    records.set([22, 3, 1, 0, 4, 1, 0, 0x40, 0]);
    assert.deepEqual(read(records), [HelloVerdict.Bad, '']);
  });

  test('never throws, and is read within its bounds, whatever it has been made of', async () => {
    const random = new SeededRandom(1);
    const seeds = [await helloOf({ servername: 'a.example.org' }), await helloOf({ maxVersion: 'TLSv1.2' })];
    seeds.push(inRecords(seeds[0], 50), inRecords(seeds[0], 7));
    for (let i = 0; i < 2000; i++) {
      const bytes = mutated(seeds[i % seeds.length], random);
      // The same within bytes that would be a name, if they were read.
      const padded = Buffer.concat([Buffer.alloc(64, 'a'), bytes, Buffer.alloc(64, 'a')]);
      assert.deepEqual(read(padded.subarray(64, 64 + bytes.length)), read(bytes));
    }
  });
});
