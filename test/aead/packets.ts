/**
 * Packets to seal and to open: derived from numbers, sealed by node:crypto directly, and laid out between guard bytes.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import fc, { type Arbitrary } from 'fast-check';
import { type Aead, AeadBatch, NONCE_BYTES, NONCE_STRIDE } from '../../src/aead/index.js';

export const KEY_LENGTHS = [16, 24, 32] as const;
/** RFC 4106 section 6. */
export const ICV_LENGTHS = [8, 12, 16] as const;
/** Around AES blocks, around eight and more blocks at once, and of whole packets. */
export const LENGTHS = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1400, 8900] as const;

export interface Packet {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly plain: Uint8Array;
  readonly icvLength: number;
}

export interface Sealed {
  readonly cipher: Uint8Array;
  readonly icv: Uint8Array;
}

/** Bytes that depend only on the name. */
export function bytesOf(name: string, length: number): Uint8Array {
  const output = new Uint8Array(length);
  for (let at = 0; at < length; at += 32) {
    const block = createHash('sha256').update(`${name}/${at}`).digest();
    output.set(block.subarray(0, Math.min(32, length - at)), at);
  }
  return output;
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** A packet of given sizes. Eight keys of each length rotate, so that a batch mixes and repeats them. */
export function packet(seed: number, length: number, keyLength = 16, aadLength = 8, icvLength = 16): Packet {
  return {
    key: bytesOf(`key ${seed % 8}`, keyLength),
    nonce: bytesOf(`nonce ${seed}`, NONCE_BYTES),
    aad: bytesOf(`aad ${seed}`, aadLength),
    plain: bytesOf(`plain ${seed}`, length),
    icvLength,
  };
}

/** The result of node:crypto for a packet: NIST SP 800-38D, 7.1. */
export function sealDirectly({ key, nonce, aad, plain, icvLength }: Packet): Sealed {
  const algorithm = `aes-${key.length * 8}-gcm` as 'aes-128-gcm';
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: icvLength });
  cipher.setAAD(aad);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { cipher: Uint8Array.from(text), icv: Uint8Array.from(cipher.getAuthTag()) };
}

/** ESP-like packets: SPI and sequence number of 32 or 64 bits as additional data (RFC 4106 section 5). */
export const anyPacket: Arbitrary<Packet> = fc
  .record({
    seed: fc.nat(),
    length: fc.oneof(fc.constantFrom(...LENGTHS), fc.nat(2000)),
    keyLength: fc.constantFrom(...KEY_LENGTHS),
    aadLength: fc.constantFrom(8, 12),
    icvLength: fc.constantFrom(...ICV_LENGTHS),
  })
  .map(({ seed, length, keyLength, aadLength, icvLength }) => packet(seed, length, keyLength, aadLength, icvLength));

/** Key ids, each key added once. */
export class KeyRing {
  readonly #ids = new Map<string, number>();

  constructor(readonly aead: Aead) {}

  id(key: Uint8Array): number {
    const name = Buffer.from(key).toString('hex');
    const id = this.#ids.get(name) ?? this.aead.addKey(key);
    this.#ids.set(name, id);
    return id;
  }
}

export interface LayoutOptions {
  /** Bytes before the first packet. */
  readonly start?: number;
  /** Bytes between a packet's parts, and between packets; with 0 each ICV directly follows its packet. */
  readonly gap?: number;
  readonly capacity?: number;
  readonly aadStride?: number;
  /** Bytes before the batch's array in its buffer. */
  readonly arrayOffset?: number;
}

/** A batch whose packets are surrounded by guard bytes. */
export class Layout {
  readonly batch: AeadBatch;
  /** The buffer that contains the batch's array. */
  readonly #whole: Uint8Array;
  readonly #guards: Uint8Array;
  /** 1 for bytes of a packet or its ICV. */
  readonly #owned: Uint8Array;

