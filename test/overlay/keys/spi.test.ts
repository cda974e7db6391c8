/** SPIs as Swarm derives them: published vectors, pairs from users' logs, and a recorded swarm. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseXfrmState } from '../../../src/ipsec/index.js';
import { parseSwarmKeys } from '../../../src/overlay/files.js';
import { deriveSpi, SpiForm } from '../../../src/overlay/index.js';
import { parseIpv4, parseIpv6 } from '../../../src/wire/index.js';
import { fixture } from '../../repository.js';

const SEED = 20261121;

function bytes(address: string): Uint8Array {
  return address.includes(':') ? parseIpv6(address) : parseIpv4(address);
}

function spi(source: string, destination: string, tag: number, form?: SpiForm): number {
  return deriveSpi(bytes(source), bytes(destination), tag, form);
}

/** 32-bit FNV-1a over bytes (draft-eastlake-fnv), with BigInt. */
function fnv1a(input: readonly number[]): number {
  let hash = 0x811c9dc5n;
  for (const byte of input) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
  return Number(hash);
}

describe('vectors', () => {
  const MAPPED: [source: string, destination: string, tag: number, spi: number][] = [
    ['1.2.3.4', '5.6.7.8', 1234, 0x5de62c5b],
    ['10.0.0.1', '2001:db8::1', 5678, 0x8c1ea943],
    ['2002::abcd:1', '172.15.14.13', 54_321, 0x40799b91],
    ['2002:db8::42', '2002:db8::69', 9999, 0x342a609e],
    // Issue fcos-tracker#1111, both directions under one tag.
    ['192.168.14.147', '192.168.14.145', 13_986, 0x1f279ba7],
    ['192.168.14.145', '192.168.14.147', 13_986, 0x755dee5b],
    // moby issue 45635: one pair, before and after a rotation.
    ['10.1.11.45', '10.1.11.29', 56_398, 0xf4faae1b],
    ['10.1.11.45', '10.1.11.29', 56_396, 0xa8e5da89],
  ];
  for (const [source, destination, tag, expected] of MAPPED) {
    test(`${source} to ${destination} under tag ${tag}`, () => {
      assert.equal(spi(source, destination, tag), expected);
      assert.equal(spi(source, destination, tag, SpiForm.Mapped), expected);
    });
  }

  test('the first vector differs in the 4-byte form of Docker 29.0', () => {
    assert.equal(spi('1.2.3.4', '5.6.7.8', 1234, SpiForm.Short), 0x19b3d63b);
  });

  test('both forms are the same for two IPv6 addresses', () => {
    assert.equal(spi('2002:db8::42', '2002:db8::69', 9999, SpiForm.Short), 0x342a609e);
  });

  test('an IPv4 address and its mapped form yield the same SPI, only in the mapped form', () => {
    assert.equal(spi('::ffff:1.2.3.4', '::ffff:5.6.7.8', 1234), 0x5de62c5b);
    assert.notEqual(spi('::ffff:1.2.3.4', '::ffff:5.6.7.8', 1234, SpiForm.Short), 0x19b3d63b);
  });
});

test('is FNV-1a over source, tag and destination, from 0 to 2^32 - 1 (2,000 pairs)', () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const form = fc.constantFrom(SpiForm.Mapped, SpiForm.Short);
  fc.assert(
    fc.property(address, address, fc.maxSafeNat(), form, (source, destination, tag, how) => {
      const whole = (part: Uint8Array): number[] =>
        part.length === 4 && how === 'mapped' ? [...new Array<number>(10).fill(0), 255, 255, ...part] : [...part];
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(BigInt(tag));
      const expected = fnv1a([...whole(source), ...number.subarray(4), ...whole(destination)]);
      const given = deriveSpi(source, destination, tag, how);
      assert.equal(given, expected);
      assert.ok(Number.isInteger(given) && given >= 0 && given <= 0xffffffff);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('only the low 32 bits of tags above 2^32 count', () => {
  for (const tag of [0, 1, 1234, 2 ** 31, 2 ** 32 - 1]) {
    const expected = spi('1.2.3.4', '5.6.7.8', tag);
    for (const high of [1, 2, 2 ** 20, 2 ** 21 - 1]) {
      assert.equal(spi('1.2.3.4', '5.6.7.8', high * 2 ** 32 + tag), expected);
    }
  }
  assert.notEqual(spi('1.2.3.4', '5.6.7.8', 2 ** 31), spi('1.2.3.4', '5.6.7.8', 0));
});

describe('a recorded swarm', () => {
  const dump = parseXfrmState(readFileSync(fixture('docker/07-encrypted.xfrm.txt'), 'utf8')).associations;
  const { ring } = parseSwarmKeys(readFileSync(fixture('docker/swarm-keys.txt'), 'utf8'));
  const NODES = ['192.168.50.1', '192.168.50.2'] as const;
  const derived = (form: SpiForm): Map<number, string> => {
    const found = new Map<number, string>();
    for (const { tag } of ring.keys) {
      for (const [from, to] of [NODES, [NODES[1], NODES[0]]]) found.set(spi(from, to, tag, form), `${from} ${to}`);
    }
    return found;
  };

  test('three tags and two nodes yield six SPIs, those of its dump and no others', () => {
    assert.deepEqual(
      ring.keys.map(({ tag }) => tag),
      [29_943, 29_944, 29_945],
    );
    const mapped = derived(SpiForm.Mapped);
    assert.equal(mapped.size, 6);
    assert.equal(dump.length, 6);
    assert.deepEqual(mapped, new Map(dump.map((sa) => [sa.spi, `${sa.source} ${sa.destination}`])));
  });

  test('the 4-byte form yields none of them', () => {
    const mapped = derived(SpiForm.Mapped);
    assert.deepEqual(
      [...derived(SpiForm.Short).keys()].filter((value) => mapped.has(value)),
      [],
    );
  });

  test('the tag that an SPI is derived from has the key of its SA', () => {
    for (const { tag, use } of ring.keys.map((key) => ({ tag: key.tag, use: key.use.bind(key) }))) {
      for (const [from, to] of [NODES, [NODES[1], NODES[0]]]) {
        const sa = dump.find((row) => row.spi === spi(from, to, tag));
        const hex = use((key) => Buffer.from(key).toString('hex'));
        assert.equal(
          sa?.keymat.use((key) => Buffer.from(key).toString('hex').slice(0, 32)),
          hex,
        );
      }
    }
  });
});
