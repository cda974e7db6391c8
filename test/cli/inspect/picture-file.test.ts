import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parsePicture } from '../../bench/xml.js';
import { fixture, ROOT } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const CAPTURE = fixture('docker/07-encrypted.esp.pcap');
const KEYS = fixture('docker/swarm-keys.txt');

describe('inspect --svg', () => {
  test('docs/overlay.svg is the current picture of the encrypted recording', async () => {
    const path = join(folder, 'overlay.svg');
    const { status, stdout } = await vtep(['inspect', CAPTURE, '--keys', KEYS, '--svg', path]);
    assert.equal(status, 0);
    assert.match(stdout, /^Networks$/m);
    const drawn = readFileSync(path, 'utf8');
    parsePicture(drawn);
    assert.equal(drawn, readFileSync(join(ROOT, 'docs/overlay.svg'), 'utf8'));
  });

  test('a capture that cannot be read leaves the picture as it was', async () => {
    const bad = join(folder, 'bad.pcap');
    const path = join(folder, 'kept.svg');
    writeFileSync(bad, 'not a capture');
    writeFileSync(path, 'an earlier picture');
    const { status } = await vtep(['inspect', bad, '--svg', path]);
    assert.equal(status, 2);
    assert.equal(readFileSync(path, 'utf8'), 'an earlier picture');
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('kept') && name !== 'kept.svg'),
      [],
    );
  });

  test('standard output and the captures themselves are refused', async () => {
    const copies = ['one.pcap', 'two.pcap'].map((name) => join(folder, name));
    for (const copy of copies) copyFileSync(CAPTURE, copy);
    for (const path of ['-', ...copies]) {
      const { status, stderr } = await vtep(['inspect', ...copies, '--svg', path]);
      assert.equal(status, 2);
      assert.match(stderr, path === '-' ? /--svg takes a file name/ : /the output is the input itself/);
    }
    for (const copy of copies) assert.deepEqual(readFileSync(copy), readFileSync(CAPTURE));
  });
});
