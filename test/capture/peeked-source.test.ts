import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  CaptureBatch,
  LinkType,
  MemoryReader,
  openCapture,
  PcapWriter,
  PeekedSource,
} from '../../src/capture/index.js';
import { fixture } from '../repository.js';

const HTTP = readFileSync(fixture('vxlan/03-http-200k.underlay.pcap'));

/** A batch's packets with all their metadata. */
function packetsOf(batch: CaptureBatch): unknown[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const at = batch.offset[i];
    return [
      Buffer.from(batch.bytes.subarray(at, at + batch.capturedLength[i])).toString('hex'),
      ...[batch.originalLength[i], batch.seconds[i], batch.nanoseconds[i]],
      ...[batch.noTimestamp[i], batch.interfaceId[i], batch.linkType[i]],
    ];
  });
}

async function allOf(source: { next(): Promise<CaptureBatch | undefined> }): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) all.push(...packetsOf(batch));
  return all;
}

/** A capture of packets of the given lengths. */
function made(packets: number, length: number): Buffer {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void chunks.push(Uint8Array.from(bytes)), { linkType: LinkType.Ethernet });
  for (let i = 0; i < packets; i++) writer.write(new Uint8Array(length).fill(i), 0, length, length, i, 0);
  writer.flush();
  return Buffer.concat(chunks);
}

describe('PeekedSource', () => {
  test('returns every packet as the source does, however many were peeked at', async () => {
    const expected = await allOf(await openCapture(new MemoryReader(HTTP)));
    for (const batches of [1, 2, 1000]) {
      const source = new PeekedSource(await openCapture(new MemoryReader(HTTP)));
      const seen: unknown[] = [];
      let left = batches;
      await source.peek((batch) => {
        seen.push(...packetsOf(batch));
        return --left === 0;
      });
      assert.ok(seen.length > 0);
      assert.deepEqual(seen, expected.slice(0, seen.length));
      assert.deepEqual(await allOf(source), expected);
    }
  });

  test('keeps the bytes of a source that fills the same Buffer again', async () => {
    const batch = new CaptureBatch();
    batch.bytes = Buffer.alloc(8);
    let packets = 0;
    const source = new PeekedSource({
      ...{ name: 'buffer', format: 'live', interfaces: [], notes: [], damage: undefined, position: 0, size: undefined },
      next: () => {
        batch.count = 1;
        batch.capturedLength[0] = batch.originalLength[0] = 8;
        batch.bytes.fill(++packets);
        return Promise.resolve(packets <= 3 ? batch : undefined);
      },
      close: () => Promise.resolve(),
    });
    await source.peek(() => packets === 2);
    const bytes: number[] = [];
    for (let next = await source.next(); next !== undefined; next = await source.next()) bytes.push(next.bytes[0]);
    assert.deepEqual(bytes, [1, 2, 3]);
  });

  for (const [what, packets, length, most] of [
    ['packets', 5000, 60, 1024],
    ['bytes', 40, 200_000, 7],
  ] as const) {
    test(`keeps only a bounded number of ${what}`, async () => {
      const source = new PeekedSource(await openCapture(new MemoryReader(made(packets, length))));
      let seen = 0;
      await source.peek((batch) => {
        seen += batch.count;
        return false;
      });
      assert.ok(seen > 0 && seen <= most, `${seen} packets`);
      assert.equal((await allOf(source)).length, packets);
    });
  }

  test('reports damage at the end, as the source does', async () => {
    const source = new PeekedSource(await openCapture(new MemoryReader(HTTP.subarray(0, HTTP.length - 5))));
    await source.peek(() => false);
    const expected = await allOf(await openCapture(new MemoryReader(HTTP)));
    assert.equal((await allOf(source)).length, expected.length - 1);
    assert.equal(source.damage?.code, 'CAPTURE_CUT_OFF');
  });
});
