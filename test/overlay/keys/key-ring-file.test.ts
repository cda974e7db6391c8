/** Key rings as written by people and by tools that read Swarm's raft store. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  formatKeyRing,
  isRingAlone,
  type KeyRingFile,
  parseConfig,
  parseKeyRing,
  parseKeys,
  parseSwarmKeys,
} from '../../../src/overlay/files.js';
import { ClusterKey, KeyRing, OverlayError, Profile } from '../../../src/overlay/index.js';
import { fixture, ROOT } from '../../repository.js';
import { cpuSeconds } from '../../cpu-time.js';

const SEED = 20261121;
const ONE = '4c6f72656d20697073756d20646f6c6f';
const TWO = '000102030405060708090a0b0c0d0e0f';
/** YAML parses it as a number. */
const DIGITS = '12345678901234567890123456789012';

/** Tags and keys in hexadecimal. */
function rows({ ring }: KeyRingFile): (readonly [number, string])[] {
  return ring.keys.map((key) => [key.tag, key.use((bytes) => Buffer.from(bytes).toString('hex'))] as const);
}

function refused(text: string, code: OverlayError['code'], message: RegExp, read = parseKeyRing): void {
  assert.throws(
    () => read(text),
    (error) => {
      assert.ok(error instanceof OverlayError, `not an OverlayError: ${String(error)}`);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      for (const key of [ONE, TWO, DIGITS]) {
        assert.ok(
          !inspect(error, { depth: 9 })
            .replace(/\n +at .*/g, '')
            .includes(key.slice(0, 12)),
          'a key is shown',
        );
      }
      return true;
    },
  );
}

