/** Test doubles for a sequence ledger: a store in memory, and a cipher that reports the nonces it gets. */
import assert from 'node:assert/strict';
import { type Aead, NONCE_BYTES, NONCE_STRIDE } from '../../src/aead/index.js';
import type { OutboundSa, SecurityAssociation, SequenceRecord, SequenceStore } from '../../src/ipsec/index.js';
import { hex } from './build.js';

/** Whether the store can be written; `midStream` throws although the records were stored. */
export type Health = 'well' | 'full' | 'late';

/** Keeps the last write, as a disk does. */
export class Disk implements SequenceStore {
  #records: readonly SequenceRecord[] = [];

  load(): readonly SequenceRecord[] {
    return this.#records;
  }

  save(records: readonly SequenceRecord[]): void {
    this.#records = structuredClone(records);
  }
}

/** Keeps every write in memory. */
export class MemoryStore implements SequenceStore {
  readonly saves: (readonly SequenceRecord[])[] = [];
  kept: readonly SequenceRecord[];
  health: Health = 'well';
  tries = 0;

  constructor(records: readonly SequenceRecord[] = []) {
    this.kept = records;
  }

  load(): readonly SequenceRecord[] {
    return this.kept;
  }

  save(records: readonly SequenceRecord[]): void {
    this.tries++;
    if (this.health === 'full') throw new Error('no space left on device');
    this.kept = structuredClone(records);
    this.saves.push(this.kept);
    if (this.health === 'late') throw new Error('the disk did not answer');
  }
}

/** A cipher that encrypts nothing and reports each packet's key and nonce. */
export function watcher(sealed: (name: string) => void = () => undefined): Aead {
  const keys: string[] = [];
  return {
    name: 'watcher',
    addKey: (key) => keys.push(hex(key)) - 1,
    removeKey: () => undefined,
    open: () => assert.fail('nothing is opened here'),
    seal: (batch) => {
      for (let i = 0; i < batch.count; i++) {
        const nonce = batch.nonce.subarray(i * NONCE_STRIDE, i * NONCE_STRIDE + NONCE_BYTES);
        sealed(`${keys[batch.key[i]]} ${hex(nonce)}`);
      }
    },
  };
}

/** An SA's mask as in a record. */
export function maskOf(sa: OutboundSa): { high: number; low: number } {
  return { high: sa.ivMaskHigh >>> 0, low: sa.ivMaskLow >>> 0 };
}

/** The record of an SA at a sequence number. */
export function recordOf(
  { spi, source, destination }: SecurityAssociation,
  key: string,
  sequence: { high: number; low: number },
): SequenceRecord {
  return { key, spi, source, destination, ivMask: { high: 0xfedcba98, low: 0x76543210 }, sequence };
}
