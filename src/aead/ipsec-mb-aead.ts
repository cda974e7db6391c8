/**
 * AES-GCM by Intel's multi-buffer library (libIPSec_MB.so.1, github.com/intel/intel-ipsec-mb). Its functions are called
 * through the pointers in its `IMB_MGR` structure, which is in memory owned here. Packets are submitted as bursts of
 * jobs, a whole batch per call. The field offsets of both structures are those of version 1.3 (lib/intel-ipsec-mb.h),
 * Debian 12's; other versions are refused, since a wrong offset would jump to an arbitrary address.
 */
import { type Aead, type AeadBackend, checkKeyLength } from './aead.js';
import { type AeadBatch, NONCE_BYTES, NONCE_STRIDE } from './aead-batch.js';
import { equalBytes } from '../memory/internal.js';
import { AeadError } from './error.js';
import {
  AddressCache,
  CType,
  type ForeignFunction,
  ForeignLibrary,
  NativeMemory,
  tableMemory,
} from '../foreign/index.js';
import { KeyArena } from './key-arena.js';
import { KeySlots } from './key-slots.js';
import { native } from './native.js';

const { Pointer, Uint32, Uint64, Void } = CType;

const LIBRARY = 'libIPSec_MB.so.1';
/** IMB_VERSION(1, 3, x), shifted right by 8 bits. */
const KNOWN_VERSION = 0x01_03;

/** Byte offsets of function pointers in IMB_MGR. */
const ManagerField = {
  Error: 60,
  PrepareAes128: 448,
  PrepareAes192: 456,
  PrepareAes256: 464,
  GetNextBurst: 952,
  SubmitBurstNoCheck: 968,
} as const;

/** Offsets of an IMB_JOB's fields in 32-bit words (64-bit fields: of their low half). */
const JobField = {
  EncryptKeys: 0,
  DecryptKeys: 2,
  KeyLength: 4,
  Source: 6,
  Destination: 8,
  CipherStart: 10,
  CipherLength: 12,
  HashStart: 14,
  HashLength: 16,
  Nonce: 18,
  NonceLength: 20,
  Tag: 22,
  TagLength: 24,
  Aad: 26,
  AadLength: 28,
  Context: 30,
  Status: 32,
  CipherMode: 33,
  Direction: 34,
  HashAlgorithm: 35,
  ChainOrder: 36,
} as const;

const CIPHER_GCM = 5;
const AUTH_AES_GMAC = 9;
const ENCRYPT = 1;
const DECRYPT = 2;
const CIPHER_THEN_HASH = 1;
const HASH_THEN_CIPHER = 2;
const STATUS_COMPLETED = 3;
/** IMB_MAX_BURST_SIZE. */
const MAX_BURST = 128;

/** Bytes of struct gcm_key_data (1008), rounded up. */
const KEY_DATA = 1024;
const TAG = 16;
const WORD = 2 ** 32;

/** With fewer keys than this, all stay in the cache, and reading them ahead would only cost time. */
const MANY_KEYS = 64;

/** The library, with its manager in memory owned here. */
class Manager {
  readonly memory: NativeMemory;
  readonly view: DataView;
  readonly words: Int32Array;
  readonly prepare: Readonly<Record<number, ForeignFunction>>;
  /** Function that requests jobs, and function that submits them. */
  readonly nextBurst: ForeignFunction;
  readonly submitBurst: ForeignFunction;
  /** Held so that the library stays loaded; functions taken by address become invalid when it is unloaded. */
  readonly library: ForeignLibrary;

  constructor() {
    const library = new ForeignLibrary(LIBRARY, 'install it with: apt-get install libipsec-mb1 (Debian, Ubuntu)');
    this.library = library;
    const version = library.function('imb_get_version', Uint32, [])();
    if (version >>> 8 !== KNOWN_VERSION) {
      const found = `${version >>> 16}.${(version >>> 8) & 0xff}`;
      throw new AeadError('AEAD_UNAVAILABLE', `${LIBRARY} is version ${found}; only 1.3 is supported`);
    }
    const size = library.function('imb_get_mb_mgr_size', Uint64, [])();
    this.memory = new NativeMemory(size);
    const { bytes, address } = this.memory;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, size);
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, size >>> 2);
    const setPointers = library.function('imb_set_pointers_mb_mgr', Pointer, [Pointer, Uint64, Uint32]);
    if (setPointers(address, 0, 1) !== address) {
      throw new AeadError('AEAD_UNAVAILABLE', `${LIBRARY} rejected the memory for its manager`);
    }
    library.function('init_mb_mgr_auto', Void, [Pointer, Pointer])(address, 0);
    if (this.view.getInt32(ManagerField.Error, true) !== 0) {
      throw new AeadError('AEAD_UNAVAILABLE', `${LIBRARY} does not support this processor`);
    }
    const prepare = (field: number): ForeignFunction => this.#function(library, field, Void, [Pointer, Pointer]);
    this.prepare = {
      16: prepare(ManagerField.PrepareAes128),
      24: prepare(ManagerField.PrepareAes192),
      32: prepare(ManagerField.PrepareAes256),
    };
    const burst: CType[] = [Pointer, Uint32, Pointer];
    this.nextBurst = this.#function(library, ManagerField.GetNextBurst, Uint32, burst);
    this.submitBurst = this.#function(library, ManagerField.SubmitBurstNoCheck, Uint32, burst);
  }

  #function(library: ForeignLibrary, field: number, result: CType, parameters: readonly CType[]): ForeignFunction {
    const address = this.view.getUint32(field, true) + this.view.getUint32(field + 4, true) * WORD;
    if (address === 0)
      throw new AeadError('AEAD_UNAVAILABLE', `${LIBRARY} has no function at offset ${field} of its manager`);
    return library.functionAt(address, result, parameters);
  }
}

