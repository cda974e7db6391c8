import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { packetsAsPcapng } from '../../../../native-free/explorer/export/index.js';
import { batchesOf, MemoryReader, openCapture } from '../../../../src/capture/portable.js';
import { PacketMark } from '../../../../native-free/explorer/index/packet-columns.js';
import { fixture } from '../../../repository.js';
import { openedRecording } from '../detail/opened-recording.js';

/** Bytes and times of the packets of a file. */
async function packetsOf(bytes: Uint8Array): Promise<{ hex: string; time: string }[]> {
  const packets = [];
  for await (const batch of batchesOf(await openCapture(new MemoryReader(bytes)))) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const hex = Buffer.from(batch.bytes.subarray(at, at + batch.capturedLength[i])).toString('hex');
      packets.push({ hex, time: `${batch.seconds[i]}.${batch.nanoseconds[i]}` });
    }
  }
  return packets;
}

const turn = (): Promise<void> => Promise.resolve();

describe('packetsAsPcapng', () => {
  it('writes the selected packets as they were captured, with their times', async () => {
    const name = 'docker/03-vip-http.underlay.pcap';
    const { index, reader } = await openedRecording(name);
    const rows = Uint32Array.from({ length: index.packets }, (_, row) => row).filter((row) => row % 3 === 0);
    const { pieces, written } = await packetsAsPcapng(index, reader, rows, { inner: false, turn });
    const all = await packetsOf(readFileSync(fixture(name)));
    assert.equal(written, rows.length);
    assert.deepEqual(
      await packetsOf(Buffer.concat(pieces)),
      all.filter((_, row) => row % 3 === 0),
    );
  });
  it('writes the frames that ESP held, as recorded at the container', async () => {
    const { index, reader, keys } = await openedRecording(
      'docker/07-encrypted.underlay.pcap',
      'docker/07-encrypted.xfrm.txt',
    );
    const { marks } = index.parts[0];
    const rows = Uint32Array.from({ length: index.packets }, (_, row) => row).filter(
      (row) => (marks[row] & PacketMark.Encrypted) !== 0,
    );
    const options = { inner: true, turn, openEsp: () => keys.open() };
    const { pieces, written, skipped } = await packetsAsPcapng(index, reader, rows, options);
    assert.equal(written + skipped, rows.length);
    const inside = new Set(
      (await packetsOf(readFileSync(fixture('docker/07-encrypted.web2.pcap')))).map(({ hex }) => hex),
    );
    const frames = await packetsOf(Buffer.concat(pieces));
    assert.ok(frames.length > 50);
    assert.ok(frames.filter(({ hex }) => inside.has(hex)).length > frames.length / 2);
  });
});
