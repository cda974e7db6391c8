import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portRanges } from '../../../src/live/services/port-ranges.js';

test('consecutive ports of a protocol are listed as a range', () => {
  assert.equal(portRanges([]), '');
  assert.equal(portRanges(['8080/tcp']), '8080/tcp');
  assert.equal(
    portRanges(['9001/tcp', '53/udp', '9000/tcp', '9002/tcp', '9004/tcp', '54/udp']),
    '9000-9002/tcp, 9004/tcp, 53-54/udp',
  );
  const many = Array.from({ length: 4096 }, (_, i) => `${20_000 + i}/tcp`);
  assert.equal(portRanges(many), '20000-24095/tcp');
});
