/** Derivation of SAs from a cluster's keys. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { forgeHkdfSha256 } from '../../native-free/index.js';
import { hkdfSha256 } from '../../src/aead/index.js';
import { checkSecurityAssociation, parseXfrmState, type SecurityAssociation } from '../../src/ipsec/index.js';
import { parseSwarmKeys } from '../../src/overlay/files.js';
import { ClusterKey, deriveSa, deriveSpi, Profile, SpiForm } from '../../src/overlay/index.js';
import { parseIpv4, parseIpv6 } from '../../src/wire/index.js';
import { readFileSync } from 'node:fs';
import { fixture } from '../repository.js';

const SEED = 20261121;
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const ONE = parseIpv4('192.168.50.1');
const TWO = parseIpv4('192.168.50.2');

function hex(sa: SecurityAssociation): string {
  return sa.keymat.use((bytes) => Buffer.from(bytes).toString('hex'));
}

/** RFC 5869, step by step. */
function hkdfByHand(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
  const extract = createHmac('sha256', salt.length === 0 ? Buffer.alloc(32) : salt);
  const pseudoRandomKey = extract.update(key).digest();
  let block = Buffer.alloc(0);
  let output = Buffer.alloc(0);
  for (let counter = 1; output.length < length; counter++) {
    block = createHmac('sha256', pseudoRandomKey).update(block).update(info).update(Buffer.of(counter)).digest();
    output = Buffer.concat([output, block]);
  }
  return output.subarray(0, length);
}

function never(): Uint8Array {
  throw new Error('Swarm’s keys are not derived');
}

describe('swarm', () => {
  test("keying material is the cluster's key and the SPI; 8-byte ICV, no window, no ESN, transport mode", () => {
    for (const length of [16, 24, 32]) {
      const bytes = Uint8Array.from({ length }, (_, i) => 200 - i);
      const sa = deriveSa(Profile.Swarm, { key: new ClusterKey(1234, bytes), source: ONE, destination: TWO }, never);
      const spi = deriveSpi(ONE, TWO, 1234);
      assert.equal(hex(sa), Buffer.from(bytes).toString('hex') + spi.toString(16).padStart(8, '0'));
      assert.equal(sa.keymat.salt >>> 0, spi);
      const { source, destination, mode, icvLength, esn, replayWindow, encap } = sa;
      assert.deepEqual(
        { spi: sa.spi, source, destination, mode, icvLength, esn, replayWindow, encap },
        {
          spi,
          source: '192.168.50.1',
          destination: '192.168.50.2',
          mode: 'transport',
          icvLength: 8,
          esn: false,
          replayWindow: 0,
          encap: undefined,
        },
      );
      checkSecurityAssociation(sa);
    }
  });

  test('the 4-byte form has another SPI, and so another salt under the same key', () => {
    const pair = { key: new ClusterKey(1234, KEY), source: parseIpv4('1.2.3.4'), destination: parseIpv4('5.6.7.8') };
    assert.equal(deriveSa(Profile.Swarm, pair, never).spi, 0x5de62c5b);
    const short = deriveSa(Profile.Swarm, { ...pair, spiForm: SpiForm.Short }, never);
    assert.deepEqual([short.spi, short.keymat.salt >>> 0], [0x19b3d63b, 0x19b3d63b]);
  });

  test('the SAs of a recorded swarm follow from its three keys', () => {
    const { ring } = parseSwarmKeys(readFileSync(fixture('docker/swarm-keys.txt'), 'utf8'));
    const dump = parseXfrmState(readFileSync(fixture('docker/07-encrypted.xfrm.txt'), 'utf8')).associations;
    const derived = ring.keys.flatMap((key) =>
      [
        [ONE, TWO],
        [TWO, ONE],
      ].map(([source, destination]) => deriveSa(Profile.Swarm, { key, source, destination }, never)),
    );
    const facts = (list: readonly SecurityAssociation[]): string[] =>
      list
        .map((sa) =>
          [sa.spi, sa.source, sa.destination, sa.mode, hex(sa), sa.icvLength, sa.esn, sa.replayWindow].join(' '),
        )
        .sort();
    assert.deepEqual(facts(derived), facts(dump));
  });
});