  constructor(ring: KeyRing, packets: readonly Packet[], options: LayoutOptions = {}) {
    const { start = 3, gap = 5, capacity = packets.length, arrayOffset = 7 } = options;
    const { aadStride = Math.max(16, ...packets.map(({ aad }) => aad.length)) } = options;
    const sum = packets.reduce((total, { plain, icvLength }) => total + plain.length + icvLength + 2 * gap, start);
    this.#whole = new Uint8Array(arrayOffset + sum + 64);
    this.#owned = new Uint8Array(this.#whole.length);
    for (let i = 0; i < this.#whole.length; i++) this.#whole[i] = 0xa5 ^ (i & 0xff);
    this.#guards = Uint8Array.from(this.#whole);
    this.batch = new AeadBatch(capacity, aadStride);
    this.batch.bytes = this.#whole.subarray(arrayOffset, arrayOffset + sum);
    this.batch.count = packets.length;
    // Bytes that no packet owns: the rest of the nonce and additional data entries.
    this.batch.nonce.fill(0x5c);
    this.batch.aad.fill(0x5c);
    let at = start;
    packets.forEach(({ key, nonce, aad, plain, icvLength }, i) => {
      this.batch.key[i] = ring.id(key);
      this.batch.nonce.set(nonce, i * NONCE_STRIDE);
      this.batch.aad.set(aad, i * aadStride);
      this.batch.aadLength[i] = aad.length;
      this.batch.icvLength[i] = icvLength;
      this.batch.offset[i] = at;
      this.batch.length[i] = plain.length;
      this.#owned.fill(1, arrayOffset + at, arrayOffset + at + plain.length);
      at += plain.length + gap;
      this.batch.icvOffset[i] = at;
      this.#owned.fill(1, arrayOffset + at, arrayOffset + at + icvLength);
      at += icvLength + gap;
      this.text(i).set(plain);
    });
    this.#inputs = this.#snapshot();
  }

  #inputs: string;

  /** The inputs that a cipher only reads. */
  #snapshot(): string {
    const { count, key, offset, length, icvOffset, icvLength, nonce, aad, aadLength } = this.batch;
    return `${count} ${[key, offset, length, icvOffset, icvLength, nonce, aad, aadLength].map(String).join(' ')}`;
  }

  /** A packet's bytes, in place. */
  text(i: number): Uint8Array {
    return this.batch.bytes.subarray(this.batch.offset[i], this.batch.offset[i] + this.batch.length[i]);
  }

  /** A packet's ICV, in place. */
  icv(i: number): Uint8Array {
    return this.batch.bytes.subarray(this.batch.icvOffset[i], this.batch.icvOffset[i] + this.batch.icvLength[i]);
  }

  put(i: number, { cipher, icv }: Sealed): void {
    this.text(i).set(cipher);
    this.icv(i).set(icv);
  }

  /** Every byte of the buffer. */
  everything(): Uint8Array {
    return Uint8Array.from(this.#whole);
  }

  /** Records the current inputs as expected by `assertGuards`. */
  expectInputs(): void {
    this.#inputs = this.#snapshot();
  }

  /** Fails if anything but packets, ICVs and `verified` was written. */
  assertGuards(): void {
    for (let i = 0; i < this.#whole.length; i++) {
      if (this.#owned[i] === 0 && this.#whole[i] !== this.#guards[i])
        assert.fail(`byte ${i} of the buffer was written`);
    }
    assert.ok(this.#snapshot() === this.#inputs, 'a column, a nonce or additional data was written');
  }
}

/** Fails unless two byte ranges are equal; faster than deepEqual, and reports where they differ. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  assert.equal(actual.length, expected.length, `${what}: length`);
  const at = expected.findIndex((byte, i) => actual[i] !== byte);
  const near = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(at, at + 32)).toString('hex');
  assert.fail(`${what}: from byte ${at}: ${near(actual)} instead of ${near(expected)}`);
}

/** Fails unless a packet was sealed correctly. */
export function assertSealed(layout: Layout, i: number, sealed: Sealed): void {
  assertBytes(layout.text(i), sealed.cipher, `ciphertext of packet ${i}`);
  assertBytes(layout.icv(i), sealed.icv, `ICV of packet ${i}`);
}

/** Fails unless a packet was opened. */
export function assertOpened(layout: Layout, i: number, plain: Uint8Array): void {
  assert.equal(layout.batch.verified[i], 1, `verdict on packet ${i}`);
  assertBytes(layout.text(i), plain, `plaintext of packet ${i}`);
}

/** Fails unless a packet was refused and wiped (NIST SP 800-38D, 7.2: FAIL gives no plaintext). */
export function assertRefused(layout: Layout, i: number, what = `packet ${i}`): void {
  assert.equal(layout.batch.verified[i], 0, `verdict on ${what}`);
  assert.ok(
    layout.text(i).every((byte) => byte === 0),
    `${what} is not wiped`,
  );
}
