/** node:crypto with one cipher object per packet: the obvious way to use it. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { CIPHER_SIZES, QUICK_CIPHER_SIZES } from './frame-sizes.js';
import { cipherPeer, type PacketCipher } from './packet-cipher.js';
import type { FoundPeers } from './peer.js';

const ICV = { authTagLength: 8 } as const;
const MILLISECONDS = 60;

/**
 * createCipheriv and createDecipheriv, not in place and without copying back.
 * @param key of 16 bytes
 */
export function nodeCryptoCipher(key: Uint8Array): PacketCipher {
  return {
    peer: 'createCipheriv',
    what: 'one cipher object per packet, ICV 8',
    seal: ({ nonce, aad, text }) => {
      const cipher = createCipheriv('aes-128-gcm', key, nonce, ICV);
      cipher.setAAD(aad);
      const sealed = cipher.update(text);
      cipher.final();
      return { nonce, aad, text: sealed, tag: cipher.getAuthTag() };
    },
    open: ({ nonce, aad, text, tag }) => {
      const decipher = createDecipheriv('aes-128-gcm', key, nonce, ICV);
      decipher.setAAD(aad);
      decipher.setAuthTag(tag);
      const plain = decipher.update(text);
      decipher.final();
      return plain;
    },
  };
}

/** node:crypto is always available. */
export function nodeCryptoPeers(quick: boolean): FoundPeers {
  const cipher = nodeCryptoCipher(new Uint8Array(16).fill(11));
  const sizes = quick ? QUICK_CIPHER_SIZES : CIPHER_SIZES;
  return {
    peers: sizes.map((size) => cipherPeer(cipher, size, MILLISECONDS)),
    notMeasured: [],
    versions: [`node:crypto on OpenSSL ${process.versions.openssl}`],
  };
}
