/**
 * Preloaded by wiped-keys.test.ts: writes to the file KEY_WATCH how many keys were used, and how many of them were left
 * at the end.
 */
import { writeFileSync } from 'node:fs';
import { KeySlots } from '../../../src/aead/key-slots.js';
import { ClusterKey } from '../../../src/overlay/keys/key-ring.js';

/** Calls a function after each call of a method, with the object and the method's result. */
function watch<T extends object>(
  prototype: T,
  method: keyof T & string,
  seen: (object: T, result: unknown) => void,
): void {
  const call = prototype[method] as (...words: unknown[]) => unknown;
  Object.defineProperty(prototype, method, {
    value(this: T, ...words: unknown[]): unknown {
      const result = call.apply(this, words);
      seen(this, result);
      return result;
    },
  });
}

const ofCluster = new Set<ClusterKey>();
const slots = new Set<KeySlots<unknown>>();
let added = 0;
watch(ClusterKey.prototype, 'use', (key) => ofCluster.add(key));
watch(KeySlots.prototype, 'add', (keys) => {
  slots.add(keys);
  added++;
});

process.on('exit', () => {
  const left = [...ofCluster].filter(({ wiped }) => !wiped).length;
  const ofCiphers = [...slots].reduce((sum, { size }) => sum + size, 0);
  const report = { ofCluster: { used: ofCluster.size, left }, ofCiphers: { used: added, left: ofCiphers } };
  writeFileSync(process.env['KEY_WATCH'] ?? '', JSON.stringify(report));
});
