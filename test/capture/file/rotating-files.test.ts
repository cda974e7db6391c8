import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { LinkType, openCaptureFile, RotatingFiles, type RotatingFilesOptions } from '../../../src/capture/index.js';
import { drain } from '../read.js';

const root = mkdtempSync(join(tmpdir(), 'vtep-rotate-'));
after(() => rmSync(root, { recursive: true, force: true }));

const START = Date.UTC(2026, 10, 21, 17, 0, 0) / 1000;
const PACKET = new Uint8Array(1000);

/** A separate folder, and rotating files in it. */
function rotating(options: Partial<RotatingFilesOptions>, ending = '.pcap'): { folder: string; files: RotatingFiles } {
  const folder = mkdtempSync(join(root, 'x-'));
  const files = new RotatingFiles(join(folder, `wire${ending}`), START, {
    format: 'pcap',
    linkType: LinkType.Ethernet,
    name: 'eth0',
    ...options,
  });
  return { folder, files };
}

function put(files: RotatingFiles, seconds: number, mark = 0): void {
  PACKET[0] = mark;
  files.write(PACKET, 0, PACKET.length, PACKET.length, seconds, 7);
}

/** The first byte of every packet, one list per file. */
async function marks(folder: string): Promise<number[][]> {
  const all: number[][] = [];
  for (const name of readdirSync(folder).sort()) {
    const { packets, damage } = await drain(await openCaptureFile(join(folder, name)));
    assert.equal(damage, undefined);
    all.push(packets.map(({ hex }) => Number.parseInt(hex.slice(0, 2), 16)));
  }
  return all;
}

describe('RotatingFiles', () => {
  test('by size: starts a new file once this one is large enough; no packet is lost or split', async () => {
    // 24 bytes, then 1016 per packet.
    const { folder, files } = rotating({ size: 2056 });
    for (let i = 0; i < 7; i++) put(files, START + i, i);
    files.commit();
    assert.deepEqual(await marks(folder), [[0, 1], [2, 3], [4, 5], [6]]);
    assert.equal(statSync(join(folder, 'wire_00001_20261121170000.pcap')).size, 2056);
    assert.deepEqual(files.files, { finished: 4, deleted: 0, last: join(folder, 'wire_00004_20261121170006.pcap') });
  });

  test('by time: of the packets, or of the clock if none arrive', async () => {
    const { folder, files } = rotating({ seconds: 10 });
    put(files, START, 1);
    put(files, START + 9, 2);
    put(files, START + 10, 3);
    files.expire(START + 19.9);
    assert.equal(readdirSync(folder).filter((name) => name.endsWith('.pcap')).length, 1);
    files.expire(START + 20);
    put(files, START + 100, 4);
    files.commit();
    assert.deepEqual(await marks(folder), [[1, 2], [3], [4]]);
    assert.deepEqual(readdirSync(folder).sort(), [
      'wire_00001_20261121170000.pcap',
      'wire_00002_20261121170010.pcap',
      'wire_00003_20261121170140.pcap',
    ]);
  });

  test('keeps only the newest files with `files`', async () => {
    const { folder, files } = rotating({ size: 100, files: 2 });
    for (let i = 0; i < 5; i++) put(files, START + i, i);
    files.commit();
    assert.deepEqual(await marks(folder), [[3], [4]]);
    assert.equal(files.files.deleted, 3);
  });

  test('a file appears once complete, and an abandoned one never does', async () => {
    const { folder, files } = rotating({ size: 2056 });
    for (let i = 0; i < 3; i++) put(files, START, i);
    files.flush();
    assert.equal(readdirSync(folder).filter((name) => name.endsWith('.pcap')).length, 1);
    files.abandon();
    assert.deepEqual(await marks(folder), [[0, 1]]);
  });

  test('also writes pcapng, each file with a section header and interface', async () => {
    const { folder, files } = rotating({ size: 1500, format: 'pcapng', linkType: LinkType.Raw }, '.pcapng');
    for (let i = 0; i < 4; i++) put(files, START + i, i);
    files.commit();
    assert.deepEqual(await marks(folder), [
      [0, 1],
      [2, 3],
    ]);
    const source = await openCaptureFile(join(folder, 'wire_00002_20261121170002.pcapng'));
    const { packets } = await drain(source);
    assert.deepEqual(
      [source.interfaces[0].name, packets[0].linkType, packets[0].time],
      ['eth0', 101, `${START + 2}.000000007`],
    );
  });

  test('reports a missing directory immediately', () => {
    const options: RotatingFilesOptions = { format: 'pcap', linkType: 1, name: 'x', size: 1000 };
    assert.throws(() => new RotatingFiles(join(root, 'nowhere/wire.pcap'), START, options), { code: 'FILE_UNUSABLE' });
  });
});
