/**
 * The self-test that a backend must pass before use: test cases 4, 10 and 16 of "The Galois/Counter Mode of Operation"
 * (McGrew and Viega, appendix B), with ICVs of 16, 12 and 8 bytes, and the rejection of modified ones.
 */
import { decodeHex } from '../memory/internal.js';
import type { Aead } from './aead.js';
import { AeadBatch, NONCE_STRIDE } from './aead-batch.js';

const KEY = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308';
const NONCE = 'cafebabefacedbaddecaf888';
const AAD = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const PLAIN =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';

const CASES = [
  {
    keyLength: 16,
    sealed:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    icv: '5bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    keyLength: 24,
    sealed:
      '3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710',
    icv: '2519498e80f1478f37ba55bd6d27618c',
  },
  {
    keyLength: 32,
    sealed:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    icv: '76fc6ece0f4e1768cddf8853bb2d551b',
  },
] as const;

const ICV_LENGTHS = [16, 12, 8] as const;
/** An odd offset, so that the test doesn't rely on alignment. */
const START = 3;
const STRIDE = 96;

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Fills a batch with one packet of each ICV length under a key. */
function fill(batch: AeadBatch, id: number, content: Uint8Array): void {
  batch.bytes = new Uint8Array(new ArrayBuffer(START + ICV_LENGTHS.length * STRIDE));
  batch.count = ICV_LENGTHS.length;
  ICV_LENGTHS.forEach((icvLength, i) => {
    const at = START + i * STRIDE;
    batch.key[i] = id;
    batch.offset[i] = at;
    batch.length[i] = content.length;
    batch.icvOffset[i] = at + content.length;
    batch.icvLength[i] = icvLength;
    batch.nonce.set(decodeHex(NONCE), i * NONCE_STRIDE);
    batch.aad.set(decodeHex(AAD), i * batch.aadStride);
    batch.aadLength[i] = AAD.length / 2;
    batch.bytes.set(content, at);
  });
}

/**
 * Runs the self-test on a cipher.
 * @returns what the cipher gets wrong, or undefined
 */
export function selfTest(aead: Aead): string | undefined {
  const batch = new AeadBatch(ICV_LENGTHS.length, AAD.length / 2);
  const plain = decodeHex(PLAIN);
  for (const { keyLength, sealed, icv } of CASES) {
    const id = aead.addKey(decodeHex(KEY).subarray(0, keyLength));
    const bits = keyLength * 8;
    const cipher = decodeHex(sealed);
    const tag = decodeHex(icv);
    fill(batch, id, plain);
    aead.seal(batch);
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const stop = batch.icvOffset[i] + batch.icvLength[i];
      const right =
        equal(batch.bytes.subarray(at, at + cipher.length), cipher) &&
        equal(batch.bytes.subarray(batch.icvOffset[i], stop), tag.subarray(0, batch.icvLength[i])) &&
        batch.bytes[stop] === 0;
      if (!right) return `seals AES-${bits}-GCM with an ICV of ${batch.icvLength[i]} bytes incorrectly`;
    }
    aead.open(batch);
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const right = batch.verified[i] === 1 && equal(batch.bytes.subarray(at, at + plain.length), plain);
      if (!right) return `opens AES-${bits}-GCM with an ICV of ${batch.icvLength[i]} bytes incorrectly`;
    }
    fill(batch, id, cipher);
    for (let i = 0; i < batch.count; i++) {
      batch.bytes.set(tag.subarray(0, batch.icvLength[i]), batch.icvOffset[i]);
      batch.bytes[batch.icvOffset[i] + batch.icvLength[i] - 1] ^= 1;
    }
    aead.open(batch);
    if (batch.verified.some((verdict) => verdict !== 0)) return `accepts a wrong ICV of AES-${bits}-GCM`;
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      if (batch.bytes.subarray(at, at + plain.length).some((byte) => byte !== 0)) {
        return `does not wipe a packet with a wrong ICV of AES-${bits}-GCM`;
      }
    }
    aead.removeKey(id);
  }
  return undefined;
}
