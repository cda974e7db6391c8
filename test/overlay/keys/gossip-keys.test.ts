/** Gossip keys in lines of Swarm's store. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { encodeHex } from '../../../src/memory/internal.js';
import { parseGossipKeys } from '../../../src/overlay/files.js';
import { fixture } from '../../repository.js';

function line(tag: number | string, hex: string): string {
  return `networking:gossip lamport ${tag} key ${hex}`;
}

describe('gossip keys', () => {
  test('of a recorded swarm, by tag; its IPsec keys are skipped', () => {
    const keys = parseGossipKeys(readFileSync(fixture('docker/swarm-keys.txt'), 'utf8'));
    assert.deepEqual(
      keys.map(({ tag }) => tag),
      [29940, 29941, 29942],
    );
    assert.equal(keys[1].use(encodeHex), 'd25467a8e1f5ff971e1d9651ff9e3eb0');
  });

  test('of 16, 24 and 32 bytes, in any order', () => {
    const text = [line(3, '01'.repeat(32)), line(1, '02'.repeat(16)), line(2, '03'.repeat(24))].join('\r\n');
    assert.deepEqual(
      parseGossipKeys(text).map((key) => [key.tag, key.use(({ length }) => length)]),
      [
        [1, 16],
        [2, 24],
        [3, 32],
      ],
    );
    assert.deepEqual(parseGossipKeys('anything else'), []);
  });

  test('are in no output', () => {
    const keys = parseGossipKeys(line(1, '0123456789abcdef'.repeat(2)));
    for (const text of [JSON.stringify(keys), inspect(keys, { depth: 9, showHidden: true })]) {
      assert.doesNotMatch(text, /0123456789abcdef|\b1, *35, *69\b|\[1\]: 35|"1":35/);
    }
    assert.match(JSON.stringify(keys), /hidden/);
  });

  test('what is wrong is said without the key', () => {
    for (const [text, reason] of [
      [line(1, '01'.repeat(15)), /line 1: a gossip key has 16, 24 or 32 bytes, not 15$/],
      [`\n${line('9999999999999999', '01'.repeat(16))}`, /line 2: its Lamport time/],
      [Array.from({ length: 65 }, (_, tag) => line(tag, '01'.repeat(16))).join('\n'), /more than 64/],
    ] as const) {
      assert.throws(() => parseGossipKeys(text), { code: 'BAD_KEY_RING', message: reason });
    }
  });
});
