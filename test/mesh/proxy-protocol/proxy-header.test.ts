/** PROXY headers: written, read back, cut anywhere, and refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../../src/replay/random.js';
import {
  type ProxiedConnection,
  proxyHeader1,
  proxyHeader2,
  readProxyHeader,
} from '../../../src/mesh/proxy-protocol/proxy-header.js';
import { mutated } from '../mutated.js';

const V4: ProxiedConnection = {
  source: '192.0.2.1',
  sourcePort: 56_324,
  destination: '192.0.2.2',
  destinationPort: 443,
};
const V6: ProxiedConnection = {
  source: '2001:db8::1',
  sourcePort: 1,
  destination: '2001:db8::2',
  destinationPort: 65_535,
};
const text = (line: string): Uint8Array => Buffer.from(line, 'latin1');

describe('the PROXY header of a connection', () => {
  test('of version 1 is the line of its specification', () => {
    assert.equal(proxyHeader1(V4), 'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n');
    assert.equal(
      proxyHeader1({ ...V6, destination: '192.0.2.2' }),
      'PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 65535\r\n',
    );
  });

  test('of version 2 has the bytes of its specification', () => {
    const expected = '0d0a0d0a000d0a515549540a' + '21' + '11' + '000c' + 'c0000201' + 'c0000202' + 'dc04' + '01bb';
    assert.equal(Buffer.from(proxyHeader2(V4)).toString('hex'), expected);
  });

  test('is read back from what follows, and needs more wherever it is cut', () => {
    for (const connection of [V4, V6]) {
      for (const header of [text(proxyHeader1(connection)), proxyHeader2(connection)]) {
        assert.deepEqual(readProxyHeader(Buffer.concat([header, text('GET / HTTP/1.1')])), {
          kind: 'header',
          length: header.length,
          connection,
        });
        for (let length = 0; length < header.length; length++) {
          assert.deepEqual(readProxyHeader(header.slice(0, length)), { kind: 'more' }, String(length));
        }
      }
    }
  });

  test('may have TLVs, which are passed over, or no client', () => {
    const header = Buffer.concat([proxyHeader2(V4), Buffer.from('0300040000', 'hex')]);
    header.writeUInt16BE(12 + 5, 14);
    assert.deepEqual(readProxyHeader(header), { kind: 'header', length: header.length, connection: V4 });
    const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
    assert.deepEqual(readProxyHeader(local), { kind: 'header', length: 16, connection: undefined });
    assert.deepEqual(readProxyHeader(text('PROXY UNKNOWN\r\n')), { kind: 'header', length: 15, connection: undefined });
  });

  test('is refused if it is none', () => {
    const bad: readonly Uint8Array[] = [
      text('GET / HTTP/1.1\r\n'),
      text('PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n'),
      text('PROXY TCP4 2001:db8::1 192.0.2.2 56324 443\r\n'),
      text('PROXY TCP4 192.0.2.1 192.0.2.2 56324 65536\r\n'),
      text('PROXY TCP4 192.0.2.1 192.0.2.256 56324 443\r\n'),
      text(`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`),
      text('proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n'),
      Buffer.from('0d0a0d0a000d0a515549540a' + '31' + '11' + '000c' + '00'.repeat(12), 'hex'),
      Buffer.from('0d0a0d0a000d0a515549540a' + '21' + '12' + '000c' + '00'.repeat(12), 'hex'),
      Buffer.from('0d0a0d0a000d0a515549540a' + '21' + '11' + '0004' + '00'.repeat(4), 'hex'),
      Buffer.from('0d0a0d0a000d0a515549540a' + '21' + '11' + 'ffff', 'hex'),
    ];
    for (const bytes of bad)
      assert.deepEqual(readProxyHeader(bytes), { kind: 'bad' }, Buffer.from(bytes).toString('latin1'));
  });

  test('never throws, and is read within its bounds, whatever it has been made of', () => {
    const random = new SeededRandom(2);
    const seeds = [text(proxyHeader1(V4)), text(proxyHeader1(V6)), proxyHeader2(V4), proxyHeader2(V6)];
    for (let i = 0; i < 2000; i++) {
      const bytes = mutated(seeds[i % seeds.length], random);
      const padded = Buffer.concat([Buffer.alloc(64, '1'), bytes, text('1\r\n'.repeat(20))]);
      const header = readProxyHeader(padded.subarray(64, 64 + bytes.length));
      assert.deepEqual(header, readProxyHeader(bytes));
      if (header.kind === 'header') assert.ok(header.length <= bytes.length);
    }
  });
});
