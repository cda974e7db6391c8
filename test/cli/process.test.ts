/** Each command gives the same output as a process as within the test process. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../repository.js';
import { scratch, vtep, vtepProcess } from './run.js';

const folder = scratch();
const CAPTURE = fixture('docker/07-encrypted.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');
const WRONG = fixture('esp/03-esp-padding.xfrm.txt');
const config = join(folder, 'overlay.yaml');
writeFileSync(
  config,
  `nodes: { n1: { vtep: 192.168.50.1 }, n2: { vtep: 192.168.50.2 } }
networks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }
endpoints:
  c1: { network: web, node: n1, ip: 10.0.9.3 }
  c2: { network: web, node: n2, ip: 10.0.9.4 }
`,
);

const CALLS: readonly (readonly [status: number, words: readonly string[]])[] = [
  [0, ['inspect', CAPTURE, '--keys', RING, '--json']],
  [0, ['decap', CAPTURE, '--keys', RING, '-o', join(folder, 'frames.pcap')]],
  [0, ['encap', fixture('vxlan/01-icmp.c1.pcap'), '--config', config, '--node', 'n1', '-o', join(folder, 'wire.pcap')]],
  [0, ['keys', 'spi', '--src', '192.168.50.1', '--dst', '192.168.50.2', '--tag', '4']],
  [0, ['keys', 'match', CAPTURE, '--ring', RING]],
  [0, ['keys', 'timeline', CAPTURE, '--ring', RING]],
  [0, ['keys', 'schedule', '--start', '1795225545']],
  [0, ['mtu', '--underlay', '1500']],
  [0, ['--version']],
  [
    1,
    [
      'decap',
      fixture('docker/07-encrypted.underlay.pcap'),
      '--keys',
      WRONG,
      '--strict',
      '-o',
      join(folder, 'none.pcap'),
    ],
  ],
  [2, []],
  [2, ['nonsense']],
  [2, ['inspect', join(folder, 'nowhere.pcap')]],
];

describe('as a separate process', () => {
  for (const [status, words] of CALLS) {
    const shown = words.map((word) => word.replace(folder, '').replace(fixture(''), ''));
    test(`vtep ${shown.join(' ')}`, async () => {
      const { stdoutBytes, ...call } = vtepProcess(words);
      assert.equal(call.status, status, call.stderr);
      assert.ok(stdoutBytes.length + call.stderr.length > 0);
      assert.deepEqual(await vtep(words), call);
    });
  }

  test('vtep replay', async () => {
    const words = ['replay', fixture('vxlan/01-icmp.underlay.pcap'), '--json', '--strict'];
    const call = vtepProcess(words);
    assert.equal(call.status, 0, call.stderr);
    // The duration differs each time.
    const timeless = (json: string): unknown =>
      JSON.parse(json, (key, value) => (key === 'milliseconds' || key === 'framesPerSecond' ? 0 : value));
    assert.deepEqual(timeless((await vtep(words)).stdout), timeless(call.stdout));
  });

  test('vtep keys generate', () => {
    const call = vtepProcess(['keys', 'generate', '-o', join(folder, 'ring.yaml')]);
    assert.equal(call.status, 0, call.stderr);
    assert.equal(call.stdout.trimEnd().split('\n').length, 4);
  });
});