describe('strict', () => {
  const strict = (source: Uint8Array, destination: Uint8Array, tag = 7, key = KEY): SecurityAssociation =>
    deriveSa(Profile.Strict, { key: new ClusterKey(tag, key), source, destination }, hkdfSha256);

  test("16-byte ICV, ESN, a window of 1024, and Swarm's SPI", () => {
    const sa = strict(ONE, TWO);
    assert.deepEqual([sa.icvLength, sa.esn, sa.replayWindow, sa.mode], [16, true, 1024, 'transport']);
    assert.equal(sa.spi, deriveSpi(ONE, TWO, 7));
    checkSecurityAssociation(sa);
  });

  test('each direction, tag, address and key has a separate key and salt', () => {
    const list = [
      strict(ONE, TWO),
      strict(TWO, ONE),
      strict(ONE, TWO, 8),
      strict(ONE, TWO, 7 + 2 ** 32),
      strict(ONE, parseIpv4('192.168.50.3')),
      strict(parseIpv4('192.168.50.3'), TWO),
      strict(
        ONE,
        TWO,
        7,
        KEY.map((byte) => byte ^ 1),
      ),
      strict(parseIpv6('fd50::1'), parseIpv6('fd50::2')),
      strict(ONE, TWO, 7, Uint8Array.from([...KEY, ...KEY])),
    ].map(hex);
    assert.equal(new Set(list.map((value) => value.slice(0, 32))).size, list.length);
    assert.equal(new Set(list.map((value) => value.slice(-8))).size, list.length);
    for (const value of list) assert.ok(!value.includes(Buffer.from(KEY).toString('hex')));
    // Even if only the direction differs, nothing is shared but the length.
    assert.equal(hex(strict(ONE, TWO)), hex(strict(ONE, TWO)));
  });

  test('is HKDF-SHA256 of the key, without salt, over label, both addresses as 16 bytes and the tag as 8 (500 pairs)', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    const key = fc.constantFrom(16, 24, 32).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
    fc.assert(
      fc.property(address, address, fc.maxSafeNat(), key, (source, destination, tag, bytes) => {
        if (source.length !== destination.length) return;
        const whole = (part: Uint8Array): Buffer =>
          part.length === 4 ? Buffer.concat([Buffer.alloc(10), Buffer.of(255, 255), part]) : Buffer.from(part);
        const number = Buffer.alloc(8);
        number.writeBigUInt64BE(BigInt(tag));
        const info = Buffer.concat([Buffer.from('vtep strict 1', 'ascii'), whole(source), whole(destination), number]);
        const expected = hkdfByHand(bytes, new Uint8Array(0), info, bytes.length + 4).toString('hex');
        assert.equal(hex(strict(source, destination, tag, bytes)), expected);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('the form of the addresses in the SPI does not change the key', () => {
    const pair = { key: new ClusterKey(7, KEY), source: ONE, destination: TWO };
    const short = deriveSa(Profile.Strict, { ...pair, spiForm: SpiForm.Short }, hkdfSha256);
    assert.equal(hex(short), hex(strict(ONE, TWO)));
    assert.notEqual(short.spi, strict(ONE, TWO).spi);
  });

  test('is the same with the HKDF of node and of forge', () => {
    for (const [source, destination] of [
      [ONE, TWO],
      [TWO, ONE],
      [parseIpv6('fd50::1'), parseIpv6('fd50::2')],
    ]) {
      for (const length of [16, 24, 32]) {
        const pair = { key: new ClusterKey(2 ** 40 + 9, new Uint8Array(length).fill(0xc3)), source, destination };
        assert.equal(
          hex(deriveSa(Profile.Strict, pair, forgeHkdfSha256)),
          hex(deriveSa(Profile.Strict, pair, hkdfSha256)),
        );
      }
    }
  });

  test("leaves the cluster's key unchanged", () => {
    const key = new ClusterKey(7, KEY);
    for (const profile of Object.values(Profile)) deriveSa(profile, { key, source: ONE, destination: TWO }, hkdfSha256);
    assert.deepEqual(
      key.use((bytes) => [...bytes]),
      [...KEY],
    );
  });
});

describe('HKDF-SHA256', () => {
  /** RFC 5869, appendix A.1 to A.3. */
  const VECTORS: [key: string, salt: string, info: string, output: string][] = [
    [
      '0b'.repeat(22),
      '000102030405060708090a0b0c',
      'f0f1f2f3f4f5f6f7f8f9',
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    [
      Buffer.from(Array.from({ length: 80 }, (_, i) => i)).toString('hex'),
      Buffer.from(Array.from({ length: 80 }, (_, i) => 0x60 + i)).toString('hex'),
      Buffer.from(Array.from({ length: 80 }, (_, i) => 0xb0 + i)).toString('hex'),
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    ],
    ['0b'.repeat(22), '', '', '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'],
  ];
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
  VECTORS.forEach(([key, salt, info, output], i) => {
    test(`test case ${i + 1} of RFC 5869, by node, by forge and by hand`, () => {
      for (const hkdf of [hkdfSha256, forgeHkdfSha256, hkdfByHand]) {
        const given = hkdf(bytes(key), bytes(salt), bytes(info), output.length / 2);
        assert.equal(Buffer.from(given).toString('hex'), output);
      }
    });
  });
});
