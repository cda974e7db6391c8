/** The fast path of Layers.walkEthernet for plain packets agrees with the full walk for any bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openCaptureFile } from '../../src/capture/index.js';
import { HeaderError, Layers } from '../../src/wire/index.js';
import { fixture } from '../repository.js';

const FIELDS = [
  'headerError',
  'layer',
  'etherType',
  'vlanTags',
  'vlanId',
  'networkOffset',
  'networkEnd',
  'family',
  'addressOffset',
  'protocol',
  'transportOffset',
  'isFragment',
  'fragmentOffset',
  'moreFragments',
  'fragmentHeaderOffset',
  'sourcePort',
  'destinationPort',
  'payloadOffset',
  'payloadEnd',
] as const;

async function packetsOf(path: string): Promise<Uint8Array[]> {
  const source = await openCaptureFile(fixture(path));
  const packets: Uint8Array[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      packets.push(batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.capturedLength[i]));
    }
  }
  await source.close();
  return packets;
}

/** Walks the same bytes both ways, on objects already used for other packets. */
function compare(quick: Layers, slow: Layers, bytes: Uint8Array, end: number, limit: number): void {
  quick.walkEthernet(bytes, 0, end, limit);
  slow.walkAnyEthernet(bytes, 0, end, limit);
  assert.equal(quick.headerError, slow.headerError);
  assert.equal(quick.layer, slow.layer);
  // After a fault only the layers before it are meaningful.
  if (quick.headerError !== HeaderError.None) return;
  for (const field of FIELDS) {
    if (field === 'fragmentHeaderOffset' && quick.family !== 6) continue;
    if (quick.family === 0 && !['etherType', 'vlanTags', 'vlanId', 'networkOffset', 'networkEnd'].includes(field))
      continue;
    assert.equal(quick[field], slow[field], field);
  }
}

describe('fast path of Layers.walkEthernet', () => {
  const quick = new Layers();
  const slow = new Layers();

  test('agrees with the full walk on every recorded packet', async () => {
    const files = [
      'vxlan/01-icmp',
      'vxlan/09-ipv6-inner-proxy',
      'vxlan/30-outerfrag-1500-icmp',
      'vxlan/50-ipv6-underlay',
    ];
    for (const file of [...files, 'docker/03-vip-http', 'docker/07-encrypted', 'esp/20-vlan-inner-proxy']) {
      for (const packet of await packetsOf(`${file}.underlay.pcap`)) {
        compare(quick, slow, packet, packet.length, packet.length);
      }
    }
  });

  test('agrees with the full walk on packets with changed bytes and truncated ends (100,000 cases)', async () => {
    const packets = [
      ...(await packetsOf('docker/03-vip-http.underlay.pcap')).slice(0, 60),
      ...(await packetsOf('vxlan/05-dns.c1.pcap')).slice(0, 20),
    ];
    const change = fc.record({
      index: fc.nat(packets.length - 1),
      // The bytes that the fast path reads are within the first 44.
      at: fc.nat(43),
      value: fc.nat(255),
      second: fc.nat(43),
      other: fc.nat(255),
      cut: fc.nat(60),
      beyond: fc.nat(20),
    });
    fc.assert(
      fc.property(change, ({ index, at, value, second, other, cut, beyond }) => {
        const bytes = packets[index].slice();
        bytes[at] = value;
        if (other < 128) bytes[second] = other;
        const end = cut < 44 ? cut : bytes.length;
        compare(quick, slow, bytes, end, end + beyond);
      }),
      { seed: 20261121, numRuns: 100_000 },
    );
  });
});
