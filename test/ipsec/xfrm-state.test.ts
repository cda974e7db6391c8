/** Dumps of `ip xfrm state`: recorded ones, other versions and options, and text that is no dump. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isXfrmState, parseXfrmState, type SecurityAssociation } from '../../src/ipsec/index.js';
import { fixture } from '../repository.js';
import { cpuSeconds } from '../cpu-time.js';

const SEED = 20261121;
const AES_128 = '000102030405060708090a0b0c0d0e0f';
const OTHER_128 = 'ffeeddccbbaa99887766554433221100';

/** The lines of one SA, which a test may replace or omit. */
interface Lines {
  readonly head?: string;
  readonly proto?: string;
  readonly window?: string;
  readonly cipher?: string;
  readonly more?: readonly string[];
}

function sa(lines: Lines = {}): string {
  const {
    head = 'src 10.0.0.1 dst 10.0.0.2',
    proto = 'proto esp spi 0x00001000 reqid 1 mode transport',
    window = 'replay-window 0 ',
    cipher = `aead rfc4106(gcm(aes)) 0x${AES_128}00001000 64`,
    more = ['anti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000', 'sel src 0.0.0.0/0 dst 0.0.0.0/0 '],
  } = lines;
  const inside = [proto, window, cipher, ...more].filter((line) => line !== '');
  return [head, ...inside.map((line) => `\t${line}`), ''].join('\n');
}

function keyOf(association: SecurityAssociation): string {
  return association.keymat.use((bytes) => Buffer.from(bytes).toString('hex'));
}

/** The only SA of a text without warnings. */
function only(text: string): SecurityAssociation {
  const { associations, warnings } = parseXfrmState(text);
  assert.deepEqual(warnings, []);
  assert.equal(associations.length, 1);
  return associations[0];
}

/** The warning about a text without a usable SA. */
function refusal(text: string): string {
  const { associations, warnings } = parseXfrmState(text);
  assert.deepEqual([associations.length, warnings.length], [0, 1], warnings.join('; '));
  return warnings[0];
}

const ONE = '192.168.50.1';
const TWO = '192.168.50.2';
const CLUSTER_KEY = '4c6f72656d20697073756d20646f6c6f';

/** SPI, source, destination. */
type Row = readonly [spi: number, source: string, destination: string];
const PAIR: readonly Row[] = [
  [0xb2c4e702, TWO, ONE],
  [0x3d1f9a01, ONE, TWO],
];
const ROTATED: readonly Row[] = [
  [0x11aa22b3, ONE, TWO],
  [0xf0e1d2c4, TWO, ONE],
];
const RECORDED: readonly (readonly [name: string, rows: readonly Row[], more?: Partial<SecurityAssociation>])[] = [
  ['esp/01-esp-docker-aes128-icv64', PAIR],
  ['esp/03-esp-padding', PAIR],
  ['esp/05-esp-aes256-icv128-esn', PAIR, { icvLength: 16, esn: true, replayWindow: 64 }],
  ['esp/08-esp-key-rotation.0-before', PAIR],
  ['esp/08-esp-key-rotation.1-rx-added', [...PAIR, ...ROTATED]],
  ['esp/08-esp-key-rotation.2-n1-switched', [...PAIR, ...ROTATED]],
  ['esp/08-esp-key-rotation.3-n2-switched', [...PAIR, ...ROTATED]],
  ['esp/08-esp-key-rotation.4-after', ROTATED],
  ['esp/09-esp-frag-1500', PAIR],
  ['esp/12-esp-tunnel', PAIR, { mode: 'tunnel' }],
  ['esp/13-esp-natt', PAIR, { encap: { sourcePort: 4500, destinationPort: 4500 } }],
  [
    'esp/14-esp-ipv6',
    [
      [0xb2c4e702, 'fd50::2', 'fd50::1'],
      [0x3d1f9a01, 'fd50::1', 'fd50::2'],
    ],
  ],
  [
    'docker/07-encrypted',
    [
      [0xf704f713, TWO, ONE],
      [0x38ea8f69, TWO, ONE],
      [0xc207fc1c, ONE, TWO],
      [0x98a1ca54, TWO, ONE],
      [0x0624c1bb, ONE, TWO],
      [0xfa003211, ONE, TWO],
    ],
  ],
];

