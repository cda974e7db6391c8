import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { linkTypeName } from '../../src/capture/index.js';

describe('link types', () => {
  test('names are those of tcpdump.org, and a number without one never reads "link type link type"', () => {
    assert.deepEqual([9, 104, 107, 192, 239, 253, 258].map(linkTypeName), [
      ...['PPP', 'C_HDLC', 'FRELAY', 'PPI', 'NFLOG', 'NETLINK', 'PKTAP'],
    ]);
    assert.deepEqual([147, 149, 162].map(linkTypeName), ['USER0', 'USER2', 'USER15']);
    assert.equal(linkTypeName(9999), 'LINKTYPE_9999');
  });
});
