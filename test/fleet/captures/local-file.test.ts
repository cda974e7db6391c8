/** Which files of its own host a worker reads. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { openPathFile, pathFile } from '../../../src/fleet/captures/local-file.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vtep-local-file-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const root = join(folder, 'root');
const inside = join(root, 'sub', 'wire.pcap');
const outside = join(folder, 'outside.pcap');
mkdirSync(join(root, 'sub'), { recursive: true });
mkdirSync(join(folder, 'root-2'));
for (const path of [inside, outside, join(folder, 'root-2', 'wire.pcap')]) writeFileSync(path, 'content');

/** A file as a job names it, whether or not `pathFile` would. */
function named(path: string): ReturnType<typeof pathFile> {
  return { ...pathFile(inside), path };
}

describe('a worker', () => {
  test('reads files below its root', () => {
    const file = openPathFile(pathFile(inside), root);
    assert.equal(file.size, 7);
    file.check();
    file.close();
  });

  test('reads no file without a root', () => {
    assert.throws(() => openPathFile(pathFile(inside), undefined), { code: 'FILE_REFUSED', message: /--root/ });
  });

  test('reads no file outside its root: by its path, by .., by a link to it, by a link to its folder', () => {
    symlinkSync(outside, join(root, 'link.pcap'));
    symlinkSync(folder, join(root, 'up'));
    const paths = [
      outside,
      join(folder, 'root-2', 'wire.pcap'),
      `${root}/../outside.pcap`,
      `${root}/sub/../../outside.pcap`,
      join(root, 'link.pcap'),
      join(root, 'up', 'outside.pcap'),
      'outside.pcap',
      '/dev/zero',
      '/proc/self/environ',
      root,
      join(root, 'sub'),
      join(folder, 'missing.pcap'),
    ];
    for (const path of paths) {
      assert.throws(() => openPathFile(named(path), root), { code: 'FILE_REFUSED' }, path);
    }
  });

  test('says of a file below its root why it cannot be read, and of another nothing', () => {
    assert.throws(() => openPathFile(named(join(root, 'missing.pcap')), root), {
      message: /missing\.pcap" can't be read \(ENOENT\)/,
    });
    const told = (path: string): string => {
      try {
        openPathFile(named(path), root);
        return '';
      } catch (error) {
        return (error as Error).message.replace(path, 'PATH');
      }
    };
    assert.equal(told(join(folder, 'missing.pcap')), told(outside));
  });

  test('reads a link below its root to a file below it', () => {
    symlinkSync(inside, join(root, 'good.pcap'));
    openPathFile(named(join(root, 'good.pcap')), root).close();
  });

  test('notices that a file was changed: before it is opened, and while it is read', () => {
    const path = join(root, 'changing.pcap');
    writeFileSync(path, 'content');
    const job = pathFile(path);
    utimesSync(path, 1, 1);
    assert.throws(() => openPathFile(job, root), { code: 'FILE_CHANGED' });
    const file = openPathFile(pathFile(path), root);
    writeFileSync(path, 'content that is longer');
    assert.throws(() => file.check(), { code: 'FILE_CHANGED' });
    file.close();
  });

  test('reads what it opened, whatever takes its path', () => {
    const path = join(root, 'moved.pcap');
    writeFileSync(path, 'content');
    const file = openPathFile(pathFile(path), root);
    renameSync(path, join(folder, 'elsewhere.pcap'));
    symlinkSync(outside, path);
    file.check();
    file.close();
  });
});
