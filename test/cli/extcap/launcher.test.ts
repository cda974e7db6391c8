import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { extcapFolderIn } from '../../../src/cli/extcap/extcap-folder.js';
import { launcherText } from '../../../src/cli/extcap/launcher.js';
import { foldersIn } from '../../../src/cli/wireshark/wireshark-folders.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();

describe('vtep extcap --install', () => {
  const own = join(folder, 'new', 'extcap');
  const launcher = join(own, 'vtep');

  test('puts an executable launcher into the folder, says so, and replaces its own', async () => {
    const first = await vtep(['extcap', '--install', '--folder', own]);
    assert.equal(first.status, 0, first.stderr);
    assert.ok(first.stdout.startsWith(`Installed ${launcher}\n`), first.stdout);
    assert.equal(statSync(launcher).mode & 0o777, 0o755);
    const again = await vtep(['extcap', '--install', '--folder', own]);
    assert.ok(again.stdout.startsWith(`Replaced ${launcher}\n`), again.stdout);
    assert.deepEqual(readdirSync(own), ['vtep']);
  });

  test('the launcher answers as vtep does, and passes everything else on to it', async () => {
    for (const words of [
      ['--extcap-config', '--extcap-interface', 'vtep-lo'],
      ['--extcap-dlts', '--extcap-interface', 'vtep-lo'],
      ['--extcap-version'],
    ]) {
      const { status, stdout, stderr } = spawnSync(launcher, words, { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.equal(stdout, (await vtep(['extcap', ...words])).stdout);
    }
    assert.match(readFileSync(launcher, 'utf8'), /^exec /m);
  });

  test('the launcher needs no Node for what Wireshark asks about each interface', () => {
    for (const what of ['--extcap-config', '--extcap-dlts']) {
      const input = launcherText('/nowhere/node', '/nowhere/main.js');
      const { status, stdout } = spawnSync('sh', ['-s', '--', what, '--extcap-interface', 'vtep-lo'], { input });
      assert.equal(status, 0);
      assert.ok(stdout.length > 0);
    }
  });

  test('--uninstall removes the launcher, and says if there is none', async () => {
    const removed = await vtep(['extcap', '--uninstall', '--folder', own]);
    assert.deepEqual([removed.status, removed.stdout], [0, `Removed ${launcher}\n`]);
    assert.ok(!existsSync(launcher));
    const nothing = await vtep(['extcap', '--uninstall', '--folder', own]);
    assert.deepEqual([nothing.status, nothing.stdout], [0, `Nothing to remove: there is no ${launcher}\n`]);
  });

  test('a file of that name that is not vtep’s is neither replaced nor removed', async () => {
    writeFileSync(launcher, '#!/bin/sh\necho mine\n');
    for (const what of ['--install', '--uninstall']) {
      const { status, stderr } = await vtep(['extcap', what, '--folder', own]);
      assert.equal(status, 2);
      assert.match(stderr, /is not vtep's launcher/);
    }
    assert.equal(readFileSync(launcher, 'utf8'), '#!/bin/sh\necho mine\n');
  });
});

test('the launcher takes paths with spaces and quotes as they are', () => {
  const { stdout } = spawnSync('sh', ['-s', 'a b'], {
    input: launcherText('/bin/echo', "/it's here/main.js"),
    encoding: 'utf8',
  });
  assert.equal(stdout, "/it's here/main.js extcap a b\n");
});

test('the extcap folder is the one that Wireshark names; before version 4.2, it is in its configuration’s', () => {
  const old =
    'Temp:                \t/tmp\nPersonal configuration:\t/home/a/.config/wireshark\nExtcap path:\t/usr/lib/extcap\n';
  assert.equal(extcapFolderIn(foldersIn(old)), '/home/a/.config/wireshark/extcap');
  const now = `${old}Personal Extcap path:\t/home/a/.local/lib/wireshark/extcap\nGlobal Extcap path:\t/usr/lib/extcap\n`;
  assert.equal(extcapFolderIn(foldersIn(now)), '/home/a/.local/lib/wireshark/extcap');
  assert.equal(extcapFolderIn(foldersIn('nothing of the kind\n:\n')), undefined);
});
