/** Distinguishes files of keys by content. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatEspSa, parseXfrmState } from '../../../src/ipsec/index.js';
import { parseKeys } from '../../../src/overlay/files.js';
import { OverlayError } from '../../../src/overlay/index.js';
import { fixture } from '../../repository.js';

const SEED = 20261121;
const KEY = '4c6f72656d20697073756d20646f6c6f';
const dump = readFileSync(fixture('docker/07-encrypted.xfrm.txt'), 'utf8');
const swarm = readFileSync(fixture('docker/swarm-keys.txt'), 'utf8');
const espSa = formatEspSa(parseXfrmState(dump).associations);

function refused(text: string, message: RegExp, code: OverlayError['code'] = 'NO_KEYS'): void {
  assert.throws(
    () => parseKeys(text),
    (error) => {
      assert.ok(error instanceof OverlayError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    },
  );
}

describe('the format is detected by content', () => {
  test('the output of ip xfrm state, also with other output around it', () => {
    for (const text of [dump, dump.replaceAll('\n', '\r\n'), `$ ip xfrm state\n${dump}`]) {
      const file = parseKeys(text);
      assert.equal(file.kind, 'xfrm');
      assert.deepEqual([file.associations.length, file.inferMode], [6, false]);
    }
  });

  test("Wireshark's esp_sa, also after comments", () => {
    for (const text of [espSa, `# mine\n\n${espSa}`]) {
      const file = parseKeys(text);
      assert.equal(file.kind, 'esp_sa');
      assert.deepEqual([file.associations.length, file.inferMode], [6, true]);
    }
  });

  test("lines of Swarm's raft store", () => {
    const file = parseKeys(swarm);
    assert.deepEqual([file.kind, file.warnings], ['ring', []]);
    assert.equal(file.kind === 'ring' && file.ring.keys.length, 3);
    assert.equal(file.kind === 'ring' && file.profile, 'swarm');
  });

  test('a ring in YAML or JSON, with its profile', () => {
    for (const text of [
      `profile: strict\nkeys:\n  - { tag: 4, key: "${KEY}" }\n`,
      JSON.stringify({ profile: 'strict', keys: [{ tag: 4, key: KEY }] }),
    ]) {
      const file = parseKeys(text);
      assert.equal(file.kind, 'ring');
      assert.equal(file.profile, 'strict');
      assert.deepEqual(
        file.ring.keys.map(({ tag }) => tag),
        [4],
      );
    }
  });

  test('unusable SAs become warnings alongside the usable ones', () => {
    const bad = 'src 10.0.0.1 dst 10.0.0.2\n\tproto ah spi 0x00000100 reqid 0 mode transport\n';
    const file = parseKeys(bad + dump);
    assert.equal(file.kind === 'xfrm' && file.associations.length, 6);
    assert.equal(file.warnings.length, 1);
    assert.match(file.warnings[0], /only ESP is supported/);
  });
});

describe('files without a key', () => {
  const NOTHING = /^not output of ip xfrm state, an esp_sa file or a key ring \(/;

  test('an empty one, blanks, a word, a binary file, a capture: one line that lists what was expected', () => {
    for (const text of [
      '',
      ' ',
      '\n\n\n',
      'hello',
      '7',
      '\u0000\u0001\u0002\ufffd',
      '{',
      '}',
      '\ud800',
      '%',
      '@',
      '`',
      '*',
      '&a',
    ]) {
      refused(text, NOTHING);
    }
    refused(readFileSync(fixture('vxlan/01-icmp.underlay.pcap'), 'utf8'), NOTHING);
    refused(readFileSync(fixture('esp/16-vxlan-frag-reorder-dup-loss.xfrm.txt'), 'utf8'), NOTHING);
    refused(readFileSync(fixture('README.md'), 'utf8'), NOTHING);
  });

  test('a dump of only unusable SAs: the first reason, and how many more', () => {
    const hidden = dump.replace(/0x[0-9a-f]{40}/g, '<<Keys hidden>>');
    refused(hidden, /^it contains no usable key: line \d+: SPI 0xf704f713 .*has no key .*\(and 5 more like it\)$/);
    const one = hidden.split('\n').slice(0, 8).join('\n');
    refused(one, /^it contains no usable key: line 2: SPI 0xf704f713 to 192\.168\.50\.1 has no key .*skipped$/);
  });

  test('an esp_sa file of wildcards', () => {
    refused(
      '"IPv4","*","*","*","AES-CBC [RFC3602]","0x00","NULL",""',
      /^it contains no usable key: line 1 has no single SPI/,
    );
  });

  test('gossip keys alone', () => refused(swarm.replaceAll('ipsec', 'gossip'), /no key of networking:ipsec/));

  test('an invalid ring keeps its specific reason', () => {
    refused(`- { tag: 4, key: "${KEY}00" }`, /17 bytes/, 'BAD_KEY_RING');
    refused('keys: []', /at least one key/, 'BAD_KEY_RING');
    refused(`${swarm}networking:ipsec lamport 29943 key ${KEY}\n`, /two keys have the tag 29943/, 'BAD_KEY_RING');
  });

  test('any text is keys or a one-line error that shows no key (2,000 texts)', () => {
    const SEEDS = [dump, swarm, espSa, `keys:\n  - { tag: 4, key: "${KEY}" }\n`];
    const keys = [...`${swarm} ${KEY}`.matchAll(/\b[0-9a-f]{32}\b/g)].map(([key]) => key);
    const damaged = fc
      .record({
        seed: fc.nat(SEEDS.length - 1),
        at: fc.array(fc.nat(), { maxLength: 4 }),
        put: fc.string({ maxLength: 4 }),
      })
      .map(({ seed, at, put }) =>
        at.reduce((text, n) => text.slice(0, n % text.length) + put + text.slice((n % text.length) + 1), SEEDS[seed]),
      );
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string(), fc.string({ unit: 'binary' })), (text) => {
        try {
          const file = parseKeys(text);
          for (const warning of file.warnings) assert.match(warning, /^line \d+/);
          read++;
        } catch (error) {
          assert.ok(error instanceof OverlayError, String(error));
          assert.doesNotMatch(error.message, /\n/);
          for (const key of keys) assert.ok(!error.message.includes(key), error.message);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
    assert.ok(read > 300, `${read} were read`);
  });
});

test('a dump without any SA is rejected with the reason, though none of its lines has a warning', () => {
  refused('src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x\n', /^it contains no usable key: it contains no SA$/);
});
