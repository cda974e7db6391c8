/** Keys of a long capture: those of the file as it is now. */
import assert from 'node:assert/strict';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openCaptureFile, PcapngWriter } from '../../../src/capture/index.js';
import { CommentedFrames } from '../../../src/cli/extcap/commented-frames.js';
import { RenewedKeys } from '../../../src/cli/extcap/renewed-keys.js';
import { KeepingSink } from '../../capture/written.js';
import { fixture } from '../../repository.js';
import { scratch } from '../run.js';

const RECORDING = 'docker/07-encrypted';
const OTHER_KEYS = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');

/** Decodes the recording. */
async function take(frames: CommentedFrames): Promise<void> {
  const source = await openCaptureFile(fixture(`${RECORDING}.underlay.pcap`));
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) frames.take(batch);
  await source.close();
}

describe('keys of a capture in progress', () => {
  const path = join(scratch(), 'keys.txt');
  const values = { keys: [path], aead: 'node' };

  test('are read again once the file has changed, and not before', async () => {
    copyFileSync(OTHER_KEYS, path);
    const keys = await RenewedKeys.read(values, 0);
    const esp = keys.open();
    assert.ok(esp !== undefined);
    const frames = new CommentedFrames(new PcapngWriter(new KeepingSink().sink), {
      decoder: { esp },
      names: new Map(),
      undecoded: true,
      device: 'eth0',
    });
    await take(frames);
    assert.equal(frames.frames, 0);
    assert.equal(await keys.renew(5000), undefined);

    copyFileSync(fixture(`${RECORDING}.xfrm.txt`), `${path}.new`);
    renameSync(`${path}.new`, path);
    assert.equal(await keys.renew(5500), undefined);
    const renewed = await keys.renew(7000);
    assert.ok(renewed !== undefined);
    frames.useKeys(renewed);
    await take(frames);
    assert.ok(frames.frames > 0);
    assert.equal(await keys.renew(9000), undefined);
    keys.finish();
  });

  test('remain while the file cannot be read, and are read once it can', async () => {
    copyFileSync(OTHER_KEYS, path);
    const keys = await RenewedKeys.read(values, 0);
    keys.open();
    writeFileSync(path, 'src 192.168.50.1 dst');
    assert.equal(await keys.renew(2000), undefined);
    copyFileSync(fixture(`${RECORDING}.xfrm.txt`), path);
    assert.ok((await keys.renew(4000)) !== undefined);
    keys.finish();
  });

  test('are none without a file', async () => {
    const keys = await RenewedKeys.read({ keys: [] }, 0);
    assert.equal(keys.open(), undefined);
    assert.equal(await keys.renew(9000), undefined);
    keys.finish();
  });
});
