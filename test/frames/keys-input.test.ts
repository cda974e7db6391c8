/** Keys of the caller stay usable, and keys that were read are wiped. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openKeys } from '../../src/frames/keys-input.js';
import { openOverlay } from '../../src/frames/open-overlay.js';
import { parseSwarmKeys } from '../../src/overlay/files.js';
import { fixture } from '../repository.js';

const WIRE = fixture('docker/07-encrypted.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');
const XFRM = fixture('docker/07-encrypted.xfrm.txt');

async function count(frames: AsyncIterable<unknown>): Promise<number> {
  let total = 0;
  for await (const frame of frames) total += frame === undefined ? 0 : 1;
  return total;
}

describe('openKeys', () => {
  test('a KeyRing of the caller decrypts, and stays usable', async () => {
    const { ring } = parseSwarmKeys(readFileSync(RING, 'utf8'));
    for (let pass = 0; pass < 2; pass++) assert.equal(await count(openOverlay(WIRE, { keys: ring })), 126);
    assert.ok(ring.keys.every(({ wiped }) => !wiped));
  });

  test('a ring and SAs work together', async () => {
    assert.equal(await count(openOverlay(WIRE, { keys: [XFRM, RING] })), 126);
  });

  test('a second ring is refused by the name of its file', async () => {
    await assert.rejects(openKeys([RING, RING]), {
      code: 'KEYS_UNUSABLE',
      message: /swarm-keys\.txt: only one key ring/,
    });
  });

  test('names the cipher, and refuses an unknown one', async () => {
    const keys = await openKeys(RING, 'node');
    assert.equal(keys.cipher, 'node');
    keys.close();
    await assert.rejects(openKeys(RING, 'rot13'), { code: 'AEAD_UNKNOWN' });
  });

  test('keys of another file for the same SA are reported, and the first is used', async () => {
    const other = readFileSync(XFRM, 'utf8').replaceAll(/(rfc4106\(gcm\(aes\)\) 0x)[0-9a-f]{8}/g, '$101234567');
    const frames = openOverlay(WIRE, { keys: [XFRM, other] });
    assert.equal(await count(frames), 126);
    assert.ok(frames.warnings.length > 0);
    for (const warning of frames.warnings) assert.match(warning, /has a different key in an earlier file/);
  });

  test('no error shows a key', async () => {
    const key = 'fbb948eb360b25b94dd9adcd33cb1764';
    for (const keys of [`keys:\n  - { tag: x, key: "${key}" }\n`, `key ${key}\n`, `${key}\n${key}\n`]) {
      await assert.rejects(openKeys(keys), (error: unknown) => {
        assert.ok(!String(error).includes(key) && !String((error as Error).stack).includes(key));
        return (error as { code: string }).code === 'KEYS_UNUSABLE';
      });
    }
  });
});
