/** Frames with comments about what was around them, from recordings. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openCaptureFile, PcapngWriter } from '../../../src/capture/index.js';
import { CommentedFrames } from '../../../src/cli/extcap/commented-frames.js';
import { readKeyFiles } from '../../../src/cli/keys/key-files.js';
import { fixture } from '../../repository.js';
import { KeepingSink } from '../../capture/written.js';

const ENHANCED_PACKET = 6;
const INTERFACE = 1;

/** A packet block: its interface's name, and its comment. */
interface Shown {
  readonly name: string;
  readonly comment: string;
}

/** The packets of a pcapng file as this test's writer makes it. */
function packetsOf(bytes: Uint8Array): Shown[] {
  const file = Buffer.from(bytes);
  const names: string[] = [];
  const shown: Shown[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    const block = file.subarray(at, at + file.readUInt32LE(at + 4));
    const type = block.readUInt32LE(0);
    if (type === INTERFACE) names.push(block.subarray(20, 20 + block.readUInt16LE(18)).toString());
    if (type !== ENHANCED_PACKET) continue;
    const option = 28 + Math.ceil(block.readUInt32LE(20) / 4) * 4;
    assert.equal(block.readUInt16LE(option), 1);
    const comment = block.subarray(option + 4, option + 4 + block.readUInt16LE(option + 2)).toString();
    shown.push({ name: names[block.readUInt32LE(8)], comment });
  }
  return shown;
}

/** What is written of a recording. */
async function commented(
  name: string,
  keys?: string,
  names: ReadonlyMap<number, string> = new Map(),
): Promise<{ shown: Shown[]; frames: number; undecoded: number }> {
  const files = keys === undefined ? undefined : await readKeyFiles([fixture(keys)], { aead: 'node' });
  const esp = files?.openEsp()?.esp;
  const decoder = esp === undefined ? {} : { esp };
  const kept = new KeepingSink();
  const writer = new PcapngWriter(kept.sink);
  const frames = new CommentedFrames(writer, { decoder, names, undecoded: true, device: 'eth0' });
  const source = await openCaptureFile(fixture(`${name}.underlay.pcap`));
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) frames.take(batch);
  await source.close();
  writer.flush();
  files?.finish();
  const shown = packetsOf(kept.bytes);
  assert.equal(shown.length, frames.frames + frames.undecoded);
  return { shown, frames: frames.frames, undecoded: frames.undecoded };
}

describe('frames with comments', () => {
  for (const [what, name, keys, pattern] of [
    ['in clear', 'vxlan/01-icmp', undefined, /^VXLAN VNI 4097, 192\.168\.50\.1:\d+ -> 192\.168\.50\.2:4789$/],
    ['over IPv6', 'vxlan/50-ipv6-underlay', undefined, /^VXLAN VNI 409[78], \[fd50::1\]:\d+ -> \[fd50::2\]:4789$/],
    ['in fragments', 'vxlan/30-outerfrag-1500-icmp', undefined, /^VXLAN VNI 4097, .*:4789, in 2 fragments$/],
    [
      'in ESP over IPv6',
      'esp/14-esp-ipv6',
      'esp/14-esp-ipv6.xfrm.txt',
      /^VXLAN VNI 4097, \[fd50::1\]:\d+ -> \[fd50::2\]:4789; ESP SPI 0x[0-9a-f]{8}, sequence number \d+, \d+ bytes$/,
    ],
    [
      'in ESP in UDP',
      'esp/13-esp-natt',
      'esp/13-esp-natt.xfrm.txt',
      /^VXLAN VNI 4097, .*; ESP in UDP SPI 0x[0-9a-f]{8}, sequence number \d+, \d+ bytes$/,
    ],
    [
      'in ESP in tunnel mode',
      'esp/12-esp-tunnel',
      'esp/12-esp-tunnel.xfrm.txt',
      /^VXLAN VNI 4097, .*; ESP.* SPI 0x[0-9a-f]{8}, sequence number \d+, \d+ bytes$/,
    ],
    [
      'in fragments of ESP',
      'esp/09-esp-frag-1500',
      'esp/09-esp-frag-1500.xfrm.txt',
      /^VXLAN VNI 4097, .*; ESP SPI 0x[0-9a-f]{8}, sequence number \d+, \d+ bytes, in 2 fragments$/,
    ],
  ] as const) {
    test(`${what}: the VTEPs, the VNI, and what ESP's header says`, async () => {
      const { shown, frames } = await commented(name, keys);
      assert.ok(frames > 0);
      assert.ok(
        shown.some(({ comment }) => pattern.test(comment)),
        shown[0].comment,
      );
      for (const { name: network } of shown) assert.match(network, /^vni 409[78]$/);
    });
  }

  test('have the name of the network, if it is known', async () => {
    const { shown } = await commented('vxlan/01-icmp', undefined, new Map([[4097, 'web']]));
    for (const { name, comment } of shown) {
      assert.equal(name, 'vni 4097 (web)');
      assert.match(comment, /^VXLAN VNI 4097 \(web\), /);
    }
  });
});

describe('packets without a frame', () => {
  test('are written as they are, with the reason', async () => {
    const { shown, frames, undecoded } = await commented(
      'docker/07-encrypted',
      'esp/01-esp-docker-aes128-icv64.xfrm.txt',
    );
    assert.deepEqual([frames, undecoded], [0, 126]);
    for (const { name, comment } of shown) {
      assert.equal(name, 'eth0, not decoded');
      assert.match(
        comment,
        /^XfrmInNoStates: ESP without an SA for its SPI and destination; ESP SPI 0x(c207fc1c|98a1ca54), sequence number \d+, \d+ bytes$/,
      );
    }
  });
});
