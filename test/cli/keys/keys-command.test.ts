/** `vtep keys` itself: dispatches to its subcommands. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const NAMES = ['generate', 'rotate', 'spi', 'schedule', 'match', 'timeline'];
const KEY = '43821b91e82886d2f3c6bfe1afcd9bdc';

const CONFIG = join(scratch(), 'overlay.yaml');
writeFileSync(CONFIG, 'nodes: { n1: { vtep: 10.0.0.1 } }\nnetworks: { net: { vni: 4097 } }\n');

describe('keys', () => {
  test('without a subcommand, or with an unknown one, exits 2 and lists them in one line', async () => {
    for (const args of [[], ['x'], ['toString'], ['--json']]) {
      const call = await vtep(['keys', ...args]);
      assert.equal(call.status, 2, call.stderr);
      assert.equal(call.stdout, '');
      assert.match(call.stderr, new RegExp(`^vtep: keys[^\n]*[:e] ${NAMES.join(', ')}; see: vtep keys --help\n$`));
    }
  });

  test('--help names each subcommand, and each has its own help', async () => {
    const { status, stdout } = await vtep(['keys', '--help']);
    assert.equal(status, 0);
    for (const word of NAMES) {
      assert.match(stdout, new RegExp(`^  ${word} `, 'm'));
      const own = await vtep(['keys', word, '--help']);
      assert.equal(own.status, 0);
      assert.match(own.stdout, new RegExp(`^Usage: vtep keys ${word}\\b`));
    }
  });
});

describe('a key given as the wrong argument', () => {
  const CALLS: readonly (readonly string[])[] = [
    [KEY],
    [`--${KEY}`],
    ['keys', KEY],
    ['keys', 'spi', '--src', '10.0.0.1', '--dst', '10.0.0.2', '--tag', KEY],
    ['keys', 'spi', '--src', KEY, '--dst', '10.0.0.2', '--tag', '1'],
    ['keys', 'generate', '-o', '-', '--bits', KEY],
    ['keys', 'generate', '-o', '-', '--first-tag', `0x${KEY}`],
    ['keys', 'rotate', KEY],
    ['keys', 'schedule', '--every', KEY],
    ['keys', 'schedule', '--start', KEY],
    ['keys', 'match', fixture('vxlan/01-icmp.c1.pcap'), `--${KEY}`],
    ['replay', fixture('vxlan/01-icmp.c1.pcap'), '--profile', KEY],
    ['replay', fixture('vxlan/01-icmp.c1.pcap'), '--loss', KEY],
    ['inspect', fixture('vxlan/01-icmp.c1.pcap'), '--vni', KEY],
    ['inspect', KEY],
    ['inspect', fixture('vxlan/01-icmp.c1.pcap'), '--keys', KEY],
    ['keys', 'schedule', '--ring', KEY],
    ['replay', fixture('vxlan/01-icmp.c1.pcap'), '--encrypt', '--aead', KEY],
    ['encap', fixture('vxlan/01-icmp.c1.pcap'), '-o', '-', '--config', CONFIG, '--node', KEY],
  ];
  for (const args of CALLS) {
    test(`is not shown: ${args.join(' ').replaceAll(KEY, 'KEY').replaceAll(fixture(''), '').replace(CONFIG, 'CONFIG')}`, async () => {
      const call = await vtep([...args]);
      assert.equal(call.status, 2, call.stderr);
      assert.equal(call.stderr.trimEnd().split('\n').length, 1, call.stderr);
      assert.ok(!/43821b91|afcd9bdc/i.test(call.stdout + call.stderr), call.stderr);
    });
  }
});
