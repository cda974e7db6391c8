/** `--learn gossip`: replay and encap with the topology from a capture's gossip. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const KEYS = fixture('docker/swarm-keys.txt');
const folder = scratch();

function wire(name: string): string {
  return fixture(`docker/${name}.underlay.pcap`);
}

describe('vtep replay --learn gossip', () => {
  for (const [name, frames] of [
    ['03-vip-http', 181],
    ['07-encrypted', 126],
    ['08-scale-and-attach', 4],
  ] as const) {
    test(`${name}: every frame arrives unchanged`, async () => {
      const { status, stdout, stderr } = await vtep([
        'replay',
        wire(name),
        '--keys',
        KEYS,
        '--learn',
        'gossip',
        '--strict',
      ]);
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`frames in +${frames}\\n.*delivered intact +${frames}\\n`));
      assert.match(stderr, /the VNI of network ingress is unknown/);
    });
  }

  test('it needs keys of the gossip, and gossip about endpoints', async () => {
    const capture = wire('03-vip-http');
    for (const [words, reason] of [
      [[capture, '--learn', 'gossip'], /needs --keys FILE with lines/],
      [
        [capture, '--learn', 'gossip', '--keys', fixture('docker/07-encrypted.xfrm.txt')],
        /needs --keys FILE with lines/,
      ],
      [
        [capture, '--learn', 'gossip', '--keys', fixture('gossip/live-keys.txt')],
        /no gossip about endpoints that the keys/,
      ],
      [[capture, '--learn', 'hearsay'], /--learn takes gossip, or gossip=FILE/],
      [['-', '--learn', 'gossip', '--keys', KEYS], /name a file/],
      [
        [capture, '--learn', 'gossip', '--keys', KEYS, '--config', fixture('docker/services.overlay.yaml')],
        /mutually exclusive/,
      ],
    ] as const) {
      const { status, stderr } = await vtep(['replay', ...words]);
      assert.equal(status, 2);
      assert.match(stderr, reason);
    }
  });
});

describe('vtep decap --learn gossip', () => {
  test('names networks, in the report and in the interfaces of pcapng', async () => {
    const out = join(folder, 'inner.pcapng');
    const words = ['decap', wire('07-encrypted'), '--keys', KEYS, '--learn', 'gossip', '-o', out];
    const { status, stderr } = await vtep(words);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^126 frames of VNI 4099 \(p3x0gqmfr90b\) -> /m);
    assert.doesNotMatch(stderr, /unknown/);
    assert.ok(readFileSync(out).includes('vni 4099 (p3x0gqmfr90b)'));
    const { stdout } = await vtep([...words, '--json']);
    const { networks } = JSON.parse(stdout) as { networks: readonly { vni: number; name?: string }[] };
    assert.deepEqual(
      networks.map(({ vni, name }) => [vni, name]),
      [[4099, 'p3x0gqmfr90b']],
    );
  });
});

describe('vtep encap --learn gossip=FILE', () => {
  test("encapsulates containers' frames as a node of the learned network", async () => {
    const out = join(folder, 'wire.pcap');
    const inner = fixture('docker/03-vip-http.busybox2.pcap');
    const learn = ['--learn', `gossip=${wire('03-vip-http')}`, '--keys', KEYS];
    const { status, stdout, stderr } = await vtep([
      'encap',
      inner,
      '-o',
      out,
      ...learn,
      '--node',
      '5f6fa7f699a8',
      '--json',
    ]);
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as { accounting: { sent: number; local: number }; frames: number };
    assert.ok(report.accounting.sent + report.accounting.local > 0, stdout);
  });

  test('frames of containers have no gossip of their own, and keys are for learning only', async () => {
    const inner = fixture('docker/03-vip-http.busybox2.pcap');
    const words = ['encap', inner, '-o', join(folder, 'x.pcap'), '--node', 'n', '--keys', KEYS];
    const without = await vtep([...words, '--learn', 'gossip']);
    assert.match(without.stderr, /name a capture of the underlay with --learn gossip=FILE/);
    const unused = await vtep(words);
    assert.match(unused.stderr, /--keys needs --learn/);
  });
});
