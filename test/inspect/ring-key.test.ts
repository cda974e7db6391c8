/** Finds the key of a ring that an SPI is derived from. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hkdfSha256 } from '../../src/aead/index.js';
import { RingKeys } from '../../src/inspect/index.js';
import { ClusterKey, deriveSpi, KeyRing, parseIp, Profile, SpiForm } from '../../src/overlay/index.js';
import { formatIp } from '../../src/wire/index.js';

function keysOf(...tags: number[]): RingKeys {
  const ring = new KeyRing(tags.map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));
  return new RingKeys({ ring, profile: Profile.Swarm }, hkdfSha256);
}

describe('RingKeys', () => {
  test('three keys are oldest, current and next; other ring sizes show the position', () => {
    assert.deepEqual(
      keysOf(4, 2, 3).keys.map(({ tag, role, rotations }) => [tag, role, rotations]),
      [
        [2, 'oldest', -1],
        [3, 'current', 0],
        [4, 'next', 1],
      ],
    );
    assert.deepEqual(
      keysOf(1, 2, 3, 4).keys.map(({ role, rotations }) => [role, rotations]),
      [
        ['1 of 4', -1],
        ['2 of 4', 0],
        ['3 of 4', 1],
        ['4 of 4', 2],
      ],
    );
  });

  test('explains an SPI by the tag and form it was derived with, and only in its direction', () => {
    const keys = keysOf(29943, 29944, 29945);
    const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
    const form = fc.constantFrom(SpiForm.Mapped, SpiForm.Short);
    fc.assert(
      fc.property(address, address, form, fc.nat(2), (source, destination, spiForm, index) => {
        const { tag } = keys.keys[index];
        const spi = deriveSpi(source, destination, tag, spiForm);
        const from = formatIp(4, source);
        const to = formatIp(4, destination);
        assert.deepEqual(keys.explain(spi, from, to), { ...keys.keys[index], spiForm });
        if (from !== to) assert.equal(keys.explain(spi, to, from), undefined);
      }),
    );
  });

  test('IPv6 addresses have one form', () => {
    const keys = keysOf(7);
    const spi = deriveSpi(parseIp('fd50::1'), parseIp('fd50::2'), 7, SpiForm.Short);
    assert.equal(keys.explain(spi, 'fd50::1', 'fd50::2')?.spiForm, 'mapped');
  });

  test('invalid addresses have no key', () => {
    assert.equal(keysOf(7).explain(1, '(others)', '192.168.50.2'), undefined);
  });
});
