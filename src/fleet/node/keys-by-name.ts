/** Keys of records by what they refer to. */

/** A set of keys for each name. */
export class KeysByName {
  readonly #keys = new Map<string, Set<string>>();

  of(name: string): Iterable<string> {
    return this.#keys.get(name) ?? [];
  }

  count(name: string): number {
    return this.#keys.get(name)?.size ?? 0;
  }

  add(name: string, key: string): void {
    const keys = this.#keys.get(name);
    if (keys === undefined) this.#keys.set(name, new Set([key]));
    else keys.add(key);
  }

  remove(name: string, key: string): void {
    const keys = this.#keys.get(name);
    if (keys?.delete(key) === true && keys.size === 0) this.#keys.delete(name);
  }
}
