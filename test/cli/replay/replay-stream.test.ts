/** `replay -`: replays standard input like a file, in one pass. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PcapWriter } from '../../../src/capture/index.js';
import { fixture } from '../../repository.js';
import { scratch, vtepProcess } from '../run.js';

const folder = scratch();
const CONFIG = join(folder, 'overlay.yaml');
writeFileSync(
  CONFIG,
  `nodes: { n1: { vtep: 192.168.50.1 }, n2: { vtep: 192.168.50.2 } }
networks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }
endpoints:
  c1: { network: web, node: n1, ip: 10.0.9.3 }
  c2: { network: web, node: n2, ip: 10.0.9.4 }
`,
);

/** The output of `--json` without the name of the input and the duration. */
function facts(words: readonly string[], input?: Uint8Array): Record<string, unknown> {
  const call = vtepProcess(['replay', ...words, '--config', CONFIG, '--json'], input);
  assert.equal(call.status, 0, call.stderr);
  return JSON.parse(call.stdout, (key, value: unknown) =>
    key === 'file' || key === 'milliseconds' || key === 'framesPerSecond' ? undefined : value,
  ) as Record<string, unknown>;
}

describe('replay of standard input', () => {
  const KEYS = ['--keys', fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt')];
  for (const [what, name, kind, words] of [
    ['packets of an underlay', 'vxlan/03-http-200k.underlay.pcap', 'wire', []],
    ['frames of containers', 'vxlan/03-http-200k.c1.pcap', 'frames', []],
    ['an encrypted capture', 'esp/01-esp-docker-aes128-icv64.underlay.pcap', 'wire', KEYS],
    ['frames that are encrypted for the replay', 'vxlan/03-http-200k.c1.pcap', 'frames', ['--encrypt']],
  ] as const) {
    test(`${what}: the same result as from the file`, () => {
      const ofFile = facts([fixture(name), ...words]);
      assert.equal(ofFile['kind'], kind);
      assert.ok((ofFile['runs'] as { exact: number }[])[0].exact > 50);
      assert.deepEqual(facts(['-', ...words], readFileSync(fixture(name))), ofFile);
    });
  }

  test('replays frames of 9,230 bytes, counts longer ones, and --strict exits 1', () => {
    const chunks: Uint8Array[] = [];
    const writer = new PcapWriter((bytes) => void chunks.push(Uint8Array.from(bytes)));
    for (const length of [60, 9230, 9231, 60_000]) {
      const frame = Buffer.alloc(length);
      frame.write('02420a00090402420a00090308ff', 'hex');
      writer.write(frame, 0, length, length, 1, 0);
    }
    writer.flush();
    const input = Buffer.concat(chunks);
    const words = ['replay', '-', '--config', CONFIG, '--mtu', '65535'];
    const json = vtepProcess([...words, '--json', '--strict'], input);
    assert.equal(json.status, 1, json.stderr);
    const [{ frames, exact, tooLong }] = JSON.parse(json.stdout).runs;
    assert.deepEqual([frames, exact, tooLong], [2, 2, 2]);
    assert.match(vtepProcess(words, input).stdout, /^ +frames too long +2$/m);
  });

  for (const [what, words, message] of [
    ['without a config', [], /standard input can be read only once: describe the network with --config/],
    ['with --both', ['--config', CONFIG, '--both'], /--both reads the capture again/],
    ['with --loops', ['--config', CONFIG, '--loops', '2'], /--loops reads the capture again/],
  ] as const) {
    test(`is refused ${what}`, () => {
      const call = vtepProcess(['replay', '-', ...words], new Uint8Array(0));
      assert.equal(call.status, 2);
      assert.match(call.stderr, message);
      assert.equal(call.stderr.trimEnd().split('\n').length, 1);
    });
  }

  test('reports empty input in one line', () => {
    const call = vtepProcess(['replay', '-', '--config', CONFIG], new Uint8Array(0));
    assert.equal(call.status, 2);
    assert.match(call.stderr, /it is empty; a pcap or pcapng file is needed\n$/);
  });
});