class IpsecMbAead implements Aead {
  readonly name = 'ipsec-mb';
  readonly #manager: Manager;
  /** Indexes of keys in the arena. */
  readonly #keys = new KeySlots<number>();
  readonly #arena = new KeyArena(KEY_DATA, tableMemory);
  #keyLengths = new Uint8Array(16);
  /** Bytes of the longest key in the arena. */
  #keyBytes = 0;
  /** A key before its expansion. */
  readonly #raw = new NativeMemory(32);
  /** The result of reading keys ahead. */
  readonly #touched = new Int32Array(1);
  readonly #bytes = new AddressCache();
  readonly #nonce = new AddressCache();
  readonly #aad = new AddressCache();
  /** Pointers to the jobs of a burst. */
  readonly #jobs = new NativeMemory(MAX_BURST * 8);
  readonly #jobWords: Int32Array;
  /** Computed tags, to compare with the packets' ICVs. */
  readonly #tags = new NativeMemory(MAX_BURST * TAG);

  constructor(manager: Manager) {
    this.#manager = manager;
    const { bytes } = this.#jobs;
    this.#jobWords = new Int32Array(bytes.buffer, bytes.byteOffset, MAX_BURST * 2);
  }

  addKey(key: Uint8Array): number {
    checkKeyLength(key.length);
    return this.#keys.add(key, (bytes, index) => this.#expand(bytes, index));
  }