function bySpi(a: readonly [number, ...unknown[]], b: readonly [number, ...unknown[]]): number {
  return a[0] - b[0];
}

describe('recorded dumps', () => {
  for (const [name, rows, more] of RECORDED) {
    test(`${name}: each SA once, although both nodes and -s and -d show it; policies are ignored`, () => {
      const text = readFileSync(fixture(`${name}.xfrm.txt`), 'utf8');
      assert.ok(isXfrmState(text));
      const { associations, warnings, inferMode } = parseXfrmState(text);
      assert.deepEqual([warnings, inferMode], [[], false]);
      assert.deepEqual(
        associations.map(({ spi, source, destination }) => [spi, source, destination] as const).sort(bySpi),
        [...rows].sort(bySpi),
      );
      for (const association of associations) {
        const { mode, icvLength, esn, replayWindow, encap, keymat } = association;
        assert.deepEqual(
          { mode, icvLength, esn, replayWindow, encap },
          { mode: 'transport', icvLength: 8, esn: false, replayWindow: 0, encap: undefined, ...more },
        );
        assert.equal(keymat.keyLength, name.includes('aes256') ? 32 : 16);
        // Swarm's salt is the SPI, and the recordings follow it.
        assert.equal(keymat.salt >>> 0, association.spi);
      }
    });
  }

  test('every dump of the fixtures is in the list above, or has no SA or two keys for one', () => {
    const listed = new Set(RECORDED.map(([name]) => name));
    const others = readdirSync(fixture('esp'))
      .filter((name) => name.endsWith('.xfrm.txt'))
      .map((name) => `esp/${name.replace('.xfrm.txt', '')}`)
      .filter((name) => !listed.has(name));
    assert.deepEqual(others.sort(), [
      'esp/04-esp-wrong-key',
      'esp/16-vxlan-frag-reorder-dup-loss',
      'esp/20-vlan-inner-proxy',
    ]);
    for (const name of others.slice(1)) {
      const text = readFileSync(fixture(`${name}.xfrm.txt`), 'utf8');
      assert.deepEqual(parseXfrmState(text), { associations: [], warnings: [], inferMode: false, made: [] });
      assert.equal(isXfrmState(text), false);
    }
  });

  test('returns creation times from -s, each once, with or without the key', () => {
    const at = (added: string): string => sa({ cipher: '', more: ['lifetime current:', `  add ${added} use -`] });
    const text = sa() + at('2026-11-21 01:45:41') + at('2026-11-21 01:45:45') + at('2026-11-21 01:45:41');
    const { associations, made } = parseXfrmState(text);
    assert.equal(associations.length, 1);
    const one = { spi: 0x1000, source: '10.0.0.1', destination: '10.0.0.2' };
    assert.deepEqual(made, [
      { ...one, text: '2026-11-21 01:45:41' },
      { ...one, text: '2026-11-21 01:45:45' },
    ]);
  });

  test('04-esp-wrong-key: the first key is used, and a warning names both lines', () => {
    const { associations, warnings } = parseXfrmState(readFileSync(fixture('esp/04-esp-wrong-key.xfrm.txt'), 'utf8'));
    assert.equal(associations.length, 2);
    for (const association of associations) assert.equal(keyOf(association).slice(0, 32), CLUSTER_KEY);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /^line 59: SPI 0x3d1f9a01 to 192\.168\.50\.2 has a different key than line 8\b/);
  });

  test('keys are read digit by digit: AES-128 of 01 and AES-256 of 05', () => {
    const read = (name: string): string[] =>
      parseXfrmState(readFileSync(fixture(`esp/${name}.xfrm.txt`), 'utf8')).associations.map(keyOf);
    assert.deepEqual(read('01-esp-docker-aes128-icv64'), [`${CLUSTER_KEY}b2c4e702`, `${CLUSTER_KEY}3d1f9a01`]);
    const long = '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4';
    assert.deepEqual(read('05-esp-aes256-icv128-esn'), [`${long}b2c4e702`, `${long}3d1f9a01`]);
  });

  test('an SA’s position is the higher of seq and oseq, with the high-order half', () => {
    const of = (name: string): unknown =>
      parseXfrmState(readFileSync(fixture(`esp/${name}.xfrm.txt`), 'utf8')).associations.map(
        ({ sequence }) => sequence,
      );
    assert.deepEqual(of('05-esp-aes256-icv128-esn'), [
      { high: 0, low: 0x20 },
      { high: 0, low: 0x20 },
    ]);
    const esn = sa({
      window: 'replay-window 0 flag esn',
      more: [
        'anti-replay esn context:',
        ' seq-hi 0x2, seq 0x10, oseq-hi 0x1, oseq 0xffffffff',
        ' replay_window 64, bitmap-length 2',
      ],
    });
    assert.deepEqual(only(esn).sequence, { high: 2, low: 0x10 });
    assert.deepEqual(only(sa({ more: ['anti-replay context: seq 0x7, oseq 0x9, bitmap 0x0'] })).sequence, {
      high: 0,
      low: 9,
    });
  });
});