describe('a ring in YAML or JSON', () => {
  const RING = [
    [4, ONE],
    [5, TWO],
  ];
  const FORMS: [what: string, text: string][] = [
    ['block style', `keys:\n  - tag: 4\n    key: "${ONE}"\n  - tag: 5\n    key: "${TWO}"\n`],
    ['flow style', `keys:\n  - { tag: 4, key: "${ONE}" }\n  - { tag: 5, key: "${TWO}" }\n`],
    ['all in flow style', `{keys: [{tag: 4, key: ${ONE}}, {tag: 5, key: '${TWO}'}]}`],
    ['just the list', `- { tag: 4, key: "${ONE}" }\n- { tag: 5, key: "${TWO}" }\n`],
    [
      'JSON',
      JSON.stringify(
        {
          keys: [
            { tag: 4, key: ONE },
            { tag: 5, key: TWO },
          ],
        },
        null,
        2,
      ),
    ],
    [
      'JSON, just the list, in one line',
      JSON.stringify([
        { tag: 4, key: ONE },
        { tag: 5, key: TWO },
      ]),
    ],
    [
      'with 0x in quotes, digits of either case',
      `- { tag: 4, key: "0x${ONE.toUpperCase()}" }\n- { tag: 5, key: '0X${TWO}' }\n`,
    ],
    ['in another order', `- { tag: 5, key: "${TWO}" }\n- { tag: 4, key: "${ONE}" }\n`],
    [
      'with comments, a document mark and unknown fields',
      `# of the lab\n---\nname: lab\nkeys: # two\n  - { tag: 4, key: "${ONE}", since: 2026-11-21 }\n  - { key: "${TWO}", tag: 5 }\n`,
    ],
    ['with Windows line endings', `keys:\r\n  - tag: 4\r\n    key: "${ONE}"\r\n  - tag: 5\r\n    key: "${TWO}"\r\n`],
    ['with a tag in hexadecimal', `- { tag: 0x4, key: "${ONE}" }\n- { tag: 5, key: "${TWO}" }\n`],
  ];
  for (const [what, text] of FORMS) {
    test(what, () => {
      const file = parseKeyRing(text);
      assert.deepEqual(rows(file), RING);
      assert.equal(file.profile, 'swarm');
    });
  }

  test('its profile is swarm by default, and otherwise as given', () => {
    const ring = `keys: [{ tag: 4, key: "${ONE}" }]\n`;
    assert.equal(parseKeyRing(ring).profile, 'swarm');
    assert.equal(parseKeyRing(`profile: swarm\n${ring}`).profile, 'swarm');
    assert.equal(parseKeyRing(`${ring}profile: strict\n`).profile, 'strict');
    for (const other of ['Strict', '1', '""', '[strict]', 'true']) {
      refused(`profile: ${other}\n${ring}`, 'BAD_KEY_RING', /its profile is neither swarm nor strict/);
    }
  });

  test('reads keys of 24 and 32 bytes', () => {
    const file = parseKeyRing(`- { tag: 1, key: "${ONE}${ONE.slice(16)}" }\n- { tag: 2, key: "${ONE}${TWO}" }\n`);
    assert.deepEqual(
      rows(file).map(([, hex]) => hex.length / 2),
      [24, 32],
    );
  });

  test('an error names the invalid entry, without the key', () => {
    const CASES: [text: string, message: RegExp][] = [
      [`- { tag: 4, key: "${ONE}0" }`, /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/],
      [`- { tag: 4, key: "${ONE} " }`, /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/],
      [
        `- { tag: 4, key: "${ONE.replace('4c', '4g')}" }`,
        /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/,
      ],
      [`- { tag: 4, key: "" }`, /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/],
      [`- { tag: 4, key: "0x" }`, /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/],
      [`- { tag: 4, key: ["${ONE}"] }`, /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/],
      [`- { tag: 4 }`, /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/],
      [`- { tag: 3, key: "${TWO}" }\n- { tag: 4, key: "${ONE}ff" }`, /the key with tag 4 has 17 bytes/],
      [`- { tag: 4, key: "${ONE.slice(2)}" }`, /the key with tag 4 has 15 bytes/],
      [`- { key: "${ONE}" }`, /key 1 of the ring has no numeric tag/],
      [`- { tag: "4", key: "${ONE}" }`, /key 1 of the ring has no numeric tag/],
      [`- { tag: four, key: "${ONE}" }`, /key 1 of the ring has no numeric tag/],
      [`- { tag: -4, key: "${ONE}" }`, /whole number from 0 to 2\^53 - 1, not -4/],
      [`- { tag: 4.5, key: "${ONE}" }`, /whole number from 0 to 2\^53 - 1, not 4\.5/],
      [`- { tag: 99999999999999999999, key: "${ONE}" }`, /whole number from 0/],
      [`- { tag: .nan, key: "${ONE}" }`, /whole number from 0 to 2\^53 - 1, not NaN/],
      [`- "${ONE}"`, /key 1 of the ring is not of the form/],
      [`- null`, /key 1 of the ring is not of the form/],
      [`- { tag: 4, key: "${ONE}" }\n- 7`, /key 2 of the ring is not of the form/],
      [`- { tag: 4, key: "${ONE}" }\n- { tag: 4, key: "${TWO}" }`, /two keys have the tag 4/],
      ['keys: []', /at least one key/],
      ['[]', /at least one key/],
      [JSON.stringify(Array.from({ length: 65 }, (_, tag) => ({ tag, key: ONE }))), /at most 64 keys, not 65/],
    ];
    for (const [text, message] of CASES) refused(text, 'BAD_KEY_RING', message);
  });

  test('digits without quotes, which YAML parses as a number, are rejected and not rounded', () => {
    for (const bare of [DIGITS, `0x${DIGITS}`, `0x${ONE}`, '1e30', '1234567890123456789012345678e112']) {
      refused(
        `- { tag: 4, key: ${bare} }`,
        'BAD_KEY_RING',
        /key 1 of the ring: its key isn't a string of hexadecimal digit pairs/,
      );
    }
    assert.deepEqual(rows(parseKeyRing(`- { tag: 4, key: "${DIGITS}" }`)), [[4, DIGITS]]);
  });

  test('reports a file that is not a ring, without quoting it', () => {
    const CASES: [text: string, message: RegExp][] = [
      ['', /no list of keys/],
      ['\n\n', /no list of keys/],
      ['hello, world\n', /no list of keys/],
      ['7', /no list of keys/],
      ['null', /no list of keys/],
      ['{}', /no list of keys/],
      ['tag: 4', /no list of keys/],
      ['keys: 7', /no list of keys/],
      [`keys: { tag: 4, key: "${ONE}" }`, /no list of keys/],
      [`keys:\n  - { tag: 4, key: "${ONE}\n`, /^line \d+, column \d+: not valid YAML/],
      [`keys:\n  - { tag: 4, key: "${ONE}" }}\n`, /^line \d+, column \d+: not valid YAML/],
      [`\tkeys: "${ONE}"`, /not valid YAML|no list of keys/],
      [`keys: []\nkeys: ["${ONE}"]`, /^line \d+, column \d+: not valid YAML/],
      ['# '.repeat(1 << 20), /more than 16384 characters and is not JSON/],
    ];
    for (const [text, message] of CASES) refused(text, 'NO_KEYS', message);
  });

  test("a file can't reach an object's prototype", () => {
    const text = `{"__proto__": {"profile": "strict", "keys": 1}, "keys": [{"tag": 4, "key": "${ONE}", "__proto__": {"tag": 9}}]}`;
    assert.deepEqual([rows(parseKeyRing(text)), parseKeyRing(text).profile], [[[4, ONE]], 'swarm']);
    assert.equal(({} as { profile?: string }).profile, undefined);
  });

  test('rejects anchors and aliases with an error of this module', () => {
    const bomb = ['a: &a ["x","x","x","x","x","x","x","x","x"]'];
    for (let i = 1; i < 12; i++) {
      const [name, before] = [i, i - 1].map((n) => String.fromCharCode(97 + n));
      bomb.push(`${name}: &${name} [${new Array<string>(9).fill(`*${before}`).join(',')}]`);
    }
    assert.ok(cpuSeconds(() => refused(`${bomb.join('\n')}\nkeys: *l\n`, 'NO_KEYS', /./)) < 1);
    refused(`spare: &k "${ONE}"\nkeys:\n  - { tag: 4, key: *k }\n`, 'NO_KEYS', /./);
    refused('keys: &loop [*loop]', 'NO_KEYS', /./);
  });

  test('an alias of nothing, with which any random text may begin, is not a ring', () => {
    for (const text of ['*', '*abc', '*abc\n', '- *x', '* * *\n']) refused(text, 'NO_KEYS', /./);
  });

  test('rejects 64 KB of anything in less than a second', () => {
    for (const piece of [
      'abc def\n',
      'abc: def\n',
      'a ? ',
      '"',
      "'",
      '""\n',
      '&a ',
      '!!x ',
      ', ',
      '# ',
      '%\n',
      '|\n',
    ]) {
      const text = piece.repeat(Math.floor((1 << 16) / piece.length));
      const took = cpuSeconds(() => refused(text, 'NO_KEYS', /./));
      assert.ok(took < 1, `${JSON.stringify(piece)}: ${took.toFixed(2)} s`);
    }
  });

  test('endlessly nested files, one after the other, do not end the process', () => {
    const module = pathToFileURL(join(ROOT, 'dist/src/overlay/files.js')).href;
    const program = `
      const { parseKeyRing } = await import(${JSON.stringify(module)});
      for (const depth of [1000, 5000, 4000, 3000, 50000]) {
        try { parseKeyRing('['.repeat(depth)); } catch (error) { console.log(error.code); }
      }`;
    const call = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
    assert.equal(call.signal, null, call.stderr.toString().slice(0, 300));
    assert.equal(call.status, 0, call.stderr.toString().slice(0, 300));
    assert.equal(call.stdout.toString(), 'NO_KEYS\n'.repeat(5));
  });

  test('random texts are a ring or an error of this module (3,000 texts)', () => {
    const piece = fc.constantFrom(
      'keys:',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      'tag: ',
      'key: ',
      '4',
      `"${ONE}"`,
      ',',
      '"',
      '&a ',
      '*a',
      '!!',
      '?',
      ':',
      '#',
      '---\n',
      '\t',
      '|',
      '>',
      '%',
      '\u0000',
      '0x',
    );
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 20 }).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(text, (random) => {
        for (const read of [parseKeyRing, parseSwarmKeys]) {
          try {
            read(random);
          } catch (error) {
            assert.ok(error instanceof OverlayError, `${JSON.stringify(random)}: ${String(error)}`);
            assert.doesNotMatch(error.message, /\n/);
          }
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
  });
});

describe("lines of Swarm's raft store", () => {
  const text = readFileSync(fixture('docker/swarm-keys.txt'), 'utf8');

  test('as recorded: the three IPsec keys by their tags, skipping gossip keys', () => {
    const file = parseSwarmKeys(text);
    assert.equal(file.profile, 'swarm');
    assert.deepEqual(rows(file), [
      [29_943, '86d9475fdcc2dc8750976f58f162c9a0'],
      [29_944, 'fbb948eb360b25b94dd9adcd33cb1764'],
      [29_945, '2d45edeea81a3a767e7023d0843aad88'],
    ]);
  });

  test('in any order, with other lines between, indented, and with Windows line endings', () => {
    const shuffled = text.split('\n').reverse().join('\r\n  some other line\r\n  ');
    assert.deepEqual(rows(parseSwarmKeys(shuffled)), rows(parseSwarmKeys(text)));
  });

  test('gossip keys alone are no keys', () => {
    refused(
      text.replaceAll('networking:ipsec', 'networking:gossip'),
      'NO_KEYS',
      /no key of networking:ipsec/,
      parseSwarmKeys,
    );
    refused('', 'NO_KEYS', /no key of networking:ipsec/, parseSwarmKeys);
  });

  test('a key with an odd number of digits or another length, a tag that is duplicate or too large: what is wrong, without the key', () => {
    const line = (tag: number | string, key: string): string => `networking:ipsec lamport ${tag} key ${key}\n`;
    refused(
      line(1, TWO) + line(2, `${ONE}0`),
      'BAD_KEY_RING',
      /line 2: its key isn't a string of hexadecimal digit pairs/,
      parseSwarmKeys,
    );
    refused(line(2, `${ONE}00`), 'BAD_KEY_RING', /tag 2 has 17 bytes/, parseSwarmKeys);
    refused(line(2, ONE) + line(2, TWO), 'BAD_KEY_RING', /two keys have the tag 2/, parseSwarmKeys);
    refused(line('99999999999999999999', ONE), 'BAD_KEY_RING', /whole number/, parseSwarmKeys);
  });
});

test('the contents of a file do not show in JSON or logs', () => {
  const file = parseKeyRing(`- { tag: 4, key: "${ONE}" }`);
  for (const text of [JSON.stringify(file), inspect(file, { depth: 9, showHidden: true })]) {
    assert.doesNotMatch(text.replaceAll(/\s/g, ''), /4c6f|76,111,114/i);
  }
  assert.match(JSON.stringify(file), /\[hidden\]/);
});

describe('a formatted ring', () => {
  test('parses back to the same, whatever its keys', () => {
    const key = fc.record({
      tag: fc.oneof(fc.nat(), fc.maxSafeNat()),
      bytes: fc.constantFrom(16, 24, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
    });
    const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 64, selector: ({ tag }) => tag % 2 ** 32 });
    fc.assert(
      fc.property(keys, fc.constantFrom(...Object.values(Profile)), (given, profile) => {
        const ring = new KeyRing(given.map(({ tag, bytes }) => new ClusterKey(tag, bytes)));
        const read = parseKeyRing(formatKeyRing(ring, profile));
        assert.deepEqual(rows(read), rows({ ring, profile }));
        assert.equal(read.profile, profile);
      }),
      { seed: SEED, numRuns: 100 },
    );
  });

  test('can replace a YAML ring, and nothing whose other contents would be lost', () => {
    const text = `profile: strict\nkeys:\n  - { tag: 4, key: '${ONE}' }\n`;
    for (const alone of [
      text,
      `# ours\n${text}`,
      `- { tag: 4, key: '${ONE}' }\n`,
      formatKeyRing(parseKeyRing(text).ring),
    ]) {
      assert.ok(isRingAlone(alone), alone);
    }
    const others = [
      `${text}port: 4789\n`,
      `- { tag: 4, key: '${ONE}', made: today }\n`,
      JSON.stringify([{ tag: 4, key: ONE }]),
      `networking:ipsec lamport 4 key ${ONE}\n`,
      'keys: 1\n',
      '',
    ];
    for (const other of others) assert.ok(!isRingAlone(other), other);
  });
});

