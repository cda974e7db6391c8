/** The SAs of a batch's packets, whose keys are held until the batch is processed, even if the SAs are closed. */
import { NO_KEY } from './keymat.js';
import type { SaRecord } from './sa-record.js';
import { ownMemory, ROW_WORDS, type SaMemory, SaWord } from './sa-table.js';

/** SAs by packet. */
export class PendingSas<T extends SaRecord> {
  readonly sa: T[] = [];
  /** Offset of the SA's row in `memory`, valid while `areInPlace`. */
  readonly at: Int32Array;
  /** The memory of the batch's SAs. */
  memory: SaMemory = ownMemory(ROW_WORDS);
  #version = 0;
  #mixed = false;

  constructor(capacity: number) {
    this.at = new Int32Array(capacity);
  }

  /** Whether the SAs all are in `memory`, and none has been moved. */
  get areInPlace(): boolean {
    return !this.#mixed && this.memory.version === this.#version;
  }

  /** Adds a packet; index 0 begins a new batch. */
  add(index: number, sa: T, memory: SaMemory, at: number): void {
    if (index === 0) {
      this.memory = memory;
      this.#version = memory.version;
      this.#mixed = false;
    } else if (memory !== this.memory || memory.version !== this.#version) {
      this.#mixed = true;
    }
    this.sa[index] = sa;
    this.at[index] = at;
    memory.words[at + SaWord.Pending]++;
  }

  /** Releases the keys of the first `count` packets; those of closed SAs are wiped with the last packet. */
  release(count: number): void {
    const { sa: sas, at: offsets, memory } = this;
    const inPlace = this.areInPlace;
    for (let i = 0; i < count; i++) {
      const { words } = inPlace ? memory : sas[i].memory;
      const at = inPlace ? offsets[i] : sas[i].at;
      if (--words[at + SaWord.Pending] === 0 && words[at + SaWord.Key] === NO_KEY) sas[i].removeKey();
    }
  }
}
