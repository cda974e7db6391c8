import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contains, isAddress, isUnspecified } from '../../../src/doctor/derived/addresses.js';

describe('prefixes', () => {
  it('contain the addresses with their first bits', () => {
    for (const [prefix, address] of [
      ['10.0.9.0/24', '10.0.9.200'],
      ['10.0.9.1/24', '10.0.9.200'],
      ['10.0.8.0/23', '10.0.9.1'],
      ['0.0.0.0/0', '1.2.3.4'],
      ['1.2.3.4', '1.2.3.4'],
      ['fd00::/8', 'fd12::1'],
    ]) {
      assert.ok(contains(prefix, address), `${prefix} ${address}`);
    }
  });

  it("don't contain others, nor what is no address", () => {
    for (const [prefix, address] of [
      ['10.0.9.0/24', '10.0.8.1'],
      ['10.0.8.0/23', '10.0.10.1'],
      ['10.0.9.0/24', 'fd00::1'],
      ['10.0.9.0/33', '10.0.9.1'],
      ['10.0.9.0/x', '10.0.9.1'],
      ['10.0.9.0/', '11.0.9.1'],
      ['', '10.0.9.1'],
      ['10.0.9.0/24', ''],
    ]) {
      assert.ok(!contains(prefix, address), `${prefix} ${address}`);
    }
  });

  it('tell 0.0.0.0 from addresses', () => {
    assert.ok(isUnspecified('0.0.0.0') && isUnspecified('::') && !isUnspecified('<nil>') && !isUnspecified('1.2.3.4'));
    assert.ok(isAddress('1.2.3.4/24') && !isAddress('0.0.0.0') && !isAddress('<nil>') && !isAddress(''));
  });
});
