/** Keys are read once, and decrypt a capture in any number of passes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openCaptureFile } from '../../../src/capture/index.js';
import { readKeysOption } from '../../../src/cli/options/keys-option.js';
import type { InboundEsp } from '../../../src/ipsec/index.js';
import { CaptureFrames, CaptureKind } from '../../../src/replay/index.js';
import { fixture } from '../../repository.js';

/** The number of frames in a capture. */
async function opened(name: string, esp: InboundEsp): Promise<number> {
  let count = 0;
  const frames = new CaptureFrames(CaptureKind.Wire, esp);
  const source = await openCaptureFile(fixture(name));
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    frames.begin(batch);
    while (frames.next()) count++;
  }
  return count;
}

const CASES = [
  ['the SAs of a dump', 'esp/05-esp-aes256-icv128-esn.underlay.pcap', 'esp/05-esp-aes256-icv128-esn.xfrm.txt'],
  ['a key ring', 'docker/07-encrypted.underlay.pcap', 'docker/swarm-keys.txt'],
] as const;

for (const [what, capture, keys] of CASES) {
  describe(what, () => {
    test('uses separate SAs and replay windows for each pass', async () => {
      const option = await readKeysOption({ keys: [fixture(keys)] });
      assert.ok(option !== undefined);
      const first = option.open();
      const frames = await opened(capture, first.esp);
      assert.ok(frames > 0);
      const second = option.open();
      assert.notEqual(second.esp, first.esp);
      assert.equal(await opened(capture, second.esp), frames);
      assert.equal(second.ringSas.length, first.ringSas.length);
      assert.ok(second.ringSas.every(({ sa }, i) => sa !== first.ringSas[i].sa && sa.spi === first.ringSas[i].sa.spi));
    });

    test('decrypts nothing once finished, nor with the SAs of an earlier pass', async () => {
      const option = await readKeysOption({ keys: [fixture(keys)] });
      assert.ok(option !== undefined);
      const { esp, ringSas } = option.open();
      await opened(capture, esp);
      assert.ok(ringSas.every(({ sa }) => sa.key >= 0));
      const next = option.open();
      assert.ok(ringSas.every(({ sa }) => sa.key < 0));
      option.finish();
      assert.equal(await opened(capture, next.esp), 0);
    });
  });
}

test('accepts a packet once per pass within a dump’s replay window', async () => {
  const [, capture, keys] = CASES[0];
  const option = await readKeysOption({ keys: [fixture(keys)] });
  assert.ok(option !== undefined);
  const { esp } = option.open();
  assert.ok((await opened(capture, esp)) > 0);
  assert.equal(await opened(capture, esp), 0);
});
