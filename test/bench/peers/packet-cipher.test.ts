import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { describe, test } from 'node:test';
import { encryptedBytes } from '../../../bench/peers/frame-sizes.js';
import { framesOf } from '../../../bench/imix.js';
import { nodeCryptoCipher } from '../../../bench/peers/node-crypto.js';
import { nodeForgeCipher } from '../../../bench/peers/node-forge.js';
import { cipherPeer, plainPackets, type SealedPacket } from '../../../bench/peers/packet-cipher.js';
import { aesKey } from '../../ipsec/build.js';

function openByNode({ nonce, aad, text, tag }: SealedPacket): Buffer {
  const decipher = createDecipheriv('aes-128-gcm', aesKey(), nonce, { authTagLength: tag.length });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(text), decipher.final()]);
}

test('packets have as many bytes as the stage seal encrypts, distinct nonces, and 8 bytes of AAD', () => {
  for (const size of [64, 1400, 'imix'] as const) {
    const packets = plainPackets(size);
    const frames = framesOf(size);
    packets.forEach(({ text, aad }, i) => {
      assert.equal(text.length, encryptedBytes(frames[i % frames.length]));
      assert.equal(aad.length, 8);
    });
    assert.equal(packets.length % frames.length, 0, 'a pass contains whole mixes');
    assert.equal(new Set(packets.map(({ nonce }) => Buffer.from(nonce).toString('hex'))).size, packets.length);
  }
});

for (const [cipher, icvBytes] of [
  [nodeCryptoCipher(aesKey()), 8],
  [nodeForgeCipher(aesKey()), 16],
] as const) {
  describe(cipher.peer, () => {
    test('node:crypto opens what it seals', () => {
      for (const packet of plainPackets('imix')) {
        const sealed = cipher.seal(packet);
        assert.equal(sealed.tag.length, icvBytes);
        assert.equal(sealed.text.length, packet.text.length);
        assert.deepEqual(new Uint8Array(openByNode(sealed)), packet.text);
      }
    });

    test('opens what it sealed, and refuses modified packets', () => {
      const [packet] = plainPackets(64);
      const sealed = cipher.seal(packet);
      assert.deepEqual(new Uint8Array(cipher.open(sealed)), packet.text);
      for (const part of ['text', 'tag', 'aad'] as const) {
        const changed = Uint8Array.from(sealed[part]);
        changed[0] ^= 1;
        assert.throws(() => cipher.open({ ...sealed, [part]: changed }), `changed ${part}`);
      }
    });

    test('is measured sealing and opening', async () => {
      const peer = cipherPeer(cipher, 64, 1);
      const found = await peer.round();
      assert.deepEqual(
        peer.rows.map(({ stage, bytes }) => [stage, bytes]),
        [
          ['seal', 64],
          ['open', 64],
        ],
      );
      assert.equal(found.length, 2);
      for (const nanoseconds of found) assert.ok(nanoseconds > 0 && Number.isFinite(nanoseconds));
    });
  });
}
