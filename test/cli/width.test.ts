/** What a command prints fits the width of the screen. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../repository.js';
import { scratch, vtep, vtepProcess } from './run.js';

const folder = scratch();
// Relative, as users type them: a word longer than a line stays whole.
const ENCRYPTED = 'fixtures/docker/07-encrypted.underlay.pcap';
const CLEAR = 'fixtures/docker/03-vip-http.underlay.pcap';
const ROTATION = 'fixtures/esp/08-esp-key-rotation.underlay.pcap';
const RING = 'fixtures/docker/swarm-keys.txt';
const WRONG = 'fixtures/esp/01-esp-docker-aes128-icv64.xfrm.txt';
const EVENTS = 'fixtures/esp/08-esp-key-rotation.events.txt';
const OUT = join(folder, 'o');

writeFileSync(
  `${OUT}.config.yaml`,
  `nodes: { n1: { vtep: 127.0.0.1 }, n2: { vtep: 127.0.0.2 } }
networks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }
endpoints:
  c1: { network: web, node: n1, ip: 10.0.9.3 }
  c2: { network: web, node: n2, ip: 10.0.9.4 }
`,
);
writeFileSync(
  `${OUT}.swarm.yaml`,
  `nodes: { n1: { vtep: 127.0.0.1 }, n2: { vtep: 127.0.0.2 } }
networks: { ingress: { ingress: true }, web: { subnet: 10.0.9.0/29, options: { encrypted: "" }, attachable: true } }
services:
  a-service-whose-name-is-nearly-as-long-as-a-dns-label-may-be: { networks: [web], replicas: 9, ports: [80] }
`,
);
const CONFIG = ['--config', `${OUT}.config.yaml`, '--node', 'n1'];

const CALLS: readonly (readonly string[])[] = [
  ['demo'],
  ['inspect', CLEAR],
  ['inspect', CLEAR, '--vni', '5'],
  ['inspect', CLEAR, '--rows', '1'],
  ['inspect', ENCRYPTED],
  ['inspect', ENCRYPTED, '--keys', RING],
  ['inspect', ENCRYPTED, '--keys', WRONG],
  ['inspect', ENCRYPTED, '--keys', RING, '--packets'],
  ['inspect', 'fixtures/docker/06-mtu-1300.underlay.pcap'],
  ['keys', 'match', ENCRYPTED, '--ring', RING],
  ['keys', 'match', ROTATION, '--ring', RING],
  ['keys', 'timeline', ENCRYPTED, '--ring', RING],
  ['keys', 'timeline', ROTATION, '--events', EVENTS],
  ['keys', 'schedule', '--rate', '100000'],
  ['keys', 'spi', '--src', '192.168.50.1', '--dst', '192.168.50.2', '--tag', '29944'],
  ['keys', 'spi', '--src', 'fd00:0:50::1', '--dst', 'fd00:0:50::2', '--tag', '29944'],
  ['keys', 'generate', '--force', '-o', `${OUT}.yaml`],
  ['mtu', '--encrypted', '--underlay', '1420'],
  ['network', 'plan', '--config', `${OUT}.swarm.yaml`],
  ['mtu', '--encrypted', '--tunnel', 'ipv6', '--ipv6', '--encap'],
  ['replay', CLEAR, '--both', '--verbose'],
  ['replay', CLEAR, '--both', '--loss', '0.1', '--corrupt', '0.1'],
  ['encap', 'fixtures/vxlan/01-icmp.c1.pcap', '-o', `${OUT}.pcap`, ...CONFIG],
  ['encap', CLEAR, '-o', `${OUT}.pcap`, ...CONFIG],
  ['keys', 'rotate', RING, '-o', `${OUT}.next.yaml`, '--force'],
  ['decap', CLEAR, '-o', `${OUT}.pcap`],
  ['decap', ENCRYPTED, '-o', `${OUT}.pcap`],
];

/** Whether a line is longer than the width though it could be broken at a space. */
function isTooLong(line: string, width: number): boolean {
  return line.length > width && line.trim().includes(' ');
}

