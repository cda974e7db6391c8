/** Results that came before it is their turn: some in memory, the rest in a file. */
import { readSync } from 'node:fs';
import { temporaryFile, writeAt } from './spooled-file.js';

/** Bytes that are held in memory, by default. */
const IN_MEMORY = 1 << 26;

interface Place {
  readonly position: number;
  readonly length: number;
}

/** Results by index, each taken once. */
export class HeldResults {
  readonly #most: number;
  readonly #held = new Map<number, Uint8Array | Place>();
  #bytes = 0;
  #file: ReturnType<typeof temporaryFile> | undefined;
  #fileLength = 0;

  /** @param most bytes that are held in memory; what is more goes to a file that only this process has */
  constructor(most = IN_MEMORY) {
    this.#most = most;
  }

  put(index: number, result: Uint8Array): void {
    if (this.#bytes + result.length <= this.#most) {
      this.#held.set(index, result);
      this.#bytes += result.length;
      return;
    }
    this.#file ??= temporaryFile();
    writeAt(this.#file.descriptor, result, this.#fileLength);
    this.#held.set(index, { position: this.#fileLength, length: result.length });
    this.#fileLength += result.length;
  }

  /** Takes a result; undefined if it isn't there. */
  take(index: number): Uint8Array | undefined {
    const held = this.#held.get(index);
    if (held === undefined) return undefined;
    this.#held.delete(index);
    if (held instanceof Uint8Array) {
      this.#bytes -= held.length;
      return held;
    }
    return this.#read(held);
  }

  close(): void {
    this.#held.clear();
    this.#file?.close();
    this.#file = undefined;
  }

  #read({ position, length }: Place): Uint8Array {
    const result = new Uint8Array(length);
    const file = this.#file;
    for (let done = 0; file !== undefined && done < length;) {
      const count = readSync(file.descriptor, result, done, length - done, position + done);
      if (count === 0) throw new Error('a temporary file was truncated');
      done += count;
    }
    return result;
  }
}
