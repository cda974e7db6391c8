/** Gossip in the output of `vtep inspect`. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../../repository.js';
import { printGossip } from '../../../src/cli/inspect/gossip-lines.js';
import { bareText, type Line } from '../../../src/cli/style.js';
import type { GossipReport } from '../../../src/inspect/index.js';
import { scratch, vtep } from '../run.js';

const KEYS = fixture('docker/swarm-keys.txt');
const LEAVE = fixture('docker/09-drain-leave.underlay.pcap');
const folder = scratch();

describe('vtep inspect with gossip keys', () => {
  test('shows members, networks, events and bulk syncs, within 80 columns', async () => {
    const { status, stdout } = await vtep(['inspect', LEAVE, '--keys', KEYS], { columns: 80 });
    assert.equal(status, 0);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(stdout, /^Gossip: 170 packets and 6 streams decrypted$/m);
    assert.match(stdout, /^ {2}key 29940: not used$/m);
    assert.match(stdout, /^ {2}key 29941: 170 packets, 6 streams$/m);
    assert.match(stdout, /^ {2}5f6fa7f699a8 +192\.168\.50\.2 +7946 +left +1$/m);
    assert.match(stdout, /^ {2}r0ymuq8wfw59 +ingress +2 +2 +631fe2f865ed +5f6fa7f699a8$/m);
    assert.match(stdout, /^ +2\.052 +update +5f6fa7f699a8 +f0d32m6bn2y3 +mtu-web\.2 10\.0\.10\.3, disabled$/m);
    assert.match(stdout, /^ +9\.152 +\(create\) +631fe2f865ed/m);
    assert.match(stdout, /^ {2}\.\.\. and \d+ more \(--rows 0 shows all\)$/m);
  });

  test('--json has all of it, and no key', async () => {
    const { stdout } = await vtep(['inspect', LEAVE, '--keys', KEYS, '--json']);
    const { gossip } = JSON.parse(stdout) as { gossip: { members: unknown[]; events: unknown[]; entries: unknown[] } };
    assert.equal(gossip.members.length, 2);
    assert.ok(gossip.events.length > 60 && gossip.entries.length > 40);
    for (const [, key] of readFileSync(KEYS, 'utf8').matchAll(/key ([0-9a-f]{32})/g)) assert.ok(!stdout.includes(key));
  });

  test('a file with gossip keys alone is enough; gossip that it does not decrypt is marked', async () => {
    const only = join(folder, 'gossip-only.txt');
    const lines = readFileSync(fixture('gossip/live-keys.txt'), 'utf8').split('\n');
    writeFileSync(only, lines.filter((line) => line.startsWith('networking:gossip')).join('\n'));
    const other = await vtep(['inspect', fixture('gossip/live-refute.pcap'), '--keys', only]);
    assert.match(other.stdout, /^Gossip: 278 packets and 22 streams decrypted$/m);
    const { status, stdout } = await vtep(['inspect', LEAVE, '--keys', only, '--strict']);
    assert.equal(status, 1);
    assert.match(stdout, /^Gossip: 0 packets and 0 streams decrypted$/m);
    assert.match(stdout, /^ {2}170 packets: none of the keys decrypts it$/m);
    assert.match(stdout, /warning +176 +GOSSIP_SEALED/);
  });

  test('gossip keys alone leave ESP as it is, and are no keys for commands that need those of ESP', async () => {
    const only = join(folder, 'own-gossip.txt');
    const lines = readFileSync(KEYS, 'utf8').split('\n');
    writeFileSync(only, lines.filter((line) => line.startsWith('networking:gossip')).join('\n'));
    const capture = fixture('docker/07-encrypted.underlay.pcap');
    const { stdout } = await vtep(['inspect', capture, '--keys', only]);
    assert.match(stdout, /^Gossip: 245 packets and 24 streams decrypted$/m);
    assert.match(stdout, /note +126 +ESP_WITHOUT_KEYS/);
    const { status, stderr } = await vtep(['decap', capture, '-o', join(folder, 'x.pcap'), '--keys', only]);
    assert.equal(status, 2);
    assert.match(stderr, /contains no key of networking:ipsec/);
  });

  test('control characters in names do not reach the terminal', async () => {
    const { stdout } = await vtep(['inspect', LEAVE, '--keys', KEYS, '--json']);
    const { gossip } = JSON.parse(stdout.replaceAll('5f6fa7f699a8', '\\u001b[31m\\u0007x')) as { gossip: GossipReport };
    assert.ok(gossip.members.some(({ name }) => name.includes('\x1b')));
    const lines: string[] = [];
    const line = (text: Line): void => void lines.push(bareText(text));
    printGossip({ line }, gossip, 0);
    assert.match(lines.join('\n'), /\\u001b\[31m|\\x1b\[31m|�|␛/);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(lines.join('\n'), /[\x00-\x09\x0b-\x1f\x7f]/);
  });
});