describe('keys that protect nothing', () => {
  const real = [
    '000102030405060708090a0b0c0d0e0f',
    '4c6f72656d20697073756d20646f6c6f',
    '202122232425262728292a2b2c2d2e2f',
  ];
  const yaml = (keys: readonly string[]): string =>
    `keys:\n${keys.map((key, i) => `  - { tag: ${i + 1}, key: '${key}' }\n`).join('')}`;
  const swarm = (keys: readonly string[]): string =>
    keys.map((key, i) => `networking:ipsec lamport ${i + 1} key ${key}\n`).join('');
  const config = (keys: readonly string[]): string => `nodes:\n  n1: { vtep: 10.0.0.1 }\nnetworks: {}\n${yaml(keys)}`;

  for (const [name, read] of [
    ['a ring', (keys: readonly string[]) => parseKeyRing(yaml(keys))],
    ["Swarm's lines", (keys: readonly string[]) => parseSwarmKeys(swarm(keys))],
    ['a config', (keys: readonly string[]) => parseConfig(config(keys))],
  ] as const) {
    test(`are rejected in ${name}: zeros, a single repeated byte, and the same key under two tags`, () => {
      read(real);
      for (const [keys, message] of [
        [real.with(1, '0'.repeat(32)), /the key with tag 2 is a single repeated byte/],
        [real.with(0, '7f'.repeat(16)), /the key with tag 1 is a single repeated byte/],
        [real.with(2, real[0]), /the keys with tags 1 and 3 are the same/],
        [real.with(2, real[1].toUpperCase()), /the keys with tags 2 and 3 are the same/],
      ] as const) {
        assert.throws(
          () => read(keys),
          (error: Error) => {
            assert.match(error.message, message);
            assert.ok(real.every((key) => !error.message.includes(key)));
            return true;
          },
        );
      }
    });
  }

  test('are read from dumps of SAs, with a warning: their packets exist', () => {
    const espSa = (key: string): string =>
      `"IPv4","10.0.0.1","10.0.0.2","0x00000001","AES-GCM with 8 octet ICV [RFC4106]","0x${key}12345678","NULL",""\n`;
    const xfrm = (key: string): string =>
      `src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000001 reqid 1 mode transport\n\taead rfc4106(gcm(aes)) 0x${key}12345678 64\n`;
    for (const text of [espSa, xfrm]) {
      const weak = parseKeys(text('00'.repeat(16)));
      assert.ok(weak.kind !== 'ring');
      assert.equal(weak.associations.length, 1);
      assert.match(weak.warnings.join('\n'), /^line 1: SPI 0x00000001 to 10\.0\.0\.2 has a key of one repeated byte/);
      assert.deepEqual(parseKeys(text(real[0])).warnings, []);
    }
  });
});
