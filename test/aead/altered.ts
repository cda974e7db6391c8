import type { Aead } from '../../src/aead/index.js';

/** A cipher with some of its methods replaced. */
export function altered(aead: Aead, changes: Partial<Aead>): Aead {
  return {
    name: aead.name,
    addKey: (key) => aead.addKey(key),
    removeKey: (id) => aead.removeKey(id),
    seal: (batch) => aead.seal(batch),
    open: (batch) => aead.open(batch),
    ...changes,
  };
}
