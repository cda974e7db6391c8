/** Captures of every format yield the same packets, whatever the read sizes, and damaged ones end cleanly. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CaptureError, MemoryReader, openCapture } from '../../src/capture/index.js';
import { fixture } from '../repository.js';
import { drain, PiecemealReader, read } from './read.js';

const load = (name: string): Buffer => readFileSync(fixture(name));

describe('formats', () => {
  const FORMS = ['nsec.pcap', 'modified-kuznetzov.pcap', 'editcap-nsec.pcap', 'dumpcap.pcapng', 'editcap.pcapng'];
  for (const form of FORMS) {
    test(`${form} holds the packets of usec.pcap`, async () => {
      const expected = (await read(load('vxlan/10-formats.usec.pcap'))).packets;
      const { packets, damage, source } = await read(load(`vxlan/10-formats.${form}`));
      assert.equal(damage, undefined);
      assert.equal(source.format, form.split('.').pop());
      assert.deepEqual(
        packets.map(({ hex }) => hex),
        expected.map(({ hex }) => hex),
      );
      // Recorded by different programs at once: the clock readings differ by their delays.
      packets.forEach(({ time }, i) => assert.ok(Math.abs(Number(time) - Number(expected[i].time)) < 0.01));
    });
  }

  test("editcap's conversions of a µs file keep its exact times", async () => {
    const times = async (name: string): Promise<string[]> => (await read(load(name))).packets.map(({ time }) => time);
    assert.deepEqual(await times('vxlan/10-formats.editcap.pcapng'), await times('vxlan/10-formats.usec.pcap'));
    assert.deepEqual(await times('vxlan/10-formats.editcap-nsec.pcap'), await times('vxlan/10-formats.dumpcap.pcapng'));
  });

  test("a snaplen doesn't change the original lengths", async () => {
    const whole = (await read(load('vxlan/10-formats.usec.pcap'))).packets;
    const { packets, source } = await read(load('vxlan/10-formats.snap96.pcap'));
    assert.equal(source.interfaces[0].snapLength, 96);
    packets.forEach((packet, i) => {
      assert.equal(packet.hex, whole[i].hex.slice(0, 192));
      assert.equal(packet.originalLength, whole[i].originalLength);
    });
  });
});

test('pieces of any size yield the same packets', async () => {
  for (const name of [
    'vxlan/03-http-200k.underlay.pcap',
    'vxlan/10-formats.dumpcap.pcapng',
    'vxlan/10-formats.nsec.pcap',
  ]) {
    const bytes = load(name);
    const expected = (await read(bytes)).packets;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
        const { packets } = await drain(await openCapture(new PiecemealReader(bytes, sizes)));
        assert.deepEqual(packets, expected);
      }),
      { seed: 20261121, numRuns: 10 },
    );
  }
  const small = load('vxlan/05-dns.c1.pcap');
  assert.deepEqual(
    (await drain(await openCapture(new PiecemealReader(small, [1])))).packets,
    (await read(small)).packets,
  );
});

describe('a file truncated anywhere', () => {
  for (const name of ['vxlan/05-dns.c1.pcap', 'vxlan/10-formats.editcap.pcapng']) {
    test(`${name}: yields the whole packets before the end, and reports the truncation`, async () => {
      const bytes = load(name);
      const all = (await read(bytes)).packets;
      for (let end = 28; end < bytes.length; end += end < 600 ? 1 : 37) {
        const { packets, damage } = await read(bytes.subarray(0, end));
        assert.deepEqual(packets, all.slice(0, packets.length));
        if (packets.length < all.length && damage !== undefined) assert.equal(damage.code, 'CAPTURE_CUT_OFF');
      }
    });
  }

  test('is rejected if truncated in the file header', async () => {
    const bytes = load('vxlan/05-dns.c1.pcap');
    await assert.rejects(read(bytes.subarray(0, 0)), { code: 'NOT_A_CAPTURE' });
    await assert.rejects(read(bytes.subarray(0, 3)), { code: 'NOT_A_CAPTURE' });
    for (let end = 4; end < 24; end++) await assert.rejects(read(bytes.subarray(0, end)), { code: 'CAPTURE_CUT_OFF' });
  });
});

test('modified bytes never throw anything but a CaptureError (4,000 files)', async () => {
  const files = readdirSync(fixture('vxlan'))
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .map((name) => load(`vxlan/${name}`).subarray(0, 6000));
  const changes = fc.array(fc.tuple(fc.nat(5999), fc.constantFrom(0, 1, 2, 6, 0x7f, 0x80, 0xff, 0x0a, 0x2c)), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(files.length - 1), changes, fc.nat(200), async (index, list, early) => {
      const bytes = Uint8Array.from(files[index]);
      // Half of the changes hit the first bytes, where the headers are.
      list.forEach(([at, value], i) => {
        bytes[(i % 2 === 0 ? at % (early + 24) : at) % bytes.length] = value;
      });
      try {
        await read(bytes);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
      }
    }),
    { seed: 20261121, numRuns: 4000 },
  );
});

test('survives random bytes after a valid magic (3,000 files)', async () => {
  const magics = ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b2cd34', '0a0d0d0a'].map((hex) => Buffer.from(hex, 'hex'));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 300 }), async (magic, rest) => {
      const bytes = Buffer.concat([magic, rest]);
      if (bytes.length >= 8) bytes.set([2, 0, 4, 0], 4);
      try {
        await drain(await openCapture(new MemoryReader(bytes)));
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
      }
    }),
    { seed: 20261121, numRuns: 3000 },
  );
});
