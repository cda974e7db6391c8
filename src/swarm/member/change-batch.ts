import type { TableChange } from '../../gossip/index.js';

/**
 * Changes that a watcher hasn't taken yet: one per entry, since later ones of the same entry are combined with it. So
 * they need no more memory than the tables, however long the watcher takes.
 */
export class ChangeBatch {
  #changes = new Map<string, TableChange>();

  get size(): number {
    return this.#changes.size;
  }

  add(change: TableChange): void {
    const id = `${change.networkId}\0${change.tableName}\0${change.key}`;
    const before = this.#changes.get(id);
    this.#changes.delete(id);
    const both = before === undefined ? change : combined(before, change);
    // At the end: a change may depend on others that came before it.
    if (both !== undefined) this.#changes.set(id, both);
  }

  /** Takes at most `count` changes, in the order of the latest change of each. */
  take(count: number): TableChange[] {
    if (count >= this.#changes.size) {
      const all = [...this.#changes.values()];
      this.#changes = new Map();
      return all;
    }
    const taken: TableChange[] = [];
    for (const [id, change] of this.#changes) {
      if (taken.length === count) break;
      taken.push(change);
      this.#changes.delete(id);
    }
    return taken;
  }

  clear(): void {
    this.#changes.clear();
  }
}

/** Two changes of an entry as one; undefined if it is as before. */
function combined(first: TableChange, second: TableChange): TableChange | undefined {
  const { previous } = first;
  // The watcher knows the value before both, and doesn't know the one in between.
  const isKnown = previous !== undefined;
  if (second.kind !== 'deleted') return { ...second, kind: isKnown ? 'updated' : 'created', previous };
  return isKnown ? { ...second, previous } : undefined;
}
