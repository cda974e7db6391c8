import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressIn, putSocketAddress, SOCKADDR_BYTES } from '../../../src/live/socket/socket-address.js';

const IPV6 = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

describe('a socket address', () => {
  test('of IPv4 is a struct sockaddr_in: family, port in network order, address, zeros', () => {
    const bytes = new Uint8Array(40).fill(0xff);
    assert.equal(putSocketAddress(bytes, 4, Uint8Array.of(127, 0, 0, 2), 4789), 16);
    const written = Buffer.from(bytes.subarray(4, 20)).toString('hex');
    assert.equal(written, '0200' + '12b5' + '7f000002' + '00'.repeat(8));
    assert.deepEqual([...bytes.subarray(0, 4)], [255, 255, 255, 255]);
    assert.equal(bytes[4 + SOCKADDR_BYTES], 255);
  });

  test('of IPv6 is a struct sockaddr_in6: no flow, no scope', () => {
    const bytes = new Uint8Array(SOCKADDR_BYTES).fill(0xff);
    assert.equal(putSocketAddress(bytes, 0, IPV6, 65_535), 28);
    const address = Buffer.from(IPV6).toString('hex');
    assert.equal(Buffer.from(bytes).toString('hex'), '0a00' + 'ffff' + '00000000' + address + '00000000');
  });

  test('is found at the offset where it was written', () => {
    const bytes = new Uint8Array(64);
    for (const address of [Uint8Array.of(192, 168, 50, 1), IPV6]) {
      putSocketAddress(bytes, 32, address, 1);
      const at = addressIn(32, address.length === 4 ? 4 : 6);
      assert.deepEqual(bytes.subarray(at, at + address.length), address);
    }
  });
});
