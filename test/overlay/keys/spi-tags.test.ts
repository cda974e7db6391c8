import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deriveSpi, parseIp, SpiForm } from '../../../src/overlay/index.js';
import { tagsOfSpi } from '../../../src/overlay/internal.js';

const LIMIT = 2 ** 20;

describe('the tags of an SPI', () => {
  it('are those that derive it, for all forms and families', () => {
    const pairs = [
      ['192.168.14.147', '192.168.14.145'],
      ['10.0.0.1', '2001:db8::1'],
      ['2002::abcd:1', '172.15.14.13'],
      ['2002:db8::42', '2002:db8::69'],
    ].map((pair) => pair.map(parseIp));
    for (const [source, destination] of pairs) {
      for (const form of [SpiForm.Mapped, SpiForm.Short]) {
        for (const tag of [0, 1, 255, 256, 13_986, 65_535, LIMIT - 1]) {
          const tags = tagsOfSpi(deriveSpi(source, destination, tag, form), source, destination, form, LIMIT);
          assert.ok(tags.includes(tag), `${tag} ${form}`);
          for (const one of tags) {
            assert.equal(deriveSpi(source, destination, one, form), deriveSpi(source, destination, tag, form));
          }
        }
      }
    }
  });

  it('are found for the SPIs of a public log (coreos/fedora-coreos-tracker#1111)', () => {
    const [a, b] = ['192.168.14.147', '192.168.14.145'].map(parseIp);
    assert.deepEqual(tagsOfSpi(0x1f279ba7, a, b, SpiForm.Mapped, LIMIT), [13_986]);
    assert.deepEqual(tagsOfSpi(0x755dee5b, b, a, SpiForm.Mapped, LIMIT), [13_986]);
  });

  it('are below the limit', () => {
    const [a, b] = ['10.0.0.1', '10.0.0.2'].map(parseIp);
    const spi = deriveSpi(a, b, 70_000);
    assert.ok(!tagsOfSpi(spi, a, b, SpiForm.Mapped, 70_000).includes(70_000));
    assert.ok(tagsOfSpi(spi, a, b, SpiForm.Mapped, 70_001).includes(70_000));
    assert.deepEqual(tagsOfSpi(spi, a, b, SpiForm.Mapped, 0), []);
  });
});