  #expand(key: Uint8Array, index: number): number {
    const arena = this.#arena;
    arena.reserve(index);
    const raw = this.#raw;
    raw.bytes.set(key);
    this.#manager.prepare[key.length](raw.address, arena.address(index));
    raw.bytes.fill(0);
    this.#keyBytes = Math.max(this.#keyBytes, usedBytes(arena.bytes(index)));
    if (index >= this.#keyLengths.length) {
      const grown = new Uint8Array(2 * this.#keyLengths.length);
      grown.set(this.#keyLengths);
      this.#keyLengths = grown;
    }
    this.#keyLengths[index] = key.length;
    return index;
  }

  removeKey(id: number): void {
    const index = this.#keys.remove(id);
    if (index !== undefined) this.#arena.wipe(index);
  }

  seal(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    for (let from = 0; from < batch.count; from += MAX_BURST) {
      this.#burst(batch, from, Math.min(batch.count, from + MAX_BURST), ENCRYPT);
    }
  }

  open(batch: AeadBatch): void {
    batch.check();
    this.#keys.check(batch.key, batch.count);
    for (let from = 0; from < batch.count; from += MAX_BURST) {
      const to = Math.min(batch.count, from + MAX_BURST);
      this.#burst(batch, from, to, DECRYPT);
      this.#verify(batch, from, to);
    }
  }

  /** Submits packets to the library as jobs, in one call if it has room for all. */
  #burst(batch: AeadBatch, from: number, to: number, direction: number): void {
    const { nextBurst, submitBurst, memory, words } = this.#manager;
    const { key: keys, offset, length, icvOffset, icvLength, aadLength, aadStride } = batch;
    const jobs = this.#jobWords;
    const sealing = direction === ENCRYPT;
    const order = sealing ? CIPHER_THEN_HASH : HASH_THEN_CIPHER;
    // Addresses as halves: each packet's address is a 32-bit sum and a carry.
    const bytes = this.#bytes.of(batch.bytes);
    const bytesLow = lowOf(bytes);
    const bytesHigh = highOf(bytes);
    const nonces = this.#nonce.of(batch.nonce);
    const nonceLow = lowOf(nonces);
    const nonceHigh = highOf(nonces);
    const aads = this.#aad.of(batch.aad);
    const aadLow = lowOf(aads);
    const aadHigh = highOf(aads);
    const tagsLow = sealing ? bytesLow : lowOf(this.#tags.address);
    const tagsHigh = sealing ? bytesHigh : highOf(this.#tags.address);
    const managerLow = lowOf(memory.address);
    const ids = this.#keys;
    const arena = this.#arena;
    const keyLengths = this.#keyLengths;
    if (ids.entries > MANY_KEYS) this.#touch(keys, from, to);
    let next = from;
    while (next < to) {
      const room = nextBurst(memory.address, to - next, this.#jobs.address);
      if (room === 0) throw new AeadError('AEAD_UNAVAILABLE', `${LIBRARY} has no free jobs`);
      for (let n = 0; n < room; n++) {
        const i = next + n;
        const key = ids.index(keys[i]);
        arena.locate(key);
        const bytesLength = length[i];
        const job = (jobs[2 * n] - managerLow) >>> 2;
        if (words[job + JobField.CipherMode] !== CIPHER_GCM) prepareJob(words, job);
        words[job + JobField.EncryptKeys] = arena.low;
        words[job + JobField.EncryptKeys + 1] = arena.high;
        words[job + JobField.DecryptKeys] = arena.low;
        words[job + JobField.DecryptKeys + 1] = arena.high;
        words[job + JobField.KeyLength] = keyLengths[key];
        const data = (bytesLow + offset[i]) | 0;
        const dataHigh = bytesHigh + carryOf(data, bytesLow);
        words[job + JobField.Source] = data;
        words[job + JobField.Source + 1] = dataHigh;
        words[job + JobField.Destination] = data;
        words[job + JobField.Destination + 1] = dataHigh;
        words[job + JobField.CipherLength] = bytesLength;
        words[job + JobField.HashLength] = bytesLength;
        const nonce = (nonceLow + i * NONCE_STRIDE) | 0;
        words[job + JobField.Nonce] = nonce;
        words[job + JobField.Nonce + 1] = nonceHigh + carryOf(nonce, nonceLow);
        const tag = (tagsLow + (sealing ? icvOffset[i] : (i - from) * TAG)) | 0;
        words[job + JobField.Tag] = tag;
        words[job + JobField.Tag + 1] = tagsHigh + carryOf(tag, tagsLow);
        words[job + JobField.TagLength] = sealing ? icvLength[i] : TAG;
        const aad = (aadLow + i * aadStride) | 0;
        words[job + JobField.Aad] = aad;
        words[job + JobField.Aad + 1] = aadHigh + carryOf(aad, aadLow);
        words[job + JobField.AadLength] = aadLength[i];
        words[job + JobField.Status] = 0;
        words[job + JobField.Direction] = direction;
        words[job + JobField.ChainOrder] = order;
      }
      const lastJob = (jobs[2 * room - 2] - managerLow) >>> 2;
      const done = submitBurst(memory.address, room, this.#jobs.address);
      if (done !== room || words[lastJob + JobField.Status] !== STATUS_COMPLETED) {
        throw new AeadError('AEAD_UNAVAILABLE', `${LIBRARY} completed ${done} of ${room} jobs`);
      }
      next += room;
    }
  }

  /**
   * Reads the keys of a burst. The library reads them job by job, and waits for each that isn't in the cache; these
   * reads don't depend on one another, so the processor does many at a time.
   */
  #touch(keys: Int32Array, from: number, to: number): void {
    const arena = this.#arena;
    const ids = this.#keys;
    let sum = 0;
    for (let i = from; i < to; i++) sum |= arena.touch(ids.index(keys[i]), this.#keyBytes);
    this.#touched[0] ^= sum;
  }

  #verify(batch: AeadBatch, from: number, to: number): void {
    const { bytes, verified } = batch;
    const tags = this.#tags.bytes;
    for (let i = from; i < to; i++) {
      const right = equalBytes(bytes, batch.icvOffset[i], tags, (i - from) * TAG, batch.icvLength[i]);
      verified[i] = right ? 1 : 0;
      if (!right) bytes.fill(0, batch.offset[i], batch.offset[i] + batch.length[i]);
    }
    // Wipe the valid ICVs of forged packets.
    tags.fill(0);
  }
}

/** Bytes of an expanded key up to the last that isn't zero: the library uses a part that depends on the processor. */
function usedBytes(key: Uint8Array): number {
  let used = key.length;
  while (used > 0 && key[used - 1] === 0) used--;
  return used;
}

/**
 * Sets the fields that are the same for every job: once, since a manager reuses its jobs and doesn't change these
 * fields.
 */
function prepareJob(words: Int32Array, job: number): void {
  words.fill(0, job, job + JobField.ChainOrder + 1);
  words[job + JobField.NonceLength] = NONCE_BYTES;
  words[job + JobField.HashAlgorithm] = AUTH_AES_GMAC;
  words[job + JobField.CipherMode] = CIPHER_GCM;
}

function highOf(address: number): number {
  return Math.floor(address / WORD);
}

function lowOf(address: number): number {
  return (address - highOf(address) * WORD) | 0;
}

/** The carry of a 32-bit sum: 1 if the sum is less than its first operand. */
function carryOf(sum: number, begun: number): number {
  return sum >>> 0 < begun >>> 0 ? 1 : 0;
}

/** Intel's multi-buffer library, called through koffi; needs both to be installed. */
export const ipsecMbBackend: AeadBackend = {
  name: 'ipsec-mb',
  create: () => new IpsecMbAead(native(() => new Manager())),
};
