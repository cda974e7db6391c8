/** Decapsulating a recorded wire gives the frames that the containers saw. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture, missing } from '../repository.js';
import { assertCrossed, framesOf } from './frames.js';
import { scratch, vtep } from './run.js';

const folder = scratch();

/** The containers' files were recorded on VNI 4097's interface. */
const CROSSED = [
  ['vxlan/01-icmp', 'underlay', 38],
  ['vxlan/03-http-200k', 'underlay', 262],
  ['vxlan/05-dns', 'underlay', 37],
  ['vxlan/07-unknown-dst', 'underlay', 0],
  ['vxlan/09-ipv6-inner-proxy', 'underlay', 20],
  ['vxlan/20-learning-arp-icmp', 'underlay', 19],
  ['vxlan/30-outerfrag-1500-icmp', 'underlay', 32],
  ['vxlan/32-pmtu-df-1500', 'underlay', 66],
  ['vxlan/40-routed-router-frag', 'underlay-n1', 8],
  ['vxlan/40-routed-router-frag', 'underlay-n2', 8],
  ['vxlan/50-ipv6-underlay', 'underlay', 26],
  ['vxlan/60-offload-on-http', 'underlay', 27],
  ['esp/16-vxlan-frag-reorder-dup-loss', 'underlay', 55],
  ['esp/20-vlan-inner-proxy', 'underlay', 14],
] as const;

describe('decap gives exactly the frames that crossed', () => {
  for (const [name, wire, frames] of CROSSED) {
    test(`${name}.${wire}`, async () => {
      const out = join(folder, `${name.replace('/', '-')}.${wire}.pcap`);
      const call = await vtep(['decap', fixture(`${name}.${wire}.pcap`), '--vni', '4097', '-o', out]);
      assert.equal(call.status, 0, call.stderr);
      const got = await framesOf(out);
      assertCrossed(got, await framesOf(fixture(`${name}.c1.pcap`)), await framesOf(fixture(`${name}.c2.pcap`)));
      assert.equal(got.length, frames);
    });
  }

  test('vxlan/50-ipv6-underlay contains a second network, which --vni 4098 selects', async () => {
    const out = join(folder, 'second.pcap');
    assert.equal(
      (await vtep(['decap', fixture('vxlan/50-ipv6-underlay.underlay.pcap'), '--vni', '4098', '-o', out])).status,
      0,
    );
    const frames = await framesOf(out);
    assert.equal(frames.length, 2);
    // Docker's MACs: 02:42 and the IPv4 address, 10.0.10.4 and 10.0.10.3.
    assert.ok(frames.every(({ hex }) => /^02420a000a0[34]02420a000a0[34]0800/.test(hex)));
  });
});

describe('decaps the same run in every format to the same frames', () => {
  const FORMS = [
    'usec.pcap',
    'nsec.pcap',
    'modified-kuznetzov.pcap',
    'editcap-nsec.pcap',
    'dumpcap.pcapng',
    'editcap.pcapng',
  ];
  for (const form of FORMS) {
    test(`vxlan/10-formats.${form}`, async () => {
      const expected = join(folder, 'formats-expected.pcap');
      if (!existsSync(expected)) await vtep(['decap', fixture('vxlan/10-formats.usec.pcap'), '-o', expected]);
      const out = join(folder, `formats.${form}`);
      assert.equal((await vtep(['decap', fixture(`vxlan/10-formats.${form}`), '-o', out])).status, 0);
      const frames = await framesOf(out);
      assert.equal(frames.length, 26);
      assert.deepEqual(
        frames.map(({ hex }) => hex),
        (await framesOf(expected)).map(({ hex }) => hex),
      );
    });
  }

  test('keeps times to the nanosecond', async () => {
    const input = await framesOf(fixture('vxlan/10-formats.nsec.pcap'));
    for (const ending of ['pcap', 'pcapng']) {
      const out = join(folder, `times.${ending}`);
      await vtep(['decap', fixture('vxlan/10-formats.nsec.pcap'), '-o', out]);
      const output = await framesOf(out);
      assert.deepEqual(
        output.map(({ seconds, nanoseconds }) => [seconds, nanoseconds]),
        input.map(({ seconds, nanoseconds }) => [seconds, nanoseconds]),
      );
    }
  });

  test('a capture truncated to 96 bytes gives no frame, and counts every one', async () => {
    const out = join(folder, 'snap.pcap');
    const call = await vtep(['decap', fixture('vxlan/10-formats.snap96.pcap'), '-o', out, '--json']);
    assert.equal(call.status, 0);
    assert.equal((await framesOf(out)).length, 0);
    assert.equal(JSON.parse(call.stdout).accounting.dropped.CAPTURE_TRUNCATED, 26);
    assert.equal((await vtep(['decap', fixture('vxlan/10-formats.snap96.pcap'), '-o', out, '--strict'])).status, 1);
  });
});

