/** node-forge as its users would use it; vtep's `forge` works in place and is measured as a backend. */
import 'node-forge/lib/aes.js';
import forge from 'node-forge/lib/forge.js';
import { CIPHER_SIZES, QUICK_CIPHER_SIZES } from './frame-sizes.js';
import { cipherPeer, type PacketCipher } from './packet-cipher.js';
import type { FoundPeers } from './peer.js';
import { packageVersion } from './program.js';

/** node-forge truncates shorter tags incorrectly. */
const TAG_BITS = 128;
const MILLISECONDS = 60;

/** Encodes bytes as node-forge's strings, one character each. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/**
 * One cipher object for all packets, which is faster than one each.
 * @param key of 16 bytes
 */
export function nodeForgeCipher(key: Uint8Array): PacketCipher {
  const cipher = forge.cipher.createCipher('AES-GCM', text(key));
  const decipher = forge.cipher.createDecipher('AES-GCM', text(key));
  return {
    peer: 'node-forge',
    what: 'start, update and finish per packet, ICV 16',
    seal: ({ nonce, aad, text: plain }) => {
      cipher.start({ iv: text(nonce), additionalData: text(aad), tagLength: TAG_BITS });
      cipher.update(forge.util.createBuffer(text(plain)));
      cipher.finish();
      const sealed = Buffer.from(cipher.output.getBytes(), 'latin1');
      return { nonce, aad, text: sealed, tag: Buffer.from(cipher.mode.tag.getBytes(), 'latin1') };
    },
    open: ({ nonce, aad, text: sealed, tag }) => {
      decipher.start({ iv: text(nonce), additionalData: text(aad), tagLength: TAG_BITS, tag: text(tag) });
      decipher.update(forge.util.createBuffer(text(sealed)));
      if (!decipher.finish()) throw new Error('the ICV is wrong');
      return Buffer.from(decipher.output.getBytes(), 'latin1');
    },
  };
}

/** node-forge is a dependency of vtep itself. */
export function nodeForgePeers(quick: boolean): FoundPeers {
  const cipher = nodeForgeCipher(new Uint8Array(16).fill(11));
  const sizes = quick ? QUICK_CIPHER_SIZES : CIPHER_SIZES;
  return {
    peers: sizes.map((size) => cipherPeer(cipher, size, MILLISECONDS)),
    notMeasured: [],
    versions: [`node-forge ${packageVersion('node-forge') ?? 'unknown'}`],
  };
}
