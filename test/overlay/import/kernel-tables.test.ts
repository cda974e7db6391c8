/** Kernel tables in every format of iproute2, and as mangled by terminals and forums. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseBridgeFdb, parseIpNeighbours } from '../../../src/overlay/import/kernel-tables.js';
import { OverlayError } from '../../../src/overlay/index.js';
import { formatAddress } from '../../../src/overlay/prefix.js';
import { formatMac } from '../../../src/wire/index.js';

const MAC = '02:42:0a:00:09:04';
const ROW = `${MAC} dev vxlan0 dst 192.168.50.2 link-netnsid 0 self permanent`;
const NEIGHBOUR = `10.0.9.4 dev vxlan0 lladdr ${MAC} PERMANENT `;

function rows(text: string): string[] {
  return parseBridgeFdb(text).map(
    ({ mac, destination, device, permanent }) =>
      `${formatMac(mac)} ${destination === undefined ? '-' : formatAddress(destination)} ${device} ${permanent}`,
  );
}

function neighbours(text: string): string[] {
  return parseIpNeighbours(text).map(({ ip, mac, device }) => `${formatAddress(ip)} ${formatMac(mac)} ${device}`);
}

const WHOLE = [`${MAC} 192.168.50.2 vxlan0 true`];
const NAMELESS = [`${MAC} 192.168.50.2  true`];

const FDB: readonly (readonly [what: string, text: string, found: readonly string[]])[] = [
  ['bridge fdb show', `${ROW}\n`, WHOLE],
  ['bridge fdb show dev vxlan0, which prints no device', `${ROW.replace(' dev vxlan0', '')}\n`, NAMELESS],
  ['iproute2 4.19, which prints dev twice', ROW.replace('dev', 'dev dev'), WHOLE],
  ['bridge -s fdb', `${MAC} dev vxlan0 dst 192.168.50.2 used 0/12 self permanent`, WHOLE],
  ['a port and a VNI', `${MAC} dev vxlan0 dst 192.168.50.2 port 8472 vni 5 via eth0 self permanent`, WHOLE],
  ['rows of the bridge next to it', `${MAC} dev vxlan0 master br0 \n${ROW}`, [`${MAC} - vxlan0 false`, ...WHOLE]],
  ['IPv6', ROW.replace('192.168.50.2', 'fd50::2'), [`${MAC} fd50::2 vxlan0 true`]],
  ['bridge -c fdb', `\u001b[33m${MAC} \u001b[0mdst \u001b[35m192.168.50.2 \u001b[0mself permanent`, NAMELESS],
  ['colour that cat -v made visible', `^[[33m${MAC} ^[[0mdst ^[[35m192.168.50.2 ^[[0mself permanent`, NAMELESS],
  [
    'bridge -j fdb',
    `[{"mac":"${MAC}","ifname":"vxlan0","dst":"192.168.50.2","flags":["self"],"state":"permanent"}]`,
    WHOLE,
  ],
  [
    'bridge -j -p fdb show dev vxlan0 after a prompt with brackets',
    `[root@node1 ~]# bridge -j -p fdb show dev vxlan0\n[ {\n  "mac": "${MAC}",\n  "dst": "192.168.50.2",\n  "state": "permanent"\n} ]\n`,
    NAMELESS,
  ],
  [
    'two concatenated outputs of -j',
    `[{"mac":"${MAC}","flags":[]}]\n[{"mac":"${MAC}"}]`,
    [`${MAC} -  false`, `${MAC} -  false`],
  ],
  ['prompts and headings around it', `root@node1:~# bridge fdb show\n${ROW}\n## ns 2\nroot@node1:~# `, WHOLE],
  [
    'a quotation',
    `> ${ROW}\r\n> ${ROW.replace(':04', ':05')}\r\n`,
    [...WHOLE, `${MAC.replace(':04', ':05')} 192.168.50.2 vxlan0 true`],
  ],
  [
    'an indented block with other white space and a byte order mark',
    `\ufeff\u00a0\u00a0\u00a0 ${ROW.replaceAll(' ', '\u00a0')}`,
    WHOLE,
  ],
  ...[50, 52, 53, 58, 60, 61, 70].map(
    (width) =>
      [
        `rows wrapped by a terminal of ${width} columns`,
        `${ROW.slice(0, width)}\n${ROW.slice(width)}\n`,
        WHOLE,
      ] as const,
  ),
];

describe('bridge fdb', () => {
  for (const [what, text, found] of FDB) test(`is parsed: ${what}`, () => assert.deepEqual(rows(text), found));

  for (const [what, text, message] of [
    ['a VTEP that was cut', `${ROW}\n${ROW.replace('50.2', '50.')}`, /^line 2: not an IPv4 address: "192\.168\.50\."$/],
    ['a MAC that was cut', `x\n\n${ROW.slice(3)}`, /^line 3: not a MAC address: "42:0a:00:09:04"$/],
    ['a row that ends behind dst', `${MAC} dev vxlan0 dst`, /^line 1: not an IPv4 address: ""$/],
    ['JSON that was cut', `[{"mac":"${MAC}",\n"dst":`, /^line 2: not JSON: truncated: 2 unclosed brackets$/],
    [
      'an error message from ip',
      'Cannot open network namespace "x": No such file or directory',
      /no line is an entry of bridge fdb show: it looks like an error message from ip$/,
    ],
    ['ip neigh', NEIGHBOUR, /it looks like output of ip neigh$/],
    ['ip neigh of short IPv6 addresses', `fd::4 dev br0 lladdr ${MAC} STALE`, /it looks like output of ip neigh$/],
    [
      'ip -j neigh',
      `[{"dst":"10.0.9.4","dev":"vxlan0","lladdr":"${MAC}","state":["PERMANENT"]}]`,
      /output of ip -j neigh$/,
    ],
    [
      'brctl showmacs',
      `port no\tmac addr\t\tis local?\tageing timer\n  1\t${MAC}\tno\t\t 0.00\n`,
      /it looks like output of brctl showmacs$/,
    ],
    [
      'docker network inspect',
      '[{"Name": "x", "EnableIPv6": false}]',
      /it looks like output of docker network inspect$/,
    ],
    ['nothing', '\n', /it is empty/],
  ] as const) {
    test(`is rejected with the line or what it looks like: ${what}`, () => {
      assert.throws(() => parseBridgeFdb(text), { code: 'BAD_IMPORT', message });
    });
  }
});

const NEIGH: readonly (readonly [what: string, text: string, found: readonly string[]])[] = [
  ['ip neigh', NEIGHBOUR, [`10.0.9.4 ${MAC} vxlan0`]],
  ['ip neigh show dev vxlan0, which prints no device', NEIGHBOUR.replace(' dev vxlan0', ''), [`10.0.9.4 ${MAC} `]],
  [
    'IPv4 and IPv6 of one MAC',
    `${NEIGHBOUR}\nfe80::4 dev br0 lladdr ${MAC} STALE`,
    [`10.0.9.4 ${MAC} vxlan0`, `fe80::4 ${MAC} br0`],
  ],
  ['ip -s neigh', `10.0.9.4 dev vxlan0 lladdr ${MAC}  used 1/61/1probes 0 PERMANENT`, [`10.0.9.4 ${MAC} vxlan0`]],
  ['flags', `10.0.9.4 dev vxlan0 lladdr ${MAC} router extern_learn NOARP`, [`10.0.9.4 ${MAC} vxlan0`]],
  [
    'entries without a MAC',
    `10.0.9.5 dev vxlan0  FAILED\n10.0.9.6 dev vxlan0  INCOMPLETE\n${NEIGHBOUR}`,
    [`10.0.9.4 ${MAC} vxlan0`],
  ],
  ['MACs of other devices', `10.0.9.5 dev gre0 lladdr 192.0.2.1 NOARP\n${NEIGHBOUR}`, [`10.0.9.4 ${MAC} vxlan0`]],
  [
    'ip -c neigh',
    `\u001b[35m10.0.9.4 \u001b[0mdev \u001b[36mvxlan0 \u001b[0mlladdr \u001b[33m${MAC} \u001b[0mPERMANENT `,
    [`10.0.9.4 ${MAC} vxlan0`],
  ],
  [
    'ip -j neigh',
    `[{"dst":"10.0.9.4","lladdr":"${MAC}","state":["PERMANENT"]},{"dst":"10.0.9.5","state":["FAILED"]}]`,
    [`10.0.9.4 ${MAC} `],
  ],
  [
    'a broken line',
    `fd00:1111:2222:3333:4444:5555:6666:7777 dev vxlan0 lladdr\n${MAC} PERMANENT`,
    [`fd00:1111:2222:3333:4444:5555:6666:7777 ${MAC} vxlan0`],
  ],
];

describe('ip neigh', () => {
  for (const [what, text, found] of NEIGH) test(`is parsed: ${what}`, () => assert.deepEqual(neighbours(text), found));

  for (const [what, text, message] of [
    [
      'a truncated address',
      `${NEIGHBOUR}\n10.0.9 dev vxlan0 lladdr ${MAC} STALE`,
      /^line 2: not an IPv4 address: "10\.0\.9"$/,
    ],
    [
      'a truncated MAC',
      `10.0.9.4 dev vxlan0 lladdr ${MAC.slice(0, 14)} STALE`,
      /^line 1: not a MAC address: "02:42:0a:00:09"$/,
    ],
    ['bridge fdb', ROW, /no line is an entry of ip neigh: it looks like output of bridge fdb$/],
    ['bridge -j fdb', `[{"mac":"${MAC}","dst":"192.168.50.2","state":"permanent"}]`, /output of bridge -j fdb$/],
    ['arp', `? (10.0.9.4) at ${MAC} [ether] PERM on vxlan0`, /it looks like output of arp$/],
    ['nothing', '', /it is empty/],
  ] as const) {
    test(`is rejected with the line or what it looks like: ${what}`, () => {
      assert.throws(() => parseIpNeighbours(text), { code: 'BAD_IMPORT', message });
    });
  }
});

describe('any text', () => {
  test('is a table or a one-line error (3,000 texts)', () => {
    const pieces = fc.constantFrom(
      ROW,
      NEIGHBOUR,
      MAC,
      'dst',
      ' ',
      '\n',
      '[{"mac":',
      '"',
      '}',
      ']',
      '\u001b[',
      'dev',
      '10.0.9.4',
      'lladdr',
      '\\',
      '> ',
    );
    const texts = fc
      .array(fc.oneof(pieces, fc.string({ maxLength: 8 })), { maxLength: 20 })
      .map((list) => list.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        for (const reader of [parseBridgeFdb, parseIpNeighbours]) {
          try {
            reader(text);
          } catch (error) {
            assert.ok(error instanceof OverlayError && error.code === 'BAD_IMPORT', String(error));
            assert.ok(!error.message.includes('\n'));
          }
        }
      }),
      { seed: 20261121, numRuns: 3000 },
    );
  });
});
