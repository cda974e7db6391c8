import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SwarmError } from '../../../src/swarm/error.js';
import { underlayAddress } from '../../../src/swarm/joined/underlay-address.js';

function refused(text: string): void {
  assert.throws(
    () => underlayAddress(text),
    (error) => error instanceof SwarmError && error.code === 'BAD_ADDRESS',
  );
}

describe("this machine's addresses", () => {
  test('one of an interface is found, with a bounded MTU, also as a socket of both families reports it', () => {
    const { address, mtu } = underlayAddress('::ffff:127.0.0.1');
    assert.deepEqual(address, Uint8Array.of(127, 0, 0, 1));
    assert.ok(mtu >= 1500 && mtu <= 9000, String(mtu));
    assert.deepEqual(underlayAddress('127.0.0.9').address, Uint8Array.of(127, 0, 0, 9));
  });

  test("another machine's, and what is no address, are refused", () => {
    refused('203.0.113.9');
    refused('probe');
    refused('');
  });
});
