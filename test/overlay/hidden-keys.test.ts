/** A key in the wrong place is not shown by messages about that place. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { parseConfig, parseKeys } from '../../src/overlay/files.js';
import { OverlayError } from '../../src/overlay/index.js';

const KEY = '4c6f72656d20697073756d20646f6c6f';
/** YAML parses it as a number. */
const DIGITS = '12345678901234567890123456789012';
/** Each with its digits. */
const FORMS: readonly (readonly [text: string, digits: string])[] = [
  [KEY, KEY],
  [`0x${KEY}b2c4e702`, `${KEY}b2c4e702`],
  [DIGITS, DIGITS],
  [`-${DIGITS}`, DIGITS],
  [`${KEY.slice(0, 16)}.${KEY.slice(16)}`, KEY],
  [`:${KEY}`, KEY],
  [(KEY.match(/../g) ?? []).join(':'), KEY],
];
const OTHER = 'ffeeddccbbaa99887766554433221100';

const XFRM = `src 10.0.0.1 dst 10.0.0.2
\tproto esp spi 0x00001000(4096) reqid 1(0x1) mode transport
\treplay-window 32 seq 0x00000000 flag af-unspec esn (0x10000000)
\taead rfc4106(gcm(aes)) 0x${OTHER}00001000 64
\tencap type espinudp sport 4500 dport 4500 addr 0.0.0.0
\tanti-replay esn context:
\t seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0
\t replay_window 128, bitmap-length 4
\tsel src 0.0.0.0/0 dst 0.0.0.0/0
`;
const ESP_SA = `"IPv4","10.0.0.1","10.0.0.2","0x00001000","AES-GCM with 8 octet ICV [RFC4106]","0x${OTHER}00001000","NULL","","64-bit","0x0"\n`;
const SWARM = `networking:gossip lamport 29942 key ${OTHER}\nnetworking:ipsec lamport 29943 key ${OTHER}\n`;
const RING = `profile: strict\nkeys:\n  - { tag: 4, key: "${OTHER}" }\n`;
const JSON_RING = JSON.stringify({ profile: 'strict', keys: [{ tag: 4, key: OTHER }] });
const CONFIG = `profile: swarm
port: 4789
nodes:
  n1: { vtep: 192.168.50.1, mac: "02:00:00:00:50:01", mtu: 1500 }
  n2: { vtep: 192.168.50.2 }
networks:
  net: { vni: 4097, subnet: 10.0.9.0/24, gateway: 10.0.9.1, encrypted: true, mtu: 1400, flood: drop, learning: false }
endpoints:
  c1: { network: net, node: n1, ip: 10.0.9.3, mac: "02:42:0a:00:09:03" }
  c2: { network: net, node: n2, ip: 10.0.9.4 }
keys:
  - { tag: 4, key: "${OTHER}" }
`;

/** A parser's output about a text: its warnings, and its error with all causes. */
function said(read: (text: string) => unknown, text: string): string {
  try {
    const { warnings = [] } = read(text) as { warnings?: readonly string[] };
    return warnings.join('\n');
  } catch (error) {
    assert.ok(error instanceof OverlayError, inspect(error));
    return inspect(error, { depth: 9 }).replaceAll(/\n +at .*/g, '');
  }
}

function assertHidden(message: string, digits: string): void {
  // A number's decimal point and an address's separators don't hide the text around them.
  const plain = message.toLowerCase().replaceAll(/[.:]/g, '');
  for (let i = 0; i + 8 <= digits.length; i++) assert.ok(!plain.includes(digits.slice(i, i + 8)), message);
}

const WORD = /[^\s",{}[\]]+|""/g;

/** The text with each of its words replaced in turn. */
function* replaced(text: string, word: string): Generator<string> {
  for (const { 0: found, index } of text.matchAll(WORD)) {
    yield text.slice(0, index) + word + text.slice(index + found.length);
  }
}

describe('a key in place of any word is shown by no warning and no error', () => {
  const FILES: [what: string, text: string][] = [
    ['the output of ip xfrm state', XFRM],
    ['esp_sa', ESP_SA],
    ['lines of Swarm’s raft store', SWARM],
    ['a ring in YAML', RING],
    ['a ring in JSON', JSON_RING],
  ];
  for (const [what, text] of FILES) {
    test(`${what}, also with another error next to it`, () => {
      let messages = 0;
      for (const [form, digits] of FORMS) {
        for (const one of replaced(text, form)) {
          for (const broken of [one, ...replaced(one, 'x')]) {
            const message = said(parseKeys, broken);
            assertHidden(message, digits);
            if (message !== '') messages++;
          }
        }
      }
      assert.ok(messages > 100, `${messages} messages`);
    });
  }

  test('a config', () => {
    let messages = 0;
    for (const [form, digits] of FORMS) {
      for (const word of [form, `"${form}"`]) {
        for (const broken of replaced(CONFIG, word)) {
          const message = said(parseConfig, broken);
          assertHidden(message, digits);
          if (message !== '') messages++;
        }
      }
    }
    assert.ok(messages > 100, `${messages} messages`);
  });

  test('a ring or a config too long for YAML', () => {
    const spaces = ' '.repeat(1 << 17);
    for (const [form, digits] of FORMS) {
      for (const broken of replaced(`${JSON_RING}${spaces}`, form)) {
        assertHidden(said(parseKeys, broken), digits);
        assertHidden(said(parseConfig, broken), digits);
      }
    }
  });

  test('the name of an alias', () => {
    assertHidden(said(parseKeys, `keys: *${KEY}\n`), KEY);
    assertHidden(said(parseConfig, `keys: *${KEY}\n`), KEY);
  });
});
