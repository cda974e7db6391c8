import assert from 'node:assert/strict';
import { it } from 'node:test';
import { rowInfo } from '../../../../native-free/explorer/detail/index.js';
import { PacketMark } from '../../../../native-free/explorer/index/packet-columns.js';
import { openedRecording } from './opened-recording.js';

it('rowInfo: describes the inner frame of ESP with its keys, and the SPI without', async () => {
  const { index, reader, keys } = await openedRecording(
    'docker/07-encrypted.underlay.pcap',
    'docker/07-encrypted.xfrm.txt',
  );
  const row = index.parts[0].marks.findIndex((marks) => (marks & PacketMark.Encrypted) !== 0);
  const packet = await reader.read(row);
  const { outer, inner, remarks } = rowInfo(packet, [], {});
  assert.deepEqual([outer.protocol, inner], ['ESP', undefined]);
  assert.match(remarks, /^ESP SPI=0x[0-9a-f]{8} seq=\d+$/);
  const opened = rowInfo(packet, [], { openEsp: () => keys.open() });
  assert.match(opened.inner?.info ?? '', /^echo request/);
});

it('rowInfo: describes the frame that fragments make, with the fragments before it', async () => {
  const { index, reader } = await openedRecording('vxlan/30-outerfrag-1500-icmp.underlay.pcap');
  const row = index.parts[0].marks.findIndex((marks) => (marks & PacketMark.Reassembled) !== 0);
  const { inner, remarks } = rowInfo(await reader.read(row), await reader.fragmentsBefore(row), {});
  assert.match(inner?.info ?? '', /^echo re/);
  assert.equal(remarks, '');
});

it('readAll: reads rows as read does, in any distance from each other', async () => {
  const { index, reader } = await openedRecording('docker/05-ingress.underlay.pcap');
  const rows = Array.from({ length: 40 }, (_, i) => Math.min(index.packets - 1, i * i));
  const together = await reader.readAll(rows);
  assert.deepEqual(together, await Promise.all(rows.map((row) => reader.read(row))));
});
