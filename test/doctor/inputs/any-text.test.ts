/** No text makes the parsers throw, hang, or show a key or a control character. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readInputs } from '../../../src/doctor/inputs/read-inputs.js';
import { output } from './sources.js';

const OUTPUTS = [
  'node1.collected.txt',
  'node1.host.txt',
  'nft-ruleset.txt',
  'iptables-list.txt',
  'ip-link.txt',
  'ip-addr.json',
  'bridge-fdb.json',
  'docker-info.txt',
  'pastes/f13-two-outputs.json',
].map(output);
/** Lines of all outputs, each once. */
const LINES = [...new Set(OUTPUTS.flatMap((text) => text.split('\n')))].map((line) => line.slice(0, 400));

function factsOf(text: string): string {
  return JSON.stringify(readInputs([{ name: 'x', text }]));
}

test('lines of real outputs in any order, damaged anywhere', () => {
  const line = fc.oneof(
    fc.constantFrom(...LINES),
    fc
      .tuple(fc.constantFrom(...LINES), fc.nat(400), fc.nat(400))
      .map(([text, from, to]) => text.slice(0, from) + text.slice(to)),
    fc.string({ unit: 'binary', maxLength: 60 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), fc.constantFrom('\n', '\r\n', '\r', '\n\n', ' '), (lines, end) => {
      const facts = factsOf(lines.join(end));
      // eslint-disable-next-line no-control-regex -- none may be left
      assert.doesNotMatch(facts, /[\u0000-\u001f\u007f-\u009f]|\\u001b/);
    }),
    { numRuns: 50 },
  );
});

test('every beginning of an output is read', () => {
  for (const text of OUTPUTS) {
    for (let end = 0; end < text.length; end += Math.ceil(text.length / 12)) factsOf(text.slice(0, end));
  }
});

/** Texts that take a parser with backtracking or rescanning hours. */
const LONG = 100_000;
const HARD: readonly (readonly [what: string, text: string])[] = [
  ['brackets', '['.repeat(LONG)],
  ['lines of brackets', '[\n'.repeat(LONG)],
  ['empty lists', '[]'.repeat(LONG)],
  ['empty lists on lines', '[]\n'.repeat(LONG)],
  ['objects on one line', '{"a":1}'.repeat(LONG / 7)],
  ['a long list', `[${'{},'.repeat(LONG)}{}]`],
  ['a long damaged list', `[${'{},'.repeat(LONG)}`],
  ['blanks', ' '.repeat(LONG)],
  ['blanks before a letter', `${' '.repeat(LONG)}x`],
  ['blank lines', `x${'\n'.repeat(LONG)}y`],
  ['options', `# ip${' -n'.repeat(150)}\n`.repeat(LONG / 450)],
  ['colons', 'a:'.repeat(LONG)],
  ['digits', '1'.repeat(LONG)],
  ['digits of keys', `0x${'ab'.repeat(LONG)}`],
  ['heads of SAs', 'src 10.0.0.1 dst 10.0.0.2\n'.repeat(LONG / 26)],
  ['one long SA', `src 10.0.0.1 dst 10.0.0.2\n${'\tproto esp spi 0x1\n'.repeat(LONG / 19)}`],
  ['wrapped lines', `02:42:0a:00:09:04 dev vxlan0 ${'a'.repeat(60)}\n`.repeat(LONG / 90)],
  ['a device with many addresses', `2: a: <UP> mtu 1500\n${'    inet 10.0.0.1/8 scope global\n'.repeat(LONG / 32)}`],
  ['policies of chains', Array.from({ length: 7000 }, (_, i) => `-P C${i} ACCEPT`).join('\n')],
  ['one chain of nft', `table ip x {\nchain y {\n${'udp dport 4789 accept\n'.repeat(LONG / 22)}`],
  ['braces of nft', `table ip x {\n${'{\n'.repeat(LONG / 2)}`],
  ['quotes', '"'.repeat(LONG)],
  ['words of a rule', `-A INPUT ${'-m x '.repeat(LONG / 5)}`],
  ['prompts', 'root@node1:~# ip neigh\n'.repeat(LONG / 23)],
  [
    'prompts of many nodes',
    Array.from({ length: 5000 }, (_, i) => `root@n${i}:~# bridge fdb\n02:42:0a:00:09:04 dev v self`).join('\n'),
  ],
  ['escapes', '\u001b['.repeat(LONG / 2)],
  ['quote margins', '> '.repeat(LONG / 2)],
  ['quote margins, more than the stack of a matcher holds', '> '.repeat(30 * LONG)],
  ['prompts without an end', `u@${'h'.repeat(60)}:${'~'.repeat(100)}\n`.repeat(LONG / 160)],
  ['brief devices with many addresses', `eth0 UP ${'10.0.0.1/8 '.repeat(LONG / 10)}\n`.repeat(10)],
  [
    'networks with one VNI',
    JSON.stringify(
      Array.from({ length: 2000 }, (_, i) => ({
        Id: `${i}`,
        Driver: 'overlay',
        IPAM: {},
        Options: { 'com.docker.network.driver.overlay.vxlanid_list': '4097' },
      })),
    ),
  ],
  ['log lines', 'time="2026-11-21T03:20:02Z" level=error msg="vxlan"\n'.repeat(LONG / 50)],
  [
    'connections',
    'tcp 6 1 ESTABLISHED src=1.2.3.4 dst=1.2.3.5 sport=1 dport=2 src=1.2.3.5 dst=1.2.3.4 sport=2 dport=1\n'.repeat(
      LONG / 100,
    ),
  ],
  ['virtual servers', `FWM 1 rr\n${'-> 1.2.3.4:0 Masq 1 0 0\n'.repeat(LONG / 24)}`],
  ['a config', `nodes:\n  a: { vtep: 10.0.0.1 }\nnetworks:\n${'  x: {}\n'.repeat(1000)}`],
];

for (const [what, text] of HARD) {
  test(`${what}: read in a moment`, () => {
    factsOf(text);
  });
}