describe('no line is wider than the screen', () => {
  for (const words of CALLS) {
    for (const columns of [80, 60]) {
      test(`of ${columns} columns: ${words.join(' ').replace(folder, '')}`, async () => {
        const { stdout, stderr, status } = await vtep(words, { columns });
        assert.equal(status, 0, stderr);
        assert.ok(stdout.length + stderr.length > 0);
        for (const line of (stdout + stderr).split('\n')) assert.ok(!isTooLong(line, columns), line);
      });
    }
  }
});

describe('the width of what is printed', () => {
  test('is COLUMNS, or 80 if standard output is no terminal', () => {
    const width = (columns: string | undefined): number => {
      const { stdout } = vtepProcess(['inspect', ENCRYPTED, '--keys', RING], undefined, { COLUMNS: columns });
      return Math.max(...stdout.split('\n').map((line) => line.length));
    };
    assert.ok(width(undefined) <= 80);
    assert.ok(width('60') <= 60);
    assert.ok(width('200') > 80);
    assert.ok(width('none') <= 80);
  });

  test('does not shorten the lines of --packets in a pipe, which other programs filter', () => {
    const words = ['inspect', fixture('docker/03-vip-http.underlay.pcap'), '--packets'];
    const { stdout } = vtepProcess(words, undefined, { COLUMNS: undefined });
    assert.ok(stdout.split('\n').some((line) => line.length > 120));
    assert.ok(!stdout.includes('…'));
  });
});

describe('columns that do not fit', () => {
  test('are named below the table, with the width that shows them', async () => {
    const { stdout } = await vtep(['inspect', ENCRYPTED, '--keys', RING], { columns: 80 });
    const note = /\(not shown: bytes, first seq, last seq, missing; COLUMNS=(\d+) shows all\)/.exec(stdout);
    assert.ok(note !== null, stdout);
    const wide = await vtep(['inspect', ENCRYPTED, '--keys', RING], { columns: Number(note[1]) });
    assert.ok(!wide.stdout.includes('not shown'));
  });
});

describe('colour', () => {
  const words = ['inspect', ENCRYPTED, '--keys', RING];

  test('marks headings and counts on a terminal, and changes no character', async () => {
    const plain = await vtep(words, { columns: 100 });
    const coloured = await vtep(words, { columns: 100, colour: true });
    assert.ok(coloured.stdout.includes('\x1b[1mNetworks\x1b[22m'));
    assert.ok(coloured.stdout.includes('\x1b[32m44\x1b[39m'), 'opened packets are green');
    // eslint-disable-next-line no-control-regex -- styles are the subject
    assert.equal(coloured.stdout.replace(/\x1b\[\d+m/g, ''), plain.stdout);
    assert.ok(!plain.stdout.includes('\x1b'));
  });

  test('never marks --json', async () => {
    const { stdout } = await vtep([...words, '--json'], { colour: true });
    assert.ok(!stdout.includes('\x1b'));
    JSON.parse(stdout);
  });

  test('is what FORCE_COLOR asks for, and not in a pipe otherwise', () => {
    assert.ok(vtepProcess(words, undefined, { FORCE_COLOR: '1' }).stdout.includes('\x1b[1m'));
    assert.ok(!vtepProcess(words, undefined, { FORCE_COLOR: undefined }).stdout.includes('\x1b'));
    assert.ok(!vtepProcess(words, undefined, { FORCE_COLOR: '1', NO_COLOR: '1' }).stdout.includes('\x1b'));
  });
});

test('-o - refuses to write a capture to a terminal', async () => {
  const { status, stderr, stdout } = await vtep(['decap', CLEAR, '-o', '-'], { terminal: true });
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.equal(stderr, 'vtep: -o - writes a capture; redirect it or pipe it into tshark -r -\n');
});
