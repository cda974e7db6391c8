import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PEERS } from '../../../bench/live/peers/index.js';

describe('the other programs', () => {
  for (const peer of PEERS) {
    test(`${peer.name} is missing with the name of its package where nothing is installed`, () => {
      const before = process.env['PATH'];
      process.env['PATH'] = '/nonexistent';
      try {
        assert.match(peer.missing() ?? '', /^[\w-]+ is not installed \(Debian: [\w-]+\)$/);
      } finally {
        process.env['PATH'] = before;
      }
    });
  }

  test('have names of their own', () => {
    assert.equal(new Set(PEERS.map(({ name }) => name)).size, PEERS.length);
  });
});
