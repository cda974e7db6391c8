import { AeadError } from './error.js';

/** What a backend keeps for each key, under small numbers that are given again. */
export class KeySlots<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Keeps an entry and gives its number. */
  add(entry: T): number {
    const id = this.#free.pop() ?? this.#slots.length;
    this.#slots[id] = entry;
    return id;
  }

  /** The entry of a number. Throws `BAD_AEAD_BATCH` if there is none. */
  get(id: number): T {
    const entry = this.#slots[id];
    if (entry === undefined) throw new AeadError('BAD_AEAD_BATCH', `there is no key ${id}`);
    return entry;
  }

  /** Gives up a number and returns what it had. */
  remove(id: number): T | undefined {
    const entry = this.#slots[id];
    if (entry !== undefined) {
      this.#slots[id] = undefined;
      this.#free.push(id);
    }
    return entry;
  }
}