describe('an SA in the output of different versions and options of ip', () => {
  const PLAIN = only(sa());
  const same = (text: string): void => {
    const found = only(text);
    assert.equal(keyOf(found), keyOf(PLAIN));
    assert.deepEqual(found, PLAIN);
  };
  const STATISTICS = [
    'lifetime config:',
    '  limit: soft (INF)(bytes), hard (INF)(bytes)',
    '  limit: soft (INF)(packets), hard (INF)(packets)',
    '  expire add: soft 0(sec), hard 0(sec)',
    '  expire use: soft 0(sec), hard 0(sec)',
    'lifetime current:',
    '  114653(bytes), 93(packets)',
    '  add 2026-11-21 01:43:55 use 2026-11-21 01:43:58',
    'stats:',
    '  replay-window 0 replay 0 failed 0',
  ];

  test('without -d: the mode line is found, no context is needed', () => same(sa({ more: [] })));
  test('with -s: numbers in brackets, key lengths, lifetimes', () =>
    same(
      sa({
        proto: 'proto esp spi 0x00001000(4096) reqid 1(0x00000001) mode transport',
        window: 'replay-window 0 seq 0x00000000 flag  (0x00000000)',
        cipher: `aead rfc4106(gcm(aes)) 0x${AES_128}00001000 (160 bits) 64`,
        more: STATISTICS,
      }),
    ));
  test('marks, interface ids, output marks, offload and unknown lines are ignored', () =>
    same(
      sa({
        more: [
          'mark 0xd0c4e3/0xffffffff ',
          'output-mark 0x1/0xff',
          'if_id 0x2a',
          'crypto offload parameters: dev eth0 dir in mode packet',
          'tfcpad 0',
          'coaddr 10.0.0.9',
          'security context system_u:object_r:t:s0 ',
          'lastused 2026-11-21 01:43:58',
          'something that no version prints yet 0x1234',
        ],
      }),
    ));
  test('Windows line ends', () => same(sa().replaceAll('\n', '\r\n')));
  test('blanks instead of the tab, and trailing blanks', () =>
    same(sa().replaceAll('\n', '   \n').replaceAll('\t', '        ')));
  test('digits of either case', () => same(sa().replace(AES_128, AES_128.toUpperCase())));
  test('the algorithm’s name with an IV generator around it', () =>
    same(sa({ cipher: `aead seqiv(rfc4106(gcm(aes))) 0x${AES_128}00001000 64` })));
  test('headings, policies and other output before, after and between SAs', () => {
    const policy = [
      'src 10.0.0.1/32 dst 10.0.0.2/32 proto udp dport 4789 ',
      '\tdir out priority 0 ptype main ',
      '\tmark 0xd0c4e3/0xffffffff ',
      '\ttmpl src 10.0.0.1 dst 10.0.0.2',
      '\t\tproto esp spi 0x00001001 reqid 13681891 mode transport',
      '',
    ].join('\n');
    same(`## ip xfrm policy\n${policy}## ip xfrm state\n${sa()}${policy}Chain INPUT (policy ACCEPT)\n`);
    assert.deepEqual(parseXfrmState(policy).associations, []);
    assert.equal(isXfrmState(policy), false);
  });
  test('an SA ends with its indented lines: what follows is not part of it', () => {
    const text = `${sa({ cipher: '' })}## keys\n\taead rfc4106(gcm(aes)) 0x${AES_128}00001000 64\n`;
    assert.match(refusal(text), /has no key/);
  });
  const TWO_SAS =
    sa() + sa({ head: 'src 10.0.0.2 dst 10.0.0.1', proto: 'proto esp spi 0x00002000 reqid 1 mode tunnel' });
  const both = (text: string): void => {
    assert.ok(isXfrmState(text));
    const { associations, warnings } = parseXfrmState(text);
    assert.deepEqual(warnings, []);
    assert.deepEqual(associations, parseXfrmState(TWO_SAS).associations);
  };
  const wrapped = (text: string, width: number): string =>
    text
      .replaceAll('\t', '        ')
      .split('\n')
      .map((line) => line.replaceAll(new RegExp(`(.{${width}})(?=.)`, 'g'), '$1\n'))
      .join('\n');
  test('-o, which puts an SA on one line', () => both(TWO_SAS.replaceAll('\n\t', '\\\t').replaceAll('\n', '\\\n')));
  test('an indented block, with tabs or blanks', () => {
    both(TWO_SAS.replaceAll(/^/gm, '\t'));
    both(TWO_SAS.replaceAll('\t', '  ').replaceAll(/^/gm, '    '));
  });
  test('without indentation', () => both(TWO_SAS.replaceAll('\t', '')));
  test('with an empty line after each', () => both(TWO_SAS.replaceAll('\n', '\n\n')));
  test('quoted, with special blanks, a byte order mark and colour', () => {
    both(TWO_SAS.replaceAll(/^/gm, '> '));
    both(`\ufeff${TWO_SAS.replaceAll(' ', '\u00a0')}`);
    both(TWO_SAS.replaceAll(/10\.0\.0\.\d/g, '\u001b[35m$&\u001b[0m'));
  });
  test('after a prompt, and with words after the addresses', () => {
    both(`[root@node1 ~]# ip xfrm state\n${TWO_SAS}[root@node1 ~]# \n`);
    both(TWO_SAS.replaceAll(/^src .*$/gm, '$&   <-- this node'));
  });
  for (const width of [50, 64, 66, 68, 70, 72, 76, 80]) {
    test(`wrapped by a terminal of ${width} columns`, () => both(wrapped(TWO_SAS, width)));
  }
  test('wrapped by a mail program, at blanks', () => both(TWO_SAS.replaceAll(/^(\taead \S+ \S+) 64$/gm, '$1\n64')));
  test('flush left, a policy between SAs is not an SA', () => {
    const policy =
      'src 10.0.0.1/32 dst 10.0.0.2/32\ndir out priority 0\ntmpl src 10.0.0.1 dst 10.0.0.2\nproto esp spi 0x00003000 reqid 1 mode transport\n';
    both(TWO_SAS.replaceAll('\t', '').replace('src 10.0.0.2', `${policy}src 10.0.0.2`));
  });

  test('the window of -s and -d together is the SA’s, not the count of window errors in its statistics', () => {
    const text = sa({
      proto: 'proto esp spi 0x00001000(4096) reqid 1(0x00000001) mode transport',
      window: 'replay-window 64 seq 0x00000000 flag  (0x00000000)',
      more: STATISTICS,
    });
    assert.equal(only(text).replayWindow, 64);
    const errors = text.replace('replay-window 0 replay', 'replay-window 200 replay');
    assert.equal(only(errors).replayWindow, 64);
    const none = sa({ more: STATISTICS }).replace('replay-window 0 replay', 'replay-window 200 replay');
    assert.equal(only(none).replayWindow, 0);
  });

  test('IPv6, tunnel mode, AES-192 and AES-256, ICVs of 64, 96 and 128 bits', () => {
    for (const [digits, keyLength] of [
      [AES_128, 16],
      [AES_128 + AES_128.slice(16), 24],
      [AES_128 + OTHER_128, 32],
    ] as const) {
      for (const bits of [64, 96, 128]) {
        const found = only(
          sa({
            head: 'src fd50::1 dst fd50::2',
            proto: 'proto esp spi 0xdeadbeef reqid 0 mode tunnel',
            cipher: `aead rfc4106(gcm(aes)) 0x${digits}00001000 ${bits}`,
          }),
        );
        assert.deepEqual(
          [found.spi, found.source, found.destination, found.mode, found.icvLength, found.keymat.keyLength],
          [0xdeadbeef, 'fd50::1', 'fd50::2', 'tunnel', bits / 8, keyLength],
        );
        assert.equal(keyOf(found), `${digits}00001000`);
      }
    }
  });

  test('several SAs, in the order of the file', () => {
    const text = [0x100, 0x200, 0x300]
      .map((spi) => sa({ proto: `proto esp spi 0x${spi.toString(16)} reqid 1 mode transport` }))
      .join('');
    assert.deepEqual(
      parseXfrmState(text).associations.map(({ spi }) => spi),
      [0x100, 0x200, 0x300],
    );
  });

  test('one SPI with two destinations is two SAs', () => {
    assert.equal(parseXfrmState(sa() + sa({ head: 'src 10.0.0.1 dst 10.0.0.3' })).associations.length, 2);
  });

  test('the same SA twice is one, without a warning', () => same(sa() + sa({ more: STATISTICS })));

  test('another key for the same SPI and destination: the first is used, a warning names both lines', () => {
    const text = sa() + sa({ cipher: `aead rfc4106(gcm(aes)) 0x${OTHER_128}00001000 64` });
    const { associations, warnings } = parseXfrmState(text);
    assert.deepEqual(associations.map(keyOf), [`${AES_128}00001000`]);
    assert.deepEqual(warnings, ['line 7: SPI 0x00001000 to 10.0.0.2 has a different key than line 1, which is used']);
  });
});