describe('cooked captures', () => {
  for (const form of ['sll', 'sll2']) {
    test(`vxlan/11-any-${form}: the inner frames are the packets recorded next to them`, async () => {
      const input = fixture(`vxlan/11-any-${form}.pcap`);
      const out = join(folder, `${form}.pcap`);
      assert.equal((await vtep(['decap', input, '-o', out])).status, 0);
      const frames = await framesOf(out);
      assert.equal(frames.length, 4);
      const span = form === 'sll' ? 16 : 20;
      const beside = new Set((await framesOf(input)).map(({ hex }) => hex.slice(2 * span)));
      for (const { hex } of frames) assert.ok(beside.has(hex.slice(28)), hex);
    });
  }
});

/** tshark's result: VNI and inner frame of each VXLAN packet. */
function tsharkFrames(path: string): { vni: string; hex: string; time: string }[] {
  const fields = ['-e', 'vxlan.vni', '-e', 'udp.payload', '-e', 'frame.time_epoch'];
  const call = spawnSync('tshark', ['-r', path, '-Y', 'vxlan', '-T', 'fields', ...fields, '-E', 'occurrence=f'], {
    maxBuffer: 1 << 28,
  });
  return call.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [vni, payload, time] = line.split('\t');
      return { vni, hex: payload.slice(16), time };
    });
}

describe("extracts every inner frame that tshark finds on a real swarm's wire", { skip: missing('tshark') }, () => {
  const DOCKER = ['docker/03-vip-http', 'docker/05-ingress', 'docker/06-mtu-1300'];
  for (const name of DOCKER) {
    test(name, async () => {
      const input = fixture(`${name}.underlay.pcap`);
      const expected = tsharkFrames(input);
      assert.ok(expected.length > 50);
      for (const vni of new Set(expected.map((frame) => frame.vni))) {
        const out = join(folder, `${name.replace('/', '-')}.${vni}.pcap`);
        assert.equal((await vtep(['decap', input, '--vni', vni, '-o', out])).status, 0);
        assert.deepEqual(
          (await framesOf(out)).map(({ hex }) => hex),
          expected.filter((frame) => frame.vni === vni).map(({ hex }) => hex),
        );
      }
    });
  }

  test('tshark finds the same frames and times in the output of decap', async () => {
    const input = fixture('docker/05-ingress.underlay.pcap');
    const expected = tsharkFrames(input);
    for (const ending of ['pcap', 'pcapng']) {
      const out = join(folder, `read-back.${ending}`);
      assert.equal((await vtep(['decap', input, '-o', out])).status, 0);
      const call = spawnSync('tshark', ['-r', out, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len']);
      assert.equal(call.status, 0, call.stderr.toString());
      assert.deepEqual(
        call.stdout.toString().trim().split('\n'),
        expected.map(({ hex, time }) => `${time}\t${hex.length / 2}`),
      );
    }
  });

  test('in pcapng, each network has its own interface', async () => {
    const out = join(folder, 'interfaces.pcapng');
    await vtep(['decap', fixture('docker/05-ingress.underlay.pcap'), '-o', out]);
    const names = new Set((await framesOf(out)).map(({ interfaceName }) => interfaceName));
    assert.deepEqual([...names].sort(), ['vni 4096']);
  });
});
