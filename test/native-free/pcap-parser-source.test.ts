/** The source on pcap-parser gives the same packets as ours, for files that it can read. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { openPcapStream } from '../../native-free/pcap-parser-source.js';
import { drain, read, type Read } from '../capture/read.js';
import { fixture, ROOT } from '../repository.js';

const MICROSECOND_FILES = readdirSync(fixture('vxlan')).filter(
  (name) => name.endsWith('.pcap') && !/nsec|kuznetzov/.test(name),
);

async function readStream(bytes: Uint8Array, size: number): Promise<Read> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  return drain(await openPcapStream(Readable.from(pieces)));
}

describe('openPcapStream', () => {
  for (const name of MICROSECOND_FILES) {
    test(`${name}: the same packets as openCapture`, async () => {
      const bytes = readFileSync(fixture(`vxlan/${name}`));
      const expected = await read(bytes);
      for (const size of [1 << 16, 777]) {
        const got = await readStream(bytes, size);
        assert.deepEqual(got.packets, expected.packets);
        assert.equal(got.damage, undefined);
        assert.equal(got.source.position, bytes.length);
      }
    });
  }

  test('reports what pcap-parser cannot read', async () => {
    for (const form of ['nsec.pcap', 'modified-kuznetzov.pcap', 'editcap.pcapng']) {
      const stream = createReadStream(fixture(`vxlan/10-formats.${form}`));
      await assert.rejects(openPcapStream(stream), { code: 'UNSUPPORTED_CAPTURE', message: /openCapture also reads/ });
    }
    // Without the file's first bytes, which pcap-parser quotes: they may be a key's.
    await assert.rejects(openPcapStream(Readable.from([Buffer.from('a text, no capture at all')])), {
      code: 'UNSUPPORTED_CAPTURE',
      message: /^pcap-parser can't read it: unknown magic number: pcap-parser reads only/,
    });
    await assert.rejects(openPcapStream(Readable.from([])), { code: 'NOT_A_CAPTURE' });
  });

  test('a stream that ends within a record is damage, after the whole packets', async () => {
    const bytes = readFileSync(fixture('vxlan/05-dns.c1.pcap'));
    for (let end = 24; end < 600; end++) {
      const expected = await read(bytes.subarray(0, end));
      const got = await readStream(bytes.subarray(0, end), 100);
      assert.equal(got.packets.length, expected.packets.length);
      assert.equal(got.damage?.code, expected.damage?.code, `end ${end}`);
    }
    await assert.rejects(readStream(bytes.subarray(0, 20), 7), { code: 'CAPTURE_CUT_OFF' });
  });

  test('a record of 4 GB is reported as damage at once, without buffering it', async () => {
    const bytes = readFileSync(fixture('vxlan/05-dns.c1.pcap'));
    bytes.writeUInt32LE(0xffffffff, 24 + 8);
    const { packets, damage } = await readStream(bytes, 64);
    assert.equal(packets.length, 0);
    assert.equal(damage?.code, 'CAPTURE_DAMAGED');
  });

  test('triggers no deprecation warnings', () => {
    const script = `
      import { createReadStream } from 'node:fs';
      import { openPcapStream } from ${JSON.stringify(join(ROOT, 'dist/native-free/pcap-parser-source.js'))};
      const source = await openPcapStream(createReadStream(process.argv[1], { highWaterMark: 500 }));
      let packets = 0;
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) packets += batch.count;
      process.stdout.write(String(packets));`;
    const flags = ['--pending-deprecation', '--throw-deprecation', '--input-type=module', '-e', script];
    const call = spawnSync(process.execPath, [...flags, fixture('vxlan/01-icmp.c1.pcap')]);
    assert.equal(call.stderr.toString(), '');
    assert.equal(call.stdout.toString(), '40');
  });
});