describe('replay windows', () => {
  const windowOf = (window: string, more: string[] = []): number => only(sa({ window, more })).replayWindow;

  test('windows are clamped to 32 to 4096, and 0 means none', () => {
    const CASES: [number, number][] = [
      [0, 0],
      [1, 32],
      [5, 32],
      [32, 32],
      [33, 33],
      [4096, 4096],
      [4097, 4096],
      [5000, 4096],
    ];
    for (const [said, used] of CASES) {
      assert.equal(windowOf(`replay-window ${said} `), used, `legacy ${said}`);
      assert.equal(
        windowOf('replay-window 0 ', [`anti-replay esn context:`, ` replay_window ${said}, bitmap-length 1`]),
        used,
      );
    }
  });

  test('ESN without a window gets 64; with one, that', () => {
    const esn = (window: string, more: string[]): SecurityAssociation => only(sa({ window, more }));
    const bare = esn('replay-window 0 flag esn', []);
    assert.deepEqual([bare.esn, bare.replayWindow], [true, 64]);
    const context = [
      'anti-replay esn context:',
      ' seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0',
      ' replay_window 128, bitmap-length 4',
    ];
    assert.equal(esn('replay-window 0 flag esn', context).replayWindow, 128);
    assert.equal(esn('replay-window 0 flag af-unspec esn', context).esn, true);
    // Some versions omit the flag; the context is enough.
    assert.equal(esn('replay-window 0 ', context).esn, true);
    assert.equal(esn('replay-window 0 seq 0x00000000 flag esn (0x10000000)', []).esn, true);
  });
});

