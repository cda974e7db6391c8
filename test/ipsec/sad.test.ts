import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../src/aead/index.js';
import { InboundSa, IpsecError, Sad, type SadEntry } from '../../src/ipsec/index.js';
import { formatIp, parseIpv4, parseIpv6 } from '../../src/wire/index.js';
import { association, dice } from './build.js';

function entry(spi: number, destination: string): SadEntry {
  const bytes = destination.includes(':') ? parseIpv6(destination) : parseIpv4(destination);
  return { spi, family: bytes.length === 4 ? 4 : 6, destination: bytes };
}

function find(sad: Sad<SadEntry>, spi: number, destination: string): SadEntry | undefined {
  const wanted = entry(spi, destination);
  const packet = new Uint8Array(64).fill(0xee);
  packet.set(wanted.destination, 17);
  return sad.find(spi, wanted.family, packet, 17);
}

describe('Sad (RFC 4301 section 4.4.2)', () => {
  test('finds an SA by both SPI and destination', () => {
    const sad = new Sad<SadEntry>();
    const first = entry(0x1000, '192.168.50.1');
    const sameSpi = entry(0x1000, '192.168.50.2');
    const sameDestination = entry(0x1001, '192.168.50.1');
    for (const one of [first, sameSpi, sameDestination]) sad.add(one);
    assert.equal(find(sad, 0x1000, '192.168.50.1'), first);
    assert.equal(find(sad, 0x1000, '192.168.50.2'), sameSpi);
    assert.equal(find(sad, 0x1001, '192.168.50.1'), sameDestination);
    assert.equal(find(sad, 0x1001, '192.168.50.2'), undefined);
    assert.equal(sad.size, 3);
  });

  test('finds SPIs from 2^31 on like any others', () => {
    const sad = new Sad<SadEntry>();
    const entries = [1, 0x7fffffff, 0x80000000, 0xffffffff].map((spi) => entry(spi, '10.0.0.1'));
    for (const one of entries) sad.add(one);
    for (const one of entries) {
      assert.equal(find(sad, one.spi, '10.0.0.1'), one);
      // From the wire it comes as a signed word.
      assert.equal(sad.find(one.spi | 0, 4, one.destination, 0), one);
    }
  });

  test('takes an IPv4 destination as a word, signed or not', () => {
    const sad = new Sad<SadEntry>();
    const one = entry(7, '192.168.50.1');
    sad.add(one);
    assert.equal(sad.find4(7, 0xc0a83201), one);
    assert.equal(sad.find4(7, 0xc0a83201 | 0), one);
  });

  test('keeps IPv4 and IPv6 separate', () => {
    const sad = new Sad<SadEntry>();
    const four = entry(7, '1.2.3.4');
    const six = entry(7, '::ffff:1.2.3.4');
    sad.add(four);
    assert.equal(find(sad, 7, '::ffff:1.2.3.4'), undefined);
    assert.equal(find(sad, 7, '102:304::'), undefined);
    sad.add(six);
    assert.equal(find(sad, 7, '1.2.3.4'), four);
    assert.equal(find(sad, 7, '::ffff:1.2.3.4'), six);
  });

  test('every byte of an IPv6 destination counts', () => {
    const sad = new Sad<SadEntry>();
    const one = entry(7, 'fd50::2');
    sad.add(one);
    for (let i = 0; i < 16; i++) {
      const other = one.destination.slice();
      other[i] ^= 1;
      assert.equal(sad.find(7, 6, other, 0), undefined, `byte ${i}`);
    }
    assert.equal(sad.find(7, 6, one.destination, 0), one);
  });

  test('a second SA with the same SPI and destination is DUPLICATE_SPI, and the first stays', () => {
    for (const destination of ['192.168.50.1', 'fd50::1']) {
      const sad = new Sad<SadEntry>();
      const first = entry(0xabcdef, destination);
      sad.add(first);
      assert.throws(
        () => sad.add(entry(0xabcdef, destination)),
        (error) =>
          error instanceof IpsecError &&
          error.code === 'DUPLICATE_SPI' &&
          error.message.includes('0x00abcdef') &&
          error.message.includes(destination) &&
          !error.message.includes('\n'),
      );
      assert.equal(find(sad, 0xabcdef, destination), first);
      assert.equal(sad.size, 1);
    }
  });

  test('a deleted SA is gone, and its SPI and destination can be added again', () => {
    for (const destination of ['192.168.50.1', 'fd50::1']) {
      const sad = new Sad<SadEntry>();
      const first = entry(1, destination);
      const second = entry(2, destination);
      sad.add(first);
      sad.add(second);
      sad.delete(first);
      assert.equal(find(sad, 1, destination), undefined);
      assert.equal(find(sad, 2, destination), second);
      assert.deepEqual([...sad], [second]);
      const again = entry(1, destination);
      sad.add(again);
      assert.equal(find(sad, 1, destination), again);
      assert.equal(sad.size, 2);
    }
  });

  test('ignores the deletion of an unknown SA, even with the SPI and destination of another', () => {
    const sad = new Sad<SadEntry>();
    const held = entry(1, '10.0.0.1');
    sad.add(held);
    sad.delete(entry(1, '10.0.0.1'));
    sad.delete(entry(2, '10.0.0.1'));
    sad.delete(entry(1, '::1'));
    assert.equal(find(sad, 1, '10.0.0.1'), held);
    sad.delete(held);
    sad.delete(held);
    assert.equal(sad.size, 0);
  });

  test('10,000 SAs, half of them deleted: the others are found, and listed once each', () => {
    const sad = new Sad<SadEntry>();
    const roll = dice(4301);
    const entries: SadEntry[] = [];
    const held = new Set<SadEntry>();
    for (let i = 0; i < 10_000; i++) {
      const spi = (roll(0xfffffff) * 16 + (i % 16) + 1) >>> 0;
      const last = `${roll(256)}.${roll(256)}.${i >>> 8}.${i & 255}`;
      const one = entry(spi, i % 2 === 0 ? last : `fd50::${last}`);
      entries.push(one);
      sad.add(one);
      held.add(one);
    }
    assert.equal(sad.size, 10_000);
    for (const one of entries) assert.equal(sad.find(one.spi, one.family, one.destination, 0), one);
    for (const one of entries) {
      if (roll(2) === 0) continue;
      sad.delete(one);
      held.delete(one);
    }
    assert.equal(sad.size, held.size);
    for (const one of entries) {
      const expected = held.has(one) ? one : undefined;
      assert.equal(sad.find(one.spi, one.family, one.destination, 0), expected, formatIp(one.family, one.destination));
    }
    const listed = [...sad];
    assert.equal(listed.length, held.size);
    assert.deepEqual(new Set(listed), held);
  });

  test('a full SAD is SAD_FULL; deleting makes room', () => {
    const sad = new Sad<SadEntry>(2);
    const entries = [1, 2, 3].map((spi) => entry(spi, '10.0.0.1'));
    sad.add(entries[0]);
    sad.add(entries[1]);
    assert.throws(() => sad.add(entries[2]), IpsecError);
    assert.deepEqual([sad.size, find(sad, 3, '10.0.0.1')], [2, undefined]);
    sad.delete(entries[0]);
    sad.add(entries[2]);
    assert.deepEqual(new Set(sad), new Set([entries[1], entries[2]]));
    sad.add(entry(3, '::1'));
    assert.equal(sad.size, 3);
  });

  test('holds SAs created from parameters', () => {
    const sad = new Sad<InboundSa>();
    const sa = new InboundSa(association({ source: 'fd50::1', destination: 'fd50::2' }), nodeBackend.create());
    sad.add(sa);
    assert.equal(sad.find(sa.spi, 6, parseIpv6('fd50::2'), 0), sa);
    assert.equal(sad.find(sa.spi, 6, parseIpv6('fd50::1'), 0), undefined);
  });
});
