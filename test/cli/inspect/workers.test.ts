/** `vtep inspect --workers` from the command line. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fixture } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const WIRE = fixture('docker/03-vip-http.underlay.pcap');
const OTHER = fixture('docker/05-ingress.underlay.pcap');
const KEYS = ['--keys', fixture('docker/swarm-keys.txt')];

async function assertSame(...words: string[]): Promise<void> {
  const expected = await vtep(['inspect', ...words]);
  assert.deepEqual(await vtep(['inspect', ...words, '--workers', '3']), expected);
  assert.ok(expected.stdout.length > 0);
}

describe('inspect --workers', () => {
  test('prints what one thread prints: of several files, truncated ones, compressed ones, and with keys', async () => {
    const folder = scratch();
    const packed = join(folder, 'wire.pcap.gz');
    const cut = join(folder, 'cut.pcap');
    const bytes = readFileSync(WIRE);
    writeFileSync(packed, gzipSync(bytes));
    writeFileSync(cut, bytes.subarray(0, bytes.length - 5));
    await assertSame(OTHER, WIRE);
    await assertSame(cut, '--json');
    await assertSame(packed);
    await assertSame(fixture('docker/07-encrypted.underlay.pcap'), ...KEYS);
  });

  test('refuses options for which one thread must see all packets', async () => {
    for (const option of ['--flows', '--packets']) {
      const { status, stderr } = await vtep(['inspect', WIRE, option, '--workers', '2']);
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`${option} needs all packets in one thread; omit it or --workers`));
    }
    const { status, stderr } = await vtep(['inspect', 'missing.pcap', '--workers', '2']);
    assert.deepEqual([status, stderr], [2, 'vtep: missing.pcap: no such file or directory\n']);
  });
});
