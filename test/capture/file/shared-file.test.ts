/** Capture files that several threads read. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { closeShared, openShared, type PacketSource, readShared, type SharedFile } from '../../../src/capture/index.js';
import { fixture } from '../../repository.js';

const WIRE = fixture('docker/03-vip-http.underlay.pcap');
const folder = mkdtempSync(join(tmpdir(), 'vtep-'));
after(() => rmSync(folder, { recursive: true }));

function shared(path: string): SharedFile {
  const file = openShared(path);
  assert.ok(file !== undefined);
  after(() => closeShared(file));
  return file;
}

async function countOf(source: PacketSource): Promise<number> {
  let packets = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) packets += batch.count;
  return packets;
}

describe('a shared file', () => {
  test('is read by each reader from its beginning, at its own pace', async () => {
    const file = shared(WIRE);
    const one = await readShared(file);
    const other = await readShared(file);
    const first = (await one.next())?.count ?? 0;
    assert.ok(first > 0);
    assert.equal(await countOf(other), 417);
    await other.close();
    assert.equal(first + (await countOf(one)), 417);
    assert.deepEqual([one.position, one.size, one.damage], [file.size, file.size, undefined]);
  });

  test('ends for every reader where it ended when it was opened', async () => {
    const path = join(folder, 'growing.pcap');
    const bytes = readFileSync(WIRE);
    writeFileSync(path, bytes);
    const file = shared(path);
    appendFileSync(path, bytes.subarray(24));
    assert.equal(await countOf(await readShared(file)), 417);
    assert.ok(statSync(path).size > file.size);
  });

  test('is not what only one thread can read: standard input, a folder, a compressed file', () => {
    const packed = join(folder, 'wire.pcap.gz');
    writeFileSync(packed, gzipSync(readFileSync(WIRE)));
    for (const path of ['-', folder, packed]) assert.equal(openShared(path), undefined);
  });

  test('is an error if it is missing or no capture, with its name', async () => {
    const missing = join(folder, 'missing.pcap');
    assert.throws(() => openShared(missing), {
      code: 'FILE_UNUSABLE',
      message: `${missing}: no such file or directory`,
    });
    const empty = join(folder, 'empty.pcap');
    writeFileSync(empty, '');
    await assert.rejects(readShared(shared(empty)), { code: 'NOT_A_CAPTURE', message: /empty\.pcap: it is empty/ });
  });
});