describe('unusable SAs are reported, and the others are used', () => {
  const GOOD = sa({ head: 'src 10.0.0.8 dst 10.0.0.9' });
  const CASES: [what: string, text: string, warning: RegExp][] = [
    [
      'a hidden key',
      sa({ cipher: 'aead rfc4106(gcm(aes)) <<Keys hidden>> 64' }),
      /0x00001000 to 10\.0\.0\.2 has no key/,
    ],
    ['no key at all', sa({ cipher: 'aead rfc4106(gcm(aes)) 64' }), /has no key/],
    ['no cipher at all', sa({ cipher: '' }), /has no key/],
    [
      'CBC with an HMAC',
      sa({
        cipher: `enc cbc(aes) 0x${AES_128}`,
        more: [`auth-trunc hmac(sha256) 0x${AES_128}${OTHER_128} 128`],
      }),
      /uses "cbc\(aes\)"; only rfc4106\(gcm\(aes\)\) is supported/,
    ],
    ['GMAC', sa({ cipher: `aead rfc4543(gcm(aes)) 0x${AES_128}00001000 128` }), /uses "rfc4543\(gcm\(aes\)\)"/],
    [
      'a key with an odd digit',
      sa({ cipher: `aead rfc4106(gcm(aes)) 0x${AES_128}0000100 64` }),
      /odd number of digits/,
    ],
    [
      'a key of 19 bytes',
      sa({ cipher: `aead rfc4106(gcm(aes)) 0x${AES_128}000010 64` }),
      /20, 28 or 36 bytes .* not 19/,
    ],
    ['a key of 21 bytes', sa({ cipher: `aead rfc4106(gcm(aes)) 0x${AES_128}0000100000 64` }), /not 21/],
    [
      'an ICV of 80 bits',
      sa({ cipher: `aead rfc4106(gcm(aes)) 0x${AES_128}00001000 80` }),
      /8, 12 or 16 bytes, not 10/,
    ],
    ['no ICV length', sa({ cipher: `aead rfc4106(gcm(aes)) 0x${AES_128}00001000` }), /8, 12 or 16 bytes, not 0/],
    [
      'AH',
      sa({ proto: 'proto ah spi 0x00001000 reqid 1 mode transport', cipher: `auth-trunc hmac(sha1) 0x${AES_128} 96` }),
      /uses protocol "ah"; only ESP is supported/,
    ],
    [
      'BEET mode',
      sa({ proto: 'proto esp spi 0x00001000 reqid 1 mode beet' }),
      /uses mode "beet"; only transport and tunnel/,
    ],
    [
      'ESP in UDP of the draft',
      sa({ more: ['encap type espinudp-nonike sport 4500 dport 4500 addr 0.0.0.0'] }),
      /is encapsulated as "espinudp-nonike"; only espinudp is supported/,
    ],
    ['ESP in TCP', sa({ more: ['encap type espintcp sport 4500 dport 4500 addr 0.0.0.0'] }), /espintcp/],
    ['an SPI of 0', sa({ proto: 'proto esp spi 0x00000000 reqid 1 mode transport' }), /from 1 to 4294967295, not 0/],
    ['an SPI of 33 bits', sa({ proto: 'proto esp spi 0x100000000 reqid 1 mode transport' }), /from 1 to 4294967295/],
    ['an invalid address', sa({ head: 'src 10.0.0.1 dst 10.0.0' }), /10\.0\.0\b/],
    ['different IP versions', sa({ head: 'src 10.0.0.1 dst fd50::1' }), /of different IP versions/],
  ];
  for (const [what, text, warning] of CASES) {
    test(what, () => {
      assert.match(refusal(text), warning);
      assert.match(refusal(text), /^line 1: .*skipped\)?$/);
      const combined = parseXfrmState(GOOD + text);
      assert.equal(combined.associations.length, 1);
      assert.match(combined.warnings.join('\n'), /^line 7: [^\n]*$/);
      assert.equal(parseXfrmState(text + GOOD).associations.length, 1);
    });
  }

  test('an acquire is reported as such, since no permission to read keys would help', () => {
    const text = sa({ proto: 'proto esp spi 0x00000000 reqid 1 mode transport', cipher: '' });
    assert.match(
      refusal(text),
      /^line 1: SPI 0x00000000 to 10\.0\.0\.2 from 10\.0\.0\.1 is an acquire: the kernel waits for an SA/,
    );
  });

  test('distinguishes a redacted key from one that ip hides', () => {
    for (const instead of ['<snip>', '[redacted]', 'XXXXXXXX', '***', '0x...']) {
      const text = sa({ cipher: `aead rfc4106(gcm(aes)) ${instead} 64` });
      assert.match(refusal(text), /has something else in place of its key \(was it redacted\?\)/, instead);
    }
  });

  test('a key that one dump hides and another shows is used, without a warning', () => {
    const hidden = sa({ cipher: 'aead rfc4106(gcm(aes)) <<Keys hidden>> 64' });
    assert.equal(keyOf(only(hidden + sa())), `${AES_128}00001000`);
    assert.equal(keyOf(only(sa() + hidden)), `${AES_128}00001000`);
    assert.match(refusal(hidden + hidden), /has no key/);
  });

  test('a key in the position of the algorithm’s name is not shown by the warning about it', () => {
    for (const word of ['aead', 'enc']) {
      const { associations, warnings } = parseXfrmState(sa({ cipher: `${word} 0x${AES_128}00001000 64` }));
      assert.equal(associations.length, 0);
      assert.equal(warnings.length, 1);
      assert.ok(!warnings[0].includes(AES_128), warnings[0]);
    }
  });
});

describe('arbitrary text', () => {
  const SEEDS = ['esp/05-esp-aes256-icv128-esn', 'esp/13-esp-natt', 'docker/07-encrypted'].map((name) =>
    readFileSync(fixture(`${name}.xfrm.txt`), 'utf8')
      .split('\n')
      .slice(0, 60),
  );
  const KEYS = new Set(SEEDS.flat().flatMap((line) => / 0x([0-9a-f]{32})[0-9a-f]{8,}/.exec(line)?.[1] ?? []));
  const GARBAGE = [
    '',
    '\t',
    'src',
    '\tproto esp',
    '\tproto esp spi 0x0',
    '\taead',
    '\treplay-window 99999999999',
    'src 1 dst 2',
    'src :: dst ::',
    '\tencap type x sport 1 dport 2',
    '\u0000\ufffd',
    '\tseq-hi 0xffffffffff, seq 0x1, oseq-hi 0x0, oseq 0x0',
  ];

  test('damaged dumps never throw, accepted SAs are valid, and warnings contain no key (3,000 dumps)', () => {
    const change = fc.record({ at: fc.nat(), kind: fc.nat(5), value: fc.nat(), text: fc.string({ maxLength: 12 }) });
    const sample = fc.record({
      seed: fc.nat(SEEDS.length - 1),
      changes: fc.array(change, { maxLength: 12 }),
      cut: fc.nat(),
    });
    let used = 0;
    let refused = 0;
    fc.assert(
      fc.property(sample, ({ seed, changes, cut }) => {
        const lines = [...SEEDS[seed]];
        for (const { at, kind, value, text } of changes) {
          const i = at % lines.length;
          const line = lines[i];
          const column = value % (line.length + 1);
          if (kind === 0) lines.splice(i, 1, '');
          else if (kind === 1) lines.splice(i, 1, line.slice(0, column));
          else if (kind === 2) lines.splice(i, 0, GARBAGE[value % GARBAGE.length]);
          else if (kind === 3) lines.splice(i, 1, line.slice(0, column) + text + line.slice(column + 1));
          else if (kind === 4) lines.splice(i, 1, lines[value % lines.length]);
          else lines.splice(i, 1, line.slice(0, column) + line.slice(column + 1));
        }
        let text = lines.join('\n');
        if (cut % 3 === 0) text = text.slice(0, cut % (text.length + 1));
        isXfrmState(text);
        const { associations, warnings } = parseXfrmState(text);
        used += associations.length;
        refused += warnings.length;
        for (const { spi, icvLength, replayWindow, esn, keymat } of associations) {
          assert.ok(spi >= 1 && spi <= 0xffffffff && [8, 12, 16].includes(icvLength));
          assert.ok((replayWindow === 0 && !esn) || (replayWindow >= 32 && replayWindow <= 4096));
          assert.ok([16, 24, 32].includes(keymat.keyLength));
        }
        for (const warning of warnings) {
          assert.match(warning, /^line \d+: /);
          for (const key of KEYS) assert.ok(!warning.includes(key), warning);
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
    // Both outcomes occurred.
    assert.ok(used > 3000 && refused > 300, `${used} used, ${refused} refused`);
  });

  test('arbitrary text never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^src [0-9a-f.:]* dst [\s\S]*$/)),
        (text) => {
          isXfrmState(text);
          parseXfrmState(text);
        },
      ),
      { seed: SEED, numRuns: 2000 },
    );
  });

  const MEGABYTE = 1 << 20;
  const LONG: [what: string, text: string][] = [
    ['lines of garbage', 'src 10.0.0.1 dst nonsense 0x123456789abcdef\n'.repeat(MEGABYTE / 44)],
    ['heads without SAs', 'src 10.0.0.1 dst 10.0.0.2\n'.repeat(MEGABYTE / 26)],
    ['a head and a megabyte of digits', `src ${'1'.repeat(MEGABYTE)} dst ${'2'.repeat(MEGABYTE)}x\n`],
    ['a head and a megabyte of blanks', `src 10.0.0.1 dst 10.0.0.2${' '.repeat(MEGABYTE)}x\n`],
    ['a head and 65,536 empty lines', `src 10.0.0.1 dst 10.0.0.2${'\n'.repeat(1 << 16)}x\n`],
    ['an indented line of blanks', `${sa()}${' '.repeat(MEGABYTE)}\n`],
    ['a key of a megabyte', sa({ cipher: `aead rfc4106(gcm(aes)) 0x${'a'.repeat(MEGABYTE)}g 64` })],
    ['a cipher line of numbers', sa({ cipher: `aead x ${'1 '.repeat(MEGABYTE / 2)}x` })],
    ['a cipher line of keys', sa({ cipher: `aead x ${'0xa0xa '.repeat(MEGABYTE / 7)}x` })],
    ['endless wrapped lines', `${sa()}${'1'.repeat(60)}\n`.repeat(1) + `${'1'.repeat(60)}\n`.repeat(MEGABYTE / 61)],
    ['a megabyte of backslashes', `${sa()}${'\\ '.repeat(MEGABYTE / 2)}`],
    ['a megabyte of escapes', '\u001b['.repeat(MEGABYTE / 2)],
    ['a window of a megabyte', sa({ window: `replay-window ${'1'.repeat(MEGABYTE)} ${'esn '.repeat(1000)}` })],
  ];
  for (const [what, text] of LONG) {
    test(`${what}: parsed in less than a second`, () => {
      const took = cpuSeconds(() => {
        isXfrmState(text);
        parseXfrmState(text);
      });
      assert.ok(took < 1, `${took.toFixed(2)} s`);
    });
  }

  test('parses ten thousand SAs in less than two seconds', () => {
    const text = Array.from({ length: 10_000 }, (_, i) =>
      sa({ proto: `proto esp spi 0x${(i + 256).toString(16).padStart(8, '0')} reqid 1 mode transport` }),
    ).join('');
    assert.ok(cpuSeconds(() => assert.equal(parseXfrmState(text).associations.length, 10_000)) < 2);
  });
});
